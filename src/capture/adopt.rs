//! Logs the rows that were there before packmule, so that a site with years of data can join.

use crate::capture::error::Error;
use crate::capture::image::{Image, LogDepth};
use crate::db::{Catalog, Session, Table, sql};
use crate::model::{Stamp, TableName};

/// Logs the rows that are already in `table` as inserts whose time nobody knows.
///
/// Rows that the log already speaks of are not logged again. Returns how many rows were logged.
pub fn adopt_rows(session: &mut Session, table: &Table) -> Result<u64, Error> {
    let name = table.shape.name.as_str();
    let row = Image::at(table, LogDepth::WithBefore, "t");
    // READ COMMITTED: the rows read are not locked against the application that writes them.
    session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    let logged = session.execute(&format!(
        "{all} WHERE NOT EXISTS (SELECT 1 FROM sync_log l WHERE l.table_name = {table_text} \
                                 AND l.record_id = CAST({key} AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin)",
        all = log_all(&row),
        table_text = sql::text(name),
        key = row.record_id(),
    ))?;
    Ok(logged)
}

/// Logs every row of these tables anew, and forgets what their log was, in the transaction that is open.
///
/// For the one time when rows get other keys: a log row of before names a key that is another row's now, or nobody's.
pub fn replace_log(session: &mut Session, catalog: &Catalog, tables: &[TableName]) -> Result<u64, Error> {
    let mut logged = 0;
    for table in tables.iter().filter_map(|name| catalog.tables.get(name)) {
        let name = sql::text(table.shape.name.as_str());
        session.execute(&format!("DELETE FROM sync_log WHERE table_name = {name}"))?;
        logged += session.execute(&log_all(&Image::at(table, LogDepth::WithBefore, "t")))?;
    }
    Ok(logged)
}

/// Logs every row of `table` as an insert, whatever the row's log was, `t` being the alias of the table.
fn log_all(row: &Image<'_>) -> String {
    format!(
        "INSERT INTO sync_log (table_name, record_id, action, before_row, changed_at) SELECT {}, {} FROM {} t",
        row.columns("INSERT"),
        sql::text(&Stamp::UNKNOWN.to_sql()),
        sql::name(row.table.shape.name.as_str()),
    )
}
