//! Changes of labs that wait because they do not fit: what is known of them when they are tried again, and what comes of it.

use std::collections::{HashMap, HashSet};

use crate::conflict::Kind;
use crate::db::{self, Row, Session, sql};
use crate::ledger::conflicts::Outcome;
use crate::ledger::error::Error;
use crate::ledger::here::stamp;
use crate::ledger::waiting::update;
use crate::model::{Op, Site, Stamp, TableName};

/// What waits of one lab in one table for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedGroup {
    /// The lab.
    pub site: Site,
    /// The table.
    pub table: TableName,
    /// Why: unique, orphan or value.
    pub kind: Kind,
    /// How many lines.
    pub lines: u64,
}

/// What waits because it does not fit.
pub fn parked_groups(session: &mut Session) -> Result<Vec<ParkedGroup>, Error> {
    let rows = session.rows(&format!(
        "SELECT site, table_name, kind, COUNT(*) FROM conflict_log WHERE status = 'open' AND kind IN ({KINDS}) \
         GROUP BY kind, site, table_name"
    ))?;
    let read = |row: &Row| {
        Ok(ParkedGroup {
            site: row.parse(0)?,
            table: TableName::new(row.text(1)?),
            kind: kind(row, 2)?,
            lines: row.parse(3)?,
        })
    };
    rows.iter().map(read).collect()
}

/// One change that waits because it does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedLine {
    /// Its number.
    pub id: u64,
    /// The key, as `sync_log` spells it.
    pub record_id: String,
    /// Why it waits.
    pub kind: Kind,
    /// What the lab has done to the row in all.
    pub op: Op,
    /// The row that the first change was made on.
    pub before_row: Option<String>,
    /// The row at the centre when it was tried last.
    pub central_row: Option<String>,
    /// The row as the lab wants it.
    pub lab_row: Option<String>,
    /// When the lab edited it.
    pub lab_time: Option<Stamp>,
    /// What stood in the way when it was tried last.
    pub note: Option<String>,
    /// The bundle that brought it.
    pub bundle: String,
}

/// Lines of one lab and table that wait because they do not fit, from the one behind `after` on.
pub fn parked_lines(
    session: &mut Session,
    site: &Site,
    table: &TableName,
    after: u64,
) -> Result<Vec<ParkedLine>, Error> {
    const LINES_MAX: u32 = 500;
    let rows = session.rows(&format!(
        "SELECT id, record_id, kind, action, before_row, central_row, lab_row, lab_time, note, bundle \
         FROM conflict_log WHERE status = 'open' AND kind IN ({KINDS}) AND site = {} AND table_name = {} \
         AND id > {after} ORDER BY id LIMIT {LINES_MAX}",
        sql::text(site.as_str()),
        sql::text(table.as_str())
    ))?;
    let read = |row: &Row| {
        let text = |at: usize| row.optional(at).map(str::to_owned);
        Ok(ParkedLine {
            id: row.parse(0)?,
            record_id: row.text(1)?.to_owned(),
            kind: kind(row, 2)?,
            op: match row.text(3)? {
                "INSERT" => Op::Insert,
                "DELETE" => Op::Delete,
                _ => Op::Update,
            },
            before_row: text(4),
            central_row: text(5),
            lab_row: text(6),
            lab_time: row.optional(7).map(stamp).transpose()?,
            note: text(8),
            bundle: row.optional(9).unwrap_or_default().to_owned(),
        })
    };
    rows.iter().map(read).collect()
}

/// Lets nobody else decide these lines until the transaction ends. Returns those that still wait.
pub fn lock_parked(session: &mut Session, ids: &[u64]) -> Result<HashSet<u64>, Error> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let list: Vec<String> = ids.iter().map(u64::to_string).collect();
    let rows = session.rows(&format!(
        "SELECT id FROM conflict_log FORCE INDEX (PRIMARY) WHERE id IN ({}) AND status = 'open' FOR UPDATE",
        list.join(",")
    ))?;
    rows.iter().map(|row| Ok(row.parse(0)?)).collect()
}

/// Lets no bundle of this site be applied until the transaction ends.
pub fn lock_streams_from(session: &mut Session, site: &Site) -> Result<(), Error> {
    let site = sql::text(site.as_str());
    session.rows(&format!("SELECT 1 FROM packmule_stream WHERE from_site = {site} FOR UPDATE"))?;
    Ok(())
}

/// How a change that waited has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The line's number.
    pub id: u64,
    /// Whose row stands.
    pub outcome: Outcome,
    /// By which rule.
    pub decided_by: String,
    /// The row at the centre before.
    pub central_row: Option<String>,
    /// When it was edited.
    pub central_time: Option<Stamp>,
    /// The row that stands now.
    pub written_row: Option<String>,
}

