//! `sync_log` as the ledger uses it: what apply writes there, and when a row was last edited.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use crate::db::{Session, sql};
use crate::ledger::error::Error;
use crate::ledger::here::stamp;
use crate::model::{Op, Site, Stamp, TableName};

/// A log row that apply writes for a row it has written, so that the centre can send it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRow {
    /// The key, as `sync_log` spells it.
    pub record_id: String,
    /// What was done.
    pub op: Op,
    /// When the row was edited, at the site where it was.
    pub time: Stamp,
}

/// The newest log row of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowTime {
    /// When.
    pub time: Stamp,
    /// Where; `None`: here.
    pub origin: Option<Site>,
}

/// What the log knows of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowHistory {
    /// Its newest edit.
    pub newest: Option<RowTime>,
    /// When the sender of a bundle last edited it, of what it has sent before.
    pub own: Option<Stamp>,
    /// Whether somebody else changed it, or an answer to the sender waits, that the sender has not confirmed.
    pub unconfirmed: bool,
}

/// Logs what a bundle of `origin` wrote to `table`, with the times of the edits themselves; without an origin, as edits made here.
pub fn log_rows(
    session: &mut Session,
    table: &TableName,
    rows: &[LoggedRow],
    origin: Option<&Site>,
) -> Result<(), Error> {
    let [first, rest @ ..] = rows else {
        return Ok(());
    };
    let mut query =
        "INSERT INTO sync_log (table_name, record_id, action, changed_at, origin) VALUES ".to_owned();
    let (table, origin) = (sql::text(table.as_str()), sql::text_or_null(origin.map(Site::as_str)));
    for (at, row) in std::iter::once(first).chain(rest).enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let (record_id, action) = (sql::text(&row.record_id), row.op.as_sql());
        let _ = write!(query, "{comma}({table},{record_id},'{action}','{}',{origin})", row.time.to_sql());
    }
    session.execute(&query)?;
    Ok(())
}

/// Notes rows that `site` is to be told, because it holds something else: `>lab-a` stands for the origin.
///
/// A note is nobody's edit: it goes to that one site, and says nothing of when the row was changed.
pub fn answer_rows(
    session: &mut Session,
    table: &TableName,
    rows: &[(String, Op)],
    site: &Site,
    now: Stamp,
) -> Result<(), Error> {
    const ROWS_A_STATEMENT: usize = 500;
    let (table, origin, now) = (sql::text(table.as_str()), sql::text(&format!(">{site}")), now.to_sql());
    for chunk in rows.chunks(ROWS_A_STATEMENT) {
        let values = chunk.iter().map(|(record_id, op)| {
            format!("({table},{},'{}','{now}',{origin})", sql::text(record_id), op.as_sql())
        });
        session.execute(&format!(
            "INSERT INTO sync_log (table_name, record_id, action, changed_at, origin) VALUES {}",
            values.collect::<Vec<_>>().join(",")
        ))?;
    }
    Ok(())
}

/// Which of these records this site has changed itself, after the batch `after`: in a later batch or in none yet.
///
/// Batch 0 holds what was cancelled out before it was sealed: nobody was told of it, and nobody will answer it.
pub fn own_changes(
    session: &mut Session,
    table: &TableName,
    record_ids: &[String],
    after: u64,
) -> Result<HashSet<String>, Error> {
    let mut found = HashSet::new();
    for chunk in record_ids.chunks(500) {
        let list = chunk.iter().map(|id| sql::text(id)).collect::<Vec<_>>().join(",");
        let query = format!(
            "SELECT DISTINCT record_id FROM sync_log FORCE INDEX (packmule_record) \
             WHERE table_name = {} AND record_id IN ({list}) AND origin IS NULL AND (batch IS NULL OR batch > {after})",
            sql::text(table.as_str())
        );
        session.each(&query, |row| {
            found.insert(row.text(0)?.to_owned());
            Ok::<(), Error>(())
        })?;
    }
    Ok(found)
}

/// Which of these records this site has changed itself, or adopted, whatever became of that.
pub fn logged_here(
    session: &mut Session,
    table: &TableName,
    record_ids: &[String],
) -> Result<HashSet<String>, Error> {
    Ok(last_own_batches(session, table, record_ids)?.into_keys().collect())
}

