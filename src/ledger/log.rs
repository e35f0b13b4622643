//! `sync_log` as the ledger uses it: what apply writes there, and when a row was last edited.

use std::collections::HashMap;
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

/// Logs what a bundle of `origin` wrote to `table`, with the times of the edits themselves.
pub fn log_rows(
    session: &mut Session,
    table: &TableName,
    rows: &[LoggedRow],
    origin: &Site,
) -> Result<(), Error> {
    let [first, rest @ ..] = rows else {
        return Ok(());
    };
    let mut query =
        "INSERT INTO sync_log (table_name, record_id, action, changed_at, origin) VALUES ".to_owned();
    let (table, origin) = (sql::text(table.as_str()), sql::text(origin.as_str()));
    for (at, row) in std::iter::once(first).chain(rest).enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let (record_id, action) = (sql::text(&row.record_id), row.op.as_sql());
        let _ = write!(query, "{comma}({table},{record_id},'{action}','{}',{origin})", row.time.to_sql());
    }
    session.execute(&query)?;
    Ok(())
}

/// The newest edit of each of these records that the log knows of.
pub fn newest_times(
    session: &mut Session,
    table: &TableName,
    record_ids: &[String],
) -> Result<HashMap<String, RowTime>, Error> {
    let mut times: HashMap<String, RowTime> = HashMap::new();
    for chunk in record_ids.chunks(500) {
        let list = chunk.iter().map(|id| sql::text(id)).collect::<Vec<_>>().join(",");
        let query = format!(
            "SELECT record_id, changed_at, origin FROM sync_log FORCE INDEX (packmule_record) \
             WHERE table_name = {} AND record_id IN ({list})",
            sql::text(table.as_str())
        );
        session.each(&query, |row| {
            let found = RowTime { time: stamp(row.text(1)?)?, origin: row.parse_optional(2)? };
            let newest = times.entry(row.text(0)?.to_owned()).or_insert_with(|| found.clone());
            if found.time > newest.time {
                *newest = found;
            }
            Ok::<(), Error>(())
        })?;
    }
    Ok(times)
}

/// How many log rows of each shared table no bundle carries yet, by table.
pub fn unsealed_rows(session: &mut Session) -> Result<Vec<(TableName, u64)>, Error> {
    let rows = session.rows(
        "SELECT l.table_name, COUNT(*) FROM sync_log l JOIN packmule_table t ON t.name = l.table_name \
         WHERE l.batch IS NULL GROUP BY l.table_name ORDER BY l.table_name",
    )?;
    rows.iter().map(|row| Ok((TableName::new(row.text(0)?), row.parse(1)?))).collect()
}
