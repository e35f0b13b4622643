//! Which of many values stand in columns of a table, and in which rows: one question for all of them.

use std::collections::{HashMap, HashSet};

use crate::db::catalog::Table;
use crate::db::column::ColumnDetail;
use crate::db::error::{Class, Error};
use crate::db::foreign::ForeignKey;
use crate::db::session::{Row, Session};
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
    let details: Vec<&ColumnDetail> = table.key_details().collect();
    let more: Vec<String> = details.iter().map(|detail| detail.read_sql()).collect();
    let key = |row: &mut Row, from: usize| {
        let cells = details.iter().enumerate();
        let cell = |(at, detail): (usize, &&ColumnDetail)| detail.value(row.take(from + at)).into_value();
        Ok(RowKey(cells.map(cell).collect()))
    };
    each_held(session, table, columns, values, Ask { more, grouped: false }, key)
}

/// How many rows of `table` have each of `values` in `columns`. `None` where [`holders`] says it, too.
pub fn held_counts(
    session: &mut Session,
    table: &Table,
    columns: &[String],
    values: &[Vec<Value>],
) -> Result<Option<Vec<u64>>, Error> {
    let ask = Ask { more: vec!["COUNT(*)".to_owned()], grouped: true };
    let counts = each_held(session, table, columns, values, ask, |row, at| row.parse::<u64>(at))?;
    Ok(counts.map(|counts| counts.iter().map(|counts| counts.iter().sum()).collect()))
}

/// The forms of some values in which equal ones are one. `None` where they have none.
pub fn canonical_values(
    session: &mut Session,
    table: &Table,
    columns: &[String],
    values: &[Vec<Value>],
) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let Some(sought) = known_by(table, columns) else {
        return Ok(None);
    };
    let mut canonicals = Vec::with_capacity(values.len());
    for chunk in values.chunks(VALUES_A_STATEMENT) {
        let chunk: Vec<RowKey> = chunk.iter().cloned().map(RowKey).collect();
        match canonical_keys(session, &sought, &chunk) {
            Ok(more) => canonicals.extend(more),
            Err(error) => return unclear(error),
        }
    }
    Ok(Some(canonicals))
}

const VALUES_A_STATEMENT: usize = 1000;

/// What is asked of the rows that hold a value.
struct Ask {
    /// Expressions beside the value.
    more: Vec<String>,
    /// Whether there is one answer for each value, not for each row.
    grouped: bool,
}

/// Asks for the rows with these values; `take` reads the answer from its first column on. In the order of the values.
fn each_held<T: Clone>(
    session: &mut Session,
    table: &Table,
    columns: &[String],
    values: &[Vec<Value>],
    ask: Ask,
    mut take: impl FnMut(&mut Row, usize) -> Result<T, Error>,
) -> Result<Option<Vec<Vec<T>>>, Error> {
    let Some(sought) = known_by(table, columns) else {
        return Ok(None);
    };
    let mut all = vec![Vec::new(); values.len()];
    let mut wanted: Vec<RowKey> = values.iter().cloned().map(RowKey).collect();
    wanted.sort();
    wanted.dedup();
    let mut found: HashMap<Vec<u8>, Vec<T>> = HashMap::new();
    let mut places: HashMap<&RowKey, Vec<u8>> = HashMap::new();
    for chunk in wanted.chunks(VALUES_A_STATEMENT) {
        let canonicals = match canonical_keys(session, &sought, chunk) {
            Ok(canonicals) => canonicals,
            Err(error) => return unclear(error),
        };
        let new: HashSet<Vec<u8>> = canonicals.iter().cloned().collect();
        // Two spellings of one value may be in two chunks: the first has found all.
        let new: HashSet<Vec<u8>> =
            new.into_iter().filter(|canonical| !found.contains_key(canonical)).collect();
        for (key, canonical) in chunk.iter().zip(canonicals) {
            found.entry(canonical.clone()).or_default();
            places.insert(key, canonical);
        }
        let mut is_clear = true;
        let asked = session.each(&query(table, &sought, chunk, &ask), |mut row| {
            let mut at = 0;
            let cells = sought.key_details().map(|detail| {
                at += 1;
                detail.value(row.take(at - 1)).into_value()
            });
            let held = RowKey(cells.collect());
            let weights: Vec<Vec<u8>> = sought
                .key_details()
                .filter(|detail| detail.is_collated())
                .map(|_| {
                    at += 1;
                    row.take(at - 1).unwrap_or_default()
                })
                .collect();
            let canonical = canonical(&sought, &held, &weights);
            let answer = take(&mut row, at)?;
            match found.get_mut(&canonical) {
                Some(answers) if new.contains(&canonical) => answers.push(answer),
                Some(_) => {}
                None => is_clear = false,
            }
            Ok::<(), Error>(())
        });
        match asked {
            Ok(()) if is_clear => {}
            Ok(()) => return Ok(None),
            Err(error) => return unclear(error),
        }
    }
    for (answers, values) in all.iter_mut().zip(values) {
        let canonical = places.get(&RowKey(values.clone()));
        if let Some(some) = canonical.and_then(|canonical| found.get(canonical)) {
            answers.clone_from(some);
        }
    }
    Ok(Some(all))
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

fn query(table: &Table, sought: &Table, wanted: &[RowKey], ask: &Ask) -> String {
    let mut columns: Vec<String> = sought.key_details().map(|detail| detail.read_sql()).collect();
    let collated = sought.key_details().filter(|detail| detail.is_collated());
    columns.extend(collated.map(|detail| detail.weight_sql(&sql::name(&detail.name))));
    columns.extend(ask.more.iter().cloned());
    let mut query =
        format!("SELECT {} FROM {} WHERE ", columns.join(", "), sql::name(table.shape.name.as_str()));
    push_keys(&mut query, sought, wanted);
    if ask.grouped {
        let names: Vec<String> = sought.key_details().map(|detail| sql::name(&detail.name)).collect();
        query.push_str(" GROUP BY ");
        query.push_str(&names.join(", "));
    }
    query
}

/// MySQL refuses to look for a DATE that is no date.
fn unclear<T>(error: Error) -> Result<Option<T>, Error> {
    match error.class() {
        Some(Class::Value) => Ok(None),
        Some(_) | None => Err(error),
    }
}
