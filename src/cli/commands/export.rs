//! `packmule export`: seals what has changed and copies everything without a receipt to a stick.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::phrase::{by_kind, counts_json, number_of};
use crate::cli::sent::{carried_json, carried_lines, kept, not_all, sealed_json};
use crate::cli::text::{disk_size, escape};
use crate::cli::{Context, Exit, ExportArgs, Report, stick};
use crate::config::Settings;
use crate::engine::{self, Carried, CarryTo, Home, SealReport};
use crate::mailbox::{Stick, display_path};
use crate::model::{BundleName, Role};

/// Seals and carries, and says when the stick can be taken out.
pub fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let to = receivers(args, &settings)?;
    if args.run.dry_run {
        let mut home = Home::look(&settings, &progress)?;
        let report = engine::count_unsealed(&mut home)?;
        progress.print_notices();
        say_dry_run(context, &report);
        return Ok(Exit::Done);
    }
    let dir = stick::find(args.dir.as_deref(), "export", context)?;
    // Before anything is sealed: the folder must be there.
    let stick = Stick::open(&dir)?;
    if let Ok(free_bytes) = stick.free_bytes() {
        context.out.say(&format!("Stick {}, {} free.", display_path(&dir), disk_size(free_bytes)));
    }
    let mut home = Home::work(&settings, &progress)?;
    let report = engine::seal(&mut home)?;
    say_read(context, &report);
    let cleaned = if args.clean { engine::clean(&mut home, &dir)? } else { Vec::new() };
    say_cleaned(context, &cleaned);
    let carried = engine::carry(&mut home, &dir, &to).map_err(|error| kept(error.into(), &report))?;
    engine::prune(&mut home)?;
    progress.print_notices();
    say_skipped(context, &report);
    finish(context, &dir, &report, carried, &cleaned)
}

/// Whom the export is for. At a lab there is only the centre.
fn receivers(args: &ExportArgs, settings: &Settings) -> Result<CarryTo, Report> {
    match (settings.role, args.to.as_slice()) {
        (_, []) => Ok(CarryTo::All),
        (Role::Central, sites) => Ok(CarryTo::Only(sites.iter().cloned().collect())),
        (Role::Lab, _) => Err(Report::new(Exit::WrongUse, "--to is for the centre")
            .because("a lab's changes go to its centre, which passes them on")
            .hint("packmule export")),
    }
}

fn finish(
    context: &Context,
    dir: &Path,
    report: &SealReport,
    carried: Carried,
    cleaned: &[(BundleName, PathBuf)],
) -> Result<Exit, Report> {
    for path in &carried.left_alone {
        let path = display_path(path);
        context.out.say(&format!("{path} is not ours and was left alone; the bundle has another name."));
    }
    if !carried.bundles.is_empty() {
        context.out.say("Checking  read back from the stick, identical");
    }
    if carried.stopped_by.is_none() {
        for line in done_lines(report, &carried) {
            context.out.result(&line);
        }
        context.out.json("packmule.export.v1", to_json(dir, report, &carried, cleaned));
    }
    match carried.stopped_by {
        None => Ok(Exit::Done),
        Some(error) => Err(not_all(error.into(), &carried.bundles, &carried.left)),
    }
}

/// What stands on the screen at the end, when everything is on the stick.
fn done_lines(report: &SealReport, carried: &Carried) -> Vec<String> {
    let mut lines = carried_lines(report, carried);
    let Some((name, _)) = carried.bundles.last() else {
        return vec!["Nothing has changed yet, and no bundle waits: nothing was written.".to_owned()];
    };
    lines.push("You can take the stick out now.".to_owned());
    let whose = match carried.bundles.iter().all(|(other, _)| other.to == name.to) {
        true => format!("{}'s receipt comes", name.to),
        false => "the receipts come".to_owned(),
    };
    lines.push(format!("What is on it stays \"not confirmed\" until {whose} back."));
    lines
}

fn say_read(context: &Context, report: &SealReport) {
    if report.log_rows == 0 {
        return;
    }
    let (changes, tables) = in_tables(report);
    context.out.say(&format!("Reading   what has changed: {changes} in {tables}"));
}

fn in_tables(report: &SealReport) -> (String, String) {
    (number_of(report.counts.total(), "change", "changes"), number_of(report.tables, "table", "tables"))
}

fn say_skipped(context: &Context, report: &SealReport) {
    for (table, why) in &report.skipped {
        let table = escape(table.as_str());
        context
            .out
            .say(&format!("packmule: note: table {table} was left out: {why}; its changes stay in the log"));
    }
}

/// What was removed from a stick, because a receipt covers it.
pub(super) fn say_cleaned(context: &Context, cleaned: &[(BundleName, PathBuf)]) {
    if !cleaned.is_empty() {
        let what = number_of(cleaned.len() as u64, "confirmed bundle", "confirmed bundles");
        context.out.say(&format!("Cleaning  {what} removed from the stick"));
    }
}

fn say_dry_run(context: &Context, report: &SealReport) {
    let (changes, tables) = in_tables(report);
    let line = match report.counts.total() {
        0 => "Nothing has changed since the last bundle.".to_owned(),
        _ => format!("The next bundle would hold {changes} in {tables}: {}.", by_kind(&report.counts)),
    };
    context.out.result(&line);
    say_skipped(context, report);
    context.out.result("This was a dry run: nothing was changed.");
    context.out.json(
        "packmule.export.v1",
        json!({
            "dry_run": true,
            "changes": counts_json(&report.counts),
            "tables": report.tables,
            "log_rows": report.log_rows,
            "skipped": skipped_json(report),
        }),
    );
}

fn to_json(
    dir: &Path,
    report: &SealReport,
    carried: &Carried,
    cleaned: &[(BundleName, PathBuf)],
) -> serde_json::Value {
    json!({
        "dry_run": false,
        "place": dir.to_string_lossy(),
        "sealed": sealed_json(report),
        "changes": counts_json(&report.counts),
        "tables": report.tables,
        "log_rows": report.log_rows,
        "skipped": skipped_json(report),
        "bundles": carried_json(carried),
        "cleaned": cleaned.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
    })
}

fn skipped_json(report: &SealReport) -> serde_json::Value {
    let skipped = report.skipped.iter().map(|(table, why)| json!({ "table": table.as_str(), "why": why }));
    skipped.collect()
}
