//! Reading rows of a shared table by key, and telling which keys are the same row.

use std::collections::{HashMap, HashSet};

use crate::db::catalog::Table;
use crate::db::column::Cell;
use crate::db::error::{Class, Error};
use crate::db::session::{Row, Session};
use crate::db::sql;
use crate::model::{ColumnKind, RowImage, RowKey, TableName, Value, bytes_from_hex};

/// A row and the byte string by which its key is sorted and compared.
#[derive(Debug)]
pub struct Keyed {
    /// Equal for equal keys, and in the order of the primary key wherever that is cheap to know.
    pub canonical: Vec<u8>,
    /// The row.
    pub row: RowImage,
    /// The column that could not be read exactly; the row holds something like it.
    pub doubted: Option<String>,
}

/// Reads the rows with these keys, those that exist. With `lock`, no other transaction can change them afterwards.
pub fn read_rows(
    session: &mut Session,
    table: &Table,
    keys: &[RowKey],
    lock: bool,
) -> Result<Vec<Keyed>, Error> {
    let error = match read_once(session, table, keys, lock) {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    // MySQL refuses to look for a DATE that is no date (1525). An application may have logged such a key: it has no row.
    match (error.class(), keys) {
        (Some(Class::Value), [_]) => Ok(Vec::new()),
        (Some(Class::Value), _) => {
            let (first, second) = keys.split_at(keys.len() / 2);
            let mut found = read_rows(session, table, first, lock)?;
            found.extend(read_rows(session, table, second, lock)?);
            Ok(found)
        }
        _ => Err(error),
    }
}

fn read_once(session: &mut Session, table: &Table, keys: &[RowKey], lock: bool) -> Result<Vec<Keyed>, Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut columns: Vec<String> = table.details.iter().map(|detail| detail.read_sql()).collect();
    let weights = table.key_details().filter(|detail| detail.is_collated());
    columns.extend(weights.map(|detail| detail.weight_sql(&sql::name(&detail.name))));
    let mut query = format!(
        "SELECT {} FROM {} FORCE INDEX (PRIMARY) WHERE ",
        columns.join(", "),
        sql::name(table.shape.name.as_str())
    );
    push_keys(&mut query, table, keys);
    if lock {
        query.push_str(" FOR UPDATE");
    }
    let mut found = Vec::with_capacity(keys.len());
    session.each(&query, |mut row| {
        let (image, doubted) = image(table, &mut row);
        let weights: Vec<Vec<u8>> =
            (table.details.len()..columns.len()).map(|at| row.take(at).unwrap_or_default()).collect();
        let key = table.shape.key_of(&image).ok_or_else(|| Error::Unexpected {
            what: format!("a row of {} without its key", table.shape.name),
        })?;
        found.push(Keyed { canonical: canonical(table, &key, &weights), row: image, doubted });
        Ok::<(), Error>(())
    })?;
    Ok(found)
}

/// The row that an answer's first cells hold, and the column that could not be read exactly.
fn image(table: &Table, row: &mut Row) -> (RowImage, Option<String>) {
    let mut doubted = None;
    let cells = table.details.iter().enumerate().map(|(at, detail)| {
        let cell = detail.value(row.take(at));
        if matches!(cell, Cell::Doubted(_)) {
            doubted = Some(detail.name.clone());
        }
        cell.into_value()
    });
    (RowImage(cells.collect()), doubted)
}

/// Why a reading stopped: the database, or whoever takes the rows.
#[derive(Debug)]
pub enum Stopped<E> {
    /// The database refused.
    Database(Error),
    /// The taker had enough.
    Taker(E),
}

impl<E> From<Error> for Stopped<E> {
    fn from(error: Error) -> Self {
        Stopped::Database(error)
    }
}

/// Hands over every row of a table, in the order of its primary key, with the column that could not be read exactly; one row is
/// in memory at a time.
pub fn all_rows<E>(
    session: &mut Session,
    table: &Table,
    take: &mut dyn FnMut(RowImage, Option<String>) -> Result<(), E>,
) -> Result<(), Stopped<E>> {
    let columns: Vec<String> = table.details.iter().map(|detail| detail.read_sql()).collect();
    let name = sql::name(table.shape.name.as_str());
    let query = format!("SELECT {} FROM {name} FORCE INDEX (PRIMARY)", columns.join(", "));
    session.each(&query, |mut row| {
        let (image, doubted) = image(table, &mut row);
        take(image, doubted).map_err(Stopped::Taker)
    })
}