/// Writes how lines have ended, in the transaction that is open.
pub fn settle_parked(session: &mut Session, settled: &[Settled]) -> Result<(), Error> {
    const SET: &str = "c.status = 'decided', c.outcome = n.outcome, c.decided_by = n.decided_by, \
                       c.decided_at = UTC_TIMESTAMP(6), c.central_row = n.central_row, c.central_time = n.central_time, \
                       c.written_row = n.written_row";
    let lines = settled.iter().map(|one| {
        format!(
            "SELECT {} id, {} outcome, {} decided_by, {} central_row, {} central_time, {} written_row",
            one.id,
            sql::text(one.outcome.word()),
            sql::text(&one.decided_by),
            sql::text_or_null(one.central_row.as_deref()),
            sql::text_or_null(one.central_time.map(Stamp::to_sql).as_deref()),
            sql::text_or_null(one.written_row.as_deref())
        )
    });
    update(session, lines, SET)
}

/// Writes what stands in the way of lines by now, and the row at the centre as it is.
pub fn still_parked(
    session: &mut Session,
    lines: &[(u64, Kind, String, Option<String>)],
) -> Result<(), Error> {
    const SET: &str =
        "c.kind = n.kind, c.note = n.note, c.central_row = n.central_row, c.written_row = n.central_row";
    let lines = lines.iter().map(|(id, kind, note, row)| {
        format!(
            "SELECT {id} id, {} kind, {} note, {} central_row",
            sql::text(&kind.to_string()),
            sql::text(note),
            sql::text_or_null(row.as_deref())
        )
    });
    update(session, lines, SET)
}

/// Where the log stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogMark {
    /// The last batch.
    pub batch: u64,
    /// The newest log row.
    pub row: u64,
}

/// When what waits in a table was tried last, and how its table and the log stood then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// How the log stood.
    pub mark: LogMark,
    /// What the table's definition was, as a hash.
    pub definition: String,
    /// When everything in it was tried last, whatever the log said.
    pub at: Stamp,
}

/// How the log stands now. Must be read before what is tried.
pub fn log_mark(session: &mut Session) -> Result<LogMark, Error> {
    let row = session.first(
        "SELECT last_batch, (SELECT COALESCE(MAX(id), 0) FROM sync_log) FROM packmule_here WHERE id = 1",
    )?;
    let row = row.ok_or(Error::NotSetUp)?;
    Ok(LogMark { batch: row.parse(0)?, row: row.parse(1)? })
}

/// When each table was tried last.
pub fn tried(session: &mut Session) -> Result<HashMap<TableName, Tried>, Error> {
    let rows =
        session.rows("SELECT table_name, tried_batch, tried_log, tried_as, tried_at FROM packmule_parked")?;
    let read = |row: &Row| {
        let mark = LogMark { batch: row.parse(1)?, row: row.parse(2)? };
        let (definition, at) = (row.text(3)?.to_owned(), stamp(row.text(4)?)?);
        Ok((TableName::new(row.text(0)?), Tried { mark, definition, at }))
    };
    rows.iter().map(read).collect()
}

/// Writes that everything that waits in a table was tried.
pub fn record_tried(session: &mut Session, table: &TableName, tried: &Tried) -> Result<(), Error> {
    session.execute(&format!(
        "REPLACE INTO packmule_parked (table_name, tried_batch, tried_log, tried_as, tried_at) VALUES ({}, {}, {}, {}, {})",
        sql::text(table.as_str()),
        tried.mark.batch,
        tried.mark.row,
        sql::text(&tried.definition),
        sql::text(&tried.at.to_sql())
    ))?;
    Ok(())
}

/// Whether rows of this table have changed since the log stood so. Notes for one lab are no change.
///
/// A transaction that commits late has a number of before in the log, but no batch, or a later one. Only where a seal had nothing
/// to tell to anybody is its batch 0, and the number counts.
pub fn has_news(session: &mut Session, table: &TableName, since: LogMark) -> Result<bool, Error> {
    let table = sql::text(table.as_str());
    let LogMark { batch, row } = since;
    for condition in
        ["batch IS NULL".to_owned(), format!("batch > {batch}"), format!("batch = 0 AND id > {row}")]
    {
        let found = session.first(&format!(
            "SELECT 1 FROM sync_log FORCE INDEX (packmule_open) \
             WHERE {condition} AND table_name = {table} AND COALESCE(origin, '') NOT LIKE '>%' LIMIT 1"
        ))?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn kind(row: &Row, at: usize) -> Result<Kind, Error> {
    let kind = row.text(at)?.parse();
    Ok(kind.map_err(|()| db::Error::Unexpected { what: "an unknown kind".to_owned() })?)
}

const KINDS: &str = "'unique', 'orphan', 'value'";
