//! Takes what lies on a stick or in files: verify, admit, copy, apply. One bad bundle never stops the others.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::admit::{Facts, Fork, Verdict, admit};
use crate::apply::{self, Applied, Context, Part};
use crate::bundle::{self, Checked};
use crate::db::Catalog;
use crate::engine::arrivals::{Waiting, by_stream};
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::intake::Rejected;
use crate::ledger::{self, SiteState, StreamState};
use crate::mailbox::{self, Found, Scan, scan};
use crate::model::{BundleName, Digest, Seq, StreamId, TableName};
use crate::monitor::Notice;

/// How an import is done.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions {
    /// Whether everything is rolled back at the end, to see what it would do.
    pub dry_run: bool,
    /// Which share of a table's rows a bundle may delete, in percent.
    pub delete_percent_max: u64,
}

/// What an import found and did.
#[derive(Debug, Default)]
pub struct Import {
    /// Every bundle that was looked at, in the order in which it was; of several copies of one, only one.
    pub items: Vec<Item>,
    /// Places that could not be read.
    pub problems: Vec<mailbox::Error>,
}

/// One bundle and what became of it.
#[derive(Debug)]
pub struct Item {
    /// Where it lay.
    pub path: PathBuf,
    /// Its name, as far as it can be known: proven where the signature is, else what the file claims.
    pub name: Option<BundleName>,
    /// What became of it.
    pub outcome: ItemOutcome,
}

/// What became of a bundle.
#[derive(Debug)]
pub enum ItemOutcome {
    /// Its changes are in the tables, with a ledger row. (In a dry run: would be.)
    Applied(Applied),
    /// It was applied together with the one named: they are one snapshot.
    AppliedWith(Seq),
    /// It was applied before.
    AlreadyApplied,
    /// It lies in the inbox until these have come.
    Waits(RangeInclusive<u64>),
    /// It lies in the inbox until the rest of its snapshot has come, from this number on.
    WaitsForRest(u64),
    /// The stream has two continuations; it is stopped until a person has looked.
    Forked(Fork),
    /// It is for another site.
    NotOurs,
    /// Nobody here knows the key that signed it.
    Stranger(bundle::Error),
    /// Its site is suspended or revoked.
    Silenced(SiteState),
    /// It is damaged, forged, too new, or no bundle.
    Refused(bundle::Error),
    /// It is fine and could not be applied; it lies in the inbox, and nothing has changed.
    Failed(Box<Error>),
}

/// Imports everything that `places`, folders or files, hold for this site, and what waited in the inbox.
pub fn import(home: &mut Home<'_>, places: &[PathBuf], options: ImportOptions) -> Result<Import, Error> {
    for part in home.inbox.parts()? {
        home.inbox.remove_part(&part.name)?;
    }
    let mut import = Import::default();
    let mut waiting = Vec::new();
    let inbox = scan(&[home.inbox.path().to_path_buf()], bundle::limits::BUNDLE_BYTES_MAX);
    let outside = scan(places, bundle::limits::BUNDLE_BYTES_MAX);
    for (found, in_inbox) in [(inbox, true), (outside, false)] {
        let Scan { bundles, torn, problems } = found;
        import.problems.extend(problems);
        for one in bundles.into_iter().chain(torn) {
            if let Some(one) = look(home, one, in_inbox, &mut import) {
                waiting.push(one);
            }
        }
    }
    let catalog = Catalog::load(&mut home.session)?;
    let shared = ledger::shared_tables(&mut home.session)?;
    let tables = Tables { catalog, shared };
    for (stream, group) in by_stream(waiting) {
        receive_stream(home, &tables, &stream, group, options, &mut import.items)?;
    }
    Ok(import)
}

/// The tables here, read once for all bundles.
struct Tables {
    catalog: Catalog,
    shared: BTreeSet<TableName>,
}

/// Reads a file's head. What cannot be used is put down in `import`.
fn look(home: &Home<'_>, found: Found, in_inbox: bool, import: &mut Import) -> Option<Waiting> {
    let mut file = match mailbox::open_file(&found.path) {
        Ok(file) => file,
        Err(error) => {
            import.problems.push(error);
            return None;
        }
    };
    let (name, outcome) = match home.take_in(&found, in_inbox, &mut file) {
        Ok(waiting) => return Some(waiting),
        Err(Rejected::Bundle(error)) => (found.name_hint.clone(), ItemOutcome::Refused(error)),
        Err(Rejected::NotOurs { name }) => (Some(name), ItemOutcome::NotOurs),
        Err(Rejected::Stranger { claims, source }) => (claims, ItemOutcome::Stranger(source)),
        Err(Rejected::Silenced { name, state }) => (Some(name), ItemOutcome::Silenced(state)),
    };
    import.items.push(Item { path: found.path, name, outcome });
    None
}

