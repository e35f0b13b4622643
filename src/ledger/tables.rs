//! Which tables are shared.

use std::collections::{BTreeMap, BTreeSet};

use crate::db::{Session, sql};
use crate::ledger::error::Error;
use crate::model::{Direction, Stamp, TableName};

/// The tables that are shared.
pub fn shared_tables(session: &mut Session) -> Result<BTreeSet<TableName>, Error> {
    let rows = session.rows("SELECT name FROM packmule_table")?;
    Ok(rows.iter().map(|row| row.text(0).map(TableName::new)).collect::<Result<_, _>>()?)
}

/// The tables that are shared, each with the way that its changes go.
pub fn table_directions(session: &mut Session) -> Result<BTreeMap<TableName, Direction>, Error> {
    let rows = session.rows("SELECT name, direction FROM packmule_table")?;
    rows.iter().map(|row| Ok((TableName::new(row.text(0)?), row.parse(1)?))).collect()
}

/// The tables whose rows have to do with the centre's: a snapshot of them was taken in at this lab.
pub fn started_tables(session: &mut Session) -> Result<BTreeSet<TableName>, Error> {
    let rows = session.rows("SELECT name FROM packmule_table WHERE started_at IS NOT NULL")?;
    Ok(rows.iter().map(|row| row.text(0).map(TableName::new)).collect::<Result<_, _>>()?)
}

/// Writes, in the transaction that is open, that a snapshot of this table was taken in.
pub fn record_start(session: &mut Session, table: &TableName, now: Stamp) -> Result<(), Error> {
    session.execute(&format!(
        "UPDATE packmule_table SET started_at = COALESCE(started_at, {}) WHERE name = {}",
        sql::text(&now.to_sql()),
        sql::text(table.as_str())
    ))?;
    Ok(())
}

/// Says which way a table's changes go.
pub fn set_direction(session: &mut Session, table: &TableName, direction: Direction) -> Result<(), Error> {
    let table = sql::text(table.as_str());
    session.execute(&format!("UPDATE packmule_table SET direction = '{direction}' WHERE name = {table}"))?;
    Ok(())
}

/// Shares more tables. Those that are shared already stay as they are.
pub fn add_tables(session: &mut Session, tables: &[TableName], now: Stamp) -> Result<(), Error> {
    for table in tables {
        session.execute(&format!(
            "INSERT INTO packmule_table (name, added_at) SELECT {name}, {now} FROM DUAL \
             WHERE NOT EXISTS (SELECT 1 FROM packmule_table WHERE name = {name})",
            name = sql::text(table.as_str()),
            now = sql::text(&now.to_sql()),
        ))?;
    }
    Ok(())
}

/// Shares these tables no longer.
pub fn remove_tables(session: &mut Session, tables: &[TableName]) -> Result<(), Error> {
    for table in tables {
        session.execute(&format!("DELETE FROM packmule_table WHERE name = {}", sql::text(table.as_str())))?;
    }
    Ok(())
}
