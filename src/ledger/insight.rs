//! What the centre keeps of its labs for people to look at, and what it reads of its bundles for that. Each thing is one query for all labs.

use std::collections::BTreeMap;

use crate::db::{Row, Session, sql};
use crate::ledger::bundles::{BundleRecord, SELECT, read};
use crate::ledger::error::Error;
use crate::ledger::here::stamp;
use crate::ledger::streams::condition;
use crate::model::{ChangeCounts, Seq, Site, Stamp, StreamId, TableName};

/// What a lab says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabWords {
    /// The program that made its newest bundle, such as `packmule 0.1.0`.
    pub program: Option<String>,
    /// The server of its database, such as `MariaDB 10.11.14`.
    pub server: Option<String>,
    /// How far its clock is ahead of the centre's.
    pub clock_ahead_ms: Option<i64>,
}

/// What came from a lab on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardDay {
    /// The lab.
    pub site: Site,
    /// Midnight UTC, when the day began.
    pub day: Stamp,
    /// How many bundles were applied.
    pub bundles: u64,
    /// When the newest thing was sealed that came; never later than it came, whatever the lab's clock said.
    pub newest: Stamp,
}

/// Whether the tables are there that the console needs: a centre that only looks must not make them.
pub fn knows_console(session: &mut Session) -> Result<bool, Error> {
    let row = session.first("SELECT 1 FROM packmule_central_migration WHERE number = 4");
    match row {
        Ok(row) => Ok(row.is_some()),
        Err(error) if error.code() == Some(NO_SUCH_TABLE) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes what the newest bundle of a lab says of it. The end of a history that is over says nothing new.
pub fn record_lab(
    session: &mut Session,
    stream: &StreamId,
    words: &LabWords,
    now: Stamp,
) -> Result<(), Error> {
    session.execute(&format!(
        "INSERT INTO packmule_lab (site, program, server, clock_ahead_ms, told_at) \
         SELECT name, {}, {}, {}, {} FROM packmule_site WHERE name = {} AND incarnation = {} \
         ON DUPLICATE KEY UPDATE program = VALUES(program), server = VALUES(server), \
           clock_ahead_ms = VALUES(clock_ahead_ms), told_at = VALUES(told_at)",
        sql::text_or_null(words.program.as_deref()),
        sql::text_or_null(words.server.as_deref()),
        words.clock_ahead_ms.map_or("NULL".to_owned(), |ahead| ahead.to_string()),
        sql::text(&now.to_sql()),
        sql::text(stream.from.as_str()),
        sql::text(&stream.incarnation.to_string()),
    ))?;
    Ok(())
}

/// Adds what was applied of each table to what the day has brought already.
pub fn add_to_day(
    session: &mut Session,
    site: &Site,
    now: Stamp,
    tables: &BTreeMap<&TableName, ChangeCounts>,
) -> Result<(), Error> {
    if tables.is_empty() {
        return Ok(());
    }
    let (site, day) = (sql::text(site.as_str()), day(now));
    let row = |(table, counts): (&&TableName, &ChangeCounts)| {
        let ChangeCounts { inserts, updates, deletes } = counts;
        format!("({site}, {day}, {}, {inserts}, {updates}, {deletes})", sql::text(table.as_str()))
    };
    session.execute(&format!(
        "INSERT INTO packmule_day (site, day, table_name, inserts, updates, deletes) VALUES {} \
         ON DUPLICATE KEY UPDATE inserts = inserts + VALUES(inserts), updates = updates + VALUES(updates), \
           deletes = deletes + VALUES(deletes)",
        tables.iter().map(row).collect::<Vec<_>>().join(", ")
    ))?;
    Ok(())
}

/// Removes the counts of days before `cutoff`.
pub fn prune_days(session: &mut Session, cutoff: Stamp) -> Result<(), Error> {
    session.execute(&format!("DELETE FROM packmule_day WHERE day < {}", day(cutoff)))?;
    Ok(())
}

/// What each lab has said of itself, and when that was applied.
pub fn lab_words(session: &mut Session) -> Result<Vec<(Site, LabWords, Stamp)>, Error> {
    let rows = session.rows("SELECT site, program, server, clock_ahead_ms, told_at FROM packmule_lab")?;
    let read = |row: &Row| {
        let words = LabWords {
            program: row.optional(1).map(str::to_owned),
            server: row.optional(2).map(str::to_owned),
            clock_ahead_ms: row.parse_optional(3)?,
        };
        Ok((row.parse(0)?, words, stamp(row.text(4)?)?))
    };
    rows.iter().map(read).collect()
}

/// What a lab's bundles brought, by day and table, the oldest day first.
pub fn day_counts(
    session: &mut Session,
    site: &Site,
    first: Stamp,
) -> Result<Vec<(Stamp, TableName, ChangeCounts)>, Error> {
    let rows = session.rows(&format!(
        "SELECT day, table_name, inserts, updates, deletes FROM packmule_day WHERE site = {} AND day >= {} \
         ORDER BY day, table_name",
        sql::text(site.as_str()),
        day(first)
    ))?;
    let read = |row: &Row| {
        let counts = ChangeCounts { inserts: row.parse(2)?, updates: row.parse(3)?, deletes: row.parse(4)? };
        Ok((midnight(row.text(0)?)?, TableName::new(row.text(1)?), counts))
    };
    rows.iter().map(read).collect()
}

/// What was applied here of each lab on each day from `first` on, the oldest day first.
pub fn heard_by_day(session: &mut Session, here: &Site, first: Stamp) -> Result<Vec<HeardDay>, Error> {
    let rows = session.rows(&format!(
        "SELECT from_site, DATE(recorded_at) AS day, COUNT(*), MAX(LEAST(sealed_at, recorded_at)) \
         FROM packmule_bundle WHERE to_site = {} AND recorded_at >= {} GROUP BY from_site, day ORDER BY day",
        sql::text(here.as_str()),
        sql::text(&first.to_sql())
    ))?;
    let read = |row: &Row| {
        Ok(HeardDay {
            site: row.parse(0)?,
            day: midnight(row.text(1)?)?,
            bundles: row.parse(2)?,
            newest: stamp(row.text(3)?)?,
        })
    };
    rows.iter().map(read).collect()
}

/// When the newest thing was sealed that had been applied of each lab before `first`.
pub fn heard_before(session: &mut Session, here: &Site, first: Stamp) -> Result<Vec<(Site, Stamp)>, Error> {
    // The newest of each from the key alone; the rows themselves for those only.
    let rows = session.rows(&format!(
        "SELECT b.from_site, MAX(LEAST(b.sealed_at, b.recorded_at)) FROM \
           (SELECT from_site, MAX(recorded_at) AS newest FROM packmule_bundle WHERE recorded_at < {} \
            GROUP BY from_site) l \
         JOIN packmule_bundle b ON b.from_site = l.from_site AND b.recorded_at = l.newest \
         WHERE b.to_site = {} GROUP BY b.from_site",
        sql::text(&first.to_sql()),
        sql::text(here.as_str())
    ))?;
    rows.iter().map(|row| Ok((row.parse(0)?, stamp(row.text(1)?)?))).collect()
}

/// The newest bundles of a stream, the newest first.
pub fn newest_of_stream(
    session: &mut Session,
    stream: &StreamId,
    limit: u64,
) -> Result<Vec<BundleRecord>, Error> {
    let query = format!("{SELECT} WHERE {} ORDER BY seq DESC LIMIT {limit}", condition(stream));
    session.rows(&query)?.iter().map(read).collect()
}

/// Which bundles a page is of: those that one site has sealed, that are for one site, both, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BundleRange {
    /// Only those from this site.
    pub from: Option<Site>,
    /// Only those for this site.
    pub to: Option<Site>,
}

/// A bundle's place in the order of the pages: by when it was written down here, then by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundlePlace {
    /// When its row was written.
    pub recorded_at: Stamp,
    /// Its stream.
    pub stream: StreamId,
    /// Its number.
    pub seq: Seq,
}

