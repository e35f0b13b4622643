//! Every bundle that was sealed or applied here, both ways.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use maud::{Markup, html};

use crate::console::app::App;
use crate::console::form::{Fields, address};
use crate::console::layout::{Place, page};
use crate::console::pages::{go, transfer};
use crate::console::piece::{cell, heads, number, time};
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, BundleCursor, BundleFilter, BundlePage, Heading};
use crate::ledger::{BundleRecord, BundleState, Way};
use crate::model::{BundleKind, BundleName, Site, UserRole};
use crate::report::{by_kind, count, number_of, size};

const PAGE: u64 = 100;

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Trouble> {
    let fields = Fields::new(query);
    let heading = match fields.text("direction") {
        Some("from") => Some(Heading::FromLab),
        Some("to") => Some(Heading::ToLab),
        Some(_) | None => None,
    };
    let filter = BundleFilter { site: fields.parsed::<Site>("site")?, heading };
    let before = fields.parsed::<BundleCursor>("before")?;
    let asked = filter.clone();
    let look = move |home: &mut engine::Home<'_>| {
        let page = engine::bundle_page(home, &asked, before.as_ref(), PAGE)?;
        let names: Vec<Site> = engine::sites(home)?.into_iter().map(|peer| peer.site).collect();
        let here = engine::stored_bundles(home)?;
        Ok((page, names, here))
    };
    let (bundles, sites, here) = app.desk.look(&person, look).await?;
    let main = main(&app.site, &person, &filter, &bundles, &sites, &here);
    Ok(page(&app, &person, Place::Bundles, "Bundles", &main))
}

fn main(
    own: &Site,
    person: &Person,
    filter: &BundleFilter,
    bundles: &BundlePage,
    sites: &[Site],
    here: &[BundleName],
) -> Markup {
    let direction = match filter.heading {
        Some(Heading::FromLab) => "from",
        Some(Heading::ToLab) => "to",
        None => "",
    };
    let site = filter.site.as_ref().map(ToString::to_string).unwrap_or_default();
    let older = bundles.next.as_ref().map(|next| {
        let pairs =
            [("site", site.clone()), ("direction", direction.to_owned()), ("before", next.to_string())];
        address("/bundles", &pairs)
    });
    html! {
        h1 { "Bundles" }
        form class="filter" method="get" action="/bundles" {
            div { label for="site" { "Lab" }
                select id="site" name="site" {
                    option value="" { "all labs" }
                    @for one in sites { option value=(one) selected[one.as_str() == site] { (one) } }
                } }
            div { label for="direction" { "Which way" }
                select id="direction" name="direction" {
                    option value="" { "both ways" }
                    option value="from" selected[direction == "from"] { "from labs" }
                    option value="to" selected[direction == "to"] { "to labs" }
                } }
            button class="plain" { "Show" }
        }
        @if person.role >= UserRole::Admin { (transfer::upload_form()) }
        @if bundles.bundles.is_empty() {
            p { "None." }
        } @else {
            table class="stack" {
                caption { "The newest first." }
                (heads(&["when", "bundle", "what", ">size", "way", "result", "file"]))
                tbody { @for one in &bundles.bundles { (row(own, person, one, here)) } }
            }
        }
        @if let Some(older) = older { p { a href=(older) { "Older ones" } } }
    }
}

fn row(own: &Site, person: &Person, one: &BundleRecord, here: &[BundleName]) -> Markup {
    let name = one.name();
    let is_out = one.stream.from == *own;
    let label = if is_out {
        format!("{} to {}", one.seq, one.stream.to)
    } else {
        format!("{} from {}", one.seq, one.stream.from)
    };
    let what = match one.kind {
        BundleKind::Receipt => html! { "receipt" },
        BundleKind::Snapshot => html! { "all rows: " (count(one.counts.inserts)) },
        BundleKind::Changes => html! { (by_kind(&one.counts)) },
    };
    let file = html! {
        @if here.contains(&name) {
            @if person.role >= UserRole::Admin { a href=(format!("/bundles/{name}/file")) { "Download" span class="unseen" { " bundle " (label) } } " " }
            form method="post" action=(format!("/bundles/{name}/verify")) { button class="plain" aria-label=(format!("Verify bundle {label}")) { "Verify" } }
        } @else { "-" }
    };
    html! {
        tr {
            (cell("when", &time(one.recorded_at)))
            th scope="row" { (label) }
            (cell("what", &what))
            (number("size", &html! { (size(one.size_bytes)) }))
            (cell("way", &html! { (one.way.map_or("-", Way::word)) }))
            (cell("result", &result(one)))
            (cell("file", &file))
        }
    }
}

fn result(one: &BundleRecord) -> Markup {
    match (one.state, one.confirmed_at, one.carried_at) {
        (BundleState::Applied, ..) => html! {
            "applied"
            @if one.conflicts > 0 { ", " (number_of(one.conflicts, "conflict", "conflicts")) }
            @if one.parked > 0 { ", " (number_of(one.parked, "row", "rows")) " set aside" }
        },
        (BundleState::Sealed, Some(when), _) => html! { "confirmed " (time(when)) },
        (BundleState::Sealed, None, _) if one.kind == BundleKind::Receipt => html! { "sealed" },
        (BundleState::Sealed, None, Some(when)) => html! { "on its way since " (time(when)) },
        (BundleState::Sealed, None, None) => html! { "waits here" },
    }
}

/// Proves a bundle that lies here: signature, every byte, and what can be opened.
pub(crate) async fn verify(
    State(app): State<Arc<App>>,
    person: Person,
    Path(name): Path<String>,
) -> Result<Response, Trouble> {
    let name = name_of(&name)?;
    let asked = name.clone();
    let proof = app.desk.look(&person, move |home| engine::verify_stored(home, &asked)).await?;
    let what = match proof {
        Some(proof) => format!(
            "{}: signature and every byte of {} are good; digest {}",
            proof.name,
            size(proof.size_bytes),
            proof.digest
        ),
        None => return Err(Trouble::NotFound { what: format!("file of {name} here any more") }),
    };
    app.sessions.leave_note(&person.key, what);
    Ok(go("/bundles"))
}

/// The bundle that an address names.
pub(super) fn name_of(name: &str) -> Result<BundleName, Trouble> {
    name.parse().map_err(|_| Trouble::NotFound { what: "such bundle".to_owned() })
}
