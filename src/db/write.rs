//! Writing many rows of a shared table with few statements.

use crate::db::catalog::Table;
use crate::db::column::ColumnDetail;
use crate::db::error::Error;
use crate::db::json_sql::push_json;
use crate::db::members::members;
use crate::db::session::{Flavour, Session};
use crate::db::shared::push_keys;
use crate::db::sql;
use crate::model::{ColumnKind, RowImage, RowKey, Value};

/// Inserts rows that are not there. A key or unique value that is taken fails the whole statement.
pub fn insert_rows(session: &mut Session, table: &Table, rows: &[&RowImage]) -> Result<(), Error> {
    match rows {
        [row] if !blank_enums(table, row).is_empty() => {
            run_with_blanks(session, table, row, |statement| insert(statement, table, rows))
        }
        _ => run(session, rows, |statement| insert(statement, table, rows)),
    }
}

/// Writes rows whose keys were seen to exist. Must not be used for others: another unique key could be hit.
///
/// The key stays as the row here spells it; [`respell_key`] is for where a collation takes two spellings for one.
pub fn upsert_rows(session: &mut Session, table: &Table, rows: &[&RowImage]) -> Result<(), Error> {
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
    run(session, rows, |statement| {
        insert(statement, table, rows);
        statement.sql.push_str(if by_alias { " AS incoming" } else { "" });
        statement.sql.push_str(&format!(" ON DUPLICATE KEY UPDATE {assignments}"));
    })
}

/// Writes rows whose keys were seen to exist, one UPDATE each, so that only the table's UPDATE triggers fire.
///
/// `ON DUPLICATE KEY UPDATE` would run the application's BEFORE INSERT triggers, which may put other values in.
pub fn update_rows(session: &mut Session, table: &Table, rows: &[&RowImage]) -> Result<(), Error> {
    if free_columns(table).next().is_none() {
        return Ok(());
    }
    for row in rows {
        let make = |statement: &mut Statement| update(statement, table, row);
        match blank_enums(table, row).is_empty() {
            true => run(session, &[row], make)?,
            false => run_with_blanks(session, table, row, make)?,
        }
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
        query.push_str(&sql::name(&detail.name));
        query.push('=');
        sql::push_value(&mut query, value, detail.kind);
    }
    query.push_str(" WHERE ");
    push_keys(&mut query, table, std::slice::from_ref(key));
    session.execute(&query).map(drop)
}

/// The columns that are written and are not of the key, with their places.
fn free_columns(table: &Table) -> impl Iterator<Item = (usize, &ColumnDetail)> {
    table.details.iter().enumerate().filter(|(at, detail)| !table.shape.key.contains(at) && !detail.generated)
}

/// Deletes the rows with these keys.
pub fn delete_rows(session: &mut Session, table: &Table, keys: &[&RowKey]) -> Result<(), Error> {
    let mut query = format!("DELETE FROM {} WHERE ", sql::name(table.shape.name.as_str()));
    let keys: Vec<RowKey> = keys.iter().map(|&key| key.clone()).collect();
    push_keys(&mut query, table, &keys);
    session.execute(&query).map(drop)
}

/// Whether `row` cannot share a statement with others: it holds an ENUM that is none of its members.
pub fn goes_alone(table: &Table, row: &RowImage) -> bool {
    !blank_enums(table, row).is_empty()
}

/// The columns in which `row` has an ENUM's error value: applications with a lenient sql_mode store it for what is no member.
fn blank_enums<'t>(table: &'t Table, row: &RowImage) -> Vec<&'t ColumnDetail> {
    let is_blank = |(detail, value): &(&'t ColumnDetail, &Value)| {
        detail.data_type == "enum"
            && matches!(value, Value::Text(text) if text.is_empty())
            && !members(&detail.column_type).iter().any(String::is_empty)
    };
    table.details.iter().zip(&row.0).filter(is_blank).map(|(detail, _)| detail).collect()
}

/// A statement, and the values that are sent beside it.
struct Statement {
    sql: String,
    /// Where long values go; `None` while they stand in the statement itself.
    long: Option<Vec<Vec<u8>>>,
}

