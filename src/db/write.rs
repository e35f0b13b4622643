//! Writing many rows of a shared table with few statements.

use crate::db::catalog::Table;
use crate::db::column::ColumnDetail;
use crate::db::error::Error;
use crate::db::session::{Flavour, Session};
use crate::db::shared::push_keys;
use crate::db::sql;
use crate::model::{RowImage, RowKey, Value};

/// Inserts rows that are not there. A key or unique value that is taken fails the whole statement.
pub fn insert_rows(session: &mut Session, table: &Table, rows: &[&RowImage]) -> Result<(), Error> {
    session.execute(&insert_sql(table, rows)).map(drop)
}

/// Writes rows whose keys were seen to exist. Must not be used for others: another unique key could be hit.
///
/// The key stays as the row here spells it; [`respell_key`] is for where a collation takes two spellings for one.
pub fn upsert_rows(session: &mut Session, table: &Table, rows: &[&RowImage]) -> Result<(), Error> {
    let mut query = insert_sql(table, rows);
    // MySQL warns of VALUES(), MariaDB does not know the row alias.
    let by_alias = session.flavour() == Flavour::MySql;
    let assignments = free_columns(table).map(|(_, detail)| {
        let name = sql::name(&detail.name);
        if by_alias { format!("{name}=incoming.{name}") } else { format!("{name}=VALUES({name})") }
    });
    let assignments = assignments.collect::<Vec<_>>().join(", ");
    if assignments.is_empty() {
        return Ok(());
    }
    query.push_str(if by_alias { " AS incoming" } else { "" });
    query.push_str(&format!(" ON DUPLICATE KEY UPDATE {assignments}"));
    session.execute(&query).map(drop)
}

/// Writes rows whose keys were seen to exist, one UPDATE each, so that only the table's UPDATE triggers fire.
///
/// `ON DUPLICATE KEY UPDATE` would run the application's BEFORE INSERT triggers, which may put other values in.
pub fn update_rows(session: &mut Session, table: &Table, rows: &[&RowImage]) -> Result<(), Error> {
    for row in rows {
        let mut query = format!("UPDATE {} SET ", sql::name(table.shape.name.as_str()));
        for (at, (place, detail)) in free_columns(table).enumerate() {
            query.push_str(if at > 0 { ", " } else { "" });
            push_assignment(&mut query, detail, row.0.get(place).unwrap_or(&Value::Null));
        }
        if free_columns(table).next().is_none() {
            return Ok(());
        }
        query.push_str(" WHERE ");
        push_keys(&mut query, table, table.shape.key_of(row).as_slice());
        session.execute(&query)?;
    }
    Ok(())
}

/// Spells the key of a row in another way that its collation takes for the same.
///
/// Children follow with ON UPDATE CASCADE where foreign keys are checked, and with SET NULL they let go; the caller
/// has switched the check off, for they point to the row under either spelling.
pub fn respell_key(session: &mut Session, table: &Table, key: &RowKey) -> Result<(), Error> {
    let mut query = format!("UPDATE {} SET ", sql::name(table.shape.name.as_str()));
    for (at, (detail, value)) in table.key_details().zip(&key.0).enumerate() {
        query.push_str(if at > 0 { ", " } else { "" });
        push_assignment(&mut query, detail, value);
    }
    query.push_str(" WHERE ");
    push_keys(&mut query, table, std::slice::from_ref(key));
    session.execute(&query).map(drop)
}

/// The columns that are written and are not of the key, with their places.
fn free_columns(table: &Table) -> impl Iterator<Item = (usize, &ColumnDetail)> {
    table.details.iter().enumerate().filter(|(at, detail)| !table.shape.key.contains(at) && !detail.generated)
}

fn push_assignment(query: &mut String, detail: &ColumnDetail, value: &Value) {
    query.push_str(&sql::name(&detail.name));
    query.push('=');
    sql::push_value(query, value, detail.kind);
}

/// Deletes the rows with these keys.
pub fn delete_rows(session: &mut Session, table: &Table, keys: &[&RowKey]) -> Result<(), Error> {
    let mut query = format!("DELETE FROM {} WHERE ", sql::name(table.shape.name.as_str()));
    let keys: Vec<RowKey> = keys.iter().map(|&key| key.clone()).collect();
    push_keys(&mut query, table, &keys);
    session.execute(&query).map(drop)
}

fn insert_sql(table: &Table, rows: &[&RowImage]) -> String {
    let mut query = format!(
        "INSERT INTO {} ({}) VALUES ",
        sql::name(table.shape.name.as_str()),
        sql::names(
            table.details.iter().filter(|detail| !detail.generated).map(|detail| detail.name.as_str())
        )
    );
    for (number, row) in rows.iter().enumerate() {
        query.push_str(if number == 0 { "(" } else { ",(" });
        for (at, (detail, value)) in written(table, row).enumerate() {
            if at > 0 {
                query.push(',');
            }
            sql::push_value(&mut query, value, detail.kind);
        }
        query.push(')');
    }
    query
}

/// The columns that are written, with their values: the server computes generated ones itself.
fn written<'r>(table: &'r Table, row: &'r RowImage) -> impl Iterator<Item = (&'r ColumnDetail, &'r Value)> {
    table.details.iter().zip(&row.0).filter(|(detail, _)| !detail.generated)
}
