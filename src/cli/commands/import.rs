//! `packmule import`: takes in what lies on a stick, in a folder or in files.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::arrival::{Concern, Told, tell};
use crate::cli::phrase::number_of;
use crate::cli::{Answer, Context, Exit, ImportArgs, Report, stick};
use crate::engine::{self, Home, Import, ImportOptions};
use crate::mailbox::{self, display_path};
use crate::model::Site;

/// Imports, says what became of each bundle, and ends with what to do next.
pub fn run(args: &ImportArgs, context: &Context) -> Result<Exit, Report> {
    let places = places(args, context)?;
    allow_deletes(args, context)?;
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::work(&settings, &progress)?;
    let options = ImportOptions { dry_run: args.run.dry_run, delete_percent_max: u64::from(args.max_delete) };
    let import = engine::import(&mut home, &places, options)?;
    progress.print_notices();
    let named_a_file = places.iter().any(|place| place.is_file());
    let summary = Summary::new(import, home.site(), args, named_a_file);
    summary.say(context, &settings.site, &places, args);
    Ok(summary.exit)
}

/// The folders and files that are meant. A name that is not there is an error before anything else happens.
fn places(args: &ImportArgs, context: &Context) -> Result<Vec<PathBuf>, Report> {
    if args.from.is_empty() {
        return Ok(vec![stick::find(None, "import", context)?]);
    }
    for path in &args.from {
        if let Err(source) = std::fs::metadata(path) {
            return Err(mailbox::Error::Io { path: path.clone(), source }.into());
        }
    }
    Ok(args.from.clone())
}

/// A higher limit for deletes is a decision of a person.
fn allow_deletes(args: &ImportArgs, context: &Context) -> Result<(), Report> {
    const USUAL_PERCENT: u8 = 20;
    if args.max_delete <= USUAL_PERCENT || args.yes || args.run.dry_run {
        return Ok(());
    }
    let question = format!("Let a bundle delete up to {}% of a table?", args.max_delete);
    match context.ask.yes_or_no(&question)? {
        Answer::Yes => Ok(()),
        Answer::No => Err(Report::new(Exit::Question, "stopped").because("nothing was changed")),
    }
}

/// What an import comes to.
struct Summary {
    told: Vec<Told>,
    problems: Vec<Report>,
    exit: Exit,
}

impl Summary {
    fn new(import: Import, here: &Site, args: &ImportArgs, named_a_file: bool) -> Self {
        let mut told: Vec<Told> = Vec::new();
        for item in import.items {
            let one = tell(item, here, args.run.dry_run);
            // The same bundle in the inbox and on the stick, or on two sticks, is one bundle to a person.
            let known = told.iter().any(|known| {
                known.label == one.label
                    && (known.line == one.line || one.value["outcome"] == "already-applied")
            });
            if !known {
                told.push(one);
            }
        }
        let problems: Vec<Report> = import.problems.into_iter().map(Report::from).collect();
        let mut summary = Summary { told, problems, exit: Exit::Done };
        let all_count = named_a_file || summary.told.iter().all(|one| one.concern == Concern::Others);
        if !all_count {
            for one in summary.told.iter_mut().filter(|one| one.concern == Concern::Others) {
                one.report = None;
            }
        }
        summary.exit = summary.gravest().map_or(Exit::Done, |report| report.code);
        if args.strict && matches!(summary.exit, Exit::Done | Exit::Missing) && summary.somebody_must_look() {
            summary.exit = Exit::Waits;
        }
        summary
    }

    /// The error that matters most: what failed, then what was refused, then places, then what only waits.
    fn gravest(&self) -> Option<&Report> {
        let reports = self.told.iter().filter_map(|one| one.report.as_ref()).chain(&self.problems);
        reports.min_by_key(|report| rank(report.code))
    }

    fn somebody_must_look(&self) -> bool {
        let applied = self.told.iter().filter_map(|one| one.applied);
        applied.into_iter().any(|applied| applied.conflicts + applied.parked > 0)
            || self
                .told
                .iter()
                .any(|one| one.report.as_ref().is_some_and(|report| report.code == Exit::Missing))
    }

    fn set_aside(&self) -> u64 {
        self.told.iter().filter_map(|one| one.applied).map(|applied| applied.parked).sum()
    }

    fn say(&self, context: &Context, here: &Site, places: &[PathBuf], args: &ImportArgs) {
        let out = &context.out;
        let next = self.next();
        let shown: Vec<String> = places.iter().map(|place| display_path(place)).collect();
        let shown = shown.join(", ");
        if self.told.is_empty() {
            out.result(&format!("There are no bundles for {here} in {shown}; nothing was changed."));
        } else {
            out.result(&format!("{shown}: {}.", number_of(self.told.len() as u64, "bundle", "bundles")));
            let width = self.told.iter().map(|one| one.label.chars().count()).max().unwrap_or(0).min(40);
            for one in &self.told {
                out.result(&format!("{:width$}  {}", one.label, one.line));
            }
            if args.run.dry_run {
                out.result("This was a dry run: nothing was changed.");
            } else if self.told.iter().all(|one| one.applied.is_none()) {
                out.result("Nothing was changed.");
            }
        }
        out.result(&format!("Do next: {next}"));
        out.json(
            "packmule.import.v1",
            json!({
                "dry_run": args.run.dry_run,
                "site": here.to_string(),
                "places": places.iter().map(|place| place.to_string_lossy()).collect::<Vec<_>>(),
                "bundles": self.told.iter().map(|one| &one.value).collect::<Vec<_>>(),
                "problems": self.problems.iter().map(Report::to_value).collect::<Vec<_>>(),
                "exit": self.exit.number(),
                "do_next": next,
            }),
        );
        if let Some(report) = self.gravest().filter(|_| !out.is_json()) {
            out.report(report);
        }
    }

    fn next(&self) -> String {
        let mut next: Vec<String> = Vec::new();
        let mut add = |words: String| {
            if !next.contains(&words) {
                next.push(words);
            }
        };
        self.told.iter().filter_map(|one| one.next.clone()).for_each(&mut add);
        if self.set_aside() > 0 {
            let rows = number_of(self.set_aside(), "change", "changes");
            add(format!("look at the {rows} set aside in the table conflict_log (status 'open')"));
        }
        if next.is_empty() {
            return match self.gravest() {
                None => "nothing".to_owned(),
                Some(_) => "see below".to_owned(),
            };
        }
        next.join("; ")
    }
}

/// The order in which errors matter.
fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Refused => 1,
        Exit::Stick => 2,
        Exit::Missing => 3,
        Exit::Done
        | Exit::Failed
        | Exit::WrongUse
        | Exit::Waits
        | Exit::Settings
        | Exit::Busy
        | Exit::Database
        | Exit::TablesDiffer
        | Exit::Unreachable
        | Exit::Question
        | Exit::Key
        | Exit::Doctor
        | Exit::Cancelled
        | Exit::Terminated => 0,
    }
}
