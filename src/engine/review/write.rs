//! Writes the rows of a decision as an ordinary edit at the centre, and looks at what the database has made of them.
//!
//! The session's triggers are not silent: packmule's log the edit as one that was made here, so that every lab hears of it, and the
//! application's own do what they always do.

use crate::apply::Widths;
use crate::conflict::{Kind, same_value};
use crate::db::{self, Class, OnParent, Session, Table, sql};
use crate::engine::error::Error;
use crate::engine::review::fault::ReviewFault;
use crate::engine::review::plan::Edit;
use crate::engine::review::sight::{Ground, Tables};
use crate::ledger;
use crate::model::{
    ColumnKind, RowImage, RowKey, TableName, Value, hex_from_bytes, key_from_log, key_to_log,
};

/// What was written.
pub(super) struct Written {
    /// The row as the database holds it now.
    pub(super) row: Option<RowImage>,
    /// The log row that tells the labs.
    pub(super) log_id: u64,
    /// Columns in which a trigger of the application insists on another value than was asked for.
    pub(super) overruled: Vec<String>,
}

/// Writes one row, in the transaction that is open, and reads it back.
pub(super) fn write(session: &mut Session, tables: &Tables, edit: &Edit) -> Result<Written, Error> {
    let known = &tables.known;
    let after = ledger::last_log_id(session)?;
    let changed = changed_places(known, edit);
    let outcome = match (&edit.now, &edit.then) {
        (None, Some(row)) => db::insert_rows(session, known, &[row]),
        (Some(_), None) => db::delete_rows(session, known, &[&edit.key]),
        (Some(_), Some(row)) => update(session, known, row, &changed),
        (None, None) => Ok(()),
    };
    outcome.map_err(refused)?;
    let row = read_back(session, tables, &edit.key)?;
    let overruled = expect_written(known, edit, &changed, row.as_ref())?;
    let logged = ledger::logged_after(session, &known.shape.name, after)?;
    let is_it = |record: &str| key_from_log(&known.shape, record).as_ref() == Some(&edit.key);
    let log_id = logged.iter().rev().find(|(_, record)| is_it(record)).map(|(id, _)| *id);
    let log_id = log_id.ok_or_else(|| ReviewFault::NotLogged { table: known.shape.name.clone() })?;
    Ok(Written { row, log_id, overruled })
}

/// Whether there is a row of this key, locked if there is.
pub(super) fn is_taken(session: &mut Session, tables: &Tables, key: &RowKey) -> Result<bool, Error> {
    let known = &tables.known;
    let found = db::read_rows(session, known, std::slice::from_ref(key), true).map_err(refused)?;
    Ok(!found.is_empty())
}

/// Refuses a key that is taken.
pub(super) fn expect_free(session: &mut Session, tables: &Tables, key: &RowKey) -> Result<(), Error> {
    match is_taken(session, tables, key)? {
        false => Ok(()),
        true => {
            let (table, record) = (tables.known.shape.name.clone(), key_to_log(key));
            Err(ReviewFault::KeyTaken { table, record }.into())
        }
    }
}

/// Only the columns that change are written: what cannot be read exactly in others stays as it is.
fn update(session: &mut Session, table: &Table, row: &RowImage, changed: &[usize]) -> Result<(), db::Error> {
    let place = |at: usize| table.shape.key.contains(&at) || changed.contains(&at);
    let details = table.details.iter().enumerate().filter(|(at, _)| place(*at));
    let narrowed = table.narrowed(details.map(|(_, detail)| detail.clone()).collect());
    let cells = row.0.iter().enumerate().filter(|(at, _)| place(*at)).map(|(_, value)| value.clone());
    match narrowed {
        Some(table) => db::update_rows(session, &table, &[&RowImage(cells.collect())]),
        None => Ok(()),
    }
}

/// The places of the columns that an edit asks for.
fn changed_places(table: &Table, edit: &Edit) -> Vec<usize> {
    let (Some(now), Some(then)) = (&edit.now, &edit.then) else {
        return (0..table.details.len()).collect();
    };
    let cells = table.details.iter().zip(now.0.iter().zip(&then.0)).enumerate();
    let changed = cells.filter(|(_, (detail, (now, then)))| !same_value(detail.kind, now, then));
    changed.map(|(at, _)| at).collect()
}

