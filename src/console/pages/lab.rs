//! One lab: who it is, what has come and what waits, and what can be done with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};

use crate::console::app::App;
use crate::console::chart::{hours_words, lag, timeline};
use crate::console::form::Sent;
use crate::console::layout::{Place, page};
use crate::console::pages::labs::{next, state};
use crate::console::pages::{go, now, transfer};
use crate::console::piece::{cell, heads, number, pairs, time};
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, DayLag, Home, LabFacts, SiteChange, SiteDetails, SiteOrder, TableDay, Timeline};
use crate::ledger::{LineCount, LineFilter, SiteState, Status};
use crate::model::{Site, Stamp, UserRole, ahead_words};
use crate::report::{count, escape, order_facts, order_words, site_facts};

/// What the page knows.
struct Sight {
    details: SiteDetails,
    told: Option<LabFacts>,
    lags: Vec<DayLag>,
    days: Vec<TableDay>,
    timeline: Timeline,
    conflicts: Vec<LineCount>,
}

impl Sight {
    fn look(home: &mut Home<'_>, site: &Site, now: Stamp) -> Result<Self, engine::Error> {
        const LAG_DAYS: u32 = 30;
        const ROW_DAYS: u32 = 14;
        const BUNDLES: u64 = 120;
        let filter = LineFilter { site: Some(site.clone()), ..LineFilter::default() };
        Ok(Sight {
            details: engine::site(home, site)?,
            told: engine::lab_facts(home)?.remove(site),
            lags: engine::lag_by_day(home, LAG_DAYS, now)?.remove(site).unwrap_or_default(),
            days: engine::rows_by_day(home, site, ROW_DAYS, now)?,
            timeline: engine::timeline(home, site, BUNDLES)?,
            conflicts: engine::count_conflicts(home, &filter)?,
        })
    }

    fn open(&self) -> u64 {
        self.conflicts.iter().filter(|one| one.status == Status::Open).map(|one| one.count).sum()
    }
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    Path(name): Path<String>,
) -> Result<Response, Trouble> {
    let site = site_of(&name)?;
    let now = now();
    let sight = app.desk.look(&person, move |home| Sight::look(home, &site, now)).await?;
    let title = sight.details.peer.site.to_string();
    Ok(page(&app, &person, Place::Labs, &title, &main(&sight, &person, now)))
}

/// The lab that an address names.
pub(super) fn site_of(name: &str) -> Result<Site, Trouble> {
    name.parse().map_err(|_| Trouble::NotFound { what: format!("lab {name:?}") })
}

fn main(sight: &Sight, person: &Person, now: Stamp) -> Markup {
    let peer = &sight.details.peer;
    html! {
        h1 { (peer.site) " " (state(peer, now)) }
        p { strong { "What to do: " } (next(peer, sight.open(), now)) }
        div class="sides" {
            section class="panel" {
                h2 { "How it stands" }
                (stand(&sight.details))
            }
            section class="panel" {
                h2 { "Who it is" }
                (identity(sight))
                h3 { "How far behind it was" }
                (lag(&sight.lags))
                (lag_table(&sight.lags))
            }
        }
        section {
            h2 { "Bundles by number" }
            h3 { "From " (peer.site) }
            (timeline(&format!("From {}", peer.site), &sight.timeline.from_lab))
            h3 { "To " (peer.site) }
            (timeline(&format!("To {}", peer.site), &sight.timeline.to_lab))
            p { a href=(format!("/bundles?site={}", peer.site)) { "All bundles of " (peer.site) } }
        }
        (rows_a_day(&sight.days))
        (set_aside(sight))
        @if person.role >= UserRole::Admin { (orders(peer.site.as_str(), peer.state)) }
    }
}

/// How things stand, without what says who it is.
fn stand(details: &SiteDetails) -> Markup {
    let facts = site_facts(details);
    let is_other = |name: &str| !IDENTITY.contains(&name);
    pairs(
        facts
            .pairs()
            .iter()
            .filter(|(name, _)| is_other(name))
            .map(|(name, words)| (name.as_str(), html! { (words) })),
    )
}

const IDENTITY: [&str; 3] = ["Six words", "Signing key", "Encryption key"];

fn identity(sight: &Sight) -> Markup {
    let details = &sight.details;
    let unknown = || html! { span class="quiet" { "not said yet" } };
    let told = sight.told.as_ref();
    let text = |text: Option<&String>| text.map_or_else(unknown, |text| html! { (escape(text)) });
    let clock = match told.and_then(|told| told.clock_ahead_ms) {
        Some(ms) => html! { (ahead_words(ms.saturating_mul(1000))) },
        None => unknown(),
    };
    pairs([
        ("Six words", html! { span class="words" { (details.words) } }),
        ("Number", html! { (details.peer.number.map_or("-".to_owned(), |number| number.to_string())) }),
        ("Enrolled", time(details.peer.enrolled_at)),
        ("Program", text(told.and_then(|told| told.program.as_ref()))),
        ("Database", text(told.and_then(|told| told.server.as_ref()))),
        ("Its clock", clock),
        ("Signing key", html! { code { (details.signing_key_id) } }),
    ])
}