/// A private copy that is proven, ready to be applied.
struct Ready {
    path: PathBuf,
    name: BundleName,
    checked: Checked,
    size_bytes: u64,
    in_inbox_before: bool,
}

/// How far one import has come in one stream.
struct Reading {
    /// Proven bundles that are to be applied together.
    ready: Vec<Ready>,
    /// What is applied or ready to be: the ledger's word, moved on by each bundle that fits.
    last: Option<(Seq, Digest)>,
    /// The first bundle that could not be applied: those after it wait.
    failed: Option<u64>,
    /// What was dealt with.
    done: BTreeSet<(Seq, Digest)>,
}

fn receive_stream(
    home: &mut Home<'_>,
    tables: &Tables,
    stream: &StreamId,
    group: Vec<Waiting>,
    options: ImportOptions,
    items: &mut Vec<Item>,
) -> Result<(), Error> {
    let last = ledger::open_stream(&mut home.session, stream)?.last;
    let mut reading = Reading { ready: Vec::new(), last, failed: None, done: BTreeSet::new() };
    for waiting in group {
        let this = (waiting.name().seq, waiting.verified.digest());
        // Another copy of what was just dealt with, such as the one on the stick of a bundle that waits here.
        if reading.done.contains(&this) {
            continue;
        }
        let outcome = judge(home, stream, &waiting, &mut reading, options)?;
        if !matches!(outcome, Some(ItemOutcome::Refused(_))) {
            reading.done.insert(this);
        }
        let (path, name) = (waiting.path.clone(), Some(waiting.name()));
        items.extend(outcome.map(|outcome| Item { path, name, outcome }));
        let is_whole = reading.ready.last().is_some_and(|one| !one.checked.manifest().continues());
        if is_whole && !options.dry_run {
            let ready = std::mem::take(&mut reading.ready);
            let first = ready.first().map(|one| one.name.seq.number());
            if !apply_ready(home, tables, stream, ready, options, items)? {
                reading.failed = first;
            }
        }
    }
    finish_ready(home, tables, stream, reading.ready, options, items)
}

/// Decides about one bundle. `None`: it is proven and ready, and its outcome comes when it is applied.
fn judge(
    home: &mut Home<'_>,
    stream: &StreamId,
    waiting: &Waiting,
    reading: &mut Reading,
    options: ImportOptions,
) -> Result<Option<ItemOutcome>, Error> {
    let name = waiting.name();
    Ok(match verdict(home, waiting, reading.last, &reading.ready)? {
        Verdict::NotOurs => Some(ItemOutcome::NotOurs),
        // Read to its end all the same: a copy that does not keep its bytes is a stick that fails.
        Verdict::Duplicate => match prove(waiting) {
            Ok(()) => {
                forget(home, waiting)?;
                Some(ItemOutcome::AlreadyApplied)
            }
            Err(error) => Some(ItemOutcome::Refused(error)),
        },
        Verdict::Fork(fork) => {
            freeze(home, stream, waiting, fork, options)?;
            Some(ItemOutcome::Forked(fork))
        }
        // Copies were left out already: another bundle of this number waits.
        Verdict::Gap { .. } if reading.done.iter().any(|(seq, _)| *seq == name.seq) => {
            freeze(home, stream, waiting, Fork::SameNumber, options)?;
            Some(ItemOutcome::Forked(Fork::SameNumber))
        }
        Verdict::Gap { missing } => Some(wait(home, waiting, missing, options)?),
        Verdict::Next => match keep(home, waiting)? {
            Err(error) => Some(ItemOutcome::Refused(error)),
            Ok(checked) => {
                reading.last = Some((name.seq, checked.digest()));
                match reading.failed {
                    // Whole and in its place, but one before it is not in the tables.
                    Some(failed) => Some(ItemOutcome::Waits(failed..=name.seq.number() - 1)),
                    None => {
                        let (path, in_inbox_before) = (waiting.path.clone(), waiting.in_inbox);
                        let size_bytes = waiting.verified.length();
                        reading.ready.push(Ready { path, name, checked, size_bytes, in_inbox_before });
                        None
                    }
                }
            }
        },
    })
}

