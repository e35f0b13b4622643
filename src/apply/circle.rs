//! Rows that point to each other in a circle: neither can be written, or deleted, before the other.
//!
//! Both servers check a foreign key at once, not at COMMIT. So a set of changes is looked for after which every
//! row has its parents, in the database or in the set, and only these are written with the check off. Nothing
//! is ever left pointing nowhere.

use std::collections::HashSet;

use crate::apply::error::Error;
use crate::apply::exact::write_exactly;
use crate::apply::run::{Chance, Run};
use crate::apply::write::Order;
use crate::db::{self, ForeignKey, sql};
use crate::model::{Change, ColumnKind, RowImage, RowKey, TableName, TableShape, Value};

impl Run<'_> {
    /// Writes those of the rows set aside that form circles.
    pub(super) fn untie_circles(&mut self) -> Result<(), Error> {
        // A real circle is a few rows: more than this is a bundle that lacks its parents.
        const ROWS_MAX: u64 = 20_000;
        if self.aside.count() > ROWS_MAX {
            return Ok(());
        }
        let (mut set, mut left): (Vec<Member>, Vec<Member>) = (Vec::new(), Vec::new());
        let shapes = self.shapes();
        self.aside.drain(&|name| shapes(name), &mut |name, change, ()| {
            set.push((name, change));
            Ok::<(), Error>(())
        })?;
        // Deletes first, as everywhere: they make room for rows that take over a unique value.
        set.sort_by_key(|(_, change)| change.after().is_some());
        self.drop_orphans(&mut set, &mut left)?;
        if !set.is_empty() {
            self.drop_refused(&mut set, &mut left)?;
            self.session.execute("SET SESSION foreign_key_checks = 0")?;
            self.untying = true;
            for (name, change) in set {
                self.process(&name, vec![change], Chance::Later)?;
            }
            self.untying = false;
            self.session.execute("SET SESSION foreign_key_checks = 1")?;
        }
        for (name, change) in left {
            if let Some(prepared) = self.tables.get(&name) {
                self.aside.push(&prepared.table.shape.clone(), change, ())?;
            }
        }
        Ok(())
    }

    /// Moves changes out of the set until no row would lack a parent once the rest is written.
    pub(super) fn drop_orphans(
        &mut self,
        set: &mut Vec<Member>,
        left: &mut Vec<Member>,
    ) -> Result<(), Error> {
        loop {
            let mut orphans = Vec::new();
            for (at, (name, change)) in set.iter().enumerate() {
                if self.lacks_parent(set, name, change)? || self.leaves_children(set, name, change)? {
                    orphans.push(at);
                }
            }
            if orphans.is_empty() {
                return Ok(());
            }
            orphans.into_iter().rev().for_each(|at| left.push(set.remove(at)));
        }
    }

    /// Whether the row that this change makes would point to a row that is neither here nor in the set.
    fn lacks_parent(&mut self, set: &[Member], name: &TableName, change: &Change) -> Result<bool, Error> {
        let keys: Vec<ForeignKey> = self.scene.catalog.parents_of(name).cloned().collect();
        for key in keys {
            if let Some(values) = self.values(name, change, &key.child_columns)
                && !self.in_set(set, &key, &values)
                && !self.in_database(set, &key, &values)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether rows that are not in the set point to what this change takes away.
    fn leaves_children(&mut self, set: &[Member], name: &TableName, change: &Change) -> Result<bool, Error> {
        let keys: Vec<ForeignKey> = self.scene.catalog.children_of(name).cloned().collect();
        let Some(prepared) = self.tables.get(name).filter(|_| !keys.is_empty()).cloned() else {
            return Ok(false);
        };
        let own = change.key(&prepared.table.shape);
        let current = db::read_rows(self.session, &prepared.table, own.as_slice(), true)?.pop();
        let Some(current) = current.map(|keyed| keyed.row) else {
            return Ok(false);
        };
        for key in keys {
            let shape = &prepared.table.shape;
            let Some(values) = values_of(shape, &current, &key.parent_columns) else {
                continue;
            };
            if change.after().and_then(|row| values_of(shape, row, &key.parent_columns)).as_ref()
                == Some(&values)
                || self.in_set(set, &key, &values)
            {
                continue;
            }
            // Those of the set that point elsewhere afterwards, or are gone, do not count.
            let moved = self.keys_of(set, &key.child, |member| {
                member.after().is_none()
                    || self.values(&key.child, member, &key.child_columns).as_ref() != Some(&values)
            });
            let condition = self.condition(&key, &key.child_columns, &values);
            if self.exists(&key.child, &condition, &moved)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes the set on trial and moves out of it what the database refuses for another reason.
    fn drop_refused(&mut self, set: &mut Vec<Member>, left: &mut Vec<Member>) -> Result<(), Error> {
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
                let refusals = write_exactly(self.session, &prepared.table, &[order])?;
                refused.extend(refusals.iter().map(|refusal| refusal.at));
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
        values_of(&self.tables.get(name)?.table.shape, change.after()?, columns)
    }

    fn in_set(&self, set: &[Member], key: &ForeignKey, values: &[Value]) -> bool {
        set.iter().any(|(name, change)| {
            *name == key.parent
                && self.values(name, change, &key.parent_columns).is_some_and(|found| found == values)
        })
    }

    /// Whether the parent is here and stays.
    fn in_database(&mut self, set: &[Member], key: &ForeignKey, values: &[Value]) -> Result<bool, Error> {
        // What the set brings with these values was asked for before; all else that it writes goes or changes.
        let going = self.keys_of(set, &key.parent, |_| true);
        let condition = self.condition(key, &key.parent_columns, values);
        self.exists(&key.parent, &condition, &going)
    }

    /// The keys of those rows of one table which the set writes and `choose` chooses.
    fn keys_of(&self, set: &[Member], table: &TableName, choose: impl Fn(&Change) -> bool) -> Vec<RowKey> {
        let Some(prepared) = self.tables.get(table) else {
            return Vec::new();
        };
        let of_table = set.iter().filter(|(name, change)| name == table && choose(change));
        of_table.filter_map(|(_, change)| change.key(&prepared.table.shape)).collect()
    }

    /// `columns` of the child or the parent have these values.
    fn condition(&self, key: &ForeignKey, columns: &[String], values: &[Value]) -> String {
        let parent = self.scene.catalog.tables.get(&key.parent);
        let kind = |column: &String| {
            let details = &parent?.details;
            details.iter().find(|detail| &detail.name == column).map(|detail| detail.kind)
        };
        let pairs =
            columns.iter().zip(&key.parent_columns).zip(values).map(|((column, of_parent), value)| {
                let mut literal = String::new();
                sql::push_value(&mut literal, value, kind(of_parent).unwrap_or(ColumnKind::Text));
                format!("{} = {literal}", sql::name(column))
            });
        pairs.collect::<Vec<_>>().join(" AND ")
    }

    fn exists(&mut self, name: &TableName, condition: &str, except: &[RowKey]) -> Result<bool, Error> {
        let table = self.tables.get(name).map(|prepared| &prepared.table);
        let except = table.filter(|_| !except.is_empty()).map(|table| db::keys_sql(table, except));
        let except = except.map_or_else(String::new, |keys| format!(" AND NOT ({keys})"));
        let query = format!("SELECT 1 FROM {} WHERE {condition}{except} LIMIT 1", sql::name(name.as_str()));
        Ok(self.session.first(&query)?.is_some())
    }
}

/// A change that was set aside, with its table.
type Member = (TableName, Change);

/// The values of these columns; `None` when one is NULL, or is not among the columns.
fn values_of(shape: &TableShape, row: &RowImage, columns: &[String]) -> Option<Vec<Value>> {
    let value = |column: &String| {
        let at = shape.columns.iter().position(|one| &one.name == column)?;
        row.0.get(at).filter(|value| !value.is_null()).cloned()
    };
    columns.iter().map(value).collect()
}
