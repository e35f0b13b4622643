//! Many decisions at once: only after a look at what they would do, and on exactly what was seen.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use crate::console::app::App;
use crate::console::form::Sent;
use crate::console::layout::{Place, page};
use crate::console::pages::conflicts::Asked;
use crate::console::pages::{go, now};
use crate::console::piece::{cell, heads, number};
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, BulkOutcome, Choice, Home, Manner, Preview};
use crate::model::UserRole;
use crate::report::{capital, count, cut, difference, number_of, unparked_line};

/// Shows what a choice would do to all conflicts of a filter.
pub(crate) async fn preview(
    State(app): State<Arc<App>>,
    person: Person,
    Sent(fields): Sent,
) -> Result<Response, Trouble> {
    person.expect(UserRole::Reviewer)?;
    let choice = match fields.text("choice") {
        Some("approve") => Choice::Approve,
        Some("reject") => Choice::Reject,
        Some(_) | None => return Err(Trouble::Form { why: "it does not say what to decide".to_owned() }),
    };
    let asked = Asked::read(&fields, now())?;
    let wanted = choice.clone();
    let look = move |home: &mut Home<'_>| engine::preview_decisions(home, &asked.filter, &wanted);
    let mut preview = app.desk.look(&person, look).await?;
    let picks = std::mem::take(&mut preview.picks);
    let many = picks.len() as u64;
    let token = app.sessions.propose(&person.key, picks, choice.clone());
    Ok(page(&app, &person, Place::Conflicts, "Decide many", &main(&preview, many, &choice, &token)))
}

fn main(preview: &Preview, many: u64, choice: &Choice, token: &str) -> Markup {
    let word = word(choice);
    let conflicts = number_of(many, "conflict", "conflicts");
    html! {
        h1 { (capital(word)) " " (conflicts) "?" }
        p class="warning" { "Nothing is decided yet." }
        @if many > 0 {
            table class="stack" {
                (heads(&["table", "kind", ">how many"]))
                tbody {
                    @for ((table, kind), rows) in &preview.counts {
                        tr {
                            th scope="row" { (cut(table.as_str())) }
                            (cell("kind", &html! { (kind) }))
                            (number("how many", &html! { (count(*rows)) }))
                        }
                    }
                }
            }
            @if preview.unchanged > 0 { p { "In " (count(preview.unchanged)) " of them the row stays as it is." } }
            (samples(preview))
        }
        (left_out(preview))
        @if many > 0 {
            form class="panel" method="post" action="/conflicts/decide" {
                input type="hidden" name="token" value=(token);
                label for="note" { "A note, kept with each decision" }
                input type="text" id="note" name="note" maxlength="400";
                div class="actions" {
                    button { (capital(word)) " " (conflicts) }
                    a class="button plain" href="/conflicts" { "Back, and decide nothing" }
                }
            }
        } @else {
            p { a href="/conflicts" { "Back" } }
        }
    }
}

fn samples(preview: &Preview) -> Markup {
    html! {
        h2 { "Some of them" }
        table class="stack" {
            (heads(&["conflict", "lab", "row", "would be"]))
            tbody {
                @for sample in &preview.samples {
                    tr {
                        th scope="row" { a href=(format!("/conflicts/{}", sample.id)) { "Conflict " (sample.id) } }
                        (cell("lab", &html! { (sample.site) }))
                        (cell("row", &html! { (cut(sample.shape.name.as_str())) " " bdi { (cut(&sample.record_id)) } }))
                        (cell("would be", &html! { bdi { (difference(&sample.shape, sample.now.as_ref(), sample.then.as_ref())) } }))
                    }
                }
            }
        }
    }
}

fn left_out(preview: &Preview) -> Markup {
    const SHOWN: usize = 20;
    html! {
        @if !preview.moved_on.is_empty() || preview.fault_count > 0 {
            h2 { "Left out" }
            ul {
                @if !preview.moved_on.is_empty() {
                    li {
                        (number_of(preview.moved_on.len() as u64, "row was", "rows were")) " edited since: look at each alone: "
                        @for id in preview.moved_on.iter().take(SHOWN) { a href=(format!("/conflicts/{id}")) { (id) } " " }
                    }
                }
                @for (id, fault) in &preview.faults {
                    li { a href=(format!("/conflicts/{id}")) { "Conflict " (id) } ": " (fault.told()) }
                }
                @if preview.fault_count > preview.faults.len() as u64 {
                    li { "and " (count(preview.fault_count - preview.faults.len() as u64)) " more like these" }
                }
            }
        }
    }
}

/// Decides what the person has looked at.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    person: Person,
    Sent(fields): Sent,
) -> Result<Response, Trouble> {
    person.expect(UserRole::Reviewer)?;
    let token = fields.text("token").unwrap_or_default();
    let Some(proposal) = app.sessions.take_proposal(&person.key, token) else {
        app.sessions.leave_note(
            &person.key,
            "Nothing was decided: what you looked at is not there any more. Look again, please.".to_owned(),
        );
        return Ok(go("/conflicts"));
    };
    let manner = Manner {
        by: person.name.to_string(),
        note: fields.text("note").map(str::to_owned),
        may_take_along: false,
        dry_run: false,
    };
    let choice = proposal.choice.clone();
    let work = move |home: &mut Home<'_>| {
        let outcome = engine::decide_all(home, &proposal.picks, &proposal.choice, &manner)?;
        let unparked =
            if outcome.done > 0 { unparked_line(&engine::retry_parked_calmly(home)) } else { None };
        Ok((outcome, unparked))
    };
    let (outcome, unparked) = app.desk.decide(&person, UserRole::Reviewer, work).await?;
    let mut lines = outcome_lines(&outcome, &choice);
    lines.extend(unparked);
    app.sessions.leave_note(&person.key, lines.join("\n"));
    Ok(go("/conflicts"))
}

fn outcome_lines(outcome: &BulkOutcome, choice: &Choice) -> Vec<String> {
    let BulkOutcome { done, edits, stale, faults, fault_count } = outcome;
    let done = number_of(*done, "conflict is", "conflicts are");
    let mut lines =
        vec![format!("{done} {}ed; rows changed: {}.", word(choice).trim_end_matches('e'), count(*edits))];
    if !stale.is_empty() {
        let rows = number_of(
            stale.len() as u64,
            "was edited meanwhile, and waits",
            "were edited meanwhile, and wait",
        );
        lines.push(format!("{rows} as before."));
    }
    lines.extend(faults.iter().map(|(id, why)| format!("Conflict {id} waits as before: {why}.")));
    if *fault_count > faults.len() as u64 {
        lines.push(format!("And {} more like these.", count(fault_count - faults.len() as u64)));
    }
    lines.push("Every lab hears of it with its next bundle.".to_owned());
    lines
}

fn word(choice: &Choice) -> &'static str {
    match choice {
        Choice::Approve => "approve",
        Choice::Reject => "reject",
        Choice::Merge(_) => "merge",
    }
}