/// The keys of rows that this site has deleted itself after the batch `after`, or that nobody was told of yet.
pub fn own_deletes(session: &mut Session, table: &TableName, after: u64) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let table = sql::text(table.as_str());
    for condition in ["batch IS NULL".to_owned(), format!("batch > {after}")] {
        let query = format!(
            "SELECT record_id FROM sync_log FORCE INDEX (packmule_open) \
             WHERE {condition} AND table_name = {table} AND action = 'DELETE' AND origin IS NULL"
        );
        session.each(&query, |row| {
            found.push(row.text(0)?.to_owned());
            Ok::<(), Error>(())
        })?;
    }
    Ok(found)
}

/// The last batch in which this site's own changes of these records were sealed; `None`: one is still open.
pub fn last_own_batches(
    session: &mut Session,
    table: &TableName,
    record_ids: &[String],
) -> Result<HashMap<String, Option<u64>>, Error> {
    let mut found = HashMap::new();
    for chunk in record_ids.chunks(500) {
        let list = chunk.iter().map(|id| sql::text(id)).collect::<Vec<_>>().join(",");
        let query = format!(
            "SELECT record_id, MAX(COALESCE(batch, 0)), MAX(batch IS NULL) \
             FROM sync_log FORCE INDEX (packmule_record) \
             WHERE table_name = {} AND record_id IN ({list}) AND origin IS NULL GROUP BY record_id",
            sql::text(table.as_str())
        );
        session.each(&query, |row| {
            let batch: u64 = row.parse(1)?;
            let is_open = row.text(2)? == "1";
            found.insert(row.text(0)?.to_owned(), (!is_open).then_some(batch));
            Ok::<(), Error>(())
        })?;
    }
    Ok(found)
}

/// The records that this site has changed itself after the batch `after`, each with the last batch in which it was
/// sealed; `None`: it is still open.
pub fn own_batches_after(
    session: &mut Session,
    table: &TableName,
    after: u64,
) -> Result<Vec<(String, Option<u64>)>, Error> {
    let mut found = Vec::new();
    let table = sql::text(table.as_str());
    for (condition, batch) in
        [("batch IS NULL".to_owned(), "NULL"), (format!("batch > {after}"), "MAX(batch)")]
    {
        let query = format!(
            "SELECT record_id, {batch} FROM sync_log FORCE INDEX (packmule_open) \
             WHERE {condition} AND table_name = {table} AND origin IS NULL GROUP BY record_id"
        );
        session.each(&query, |row| {
            found.push((row.text(0)?.to_owned(), row.parse_optional(1)?));
            Ok::<(), Error>(())
        })?;
    }
    Ok(found)
}

/// What the log knows of each of these records. The newest edit is the one that was logged last, and so made the row what
/// it is, whatever the clock said that made it. `sender` has confirmed what was sealed up to the batch `confirmed`.
pub fn row_histories(
    session: &mut Session,
    table: &TableName,
    record_ids: &[String],
    sender: &Site,
    confirmed: u64,
) -> Result<HashMap<String, RowHistory>, Error> {
    let mut found: HashMap<String, (u64, RowHistory)> = HashMap::new();
    let note = format!(">{sender}");
    for chunk in record_ids.chunks(500) {
        let list = chunk.iter().map(|id| sql::text(id)).collect::<Vec<_>>().join(",");
        let query = format!(
            "SELECT record_id, changed_at, origin, id, COALESCE(batch <= {confirmed}, 0) \
             FROM sync_log FORCE INDEX (packmule_record) WHERE table_name = {} AND record_id IN ({list}) \
             AND (COALESCE(origin, '') NOT LIKE '>%' OR origin = {})",
            sql::text(table.as_str()),
            sql::text(&note)
        );
        session.each(&query, |row| {
            let (last, history) = found.entry(row.text(0)?.to_owned()).or_default();
            let origin = row.optional(2);
            if origin != Some(sender.as_str()) && row.text(4)? != "1" {
                history.unconfirmed = true;
            }
            if origin == Some(note.as_str()) {
                return Ok::<(), Error>(());
            }
            let (time, id): (Stamp, u64) = (stamp(row.text(1)?)?, row.parse(3)?);
            if origin == Some(sender.as_str()) {
                history.own = history.own.max(Some(time));
            }
            if id >= *last {
                *last = id;
                history.newest = Some(RowTime { time, origin: row.parse_optional(2)? });
            }
            Ok(())
        })?;
    }
    Ok(found.into_iter().map(|(record_id, (_, history))| (record_id, history)).collect())
}
