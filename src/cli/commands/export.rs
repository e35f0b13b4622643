//! `packmule export`: seals what has changed and copies everything without a receipt to a stick.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::sent::{carried_json, carried_lines, kept, not_all, receivers, sealed_json};
use crate::cli::{Context, ExportArgs, stick};
use crate::config::Settings;
use crate::engine::{self, Carried, CarryTo, Home, PeerStatus, SealReport};
use crate::ledger::SiteState;
use crate::mailbox::{Stick, display_path};
use crate::model::{BundleName, Role, Site};
use crate::report::{
    Exit, Report, bundles, by_kind, counts_json, disk_size, escape, number_of, unparked_json, unparked_line,
};

/// Seals and carries, and says when the stick can be taken out.
pub fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let to = carry_to(args, &settings)?;
    if args.run.dry_run {
        let mut home = Home::look(&settings, &progress)?;
        engine::expect_active_labs(&home, &args.to)?;
        let report = engine::count_unsealed(&mut home)?;
        let labs = match settings.role {
            Role::Central => engine::sites(&mut home)?,
            Role::Lab => Vec::new(),
        };
        progress.print_notices();
        say_dry_run(context, &report, &for_labs(&labs, &to));
        return Ok(Exit::Done);
    }
    let dir = stick::find(args.dir.as_deref(), "export", context)?;
    // Before anything is sealed: the folder must be there.
    let stick = Stick::open(&dir)?;
    if let Ok(free_bytes) = stick.free_bytes() {
        context.out.say(&format!("Stick {}, {} free.", display_path(&dir), disk_size(free_bytes)));
    }
    let mut home = Home::work(&settings, &progress)?;
    engine::expect_active_labs(&home, &args.to)?;
    let report = engine::seal(&mut home)?;
    say_read(context, &report);
    let cleaned = if args.clean { engine::clean(&mut home, &dir)? } else { Vec::new() };
    say_cleaned(context, &cleaned);
    let carried = engine::carry(&mut home, &dir, &to).map_err(|error| kept(error.into(), &report))?;
    engine::prune(&mut home)?;
    progress.print_notices();
    say_skipped(context, &report);
    unparked_line(&report.unparked).iter().for_each(|line| context.out.say(line));
    let done = Done { dir: &dir, to: &to, role: settings.role, has_started: home.has_started()? };
    done.finish(context, &report, carried, &cleaned)
}

/// Whom the export is for. At a lab there is only the centre.
fn carry_to(args: &ExportArgs, settings: &Settings) -> Result<CarryTo, Report> {
    match (settings.role, args.to.as_slice()) {
        (_, []) => Ok(CarryTo::All),
        (Role::Central, sites) => Ok(CarryTo::Only(sites.iter().cloned().collect())),
        (Role::Lab, _) => Err(Report::new(Exit::WrongUse, "--to is for the centre")
            .because("a lab's changes go to its centre, which passes them on")
            .hint("packmule export")),
    }
}

/// What an export was for, once it is done.
struct Done<'a> {
    dir: &'a Path,
    to: &'a CarryTo,
    role: Role,
    has_started: bool,
}

