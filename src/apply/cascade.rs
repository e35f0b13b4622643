//! Before a parent is deleted: are there children here that the delete would take along unseen?

use std::collections::HashSet;

use crate::apply::error::Error;
use crate::db::{Catalog, OnParent, Session, Table, sql};
use crate::model::{RowImage, Value};

/// Says which of these rows, about to be deleted, still have children that a cascade would take or change.
///
/// The sender logged the children that its own cascade took, and they come first in the bundle. What is left
/// here is a row that the sender had not seen: deleting it in silence would lose it. Returns the places of
/// such rows with the child's table.
pub(super) fn with_children(
    session: &mut Session,
    catalog: &Catalog,
    table: &Table,
    rows: &[(usize, &RowImage)],
) -> Result<Vec<(usize, String)>, Error> {
    let mut found = Vec::new();
    for key in catalog.children_of(&table.shape.name) {
        match key.on_delete {
            OnParent::Restrict => continue,
            OnParent::Cascade | OnParent::SetNull => {}
        }
        let place = |name: &String| table.details.iter().position(|detail| &detail.name == name);
        let Some(places) = key.parent_columns.iter().map(place).collect::<Option<Vec<usize>>>() else {
            continue;
        };
        let values = |row: &RowImage| -> Vec<Value> {
            places.iter().map(|&at| row.0.get(at).cloned().unwrap_or(Value::Null)).collect()
        };
        let details: Vec<_> = places.iter().filter_map(|&at| table.details.get(at)).collect();
        let conditions = rows.iter().map(|(_, row)| {
            let pairs =
                key.child_columns.iter().zip(values(row)).zip(&details).map(|((column, value), detail)| {
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
        let kept = rows.iter().filter(|(_, row)| parents.contains(&values(row)));
        found.extend(kept.map(|(at, _)| (*at, key.child.to_string())));
    }
    Ok(found)
}
