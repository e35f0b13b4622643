//! A person's decision on one conflict: made on what they saw, or not at all.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use crate::console::app::App;
use crate::console::form::{Fields, Sent};
use crate::console::layout::{Place, page};
use crate::console::pages::conflict::{id_of, main, title};
use crate::console::pages::go;
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, Choice, Decided, Fingerprint, Home, Manner, ReviewFault, Shown, Wanted};
use crate::model::UserRole;
use crate::report::{Report, capital, decided_words, overruled_words, unparked_line};

/// Takes the lab's change over.
pub(crate) async fn approve(
    State(app): State<Arc<App>>,
    person: Person,
    Path(id): Path<String>,
    Sent(fields): Sent,
) -> Result<Response, Trouble> {
    one(&app, &person, id_of(&id)?, fields, |_, _| Ok(Choice::Approve)).await
}

/// Lets the centre's row stand.
pub(crate) async fn reject(
    State(app): State<Arc<App>>,
    person: Person,
    Path(id): Path<String>,
    Sent(fields): Sent,
) -> Result<Response, Trouble> {
    one(&app, &person, id_of(&id)?, fields, |_, _| Ok(Choice::Reject)).await
}

/// Puts a row together.
pub(crate) async fn merge(
    State(app): State<Arc<App>>,
    person: Person,
    Path(id): Path<String>,
    Sent(fields): Sent,
) -> Result<Response, Trouble> {
    one(&app, &person, id_of(&id)?, fields, wanted).await
}

/// Takes a decision back.
pub(crate) async fn reopen(
    State(app): State<Arc<App>>,
    person: Person,
    Path(id): Path<String>,
    Sent(fields): Sent,
) -> Result<Response, Trouble> {
    let id = id_of(&id)?;
    let manner = manner(&person, &fields);
    let asked = manner.clone();
    let work = move |home: &mut Home<'_>| told(engine::reopen(home, id, &asked));
    let outcome = app.desk.decide(&person, UserRole::Reviewer, work).await?;
    answer(&app, &person, id, outcome, None).await
}

fn manner(person: &Person, fields: &Fields) -> Manner {
    Manner {
        by: person.name.to_string(),
        note: fields.text("note").map(str::to_owned),
        may_take_along: fields.text("along") == Some("yes"),
        dry_run: false,
    }
}

/// What was chosen for each column, by its place; a place says nothing without the columns that the person saw.
fn wanted(fields: &Fields, shown: &Shown) -> Result<Choice, Trouble> {
    let mut wanted = Wanted::default();
    for (place, pick) in fields.beginning("pick.") {
        let column = place.parse::<usize>().ok().and_then(|at| shown.shape.columns.get(at));
        let Some(column) = column else {
            return Err(Trouble::Form { why: "it names a column that is not there".to_owned() });
        };
        // Forms end lines as telegraphs did; what a person typed has one sign there.
        let field =
            |name: &str| fields.raw(&format!("{name}.{place}")).unwrap_or_default().replace("\r\n", "\n");
        let typed = field("value");
        // Else what somebody typed would be lost without a word.
        if pick != "typed" && typed != field("was") {
            let why =
                format!("column {} has a typed value, and \"as typed here\" is not chosen", column.name);
            return Err(Trouble::Form { why });
        }
        match pick {
            "central" => {}
            "lab" => wanted.lab.push(column.name.clone()),
            "null" => wanted.set.push((column.name.clone(), None)),
            "typed" => wanted.set.push((column.name.clone(), Some(typed))),
            _ => return Err(Trouble::Form { why: format!("column {} has no such choice", column.name) }),
        }
    }
    Ok(Choice::Merge(wanted))
}

type Chooser = fn(&Fields, &Shown) -> Result<Choice, Trouble>;

/// What came of a try that is no error of the database.
enum Outcome {
    Decided(Decided, Option<String>),
    Refused(ReviewFault),
}

fn told(decided: Result<Decided, engine::Error>) -> Result<Outcome, engine::Error> {
    match decided {
        Ok(decided) => Ok(Outcome::Decided(decided, None)),
        Err(engine::Error::Review(fault)) => Ok(Outcome::Refused(fault)),
        Err(other) => Err(other),
    }
}

