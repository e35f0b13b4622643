//! One bundle, or several that belong together: one transaction with the ledger's rows in it.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;

use crate::apply::batch::{self, Source, ahead_micros};
use crate::apply::error::Error;
use crate::apply::guard::Guard;
use crate::apply::parked::Unparked;
use crate::apply::past::past;
use crate::apply::receipt::{ReceiptOutcome, hear_of_histories, own_stream, take_receipts};
use crate::apply::record::Keeping;
use crate::apply::remarks::{Counted, write_remarks};
use crate::apply::run::{Refused, Run};
use crate::apply::scene::{Knows, Past, Scene, Side, Tally};
use crate::apply::succeed::succeed;
use crate::apply::without::Without;
use crate::bundle::{
    self, KEPT_SETTING, LEFT_OUT_SETTING, PayloadHead, PayloadReader, Receipt, TABLES_SETTING,
    names_from_setting, tables_from_setting,
};
use crate::db::{Catalog, Session, rank};
use crate::ledger::{self, BundleRecord, BundleState, Stream, StreamState, Way};
use crate::model::{
    BundleKind, BundleName, ChangeCounts, Digest, Direction, Incarnation, Seq, Site, Stamp, StreamId,
    TableName,
};
use crate::monitor::{Monitor, Phase, Step};
use crate::spool::Spool;

/// Where a bundle is applied, and under which rules.
pub struct Context<'a> {
    /// This site.
    pub here: &'a Site,
    /// The history that this site's database is in.
    pub incarnation: Incarnation,
    /// The centre or a lab.
    pub side: Side<'a>,
    /// Since when edits are logged here.
    pub logged_since: Stamp,
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
    /// What it is for.
    pub kind: BundleKind,
    /// What it says of our own bundles.
    pub receipt: Option<Receipt>,
    /// The file's size.
    pub size_bytes: u64,
    /// By which way it came.
    pub way: Way,
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
    /// Words of the centre that this lab keeps until it can follow them.
    pub deferred: u64,
    /// What the receipt in it came to.
    pub receipt: ReceiptOutcome,
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
    let follows = follows(&known, first);
    if !follows || known.state != StreamState::Open {
        return Err(Error::MovedOn { seq: first.seq });
    }
    monitor.step(Step::ApplyLocked);
    succeed(session, stream, parts, context)?;
    let receipt = take_receipts(session, stream, parts, context)?;
    let mut heads = Vec::new();
    for part in parts {
        let opened = (part.open)().map_err(|source| Error::Bundle { seq: part.seq, source })?;
        heads.push(opened.head().clone());
    }
    hear_of_histories(session, stream, &heads, context)?;
    let whole = whole_tables(first, &heads, context.catalog);
    let wanted = Wanted::of(heads.first(), whole.as_deref());
    let (tally, counted) = write_rows(session, outside, stream, parts, wanted, context, monitor)?;
    if let Side::Lab { .. } = context.side {
        for (table, _) in whole.iter().flatten() {
            ledger::record_start(session, table, context.now)?;
        }
    }
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
                kind: part.kind,
                state: BundleState::Applied,
                batch: None,
                size_bytes: part.size_bytes,
                counts: counted.by_bundle.get(&part.seq).copied().unwrap_or_default(),
                conflicts: if part.seq == last.seq { tally.conflicts } else { 0 },
                parked: if part.seq == last.seq { tally.parked } else { 0 },
                deferred: if part.seq == last.seq { tally.deferred } else { 0 },
                sealed_at: heads.get(at).map_or(context.now, |head| sealed_at(head, context)),
                recorded_at: context.now,
                way: Some(part.way),
                carried_at: None,
                confirmed_at: None,
            },
        )?;
    }
    ledger::advance_stream(session, stream, last.seq, last.digest)?;
    write_remarks(session, stream, heads.last(), &counted, context)?;
    monitor.step(Step::ApplyLedgerWritten);
    session.execute(if context.dry_run { "ROLLBACK" } else { "COMMIT" })?;
    monitor.step(Step::ApplyCommitted);
    Ok(Applied {
        counts: counted.total(),
        written: tally.written,
        already_there: tally.already_there,
        conflicts: tally.conflicts,
        parked: tally.parked,
        deferred: tally.deferred,
        receipt,
    })
}

/// When a bundle was sealed; at the centre by its own clock, as far as the sender's was compared with it.
fn sealed_at(head: &PayloadHead, context: &Context<'_>) -> Stamp {
    match context.side {
        Side::Central { .. } => head.sealed_at.corrected(ahead_micros(head)),
        Side::Lab { .. } => head.sealed_at,
    }
}

/// Whether a bundle comes next. A snapshot says everything anew, so it may leave out what came before it.
fn follows(known: &Stream, first: &Part<'_>) -> bool {
    match (first.kind, known.last) {
        (BundleKind::Snapshot, last) if last.is_none_or(|(last, _)| first.seq > last) => true,
        (BundleKind::Snapshot | BundleKind::Changes | BundleKind::Receipt, _) => {
            known.next() == Some(first.seq) && known.previous() == first.previous
        }
    }
}

/// The tables here of which a snapshot brings every row; `None` for other bundles.
///
/// Those that could not be read at the sender's are not among them: their rows here are not gone.
fn whole_tables(
    first: &Part<'_>,
    heads: &[PayloadHead],
    catalog: &Catalog,
) -> Option<Vec<(TableName, Direction)>> {
    let head = heads.first().filter(|_| first.kind == BundleKind::Snapshot)?;
    let left_out = match head.settings.get(LEFT_OUT_SETTING) {
        Some(text) => names_from_setting(text)?,
        None => Vec::new(),
    };
    let tables = tables_from_setting(head.settings.get(TABLES_SETTING)?)?.into_iter();
    let whole = tables.filter(|(table, _)| !left_out.contains(table));
    Some(
        whole
            .map(|(table, direction)| (catalog.shareable(&table).cloned().unwrap_or(table), direction))
            .collect(),
    )
}

