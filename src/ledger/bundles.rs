//! Every bundle that was sealed or applied here, one row each.

use crate::db::{Row, Session, sql};
use crate::ledger::error::Error;
use crate::ledger::here::stamp;
use crate::ledger::streams::condition;
use crate::model::{BundleKind, BundleName, ChangeCounts, Digest, Seq, Stamp, StreamId};

/// What is remembered of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRecord {
    /// Its stream.
    pub stream: StreamId,
    /// Its number there.
    pub seq: Seq,
    /// Its digest.
    pub digest: Digest,
    /// The digest of the one before; `None` for the first.
    pub previous: Option<Digest>,
    /// Whether the next bundle belongs to the same snapshot.
    pub continues: bool,
    /// What it is for.
    pub kind: BundleKind,
    /// Sealed or applied.
    pub state: BundleState,
    /// The batch under which its log rows are stamped; `None` for a bundle from elsewhere.
    pub batch: Option<u64>,
    /// The file's size.
    pub size_bytes: u64,
    /// What it holds.
    pub counts: ChangeCounts,
    /// Changes that met a conflict when they were applied.
    pub conflicts: u64,
    /// Changes that were set aside for a person.
    pub parked: u64,
    /// Changes that were kept until the centre has answered this lab's own.
    pub deferred: u64,
    /// When the sender sealed it, by the sender's clock.
    pub sealed_at: Stamp,
    /// When it was written here, by this site's clock.
    pub recorded_at: Stamp,
    /// By which way it left or came; `None` before it has.
    pub way: Option<Way>,
    /// When it was last copied out, where it was sealed here.
    pub carried_at: Option<Stamp>,
    /// When its receipt came, where it was sealed here.
    pub confirmed_at: Option<Stamp>,
}

/// What this site did with a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleState {
    /// Made it.
    Sealed,
    /// Wrote its changes to the tables.
    Applied,
}

/// By which way a bundle left or came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As a file, on a stick or in a folder.
    Stick,
    /// Through the centre's database.
    Online,
}

impl Way {
    /// The word for it, the same in the table and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Way::Stick => "stick",
            Way::Online => "online",
        }
    }
}

impl BundleRecord {
    /// The file name that the bundle was given.
    pub fn name(&self) -> BundleName {
        BundleName::new(&self.stream, self.seq)
    }
}

/// Writes a bundle's row. Its primary key refuses a bundle that is there already.
pub fn record_bundle(session: &mut Session, record: &BundleRecord) -> Result<(), Error> {
    let text = |text: String| sql::text(&text);
    let state = match record.state {
        BundleState::Sealed => "sealed",
        BundleState::Applied => "applied",
    };
    session.execute(&format!(
        "INSERT INTO packmule_bundle (from_site, incarnation, to_site, seq, digest, previous, continues, kind, state, \
           batch, size_bytes, inserts, updates, deletes, conflicts, parked, deferred, sealed_at, recorded_at, way) \
         VALUES ({}, {}, {}, {}, {}, {}, {}, '{}', '{state}', {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
        text(record.stream.from.to_string()),
        text(record.stream.incarnation.to_string()),
        text(record.stream.to.to_string()),
        record.seq,
        text(record.digest.to_string()),
        sql::text_or_null(record.previous.map(|digest| digest.to_string()).as_deref()),
        u8::from(record.continues),
        record.kind,
        record.batch.map_or("NULL".to_owned(), |batch| batch.to_string()),
        record.size_bytes,
        record.counts.inserts,
        record.counts.updates,
        record.counts.deletes,
        record.conflicts,
        record.parked,
        record.deferred,
        text(record.sealed_at.to_sql()),
        text(record.recorded_at.to_sql()),
        sql::text_or_null(record.way.map(Way::word)),
    ))?;
    Ok(())
}

/// The record of one bundle, where there is one.
pub fn find_bundle(
    session: &mut Session,
    stream: &StreamId,
    seq: Seq,
) -> Result<Option<BundleRecord>, Error> {
    let query = format!("{SELECT} WHERE {} AND seq = {seq}", condition(stream));
    session.first(&query)?.as_ref().map(read).transpose()
}

