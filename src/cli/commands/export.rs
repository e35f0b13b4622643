//! `packmule export`: seals what has changed and copies everything without a receipt to a stick.

use std::path::Path;

use serde_json::json;

use crate::cli::phrase::{bundles, by_kind, counts_json, is_are, number_of};
use crate::cli::report_engine::centre_does_not_send;
use crate::cli::text::{disk_size, escape};
use crate::cli::{Context, Exit, ExportArgs, Report, stick};
use crate::engine::{self, Carried, Home, SealReport};
use crate::mailbox::{Outcome, Stick, display_path};
use crate::model::{BundleName, Role};

/// Seals and carries, and says when the stick can be taken out.
pub fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    if settings.role == Role::Central {
        return Err(centre_does_not_send(&settings.site));
    }
    let progress = context.progress()?;
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
    let carried = engine::carry(&mut home, &dir).map_err(|error| kept(error.into(), &report))?;
    progress.print_notices();
    say_skipped(context, &report);
    finish(context, &dir, &report, carried)
}

fn finish(context: &Context, dir: &Path, report: &SealReport, carried: Carried) -> Result<Exit, Report> {
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
        context.out.json("packmule.export.v1", to_json(dir, report, &carried));
    }
    let on_stick = numbers(carried.bundles.iter().map(|(name, _)| name));
    let left = numbers(carried.left.iter());
    match carried.stopped_by {
        None => Ok(Exit::Done),
        Some(error) => Err(not_all(error.into(), &on_stick, &left)),
    }
}

/// What stands on the screen at the end, when everything is on the stick.
fn done_lines(report: &SealReport, carried: &Carried) -> Vec<String> {
    let Some((name, _)) = carried.bundles.last() else {
        return vec!["Nothing has changed yet, and no bundle waits: nothing was written.".to_owned()];
    };
    let new = numbers(report.names.iter());
    let all = numbers(carried.bundles.iter().map(|(name, _)| name));
    let older: Vec<u64> = all.iter().copied().filter(|number| !new.contains(number)).collect();
    let mut lines = Vec::new();
    if new.is_empty() {
        lines.push(format!("Nothing has changed since bundle {}.", name.seq));
    } else {
        let (what, are) = (capital(&bundles(&new)), is_are(new.len()));
        lines.push(format!("{what} for {} {are} on the stick: {}.", name.to, by_kind(&report.counts)));
    }
    if !older.is_empty() {
        let (what, are) = (capital(&bundles(&older)), is_are(older.len()));
        let too = if new.is_empty() { "" } else { " too" };
        lines.push(format!("{what} for {} {are} on the stick{too}, not confirmed yet.", name.to));
    }
    lines.push("You can take the stick out now.".to_owned());
    lines.push(format!("These changes stay \"not confirmed\" until {}'s receipt comes back.", name.to));
    lines
}

fn say_read(context: &Context, report: &SealReport) {
    if let Some(first) = report.names.first() {
        let (changes, tables) = in_tables(report);
        let since = match first.seq.number() - 1 {
            0 => "the first changes".to_owned(),
            before => format!("changes since bundle {before}"),
        };
        context.out.say(&format!("Reading   {since}: {changes} in {tables}"));
    }
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

fn to_json(dir: &Path, report: &SealReport, carried: &Carried) -> serde_json::Value {
    let bundles: Vec<_> = carried
        .bundles
        .iter()
        .map(|(name, outcome)| json!({ "bundle": name.seq.number(), "name": name.to_string(), "to": name.to.to_string(), "copy": word(*outcome) }))
        .collect();
    json!({
        "dry_run": false,
        "place": dir.to_string_lossy(),
        "sealed": numbers(report.names.iter()),
        "changes": counts_json(&report.counts),
        "tables": report.tables,
        "log_rows": report.log_rows,
        "skipped": skipped_json(report),
        "bundles": bundles,
    })
}

fn skipped_json(report: &SealReport) -> serde_json::Value {
    let skipped = report.skipped.iter().map(|(table, why)| json!({ "table": table.as_str(), "why": why }));
    skipped.collect()
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Written => "written",
        Outcome::Replaced => "replaced",
        Outcome::AlreadyThere => "there",
    }
}

/// The stick failed after the bundle was sealed: nothing is lost, and that must be said.
fn kept(report: Report, sealed: &SealReport) -> Report {
    let new = numbers(sealed.names.iter());
    if new.is_empty() {
        return report;
    }
    let safe = format!("{} {} safe in this computer's outbox", bundles(&new), is_are(new.len()));
    let cause = report.cause.clone().map_or(safe.clone(), |cause| format!("{cause}; {safe}"));
    report.because(cause)
}

/// The stick became full: which bundles are on it and which are not.
fn not_all(report: Report, on_stick: &[u64], left: &[u64]) -> Report {
    let missing = format!("{} {} not on it, but safe in the outbox", bundles(left), is_are(left.len()));
    let there = match on_stick.len() {
        0 => missing,
        many => format!("{} {} on it and complete; {missing}", bundles(on_stick), is_are(many)),
    };
    let cause = report.cause.clone().map_or(there.clone(), |cause| format!("{cause}; {there}"));
    report.because(cause)
}

fn numbers<'n>(names: impl Iterator<Item = &'n BundleName>) -> Vec<u64> {
    names.map(|name| name.seq.number()).collect()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ChangeCounts;

    fn name(seq: u64) -> BundleName {
        format!("lab-a.central.7f3a9c21.{seq:010}.mule").parse().unwrap()
    }

    fn carried(numbers: &[u64]) -> Carried {
        let bundles = numbers.iter().map(|seq| (name(*seq), Outcome::Written)).collect();
        Carried { bundles, ..Carried::default() }
    }

    #[test]
    fn what_is_on_the_stick_is_named() {
        let counts = ChangeCounts { inserts: 1120, updates: 158, deletes: 6 };
        let report = SealReport { names: vec![name(147)], counts, ..SealReport::default() };
        assert_eq!(
            done_lines(&report, &carried(&[146, 147])),
            [
                "Bundle 147 for central is on the stick: insert 1 120, update 158, delete 6.",
                "Bundle 146 for central is on the stick too, not confirmed yet.",
                "You can take the stick out now.",
                "These changes stay \"not confirmed\" until central's receipt comes back.",
            ]
        );
    }

    #[test]
    fn without_news_the_older_bundles_are_carried_all_the_same() {
        let lines = done_lines(&SealReport::default(), &carried(&[145, 146]));
        assert_eq!(lines[0], "Nothing has changed since bundle 146.");
        assert_eq!(lines[1], "Bundles 145, 146 for central are on the stick, not confirmed yet.");
        assert_eq!(done_lines(&SealReport::default(), &Carried::default()).len(), 1);
    }

    #[test]
    fn a_full_stick_says_what_is_on_it_and_what_is_not() {
        let full =
            crate::mailbox::Error::Full { place: "/media/s".into(), need_bytes: 98_304, free_bytes: 12_000 };
        let report = not_all(full.into(), &[145, 146], &[147]);
        assert_eq!(
            report.to_text(),
            "packmule: error: /media/s is full\n  \
             cause: 98 kB are needed, and 12 kB are free; bundles 145, 146 are on it and complete; \
             bundle 147 is not on it, but safe in the outbox\n  \
             hint: make room on it or take another stick, then run the same command again\n"
        );
        assert_eq!(report.code, Exit::Stick);
    }
}