/// What is left at the end of a stream: the bundles of a dry run, or a snapshot whose rest has not come.
fn finish_ready(
    home: &mut Home<'_>,
    tables: &Tables,
    stream: &StreamId,
    mut ready: Vec<Ready>,
    options: ImportOptions,
    items: &mut Vec<Item>,
) -> Result<(), Error> {
    let whole = ready.iter().rposition(|one| !one.checked.manifest().continues()).map_or(0, |at| at + 1);
    let rest = ready.split_off(whole);
    let next = rest.last().map_or(0, |one| one.name.seq.number() + 1);
    let temporary: Vec<BundleName> = ready
        .iter()
        .chain(&rest)
        .filter(|one| options.dry_run && !one.in_inbox_before)
        .map(|one| one.name.clone())
        .collect();
    for one in rest {
        let outcome = ItemOutcome::WaitsForRest(next);
        items.push(Item { path: one.path, name: Some(one.name), outcome });
    }
    // All of a dry run in one transaction, so that each bundle meets what the ones before it would leave.
    if options.dry_run && !ready.is_empty() {
        apply_ready(home, tables, stream, ready, options, items)?;
    }
    for name in temporary {
        home.inbox.remove(&name)?;
    }
    Ok(())
}

fn verdict(
    home: &mut Home<'_>,
    waiting: &Waiting,
    last: Option<(Seq, Digest)>,
    ready: &[Ready],
) -> Result<Verdict, Error> {
    let arrival = waiting.arrival();
    let known = home.sites.iter().find(|known| known.site == arrival.stream.from);
    let incarnation = known.map_or(arrival.stream.incarnation, |known| known.incarnation);
    let stream = ledger::open_stream(&mut home.session, &arrival.stream)?;
    let recorded = ledger::find_bundle(&mut home.session, &arrival.stream, arrival.seq)?;
    let prepared = ready.iter().find(|one| one.name.seq == arrival.seq).map(|one| one.checked.digest());
    let facts = Facts {
        here: home.here.site.clone(),
        incarnation,
        last,
        applied: recorded.map(|record| record.digest).or(prepared),
        frozen: stream.state != StreamState::Open,
    };
    Ok(admit(&arrival, &facts))
}

/// Keeps a bundle until those before it have come. A dry run only proves it.
fn wait(
    home: &Home<'_>,
    waiting: &Waiting,
    missing: RangeInclusive<u64>,
    options: ImportOptions,
) -> Result<ItemOutcome, Error> {
    match keep(home, waiting)? {
        Err(error) => Ok(ItemOutcome::Refused(error)),
        Ok(_) => {
            if options.dry_run && !waiting.in_inbox {
                home.inbox.remove(&waiting.name())?;
            }
            Ok(ItemOutcome::Waits(missing))
        }
    }
}

/// Makes the private copy, or proves the one that is there.
fn keep(home: &Home<'_>, waiting: &Waiting) -> Result<Result<Checked, bundle::Error>, Error> {
    let source = match mailbox::open_file(&waiting.path) {
        Ok(source) => source,
        Err(error) => return Ok(Err(bundle::Error::Read { source: std::io::Error::other(error) })),
    };
    home.copy_in(waiting, source)
}

/// Proves every byte of a bundle where it lies.
fn prove(waiting: &Waiting) -> Result<(), bundle::Error> {
    let file = mailbox::open_file(&waiting.path)
        .map_err(|error| bundle::Error::Read { source: std::io::Error::other(error) })?;
    let mut source = std::io::BufReader::with_capacity(256 << 10, file);
    waiting.verified.copy(&mut source, &mut std::io::sink(), &mut |_| {}).map(drop)
}

