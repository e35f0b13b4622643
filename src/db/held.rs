//! Which of many values stand in columns of a table, and in which rows: one question for all of them.

use std::collections::HashMap;

use crate::db::catalog::Table;
use crate::db::error::{Class, Error};
use crate::db::foreign::ForeignKey;
use crate::db::session::Session;
use crate::db::shared::{canonical, canonical_keys, push_keys};
use crate::db::sql;
use crate::model::{ColumnKind, RowKey, TableShape, Value};

/// The keys of the rows that hold each of some values; in the order of the values.
pub type Holders = Vec<Vec<RowKey>>;

/// Looks for rows of `table` with `values` in `columns`, each of the values as many as there are columns.
///
/// `None`: it cannot be told so. A server may take two spellings of a value for one without a collation that says so; then it
/// has to be asked for each row, by writing it.
pub fn holders(
    session: &mut Session,
    table: &Table,
    columns: &[String],
    values: &[Vec<Value>],
) -> Result<Option<Holders>, Error> {
    let Some(sought) = known_by(table, columns) else {
        return Ok(None);
    };
    let mut holders: Holders = vec![Vec::new(); values.len()];
    if values.is_empty() {
        return Ok(Some(holders));
    }
    let mut wanted: Vec<RowKey> = values.iter().cloned().map(RowKey).collect();
    wanted.sort();
    wanted.dedup();
    let canonicals = match canonical_keys(session, &sought, &wanted) {
        Ok(canonicals) => canonicals,
        Err(error) => return unclear(error),
    };
    let mut places: HashMap<&RowKey, &Vec<u8>> = HashMap::new();
    let mut found: HashMap<&Vec<u8>, Vec<RowKey>> = HashMap::new();
    for (key, canonical) in wanted.iter().zip(&canonicals) {
        places.insert(key, canonical);
        found.entry(canonical).or_default();
    }
    let mut is_clear = true;
    let asked = session.each(&query(table, &sought, &wanted), |mut row| {
        let mut at = 0;
        let mut cells = |table: &Table| {
            let values = table.key_details().map(|detail| {
                at += 1;
                detail.value(row.take(at - 1)).into_value()
            });
            RowKey(values.collect())
        };
        let (held, key) = (cells(&sought), cells(table));
        let weights: Vec<Vec<u8>> = sought
            .key_details()
            .filter(|detail| detail.is_collated())
            .enumerate()
            .map(|(number, _)| row.take(at + number).unwrap_or_default())
            .collect();
        match found.get_mut(&canonical(&sought, &held, &weights)) {
            Some(keys) => keys.push(key),
            None => is_clear = false,
        }
        Ok::<(), Error>(())
    });
    match asked {
        Ok(()) if is_clear => {}
        Ok(()) => return Ok(None),
        Err(error) => return unclear(error),
    }
    for (holder, values) in holders.iter_mut().zip(values) {
        let canonical = places.get(&RowKey(values.clone()));
        if let Some(keys) = canonical.and_then(|canonical| found.get(*canonical)) {
            holder.clone_from(keys);
        }
    }
    Ok(Some(holders))
}

/// The keys of those of these rows to which rows of another table point.
pub fn with_children(
    session: &mut Session,
    table: &Table,
    foreign: &ForeignKey,
    keys: &[RowKey],
) -> Result<Vec<RowKey>, Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let columns: Vec<String> = table
        .key_details()
        .map(|detail| detail.read_sql_of(format!("p.{}", sql::name(&detail.name))))
        .collect();
    let pairs = foreign.child_columns.iter().zip(&foreign.parent_columns);
    let pairs: Vec<String> =
        pairs.map(|(child, parent)| format!("c.{} = p.{}", sql::name(child), sql::name(parent))).collect();
    let mut query = format!(
        "SELECT {} FROM {} p FORCE INDEX (PRIMARY) WHERE EXISTS (SELECT 1 FROM {} c WHERE {}) AND ",
        columns.join(", "),
        sql::name(foreign.parent.as_str()),
        sql::name(foreign.child.as_str()),
        pairs.join(" AND ")
    );
    // Only the parent has a column of its key's name without a letter before it: the child stands in brackets.
    push_keys(&mut query, table, keys);
    let mut found = Vec::new();
    session.each(&query, |mut row| {
        let cells =
            table.key_details().enumerate().map(|(at, detail)| detail.value(row.take(at)).into_value());
        found.push(RowKey(cells.collect()));
        Ok::<(), Error>(())
    })?;
    Ok(found)
}

/// The table as if these columns were its key. `None` where one of them is not there, or holds what cannot be compared as text.
fn known_by(table: &Table, columns: &[String]) -> Option<Table> {
    let place = |name: &String| {
        let at = table.details.iter().position(|detail| &detail.name == name)?;
        let kind = table.details.get(at)?.kind;
        let is_exact = !matches!(kind, ColumnKind::Float | ColumnKind::Json | ColumnKind::Geometry);
        is_exact.then_some(at)
    };
    let key = columns.iter().map(place).collect::<Option<Vec<usize>>>()?;
    let shape = TableShape { key, ..table.shape.clone() };
    Some(Table { shape, ..table.clone() })
}

fn query(table: &Table, sought: &Table, wanted: &[RowKey]) -> String {
    let mut columns: Vec<String> =
        sought.key_details().chain(table.key_details()).map(|detail| detail.read_sql()).collect();
    let collated = sought.key_details().filter(|detail| detail.is_collated());
    columns.extend(collated.map(|detail| detail.weight_sql(&sql::name(&detail.name))));
    let mut query =
        format!("SELECT {} FROM {} WHERE ", columns.join(", "), sql::name(table.shape.name.as_str()));
    push_keys(&mut query, sought, wanted);
    query
}

/// MySQL refuses to look for a DATE that is no date.
fn unclear(error: Error) -> Result<Option<Holders>, Error> {
    match error.class() {
        Some(Class::Value) => Ok(None),
        Some(_) | None => Err(error),
    }
}
