//! Figures for a monitoring system, in the text format of OpenMetrics.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use sha2::{Digest as _, Sha256};

use crate::console::app::{Address, App};
use crate::console::pages::now;
use crate::console::trouble::Trouble;
use crate::engine::{self, Home};
use crate::ledger::{LineFilter, SiteState, Status};
use crate::model::Stamp;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lab {
    lab: String,
}

type Seconds = Family<Lab, Gauge<f64, AtomicU64>>;
type Count = Family<Lab, Gauge>;

/// The figures, for a program on this computer, or one that knows the word.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let may = match &app.metrics_token {
        Some(token) => sent_word(&headers).is_some_and(|sent| Sha256::digest(sent) == Sha256::digest(token)),
        None => address.is_loopback() && !app.origin.is_proxied(),
    };
    if !may {
        return Err(Trouble::NotFound { what: "such page".to_owned() });
    }
    let at = now();
    let text = app.desk.for_nobody(move |home| figures(home, at)).await?;
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}

fn sent_word(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn figures(home: &mut Home<'_>, now: Stamp) -> Result<String, engine::Error> {
    const DAYS: u32 = 2;
    let peers = engine::sites(home)?;
    let facts = engine::lab_facts(home)?;
    let lags = engine::lag_by_day(home, DAYS, now)?;
    let open = LineFilter { status: Some(Status::Open), ..LineFilter::default() };
    let counts = engine::count_conflicts(home, &open)?;
    let mut registry = Registry::with_prefix("packmule");
    let age = seconds(&mut registry, "last_data_age", "Since the last changes of the lab were applied here");
    let lag = seconds(&mut registry, "lag", "How old the newest thing is that the centre knows of the lab");
    let clock = seconds(&mut registry, "clock_ahead", "How far the lab's clock is ahead of the centre's");
    let gaps = number(
        &mut registry,
        "gap_bundles",
        "Bundles of the lab that wait because one before them is missing",
    );
    let stopped = number(
        &mut registry,
        "stopped",
        "1 where bundles of the lab are not applied until a person has looked",
    );
    let conflicts = number(&mut registry, "open_conflicts", "Conflicts of the lab that wait for a person");
    let parked = number(&mut registry, "parked_rows", "Rows of the lab that wait because they do not fit");
    let outbox = number(&mut registry, "outbox_bundles", "Bundles for the lab that it has not confirmed");
    let unsealed = number(&mut registry, "unsealed_edits", "Edits for the lab that no bundle carries yet");
    for peer in peers.iter().filter(|peer| peer.state == SiteState::Active) {
        let lab = Lab { lab: peer.site.to_string() };
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        if let Some((_, when)) = peer.last_data {
            age.get_or_create(&lab).set((now.micros() - when.micros()) as f64 / 1e6);
        }
        if let Some(hours) = lags.get(&peer.site).and_then(|days| days.last()?.lag_hours) {
            lag.get_or_create(&lab).set(f64::from(hours) * 3600.0);
        }
        if let Some(ms) = facts.get(&peer.site).and_then(|facts| facts.clock_ahead_ms) {
            clock.get_or_create(&lab).set(ms as f64 / 1e3);
        }
        let of = |is_parked: bool| -> u64 {
            let own = counts.iter().filter(|one| one.site == peer.site.as_str());
            own.filter(|one| one.kind.is_parked() == is_parked).map(|one| one.count).sum()
        };
        gaps.get_or_create(&lab).set(whole(peer.waiting.len() as u64));
        stopped.get_or_create(&lab).set(i64::from(peer.frozen.is_some() || peer.held.is_some()));
        conflicts.get_or_create(&lab).set(whole(of(false) + of(true)));
        parked.get_or_create(&lab).set(whole(of(true)));
        outbox.get_or_create(&lab).set(whole(peer.unconfirmed()));
        unsealed.get_or_create(&lab).set(whole(peer.unsealed));
    }
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    Ok(text)
}

fn seconds(registry: &mut Registry, name: &str, help: &str) -> Seconds {
    let family = Seconds::default();
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

fn number(registry: &mut Registry, name: &str, help: &str) -> Count {
    let family = Count::default();
    registry.register(name, help, family.clone());
    family
}
