//! What `doctor` found, the room on the disk, and what waits.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use crate::config::Settings;
use crate::console::app::{App, lock};
use crate::console::layout::{Place, page};
use crate::console::pages::{go, now};
use crate::console::piece::{age, badge, cell, heads, pairs};
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, Health, Standing, standing};
use crate::model::Stamp;
use crate::monitor::Silent;
use crate::report::{Finding, count, disk_size, escape, number_of};

/// What else is to be seen at a glance.
struct Sight {
    free_bytes: u64,
    unsealed: u64,
    waiting: u64,
    outbox: u64,
    late: u64,
    open: u64,
}

/// The page. The first time somebody asks, `doctor` runs.
pub(crate) async fn show(State(app): State<Arc<App>>, person: Person) -> Result<Response, Trouble> {
    let now = now();
    let look = move |home: &mut engine::Home<'_>| {
        let peers = engine::sites(home)?;
        Ok(Sight {
            free_bytes: engine::free_bytes(home)?,
            unsealed: peers.iter().map(|peer| peer.unsealed).sum(),
            waiting: peers.iter().map(|peer| peer.waiting.len() as u64).sum(),
            outbox: peers.iter().map(engine::PeerStatus::unconfirmed).sum(),
            late: peers.iter().filter(|peer| standing(peer, now) == Standing::Late).count() as u64,
            open: engine::open_conflicts(home)?,
        })
    };
    let sight = app.desk.look(&person, look).await?;
    let known = lock(&app.health).clone();
    let (at, checks) = match known {
        Some(known) => known,
        None => examine(&app).await?,
    };
    Ok(page(&app, &person, Place::Health, "Health", &main(&sight, at, &checks, now)))
}

/// Runs `doctor` again.
pub(crate) async fn run(State(app): State<Arc<App>>, person: Person) -> Result<Response, Trouble> {
    // Whoever asks must still be somebody.
    app.desk.look(&person, |_| Ok(())).await?;
    examine(&app).await?;
    Ok(go("/health"))
}

async fn examine(app: &Arc<App>) -> Result<(Stamp, Arc<Vec<Finding>>), Trouble> {
    let settings = app.desk.settings();
    let checks = app.desk.blocking(move || Ok(Arc::new(findings(&settings)))).await?;
    let found = (now(), checks);
    *lock(&app.health) = Some(found.clone());
    Ok(found)
}

fn findings(settings: &Settings) -> Vec<Finding> {
    engine::doctor(settings, &Silent).into_iter().map(Finding::from).collect()
}

fn main(sight: &Sight, at: Stamp, checks: &[Finding], now: Stamp) -> Markup {
    let bad = checks.iter().filter(|check| check.health == Health::Bad).count() as u64;
    html! {
        h1 { "Health" }
        p {
            @if bad == 0 { (badge("good", "no failing check")) } @else { (badge("bad", &number_of(bad, "failing check", "failing checks"))) }
            span class="quiet" { " looked " (age(at, now)) " ago" }
        }
        form class="actions" method="post" action="/health/run" { button { "Look again" } }
        h2 { "At a glance" }
        div class="panel" {
            (pairs([
                ("Disk", html! { (disk_size(sight.free_bytes)) " free where bundles lie" }),
                ("From labs", html! { @if sight.waiting == 0 { "nothing waits" } @else { (number_of(sight.waiting, "bundle waits", "bundles wait")) " for others" } }),
                ("To labs", html! { (number_of(sight.outbox, "bundle", "bundles")) " not confirmed; " (number_of(sight.unsealed, "edit", "edits")) " not sealed" }),
                ("Labs", html! { (count(sight.late)) " late" }),
                ("Conflicts", html! { (number_of(sight.open, "waits", "wait")) " for a person" }),
                ("Version", html! { "packmule " (env!("CARGO_PKG_VERSION")) }),
            ]))
        }
        h2 { "What packmule doctor found" }
        table class="stack" {
            (heads(&["check", "state", "what", "what to do"]))
            tbody { @for check in checks { (row(check)) } }
        }
    }
}

fn row(check: &Finding) -> Markup {
    let cause = check.report.as_ref().and_then(|report| report.cause.as_ref());
    let state = match check.health {
        Health::Good => badge("good", "good"),
        Health::Notice => badge("warn", "note"),
        Health::Bad => badge("bad", "BAD"),
    };
    let what = html! {
        (escape(&check.words))
        @if let Some(cause) = cause { br; span class="quiet" { (escape(cause)) } }
    };
    let next = html! {
        @if check.remedies.is_empty() { "nothing" }
        @for one in &check.remedies { p { (escape(one)) } }
    };
    html! {
        tr {
            th scope="row" { (check.subject) }
            (cell("state", &state))
            (cell("what", &what))
            (cell("what to do", &next))
        }
    }
}
