//! What is said of one bundle that an import has looked at: a line, and where it went wrong a report.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::admit::Fork;
use crate::apply::{self, Applied, ReceiptOutcome, TableMisfit};
use crate::bundle;
use crate::engine::{Error, Item, ItemOutcome};
use crate::ledger::SiteState;
use crate::mailbox::display_path;
use crate::model::{BundleName, Site};
use crate::report::Report;
use crate::report::bundle::refused;
use crate::report::exit::Exit;
use crate::report::phrase::{bundle_runs, by_kind, counts_json, number_of, without};
use crate::report::tables::{next, to_value};
use crate::report::text::escape;

/// What is said of one bundle.
#[derive(Debug)]
pub(crate) struct Told {
    /// Who and which: `lab-a 147`, or the file's name where it cannot say that much.
    pub(crate) label: String,
    /// Where it lay.
    pub(crate) path: PathBuf,
    /// Its sender, as far as it is known.
    pub(crate) from: Option<Site>,
    /// What became of it.
    pub(crate) line: String,
    /// The same in a word or two, where the report below says the rest.
    pub(crate) brief: &'static str,
    /// Whether it was applied before, and nothing was to be done.
    pub(crate) is_skipped: bool,
    /// The error, where it is one.
    pub(crate) report: Option<Report>,
    /// Whether it is this site's business.
    pub(crate) concern: Concern,
    /// What a person should do about it.
    pub(crate) next: Option<String>,
    /// What was done to the tables.
    pub(crate) applied: Option<Applied>,
    /// The same for a program.
    pub(crate) value: Value,
}

impl Told {
    /// The line in a list below which `reports` are printed: what one of them says is not said twice.
    pub(crate) fn line_beside(&self, reports: &[Report]) -> &str {
        let is_printed = |own: &Report| own.code != Exit::Missing && reports.contains(own);
        if self.report.as_ref().is_some_and(is_printed) { self.brief } else { &self.line }
    }

    /// Whether this bundle and the next, of the same line, can share it.
    pub(crate) fn is_run_with(&self, next: &Told) -> bool {
        let are_others = self.concern == Concern::Others && next.concern == Concern::Others;
        are_others || (self.is_skipped && next.is_skipped)
    }
}

/// Whose business a bundle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concern {
    /// This site's.
    Ours,
    /// Another site's; it only counts when it is all that was found.
    Others,
}

/// The bundles among `items` that lie here and are not applied: a gap does not name them.
pub(crate) fn waiting(items: &[Item]) -> Vec<BundleName> {
    let waits =
        items.iter().filter(|item| matches!(item.outcome, ItemOutcome::Waits(_) | ItemOutcome::Failed(_)));
    waits.filter_map(|item| item.name.clone()).collect()
}

/// Puts one bundle into words. `waiting` are those that wait with it; `dry_run`: nothing has really been done.
pub(crate) fn tell(item: Item, here: &Site, waiting: &[BundleName], dry_run: bool) -> Told {
    let Item { path, name, outcome } = item;
    let file = path.file_name().map_or_else(|| display_path(&path), |name| display_path(Path::new(name)));
    let label = name.as_ref().map_or(file.clone(), |name| format!("{} {}", name.from, name.seq));
    let concern = match &name {
        Some(name) if name.to != *here => Concern::Others,
        Some(_) | None => Concern::Ours,
    };
    let subject = Subject { file: &file, name: name.as_ref(), here, waiting, concern };
    let (word, brief) = (word(&outcome), brief(&outcome));
    let held = held(&outcome).as_deref().map(to_value);
    let is_skipped = matches!(outcome, ItemOutcome::AlreadyApplied);
    let (line, report, next, applied) = subject.tell(outcome, dry_run);
    let value = json!({
        "path": path.to_string_lossy(),
        "name": name.as_ref().map(ToString::to_string),
        "from": name.as_ref().map(|name| name.from.to_string()),
        "to": name.as_ref().map(|name| name.to.to_string()),
        "bundle": name.as_ref().map(|name| name.seq.number()),
        "outcome": word,
        "words": line,
        "applied": applied.as_ref().map(applied_json),
        "error": report.as_ref().map(Report::to_value),
        "held": held,
    });
    Told {
        label,
        path,
        from: name.map(|name| name.from),
        line,
        brief,
        is_skipped,
        report,
        concern,
        next,
        applied,
        value,
    }
}