/// Hands over the key of every row of a table, with its canonical form.
pub fn all_keys<E>(
    session: &mut Session,
    table: &Table,
    take: &mut dyn FnMut(Vec<u8>, RowKey) -> Result<(), E>,
) -> Result<(), Stopped<E>> {
    let details: Vec<_> = table.key_details().collect();
    let mut columns: Vec<String> = details.iter().map(|detail| detail.read_sql()).collect();
    let weights = details.iter().filter(|detail| detail.is_collated());
    columns.extend(weights.map(|detail| detail.weight_sql(&sql::name(&detail.name))));
    let name = sql::name(table.shape.name.as_str());
    session.each(&format!("SELECT {} FROM {name}", columns.join(", ")), |mut row| {
        let cells = details.iter().enumerate().map(|(at, detail)| detail.value(row.take(at)).into_value());
        let key = RowKey(cells.collect());
        let weights: Vec<Vec<u8>> =
            (details.len()..columns.len()).map(|at| row.take(at).unwrap_or_default()).collect();
        take(canonical(table, &key, &weights), key).map_err(Stopped::Taker)
    })
}

/// How many rows a table has.
pub fn count_rows(session: &mut Session, table: &TableName) -> Result<u64, Error> {
    let row = session.first(&format!("SELECT COUNT(*) FROM {}", sql::name(table.as_str())))?;
    row.map_or(Ok(0), |row| row.parse(0))
}

/// The rows with these keys, each under the canonical form of the key that was asked for.
///
/// A key that an application spelt in its own way ('2026-1-1') is found by the server, but not under its own
/// text: those few are looked up one by one.
pub fn rows_by_key(
    session: &mut Session,
    table: &Table,
    keys: &[RowKey],
    canonicals: &[Vec<u8>],
    lock: bool,
) -> Result<HashMap<Vec<u8>, RowImage>, Error> {
    let found = keyed_by_key(session, table, keys, canonicals, lock)?;
    Ok(found.into_iter().map(|(canonical, keyed)| (canonical, keyed.row)).collect())
}

/// The same as [`rows_by_key`], with a word on each row that could not be read exactly.
pub fn keyed_by_key(
    session: &mut Session,
    table: &Table,
    keys: &[RowKey],
    canonicals: &[Vec<u8>],
    lock: bool,
) -> Result<HashMap<Vec<u8>, Keyed>, Error> {
    let found = read_rows(session, table, keys, lock)?;
    let mut rows: HashMap<_, _> = found.into_iter().map(|keyed| (keyed.canonical.clone(), keyed)).collect();
    let known: HashSet<&Vec<u8>> = canonicals.iter().filter(|key| rows.contains_key(*key)).collect();
    if known.len() == rows.len() {
        return Ok(rows);
    }
    for (key, canonical) in keys.iter().zip(canonicals).filter(|(_, canonical)| !known.contains(canonical)) {
        if let Some(keyed) = read_rows(session, table, std::slice::from_ref(key), lock)?.pop() {
            rows.insert(canonical.clone(), keyed);
        }
    }
    Ok(rows)
}

/// The canonical form of keys that came from elsewhere. Asks the server only where a collation has a say.
pub fn canonical_keys(session: &mut Session, table: &Table, keys: &[RowKey]) -> Result<Vec<Vec<u8>>, Error> {
    let collated: Vec<usize> = (0..table.shape.key.len())
        .filter(|&at| table.key_details().nth(at).is_some_and(|detail| detail.is_collated()))
        .collect();
    if collated.is_empty() || keys.is_empty() {
        return Ok(keys.iter().map(|key| canonical(table, key, &[])).collect());
    }
    let mut query = String::new();
    for (number, key) in keys.iter().enumerate() {
        query.push_str(if number == 0 { "SELECT " } else { " UNION ALL SELECT " });
        let weights = collated.iter().filter_map(|&at| {
            let detail = table.key_details().nth(at)?;
            let mut literal = String::new();
            sql::push_value(&mut literal, key.0.get(at)?, ColumnKind::Text);
            Some(detail.weight_sql(&literal))
        });
        query.push_str(&format!("{number}, {}", weights.collect::<Vec<_>>().join(", ")));
    }
    let mut canonicals = vec![Vec::new(); keys.len()];
    session.each(&query, |mut row| {
        let number: usize = row.parse(0)?;
        let weights: Vec<Vec<u8>> = (1..=collated.len()).map(|at| row.take(at).unwrap_or_default()).collect();
        if let (Some(place), Some(key)) = (canonicals.get_mut(number), keys.get(number)) {
            *place = canonical(table, key, &weights);
        }
        Ok::<(), Error>(())
    })?;
    Ok(canonicals)
}

