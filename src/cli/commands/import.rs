//! `packmule import`: takes in what lies on a stick, in a folder or in files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::apply::Retried;
use crate::cli::arrival::{Concern, Told, tell, waiting};
use crate::cli::phrase::number_of;
use crate::cli::sent::{carried_json, not_all};
use crate::cli::{Answer, Context, Exit, ImportArgs, Report, stick};
use crate::config::Settings;
use crate::engine::{self, Carried, Home, Import, ImportOptions, Reply, SealReport};
use crate::mailbox::display_path;
use crate::model::{BundleKind, Role, Site};

/// Imports, says what became of each bundle, and ends with what to do next.
pub fn run(args: &ImportArgs, context: &Context) -> Result<Exit, Report> {
    let places = places(args, context)?;
    allow_deletes(args, context)?;
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::work(&settings, &progress)?;
    let options = ImportOptions { dry_run: args.run.dry_run, delete_percent_max: u64::from(args.max_delete) };
    let mut import = engine::import(&mut home, &places, options)?;
    let named_a_file = places.iter().any(|place| place.is_file());
    let (met, retried, not_retried) =
        (std::mem::take(&mut import.met), std::mem::take(&mut import.retried), import.not_retried.take());
    let mut summary = Summary::new(import, home.site(), args, named_a_file);
    summary.problems.extend(not_retried.map(Report::from));
    summary.lines.extend(retried_lines(&retried));
    if !args.run.dry_run {
        for (place, sites) in &met {
            summary.answer(&mut home, place, sites, args);
        }
        engine::prune(&mut home)?;
    }
    progress.print_notices();
    summary.exit = summary.exit_code(args);
    summary.say(context, &settings, &places, args);
    Ok(summary.exit)
}

fn retried_lines(retried: &Retried) -> Option<String> {
    let Retried { followed, answered, left } = retried;
    let mut words = Vec::new();
    if followed + answered > 0 {
        let what = number_of(followed + answered, "change that was kept is", "changes that were kept are");
        words.push(format!("{what} settled"));
    }
    if *left > 0 {
        words.push(format!("{} kept until they fit", number_of(*left, "change is", "changes are")));
    }
    (!words.is_empty()).then(|| format!("From before: {}.", words.join(", ")))
}