type Parts = (String, Option<Report>, Option<String>, Option<Applied>);

struct Subject<'a> {
    file: &'a str,
    name: Option<&'a BundleName>,
    here: &'a Site,
    waiting: &'a [BundleName],
    concern: Concern,
}

impl Subject<'_> {
    fn tell(&self, outcome: ItemOutcome, dry_run: bool) -> Parts {
        match outcome {
            ItemOutcome::Applied(applied) => {
                let mut words = applied_words(&applied, dry_run);
                if dry_run {
                    words += &format!(" ({})", by_kind(&applied.counts));
                }
                (words, None, None, Some(applied))
            }
            ItemOutcome::AppliedWith(seq) => {
                let line = match dry_run {
                    true => format!("would be applied; counted with bundle {seq}"),
                    false => format!("applied together with bundle {seq}"),
                };
                (line, None, None, None)
            }
            ItemOutcome::AlreadyApplied => ("already applied, skipped".to_owned(), None, None, None),
            ItemOutcome::Waits(missing) => self.gap(missing),
            ItemOutcome::WaitsForRest(next) => {
                self.waits(format!("it is one snapshot with bundle {next}, which is not applied"))
            }
            ItemOutcome::Forked(fork) => self.forked(fork),
            ItemOutcome::Over => ("of a history that is over, not needed".to_owned(), None, None, None),
            ItemOutcome::NotOurs => self.not_ours(),
            ItemOutcome::Stranger(error) => match self.concern {
                Concern::Others => self.not_ours(),
                Concern::Ours => self.refused(&error),
            },
            ItemOutcome::Silenced(state) => self.silenced(state),
            ItemOutcome::Refused(error) => self.refused(&error),
            ItemOutcome::Failed(error) => match misfits(&error) {
                Some(misfits) => self.held(misfits, *error),
                None => {
                    let report = Report::from(*error);
                    (self.failed(&report), Some(report), None, None)
                }
            },
        }
    }

    /// Tables differ: the bundle waits here, and what waits behind it needs no word of its own.
    fn held(&self, misfits: Vec<TableMisfit>, error: Error) -> Parts {
        let why = misfits.iter().map(|one| escape(&one.to_string())).collect::<Vec<_>>().join("; ");
        let next = self.name.map(|name| next(name, &misfits));
        (format!("HELD: {why}"), Some(Report::from(error)), next, None)
    }

    /// Which bundle it is stands before the line already.
    fn failed(&self, report: &Report) -> String {
        let known = self.name.map(|name| format!("bundle {} of {} was not applied", name.seq, name.from));
        let rest = known.as_deref().and_then(|known| report.what.strip_prefix(known)).unwrap_or(&report.what);
        let why = match (rest.trim_start_matches(": "), &report.cause) {
            ("", Some(cause)) => cause,
            (why, _) => why,
        };
        format!("NOT applied: {}", escape(why))
    }

    /// The sender that the bundle names.
    fn sender(&self) -> String {
        self.name.map_or("the sender".to_owned(), |name| name.from.to_string())
    }

    fn bundle(&self) -> String {
        self.name.map_or(self.file.to_owned(), ToString::to_string)
    }

    /// What has not arrived; where all of it has, one before this one could not be applied.
    fn gap(&self, missing: RangeInclusive<u64>) -> Parts {
        let Some(name) = self.name else {
            return self.waits("others before it have not arrived".to_owned());
        };
        let same = |other: &&BundleName| {
            other.from == name.from
                && other.incarnation_short == name.incarnation_short
                && other.to == name.to
        };
        let there: Vec<u64> = self.waiting.iter().filter(same).map(|other| other.seq.number()).collect();
        let runs = without(missing.clone(), &there);
        let have = if matches!(runs.as_slice(), [(first, last)] if first == last) { "has" } else { "have" };
        match runs.as_slice() {
            [] => {
                let why = format!("bundle {} of {} is here and not applied", missing.start(), name.from);
                let report = Report::new(Exit::Missing, format!("bundle {} waits", self.bundle()))
                    .because(why.clone())
                    .hint("run `packmule import` again when that one can be applied");
                (format!("waits: {why}"), Some(report), None, None)
            }
            runs => self.waits(format!("{} of {} {have} not arrived", bundle_runs(runs), name.from)),
        }
    }

    fn waits(&self, why: String) -> Parts {
        let sender = self.sender();
        let report = Report::new(Exit::Missing, format!("bundle {} waits", self.bundle()))
            .because(why.clone())
            .hint(format!("ask {sender} to run `packmule export` again; it carries all that has no receipt"));
        (format!("waits: {why}"), Some(report), Some(format!("ask {sender} to export again")), None)
    }

    fn refused(&self, error: &bundle::Error) -> Parts {
        let report = refused(self.file, self.name, error);
        let next = error.new_copy_may_help().then(|| format!("ask {} to export again", self.sender()));
        (format!("refused: it {}", escape(&error.to_string())), Some(report), next, None)
    }

    fn silenced(&self, state: SiteState) -> Parts {
        let (sender, bundle) = (self.sender(), self.bundle());
        match state {
            SiteState::Suspended | SiteState::Active => {
                let why = format!("{sender} is suspended here");
                let report = Report::new(Exit::Refused, format!("bundle {bundle} waits"))
                    .because(format!("{why}; nothing was changed, and {sender} keeps it"))
                    .hint(format!("when {sender} may take part again: packmule sites resume {sender}"));
                (format!("waits: {why}"), Some(report), None, None)
            }
            SiteState::Revoked => {
                let why = format!("{sender} is revoked here");
                let report = Report::new(Exit::Refused, format!("bundle {bundle} is refused"))
                    .because(format!("{why}; nothing was changed, and that is for good"))
                    .hint(format!("if {sender} goes on, set it up anew under another name, and enrol that"));
                (format!("refused: {why}"), Some(report), None, None)
            }
        }
    }

    fn not_ours(&self) -> Parts {
        let Some(BundleName { from, to, seq, .. }) = self.name else {
            return ("left alone: it is for another site".to_owned(), None, None, None);
        };
        if from == self.here {
            return (format!("left alone: our own, on its way to {to}"), None, None, None);
        }
        let report = Report::new(Exit::Refused, format!("bundle {seq} is not for this site"))
            .because(format!("it is from {from}, for {to}; this is {}; nothing was changed", self.here))
            .hint(format!("pass the stick on to {to}"));
        (format!("left alone: for {to}"), Some(report), Some(format!("pass the stick on to {to}")), None)
    }

    fn forked(&self, fork: Fork) -> Parts {
        let sender = self.sender();
        let why = match fork {
            Fork::SameNumber => "another bundle of this number has come before".to_owned(),
            Fork::OtherChain => "it does not follow the last bundle that was applied".to_owned(),
            Fork::OtherHistory => format!("it belongs to a history of {sender} that is not known here"),
            Fork::Frozen => format!("the bundles of {sender} were stopped before; packmule status says why"),
        };
        let report = Report::new(
            Exit::Refused,
            format!("STOPPED: bundle {} does not fit what came before", self.bundle()),
        )
        .because(format!("{why}; nothing was changed, and nothing more of {sender} is applied"))
        .hint(format!(
            "ask {sender}: was its database put back from a backup, or is it at work on two computers?"
        ));
        let next =
            format!("find out what happened at {sender}; its bundles are stopped, those of others are not");
        (format!("STOPPED, NOT applied: {why}"), Some(report), Some(next), None)
    }
}

