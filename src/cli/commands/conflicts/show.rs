//! `packmule conflicts show`: the rows of a conflict side by side, what belongs to it, and what each decision would do.

use crate::cli::commands::conflicts::to_json::shown_json;
use crate::cli::{Context, Facts, Grid};
use crate::conflict::same_value;
use crate::db::OnParent;
use crate::engine::{self, Home, Related, ReviewFault, Shown, ShownRow};
use crate::ledger::{Action, Decision, Outcome, Status};
use crate::model::{Op, RowImage, Stamp, Value};
use crate::report::{Exit, Report, cell, cut, difference, number_of};

/// Shows one conflict.
pub(super) fn run(id: u64, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::look(&settings, &progress)?;
    let shown = engine::show(&mut home, id)?;
    print(&shown, context);
    context.out.json("packmule.conflict.v1", shown_json(&shown));
    Ok(Exit::Done)
}

/// Prints it for a person.
pub(super) fn print(shown: &Shown, context: &Context) {
    let head = &shown.line.head;
    context.out.prose(&headline(shown));
    let hidden = rows(shown, context);
    if hidden > 0 {
        let columns = number_of(hidden, "column is", "columns are");
        context.out.prose(&format!("{columns} the same everywhere; -v shows them."));
    }
    context.out.facts(&facts(shown));
    let decided = shown.decisions.last().filter(|last| last.action != Action::Reopen);
    match decided.filter(|_| head.status == Status::Decided) {
        Some(_) => context.out.prose(&format!("Take it back: packmule conflicts reopen {}", head.id)),
        None => choices(shown, context),
    }
}

fn headline(shown: &Shown) -> String {
    let head = &shown.line.head;
    let state = match head.status {
        Status::Open => "it waits for a person".to_owned(),
        Status::Decided => format!("decided by {}", cut(head.decided_by.as_deref().unwrap_or_default())),
    };
    let did = match head.op {
        Op::Insert => "made the row",
        Op::Update => "changed it",
        Op::Delete => "deleted it",
    };
    format!(
        "Conflict {}: {} {}, kind {}; {} {did}; {state}.",
        head.id,
        cut(head.table.as_str()),
        cut(&head.record_id),
        head.kind,
        head.site
    )
}

/// The rows side by side, differing columns first. Returns how many columns were left out.
fn rows(shown: &Shown, context: &Context) -> u64 {
    let lab = shown.line.head.site.as_str();
    let with_now = shows_now(shown);
    let mut heads = vec!["", "column", "before", "central", lab];
    if with_now {
        heads.push("now");
    }
    let mut grid = Grid::new(&heads);
    let mut hidden = 0;
    for differing in [true, false] {
        for at in 0..shown.shape.columns.len() {
            let (differs, mark) = compared(shown, at);
            if differs != differing {
                continue;
            }
            if !differs && !context.out.is_verbose() {
                hidden += 1;
                continue;
            }
            let name = shown.shape.columns.get(at).map(|column| cut(&column.name)).unwrap_or_default();
            let mut cells = vec![
                mark.to_owned(),
                name,
                of(&shown.before, at),
                of(&shown.central, at),
                of(&shown.lab, at),
            ];
            if with_now {
                cells.push(shown.now.as_ref().map_or("(no row)".to_owned(), |row| of_row(row, at)));
            }
            grid.row(&cells);
        }
    }
    context.out.grid(&grid);
    hidden
}

/// Whether the row at the centre is another one than the three that are shown.
fn shows_now(shown: &Shown) -> bool {
    shown.has_moved_on || shown.now.as_ref() != shown.central.row()
}

fn of(row: &ShownRow, at: usize) -> String {
    match row {
        ShownRow::Row(row) => of_row(row, at),
        ShownRow::NoRow => "(no row)".to_owned(),
        ShownRow::Unknown => "(not known)".to_owned(),
    }
}

fn of_row(row: &RowImage, at: usize) -> String {
    row.0.get(at).map(cell).unwrap_or_default()
}

/// Whether the rows differ in a column, with `!` where both sides have changed it.
fn compared(shown: &Shown, at: usize) -> (bool, &'static str) {
    let kind = shown.shape.columns.get(at).map(|column| column.kind);
    let value = |row: Option<&RowImage>| row.and_then(|row| row.0.get(at)).cloned();
    let same = |a: &Option<Value>, b: &Option<Value>| match (a, b, kind) {
        (Some(a), Some(b), Some(kind)) => same_value(kind, a, b),
        (None, None, _) => true,
        (Some(_) | None, _, _) => false,
    };
    let (before, central, lab) =
        (value(shown.before.row()), value(shown.central.row()), value(shown.lab.row()));
    let now = value(shown.now.as_ref());
    let known = shown.before.row().is_some();
    let disputed = !same(&central, &lab) && (!known || (!same(&before, &central) && !same(&before, &lab)));
    let differs = disputed
        || !same(&central, &lab)
        || (known && !same(&before, &central))
        || (shows_now(shown) && !same(&central, &now));
    (differs, if disputed { "!" } else { "" })
}