impl Done<'_> {
    fn finish(
        &self,
        context: &Context,
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
        if let Some(error) = carried.stopped_by {
            return Err(not_all(error.into(), &carried.bundles, &carried.left));
        }
        let next = self.next(&carried);
        for line in self.lines(report, &carried) {
            context.out.prose(&line);
        }
        context.out.prose(&format!("Do next: {next}"));
        context.out.json("packmule.export.v1", to_json(self.dir, report, &carried, cleaned, &next));
        Ok(Exit::Done)
    }

    /// What stands on the screen at the end, when everything is on the stick.
    fn lines(&self, report: &SealReport, carried: &Carried) -> Vec<String> {
        const OUT: &str = "You can take the stick out now.";
        let mut lines = carried_lines(report, carried);
        if lines.is_empty() {
            return match (self.role, self.has_started) {
                (Role::Central, _) => {
                    vec![format!("Nothing waits for {}: nothing was written.", self.whom())]
                }
                (Role::Lab, true) => {
                    vec!["Nothing has changed, and nothing waits here.".to_owned(), OUT.to_owned()]
                }
                (Role::Lab, false) => {
                    let ready =
                        "Nothing has changed yet; the stick is ready for the centre to put its rows on it.";
                    vec![ready.to_owned(), OUT.to_owned()]
                }
            };
        }
        lines.push(OUT.to_owned());
        let waiting: Vec<Site> = whose_content(carried);
        match waiting.as_slice() {
            // Nobody waits for the confirmation of a receipt.
            [] => {}
            [site] => {
                lines.push(format!("These changes stay \"not confirmed\" until {site}'s receipt comes back."))
            }
            _ => lines.push("These changes stay \"not confirmed\" until the receipts come back.".to_owned()),
        }
        lines
    }

    fn whom(&self) -> String {
        match self.to {
            CarryTo::All => "any lab".to_owned(),
            CarryTo::Only(sites) => sites.iter().map(Site::as_str).collect::<Vec<_>>().join(", "),
        }
    }

    fn next(&self, carried: &Carried) -> String {
        let sites: Vec<String> = receivers(carried).into_keys().map(|site| site.to_string()).collect();
        match (self.role, sites.as_slice()) {
            (Role::Central, []) => "nothing".to_owned(),
            (Role::Central, [site]) => format!("bring the stick to {site}; there: packmule import"),
            (Role::Central, sites) => {
                format!("bring the stick to each of {}; there: packmule import", sites.join(", "))
            }
            (Role::Lab, _) if !self.has_started || !whose_content(carried).is_empty() => {
                "bring the stick to the centre; when it is back: packmule import".to_owned()
            }
            (Role::Lab, _) => {
                "nothing; take the stick along when somebody next goes to the centre".to_owned()
            }
        }
    }
}

/// The sites for which there is more on the stick than receipts.
fn whose_content(carried: &Carried) -> Vec<Site> {
    receivers(carried).into_iter().filter(|(_, has_content)| *has_content).map(|(site, _)| site).collect()
}

fn say_read(context: &Context, report: &SealReport) {
    if report.counts.total() == 0 {
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
fn say_cleaned(context: &Context, cleaned: &[(BundleName, PathBuf)]) {
    if !cleaned.is_empty() {
        let what = number_of(cleaned.len() as u64, "confirmed bundle", "confirmed bundles");
        context.out.say(&format!("Cleaning  {what} removed from the stick"));
    }
}

/// What each lab would be sent, at the centre.
fn for_labs(labs: &[PeerStatus], to: &CarryTo) -> Vec<String> {
    let is_meant = |lab: &&PeerStatus| {
        let is_named = match to {
            CarryTo::All => true,
            CarryTo::Only(sites) => sites.contains(&lab.site),
        };
        is_named && lab.state == SiteState::Active
    };
    let words = |lab: &PeerStatus| {
        let new = match (lab.wants_snapshot, lab.unsealed) {
            (true, _) => "all rows".to_owned(),
            (false, 0) => "no new edits".to_owned(),
            (false, edits) => number_of(edits, "new edit", "new edits"),
        };
        let older: Vec<u64> = [lab.at_home.bundles.as_slice(), lab.under_way.bundles.as_slice()].concat();
        let too = if older.is_empty() { String::new() } else { format!(", and {} again", bundles(&older)) };
        format!("For {}: {new}{too}.", lab.site)
    };
    labs.iter().filter(is_meant).map(words).collect()
}

fn say_dry_run(context: &Context, report: &SealReport, for_labs: &[String]) {
    let (changes, tables) = in_tables(report);
    let line = match report.counts.total() {
        0 => "Nothing has changed since the last bundle.".to_owned(),
        _ => format!("The next bundle would hold {changes} in {tables}: {}.", by_kind(&report.counts)),
    };
    match for_labs {
        [] => context.out.prose(&line),
        lines => lines.iter().for_each(|line| context.out.prose(line)),
    }
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
    next: &str,
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
        "set_aside_before": unparked_json(&report.unparked),
        "cleaned": cleaned.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
        "do_next": next,
    })
}

fn skipped_json(report: &SealReport) -> serde_json::Value {
    let skipped = report.skipped.iter().map(|(table, why)| json!({ "table": table.as_str(), "why": why }));
    skipped.collect()
}