/// Why a bundle is held, where it is because tables differ.
fn held(outcome: &ItemOutcome) -> Option<Vec<TableMisfit>> {
    match outcome {
        ItemOutcome::Failed(error) => misfits(error),
        ItemOutcome::Applied(_)
        | ItemOutcome::AppliedWith(_)
        | ItemOutcome::AlreadyApplied
        | ItemOutcome::Waits(_)
        | ItemOutcome::WaitsForRest(_)
        | ItemOutcome::Forked(_)
        | ItemOutcome::Over
        | ItemOutcome::NotOurs
        | ItemOutcome::Stranger(_)
        | ItemOutcome::Silenced(_)
        | ItemOutcome::Refused(_) => None,
    }
}

fn misfits(error: &Error) -> Option<Vec<TableMisfit>> {
    let Error::Apply { source: apply::Error::TablesDiffer { misfits, .. }, .. } = error else {
        return None;
    };
    Some(misfits.clone())
}

/// `applied 1 284 changes; 2 conflicts decided, 1 set aside`
fn applied_words(applied: &Applied, dry_run: bool) -> String {
    let Applied { counts, written: _, already_there, conflicts, parked, deferred, receipt } = applied;
    let verb = if dry_run { "would apply" } else { "applied" };
    let changes = number_of(counts.total(), "change", "changes");
    let mut more = Vec::new();
    if *already_there > 0 {
        more.push(number_of(*already_there, "was there already", "were there already"));
    }
    if *conflicts > 0 {
        more.push(format!("{} decided", number_of(*conflicts, "conflict", "conflicts")));
    }
    if *parked > 0 {
        more.push(number_of(*parked, "set aside", "set aside"));
    }
    if *deferred > 0 {
        more.push(number_of(*deferred, "kept for later", "kept for later"));
    }
    let mut words = match (counts.total(), dry_run) {
        (0, false) => vec!["a receipt".to_owned()],
        _ => vec![format!("{verb} {changes}")],
    };
    if !more.is_empty() {
        words.push(more.join(", "));
    }
    match receipt {
        ReceiptOutcome::Confirmed(seq) => words.push(format!("our bundles up to {seq} are confirmed")),
        ReceiptOutcome::Foreign(seq) => {
            words.push(format!(
                "it confirms a bundle {seq} that was never sealed here: NOT believed (if this database was put back from a \
                 backup: packmule recover)"
            ));
        }
        ReceiptOutcome::NothingNew => {}
    }
    words.join("; ")
}

