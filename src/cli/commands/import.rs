//! `packmule import`: takes in what lies on a stick, in a folder or in files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::apply::{Retried, Unparked, Without};
use crate::cli::sent::{carried_json, not_all, receivers, reply_lines};
use crate::cli::{Answer, Context, ImportArgs, stick};
use crate::config::Settings;
use crate::engine::{self, Home, Import, ImportOptions, Item, Reply, SealReport};
use crate::mailbox::display_path;
use crate::model::{Role, Site};
use crate::report::{
    Concern, Exit, Facts, Report, Told, capital, escape, number_of, tell, unparked_json, unparked_line,
    waiting,
};

/// Imports, says what became of each bundle, and ends with what to do next.
pub fn run(args: &ImportArgs, context: &Context) -> Result<Exit, Report> {
    let places = places(args, context)?;
    allow_deletes(args, context)?;
    allow_without(args, context)?;
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::work(&settings, &progress)?;
    let without = Without::new(args.without.iter().cloned());
    let options = ImportOptions {
        dry_run: args.run.dry_run,
        delete_percent_max: u64::from(args.max_delete),
        online: None,
        without: &without,
    };
    let mut import = engine::import(&mut home, &places, options)?;
    let named_a_file = places.iter().any(|place| place.is_file());
    let (met, retried, not_retried) =
        (std::mem::take(&mut import.met), std::mem::take(&mut import.retried), import.not_retried.take());
    let unparked = import.unparked;
    let mut summary = Summary::new(import, home.site(), args, named_a_file);
    summary.problems.extend(not_retried.map(Report::from));
    summary.retried = retried.followed + retried.answered > 0;
    summary.lines.extend(retried_line(&retried));
    summary.retried |= unparked.fit + unparked.lost + unparked.waits > 0;
    summary.lines.extend(unparked_line(&unparked));
    summary.unparked = unparked;
    if !args.run.dry_run {
        for one in &met {
            let stick = if met.len() == 1 { "the stick".to_owned() } else { display_path(&one.0) };
            summary.answer(&mut home, one, &stick, args);
        }
        engine::prune(&mut home)?;
    }
    progress.print_notices();
    summary.exit = summary.exit_code(args);
    summary.say(context, &settings, &places, args);
    Ok(summary.exit)
}

fn retried_line(retried: &Retried) -> Option<String> {
    let Retried { followed, answered, left } = retried;
    let mut words = Vec::new();
    if followed + answered > 0 {
        let what = number_of(followed + answered, "change that was kept is", "changes that were kept are");
        words.push(format!("{what} settled"));
    }
    if *left > 0 {
        words.push(format!(
            "{} kept here (packmule status says why)",
            number_of(*left, "change is", "changes are")
        ));
    }
    (!words.is_empty()).then(|| capital(&format!("{}.", words.join(", "))))
}

/// The folders and files that are meant. A name that is not there is an error before anything else happens.
fn places(args: &ImportArgs, context: &Context) -> Result<Vec<PathBuf>, Report> {
    if args.from.is_empty() {
        // Bundles that wait here for a migration, or for those before them, need no stick.
        return match stick::find(None, "import", context) {
            Err(_) if stick::is_none()? && engine::waits_here(&context.settings()?)? => Ok(Vec::new()),
            found => Ok(vec![found?]),
        };
    }
    for path in &args.from {
        stick::must_be_there(path)?;
    }
    Ok(args.from.clone())
}

/// A higher limit for deletes is a decision of a person.
fn allow_deletes(args: &ImportArgs, context: &Context) -> Result<(), Report> {
    if args.max_delete <= ImportOptions::DELETE_PERCENT_USUAL || args.yes || args.run.dry_run {
        return Ok(());
    }
    let question = format!("Let a bundle delete up to {}% of a table?", args.max_delete);
    match context.ask.yes_or_no(&question)? {
        Answer::Yes => Ok(()),
        Answer::No => Err(Report::new(Exit::Question, "stopped").because("nothing was changed")),
    }
}