/// Every bundle in this state, the newest last.
pub fn bundles_of(session: &mut Session, state: BundleState) -> Result<Vec<BundleRecord>, Error> {
    let state = match state {
        BundleState::Sealed => "sealed",
        BundleState::Applied => "applied",
    };
    let query = format!("{SELECT} WHERE state = '{state}' ORDER BY from_site, to_site, incarnation, seq");
    session.rows(&query)?.iter().map(read).collect()
}

/// Writes that a sealed bundle was copied out.
pub fn record_carried(
    session: &mut Session,
    stream: &StreamId,
    seq: Seq,
    way: Way,
    now: Stamp,
) -> Result<(), Error> {
    let (now, way) = (sql::text(&now.to_sql()), way.word());
    let condition = condition(stream);
    session.execute(&format!(
        "UPDATE packmule_bundle SET carried_at = {now}, way = '{way}' WHERE {condition} AND seq = {seq}"
    ))?;
    Ok(())
}

/// The bundles sealed here for `stream` that no receipt covers, oldest first.
pub fn unconfirmed_bundles(session: &mut Session, stream: &StreamId) -> Result<Vec<BundleRecord>, Error> {
    let condition = condition(stream);
    let query = format!(
        "{SELECT} WHERE {condition} AND state = 'sealed' AND seq > \
           (SELECT COALESCE(MAX(confirmed_seq), 0) FROM packmule_stream WHERE {condition}) ORDER BY seq"
    );
    session.rows(&query)?.iter().map(read).collect()
}

/// The last bundle of a stream that was applied here and is more than a receipt, in the snapshot that is open.
pub fn last_with_content(session: &mut Session, stream: &StreamId) -> Result<Option<Seq>, Error> {
    let row = session.first(&format!(
        "SELECT COALESCE(MAX(seq), 0) FROM packmule_bundle WHERE {} AND state = 'applied' AND kind <> 'receipt'",
        condition(stream)
    ))?;
    Ok(row.map_or(Ok(0), |row| row.parse(0)).map(Seq::new)?)
}

/// The last bundle of a stream sealed here from which its receiver starts anew.
pub fn last_snapshot(session: &mut Session, stream: &StreamId) -> Result<Option<Seq>, Error> {
    let row = session.first(&format!(
        "SELECT COALESCE(MAX(seq), 0) FROM packmule_bundle WHERE {} AND state = 'sealed' AND kind = 'snapshot'",
        condition(stream)
    ))?;
    Ok(row.map_or(Ok(0), |row| row.parse(0)).map(Seq::new)?)
}

pub(super) const SELECT: &str = "SELECT from_site, incarnation, to_site, seq, digest, previous, continues, state, batch, \
                        size_bytes, inserts, updates, deletes, conflicts, parked, sealed_at, recorded_at, kind, \
                        deferred, way, carried_at, confirmed_at FROM packmule_bundle";

pub(super) fn read(row: &Row) -> Result<BundleRecord, Error> {
    Ok(BundleRecord {
        stream: StreamId { from: row.parse(0)?, incarnation: row.parse(1)?, to: row.parse(2)? },
        seq: row.parse(3)?,
        digest: row.parse(4)?,
        previous: row.parse_optional(5)?,
        continues: row.text(6)? == "1",
        state: if row.text(7)? == "sealed" { BundleState::Sealed } else { BundleState::Applied },
        batch: row.parse_optional(8)?,
        size_bytes: row.parse(9)?,
        counts: ChangeCounts { inserts: row.parse(10)?, updates: row.parse(11)?, deletes: row.parse(12)? },
        conflicts: row.parse(13)?,
        parked: row.parse(14)?,
        sealed_at: stamp(row.text(15)?)?,
        recorded_at: stamp(row.text(16)?)?,
        kind: row.parse(17)?,
        deferred: row.parse(18)?,
        way: row.optional(19).map(|way| if way == "stick" { Way::Stick } else { Way::Online }),
        carried_at: row.optional(20).map(stamp).transpose()?,
        confirmed_at: row.optional(21).map(stamp).transpose()?,
    })
}
