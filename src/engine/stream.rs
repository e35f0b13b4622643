//! The bundles of one stream, one after the other: which is next, which waits, which is a second history.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::admit::{Facts, Fork, Verdict, admit};
use crate::bundle::{self, Checked};
use crate::engine::arrivals::Waiting;
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::ready::{Ready, Tables, apply_ready};
use crate::engine::receive::{ImportOptions, Item, ItemOutcome};
use crate::ledger::{self, StreamState};
use crate::mailbox;
use crate::model::{BundleKind, BundleName, Digest, Role, Seq, StreamId};

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

/// Takes what has come of one stream, in the order of its numbers.
pub(super) fn receive_stream(
    home: &mut Home<'_>,
    tables: &mut Tables,
    stream: &StreamId,
    group: Vec<Waiting>,
    options: ImportOptions<'_>,
    items: &mut Vec<Item>,
) -> Result<(), Error> {
    let last = ledger::open_stream(&mut home.session, stream)?.last;
    let mut reading = Reading { ready: Vec::new(), last, failed: None, done: BTreeSet::new() };
    let told_before = items.len();
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
        give_way(home, &mut reading, options, items)?;
        let is_whole = reading.ready.last().is_some_and(|one| !one.checked.manifest().continues());
        if is_whole && !options.dry_run {
            let ready = std::mem::take(&mut reading.ready);
            let first = ready.first().map(|one| one.name.seq.number());
            if !apply_ready(home, tables, stream, ready, options, items)? {
                reading.failed = first;
            }
        }
    }
    finish_ready(home, tables, stream, reading.ready, options, items)?;
    forget_superseded(home, stream, items.get_mut(told_before..).unwrap_or_default(), options)
}

/// A snapshot stands for everything before it: what lies ready and is not complete must not be applied with it.
fn give_way(
    home: &Home<'_>,
    reading: &mut Reading,
    options: ImportOptions,
    items: &mut Vec<Item>,
) -> Result<(), Error> {
    let Some(snapshot) = reading.ready.pop_if(|one| is_snapshot(&one.checked)) else {
        return Ok(());
    };
    let before = std::mem::take(&mut reading.ready);
    let whole = before.iter().rposition(|one| !one.checked.manifest().continues()).map_or(0, |at| at + 1);
    let next = before.last().map_or(0, |one| one.name.seq.number() + 1);
    for (at, one) in before.into_iter().enumerate() {
        if options.dry_run && !one.in_inbox_before {
            home.inbox.remove(&one.name)?;
        }
        let outcome = match at < whole {
            true => ItemOutcome::AppliedWith(snapshot.name.seq),
            false => ItemOutcome::WaitsForRest(next),
        };
        items.push(Item { path: one.path, name: Some(one.name), outcome });
    }
    reading.ready.push(snapshot);
    Ok(())
}

fn is_snapshot(checked: &Checked) -> bool {
    checked.manifest().kind() == BundleKind::Snapshot
}

/// What waited for others, and for which a snapshot stands that was applied since, waits for nothing any more.
fn forget_superseded(
    home: &mut Home<'_>,
    stream: &StreamId,
    items: &mut [Item],
    options: ImportOptions,
) -> Result<(), Error> {
    let last = ledger::open_stream(&mut home.session, stream)?.last;
    for item in items.iter_mut().filter(|_| !options.dry_run) {
        let waits = matches!(item.outcome, ItemOutcome::Waits(_) | ItemOutcome::WaitsForRest(_));
        if let (true, Some(name), Some((last, _))) = (waits, &item.name, last)
            && name.seq <= last
        {
            home.inbox.remove(name)?;
            item.outcome = ItemOutcome::AlreadyApplied;
        }
    }
    Ok(())
}