fn read_back(session: &mut Session, tables: &Tables, key: &RowKey) -> Result<Option<RowImage>, Error> {
    let found = db::read_rows(session, &tables.known, std::slice::from_ref(key), true)?;
    Ok(found.into_iter().next().map(|keyed| keyed.row))
}

/// Refuses what a column has made something else of. What it is sure to keep, a trigger of the application has changed: these are the
/// application's own rules, and stand. Returns the columns in which that is so.
fn expect_written(
    table: &Table,
    edit: &Edit,
    changed: &[usize],
    found: Option<&RowImage>,
) -> Result<Vec<String>, ReviewFault> {
    let altered = |column: &str, wanted: String, found: String| {
        Err(ReviewFault::Altered { column: column.to_owned(), wanted, found })
    };
    let (then, found) = match (&edit.then, found) {
        (None, None) => return Ok(Vec::new()),
        (None, Some(_)) => return altered("", "no row".to_owned(), "a row".to_owned()),
        (Some(_), None) => return altered("", "a row".to_owned(), "no row of this key".to_owned()),
        (Some(then), Some(found)) => (then, found),
    };
    let (widths, mut overruled) = (Widths::of(table), Vec::new());
    let cells = table.details.iter().zip(then.0.iter().zip(&found.0)).enumerate();
    for (at, (detail, (then, found))) in cells.filter(|(at, _)| changed.contains(at)) {
        match same_value(detail.kind, then, found) {
            true => {}
            false if table.has_foreign_triggers() && widths.keeps(at, then) => {
                overruled.push(detail.name.clone());
            }
            false => return altered(&detail.name, shown(then), shown(found)),
        }
    }
    Ok(overruled)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) => format!("'{text}'"),
        Value::Bytes(bytes) => format!("0x{}", hex_from_bytes(bytes)),
    }
}

/// What the database says against a row is a fault of the row; all else is one of the work.
fn refused(error: db::Error) -> Error {
    let kind = match error.class() {
        Some(Class::ForeignKey) => Kind::Orphan,
        Some(Class::Duplicate) => Kind::Unique,
        Some(Class::Value) => Kind::Value,
        Some(Class::TryAgain | Class::LineLost | Class::Rights | Class::Other) | None => return error.into(),
    };
    ReviewFault::Refused { kind, words: error.cause().unwrap_or_default() }.into()
}

/// How many rows of other tables follow an edit by a foreign key without an edit of their own: they are deleted or let go with it.
pub(super) fn followers(
    session: &mut Session,
    ground: &Ground,
    tables: &Tables,
    edit: &Edit,
) -> Result<Vec<(TableName, u64)>, Error> {
    let Some(now) = &edit.now else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let known = &tables.known;
    for key in ground.catalog.children_of(&known.shape.name) {
        let place = |name: &String| known.details.iter().position(|detail| &detail.name == name);
        let Some(places) = key.parent_columns.iter().map(place).collect::<Option<Vec<usize>>>() else {
            continue;
        };
        let follows = match &edit.then {
            None => key.on_delete != OnParent::Restrict,
            Some(then) => {
                key.on_update == OnParent::SetNull && places.iter().any(|&at| then.0.get(at) != now.0.get(at))
            }
        };
        if !follows {
            continue;
        }
        let count = count_pointing(session, &key.child, &key.child_columns, known, &places, now)?;
        if count > 0 {
            found.push((key.child.clone(), count));
        }
    }
    Ok(found)
}

/// How many rows of `child` point to these columns of a row.
pub(super) fn count_pointing(
    session: &mut Session,
    child: &TableName,
    child_columns: &[String],
    parent: &Table,
    places: &[usize],
    row: &RowImage,
) -> Result<u64, Error> {
    let values = places.iter().map(|&at| (parent.details.get(at), row.0.get(at)));
    let pairs = child_columns.iter().zip(values).map(|(column, (detail, value))| {
        let mut literal = String::new();
        let kind = detail.map_or(ColumnKind::Text, |detail| detail.kind);
        sql::push_value(&mut literal, value.unwrap_or(&Value::Null), kind);
        format!("{} = {literal}", sql::name(column))
    });
    let query = format!(
        "SELECT COUNT(*) FROM {} WHERE {}",
        sql::name(child.as_str()),
        pairs.collect::<Vec<_>>().join(" AND ")
    );
    let row = session.first(&query)?;
    Ok(row.map_or(Ok(0), |row| row.parse(0))?)
}