/// The bundles of any of `ranges`, the newest first, those behind `before` only. No bundle may be of two ranges.
pub fn bundles_before(
    session: &mut Session,
    ranges: &[BundleRange],
    before: Option<&BundlePlace>,
    limit: u64,
) -> Result<Vec<BundleRecord>, Error> {
    const ORDER: &str = "ORDER BY recorded_at DESC, from_site DESC, incarnation DESC, to_site DESC, seq DESC";
    let part = |range: &BundleRange| {
        let mut conditions = Vec::new();
        conditions
            .extend(range.from.as_ref().map(|site| format!("from_site = {}", sql::text(site.as_str()))));
        conditions.extend(range.to.as_ref().map(|site| format!("to_site = {}", sql::text(site.as_str()))));
        conditions.extend(before.map(behind));
        let conditions = if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
        // A column of which there is one value alone keeps MariaDB from reading the rows in the order of the key.
        let order = [
            ("recorded_at", false),
            ("from_site", range.from.is_some()),
            ("incarnation", false),
            ("to_site", range.to.is_some()),
            ("seq", false),
        ];
        let order = order.iter().filter(|(_, is_one)| !is_one).map(|(column, _)| format!("{column} DESC"));
        let order = order.collect::<Vec<_>>().join(", ");
        format!("({SELECT} WHERE {conditions} ORDER BY {order} LIMIT {limit})")
    };
    let parts: Vec<String> = ranges.iter().map(part).collect();
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let query = format!("{} {ORDER} LIMIT {limit}", parts.join(" UNION ALL "));
    session.rows(&query)?.iter().map(read).collect()
}

/// The condition that a bundle comes behind this place, the newest first.
fn behind(place: &BundlePlace) -> String {
    let BundlePlace { recorded_at, stream, seq } = place;
    let at = sql::text(&recorded_at.to_sql());
    // The first half is what a key can find; the second tells those of one moment apart.
    format!(
        "recorded_at <= {at} AND (recorded_at < {at} OR (from_site, incarnation, to_site, seq) < ({}, {}, {}, {seq}))",
        sql::text(stream.from.as_str()),
        sql::text(&stream.incarnation.to_string()),
        sql::text(stream.to.as_str())
    )
}

/// The day of a moment, as a literal.
fn day(moment: Stamp) -> String {
    let text = moment.to_sql();
    sql::text(text.split(' ').next().unwrap_or_default())
}

fn midnight(day: &str) -> Result<Stamp, Error> {
    Ok(stamp(&format!("{day} 00:00:00"))?)
}

const NO_SUCH_TABLE: u16 = 1146;
/// How much of the program's name is kept.
pub const PROGRAM_CHARS_MAX: usize = 40;
/// How much of the server's name is kept.
pub const SERVER_CHARS_MAX: usize = 80;
