//! Before a parent is deleted, or changes what children point to: are there children here that would follow unseen?

use std::collections::HashSet;

use crate::apply::error::Error;
use crate::db::{Catalog, OnParent, Session, Table, sql};
use crate::model::{RowImage, Value};

/// A row that is about to be deleted or changed.
pub(super) struct Parent<'a> {
    /// Its place in the batch.
    pub(super) at: usize,
    /// As it is here.
    pub(super) current: &'a RowImage,
    /// As it will be; `None`: it goes.
    pub(super) after: Option<&'a RowImage>,
}

/// Says which of these rows still have children that a cascade would take or change.
///
/// The sender logged the children that its own cascade took, and they come in the bundle: before a parent that is
/// deleted, together with one that changes. What is left here is a row that the sender had not seen: taking it along in
/// silence would lose it, or make it another than the centre's. Returns the places of such rows with the child's table.
///
/// A key that is only spelt in another way counts for nothing: children stay with it.
pub(super) fn with_children(
    session: &mut Session,
    catalog: &Catalog,
    table: &Table,
    rows: &[Parent<'_>],
) -> Result<Vec<(usize, String)>, Error> {
    let mut found = Vec::new();
    for key in catalog.children_of(&table.shape.name) {
        let place = |name: &String| table.details.iter().position(|detail| &detail.name == name);
        let Some(places) = key.parent_columns.iter().map(place).collect::<Option<Vec<usize>>>() else {
            continue;
        };
        let values = |row: &RowImage| -> Vec<Value> {
            places.iter().map(|&at| row.0.get(at).cloned().unwrap_or(Value::Null)).collect()
        };
        let moves = |row: &Parent<'_>| match row.after {
            None => key.on_delete != OnParent::Restrict,
            Some(after) => {
                let mut free = places.iter().filter(|at| !table.shape.key.contains(at));
                key.on_update != OnParent::Restrict
                    && free.any(|&at| after.0.get(at) != row.current.0.get(at))
            }
        };
        let rows: Vec<&Parent<'_>> = rows.iter().filter(|row| moves(row)).collect();
        if rows.is_empty() {
            continue;
        }
        let details: Vec<_> = places.iter().filter_map(|&at| table.details.get(at)).collect();
        let conditions = rows.iter().map(|row| {
            let values = values(row.current);
            let pairs =
                key.child_columns.iter().zip(values).zip(&details).map(|((column, value), detail)| {
                    let mut literal = String::new();
                    sql::push_value(&mut literal, &value, detail.kind);
                    format!("c.{} = {literal}", sql::name(column))
                });
            format!("({})", pairs.collect::<Vec<_>>().join(" AND "))
        });
        let joined = key.child_columns.iter().zip(&key.parent_columns);
        let joined =
            joined.map(|(child, parent)| format!("c.{} = p.{}", sql::name(child), sql::name(parent)));
        // The parent's own columns are read, so that a collation cannot spell the value in another way.
        let columns: Vec<String> = details
            .iter()
            .map(|detail| detail.read_sql_of(format!("p.{}", sql::name(&detail.name))))
            .collect();
        let query = format!(
            "SELECT DISTINCT {} FROM {} c JOIN {} p ON {} WHERE {}",
            columns.join(", "),
            sql::name(key.child.as_str()),
            sql::name(key.parent.as_str()),
            joined.collect::<Vec<_>>().join(" AND "),
            conditions.collect::<Vec<_>>().join(" OR ")
        );
        let mut parents: HashSet<Vec<Value>> = HashSet::new();
        session.each(&query, |mut row| {
            let cells =
                details.iter().enumerate().map(|(at, detail)| detail.value(row.take(at)).into_value());
            parents.insert(cells.collect());
            Ok::<(), Error>(())
        })?;
        let kept = rows.iter().filter(|row| parents.contains(&values(row.current)));
        found.extend(kept.map(|row| (row.at, key.child.to_string())));
    }
    Ok(found)
}