fn facts(shown: &Shown) -> Facts {
    let (line, head) = (&shown.line, &shown.line.head);
    let mut facts = Facts::default();
    let moment = |when: Option<Stamp>| {
        when.map_or("nobody knows".to_owned(), |when| format!("{} UTC", when.to_words()))
    };
    let stands = match head.outcome {
        _ if shown.now.is_none() => "no row",
        Outcome::Central => "central's row",
        Outcome::Lab => "the lab's row",
        Outcome::Merged => "a row with something of both",
    };
    match shown.has_moved_on {
        true => facts.add(
            "In the table",
            "another row than when the conflict was met or decided: somebody edited it since",
        ),
        false => facts.add("In the table", stands),
    }
    let edited = format!("central {}; {} {}", moment(line.central_time), head.site, moment(line.lab_time));
    facts.add("Last edited", edited);
    if let Some(bundle) = &line.bundle {
        let before = shown
            .heard_before
            .map(|(number, when)| format!("; the one before was bundle {number}, applied {}", when.to_day()));
        facts.add("Came with", format!("{bundle}{}", before.unwrap_or_default()));
    }
    for (name, words) in
        [("Why", &head.note), ("Clocks", &head.clock_note), ("Said with it", &line.decision_note)]
    {
        if let Some(words) = words {
            facts.add(name, words);
        }
    }
    shown.related.iter().for_each(|related| add_related(&mut facts, related, shown));
    if !shown.lost.is_empty() {
        facts.add(
            "Not here",
            format!("the table has no column {} any more; its value stays here only", shown.lost.join(", ")),
        );
    }
    if !shown.beside.is_empty() {
        let others: Vec<String> =
            shown.beside.iter().map(|one| format!("{} of {}", one.id, one.site)).collect();
        facts.add("Also waits", format!("of the same row: {}", others.join(", ")));
    }
    for state in &shown.earlier {
        let row = state.lab_row.as_deref().map_or("it had deleted the row".to_owned(), cut);
        facts.add("Before that", format!("{}: {row}", moment(state.lab_time)));
    }
    shown.decisions.iter().for_each(|decision| facts.add("Decided", decision_words(decision)));
    facts
}

fn decision_words(decision: &Decision) -> String {
    let note = decision.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
    let followed =
        decision.followed.as_deref().map(|rows| format!("; with it went {rows}")).unwrap_or_default();
    format!("{} UTC {} by {}{note}{followed}", decision.at.to_words(), decision.action, decision.by)
}

fn add_related(facts: &mut Facts, related: &Related, shown: &Shown) {
    let pairs = |values: &[(String, Value)]| {
        values.iter().map(|(name, value)| format!("{name} {}", cell(value))).collect::<Vec<_>>().join(", ")
    };
    match related {
        Related::ParentMissing { table, values } => {
            facts.add("Missing", format!("table {table} has no row for {}", pairs(values)));
        }
        Related::Holder { record_id, values } => {
            facts.add(
                "Taken",
                format!("{} is that of {} {}", pairs(values), shown.line.head.table, cut(record_id)),
            );
        }
        Related::Children { table, count, on_delete } => {
            let then = match on_delete {
                OnParent::Restrict => "while they are there, it cannot be deleted",
                OnParent::Cascade => "they are deleted with it",
                OnParent::SetNull => "they stay when it is deleted, and point to nothing then",
            };
            facts.add("Belongs to it", format!("{} of {table}; {then}", number_of(*count, "row", "rows")));
        }
    }
}

/// What each decision would make of the row, with the command for it.
fn choices(shown: &Shown, context: &Context) {
    let id = shown.line.head.id;
    // What was edited since must be named: the line itself speaks of another row.
    let row = if shown.has_moved_on { format!(" --row {}", shown.fingerprint) } else { String::new() };
    let words = |wish: &Result<Option<RowImage>, ReviewFault>,
                 other: &Result<Option<RowImage>, ReviewFault>| match wish {
        Ok(Some(wish)) => {
            let other = other.as_ref().ok().and_then(Option::as_ref).or(shown.now.as_ref());
            difference(&shown.shape, other, Some(wish))
        }
        Ok(None) => "no row".to_owned(),
        Err(fault) => format!("cannot be: {}", fault.told()),
    };
    let mut facts = Facts::flush();
    facts.add("Approve:", words(&shown.approve, &shown.reject));
    facts.add("", format!("packmule conflicts approve {id}{row}"));
    facts.add("Reject:", words(&shown.reject, &shown.approve));
    facts.add("", format!("packmule conflicts reject {id}{row}"));
    if let Some(column) = first_of_lab(shown) {
        facts.add("Mix:", format!("packmule conflicts merge {id} --lab {column}{row}"));
    }
    context.out.facts(&facts);
}

/// A column of which the two would make something else.
fn first_of_lab(shown: &Shown) -> Option<String> {
    let (Ok(Some(approve)), Ok(Some(reject))) = (&shown.approve, &shown.reject) else {
        return None;
    };
    let cells = shown.shape.columns.iter().zip(approve.0.iter().zip(&reject.0)).enumerate();
    let mut differing = cells.filter(|(_, (column, (a, b)))| !same_value(column.kind, a, b));
    differing.next_back().map(|(_, (column, _))| cut(&column.name))
}
