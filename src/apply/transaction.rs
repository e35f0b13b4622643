//! One bundle, or several that belong together: one transaction with the ledger's rows in it.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;

use crate::apply::batch::{self, Open};
use crate::apply::error::Error;
use crate::apply::guard::Guard;
use crate::apply::run::Run;
use crate::apply::scene::{Scene, Tally};
use crate::apply::spool::Spool;
use crate::apply::without::Without;
use crate::bundle::{self, PayloadReader};
use crate::db::{Catalog, Session, rank};
use crate::ledger::{self, BundleRecord, BundleState, StreamState};
use crate::model::{BundleName, ChangeCounts, Digest, Seq, Site, Stamp, StreamId, TableName};
use crate::monitor::{Monitor, Phase, Step};

/// Where a bundle is applied, and under which rules.
pub struct Context<'a> {
    /// This site.
    pub here: &'a Site,
    /// Since when edits are logged here.
    pub installed_at: Stamp,
    /// Now, by this site's clock.
    pub now: Stamp,
    /// The tables here.
    pub catalog: &'a Catalog,
    /// Those that are shared.
    pub shared: &'a BTreeSet<TableName>,
    /// What a person decided to leave out.
    pub without: &'a Without,
    /// Takes temporary files.
    pub folder: &'a Path,
    /// Which share of a table's rows a bundle may delete, in percent.
    pub delete_percent_max: u64,
    /// Whether the transaction is rolled back at its end, to see what it would do.
    pub dry_run: bool,
}

/// One verified bundle in its private copy.
pub struct Part<'a> {
    /// Its number.
    pub seq: Seq,
    /// Its digest.
    pub digest: Digest,
    /// The digest of the one before.
    pub previous: Option<Digest>,
    /// Whether the next one belongs to the same snapshot.
    pub continues: bool,
    /// The file's size.
    pub size_bytes: u64,
    /// Opens its content from the start, each time it is called.
    #[expect(clippy::type_complexity, reason = "one name more would not say more")]
    pub open: Box<dyn Fn() -> Result<PayloadReader<Box<dyn Read + Send>>, bundle::Error> + Sync + 'a>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// The changes that the bundles hold.
    pub counts: ChangeCounts,
    /// Rows written.
    pub written: u64,
    /// Rows that were already so.
    pub already_there: u64,
    /// Conflicts that a rule decided.
    pub conflicts: u64,
    /// Changes set aside for a person.
    pub parked: u64,
}

