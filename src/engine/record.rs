//! What makes bundles of finished parts: one commit in the ledger, then the witness, then their names.

use crate::capture::{self, Summary};
use crate::config::{Sealed as Witnessed, Witness};
use crate::db::Session;
use crate::engine::attempts::attempts;
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::receivers::Receiver;
use crate::ledger::{self, BundleRecord, BundleState};
use crate::model::{BundleKind, BundleName, Stamp};
use crate::monitor::Step;
use crate::seal::Sealed;

/// Stamps the log rows and writes the ledger's rows, in one short transaction of a connection of its own.
///
/// The parts are on disk already. A commit whose answer is lost leaves them there: the next run asks the ledger.
pub(super) fn record(
    home: &Home<'_>,
    receivers: &[Receiver],
    sealed: &[Vec<Sealed>],
    summary: &Summary,
    sealed_at: Stamp,
) -> Result<(), Error> {
    attempts(home, Error::is_deadlock, |_| {
        let mut session = home.connect()?;
        record_once(home, &mut session, receivers, sealed, summary, sealed_at)
    })
}

fn record_once(
    home: &Home<'_>,
    session: &mut Session,
    receivers: &[Receiver],
    sealed: &[Vec<Sealed>],
    summary: &Summary,
    sealed_at: Stamp,
) -> Result<(), Error> {
    // READ COMMITTED: no gap of sync_log is locked, so an application's new log row never waits for this.
    session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    session.execute("START TRANSACTION")?;
    // All streams first, by name: of two seals at once the second waits here, and then sees that it is late.
    for to in receivers {
        let locked = ledger::lock_stream(session, &to.stream.id)?;
        if locked.last != to.stream.last {
            return Err(capture::Error::StampedElsewhere.into());
        }
    }
    // Batch 0: changes that cancelled each other out; no bundle carries them.
    let batch = if sealed.iter().all(Vec::is_empty) { 0 } else { ledger::next_batch(session)? };
    capture::stamp(session, &summary.ids, &summary.vanished, batch)?;
    for (to, made) in receivers.iter().zip(sealed) {
        record_stream(session, to, made, batch, sealed_at)?;
    }
    home.monitor.step(Step::SealLedgerWritten);
    session.execute("COMMIT")?;
    home.monitor.step(Step::SealCommitted);
    Ok(())
}

fn record_stream(
    session: &mut Session,
    to: &Receiver,
    made: &[Sealed],
    batch: u64,
    sealed_at: Stamp,
) -> Result<(), Error> {
    for one in made {
        ledger::record_bundle(
            session,
            &BundleRecord {
                stream: to.stream.id.clone(),
                seq: one.seq,
                digest: one.digest,
                previous: one.previous,
                continues: one.continues,
                kind: one.kind,
                state: BundleState::Sealed,
                batch: Some(batch),
                size_bytes: one.size_bytes,
                counts: one.counts,
                conflicts: 0,
                parked: 0,
                deferred: 0,
                sealed_at,
                recorded_at: now(),
                way: None,
                carried_at: None,
                confirmed_at: None,
            },
        )?;
        ledger::advance_stream(session, &to.stream.id, one.seq, one.digest)?;
    }
    if let (Some(receipt), Some(_)) = (to.receipt, made.last()) {
        ledger::tell_stream(session, &to.incoming, receipt.seq)?;
    }
    if let (Some(key), Some(first)) = (&to.known_key, made.first()) {
        ledger::end_key(session, &to.stream.id, key, first.seq, now())?;
    }
    if to.kind == BundleKind::Snapshot && to.is_whole {
        ledger::want_snapshot(session, &to.site, false)?;
    }
    Ok(())
}

impl Home<'_> {
    /// Notes who has a bundle now that names the new keys, as the ledger does.
    pub(super) fn have_told(&mut self, receivers: &[Receiver], sealed: &[Vec<Sealed>]) {
        for (to, made) in receivers.iter().zip(sealed) {
            let Some((key, first)) = to.known_key.clone().zip(made.first()) else {
                continue;
            };
            self.untold.remove(&to.site);
            let (stream, last) = (to.stream.id.clone(), Some(first.seq));
            self.retired.push(ledger::RetiredKey { stream, verifying_key: key, last });
        }
    }
}

/// Remembers the last bundle of each stream beside the keys, then gives every part its name.
pub(super) fn give_names(
    home: &Home<'_>,
    witness: &mut Witness,
    receivers: &[Receiver],
    sealed: &[Vec<Sealed>],
) -> Result<(), Error> {
    let last = receivers.iter().zip(sealed).filter_map(|(to, made)| {
        let last = made.last()?;
        let incarnation = to.stream.id.incarnation;
        Some((to.site.clone(), Witnessed { incarnation, seq: last.seq, digest: last.digest }))
    });
    let last: Vec<_> = last.collect();
    if last.is_empty() {
        return Ok(());
    }
    // After the commit: a witness ahead of the database would read as a database put back.
    witness.record(last)?;
    home.monitor.step(Step::SealWitnessed);
    for (to, made) in receivers.iter().zip(sealed) {
        for one in made {
            home.outbox.rename_part(&BundleName::new(&to.stream.id, one.seq))?;
        }
    }
    home.monitor.step(Step::SealRenamed);
    home.outbox.sync()?;
    Ok(())
}