/// What the heads of the bundles say of their rows.
struct Wanted<'a> {
    /// The tables of which they bring every row, when they are a snapshot.
    whole: Option<&'a [(TableName, Direction)]>,
    /// How far the sender's clock is ahead of the centre's.
    ahead_micros: i64,
    /// The first of our bundles of which the sender keeps a word that it has not followed.
    kept: Option<u64>,
}

impl<'a> Wanted<'a> {
    /// What the first of the heads says, and the tables of a snapshot.
    fn of(first: Option<&PayloadHead>, whole: Option<&'a [(TableName, Direction)]>) -> Self {
        let kept = first.and_then(|head| head.settings.get(KEPT_SETTING)?.parse().ok());
        Wanted { whole, ahead_micros: first.map_or(0, ahead_micros), kept }
    }
}

fn write_rows(
    session: &mut Session,
    outside: Option<&mut Session>,
    stream: &StreamId,
    parts: &[Part<'_>],
    wanted: Wanted<'_>,
    context: &Context<'_>,
    monitor: &dyn Monitor,
) -> Result<(Tally, Counted), Error> {
    let bundle = parts.first().map(|part| BundleName::new(stream, part.seq).to_string()).unwrap_or_default();
    let outside = outside_settings(outside)?;
    let kept = ledger::kept_count(session)?;
    let own = own_stream(stream, context);
    let covered = ledger::confirmed_batch(session, &own)?;
    let snapshot = ledger::last_snapshot(session, &own)?;
    let receipt =
        parts.first().and_then(|part| part.receipt).filter(|one| one.incarnation == own.incarnation);
    let mut run = new_run(session, outside, &stream.from, bundle, context, monitor);
    run.keeping = if kept > 0 { Keeping::New } else { Keeping::NewNothingYet };
    match &mut run.scene.side {
        Side::Lab { covered: known, .. } => *known = covered,
        Side::Central { sender, .. } => {
            let has_taken_it = snapshot.zip(receipt).is_some_and(|(last, receipt)| receipt.seq >= last);
            *sender = if has_taken_it { Knows::OurRows } else { Knows::OwnRowsOnly };
        }
    }
    run.scene.ahead_micros = wanted.ahead_micros;
    if let Side::Central { .. } = context.side {
        let seq = parts.first().map(|part| part.seq);
        run.scene.past = past(run.session, stream, &own, seq, covered, wanted.kept)?;
    }
    if let Some(whole) = wanted.whole {
        run.begin_sweep(whole)?;
    }
    let mut counted = Counted::default();
    monitor.begin(Phase::Applying, None);
    let whole_bytes = parts.iter().map(|part| part.size_bytes).sum();
    std::thread::scope(|scope| {
        let source = |part| -> Source<'_> {
            let Part { seq, size_bytes, open, .. }: &Part<'_> = part;
            Source { seq: *seq, size_bytes: *size_bytes, open: &**open }
        };
        for batch in batch::read(scope, parts.iter().map(source).collect()) {
            let batch = batch?;
            counted.add(batch.seq, &batch.shape.name, &batch.changes);
            run.batch(&batch.shape, batch.changes)?;
            monitor.share(Phase::Applying, batch.read_bytes, whole_bytes);
        }
        run.must_fit()?;
        run.sweep()?;
        run.replay_last()?;
        run.set_right()
    })?;
    monitor.share(Phase::Applying, whole_bytes, whole_bytes);
    monitor.end(Phase::Applying);
    Ok((run.tally, counted))
}

/// Makes a second connection ready: it never waits for the rows that the first has locked.
pub(super) fn outside_settings(outside: Option<&mut Session>) -> Result<Option<&mut Session>, Error> {
    match outside {
        Some(outside) => {
            outside.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
            Ok(Some(outside))
        }
        None => Ok(None),
    }
}

/// The work of one transaction, nothing of it done yet.
pub(super) fn new_run<'a>(
    session: &'a mut Session,
    outside: Option<&'a mut Session>,
    sender: &'a Site,
    bundle: String,
    context: &'a Context<'_>,
    monitor: &'a dyn Monitor,
) -> Run<'a> {
    let triggered = context.shared.iter().flat_map(|table| context.catalog.written_by_triggers_of(table));
    Run {
        session,
        outside,
        scene: Scene {
            sender,
            here: context.here,
            side: context.side,
            bundle,
            now: context.now,
            ahead_micros: 0,
            past: Past::default(),
            logged_since: context.logged_since,
            folder: context.folder,
            catalog: context.catalog,
            shared: context.shared,
            without: context.without,
            parked: HashMap::new(),
        },
        unparked: Unparked::default(),
        monitor,
        tables: HashMap::new(),
        ranks: rank(context.catalog, context.shared),
        aside: Spool::new(context.folder),
        refused: Refused::default(),
        settle: Spool::new(context.folder),
        guard: Guard::new(context.delete_percent_max),
        tally: Tally::default(),
        triggered: triggered.collect(),
        section: None,
        circle: None,
        held: Vec::new(),
        untying: false,
        keeping: Keeping::NewNothingYet,
        sweep: HashMap::new(),
    }
}
