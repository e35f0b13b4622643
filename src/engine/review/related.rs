//! Rows of other keys and tables that have to do with a conflict: what is missing, what is in the way, what would follow.

use crate::db::{OnParent, Session, Table, sql};
use crate::engine::error::Error;
use crate::engine::review::sight::{Ground, Sight, Tables};
use crate::engine::review::write::count_pointing;
use crate::model::{ColumnKind, RowImage, RowKey, TableName, Value, key_to_log};

/// A row, or rows, that have to do with a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Related {
    /// The lab's row points to a row that is not here.
    ParentMissing {
        /// The table in which it is missing.
        table: TableName,
        /// What the lab's row has there, as `column value`.
        values: Vec<(String, Value)>,
    },
    /// Another row here has a unique value of the lab's row.
    Holder {
        /// The key of that row.
        record_id: String,
        /// The value, as `column value`.
        values: Vec<(String, Value)>,
    },
    /// Rows here point to the row in dispute.
    Children {
        /// Their table.
        table: TableName,
        /// How many.
        count: u64,
        /// Whether they are deleted with it, let go, or keep it from being deleted.
        on_delete: OnParent,
    },
}

/// Looks for the rows that have to do with a conflict.
pub(super) fn related(session: &mut Session, ground: &Ground, sight: &Sight) -> Result<Vec<Related>, Error> {
    let Ok(tables) = &sight.table else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    if let Ok(Some(lab)) = sight.lab_wish() {
        missing_parents(session, ground, tables, &lab, &mut found)?;
        holders(session, tables, &lab, &mut found)?;
    }
    if let Some(now) = &sight.now {
        children(session, ground, tables, now, &mut found)?;
    }
    Ok(found)
}

fn missing_parents(
    session: &mut Session,
    ground: &Ground,
    tables: &Tables,
    lab: &RowImage,
    found: &mut Vec<Related>,
) -> Result<(), Error> {
    let known = &tables.known;
    for key in ground.catalog.parents_of(&known.shape.name) {
        let Some(places) = places(known, &key.child_columns) else {
            continue;
        };
        let values = named(known, &places, lab);
        if values.iter().any(|(_, value)| value.is_null()) {
            continue;
        }
        let pairs = key.parent_columns.iter().zip(&places).zip(&values);
        let condition: Vec<String> =
            pairs.map(|((column, &at), (_, value))| equals(column, known, at, value)).collect();
        let query = format!(
            "SELECT 1 FROM {} WHERE {} LIMIT 1",
            sql::name(key.parent.as_str()),
            condition.join(" AND ")
        );
        // A row may point to itself.
        let is_own = key.parent == known.shape.name
            && places_of_parent(known, &key.parent_columns, lab)
                == Some(values.iter().map(|(_, value)| value).collect());
        if !is_own && session.first(&query)?.is_none() {
            found.push(Related::ParentMissing { table: key.parent.clone(), values });
        }
    }
    Ok(())
}

fn places_of_parent<'r>(table: &Table, columns: &[String], row: &'r RowImage) -> Option<Vec<&'r Value>> {
    let places = places(table, columns)?;
    places.iter().map(|&at| row.0.get(at)).collect()
}

fn holders(
    session: &mut Session,
    tables: &Tables,
    lab: &RowImage,
    found: &mut Vec<Related>,
) -> Result<(), Error> {
    let (known, own) = (&tables.known, &tables.key);
    for columns in &known.unique_keys {
        let Some(places) = places(known, columns) else {
            continue;
        };
        let values = named(known, &places, lab);
        if values.iter().any(|(_, value)| value.is_null()) {
            continue;
        }
        let condition: Vec<String> = columns
            .iter()
            .zip(&places)
            .zip(&values)
            .map(|((column, &at), (_, value))| equals(column, known, at, value))
            .collect();
        let keys: Vec<String> = known.key_details().map(|detail| detail.read_sql()).collect();
        let query = format!(
            "SELECT {} FROM {} WHERE {} LIMIT 2",
            keys.join(", "),
            sql::name(known.shape.name.as_str()),
            condition.join(" AND ")
        );
        for mut row in session.rows(&query)? {
            let cells =
                known.key_details().enumerate().map(|(at, detail)| detail.value(row.take(at)).into_value());
            let key = RowKey(cells.collect());
            if key != *own {
                found.push(Related::Holder { record_id: key_to_log(&key), values: values.clone() });
            }
        }
    }
    Ok(())
}

fn children(
    session: &mut Session,
    ground: &Ground,
    tables: &Tables,
    now: &RowImage,
    found: &mut Vec<Related>,
) -> Result<(), Error> {
    let known = &tables.known;
    for key in ground.catalog.children_of(&known.shape.name) {
        let Some(places) = places(known, &key.parent_columns) else {
            continue;
        };
        let count = count_pointing(session, &key.child, &key.child_columns, known, &places, now)?;
        if count > 0 {
            found.push(Related::Children { table: key.child.clone(), count, on_delete: key.on_delete });
        }
    }
    Ok(())
}

fn places(table: &Table, columns: &[String]) -> Option<Vec<usize>> {
    columns.iter().map(|name| table.details.iter().position(|detail| &detail.name == name)).collect()
}

fn named(table: &Table, places: &[usize], row: &RowImage) -> Vec<(String, Value)> {
    let cell = |&at: &usize| Some((table.details.get(at)?.name.clone(), row.0.get(at)?.clone()));
    places.iter().filter_map(cell).collect()
}

fn equals(column: &str, table: &Table, at: usize, value: &Value) -> String {
    let kind = table.details.get(at).map_or(ColumnKind::Text, |detail| detail.kind);
    let mut literal = String::new();
    sql::push_value(&mut literal, value, kind);
    format!("{} = {literal}", sql::name(column))
}