/// Applies bundles that belong together. Returns whether the stream can go on.
fn apply_ready(
    home: &mut Home<'_>,
    tables: &Tables,
    stream: &StreamId,
    ready: Vec<Ready>,
    options: ImportOptions,
    items: &mut Vec<Item>,
) -> Result<bool, Error> {
    let outcome = apply_with_retries(home, tables, stream, &ready, options);
    let last = ready.last().map(|one| one.name.seq);
    let count = ready.len();
    let failed = outcome.is_err();
    let useless = outcome.as_ref().err().and_then(useless);
    let mut outcome = Some(outcome);
    for (at, one) in ready.into_iter().enumerate() {
        if !options.dry_run && (!failed || useless == Some(one.name.seq)) {
            home.inbox.remove(&one.name)?;
        }
        let outcome = match (last, outcome.take_if(|_| at + 1 == count)) {
            (_, Some(Ok(applied))) => ItemOutcome::Applied(applied),
            (_, Some(Err(error))) => ItemOutcome::Failed(Box::new(error)),
            (Some(last), None) if failed => ItemOutcome::WaitsForRest(last.number()),
            (Some(last), None) => ItemOutcome::AppliedWith(last),
            (None, None) => continue,
        };
        items.push(Item { path: one.path, name: Some(one.name), outcome });
    }
    Ok(!failed)
}

/// The bundle whose content no later try can use. Kept, its copy would stand in the way of a good bundle of its number.
fn useless(error: &Error) -> Option<Seq> {
    let Error::Apply { source: apply::Error::Bundle { seq, source }, .. } = error else {
        return None;
    };
    // Our own disk can fail and recover.
    if matches!(source, bundle::Error::Read { .. }) { None } else { Some(*seq) }
}

/// Deadlock, lock timeout, a line that broke: the whole transaction again, on a new connection.
fn apply_with_retries(
    home: &mut Home<'_>,
    tables: &Tables,
    stream: &StreamId,
    ready: &[Ready],
    options: ImportOptions,
) -> Result<Applied, Error> {
    const ATTEMPTS_MAX: u32 = 5;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let error = match apply_once(home, tables, stream, ready, options) {
            Ok(applied) => return Ok(applied),
            Err(error) => error,
        };
        if !error.may_pass() || attempts >= ATTEMPTS_MAX {
            return Err(error);
        }
        home.monitor.notice(Notice::Retried { attempts });
    }
}

fn apply_once(
    home: &Home<'_>,
    tables: &Tables,
    stream: &StreamId,
    ready: &[Ready],
    options: ImportOptions,
) -> Result<Applied, Error> {
    let mut session = home.connect()?;
    let parts: Vec<Part<'_>> = ready
        .iter()
        .map(|one| Part {
            seq: one.name.seq,
            digest: one.checked.digest(),
            previous: one.checked.manifest().previous(),
            continues: one.checked.manifest().continues(),
            size_bytes: one.size_bytes,
            open: Box::new(|| home.open_copy(&one.name, &one.checked)),
        })
        .collect();
    let context = Context {
        here: &home.here.site,
        installed_at: home.here.installed_at,
        now: now(),
        catalog: &tables.catalog,
        shared: &tables.shared,
        folder: home.inbox.path(),
        delete_percent_max: options.delete_percent_max,
        dry_run: options.dry_run,
    };
    let name = ready.first().map(|one| one.name.clone());
    let mut outside = match apply::needs_outside(&tables.catalog, &tables.shared) {
        true => Some(home.connect()?),
        false => None,
    };
    let applied = apply::apply(&mut session, outside.as_mut(), stream, &parts, &context, home.monitor);
    applied.map_err(|source| match name {
        Some(name) => Error::Apply { name, source },
        None => Error::File { path: home.inbox.path().to_path_buf(), source: std::io::Error::other(source) },
    })
}

/// Stops a stream that has two continuations, until a person has looked.
fn freeze(
    home: &mut Home<'_>,
    stream: &StreamId,
    waiting: &Waiting,
    fork: Fork,
    options: ImportOptions,
) -> Result<(), Error> {
    match fork {
        Fork::SameNumber | Fork::OtherChain if !options.dry_run => {
            let arrival = waiting.arrival();
            let note = format!(
                "bundle {} with digest {} does not continue this stream",
                arrival.seq, arrival.digest
            );
            Ok(ledger::freeze_stream(&mut home.session, stream, &note)?)
        }
        Fork::SameNumber | Fork::OtherChain | Fork::OtherHistory | Fork::Frozen => Ok(()),
    }
}

/// A private copy of a bundle that was applied is not needed any more.
fn forget(home: &Home<'_>, waiting: &Waiting) -> Result<(), Error> {
    if waiting.in_inbox {
        home.inbox.remove(&waiting.name())?;
    }
    Ok(())
}
