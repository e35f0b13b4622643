//! One conflict: its rows side by side, what belongs to it, and in each button what it would make of the row.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};

use crate::console::app::App;
use crate::console::layout::{Place, page};
use crate::console::piece::{facts, heads};
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::console::value::{value, visible};
use crate::engine::{self, Shown, ShownRow};
use crate::ledger::{Action, Status};
use crate::model::{RowImage, UserRole, Value};
use crate::report::{
    approve_words, capital, compared, conflict_facts, conflict_headline, escape, number_of, reject_words,
    shows_now,
};

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let id = id_of(&id)?;
    let shown = app.desk.look(&person, move |home| engine::show(home, id)).await?;
    Ok(page(&app, &person, Place::Conflicts, &title(&shown), &main(&shown, &person, None)))
}

/// The conflict that an address names.
pub(super) fn id_of(text: &str) -> Result<u64, Trouble> {
    text.parse().map_err(|_| Trouble::NotFound { what: format!("conflict {text:?}") })
}

pub(super) fn title(shown: &Shown) -> String {
    format!("Conflict {}", shown.line.head.id)
}

/// The page's content. `warning` says first why nothing was decided.
pub(super) fn main(shown: &Shown, person: &Person, warning: Option<&Markup>) -> Markup {
    let head = &shown.line.head;
    html! {
        h1 { "Conflict " (head.id) }
        @if let Some(warning) = warning { div class="warning" role="alert" { (warning) } }
        p { bdi { (conflict_headline(shown)) } }
        (rows(shown))
        div class="sides" {
            @if person.role >= UserRole::Reviewer { section class="panel" { (choices(shown)) } }
            section class="panel" { h2 { "What belongs to it" } (facts(&conflict_facts(shown))) (beside(shown)) }
        }
        @if person.role >= UserRole::Reviewer && !is_decided_by_person(shown) { (merge_form(shown)) }
    }
}

/// The rows side by side, those columns first in which they differ.
fn rows(shown: &Shown) -> Markup {
    let lab = shown.line.head.site.as_str();
    let with_now = shows_now(shown);
    let mut names = vec!["column", "before", "central", lab];
    if with_now {
        names.push("now");
    }
    let of = |differing: bool| -> Vec<usize> {
        (0..shown.shape.columns.len()).filter(|&at| compared(shown, at).0 == differing).collect()
    };
    let (differing, same) = (of(true), of(false));
    html! {
        table class="rows stack" {
            caption { "Columns that differ stand first; ! marks those that both sides have changed." }
            (heads(&names))
            tbody { @for at in differing { (column(shown, at, with_now)) } }
        }
        @if !same.is_empty() {
            details {
                summary { (number_of(same.len() as u64, "column is", "columns are")) " the same everywhere" }
                table class="rows stack" {
                    (heads(&names))
                    tbody { @for at in same { (column(shown, at, with_now)) } }
                }
            }
        }
    }
}

fn column(shown: &Shown, at: usize, with_now: bool) -> Markup {
    let (differs, mark) = compared(shown, at);
    let class = match (differs, mark) {
        (_, "!") => "disputed",
        (true, _) => "differs",
        (false, _) => "",
    };
    let name = shown.shape.columns.get(at).map(|column| escape(&column.name)).unwrap_or_default();
    let before = cell_of(&shown.before, at);
    // Where both sides have changed it, what is to be told apart is these two.
    let (central_beside, lab_beside) = match mark {
        "!" => (cell_of(&shown.lab, at).or(before), cell_of(&shown.central, at).or(before)),
        _ => (before, before),
    };
    let now = shown.now.clone().map_or(ShownRow::NoRow, ShownRow::Row);
    html! {
        tr class=(class) {
            th scope="row" { bdi { (name) } }
            td data-name="before" { (side(&shown.before, at, None)) }
            td data-name="central" { (side(&shown.central, at, central_beside)) }
            td data-name=(shown.line.head.site) { (side(&shown.lab, at, lab_beside)) }
            @if with_now { td data-name="now" { (side(&now, at, before)) } }
        }
    }
}

/// What a column has where nothing else is chosen: what rejecting would leave there. `None`: there is no such row, and the lab's stands for it.
fn ground(shown: &Shown, at: usize) -> Option<&Value> {
    match &shown.reject {
        Ok(row) => row.as_ref().and_then(|row| row.0.get(at)),
        Err(_) => cell_of(&shown.central, at),
    }
}

fn cell_of(row: &ShownRow, at: usize) -> Option<&Value> {
    row.row().and_then(|row| row.0.get(at))
}

fn side(row: &ShownRow, at: usize, beside: Option<&Value>) -> Markup {
    match row {
        ShownRow::Row(RowImage(cells)) => {
            html! { @if let Some(cell) = cells.get(at) { (value(cell, beside)) } }
        }
        ShownRow::NoRow => html! { span class="null" { "no row" } },
        ShownRow::Unknown => html! { span class="null" { "not known" } },
    }
}

