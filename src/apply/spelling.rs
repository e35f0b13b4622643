//! Brings what a bundle says into the spelling that the columns here have for it.
//!
//! A UUID in a text column may have upper-case letters, and MariaDB's UUID column has none; a SET may have its members in
//! another order. Compared as they are spelt there, rows that are equal would meet as a conflict.

use crate::db::{Table, has_own_spelling, respell};
use crate::model::{Change, RowImage, RowKey, Value};

/// The same changes as the columns of `table` spell them.
pub(super) fn respelt(table: &Table, changes: Vec<Change>) -> Vec<Change> {
    if !table.details.iter().any(has_own_spelling) {
        return changes;
    }
    let row = |row: RowImage| RowImage(spelt(table.details.iter(), row.0));
    changes
        .into_iter()
        .map(|change| match change {
            Change::Insert { after, time } => Change::Insert { after: row(after), time },
            Change::Update { before, after, time } => {
                Change::Update { before: before.map(row), after: row(after), time }
            }
            Change::Delete { key, before, time } => Change::Delete {
                key: RowKey(spelt(table.key_details(), key.0)),
                before: before.map(row),
                time,
            },
        })
        .collect()
}

fn spelt<'t>(details: impl Iterator<Item = &'t crate::db::ColumnDetail>, values: Vec<Value>) -> Vec<Value> {
    details.zip(values).map(|(detail, value)| respell(detail, value)).collect()
}
