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
type Edited = BTreeMap<String, BTreeSet<Key>>;

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
    fn edited(&self, later: &Rows) -> Edited {
        let tables: BTreeSet<&String> = self.0.keys().chain(later.0.keys()).collect();
        let edited = |table: &String| {
            let keys =
                |rows: &Rows| rows.0.get(table).into_iter().flat_map(|rows| rows.keys().cloned()).collect();
            let (here, there): (BTreeSet<Key>, BTreeSet<Key>) = (keys(self), keys(later));
            here.union(&there).filter(|key| self.row(table, key) != later.row(table, key)).cloned().collect()
        };
        tables.into_iter().map(|table| (table.clone(), edited(table))).collect()
    }

    /// Takes these rows over as they are in `from`; those that are gone there go here, too.
    fn take_over(&mut self, edited: &Edited, from: &Rows) {
        for (table, keys) in edited {
            let rows = self.0.entry(table.clone()).or_default();
            for key in keys {
                match from.row(table, key) {
                    Some(row) => drop(rows.insert(key.clone(), row.clone())),
                    None => drop(rows.remove(key)),
                }
            }
        }
    }

    fn row(&self, table: &str, key: &Key) -> Option<&Row> {
        self.0.get(table)?.get(key)
    }
}

/// What was changed at several sites, and what all of them are to hold in the end.
pub(super) struct Week {
    edited: Vec<(&'static str, Edited)>,
    expected: Rows,
}

impl Week {
    /// Compares what the sites hold with what all of them held `before`. No two have changed the same row.
    pub(super) fn new<'r>(before: &Rows, sites: impl Iterator<Item = (&'static str, &'r Rows)>) -> Week {
        let mut week = Week { edited: Vec::new(), expected: before.clone() };
        for (site, rows) in sites {
            let edited = before.edited(rows);
            week.expected.take_over(&edited, rows);
            week.edited.push((site, edited));
        }
        week
    }

    /// How many rows were changed by all others than `site`.
    pub(super) fn changed_by_others(&self, site: &str) -> usize {
        let others = self.edited.iter().filter(|(name, _)| *name != site);
        others.flat_map(|(_, edited)| edited.values()).map(BTreeSet::len).sum()
    }

    /// Whether no row was changed at two sites: neither by two people, nor because a change has reached another site.
    pub(super) fn is_apart(&self) -> bool {
        let mut seen = BTreeSet::new();
        let mut rows = self.edited.iter().flat_map(|(_, edited)| edited).flat_map(|(table, keys)| {
            let row = move |key| (table, key);
            keys.iter().map(row)
        });
        rows.all(|row| seen.insert(row))
    }

    /// Whether every change has arrived everywhere, and nothing else has moved.
    pub(super) fn is_over(&self, now: &[Rows]) -> bool {
        now.iter().all(|rows| *rows == self.expected)
    }

    /// The table for people: what was changed at each site, and how much of it is the same at all of them now.
    pub(super) fn table(&self, now: &[Rows]) -> Vec<Vec<String>> {
        let mut head = vec!["rows changed at".to_owned()];
        head.extend(self.edited.iter().map(|(site, _)| (*site).to_owned()));
        head.push("the same everywhere".to_owned());
        let names: BTreeSet<&String> = self.edited.iter().flat_map(|(_, edited)| edited.keys()).collect();
        let mut rows = vec![head];
        let mut sums = vec![0; self.edited.len() + 1];
        for name in names {
            let keys: Vec<Option<&BTreeSet<Key>>> =
                self.edited.iter().map(|(_, edited)| edited.get(name)).collect();
            let same =
                keys.iter().flatten().copied().flatten().filter(|key| self.is_everywhere(name, key, now));
            let counts = keys.iter().map(|keys| keys.map_or(0, BTreeSet::len)).chain([same.count()]);
            let counts: Vec<usize> = counts.collect();
            if counts.iter().any(|count| *count > 0) {
                sums.iter_mut().zip(&counts).for_each(|(sum, count)| *sum += count);
                rows.push(line(name, &counts));
            }
        }
        rows.push(line("together", &sums));
        rows
    }

    /// The same in one line below the head.
    pub(super) fn sums(&self, now: &[Rows]) -> Vec<Vec<String>> {
        let mut rows = self.table(now);
        rows.drain(1..rows.len().saturating_sub(1));
        rows
    }

    fn is_everywhere(&self, table: &str, key: &Key, now: &[Rows]) -> bool {
        now.iter().all(|rows| rows.row(table, key) == self.expected.row(table, key))
    }
}

/// One line of the table; the last number is a part of all the others.
fn line(name: &str, counts: &[usize]) -> Vec<String> {
    let (arrived, changed) = counts.split_last().unwrap_or((&0, &[]));
    let cells = changed.iter().map(usize::to_string);
    let last = format!("{arrived} of {}", changed.iter().sum::<usize>());
    [name.to_owned()].into_iter().chain(cells).chain([last]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(items: &[(&str, &str)]) -> Rows {
        let cell = |text: &str| Some(text.to_owned());
        let rows = items.iter().map(|(key, name)| (vec![cell(key)], vec![cell(key), cell(name)]));
        Rows(BTreeMap::from([("items".to_owned(), rows.collect())]))
    }

    #[test]
    fn new_other_and_gone_rows_count_until_they_are_the_same_everywhere() {
        let before = rows(&[("1", "scale"), ("2", "flask"), ("3", "lens")]);
        let at_a = rows(&[("1", "scale"), ("2", "flask, broken"), ("4", "laser")]);
        let at_b = rows(&[("1", "new scale"), ("2", "flask"), ("3", "lens")]);
        let week = Week::new(&before, [("lab-a", &at_a), ("lab-b", &at_b)].into_iter());
        assert_eq!((week.changed_by_others("lab-a"), week.changed_by_others("lab-b")), (1, 3));
        assert!(week.is_apart() && !week.is_over(&[at_a.clone(), at_b.clone()]));
        assert_eq!(week.table(&[at_a.clone(), at_b])[1], ["items", "3", "1", "0 of 4"]);
        let all = rows(&[("1", "new scale"), ("2", "flask, broken"), ("4", "laser")]);
        assert!(week.is_over(&[all.clone(), all.clone()]));
        assert_eq!(week.table(&[all.clone(), all.clone()])[2], ["together", "3", "1", "4 of 4"]);
        assert_eq!(week.table(&[at_a, all.clone()])[1], ["items", "3", "1", "3 of 4"]);
        let sums = week.sums(&[all]);
        assert_eq!((sums.len(), &sums[1]), (2, &week.table(&[])[2]));
    }

    #[test]
    fn a_row_that_nobody_touched_must_not_change() {
        let before = rows(&[("1", "scale"), ("2", "flask")]);
        let at_a = rows(&[("1", "scale"), ("2", "broken")]);
        let week = Week::new(&before, [("lab-a", &at_a)].into_iter());
        assert!(week.is_over(&[at_a]));
        assert!(!week.is_over(&[rows(&[("1", "other"), ("2", "broken")])]));
        assert!(!week.is_over(&[rows(&[("1", "scale"), ("2", "broken"), ("3", "new")])]));
    }

    #[test]
    fn a_change_that_has_reached_another_site_is_noticed() {
        let (before, after) = (rows(&[("1", "scale")]), rows(&[("1", "broken")]));
        assert!(!Week::new(&before, [("lab-a", &after), ("lab-b", &after)].into_iter()).is_apart());
    }
}