fn beside(shown: &Shown) -> Markup {
    html! {
        @if !shown.beside.is_empty() {
            p {
                "Also waiting, of the same row: "
                @for one in &shown.beside { a href=(format!("/conflicts/{}", one.id)) { "conflict " (one.id) " of " (one.site) } " " }
            }
        }
    }
}

fn is_decided_by_person(shown: &Shown) -> bool {
    let last = shown.decisions.last().filter(|last| last.action != Action::Reopen);
    shown.line.head.status == Status::Decided && last.is_some()
}

/// What can be decided; each button says what comes of it.
fn choices(shown: &Shown) -> Markup {
    let id = shown.line.head.id;
    if is_decided_by_person(shown) {
        return html! {
            h2 { "It is decided" }
            form method="post" action=(format!("/conflicts/{id}/reopen")) {
                p { "While no bundle carries the decision, it can be taken back." }
                (note_field("reopen"))
                div class="actions" { button class="plain" { "Take it back: conflict " (id) " waits again" } }
            }
        };
    }
    html! {
        h2 { "Decide" }
        @if shown.line.head.status == Status::Decided {
            p { "A rule has decided it. You may decide otherwise." }
        }
        form method="post" action=(format!("/conflicts/{id}/reject")) {
            input type="hidden" name="seen" value=(shown.fingerprint);
            (choice(id, "approve", &format!("{}'s change is taken over", shown.line.head.site), &approve_words(shown)))
            (choice(id, "reject", "the centre's row stands", &reject_words(shown)))
            (note_field("decide"))
        }
    }
}

fn choice(id: u64, word: &str, means: &str, words: &Result<String, String>) -> Markup {
    html! {
        @match words {
            Ok(words) => div class="actions choice" {
                button formaction=(format!("/conflicts/{id}/{word}")) { (capital(word)) ": " bdi { (words) } }
                span class="quiet" { (capital(means)) "." }
            },
            Err(why) => p { (capital(word)) ": cannot be: " (why) },
        }
    }
}

fn note_field(word: &str) -> Markup {
    let id = format!("note-{word}");
    html! {
        details {
            summary { "Say something with it" }
            label for=(id) { "A note, kept with it" }
            // Not one line: there Enter would press the first button, and approve.
            textarea id=(id) name="note" rows="2" maxlength="400" {}
        }
    }
}

/// Column by column: the centre's, the lab's, or something typed.
fn merge_form(shown: &Shown) -> Markup {
    let id = shown.line.head.id;
    if shown.lab.row().is_none() && shown.central.row().is_none() {
        return html! {};
    }
    let places: Vec<usize> = (0..shown.shape.columns.len()).collect();
    let (first, rest): (Vec<usize>, Vec<usize>) = places.into_iter().partition(|&at| compared(shown, at).0);
    html! {
        section {
            h2 { "Or put the row together" }
            form class="panel" method="post" action=(format!("/conflicts/{id}/merge")) {
                input type="hidden" name="seen" value=(shown.fingerprint);
                @for at in first { (field(shown, at)) }
                @if !rest.is_empty() {
                    details { summary { "The other columns" } @for at in rest { (field(shown, at)) } }
                }
                (note_field("merge"))
                div class="actions" { button { "Merge: write the row as chosen" } }
            }
        }
    }
}

fn field(shown: &Shown, at: usize) -> Markup {
    const CHARS_OFFERED: usize = 20_000;
    let Some(column) = shown.shape.columns.get(at) else {
        return html! {};
    };
    let name = escape(&column.name);
    let lab = shown.line.head.site.as_str();
    let (central, own) = (ground(shown, at).cloned(), cell_of(&shown.lab, at).cloned());
    let typed = match (&own, &central) {
        (Some(Value::Text(text)), _) | (None | Some(Value::Null), Some(Value::Text(text)))
            if text.chars().count() <= CHARS_OFFERED =>
        {
            text.clone()
        }
        _ => String::new(),
    };
    let short = |cell: &Option<Value>| html! { @match cell { Some(cell) => span class="quiet" { ": " (visible(&crate::report::cell(cell))) }, None => {} } };
    html! {
        fieldset {
            legend { bdi { (name) } }
            @if central.is_some() {
                label class="inline" { input type="radio" name=(format!("pick.{at}")) value="central" checked; "central" (short(&central)) }
            }
            @if own.is_some() {
                label class="inline" { input type="radio" name=(format!("pick.{at}")) value="lab" checked[central.is_none()]; (lab) (short(&own)) }
            }
            label class="inline" { input type="radio" name=(format!("pick.{at}")) value="null"; "NULL" }
            label class="inline" { input type="radio" name=(format!("pick.{at}")) value="typed"; "as typed here:" }
            input type="hidden" name=(format!("was.{at}")) value=(typed);
            @if typed.contains(['\n', '\r']) || typed.chars().count() > 80 {
                textarea name=(format!("value.{at}")) rows="4" aria-label=(format!("Typed value of {name}")) {
                    // Browsers leave the first end of a line out.
                    @if typed.starts_with('\n') { "\n" }
                    (typed)
                }
            } @else {
                input type="text" name=(format!("value.{at}")) value=(typed) aria-label=(format!("Typed value of {name}"));
            }
        }
    }
}