/// Decides about one bundle. `None`: it is proven and ready, and its outcome comes when it is applied.
fn judge(
    home: &mut Home<'_>,
    stream: &StreamId,
    waiting: &Waiting,
    reading: &mut Reading,
    options: ImportOptions<'_>,
) -> Result<Option<ItemOutcome>, Error> {
    let name = waiting.name();
    Ok(match verdict(home, waiting, reading.last, &reading.ready)? {
        Verdict::NotOurs => Some(ItemOutcome::NotOurs),
        Verdict::Over => {
            forget(home, waiting)?;
            Some(ItemOutcome::Over)
        }
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
        // It would only wait, as a bundle with a gap before it.
        Verdict::Next if reading.failed.is_some() && !may_wait(home, waiting)? => {
            let first = reading.failed.unwrap_or(1);
            Some(ItemOutcome::Waits(first..=name.seq.number() - 1))
        }
        Verdict::Next => match keep(home, waiting) {
            // The inbox's disk is full or fails: that is told of this bundle, and the other labs go on.
            Err(error) => {
                reading.failed.get_or_insert(name.seq.number());
                Some(ItemOutcome::Failed(Box::new(error)))
            }
            Ok(Err(error)) => Some(ItemOutcome::Refused(error)),
            Ok(Ok(checked)) => {
                reading.last = Some((name.seq, checked.digest()));
                if is_snapshot(&checked) {
                    // It stands for the one that could not be applied, too.
                    reading.failed = None;
                }
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
    tables: &mut Tables,
    stream: &StreamId,
    mut ready: Vec<Ready>,
    options: ImportOptions<'_>,
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
    let known = known.map(|known| known.incarnation);
    let stream = ledger::open_stream(&mut home.session, &arrival.stream)?;
    let is_other = known.is_some_and(|known| known != arrival.stream.incarnation);
    let (believes, ended) = match home.here.role {
        // A history that has ended is known by its stream: its last bundles may come late.
        Role::Central => {
            (ledger::streams(&mut home.session)?.iter().any(|one| one.id == arrival.stream), false)
        }
        // What of it has not come before the next one opened says nothing new. Whether the next one is what it seems to be,
        // it says itself, where nobody but this lab can read it.
        Role::Lab => {
            let opens = arrival.kind == BundleKind::Snapshot && arrival.seq == Seq::FIRST;
            let has_been = stream.last.is_some() || stream.state != StreamState::Open;
            (opens || last.is_some(), is_other && has_been)
        }
    };
    let incarnation = match known {
        Some(known) if !believes => known,
        Some(_) | None => arrival.stream.incarnation,
    };
    let recorded = ledger::find_bundle(&mut home.session, &arrival.stream, arrival.seq)?;
    let prepared = ready.iter().find(|one| one.name.seq == arrival.seq).map(|one| one.checked.digest());
    let facts = Facts {
        here: home.here.site.clone(),
        incarnation,
        last,
        applied: recorded.map(|record| record.digest).or(prepared),
        frozen: stream.state != StreamState::Open,
        ended,
    };
    Ok(admit(&arrival, &facts))
}

/// Keeps a bundle until those before it have come. A dry run only proves it.
fn wait(
    home: &Home<'_>,
    waiting: &Waiting,
    missing: RangeInclusive<u64>,
    options: ImportOptions<'_>,
) -> Result<ItemOutcome, Error> {
    if !may_wait(home, waiting)? {
        return Ok(match prove(waiting) {
            Ok(()) => ItemOutcome::Waits(missing),
            Err(error) => ItemOutcome::Refused(error),
        });
    }
    match keep(home, waiting) {
        Err(error) => Ok(ItemOutcome::Failed(Box::new(error))),
        Ok(Err(error)) => Ok(ItemOutcome::Refused(error)),
        Ok(Ok(_)) => {
            if options.dry_run && !waiting.in_inbox {
                home.inbox.remove(&waiting.name())?;
            }
            Ok(ItemOutcome::Waits(missing))
        }
    }
}

/// Whether a bundle may wait in the inbox. What waits there of a lab has the same limits as its mail, so that none fills the
/// centre's disk; more of it stays where it came from, and is taken in once those before it have come.
fn may_wait(home: &Home<'_>, waiting: &Waiting) -> Result<bool, Error> {
    if waiting.in_inbox || home.role() == Role::Lab {
        return Ok(true);
    }
    let quota = home.settings.mail;
    let from = waiting.name().from;
    let there: Vec<u64> =
        home.inbox.list()?.iter().filter(|one| one.name.from == from).map(|one| one.size_bytes).collect();
    let bytes = there.iter().sum::<u64>().saturating_add(waiting.verified.length());
    Ok((there.len() as u64) < quota.bundles && bytes <= quota.bytes)
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

/// Stops a stream that has two continuations, until a person has looked.
fn freeze(
    home: &mut Home<'_>,
    stream: &StreamId,
    waiting: &Waiting,
    fork: Fork,
    options: ImportOptions<'_>,
) -> Result<(), Error> {
    match fork {
        Fork::SameNumber | Fork::OtherChain
            if !options.dry_run && is_signed_with_key_of_now(home, waiting) =>
        {
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

/// Whoever finds a key that was replaced could make a second bundle of an old number, and must not stop a stream by it.
fn is_signed_with_key_of_now(home: &Home<'_>, waiting: &Waiting) -> bool {
    let signed_with = waiting.verified.signed_with().to_string();
    let from = waiting.name().from;
    home.sites.iter().any(|known| known.site == from && known.verifying_key == signed_with)
}

/// A private copy of a bundle that was applied is not needed any more.
fn forget(home: &Home<'_>, waiting: &Waiting) -> Result<(), Error> {
    if waiting.in_inbox {
        home.inbox.remove(&waiting.name())?;
    }
    Ok(())
}
