//! Conflicts, those that wait and those that are decided, and the way to decide many at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use maud::{Markup, html};

use crate::conflict::Kind;
use crate::console::app::App;
use crate::console::form::{Fields, address};
use crate::console::layout::{Place, page};
use crate::console::pages::now;
use crate::console::piece::{age, cell, heads, number, time};
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, Listed};
use crate::ledger::{LineFilter, LineHead, Outcome, Status};
use crate::model::{Op, Site, Stamp, TableName, UserRole};
use crate::report::{count, cut, escape, number_of};

const PAGE: u64 = 100;

/// What a person asks for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) filter: LineFilter,
    /// Days; 0: however old.
    older: u32,
    after: u64,
}

impl Asked {
    pub(super) fn read(fields: &Fields, now: Stamp) -> Result<Self, Trouble> {
        let status = match fields.text("status") {
            Some("decided") => Some(Status::Decided),
            Some("all") => None,
            Some(_) | None => Some(Status::Open),
        };
        let older = fields.parsed::<u32>("older")?.unwrap_or(0);
        let kind = fields.text("kind").map(|word| {
            word.parse::<Kind>().map_err(|()| Trouble::Form { why: format!("there is no kind {word:?}") })
        });
        const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
        Ok(Asked {
            filter: LineFilter {
                site: fields.parsed::<Site>("site")?,
                table: fields.text("table").map(TableName::new),
                kind: kind.transpose()?,
                status,
                ids: Vec::new(),
                met_before: (older > 0)
                    .then(|| Stamp::from_micros(now.micros() - i64::from(older) * DAY_MICROS)),
            },
            older,
            after: fields.parsed("after")?.unwrap_or(0),
        })
    }

    /// The same as fields of a form or an address.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let text = |text: Option<String>| text.unwrap_or_default();
        let status = match self.filter.status {
            Some(status) => status.word().to_owned(),
            None => "all".to_owned(),
        };
        vec![
            ("status", status),
            ("site", text(self.filter.site.as_ref().map(ToString::to_string))),
            ("table", text(self.filter.table.as_ref().map(ToString::to_string))),
            ("kind", text(self.filter.kind.map(|kind| kind.word().to_owned()))),
            ("older", if self.older == 0 { String::new() } else { self.older.to_string() }),
        ]
    }
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Trouble> {
    let now = now();
    let asked = Asked::read(&Fields::new(query), now)?;
    let (filter, after) = (asked.filter.clone(), asked.after);
    let look = move |home: &mut engine::Home<'_>| {
        // What one may choose from is counted over all of this state.
        let all = LineFilter { status: filter.status, ..LineFilter::default() };
        let choices = engine::count_conflicts(home, &all)?;
        // What waits longest comes first; of what is decided, people look for the newest.
        let listed = match filter.status {
            Some(Status::Open) => engine::list_conflicts(home, &filter, after, PAGE)?,
            Some(Status::Decided) | None => {
                engine::list_newest_conflicts(home, &filter, (after > 0).then_some(after), PAGE)?
            }
        };
        Ok((listed, choices))
    };
    let (listed, choices) = app.desk.look(&person, look).await?;
    let sites: BTreeMap<String, u64> = sums(choices.iter().map(|one| (one.site.clone(), one.count)));
    let tables: BTreeMap<String, u64> = sums(choices.iter().map(|one| (one.table.to_string(), one.count)));
    let kinds: BTreeMap<String, u64> =
        sums(choices.iter().map(|one| (one.kind.word().to_owned(), one.count)));
    let main = html! {
        h1 { "Conflicts" }
        (filter_form(&asked, &sites, &tables, &kinds))
        (summary(&listed))
        @if listed.heads.is_empty() {
            p { @if asked.filter.status == Some(Status::Open) { "Nothing waits for a person." } @else { "None." } }
        } @else {
            (table(&listed.heads, now))
        }
        @if let Some(next) = listed.next_after {
            @let more = asked.pairs().into_iter().chain([("after", next.to_string())]).collect::<Vec<_>>();
            p { a href=(address("/conflicts", &more)) { "The next ones" } }
        }
        @if person.role >= UserRole::Reviewer && asked.filter.status != Some(Status::Decided) && !listed.heads.is_empty() {
            (bulk_form(&asked, total(&listed)))
        }
    };
    Ok(page(&app, &person, Place::Conflicts, "Conflicts", &main))
}

fn sums(pairs: impl Iterator<Item = (String, u64)>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (name, count) in pairs {
        *sums.entry(name).or_default() += count;
    }
    sums
}