/// To leave something out of bundles is a decision of a person.
fn allow_without(args: &ImportArgs, context: &Context) -> Result<(), Report> {
    if args.without.is_empty() || args.yes || args.run.dry_run {
        return Ok(());
    }
    let question = format!(
        "Apply bundles without {}, and keep what they hold there in conflict_log only?",
        args.without.join(", ")
    );
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
    /// What was sealed for the sites that were met.
    sealed: SealReport,
    /// What went back by the same stick.
    replies: Vec<Value>,
    /// The sites for which something lies on a stick now, each with whether that is more than receipts.
    answered: BTreeMap<Site, bool>,
    /// Whether something that was kept before has been settled.
    retried: bool,
    /// What came of changes that had been set aside because they did not fit.
    unparked: Unparked,
    /// How many sticks have what they are to bring back.
    answered_sticks: usize,
    exit: Exit,
}

impl Summary {
    fn new(import: Import, here: &Site, args: &ImportArgs, named_a_file: bool) -> Self {
        let mut told: Vec<Told> = Vec::new();
        let waiting = waiting(&import.items);
        let is_own = |item: &Item| item.name.as_ref().is_some_and(|name| name.from == *here);
        // What this site sealed itself is on its way to others. It is no news here, unless somebody asked for it.
        for item in import.items.into_iter().filter(|item| named_a_file || !is_own(item)) {
            let one = tell(item, here, &waiting, args.run.dry_run);
            // The same bundle in the inbox and on the stick, or on two sticks, is one bundle to a person. Of another
            // site's, the number may be the same.
            let same = |known: &Told| known.label == one.label && known.value["name"] == one.value["name"];
            let known = told.iter().any(|known| same(known) && (known.line == one.line || one.is_skipped));
            if !known {
                told.push(one);
            }
        }
        let problems: Vec<Report> = import.problems.into_iter().map(Report::from).collect();
        let mut summary = Summary {
            told,
            problems,
            lines: Vec::new(),
            sealed: SealReport::default(),
            replies: Vec::new(),
            answered: BTreeMap::new(),
            retried: false,
            unparked: Unparked::default(),
            answered_sticks: 0,
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
    fn answer(
        &mut self,
        home: &mut Home<'_>,
        (place, met): &(PathBuf, BTreeSet<Site>),
        stick: &str,
        args: &ImportArgs,
    ) {
        if args.clean {
            match engine::clean(home, place) {
                Ok(cleaned) if cleaned.is_empty() => {}
                Ok(cleaned) => {
                    let what =
                        number_of(cleaned.len() as u64, "confirmed bundle was", "confirmed bundles were");
                    self.lines.push(format!("{what} removed from {stick}."));
                }
                Err(error) => self.problems.push(error.into()),
            }
        }
        if args.no_reply || met.is_empty() {
            return;
        }
        match engine::reply(home, place, met) {
            Ok(reply) => self.tell_reply(reply, stick),
            Err(error) => {
                let report = Report::from(error);
                let cause = report.cause.clone().unwrap_or_else(|| report.what.clone());
                let what = format!("receipts and changes could not be written back to {stick}");
                let cause = format!("{cause}; the import itself is done, and what goes back is kept here");
                self.problems.push(Report { what, ..report }.because(cause).hint("then: packmule export"));
            }
        }
    }

    fn tell_reply(&mut self, reply: Reply, stick: &str) {
        let Reply { sealed, carried } = reply;
        for (table, why) in &sealed.skipped {
            let table = escape(table.as_str());
            let why = escape(why);
            self.lines.push(format!("Table {table} was left out: {why}; its changes stay in the log."));
        }
        // The first of several sticks seals for all of them.
        self.sealed.streams.extend(sealed.streams);
        let applied = self.told.iter().filter(|one| one.applied.is_some());
        let applied_from: BTreeSet<Site> = applied.filter_map(|one| one.from.clone()).collect();
        self.lines.extend(reply_lines(&self.sealed, &carried, &applied_from, stick));
        for (site, has_content) in receivers(&carried) {
            *self.answered.entry(site).or_default() |= has_content;
        }
        self.replies.extend(carried_json(&carried));
        match carried.stopped_by {
            None => self.answered_sticks += 1,
            Some(error) => self.problems.push(not_all(error.into(), &carried.bundles, &carried.left)),
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
        let next = self.next(settings, args);
        let reports = self.reports();
        let shown: Vec<String> = places.iter().map(|place| display_path(place)).collect();
        let shown = if shown.is_empty() { "no stick".to_owned() } else { shown.join(", ") };
        if self.told.is_empty() {
            out.prose(&format!("There are no bundles for {here} in {shown}; nothing was changed."));
        } else {
            out.prose(&format!("{shown}: {}.", self.found(settings)));
            let mut facts = Facts::flush();
            lines(&self.told, &reports).iter().for_each(|(label, line)| facts.add(label, line));
            out.facts(&facts);
            if args.run.dry_run {
                out.prose("This was a dry run: nothing was changed.");
            } else if !self.has_changed() {
                out.prose("Nothing was changed.");
            }
        }
        self.lines.iter().for_each(|line| out.prose(line));
        match self.answered_sticks {
            0 => {}
            1 => out.prose("You can take the stick out now."),
            _ => out.prose("You can take the sticks out now."),
        }
        if !out.is_json() {
            reports.iter().for_each(|report| out.report(report));
        }
        out.prose(&format!("Do next: {next}"));
        out.json(
            "packmule.import.v1",
            json!({
                "dry_run": args.run.dry_run,
                "site": here.to_string(),
                "places": places.iter().map(|place| place.to_string_lossy()).collect::<Vec<_>>(),
                "bundles": self.told.iter().map(|one| &one.value).collect::<Vec<_>>(),
                "problems": self.problems.iter().map(Report::to_value).collect::<Vec<_>>(),
                "exit": self.exit.number(),
                "set_aside_before": unparked_json(&self.unparked),
                "reply": self.replies,
                "do_next": next,
            }),
        );
    }

    /// The errors that are printed, the gravest first. Several with the same cause and cure are one.
    fn reports(&self) -> Vec<Report> {
        const REPORTS_MAX: usize = 8;
        let all = self.told.iter().filter_map(|one| one.report.as_ref()).chain(&self.problems);
        let mut reports: Vec<Report> = all.cloned().map(without_gap).collect();
        reports.sort_by_key(|report| rank(report.code));
        let mut shown: Vec<Report> = Vec::new();
        for report in reports {
            let is_known =
                shown.iter().any(|known| known.cause == report.cause && known.hints == report.hints);
            if !is_known && shown.len() < REPORTS_MAX {
                shown.push(report);
            }
        }
        shown
    }

    fn has_changed(&self) -> bool {
        self.retried || self.told.iter().any(|one| one.applied.is_some())
    }

    /// `3 bundles from 2 labs, and 1 that waited here; 2 for other sites`
    fn found(&self, settings: &Settings) -> String {
        let inbox = settings.state.join("inbox");
        let (ours, others): (Vec<&Told>, Vec<&Told>) =
            self.told.iter().partition(|one| one.concern == Concern::Ours);
        let (old, new): (Vec<&Told>, Vec<&Told>) = ours.iter().partition(|one| one.path.starts_with(&inbox));
        let found = from_sites(&new, settings.role);
        let waited = number_of(old.len() as u64, "bundle that waited here", "bundles that waited here");
        let mut words = match (new.len(), old.len()) {
            (0, 0) => Vec::new(),
            (_, 0) => vec![found],
            (0, _) => vec![format!("nothing new; {waited}")],
            (_, _) => vec![format!("{found}, and {waited}")],
        };
        if !others.is_empty() {
            words.push(number_of(others.len() as u64, "bundle for another site", "bundles for other sites"));
        }
        words.join("; ")
    }

    fn next(&self, settings: &Settings, args: &ImportArgs) -> String {
        let mut next: Vec<String> = Vec::new();
        let mut add = |words: String| {
            if !next.contains(&words) {
                next.push(words);
            }
        };
        let waiting: Vec<&str> = self.answered_with_content().map(Site::as_str).collect();
        match settings.role {
            Role::Central if !self.answered.is_empty() => {
                let sites: Vec<&str> = self.answered.keys().map(Site::as_str).collect();
                add(format!("give the stick back to {}", sites.join(", ")));
            }
            Role::Lab if !waiting.is_empty() => {
                add(format!("bring the stick to {} and back, then: packmule import", waiting.join(", ")));
            }
            Role::Central | Role::Lab => {}
        }
        self.told.iter().filter_map(|one| one.next.clone()).for_each(&mut add);
        if self.set_aside() > 0 {
            let changes = number_of(self.set_aside(), "change is", "changes are");
            add(format!("packmule conflicts list: {changes} set aside for a person"));
        }
        if next.is_empty() {
            return match self.gravest() {
                None if self.owes_answer(args) => {
                    "packmule export, which puts the receipt on a stick".to_owned()
                }
                None if !self.answered.is_empty() => {
                    "nothing; take the stick along when somebody next goes to the centre".to_owned()
                }
                None => "nothing".to_owned(),
                Some(report) => report.hints.first().cloned().unwrap_or_else(|| "packmule doctor".to_owned()),
            };
        }
        next.join("; ")
    }

    fn answered_with_content(&self) -> impl Iterator<Item = &Site> {
        self.answered.iter().filter(|(_, has_content)| **has_content).map(|(site, _)| site)
    }

    /// Whether changes were applied, and no receipt for them was put on a stick.
    fn owes_answer(&self, args: &ImportArgs) -> bool {
        let applied = self.told.iter().filter_map(|one| one.applied.as_ref());
        !args.run.dry_run
            && self.answered.is_empty()
            && applied.map(|one| one.counts.total()).sum::<u64>() > 0
    }
}

/// What a bundle waits for stands in its line, each time: the lines of one lab differ in nothing else.
fn without_gap(report: Report) -> Report {
    if report.code == Exit::Missing { Report { cause: None, ..report } } else { report }
}

/// One line a bundle. A stick keeps what has no receipt, so most of it was applied before: those share a line.
pub(in crate::cli) fn lines(told: &[Told], reports: &[Report]) -> Vec<(String, String)> {
    let shown: Vec<(&Told, &str)> = told.iter().map(|one| (one, one.line_beside(reports))).collect();
    let is_run = |(one, line): &(&Told, &str), (other, other_line): &(&Told, &str)| {
        one.from.is_some() && one.from == other.from && line == other_line && one.is_run_with(other)
    };
    shown
        .chunk_by(is_run)
        .filter_map(|run| {
            let ((first, line), (last, _)) = (run.first()?, run.last()?);
            let number = last.label.rsplit(' ').next().unwrap_or_default();
            let label = match run.len() {
                1 => first.label.clone(),
                _ => format!("{} to {number}", first.label),
            };
            Some((label, (*line).to_owned()))
        })
        .collect()
}

fn from_sites(told: &[&Told], role: Role) -> String {
    let bundles = number_of(told.len() as u64, "bundle", "bundles");
    let from: BTreeSet<&Site> = told.iter().filter_map(|one| one.from.as_ref()).collect();
    match (role, from.len()) {
        (_, 0) => bundles,
        (Role::Central, sites) => format!("{bundles} from {}", number_of(sites as u64, "lab", "labs")),
        // A lab hears of its centre alone.
        (Role::Lab, _) => {
            format!("{bundles} from {}", from.into_iter().map(Site::as_str).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The order in which errors matter.
pub(in crate::cli) fn rank(exit: Exit) -> u8 {
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
