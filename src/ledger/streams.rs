//! How far each stream is. Its row is what two processes lock, so that a number is given and applied once.

use crate::db::{Row, Session, sql};
use crate::ledger::error::Error;
use crate::model::{Digest, Seq, Stamp, StreamId};

/// How far a stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Which.
    pub id: StreamId,
    /// The last bundle that was sealed or applied, with its digest; `None` before the first.
    pub last: Option<(Seq, Digest)>,
    /// Of a stream that is sealed here: the last bundle that the receiver has confirmed.
    pub confirmed: Option<Seq>,
    /// When that was learnt.
    pub confirmed_at: Option<Stamp>,
    /// Of a stream that is applied here: the last bundle for which a receipt has been sealed.
    pub told: Option<Seq>,
    /// Whether it goes on.
    pub state: StreamState,
    /// Why the next bundle did not fit the tables here when it was tried last.
    pub held: Option<String>,
}

/// Whether a stream goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamState {
    /// It does.
    Open,
    /// It has two continuations: nothing more is applied until a person has looked.
    Frozen {
        /// What was seen.
        note: String,
    },
}

impl Stream {
    fn at_its_start(id: StreamId) -> Self {
        let state = StreamState::Open;
        Stream { id, last: None, confirmed: None, confirmed_at: None, told: None, state, held: None }
    }

    /// The number of the bundle that comes next; `None` at the end of the series.
    pub fn next(&self) -> Option<Seq> {
        self.last.map_or(Some(Seq::FIRST), |(seq, _)| seq.next())
    }

    /// The digest that the next bundle must name as `previous`.
    pub fn previous(&self) -> Option<Digest> {
        self.last.map(|(_, digest)| digest)
    }
}

/// Every stream.
pub fn streams(session: &mut Session) -> Result<Vec<Stream>, Error> {
    session.rows(&format!("{SELECT} ORDER BY from_site, to_site, incarnation"))?.iter().map(read).collect()
}

/// How far a stream is; at its start where it is not known yet.
pub fn open_stream(session: &mut Session, id: &StreamId) -> Result<Stream, Error> {
    let found = session.first(&format!("{SELECT} WHERE {}", condition(id)))?;
    found.as_ref().map_or_else(|| Ok(Stream::at_its_start(id.clone())), read)
}

/// Locks a stream's row in the transaction that is open, and says how far the stream is.
///
/// A stream that is not known yet gets its row here: the primary key lets only one of two writers make it.
pub fn lock_stream(session: &mut Session, id: &StreamId) -> Result<Stream, Error> {
    session.execute(&format!(
        "INSERT INTO packmule_stream (from_site, incarnation, to_site) VALUES ({}, {}, {}) \
         ON DUPLICATE KEY UPDATE last_seq = last_seq",
        sql::text(id.from.as_str()),
        sql::text(&id.incarnation.to_string()),
        sql::text(id.to.as_str()),
    ))?;
    let row = session.first(&format!("{SELECT} WHERE {} FOR UPDATE", condition(id)))?;
    row.as_ref().map(read).unwrap_or(Err(Error::NotSetUp))
}

/// Writes that a stream has come one bundle further. Its row must be locked.
pub fn advance_stream(session: &mut Session, id: &StreamId, seq: Seq, digest: Digest) -> Result<(), Error> {
    session.execute(&format!(
        "UPDATE packmule_stream SET last_seq = {seq}, last_digest = {}, note = NULL WHERE {}",
        sql::text(&digest.to_string()),
        condition(id)
    ))?;
    Ok(())
}

/// Writes that the receiver has confirmed a stream's bundles up to `seq`. Never goes back.
pub fn confirm_stream(session: &mut Session, id: &StreamId, seq: Seq, now: Stamp) -> Result<(), Error> {
    let now = sql::text(&now.to_sql());
    let condition = condition(id);
    session.execute(&format!(
        "UPDATE packmule_stream SET confirmed_seq = {seq}, confirmed_at = {now} WHERE {condition} AND confirmed_seq < {seq}"
    ))?;
    session.execute(&format!(
        "UPDATE packmule_bundle SET confirmed_at = {now} WHERE {condition} AND seq <= {seq} AND confirmed_at IS NULL"
    ))?;
    Ok(())
}

/// Writes that a receipt for a stream's bundles up to `seq` has been sealed.
pub fn tell_stream(session: &mut Session, id: &StreamId, seq: Seq) -> Result<(), Error> {
    let condition = condition(id);
    session.execute(&format!(
        "UPDATE packmule_stream SET told_seq = {seq} WHERE {condition} AND told_seq < {seq}"
    ))?;
    Ok(())
}

/// Stops a stream until a person has looked.
pub fn freeze_stream(session: &mut Session, id: &StreamId, note: &str) -> Result<(), Error> {
    lock_stream(session, id)?;
    session.execute(&format!(
        "UPDATE packmule_stream SET state = 'frozen', note = {} WHERE {}",
        sql::text(note),
        condition(id)
    ))?;
    Ok(())
}

/// Remembers why the next bundle of a stream did not fit the tables here. The bundle that is applied next forgets it.
pub fn hold_stream(session: &mut Session, id: &StreamId, why: &str) -> Result<(), Error> {
    const CHARS_MAX: usize = 400;
    let note: String = match why.chars().count() {
        0..=CHARS_MAX => why.to_owned(),
        _ => why.chars().take(CHARS_MAX - 3).chain("...".chars()).collect(),
    };
    lock_stream(session, id)?;
    session.execute(&format!(
        "UPDATE packmule_stream SET note = {} WHERE {} AND state = 'open'",
        sql::text(&note),
        condition(id)
    ))?;
    Ok(())
}

const SELECT: &str = "SELECT from_site, incarnation, to_site, last_seq, last_digest, state, note, confirmed_seq, \
                        confirmed_at, told_seq FROM packmule_stream";

/// A condition that holds for exactly this stream.
pub(super) fn condition(id: &StreamId) -> String {
    format!(
        "from_site = {} AND incarnation = {} AND to_site = {}",
        sql::text(id.from.as_str()),
        sql::text(&id.incarnation.to_string()),
        sql::text(id.to.as_str())
    )
}

fn read(row: &Row) -> Result<Stream, Error> {
    let id = StreamId { from: row.parse(0)?, incarnation: row.parse(1)?, to: row.parse(2)? };
    let digest: Option<Digest> = row.parse_optional(4)?;
    let last = Seq::new(row.parse(3)?).zip(digest);
    let note = row.optional(6).map(str::to_owned);
    let (state, held) = match row.text(5)? {
        "frozen" => (StreamState::Frozen { note: note.unwrap_or_default() }, None),
        _ => (StreamState::Open, note),
    };
    let confirmed_at = row.optional(8).map(super::here::stamp).transpose()?;
    let (confirmed, told) = (Seq::new(row.parse(7)?), Seq::new(row.parse(9)?));
    Ok(Stream { id, last, confirmed, confirmed_at, told, state, held })
}
