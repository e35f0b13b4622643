//! Histories: a database that was put back from a backup goes on under a new one, and the others learn of it.

use crate::db::{Row, Session, sql};
use crate::ledger::bundles::last_snapshot;
use crate::ledger::error::Error;
use crate::ledger::prune::confirmed_batch;
use crate::ledger::streams::{condition, lock_stream, open_stream, streams};
use crate::model::{Digest, Incarnation, Seq, StreamId};

/// Lets a lab's database go on under another history: what was sealed for `stream` and never confirmed is open again.
pub fn change_history(
    session: &mut Session,
    stream: &StreamId,
    incarnation: Incarnation,
) -> Result<(), Error> {
    session.execute("START TRANSACTION")?;
    let confirmed = confirmed_batch(session, stream)?;
    session
        .execute(&format!("UPDATE sync_log SET batch = NULL WHERE batch > {confirmed} AND origin IS NULL"))?;
    write_history(session, incarnation)?;
    session.execute("COMMIT")?;
    Ok(())
}

/// Lets the centre's database go on under another history. Every one of the labs that `ended` names is given all rows anew.
///
/// The streams of the history that ends are kept, also those that have not begun: a lab may know no other.
pub fn change_central_history(
    session: &mut Session,
    ended: &[StreamId],
    incarnation: Incarnation,
) -> Result<(), Error> {
    session.execute("START TRANSACTION")?;
    for stream in ended {
        lock_stream(session, stream)?;
    }
    session.execute("UPDATE packmule_site SET wants_snapshot = 1 WHERE role = 'lab'")?;
    write_history(session, incarnation)?;
    session.execute("COMMIT")?;
    Ok(())
}

fn write_history(session: &mut Session, incarnation: Incarnation) -> Result<(), Error> {
    let incarnation = sql::text(&incarnation.to_string());
    session.execute(&format!("UPDATE packmule_here SET incarnation = {incarnation} WHERE id = 1"))?;
    Ok(())
}

/// The streams between the same two sites under other histories of the sender.
pub fn other_histories(session: &mut Session, stream: &StreamId) -> Result<Vec<StreamId>, Error> {
    let all = streams(session)?.into_iter().map(|one| one.id);
    let is_other =
        |id: &StreamId| id.from == stream.from && id.to == stream.to && id.incarnation != stream.incarnation;
    Ok(all.filter(is_other).collect())
}

/// The bundles of a stream that were sealed here, the newest first, at most `count`.
pub fn sealed_digests(
    session: &mut Session,
    stream: &StreamId,
    count: usize,
) -> Result<Vec<(Seq, Digest)>, Error> {
    let rows = session.rows(&format!(
        "SELECT seq, digest FROM packmule_bundle WHERE {} AND state = 'sealed' ORDER BY seq DESC LIMIT {count}",
        condition(stream)
    ))?;
    let read = |row: &Row| Ok(Seq::new(row.parse(0)?).zip(Some(row.parse(1)?)));
    let read: Result<Vec<Option<(Seq, Digest)>>, Error> = rows.iter().map(read).collect();
    Ok(read?.into_iter().flatten().collect())
}

/// At a lab, in the transaction that is open: the site goes on under the history of `stream`, and of what was sealed for it only
/// the bundles up to `has` have reached the database that it goes on with. The others are sent again.
pub fn follow_history(
    session: &mut Session,
    own: &StreamId,
    stream: &StreamId,
    has: Option<Seq>,
) -> Result<(), Error> {
    let (site, incarnation) = (sql::text(stream.from.as_str()), sql::text(&stream.incarnation.to_string()));
    session.execute(&format!("UPDATE packmule_site SET incarnation = {incarnation} WHERE name = {site}"))?;
    let (has, condition) = (has.map_or(0, Seq::number), condition(own));
    session.execute(&format!(
        "UPDATE packmule_stream SET confirmed_seq = {has} WHERE {condition} AND confirmed_seq > {has}"
    ))?;
    session.execute(&format!(
        "UPDATE packmule_bundle SET confirmed_at = NULL, carried_at = NULL WHERE {condition} AND seq > {has}"
    ))?;
    Ok(())
}

/// Whether the other side of `own`, a stream of this database, may send what it has sent before, or what it had from here: this
/// database was put back, and the other side has not yet confirmed anything after the snapshot that said so.
pub fn may_come_again(session: &mut Session, own: &StreamId) -> Result<bool, Error> {
    if other_histories(session, own)?.is_empty() {
        return Ok(false);
    }
    let confirmed = open_stream(session, own)?.confirmed;
    let snapshot = last_snapshot(session, own)?;
    Ok(confirmed.is_none() || confirmed <= snapshot)
}
