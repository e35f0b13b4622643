//! All labs at a glance: which are up to date, which are not, and what to do.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use maud::{Markup, html};

use crate::console::app::App;
use crate::console::chart::lag;
use crate::console::form::Fields;
use crate::console::layout::{Place, page};
use crate::console::pages::now;
use crate::console::piece::{age, badge, cell, heads, number};
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, DayLag, Home, PeerStatus, Standing, standing};
use crate::ledger::{LineCount, LineFilter, SiteState, Status, Way};
use crate::model::{Site, Stamp};
use crate::report::{bundles, count, number_of};

/// What the page knows.
struct Sight {
    peers: Vec<PeerStatus>,
    lags: BTreeMap<Site, Vec<DayLag>>,
    conflicts: BTreeMap<String, u64>,
}

impl Sight {
    fn look(home: &mut Home<'_>, now: Stamp) -> Result<Self, engine::Error> {
        const DAYS: u32 = 30;
        let waits = LineFilter { status: Some(Status::Open), ..LineFilter::default() };
        let counts = engine::count_conflicts(home, &waits)?;
        Ok(Sight {
            peers: engine::sites(home)?,
            lags: engine::lag_by_day(home, DAYS, now)?,
            conflicts: by_site(&counts),
        })
    }

    fn of(&self, site: &Site) -> u64 {
        self.conflicts.get(site.as_str()).copied().unwrap_or(0)
    }
}

fn by_site(counts: &[LineCount]) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for one in counts {
        *sums.entry(one.site.clone()).or_default() += one.count;
    }
    sums
}

/// Which labs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    All,
    UpToDate,
    Late,
    Stopped,
    Conflicts,
}

impl Show {
    const ALL: [(Show, &'static str, &'static str); 5] = [
        (Show::All, "all", "labs"),
        (Show::UpToDate, "fine", "up to date"),
        (Show::Late, "late", "late"),
        (Show::Stopped, "stopped", "stopped"),
        (Show::Conflicts, "conflicts", "with conflicts"),
    ];