fn lag_table(days: &[DayLag]) -> Markup {
    let known: Vec<&DayLag> = days.iter().filter(|day| day.lag_hours.is_some()).collect();
    html! {
        @if !known.is_empty() {
            details {
                summary { "Day by day" }
                table {
                    (heads(&["day", "behind at its end", ">bundles"]))
                    tbody {
                        @for day in known.iter().rev() {
                            tr {
                                (cell("day", &html! { (day.day.to_day()) }))
                                (cell("behind at its end", &html! { (hours_words(day.lag_hours.unwrap_or(0))) }))
                                (number("bundles", &html! { (count(day.bundles)) }))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn rows_a_day(days: &[TableDay]) -> Markup {
    let mut by_day: BTreeMap<Stamp, Vec<&TableDay>> = BTreeMap::new();
    for one in days {
        by_day.entry(one.day).or_default().push(one);
    }
    html! {
        section {
            h2 { "Rows a table a day" }
            @if by_day.is_empty() {
                p { "Nothing has come in the last two weeks." }
            } @else {
                table class="stack" {
                    (heads(&["day", "table", ">insert", ">update", ">delete"]))
                    tbody {
                        @for (day, tables) in by_day.iter().rev() {
                            @for one in tables {
                                tr {
                                    th scope="row" { (day.to_day()) }
                                    (cell("table", &html! { (escape(one.table.as_str())) }))
                                    (number("insert", &html! { (count(one.counts.inserts)) }))
                                    (number("update", &html! { (count(one.counts.updates)) }))
                                    (number("delete", &html! { (count(one.counts.deletes)) }))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn set_aside(sight: &Sight) -> Markup {
    let site = &sight.details.peer.site;
    html! {
        section {
            h2 { "Conflicts and rows set aside" }
            @if sight.conflicts.is_empty() {
                p { "None so far." }
            } @else {
                table class="stack" {
                    (heads(&["table", "kind", "state", ">how many"]))
                    tbody {
                        @for one in &sight.conflicts {
                            tr {
                                th scope="row" { (escape(one.table.as_str())) }
                                (cell("kind", &html! { (one.kind) }))
                                (cell("state", &html! { @if one.status == Status::Open { "waits for a person" } @else { "decided" } }))
                                (number("how many", &html! { (count(one.count)) }))
                            }
                        }
                    }
                }
                p { a href=(format!("/conflicts?status=all&site={site}")) { "All conflicts of " (site) } }
            }
        }
    }
}

/// What an administrator can do.
fn orders(site: &str, state: SiteState) -> Markup {
    let order = |word: &str, name: &str, why: &str| {
        html! {
            form method="post" action=(format!("/labs/{site}/order")) {
                input type="hidden" name="order" value=(word);
                p { (why) }
                button class="plain" { (name) }
            }
        }
    };
    html! {
        section {
            h2 { "Do something" }
            div class="sides" {
                @if state == SiteState::Active {
                    div class="panel" {
                        h3 { "For its stick" }
                        form method="post" action=(format!("/labs/{site}/download")) {
                            p { "Seals what waits for " (site) " and gives it to you as a file. Put it on a stick; there: " code { "packmule import" } "." }
                            button { "Download what waits for " (site) }
                        }
                    }
                    div {
                        (transfer::upload_form())
                    }
                    div class="panel" {
                        h3 { "All rows anew" }
                        (order("resend", "Give it all rows anew", "If its rows are in doubt. What it has not sent stays, and is sent as always."))
                    }
                    div class="panel" {
                        h3 { "Not for a while" }
                        (order("suspend", "Suspend it", "Its bundles wait with it, nothing is sealed for it, and it comes back by a snapshot."))
                    }
                }
                @if state == SiteState::Suspended {
                    div class="panel" {
                        h3 { "Again" }
                        (order("resume", "Let it take part again", "It is given all rows anew, and goes on from there."))
                    }
                }
                @if state != SiteState::Revoked {
                    div class="panel" {
                        h3 { "For good" }
                        form method="post" action=(format!("/labs/{site}/order")) {
                            input type="hidden" name="order" value="revoke";
                            p { "A stolen computer: its keys are believed no more, and this cannot be taken back." }
                            label for="confirm" { "Write " (site) " to go on" }
                            input type="text" id="confirm" name="confirm" autocomplete="off" autocapitalize="none" required;
                            div class="actions" { button class="danger" { "Revoke " (site) " for good" } }
                        }
                    }
                }
            }
        }
    }
}

/// Does what is ordered.
pub(crate) async fn order(
    State(app): State<Arc<App>>,
    person: Person,
    Path(name): Path<String>,
    Sent(fields): Sent,
) -> Result<Response, Trouble> {
    person.expect(UserRole::Admin)?;
    let site = site_of(&name)?;
    let order = match fields.text("order") {
        Some("suspend") => SiteOrder::Suspend,
        Some("resume") => SiteOrder::Resume,
        Some("resend") => SiteOrder::Resend,
        Some("revoke") => SiteOrder::Revoke,
        Some(_) | None => return Err(Trouble::Form { why: "it does not say what to do".to_owned() }),
    };
    if order == SiteOrder::Revoke && fields.text("confirm").map(str::trim) != Some(site.as_str()) {
        return Err(Trouble::Form { why: format!("to revoke it for good, its name {site} must be written") });
    }
    let work = move |home: &mut Home<'_>| engine::change_site(home, &site, order);
    let change = app.desk.change(&person, UserRole::Admin, work).await?;
    app.sessions.leave_note(&person.key, order_note(&change));
    Ok(go(&format!("/labs/{}", change.site)))
}

fn order_note(change: &SiteChange) -> String {
    let mut lines = vec![order_words(change, false)];
    lines.extend(order_facts(change).pairs().iter().map(|(name, words)| format!("{name}: {words}")));
    lines.join("\n")
}