fn applied_json(applied: &Applied) -> Value {
    let Applied { counts, written, already_there, conflicts, parked, deferred, receipt } = applied;
    json!({
        "changes": counts_json(counts),
        "written": written,
        "already_there": already_there,
        "conflicts": conflicts,
        "set_aside": parked,
        "kept": deferred,
        "confirms": match receipt {
            ReceiptOutcome::Confirmed(seq) => Some(seq.number()),
            ReceiptOutcome::Foreign(_) | ReceiptOutcome::NothingNew => None,
        },
        "false_receipt": matches!(receipt, ReceiptOutcome::Foreign(_)),
    })
}

/// The outcome in a word or two, for a person who reads the reason below.
fn brief(outcome: &ItemOutcome) -> &'static str {
    match outcome {
        ItemOutcome::Applied(_) | ItemOutcome::AppliedWith(_) => "applied",
        ItemOutcome::AlreadyApplied => "already applied, skipped",
        ItemOutcome::Waits(_)
        | ItemOutcome::WaitsForRest(_)
        | ItemOutcome::Silenced(SiteState::Suspended) => "waits",
        ItemOutcome::Forked(_) => "STOPPED, NOT applied",
        ItemOutcome::Over => "not needed",
        ItemOutcome::NotOurs => "left alone",
        ItemOutcome::Stranger(_) | ItemOutcome::Silenced(_) | ItemOutcome::Refused(_) => "refused",
        ItemOutcome::Failed(error) if misfits(error).is_some() => "HELD",
        ItemOutcome::Failed(_) => "NOT applied",
    }
}