    fn has(self, peer: &PeerStatus, conflicts: u64, now: Stamp) -> bool {
        match self {
            Show::All => true,
            Show::UpToDate => standing(peer, now) == Standing::UpToDate,
            Show::Late => standing(peer, now) == Standing::Late,
            Show::Stopped => standing(peer, now) == Standing::Stopped,
            Show::Conflicts => conflicts > 0,
        }
    }
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Trouble> {
    let now = now();
    let sight = app.desk.look(&person, move |home| Sight::look(home, now)).await?;
    let wanted = Fields::new(query);
    let wanted = wanted.text("show").unwrap_or("all");
    let show =
        Show::ALL.into_iter().find(|(_, word, _)| *word == wanted).map_or(Show::All, |(show, ..)| show);
    Ok(page(&app, &person, Place::Labs, "Labs", &main(&sight, show, now)))
}

fn main(sight: &Sight, show: Show, now: Stamp) -> Markup {
    let chosen: Vec<&PeerStatus> =
        sight.peers.iter().filter(|peer| show.has(peer, sight.of(&peer.site), now)).collect();
    html! {
        h1 { "Labs" }
        ul class="counts" {
            @for (one, word, words) in Show::ALL {
                @let many = sight.peers.iter().filter(|peer| one.has(peer, sight.of(&peer.site), now)).count() as u64;
                li {
                    a href=(format!("/?show={word}")) aria-current=[(one == show).then_some("true")] {
                        strong { (count(many)) } (words)
                    }
                }
            }
        }
        @if sight.peers.is_empty() {
            p { "No lab is enrolled yet. " a href="/keys" { "Take in the card of a lab" } ", or on the command line: " code { "packmule enrol LAB.card" } }
        } @else if chosen.is_empty() {
            p { "None of the labs." }
        } @else {
            table class="stack" {
                caption { "Late: nothing for " (engine::LATE_DAYS) " days, or a bundle is missing. The bars are the last 30 days; the higher, the older was what the centre knew." }
                (heads(&["lab", "state", "last data", "waits from it", "waits for it", ">conflicts", "30 days", "what to do"]))
                tbody { @for peer in chosen { (row(sight, peer, now)) } }
            }
        }
    }
}

fn row(sight: &Sight, peer: &PeerStatus, now: Stamp) -> Markup {
    let conflicts = sight.of(&peer.site);
    let days = sight.lags.get(&peer.site).map(Vec::as_slice).unwrap_or_default();
    let lab = html! { a href=(format!("/labs/{}", peer.site)) { (peer.site) } };
    let conflicts_cell = html! {
        @if conflicts == 0 { "-" } @else {
            a href=(format!("/conflicts?status=open&site={}", peer.site)) { (count(conflicts)) span class="unseen" { " of " (peer.site) } }
        }
    };
    html! {
        tr {
            th scope="row" { (lab) }
            (cell("state", &state(peer, now)))
            (cell("last data", &last_data(peer, now)))
            (cell("waits from it", &waits_from(peer)))
            (cell("waits for it", &waits_for(peer)))
            (number("conflicts", &conflicts_cell))
            (cell("30 days", &lag(days)))
            (cell("what to do", &next(peer, conflicts, now)))
        }
    }
}

/// How a lab stands, in a word.
pub(super) fn state(peer: &PeerStatus, now: Stamp) -> Markup {
    match standing(peer, now) {
        Standing::New => badge("quiet", "new"),
        Standing::UpToDate => badge("good", "up to date"),
        Standing::Late => badge("warn", "late"),
        Standing::Stopped => badge("bad", "stopped"),
        Standing::Suspended => badge("quiet", "suspended"),
        Standing::Revoked => badge("quiet", "revoked"),
    }
}

fn last_data(peer: &PeerStatus, now: Stamp) -> Markup {
    match (peer.last_data, peer.last_applied) {
        (Some((_, when)), _) => html! { (age(when, now)) " ago" (way(peer)) },
        (None, Some((_, when))) => html! { "no changes yet; heard of " (age(when, now)) " ago" },
        (None, None) => html! { "nothing yet" },
    }
}

fn way(peer: &PeerStatus) -> Markup {
    match peer.last_way {
        Some(Way::Stick) => html! { span class="quiet" { ", by stick" } },
        Some(Way::Online) => html! { span class="quiet" { ", online" } },
        None => html! {},
    }
}

fn waits_from(peer: &PeerStatus) -> Markup {
    match peer.waiting.as_slice() {
        [] => html! { "-" },
        waiting => html! { (bundles(waiting)) },
    }
}

fn waits_for(peer: &PeerStatus) -> Markup {
    match (peer.wants_snapshot, peer.unconfirmed(), peer.unsealed) {
        (true, ..) => html! { "all rows" },
        (false, 0, 0) => html! { "-" },
        (false, 0, edits) => html! { (number_of(edits, "edit", "edits")) },
        (false, waiting, edits) => html! {
            (number_of(waiting, "bundle", "bundles"))
            @if edits > 0 { ", " (number_of(edits, "edit", "edits")) }
        },
    }
}

/// What a person should do about a lab.
pub(super) fn next(peer: &PeerStatus, conflicts: u64, now: Stamp) -> Markup {
    let site = &peer.site;
    let steps: Vec<Markup> = match standing(peer, now) {
        Standing::Revoked => Vec::new(),
        Standing::Suspended => vec![html! { "when it may take part again: resume it" }],
        Standing::Stopped if peer.frozen.is_some() => {
            vec![html! { "ask " (site) " whether its database was put back from a backup or copied" }]
        }
        Standing::Stopped => vec![html! { "open it: a bundle does not fit the tables here" }],
        Standing::Late if peer.has_gap() => {
            vec![html! { "ask " (site) " to export again: a bundle is missing" }]
        }
        Standing::Late => vec![html! { "ask " (site) " for its stick, or what keeps it from the line" }],
        Standing::New => vec![html! { "bring what waits for it to " (site) }],
        Standing::UpToDate => Vec::new(),
    };
    let decide =
        (conflicts > 0 && peer.state != SiteState::Revoked).then(|| html! { "decide its conflicts" });
    let steps: Vec<Markup> = steps.into_iter().chain(decide).collect();
    html! {
        @if steps.is_empty() { "nothing" }
        @for (at, step) in steps.iter().enumerate() { @if at > 0 { "; " } (step) }
    }
}