async fn one(
    app: &Arc<App>,
    person: &Person,
    id: u64,
    fields: Fields,
    choose: Chooser,
) -> Result<Response, Trouble> {
    person.expect(UserRole::Reviewer)?;
    let seen = fields.parsed::<Fingerprint>("seen")?;
    let seen = seen.ok_or_else(|| Trouble::Form { why: "it does not say what was seen".to_owned() })?;
    let manner = manner(person, &fields);
    let shown = app.desk.look(person, move |home| engine::show(home, id)).await?;
    let choice = choose(&fields, &shown)?;
    let again = Again::of(&choice, &fields);
    let work = move |home: &mut Home<'_>| {
        let mut outcome = told(engine::decide(home, id, &choice, Some(seen), &manner))?;
        if let Outcome::Decided(Decided::Done(_), unparked) = &mut outcome {
            // What was decided may be what others have waited for.
            *unparked = unparked_line(&engine::retry_parked_calmly(home));
        }
        Ok(outcome)
    };
    let outcome = app.desk.decide(person, UserRole::Reviewer, work).await?;
    answer(app, person, id, outcome, Some(again)).await
}

/// The same form again, for a person who is asked once more.
struct Again {
    action: &'static str,
    fields: Vec<(String, String)>,
}

impl Again {
    fn of(choice: &Choice, fields: &Fields) -> Self {
        let action = match choice {
            Choice::Approve => "approve",
            Choice::Reject => "reject",
            Choice::Merge(_) => "merge",
        };
        let all = fields.beginning("").map(|(name, value)| (name.to_owned(), value.to_owned()));
        Again { action, fields: all.collect() }
    }
}

async fn answer(
    app: &Arc<App>,
    person: &Person,
    id: u64,
    outcome: Outcome,
    again: Option<Again>,
) -> Result<Response, Trouble> {
    let warning = match outcome {
        Outcome::Decided(Decided::Done(done), unparked) => {
            let mut lines = vec![decided_words(&done, "is")];
            lines.extend(overruled_words(&done));
            lines.push(match done.is_edit {
                true => "Every lab hears of it with its next bundle.".to_owned(),
                false => "The labs hold this row already, or are on the way to it.".to_owned(),
            });
            lines.extend(unparked);
            app.sessions.leave_note(&person.key, lines.join("\n"));
            return Ok(go(&format!("/conflicts/{id}")));
        }
        Outcome::Decided(Decided::Already { at }, _) => {
            app.sessions.leave_note(&person.key, format!("You decided the same {} UTC.", at.to_words()));
            return Ok(go(&format!("/conflicts/{id}")));
        }
        Outcome::Decided(Decided::Stale, _) => html! {
            p { strong { "Nothing was decided: this is another row than the one you saw." } }
            p { "Somebody has edited it, or the lab has sent more. Below is how it stands now; decide again, please." }
        },
        Outcome::Decided(Decided::TakesAlong(tables), _) => along(id, &tables, again.as_ref()),
        Outcome::Refused(fault) => refused(fault),
    };
    let shown = app.desk.look(person, move |home| engine::show(home, id)).await?;
    let mut response =
        page(app, person, Place::Conflicts, &title(&shown), &main(&shown, person, Some(&warning)));
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}

fn refused(fault: ReviewFault) -> Markup {
    let report = Report::from(engine::Error::Review(fault));
    html! {
        p { strong { "Nothing was decided: " (report.what) "." } }
        @if let Some(cause) = &report.cause { p { (capital(cause)) "." } }
        @for hint in &report.hints { p class="quiet" { (hint) } }
    }
}

fn along(id: u64, tables: &[(crate::model::TableName, u64)], again: Option<&Again>) -> Markup {
    let rows: Vec<String> = tables.iter().map(|(table, count)| format!("{count} of {table}")).collect();
    html! {
        p { strong { "Nothing was decided yet: other rows would be deleted or let go with it: " (rows.join(", ")) "." } }
        @if let Some(again) = again {
            form method="post" action=(format!("/conflicts/{id}/{}", again.action)) {
                @for (name, value) in again.fields.iter().filter(|(name, _)| name != "along") {
                    input type="hidden" name=(name) value=(value);
                }
                input type="hidden" name="along" value="yes";
                div class="actions" { button class="danger" { "Decide it, and let these rows go with it" } }
            }
        }
    }
}
