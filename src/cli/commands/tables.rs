//! `packmule tables`: which tables are synced, and what stands in the way of the others.

use serde_json::{Value, json};

use crate::cli::{Context, Grid, TableNames, TablesArgs, TablesCommand};
use crate::config::Settings;
use crate::engine::{self, Cause, Home, TableReport, TableState};
use crate::model::{Role, TableName};
use crate::report::{Exit, Report, escape, number_of};

/// Lists, adds, removes or checks.
pub fn run(args: &TablesArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    match &args.command {
        None | Some(TablesCommand::List) => list(&settings, context),
        Some(TablesCommand::Check) => check(&settings, context),
        Some(TablesCommand::Add(names)) => change(&settings, context, names, Way::Add),
        Some(TablesCommand::Remove(names)) => change(&settings, context, names, Way::Remove),
    }
}

fn list(settings: &Settings, context: &Context) -> Result<Exit, Report> {
    let progress = context.progress()?;
    let mut home = Home::look(settings, &progress)?;
    let reports = engine::list_tables(&mut home)?;
    let mut grid = Grid::new(&["table", "synced", "note"]);
    for report in &reports {
        let (synced, note) = words(&report.state);
        grid.row(&[report.table.as_str(), synced, &note]);
    }
    context.out.grid(&grid);
    context.out.json("packmule.tables.v1", to_json(settings, &reports));
    Ok(Exit::Done)
}

/// Prints what is to be known of the synced tables. A table that is not watched is a failing check.
fn check(settings: &Settings, context: &Context) -> Result<Exit, Report> {
    let progress = context.progress()?;
    let mut home = Home::look(settings, &progress)?;
    let reports = engine::check_tables(&mut home)?;
    let mut grid = Grid::new(&["table", "health", "what"]);
    let mut exit = Exit::Done;
    for report in &reports {
        let table = report.table.as_str();
        let failing = report.state != TableState::Synced;
        if failing {
            grid.row(&[table, "BAD", &words(&report.state).1]);
            exit = Exit::Doctor;
        }
        for remark in &report.remarks {
            // A trigger that is not as it should be loses edits; the rest is good to know.
            let bad = remark.loses_edits();
            exit = if bad { Exit::Doctor } else { exit };
            grid.row(&[table, if bad { "BAD" } else { "note" }, &remark.to_string()]);
        }
        if report.remarks.is_empty() && !failing {
            grid.row(&[table, "ok", "watched"]);
        }
    }
    context.out.grid(&grid);
    if exit == Exit::Doctor {
        context.out.result("Do next: run `packmule init` again with the same words as the first time");
    }
    context.out.json("packmule.tables.v1", to_json(settings, &reports));
    Ok(exit)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Add,
    Remove,
}

fn change(settings: &Settings, context: &Context, names: &TableNames, way: Way) -> Result<Exit, Report> {
    let progress = context.progress()?;
    let dry_run = names.run.dry_run;
    let tables = if dry_run {
        let mut home = Home::look(settings, &progress)?;
        let after = after(settings, &engine::list_tables(&mut home)?, &names.tables, way);
        after.map_err(|error| if way == Way::Remove { not_synced(error) } else { error.into() })?
    } else {
        let mut home = Home::work(settings, &progress)?;
        match way {
            Way::Add => engine::add_tables(&mut home, &names.tables)?,
            Way::Remove => engine::remove_tables(&mut home, &names.tables).map_err(not_synced)?,
        }
    };
    let would = if dry_run { "would be" } else { "are" };
    let count = number_of(tables.len() as u64, "table", "tables");
    let list: Vec<&str> = tables.iter().map(TableName::as_str).collect();
    context.out.result(&format!("{count} {would} synced: {}", escape(&list.join(", "))));
    if dry_run {
        context.out.result("This was a dry run: nothing was changed.");
    } else {
        context.out.prose("Do next: nothing; each lab follows with the next stick that it is sent");
    }
    context.out.json("packmule.tables-changed.v1", json!({ "dry_run": dry_run, "synced": list }));
    Ok(Exit::Done)
}

/// What is said when a table that is to be taken out was never in.
fn not_synced(error: engine::Error) -> Report {
    if let engine::Error::State(Cause::Unshareable { table, .. }) = &error {
        return Report::new(Exit::WrongUse, format!("table {table} is not synced"))
            .because("nothing was changed")
            .hint("packmule tables");
    }
    error.into()
}

/// The tables that would be synced. The same refusals as in earnest.
fn after(
    settings: &Settings,
    reports: &[TableReport],
    names: &[TableName],
    way: Way,
) -> Result<Vec<TableName>, engine::Error> {
    if settings.role == Role::Lab {
        return Err(Cause::OnlyAtCentral { site: settings.site.clone() }.into());
    }
    let state = |name: &TableName| reports.iter().find(|one| one.table == *name).map(|one| &one.state);
    for table in names {
        let why = match (way, state(table)) {
            (Way::Add, Some(TableState::Synced | TableState::Free)) => continue,
            (Way::Remove, Some(TableState::Synced | TableState::Gone { .. })) => continue,
            (Way::Add, Some(TableState::Unshareable(why))) => why.clone(),
            (Way::Add, Some(TableState::Gone { .. }) | None) => {
                "there is no such table in the database".to_owned()
            }
            (Way::Remove, Some(TableState::Free | TableState::Unshareable(_)) | None) => {
                "it is not synced".to_owned()
            }
        };
        return Err(Cause::Unshareable { table: table.clone(), why }.into());
    }
    let synced =
        reports.iter().filter(|one| matches!(one.state, TableState::Synced | TableState::Gone { .. }));
    let mut tables: Vec<TableName> = synced.map(|one| one.table.clone()).collect();
    match way {
        Way::Add => tables.extend(names.iter().cloned()),
        Way::Remove => tables.retain(|table| !names.contains(table)),
    }
    tables.sort();
    tables.dedup();
    Ok(tables)
}

fn words(state: &TableState) -> (&'static str, String) {
    match state {
        TableState::Synced => ("yes", String::new()),
        TableState::Free => ("no", "it can be: packmule tables add".to_owned()),
        TableState::Unshareable(why) => ("no", format!("it cannot be: {why}")),
        TableState::Gone { now: None } => ("GONE", "the table is not in the database any more".to_owned()),
        TableState::Gone { now: Some(now) } => ("GONE", format!("the table is called {now} now")),
    }
}

fn to_json(settings: &Settings, reports: &[TableReport]) -> Value {
    let tables: Vec<Value> = reports
        .iter()
        .map(|report| {
            let (state, why) = match &report.state {
                TableState::Synced => ("synced", None),
                TableState::Free => ("free", None),
                TableState::Unshareable(why) => ("unshareable", Some(why)),
                TableState::Gone { .. } => ("gone", None),
            };
            let remarks: Vec<String> = report.remarks.iter().map(ToString::to_string).collect();
            json!({ "table": report.table.as_str(), "state": state, "why": why, "remarks": remarks })
        })
        .collect();
    json!({ "site": settings.site.to_string(), "tables": tables })
}