/// Applies bundles of one stream that belong together, in one transaction.
///
/// On an error nothing has changed, and the session must not be used again. When the line breaks at COMMIT,
/// nobody knows whether it was done; the ledger knows, and the same bundle again is then a duplicate.
///
/// `outside` is a second connection. It is needed where [`needs_outside`] says so.
pub fn apply(
    session: &mut Session,
    outside: Option<&mut Session>,
    stream: &StreamId,
    parts: &[Part<'_>],
    context: &Context<'_>,
    monitor: &dyn Monitor,
) -> Result<Applied, Error> {
    let outcome = in_transaction(session, outside, stream, parts, context, monitor);
    if outcome.is_err() {
        // The server does the same when the line is gone.
        let _ = session.execute("ROLLBACK");
    }
    outcome
}

/// Whether triggers of the application write shared tables: what they do must be told from people's edits.
pub fn needs_outside(catalog: &Catalog, shared: &BTreeSet<TableName>) -> bool {
    shared.iter().any(|table| !catalog.written_by_triggers_of(table).is_empty())
}

fn in_transaction(
    session: &mut Session,
    outside: Option<&mut Session>,
    stream: &StreamId,
    parts: &[Part<'_>],
    context: &Context<'_>,
    monitor: &dyn Monitor,
) -> Result<Applied, Error> {
    let Some((first, last)) = parts.first().zip(parts.last()) else {
        return Ok(Applied::default());
    };
    session.silence_triggers()?;
    // READ COMMITTED: FOR UPDATE on a key that is not there must not block the centre's own inserts.
    session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    session.execute("START TRANSACTION")?;
    // The lock first: of two processes with the same bundle, the second waits here and then sees it applied.
    let known = ledger::lock_stream(session, stream)?;
    let follows = known.next() == Some(first.seq) && known.previous() == first.previous;
    if !follows || known.state != StreamState::Open {
        return Err(Error::MovedOn { seq: first.seq });
    }
    monitor.step(Step::ApplyLocked);
    let mut sealed_at = Vec::new();
    for part in parts {
        let opened = (part.open)().map_err(|source| Error::Bundle { seq: part.seq, source })?;
        sealed_at.push(opened.head().sealed_at);
    }
    let (tally, counts) = write_rows(session, outside, stream, parts, context, monitor)?;
    monitor.step(Step::ApplyRowsWritten);
    // The ledger's rows stand in the same transaction as the tables': a crash leaves both or neither.
    for (at, part) in parts.iter().enumerate() {
        ledger::record_bundle(
            session,
            &BundleRecord {
                stream: stream.clone(),
                seq: part.seq,
                digest: part.digest,
                previous: part.previous,
                continues: part.continues,
                state: BundleState::Applied,
                batch: None,
                size_bytes: part.size_bytes,
                counts: counts.get(&part.seq).copied().unwrap_or_default(),
                conflicts: if part.seq == last.seq { tally.conflicts } else { 0 },
                parked: if part.seq == last.seq { tally.parked } else { 0 },
                sealed_at: sealed_at.get(at).copied().unwrap_or(context.now),
                recorded_at: context.now,
            },
        )?;
    }
    ledger::advance_stream(session, stream, last.seq, last.digest)?;
    monitor.step(Step::ApplyLedgerWritten);
    session.execute(if context.dry_run { "ROLLBACK" } else { "COMMIT" })?;
    monitor.step(Step::ApplyCommitted);
    let mut total = ChangeCounts::default();
    counts.values().for_each(|one| total += *one);
    Ok(Applied {
        counts: total,
        written: tally.written,
        already_there: tally.already_there,
        conflicts: tally.conflicts,
        parked: tally.parked,
    })
}

fn write_rows(
    session: &mut Session,
    mut outside: Option<&mut Session>,
    stream: &StreamId,
    parts: &[Part<'_>],
    context: &Context<'_>,
    monitor: &dyn Monitor,
) -> Result<(Tally, HashMap<Seq, ChangeCounts>), Error> {
    let bundle = parts.first().map(|part| BundleName::new(stream, part.seq).to_string()).unwrap_or_default();
    let triggered = context.shared.iter().flat_map(|table| context.catalog.written_by_triggers_of(table));
    if let Some(outside) = &mut outside {
        // Never waits for the rows that we have locked ourselves.
        outside.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    }
    let mut run = Run {
        session,
        outside,
        scene: Scene {
            lab: &stream.from,
            here: context.here,
            bundle,
            now: context.now,
            installed_at: context.installed_at,
            folder: context.folder,
            catalog: context.catalog,
            shared: context.shared,
            without: context.without,
        },
        monitor,
        tables: HashMap::new(),
        ranks: rank(context.catalog, context.shared),
        aside: Spool::new(context.folder),
        settle: Spool::new(context.folder),
        guard: Guard::new(context.delete_percent_max),
        tally: Tally::default(),
        triggered: triggered.collect(),
        section: None,
        circle: None,
        held: Vec::new(),
        untying: false,
    };
    let mut counts: HashMap<Seq, ChangeCounts> = HashMap::new();
    monitor.begin(Phase::Applying, None);
    std::thread::scope(|scope| {
        let bundles: Vec<(Seq, &Open<'_>)> = parts.iter().map(|part| (part.seq, &*part.open)).collect();
        for batch in batch::read(scope, bundles) {
            let batch = batch?;
            batch.changes.iter().for_each(|change| counts.entry(batch.seq).or_default().add(change.op()));
            run.batch(&batch.shape, batch.changes)?;
        }
        run.must_fit()?;
        run.replay_last()?;
        run.set_right()
    })?;
    monitor.end(Phase::Applying);
    Ok((run.tally, counts))
}
