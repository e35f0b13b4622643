//! Compares databases row by row. Nothing of packmule's is used for it: a demo that checks itself with the program that
//! it shows would prove little.

use std::collections::{BTreeMap, BTreeSet};

use super::error::StoryError;
use super::server::PrivateServer;

/// All rows of some tables, as text, by primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows(BTreeMap<String, BTreeMap<Key, Row>>);

type Key = Vec<Option<String>>;
type Row = Vec<Option<String>>;

/// The rows of each table that somebody changed.
pub(super) type Edited = BTreeMap<String, BTreeSet<Key>>;

impl Rows {
    /// Reads the application's tables.
    pub(super) fn read(server: &PrivateServer, database: &str) -> Result<Rows, StoryError> {
        let is_own =
            |name: &str| matches!(name, "sync_log" | "conflict_log") || name.starts_with("packmule_");
        Rows::read_some(server, database, |name| !is_own(name))
    }

    /// Reads every table, packmule's own included.
    pub(super) fn read_everything(server: &PrivateServer, database: &str) -> Result<Rows, StoryError> {
        Rows::read_some(server, database, |_| true)
    }

    fn read_some(
        server: &PrivateServer,
        database: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Rows, StoryError> {
        // The key's places among the columns, table by table.
        let columns = server.query(
            database,
            "SELECT c.table_name, k.ordinal_position IS NOT NULL FROM information_schema.columns c \
             JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
             LEFT JOIN information_schema.key_column_usage k ON k.table_schema = c.table_schema \
               AND k.table_name = c.table_name AND k.column_name = c.column_name AND k.constraint_name = 'PRIMARY' \
             WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' \
             ORDER BY c.table_name, c.ordinal_position",
        )?;
        let mut in_key: BTreeMap<String, Vec<bool>> = BTreeMap::new();
        for column in columns {
            if let [Some(table), Some(is_key)] = column.as_slice() {
                in_key.entry(table.clone()).or_default().push(is_key == "1");
            }
        }
        let mut tables = BTreeMap::new();
        for (table, in_key) in in_key.into_iter().filter(|(name, _)| wanted(name)) {
            let rows = server.query(database, &format!("SELECT * FROM `{table}`"))?;
            let key = |row: &Row| -> Key {
                row.iter().zip(&in_key).filter(|(_, is_key)| **is_key).map(|(cell, _)| cell.clone()).collect()
            };
            tables.insert(table, rows.into_iter().map(|row| (key(&row), row)).collect());
        }
        Ok(Rows(tables))
    }

    /// The rows that are new, other or gone in `later`.
    pub(super) fn edited(&self, later: &Rows) -> Edited {
        let tables: BTreeSet<&String> = self.0.keys().chain(later.0.keys()).collect();
        let edited = |table: &String| {
            let keys =
                |rows: &Rows| rows.0.get(table).into_iter().flat_map(|rows| rows.keys().cloned()).collect();
            let (here, there): (BTreeSet<Key>, BTreeSet<Key>) = (keys(self), keys(later));
            here.union(&there).filter(|key| self.row(table, key) != later.row(table, key)).cloned().collect()
        };
        tables.into_iter().map(|table| (table.clone(), edited(table))).collect()
    }

    /// How many of these rows of a table are the same in `other`, or gone in both.
    fn equal(&self, other: &Rows, table: &str, keys: &BTreeSet<Key>) -> usize {
        keys.iter().filter(|key| self.row(table, key) == other.row(table, key)).count()
    }

    fn row(&self, table: &str, key: &Key) -> Option<&Row> {
        self.0.get(table)?.get(key)
    }
}

/// A lab with what was changed there.
pub(super) struct Lab<'a> {
    pub(super) name: &'a str,
    pub(super) rows: Rows,
    pub(super) edited: Edited,
}

