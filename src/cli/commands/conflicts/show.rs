//! `packmule conflicts show`: the rows of a conflict side by side, what belongs to it, and what each decision would do.

use crate::cli::commands::conflicts::to_json::shown_json;
use crate::cli::{Context, Grid};
use crate::conflict::same_value;
use crate::engine::{self, Home, Shown, ShownRow};
use crate::ledger::{Action, Status};
use crate::model::RowImage;
use crate::report::{
    Exit, Facts, Report, approve_words, cell, compared, conflict_facts, conflict_headline, cut, number_of,
    reject_words, shows_now,
};

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
    context.out.prose(&conflict_headline(shown));
    let hidden = rows(shown, context);
    if hidden > 0 {
        let columns = number_of(hidden, "column is", "columns are");
        context.out.prose(&format!("{columns} the same everywhere; -v shows them."));
    }
    context.out.facts(&conflict_facts(shown));
    let decided = shown.decisions.last().filter(|last| last.action != Action::Reopen);
    match decided.filter(|_| head.status == Status::Decided) {
        Some(_) => context.out.prose(&format!("Take it back: packmule conflicts reopen {}", head.id)),
        None => choices(shown, context),
    }
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

/// What each decision would make of the row, with the command for it.
fn choices(shown: &Shown, context: &Context) {
    let id = shown.line.head.id;
    // What was edited since must be named: the line itself speaks of another row.
    let row = if shown.has_moved_on { format!(" --row {}", shown.fingerprint) } else { String::new() };
    let words = |wish: Result<String, String>| wish.unwrap_or_else(|why| format!("cannot be: {why}"));
    let mut facts = Facts::flush();
    facts.add("Approve:", words(approve_words(shown)));
    facts.add("", format!("packmule conflicts approve {id}{row}"));
    facts.add("Reject:", words(reject_words(shown)));
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