/// The folders and files that are meant. A name that is not there is an error before anything else happens.
fn places(args: &ImportArgs, context: &Context) -> Result<Vec<PathBuf>, Report> {
    if args.from.is_empty() {
        return Ok(vec![stick::find(None, "import", context)?]);
    }
    for path in &args.from {
        stick::must_be_there(path)?;
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
    /// What is said below the bundles.
    lines: Vec<String>,
    /// What went back by the same stick.
    replies: Vec<Value>,
    /// The sites for which something went back.
    answered: BTreeSet<Site>,
    exit: Exit,
}

impl Summary {
    fn new(import: Import, here: &Site, args: &ImportArgs, named_a_file: bool) -> Self {
        let mut told: Vec<Told> = Vec::new();
        let waiting = waiting(&import.items);
        for item in import.items {
            let one = tell(item, here, &waiting, args.run.dry_run);
            // The same bundle in the inbox and on the stick, or on two sticks, is one bundle to a person.
            let known = told
                .iter()
                .any(|known| known.label == one.label && (known.line == one.line || one.is_skipped));
            if !known {
                told.push(one);
            }
        }
        let problems: Vec<Report> = import.problems.into_iter().map(Report::from).collect();
        let mut summary = Summary {
            told,
            problems,
            lines: Vec::new(),
            replies: Vec::new(),
            answered: BTreeSet::new(),
            exit: Exit::Done,
        };
        let all_count = named_a_file || summary.told.iter().all(|one| one.concern == Concern::Others);
        if !all_count {
            for one in summary.told.iter_mut().filter(|one| one.concern == Concern::Others) {
                one.report = None;
                one.next = one.next.take().filter(|_| one.value["outcome"] == "not-ours");
            }
        }
        summary.exit = summary.exit_code(args);
        summary
    }

    fn exit_code(&self, args: &ImportArgs) -> Exit {
        let exit = self.gravest().map_or(Exit::Done, |report| report.code);
        let is_mild = matches!(exit, Exit::Done | Exit::Missing);
        if is_mild && args.strict && self.somebody_must_look() { Exit::Waits } else { exit }
    }

    /// Writes receipts and what waits for the sites that were met back to the stick. That it cannot be written does
    /// not undo the import: it is said, and the next `export` does it.
    fn answer(&mut self, home: &mut Home<'_>, place: &Path, met: &BTreeSet<Site>, args: &ImportArgs) {
        if args.clean {
            match engine::clean(home, place) {
                Ok(cleaned) if cleaned.is_empty() => {}
                Ok(cleaned) => {
                    let what =
                        number_of(cleaned.len() as u64, "confirmed bundle was", "confirmed bundles were");
                    self.lines.push(format!("{what} removed from the stick."));
                }
                Err(error) => self.problems.push(error.into()),
            }
        }
        if args.no_reply || met.is_empty() {
            return;
        }
        match engine::reply(home, place, met) {
            Ok(reply) => self.tell_reply(reply),
            Err(error) => {
                let report = Report::from(error);
                let cause = report.cause.clone().unwrap_or_else(|| report.what.clone());
                let what = "receipts and changes could not be written back to the stick".to_owned();
                self.problems
                    .push(Report { what, ..report }.because(format!("{cause}; the import itself is done")));
            }
        }
    }

    fn tell_reply(&mut self, reply: Reply) {
        let Reply { sealed, carried } = reply;
        if !carried.bundles.is_empty() {
            self.lines.push(format!("{} written to the stick.", reply_words(&sealed, &carried)));
            self.lines.push("You can take the stick out now.".to_owned());
            self.answered.extend(carried.bundles.iter().map(|(name, _)| name.to.clone()));
        }
        self.replies.extend(carried_json(&carried));
        if let Some(error) = carried.stopped_by {
            self.problems.push(not_all(error.into(), &carried.bundles, &carried.left));
        }
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

    fn say(&self, context: &Context, settings: &Settings, places: &[PathBuf], args: &ImportArgs) {
        let here = &settings.site;
        let out = &context.out;
        let next = self.next();
        let shown: Vec<String> = places.iter().map(|place| display_path(place)).collect();
        let shown = shown.join(", ");
        if self.told.is_empty() {
            out.result(&format!("There are no bundles for {here} in {shown}; nothing was changed."));
        } else {
            out.result(&format!("{shown}: {}.", self.found(settings)));
            for line in lines(&self.told) {
                out.result(&line);
            }
            if args.run.dry_run {
                out.result("This was a dry run: nothing was changed.");
            } else if self.lines.is_empty() && self.told.iter().all(|one| one.applied.is_none()) {
                out.result("Nothing was changed.");
            }
        }
        for line in &self.lines {
            out.result(line);
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
                "reply": self.replies,
                "do_next": next,
            }),
        );
        if let Some(report) = self.gravest().filter(|_| !out.is_json()) {
            out.report(report);
        }
    }

    /// `3 bundles from 2 labs, and 1 that waited here`
    fn found(&self, settings: &Settings) -> String {
        let inbox = settings.state.join("inbox");
        let (old, new): (Vec<&Told>, Vec<&Told>) =
            self.told.iter().partition(|one| one.path.starts_with(&inbox));
        let found = from_sites(&new, settings.role);
        let waited = number_of(old.len() as u64, "bundle that waited here", "bundles that waited here");
        match (new.len(), old.len()) {
            (_, 0) => found,
            (0, _) => format!("nothing new; {waited}"),
            (_, _) => format!("{found}, and {waited}"),
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
        if !self.answered.is_empty() {
            let sites: Vec<&str> = self.answered.iter().map(Site::as_str).collect();
            add(format!("bring the stick to {}", sites.join(", ")));
        }
        if self.set_aside() > 0 {
            let changes = number_of(self.set_aside(), "change is", "changes are");
            add(format!("look into the table conflict_log, where {changes} set aside (status 'open')"));
        }
        if next.is_empty() {
            return match self.gravest() {
                None => "nothing".to_owned(),
                Some(report) => report.hints.first().cloned().unwrap_or_else(|| "packmule doctor".to_owned()),
            };
        }
        next.join("; ")
    }
}

/// `Receipts and 310 changes for lab-a were`
fn reply_words(sealed: &SealReport, carried: &Carried) -> String {
    let mut parts = Vec::new();
    let to: BTreeSet<&Site> = carried.bundles.iter().map(|(name, _)| &name.to).collect();
    for site in to {
        let new = sealed.streams.iter().find(|stream| stream.to == *site);
        parts.push(match new.map(|stream| (stream.kind(), stream.counts())) {
            Some((BundleKind::Changes, counts)) => {
                format!("a receipt and {} for {site}", number_of(counts.total(), "change", "changes"))
            }
            Some((BundleKind::Snapshot, counts)) => {
                format!("all {} for {site}, to start from,", number_of(counts.inserts, "row", "rows"))
            }
            Some((BundleKind::Receipt, _)) => format!("a receipt for {site}"),
            None => format!("what {site} has not confirmed yet"),
        });
    }
    let words = parts.join(", ");
    let mut chars = words.chars();
    let words: String =
        chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect());
    if parts.len() == 1 { format!("{words} was") } else { format!("{words} were") }
}

/// One line a bundle. A stick keeps what has no receipt, so most of it was applied before: those share a line.
fn lines(told: &[Told]) -> Vec<String> {
    let is_run = |one: &Told, other: &Told| {
        one.from.is_some()
            && one.from == other.from
            && one.line == other.line
            && one.is_skipped
            && other.is_skipped
    };
    let labels: Vec<(String, &str)> = told
        .chunk_by(is_run)
        .filter_map(|run| {
            let (first, last) = (run.first()?, run.last()?);
            let number = last.label.rsplit(' ').next().unwrap_or_default();
            let label = match run.len() {
                1 => first.label.clone(),
                _ => format!("{} to {number}", first.label),
            };
            Some((label, first.line.as_str()))
        })
        .collect();
    let width = labels.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0).min(40);
    labels.iter().map(|(label, line)| format!("{label:width$}  {line}")).collect()
}

fn from_sites(told: &[&Told], role: Role) -> String {
    let bundles = number_of(told.len() as u64, "bundle", "bundles");
    let from: BTreeSet<&Site> = told.iter().filter_map(|one| one.from.as_ref()).collect();
    let (one, many) = match role {
        Role::Central => ("lab", "labs"),
        Role::Lab => ("site", "sites"),
    };
    match from.len() {
        0 => bundles,
        sites => format!("{bundles} from {}", number_of(sites as u64, one, many)),
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
