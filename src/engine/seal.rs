//! Seals all committed, not yet sealed log rows into the next bundle of the stream to the centre.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;

use crate::bundle::Recipient;
use crate::capture::{self, Captured, Summary};
use crate::config::{KeyFolder, Sealed as Witnessed, Witness};
use crate::db::{self, Catalog, Session, Table, rank};
use crate::engine::error::{Cause, Error};
use crate::engine::feed::{BATCHES_AHEAD, Feed, seal_all};
use crate::engine::follow::{follow_tables, readable};
use crate::engine::home::{Home, now};
use crate::engine::outbox::OutboxFolder;
use crate::ledger::{self, BundleRecord, BundleState, Stream};
use crate::model::{BundleName, ChangeCounts, Seq, Stamp, TableName};
use crate::monitor::Step;
use crate::seal::{Plan, Sealed, Sealer};

/// What a seal made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealReport {
    /// The bundles, in order; none when nothing had changed.
    pub sealed: Vec<Sealed>,
    /// Their names.
    pub names: Vec<BundleName>,
    /// What they hold.
    pub counts: ChangeCounts,
    /// In how many tables.
    pub tables: u64,
    /// Log rows that the bundles stand for.
    pub log_rows: u64,
    /// Shared tables whose changes stay in the log, with the reason.
    pub skipped: Vec<(TableName, String)>,
}

/// Seals what has changed since the last seal. The tables are read in one snapshot; no write waits for it.
pub fn seal(home: &mut Home<'_>) -> Result<SealReport, Error> {
    let to = home.central()?.site.clone();
    let recipient: Recipient = home.central()?.recipient.parse()?;
    let id = home.stream_to(&to);
    let stream = ledger::open_stream(&mut home.session, &id)?;
    let mut witness = Witness::open(&KeyFolder::new(&home.settings.state))?;
    check_witness(&stream, witness.last(&to))?;
    check_outbox(home, &stream)?;
    // A crash after a commit leaves a witness that is behind. It learns of the bundle before that gets its name,
    // and so before it can leave this computer.
    remember(&mut witness, &stream)?;
    home.recover_outbox()?;
    let (catalog, tables, skipped) = shared_tables(home)?;
    // Before the snapshot: making a trigger ends a transaction.
    follow_tables(home, &catalog, &tables)?;
    let ranked = in_order(&catalog, &tables);
    let outbox = OutboxFolder(&home.outbox);
    let sealed_at = now();
    let plan = Plan {
        stream: stream.id.clone(),
        first: stream.next().ok_or(crate::seal::Error::NoNumbersLeft)?,
        previous: stream.previous(),
        sealed_at,
        receipt: None,
        recipient: &recipient,
        signing: &home.keys.signing,
        size_bytes_max: home.settings.bundle_bytes_max,
    };
    let (summary, sealed) = std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(BATCHES_AHEAD);
        let sealer = Sealer::new(plan, &outbox, home.monitor);
        let sealing = scope.spawn(move || seal_all(sealer, &receiver));
        let mut feed = Feed::new(sender);
        let read = read(&mut home.session, &ranked, home.outbox.path(), home.monitor, &mut |captured| {
            feed.take(captured)
        });
        let fed = read.and_then(|summary| feed.end().map(|()| summary));
        drop(feed);
        // The sealer's own error says why nobody took what was read.
        let sealed = sealing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (sealed, fed) {
            (Err(error), _) => Err(Error::from(error)),
            (Ok(_), Err(error)) => Err(error),
            (Ok(sealed), Ok(summary)) => Ok((summary, sealed)),
        }
    })?;
    let names: Vec<BundleName> = sealed.iter().map(|one| BundleName::new(&stream.id, one.seq)).collect();
    if summary.ids.count() > 0 {
        record(home, &stream, &sealed, &summary, sealed_at)?;
        give_names(home, &mut witness, &stream, &sealed, &names)?;
    }
    Ok(SealReport {
        names,
        counts: summary.counts,
        tables: summary.tables,
        log_rows: summary.ids.count(),
        sealed,
        skipped,
    })
}

/// What a seal would hold now. Changes nothing.
pub fn count_unsealed(home: &mut Home<'_>) -> Result<SealReport, Error> {
    home.central()?;
    let (catalog, tables, skipped) = shared_tables(home)?;
    let ranked = in_order(&catalog, &tables);
    let summary = read(&mut home.session, &ranked, home.outbox.path(), home.monitor, &mut |_| Ok(()))?;
    Ok(SealReport {
        counts: summary.counts,
        tables: summary.tables,
        log_rows: summary.ids.count(),
        skipped,
        ..SealReport::default()
    })
}

fn read(
    session: &mut Session,
    tables: &[&Table],
    folder: &std::path::Path,
    monitor: &dyn crate::monitor::Monitor,
    take: &mut dyn FnMut(Captured<'_>) -> Result<(), Error>,
) -> Result<Summary, Error> {
    capture::begin(session, tables, folder, monitor)?.read(take)
}

/// The shared tables that are here and can be read; the others with the reason.
type Shared = (Catalog, Vec<TableName>, Vec<(TableName, String)>);

fn shared_tables(home: &mut Home<'_>) -> Result<Shared, Error> {
    let catalog = Catalog::load(&mut home.session)?;
    let shared = ledger::shared_tables(&mut home.session)?;
    let (tables, skipped) = readable(home, &catalog, shared)?;
    Ok((catalog, tables, skipped))
}

/// The tables in the order in which their rows are written: parents first.
fn in_order<'c>(catalog: &'c Catalog, tables: &[TableName]) -> Vec<&'c Table> {
    let ranks = rank(catalog, &tables.iter().cloned().collect());
    let places: BTreeMap<_, _> = ranks.iter().map(|(name, rank)| (*rank, name)).collect();
    places.values().filter_map(|name| catalog.tables.get(*name)).collect()
}

