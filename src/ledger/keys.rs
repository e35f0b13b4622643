//! Keys that were replaced: up to which bundle of a stream each was good, and which sites have not heard of our newest.

use std::collections::BTreeMap;

use crate::db::{Session, sql};
use crate::ledger::error::Error;
use crate::model::{Seq, Site, Stamp, StreamId};

/// A signing key that the sender of a stream has replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredKey {
    /// The stream that it signed.
    pub stream: StreamId,
    /// The public key, as one line of base64.
    pub verifying_key: String,
    /// The last bundle that it signed, which names its successor. `None`: a card has told of the successor, and that
    /// bundle has not come.
    pub last: Option<Seq>,
}

/// Whether the tables about keys are there: a packmule that knows them has worked here.
pub fn knows_keys(session: &mut Session) -> Result<bool, Error> {
    let found = session.first(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'packmule_untold_key'",
    )?;
    Ok(found.is_some())
}

/// Every key that was replaced, in every stream.
pub fn retired_keys(session: &mut Session) -> Result<Vec<RetiredKey>, Error> {
    let query = "SELECT from_site, incarnation, to_site, verifying_key, last_seq FROM packmule_retired_key \
                 ORDER BY from_site, to_site, incarnation, last_seq";
    let rows = session.rows(query)?;
    let read = |row: &crate::db::Row| {
        Ok(RetiredKey {
            stream: StreamId { from: row.parse(0)?, incarnation: row.parse(1)?, to: row.parse(2)? },
            verifying_key: row.text(3)?.to_owned(),
            last: row.parse_optional(4)?.and_then(Seq::new),
        })
    };
    rows.iter().map(read).collect()
}

/// The sites that know this one by an older signing key, each with that key.
pub fn untold_sites(session: &mut Session) -> Result<BTreeMap<Site, String>, Error> {
    let rows = session.rows("SELECT site, known_key FROM packmule_untold_key")?;
    rows.iter().map(|row| Ok((row.parse(0)?, row.text(1)?.to_owned()))).collect()
}

/// Writes, in the transaction that is open, that these sites know this one by `key` and are to hear of another. A site
/// that has not heard of the change before this one still knows the key before that.
pub fn begin_rotation(session: &mut Session, sites: &[Site], key: &str, now: Stamp) -> Result<(), Error> {
    for site in sites {
        session.execute(&format!(
            "INSERT INTO packmule_untold_key (site, known_key, rotated_at) VALUES ({}, {}, {}) \
             ON DUPLICATE KEY UPDATE known_key = known_key",
            sql::text(site.as_str()),
            sql::text(key),
            sql::text(&now.to_sql()),
        ))?;
    }
    Ok(())
}

/// Writes, in the transaction that is open, that bundle `last` of a stream from here is the last one that `key` signs.
pub fn end_key(
    session: &mut Session,
    stream: &StreamId,
    key: &str,
    last: Seq,
    now: Stamp,
) -> Result<(), Error> {
    retire(session, stream, key, Some(last), now)?;
    forget_untold(session, &stream.to)
}

/// Nobody need tell a site of this one's keys any more: a card does, or it is revoked.
pub fn forget_untold(session: &mut Session, site: &Site) -> Result<(), Error> {
    let site = sql::text(site.as_str());
    session.execute(&format!("DELETE FROM packmule_untold_key WHERE site = {site}"))?;
    Ok(())
}

/// Takes in that the sender of a stream has other keys: `old` is good up to bundle `last` of it; without one, until the
/// bundle comes that says so. Returns false where the site is known by another key than `old` and than the new one.
pub fn take_keys(
    session: &mut Session,
    stream: &StreamId,
    old: &str,
    new: (&str, &str),
    last: Option<Seq>,
    now: Stamp,
) -> Result<bool, Error> {
    session.execute("START TRANSACTION")?;
    let name = sql::text(stream.from.as_str());
    let row = session
        .first(&format!("SELECT verifying_key FROM packmule_site WHERE name = {name} FOR UPDATE"))?
        .ok_or(Error::NotSetUp)?;
    let known = row.text(0)?;
    if known != old && known != new.0 {
        session.execute("ROLLBACK")?;
        return Ok(false);
    }
    retire(session, stream, old, last, now)?;
    session.execute(&format!(
        "UPDATE packmule_site SET verifying_key = {}, recipient = {} WHERE name = {name}",
        sql::text(new.0),
        sql::text(new.1),
    ))?;
    session.execute("COMMIT")?;
    Ok(true)
}

/// The first word on where a key's use ends counts.
fn retire(
    session: &mut Session,
    stream: &StreamId,
    key: &str,
    last: Option<Seq>,
    now: Stamp,
) -> Result<(), Error> {
    session.execute(&format!(
        "INSERT INTO packmule_retired_key (from_site, incarnation, to_site, verifying_key, last_seq, retired_at) \
         VALUES ({}, {}, {}, {}, {}, {}) ON DUPLICATE KEY UPDATE last_seq = COALESCE(last_seq, VALUES(last_seq))",
        sql::text(stream.from.as_str()),
        sql::text(&stream.incarnation.to_string()),
        sql::text(stream.to.as_str()),
        sql::text(key),
        last.map_or("NULL".to_owned(), |last| last.to_string()),
        sql::text(&now.to_sql()),
    ))?;
    Ok(())
}