/// Runs the statement that `make` writes. One row that is too long as text is sent with its long values as bytes.
fn run(session: &mut Session, rows: &[&RowImage], make: impl Fn(&mut Statement)) -> Result<(), Error> {
    let mut statement = Statement { sql: String::new(), long: None };
    make(&mut statement);
    match session.execute(&statement.sql) {
        Err(Error::TooLong { .. }) if rows.len() == 1 => {}
        outcome => return outcome.map(drop),
    }
    let mut statement = Statement { sql: String::new(), long: Some(Vec::new()) };
    make(&mut statement);
    session.execute_with(&statement.sql, statement.long.unwrap_or_default())
}

/// Runs a statement for one row with ENUMs that are none of their members. Strict mode refuses these, so it is off for this
/// statement; any other complaint than theirs takes it back.
fn run_with_blanks(
    session: &mut Session,
    table: &Table,
    row: &RowImage,
    make: impl Fn(&mut Statement),
) -> Result<(), Error> {
    const DATA_TRUNCATED: &str = "1265";
    session.execute("SAVEPOINT packmule_blank")?;
    session.set_strict(false)?;
    let outcome = run(session, &[row], make);
    let warnings = match &outcome {
        Ok(()) => session.rows("SHOW WARNINGS")?,
        Err(_) => Vec::new(),
    };
    session.set_strict(true)?;
    outcome?;
    let blanks = blank_enums(table, row);
    let of_others = warnings.iter().find(|warning| warning.optional(1) != Some(DATA_TRUNCATED));
    let why = match of_others {
        None if warnings.len() == blanks.len() => return Ok(()),
        Some(warning) => warning.optional(2).unwrap_or_default().to_owned(),
        None => "has no such member here".to_owned(),
    };
    session.execute("ROLLBACK TO SAVEPOINT packmule_blank")?;
    let column = blanks.first().map(|detail| detail.name.clone()).unwrap_or_default();
    Err(Error::Misfit { column, why })
}

fn insert(statement: &mut Statement, table: &Table, rows: &[&RowImage]) {
    let names = table.details.iter().filter(|detail| !detail.generated).map(|detail| detail.name.as_str());
    let (name, names) = (sql::name(table.shape.name.as_str()), sql::names(names));
    statement.sql.push_str(&format!("INSERT INTO {name} ({names}) VALUES "));
    for (number, row) in rows.iter().enumerate() {
        statement.sql.push_str(if number == 0 { "(" } else { ",(" });
        for (at, (detail, value)) in written(table, row).enumerate() {
            if at > 0 {
                statement.sql.push(',');
            }
            statement.push(detail, value);
        }
        statement.sql.push(')');
    }
}

fn update(statement: &mut Statement, table: &Table, row: &RowImage) {
    statement.sql.push_str(&format!("UPDATE {} SET ", sql::name(table.shape.name.as_str())));
    for (at, (place, detail)) in free_columns(table).enumerate() {
        statement.sql.push_str(if at > 0 { ", " } else { "" });
        statement.sql.push_str(&sql::name(&detail.name));
        statement.sql.push('=');
        statement.push(detail, row.0.get(place).unwrap_or(&Value::Null));
    }
    statement.sql.push_str(" WHERE ");
    push_keys(&mut statement.sql, table, table.shape.key_of(row).as_slice());
}

/// The columns that are written, with their values: the server computes generated ones itself.
fn written<'r>(table: &'r Table, row: &'r RowImage) -> impl Iterator<Item = (&'r ColumnDetail, &'r Value)> {
    table.details.iter().zip(&row.0).filter(|(detail, _)| !detail.generated)
}

impl Statement {
    fn push(&mut self, detail: &ColumnDetail, value: &Value) {
        const SHORT_BYTES: usize = 4096;
        match (value, &mut self.long) {
            (Value::Bytes(bytes), Some(long)) if bytes.len() > SHORT_BYTES => {
                long.push(bytes.clone());
                self.sql.push('?');
            }
            (Value::Text(text), Some(long)) if text.len() > SHORT_BYTES => {
                let text_bytes = text.clone().into_bytes();
                long.push(text_bytes);
                match (detail.kind, detail.data_type.as_str()) {
                    (ColumnKind::Json, "json") => push_json(&mut self.sql, text, "?"),
                    _ => self.sql.push('?'),
                }
            }
            (Value::Text(text), _) if detail.kind == ColumnKind::Json && detail.data_type == "json" => {
                push_json(&mut self.sql, text, &sql::text(text));
            }
            (Value::Null | Value::Text(_) | Value::Bytes(_), _) => {
                sql::push_value(&mut self.sql, value, detail.kind);
            }
        }
    }
}