/// A database that knows less than the witness was put back from a backup: its next number is used already.
pub(super) fn check_witness(stream: &Stream, witnessed: Option<&Witnessed>) -> Result<(), Error> {
    let Some(witnessed) = witnessed else {
        return Ok(());
    };
    let known = stream.last.map_or(0, |(seq, _)| seq.number());
    let same = stream.id.incarnation == witnessed.incarnation
        && match stream.last {
            Some((seq, digest)) if seq == witnessed.seq => digest == witnessed.digest,
            Some((seq, _)) => seq > witnessed.seq,
            None => false,
        };
    if same { Ok(()) } else { Err(Cause::WentBack { known, sealed: witnessed.seq }.into()) }
}

/// A bundle with a name was sealed, even where the witness was lost together with the database's newest rows.
fn check_outbox(home: &Home<'_>, stream: &Stream) -> Result<(), Error> {
    let known = stream.last.map_or(0, |(seq, _)| seq.number());
    let there = home.outbox.list()?.into_iter().map(|stored| stored.name);
    match there.filter(|name| *name == BundleName::new(&stream.id, name.seq)).map(|name| name.seq).max() {
        Some(sealed) if sealed.number() > known => Err(Cause::WentBack { known, sealed }.into()),
        Some(_) | None => Ok(()),
    }
}

fn remember(witness: &mut Witness, stream: &Stream) -> Result<(), Error> {
    let Some((seq, digest)) = stream.last else {
        return Ok(());
    };
    let last = Witnessed { incarnation: stream.id.incarnation, seq, digest };
    if witness.last(&stream.id.to) != Some(&last) {
        witness.record(stream.id.to.clone(), last)?;
    }
    Ok(())
}

/// Stamps the log rows and writes the ledger's rows, in one short transaction of a connection of its own.
///
/// The parts are on disk already. A commit whose answer is lost leaves them there: the next run asks the ledger.
fn record(
    home: &Home<'_>,
    stream: &Stream,
    sealed: &[Sealed],
    summary: &Summary,
    sealed_at: Stamp,
) -> Result<(), Error> {
    const ATTEMPTS_MAX: u32 = 5;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let mut session = home.connect()?;
        match record_once(home, &mut session, stream, sealed, summary, sealed_at) {
            Ok(()) => return Ok(()),
            Err(Error::Database(error) | Error::Capture(capture::Error::Database(error)))
                if error.class() == Some(db::Class::TryAgain) && attempts < ATTEMPTS_MAX =>
            {
                home.monitor.notice(crate::monitor::Notice::Retried { attempts });
            }
            Err(other) => return Err(other),
        }
    }
}

fn record_once(
    home: &Home<'_>,
    session: &mut Session,
    stream: &Stream,
    sealed: &[Sealed],
    summary: &Summary,
    sealed_at: Stamp,
) -> Result<(), Error> {
    // READ COMMITTED: no gap of sync_log is locked, so an application's new log row never waits for this.
    session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    session.execute("START TRANSACTION")?;
    let locked = ledger::lock_stream(session, &stream.id)?;
    if locked.last != stream.last {
        return Err(capture::Error::StampedElsewhere.into());
    }
    // Batch 0: changes that cancelled each other out; no bundle carries them.
    let batch = if sealed.is_empty() { 0 } else { ledger::next_batch(session)? };
    capture::stamp(session, &summary.ids, batch)?;
    for one in sealed {
        ledger::record_bundle(
            session,
            &BundleRecord {
                stream: stream.id.clone(),
                seq: one.seq,
                digest: one.digest,
                previous: one.previous,
                continues: one.continues,
                state: BundleState::Sealed,
                batch: Some(batch),
                size_bytes: one.size_bytes,
                counts: one.counts,
                conflicts: 0,
                parked: 0,
                sealed_at,
                recorded_at: now(),
            },
        )?;
        ledger::advance_stream(session, &stream.id, one.seq, one.digest)?;
    }
    home.monitor.step(Step::SealLedgerWritten);
    session.execute("COMMIT")?;
    home.monitor.step(Step::SealCommitted);
    Ok(())
}

/// Remembers the last bundle beside the keys, then gives every part its name.
fn give_names(
    home: &Home<'_>,
    witness: &mut Witness,
    stream: &Stream,
    sealed: &[Sealed],
    names: &[BundleName],
) -> Result<(), Error> {
    let Some(last) = sealed.last() else {
        return Ok(());
    };
    let (incarnation, seq, digest): (_, Seq, _) = (stream.id.incarnation, last.seq, last.digest);
    // After the commit: a witness ahead of the database would read as a database put back.
    witness.record(stream.id.to.clone(), Witnessed { incarnation, seq, digest })?;
    home.monitor.step(Step::SealWitnessed);
    for name in names {
        home.outbox.rename_part(name)?;
    }
    home.monitor.step(Step::SealRenamed);
    home.outbox.sync()?;
    Ok(())
}
