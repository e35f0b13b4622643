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
pub fn upsert_rows(session: &mut Session, table: &Table, rows: &[&RowImage]) -> Result<(), Error> {
    let mut query = insert_sql(table, rows);
    // MySQL warns of VALUES(), MariaDB does not know the row alias.
    let by_alias = session.flavour() == Flavour::MySql;
    query.push_str(if by_alias {
        " AS incoming ON DUPLICATE KEY UPDATE "
    } else {
        " ON DUPLICATE KEY UPDATE "
    });
    for (at, detail) in table.details.iter().filter(|detail| !detail.generated).enumerate() {
        if at > 0 {
            query.push_str(", ");
        }
        let name = sql::name(&detail.name);
        query.push_str(&match by_alias {
            true => format!("{name}=incoming.{name}"),
            false => format!("{name}=VALUES({name})"),
        });
    }
    session.execute(&query).map(drop)
}

/// Writes rows whose keys were seen to exist, one UPDATE each, so that only the table's UPDATE triggers fire.
///
/// `ON DUPLICATE KEY UPDATE` would run the application's BEFORE INSERT triggers, which may put other values in.
pub fn update_rows(session: &mut Session, table: &Table, rows: &[&RowImage]) -> Result<(), Error> {
    for row in rows {
        let mut query = format!("UPDATE {} SET ", sql::name(table.shape.name.as_str()));
        for (at, (detail, value)) in written(table, row).enumerate() {
            if at > 0 {
                query.push_str(", ");
            }
            query.push_str(&sql::name(&detail.name));
            query.push('=');
            sql::push_value(&mut query, value, detail.kind);
        }
        query.push_str(" WHERE ");
        push_keys(&mut query, table, table.shape.key_of(row).as_slice());
        session.execute(&query)?;
    }
    Ok(())
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