/// The outcome in one word, for a program.
fn word(outcome: &ItemOutcome) -> &'static str {
    match outcome {
        ItemOutcome::Applied(_) => "applied",
        ItemOutcome::AppliedWith(_) => "applied-with",
        ItemOutcome::AlreadyApplied => "already-applied",
        ItemOutcome::Waits(_) => "waits",
        ItemOutcome::WaitsForRest(_) => "waits-for-rest",
        ItemOutcome::Forked(_) => "forked",
        ItemOutcome::Over => "over",
        ItemOutcome::NotOurs => "not-ours",
        ItemOutcome::Stranger(_) => "stranger",
        ItemOutcome::Silenced(_) => "silenced",
        ItemOutcome::Refused(_) => "refused",
        ItemOutcome::Failed(error) if misfits(error).is_some() => "held",
        ItemOutcome::Failed(_) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ChangeCounts;

    fn told(outcome: ItemOutcome) -> Told {
        let name: BundleName = "lab-a.central.7f3a9c21.0000000147.mule".parse().unwrap();
        let path = format!("/media/s/{name}").into();
        tell(Item { path, name: Some(name), outcome }, &"central".parse().unwrap(), &[], false)
    }

    #[test]
    fn what_was_applied_is_counted() {
        let counts = ChangeCounts { inserts: 1120, updates: 158, deletes: 6 };
        let applied = Applied { counts, written: 1281, conflicts: 2, parked: 1, ..Applied::default() };
        let told = told(ItemOutcome::Applied(applied));
        assert_eq!(told.label, "lab-a 147");
        assert_eq!(told.line, "applied 1 284 changes; 2 conflicts decided, 1 set aside");
    }

    #[test]
    fn a_gap_is_named_exactly() {
        let told = told(ItemOutcome::Waits(31..=41));
        assert_eq!(told.line, "waits: bundles 31 to 41 of lab-a have not arrived");
        assert_eq!(
            told.report.unwrap().to_text(),
            "packmule: error: bundle lab-a.central.7f3a9c21.0000000147.mule waits\n  \
             cause: bundles 31 to 41 of lab-a have not arrived\n  \
             hint: ask lab-a to run `packmule export` again; it carries all that has no receipt\n"
        );
    }

    #[test]
    fn a_cut_copy_says_what_is_there_and_whom_to_ask() {
        let error = bundle::Error::Incomplete { have_bytes: 62_500, need_bytes: Some(98_304) };
        let report = told(ItemOutcome::Refused(error)).report.unwrap();
        assert_eq!(report.code, Exit::Refused);
        assert_eq!(
            report.to_text(),
            "packmule: error: lab-a.central.7f3a9c21.0000000147.mule is damaged: 61 KiB of 96 KiB are there\n  \
             cause: the copy was cut short; nothing was changed here, and lab-a still has these changes\n  \
             hint: ask lab-a to run `packmule export` again and to wait for \"You can take the stick out now\"\n"
        );
    }

    #[test]
    fn a_bundle_for_another_site_is_passed_on() {
        let name: BundleName = "central.lab-b.7f3a9c21.0000000012.mule".parse().unwrap();
        let item = Item { path: "/media/s/x.mule".into(), name: Some(name), outcome: ItemOutcome::NotOurs };
        let told = tell(item, &"lab-a".parse().unwrap(), &[], false);
        assert_eq!((told.line.as_str(), told.concern), ("left alone: for lab-b", Concern::Others));
        assert_eq!(
            told.report.unwrap().to_text(),
            "packmule: error: bundle 12 is not for this site\n  \
             cause: it is from central, for lab-b; this is lab-a; nothing was changed\n  \
             hint: pass the stick on to lab-b\n"
        );
    }
}
