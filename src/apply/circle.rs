//! Rows that point to each other in a circle: neither can be written before the other.
//!
//! Both servers check a foreign key at once, not at COMMIT. So a set of rows is looked for in which every
//! parent is either in the database or in the set, and only these are written with the check off. Nothing
//! is ever left pointing nowhere.

use std::collections::HashSet;

use crate::apply::error::Error;
use crate::apply::run::{Chance, Run};
use crate::apply::write::{Order, write};
use crate::db::{self, ForeignKey, sql};
use crate::model::{Change, RowImage, TableName, Value};

impl Run<'_> {
    /// Writes those of the rows set aside that form circles.
    pub(super) fn untie_circles(&mut self) -> Result<(), Error> {
        // A real circle is a few rows: more than this is a bundle that lacks its parents.
        const ROWS_MAX: u64 = 20_000;
        if self.aside.count() > ROWS_MAX {
            return Ok(());
        }
        let mut rows: Vec<(TableName, Change)> = Vec::new();
        let shapes = self.shapes();
        self.aside.drain(&|name| shapes(name), &mut |name, change| {
            rows.push((name, change));
            Ok::<(), Error>(())
        })?;
        let (mut set, mut left): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|(_, change)| change.after().is_some());
        self.drop_orphans(&mut set, &mut left)?;
        if !set.is_empty() {
            self.drop_refused(&mut set, &mut left)?;
            self.session.execute("SET SESSION foreign_key_checks = 0")?;
            for (name, change) in set {
                self.process(&name, vec![change], Chance::Later)?;
            }
            self.session.execute("SET SESSION foreign_key_checks = 1")?;
        }
        for (name, change) in left {
            if let Some(prepared) = self.tables.get(&name) {
                self.aside.push(&prepared.table.shape.clone(), change)?;
            }
        }
        Ok(())
    }

    /// Moves rows out of the set until every parent of the rest is in the database or in the set.
    pub(super) fn drop_orphans(
        &mut self,
        set: &mut Vec<(TableName, Change)>,
        left: &mut Vec<(TableName, Change)>,
    ) -> Result<(), Error> {
        loop {
            let mut orphans = Vec::new();
            for (at, (name, change)) in set.iter().enumerate() {
                let keys: Vec<ForeignKey> = self.scene.catalog.parents_of(name).cloned().collect();
                for key in keys {
                    if let Some(values) = self.values(name, change, &key.child_columns)
                        && !self.in_set(set, &key, &values)
                        && !self.in_database(name, &key, &values)?
                    {
                        orphans.push(at);
                        break;
                    }
                }
            }
            if orphans.is_empty() {
                return Ok(());
            }
            orphans.into_iter().rev().for_each(|at| left.push(set.remove(at)));
        }
    }

    /// Writes the set on trial and moves out of it what the database refuses for another reason.
    fn drop_refused(
        &mut self,
        set: &mut Vec<(TableName, Change)>,
        left: &mut Vec<(TableName, Change)>,
    ) -> Result<(), Error> {
        loop {
            self.session.execute("SAVEPOINT packmule_circle")?;
            self.session.execute("SET SESSION foreign_key_checks = 0")?;
            let mut refused = HashSet::new();
            for (at, (name, change)) in set.iter().enumerate() {
                let Some(prepared) = self.tables.get(name).cloned() else {
                    continue;
                };
                let Some(key) = change.key(&prepared.table.shape) else {
                    continue;
                };
                let exists = !db::read_rows(self.session, &prepared.table, std::slice::from_ref(&key), true)?
                    .is_empty();
                let order = Order { at, key, row: change.after(), exists };
                refused
                    .extend(write(self.session, &prepared.table, &[order])?.iter().map(|refusal| refusal.at));
            }
            self.session.execute("SET SESSION foreign_key_checks = 1")?;
            self.session.execute("ROLLBACK TO SAVEPOINT packmule_circle")?;
            if refused.is_empty() {
                return Ok(());
            }
            let mut at = 0;
            let (out, kept): (Vec<_>, Vec<_>) = std::mem::take(set).into_iter().partition(|_| {
                at += 1;
                refused.contains(&(at - 1))
            });
            *set = kept;
            left.extend(out);
            // A row that is out may have been the parent of one that is in.
            self.drop_orphans(set, left)?;
        }
    }

    /// The values of these columns in the row that the change makes; `None` when one is NULL, or not in the bundle.
    fn values(&self, name: &TableName, change: &Change, columns: &[String]) -> Option<Vec<Value>> {
        let shape = &self.tables.get(name)?.table.shape;
        let row: &RowImage = change.after()?;
        let value = |column: &String| {
            let at = shape.columns.iter().position(|one| &one.name == column)?;
            row.0.get(at).filter(|value| !value.is_null()).cloned()
        };
        columns.iter().map(value).collect()
    }

    fn in_set(&self, set: &[(TableName, Change)], key: &ForeignKey, values: &[Value]) -> bool {
        set.iter().any(|(name, change)| {
            *name == key.parent
                && self.values(name, change, &key.parent_columns).is_some_and(|found| found == values)
        })
    }

    fn in_database(&mut self, child: &TableName, key: &ForeignKey, values: &[Value]) -> Result<bool, Error> {
        let Some(prepared) = self.tables.get(child) else {
            return Ok(true);
        };
        let kind = |column: &String| {
            prepared.table.details.iter().find(|detail| &detail.name == column).map(|detail| detail.kind)
        };
        let kinds = key.child_columns.iter().map(kind);
        let conditions =
            key.parent_columns.iter().zip(values).zip(kinds).filter_map(|((column, value), kind)| {
                let mut literal = String::new();
                sql::push_value(&mut literal, value, kind?);
                Some(format!("{} = {literal}", sql::name(column)))
            });
        let query = format!(
            "SELECT 1 FROM {} WHERE {} LIMIT 1",
            sql::name(key.parent.as_str()),
            conditions.collect::<Vec<_>>().join(" AND ")
        );
        Ok(self.session.first(&query)?.is_some())
    }
}