/// Builds the canonical form of a key. `weights` has, in hexadecimal digits, one entry a collated key column.
///
/// Integers keep their order, so that rows are read and written in the order in which they lie on disk.
pub fn canonical(table: &Table, key: &RowKey, weights: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.0.len() * 10);
    let mut weights = weights.iter();
    for (detail, value) in table.key_details().zip(&key.0) {
        if detail.is_collated() {
            let weight = weights.next().and_then(|hex| std::str::from_utf8(hex).ok());
            push_escaped(&mut out, &weight.and_then(bytes_from_hex).unwrap_or_default());
            continue;
        }
        match value {
            Value::Null => out.push(0),
            Value::Text(text) => match text.parse::<i128>() {
                Ok(number) if detail.kind == ColumnKind::Integer && INTEGERS.contains(&number) => {
                    // 9 bytes hold -2^63 to 2^64 once the lowest is moved to 0
                    let moved = (number + (1 << 63)).to_be_bytes();
                    out.extend_from_slice(&moved[7..]);
                }
                _ => push_escaped(&mut out, text.as_bytes()),
            },
            Value::Bytes(bytes) => push_escaped(&mut out, bytes),
        }
    }
    out
}

/// Every number that an integer column of either server can hold.
const INTEGERS: std::ops::RangeInclusive<i128> = i64::MIN as i128..=u64::MAX as i128;

/// Appends bytes so that the end is known and the order is kept: 0 becomes 0 255, and 0 0 ends.
fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(255);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

/// A condition that holds for exactly the rows with these keys, of which there must be one.
pub fn keys_sql(table: &Table, keys: &[RowKey]) -> String {
    let mut condition = String::new();
    push_keys(&mut condition, table, keys);
    condition
}

/// Appends a condition that holds for exactly the rows with these keys and can be answered by the primary key.
pub(super) fn push_keys(query: &mut String, table: &Table, keys: &[RowKey]) {
    let details: Vec<_> = table.key_details().collect();
    if let [detail] = details.as_slice() {
        let name = sql::name(&detail.name);
        let values: Vec<&Value> = keys.iter().filter_map(|key| key.0.first()).collect();
        let numbers: Option<Vec<i128>> = match detail.kind == ColumnKind::Integer {
            true => values.iter().map(|value| number(value)).collect(),
            false => None,
        };
        match numbers {
            Some(numbers) => push_numbers(query, &name, numbers),
            None => push_list(query, &name, values.into_iter(), detail.kind),
        }
        return;
    }
    // (a, b) IN ((1, 2), ...) is not looked up by key on MariaDB; this form is, on both.
    for (number, key) in keys.iter().enumerate() {
        query.push_str(if number == 0 { "(" } else { " OR (" });
        for (at, (detail, value)) in details.iter().zip(&key.0).enumerate() {
            if at > 0 {
                query.push_str(" AND ");
            }
            query.push_str(&sql::name(&detail.name));
            query.push('=');
            sql::push_value(query, value, detail.kind);
        }
        query.push(')');
    }
}

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Text(text) => text.parse().ok().filter(|number| INTEGERS.contains(number)),
        Value::Null | Value::Bytes(_) => None,
    }
}

fn push_list<'v>(query: &mut String, name: &str, values: impl Iterator<Item = &'v Value>, kind: ColumnKind) {
    query.push_str(name);
    query.push_str(" IN (");
    for (at, value) in values.enumerate() {
        if at > 0 {
            query.push(',');
        }
        sql::push_value(query, value, kind);
    }
    query.push(')');
}

/// Neighbouring numbers are read as a range, which costs a fraction of as many look-ups one by one.
fn push_numbers(query: &mut String, name: &str, mut numbers: Vec<i128>) {
    const NEIGHBOURS_MIN: usize = 8;
    numbers.sort_unstable();
    numbers.dedup();
    let mut singles: Vec<i128> = Vec::new();
    let mut parts: Vec<String> = Vec::new();
    for run in numbers.chunk_by(|a, b| a + 1 == *b) {
        match run {
            [first, .., last] if run.len() >= NEIGHBOURS_MIN => {
                parts.push(format!("{name} BETWEEN {first} AND {last}"));
            }
            few => singles.extend_from_slice(few),
        }
    }
    if !singles.is_empty() {
        let list = singles.iter().map(i128::to_string).collect::<Vec<_>>().join(",");
        parts.push(format!("{name} IN ({list})"));
    }
    query.push('(');
    query.push_str(&parts.join(" OR "));
    query.push(')');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_numbers_become_ranges_and_every_number_is_named_once() {
        let mut query = String::new();
        push_numbers(&mut query, "id", (1..=10).chain([20, 22, 20]).rev().collect());
        assert_eq!(query, "(id BETWEEN 1 AND 10 OR id IN (20,22))");
        let mut query = String::new();
        push_numbers(&mut query, "id", vec![-1]);
        assert_eq!(query, "(id IN (-1))");
    }
}