fn total(listed: &Listed) -> u64 {
    listed.counts.iter().map(|one| one.count).sum()
}

fn filter_form(
    asked: &Asked,
    sites: &BTreeMap<String, u64>,
    tables: &BTreeMap<String, u64>,
    kinds: &BTreeMap<String, u64>,
) -> Markup {
    let pairs: BTreeMap<&str, String> = asked.pairs().into_iter().collect();
    let chosen = |name: &str| pairs.get(name).cloned().unwrap_or_default();
    let select = |name: &str, label: &str, all: &str, choices: &BTreeMap<String, u64>| {
        html! {
            div {
                label for=(name) { (label) }
                select id=(name) name=(name) {
                    option value="" { (all) }
                    @for (one, many) in choices.iter().filter(|(one, _)| !one.is_empty()) {
                        option value=(one) selected[*one == chosen(name)] { (cut(one)) " (" (count(*many)) ")" }
                    }
                }
            }
        }
    };
    let states = [("open", "waiting"), ("decided", "decided"), ("all", "all")];
    let ages = [("", "however old"), ("1", "over a day"), ("7", "over a week"), ("30", "over a month")];
    html! {
        form class="filter" method="get" action="/conflicts" {
            div {
                label for="status" { "State" }
                select id="status" name="status" {
                    @for (word, words) in states { option value=(word) selected[word == chosen("status")] { (words) } }
                }
            }
            (select("site", "Lab", "all labs", sites))
            (select("table", "Table", "all tables", tables))
            (select("kind", "Kind", "all kinds", kinds))
            div {
                label for="older" { "Age" }
                select id="older" name="older" {
                    @for (word, words) in ages { option value=(word) selected[word == chosen("older")] { (words) } }
                }
            }
            button class="plain" { "Show" }
        }
    }
}

fn summary(listed: &Listed) -> Markup {
    let tables = sums(listed.counts.iter().map(|one| (one.table.to_string(), one.count)));
    html! {
        @if !listed.counts.is_empty() {
            p {
                strong { (number_of(total(listed), "conflict", "conflicts")) }
                @for (at, (table, many)) in tables.iter().take(8).enumerate() {
                    @if at == 0 { ": " } @else { ", " }
                    (cut(table)) " " (count(*many))
                }
                @if tables.len() > 8 { ", and more tables" }
            }
        }
    }
}

fn table(heads_shown: &[LineHead], now: Stamp) -> Markup {
    html! {
        table class="stack" {
            (heads(&["number", "lab", "row", "kind", "what the lab did", ">age", "state"]))
            tbody { @for head in heads_shown { (row(head, now)) } }
        }
    }
}

fn row(head: &LineHead, now: Stamp) -> Markup {
    let did = match head.op {
        Op::Insert => "made the row",
        Op::Update => "changed it",
        Op::Delete => "deleted it",
    };
    html! {
        tr {
            th scope="row" { a href=(format!("/conflicts/{}", head.id)) { "Conflict " (head.id) } }
            (cell("lab", &html! { (head.site) }))
            (cell("row", &html! { (cut(head.table.as_str())) " " bdi class="cell" { (cut(&head.record_id)) } }))
            (cell("kind", &html! { (head.kind) }))
            (cell("what the lab did", &html! { (did) }))
            (number("age", &html! { (age(head.met_at, now)) }))
            (cell("state", &state(head)))
        }
    }
}

fn state(head: &LineHead) -> Markup {
    let whose = match head.outcome {
        Outcome::Central => "the centre's row stands",
        Outcome::Lab => "the lab's row stands",
        Outcome::Merged => "something of both stands",
    };
    match head.status {
        Status::Open => {
            html! { "waits" @if let Some(note) = &head.clock_note { span class="quiet" { ": " (escape(note)) } } }
        }
        Status::Decided => html! {
            (whose) span class="quiet" { ", by " (cut(head.decided_by.as_deref().unwrap_or_default())) }
            @if let Some(at) = head.decided_at { span class="quiet" { ", " (time(at)) } }
        },
    }
}

fn bulk_form(asked: &Asked, many: u64) -> Markup {
    html! {
        section class="panel" {
            h2 { "Decide all of these at once" }
            p { "First you see what it would do to " (number_of(many, "conflict", "conflicts")) ", with samples; nothing is decided before you say yes there." }
            form class="actions" method="post" action="/conflicts/preview" {
                @for (name, value) in asked.pairs() { input type="hidden" name=(name) value=(value); }
                button class="plain" name="choice" value="approve" { "Look what approving would do" }
                button class="plain" name="choice" value="reject" { "Look what rejecting would do" }
            }
        }
    }
}