impl Lab<'_> {
    /// How many rows were changed.
    pub(super) fn edits(&self) -> usize {
        self.edited.values().map(BTreeSet::len).sum()
    }

    /// How many of the changed rows are so at the centre, too.
    pub(super) fn arrived(&self, central: &Rows) -> usize {
        self.edited.iter().map(|(table, keys)| self.rows.equal(central, table, keys)).sum()
    }
}

/// The table for people: what each lab changed, and how much of it is at the centre.
pub(super) fn table(labs: &[Lab<'_>], central: &Rows) -> Vec<Vec<String>> {
    let mut head = vec!["table".to_owned()];
    head.extend(labs.iter().map(|lab| format!("changed at {}", lab.name)));
    head.push("equal at the centre".to_owned());
    let mut rows = vec![head];
    let names: BTreeSet<&String> = labs.iter().flat_map(|lab| lab.edited.keys()).collect();
    let (mut sums, mut arrived_sum) = (vec![0; labs.len()], 0);
    for name in names {
        let (mut row, mut changed, mut arrived) = (vec![name.clone()], 0, 0);
        for (lab, sum) in labs.iter().zip(&mut sums) {
            let count = lab.edited.get(name).map_or(0, BTreeSet::len);
            row.push(count.to_string());
            changed += count;
            *sum += count;
            arrived += lab.edited.get(name).map_or(0, |keys| lab.rows.equal(central, name, keys));
        }
        arrived_sum += arrived;
        if changed > 0 {
            row.push(format!("{arrived} of {changed}"));
            rows.push(row);
        }
    }
    let mut last = vec!["together".to_owned()];
    last.extend(sums.iter().map(usize::to_string));
    last.push(format!("{arrived_sum} of {}", sums.iter().sum::<usize>()));
    rows.push(last);
    rows
}

/// Whether the centre holds what the labs changed, and is otherwise as it was `before`.
pub(super) fn is_joined(before: &Rows, labs: &[Lab<'_>], central: &Rows) -> bool {
    let all_arrived = labs.iter().all(|lab| lab.arrived(central) == lab.edits());
    let touched = |table: &String, key: &Key| {
        labs.iter().any(|lab| lab.edited.get(table).is_some_and(|keys| keys.contains(key)))
    };
    let mut moved = before.edited(central).into_iter();
    all_arrived && moved.all(|(table, keys)| keys.iter().all(|key| touched(&table, key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(items: &[(&str, &str)]) -> Rows {
        let cell = |text: &str| Some(text.to_owned());
        let rows = items.iter().map(|(key, name)| (vec![cell(key)], vec![cell(key), cell(name)]));
        Rows(BTreeMap::from([("items".to_owned(), rows.collect())]))
    }

    fn lab(before: &Rows, after: Rows) -> Lab<'static> {
        Lab { name: "lab-a", edited: before.edited(&after), rows: after }
    }

    #[test]
    fn new_other_and_gone_rows_count_until_the_centre_has_them() {
        let before = rows(&[("1", "scale"), ("2", "flask"), ("3", "lens")]);
        let after = rows(&[("1", "scale"), ("2", "flask, broken"), ("4", "laser")]);
        let labs = [lab(&before, after.clone())];
        assert_eq!((labs[0].edits(), labs[0].arrived(&before)), (3, 0));
        assert!(!is_joined(&before, &labs, &before));
        assert!(is_joined(&before, &labs, &after));
        assert_eq!(table(&labs, &before)[1], ["items", "3", "0 of 3"]);
        assert_eq!(table(&labs, &after)[2], ["together", "3", "3 of 3"]);
    }

    #[test]
    fn a_row_at_the_centre_that_no_lab_touched_must_not_change() {
        let before = rows(&[("1", "scale"), ("2", "flask")]);
        let labs = [lab(&before, rows(&[("1", "scale"), ("2", "broken")]))];
        assert!(!is_joined(&before, &labs, &rows(&[("1", "other"), ("2", "broken")])));
    }
}
