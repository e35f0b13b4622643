//! Rows that point to each other in a circle: neither can be written, or deleted, before the other.
//!
//! Both servers check a foreign key at once, not at COMMIT. So a set of changes is looked for after which every
//! row has its parents, in the database or in the set, and only these are written with the check off. Nothing
//! is ever left pointing nowhere.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::apply::error::Error;
use crate::apply::exact::write_exactly;
use crate::apply::order::Order;
use crate::apply::run::{Chance, Run};
use crate::apply::write::Look;
use crate::db::{self, ForeignKey, Table, sql};
use crate::model::{Change, ColumnKind, RowImage, RowKey, TableName, TableShape, Value};

impl Run<'_> {
    /// Writes those of the rows set aside that wait for each other.
    pub(super) fn untie_circles(&mut self) -> Result<(), Error> {
        // A real circle is a few rows: more than this is a bundle that lacks its parents.
        const ROWS_MAX: u64 = 20_000;
        if self.aside.count() > ROWS_MAX {
            return Ok(());
        }
        let mut aside: Vec<Member> = Vec::new();
        let shapes = self.shapes();
        self.aside.drain(&|name| shapes(name), &mut |name, change, ()| {
            aside.push((name, change));
            Ok::<(), Error>(())
        })?;
        let waiting: BTreeSet<TableName> = aside.iter().map(|(name, _)| name.clone()).collect();
        let tied: BTreeSet<&TableName> = waiting.iter().filter(|name| self.is_tied(name, &waiting)).collect();
        let (mut set, mut left): (Vec<Member>, Vec<Member>) =
            aside.into_iter().partition(|(name, _)| tied.contains(name));
        // Deletes first, as everywhere: they make room for rows that take over a unique value.
        set.sort_by_cached_key(|(name, change)| (change.after().is_some(), self.ranks.get(name).copied()));
        self.drop_unfitting(&mut set, &mut left)?;
        if !set.is_empty() {
            self.drop_refused(&mut set, &mut left)?;
            self.session.execute("SET SESSION foreign_key_checks = 0")?;
            self.untying = true;
            for (name, change) in set {
                self.process(&name, vec![change], Chance::Again)?;
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

    /// Whether rows of this table can wait for rows that are not written yet either, of which `waiting` are the tables: a table
    /// that points to itself or is pointed to by one of these, or points to one. Any two tables will do: the key of a parent
    /// changes, and the new row waits for a unique value of the old one, the old one for its children, and these for the new one.
    pub(super) fn is_tied(&self, name: &TableName, waiting: &BTreeSet<TableName>) -> bool {
        let catalog = self.scene.catalog;
        catalog.parents_of(name).any(|key| key.parent == *name || waiting.contains(&key.parent))
            || catalog.children_of(name).any(|key| waiting.contains(&key.child))
    }

    /// Moves changes out of the set that cannot be written however the rest is.
    fn drop_unfitting(&mut self, set: &mut Vec<Member>, left: &mut Vec<Member>) -> Result<(), Error> {
        loop {
            let before = set.len();
            self.drop_hopeless(set, left)?;
            self.drop_orphans(set, left)?;
            if set.len() == before {
                return Ok(());
            }
        }
    }

    /// Moves changes out of the set until no row would lack a parent once the rest is written.
    pub(super) fn drop_orphans(
        &mut self,
        set: &mut Vec<Member>,
        left: &mut Vec<Member>,
    ) -> Result<(), Error> {
        loop {
            let mut orphans = self.lacking_parents(set)?;
            orphans.extend(self.leaving_children(set)?);
            if orphans.is_empty() {
                return Ok(());
            }
            take_out(set, &orphans, left);
        }
    }

    /// The places of the members whose rows would point to a row that is neither here nor in the set.
    fn lacking_parents(&mut self, set: &[Member]) -> Result<HashSet<usize>, Error> {
        let children: BTreeSet<&TableName> = set.iter().map(|(name, _)| name).collect();
        let catalog = self.scene.catalog;
        let mut lacking = HashSet::new();
        for key in children.into_iter().flat_map(|name| catalog.parents_of(name)) {
            let of = |table: &TableName, columns: &[String]| -> Vec<(usize, Vec<Value>)> {
                let members = set.iter().enumerate().filter(|(_, (name, _))| name == table);
                members.filter_map(|(at, (name, one))| Some((at, self.values(name, one, columns)?))).collect()
            };
            let coming: HashSet<Vec<Value>> =
                of(&key.parent, &key.parent_columns).into_iter().map(|(_, values)| values).collect();
            let mut sought = of(&key.child, &key.child_columns);
            sought.retain(|(_, values)| !coming.contains(values));
            let wanted: Vec<Vec<Value>> = sought.iter().map(|(_, values)| values.clone()).collect();
            let staying = self.staying(set, key, &wanted)?;
            lacking.extend(sought.iter().zip(staying).filter(|(_, stays)| !stays).map(|((at, _), _)| *at));
        }
        Ok(lacking)
    }

    /// Whether there are parents here with these values that the set does not write.
    fn staying(
        &mut self,
        set: &[Member],
        key: &ForeignKey,
        wanted: &[Vec<Value>],
    ) -> Result<Vec<bool>, Error> {
        // What the set brings with these values was asked for before; all else that it writes goes or changes.
        let going = self.keys_of(set, &key.parent, |_| true);
        let known = self.scene.catalog.tables.get(&key.parent);
        let holders = match known {
            Some(parent) => db::holders(self.session, parent, &key.parent_columns, wanted)?,
            None => None,
        };
        let (Some(parent), Some(holders)) = (known, holders) else {
            let exists = |values: &Vec<Value>| {
                let condition = self.condition(key, &key.parent_columns, values);
                self.exists(&key.parent, &condition, &going)
            };
            return wanted.iter().map(exists).collect();
        };
        let going: HashSet<Vec<u8>> = db::canonical_keys(self.session, parent, &going)?.into_iter().collect();
        let keys: Vec<RowKey> = holders.iter().flatten().cloned().collect();
        let mut canonicals = db::canonical_keys(self.session, parent, &keys)?.into_iter();
        let stays = |keys: &Vec<RowKey>| {
            canonicals.by_ref().take(keys.len()).filter(|key| !going.contains(key)).count() > 0
        };
        Ok(holders.iter().map(stays).collect())
    }

    /// The places of the members that take away what rows outside the set point to.
    fn leaving_children(&mut self, set: &[Member]) -> Result<HashSet<usize>, Error> {
        // More parents with children than this are no circle.
        const PARENTS_MAX: usize = 1000;
        let names: BTreeSet<&TableName> = set.iter().map(|(name, _)| name).collect();
        let mut leaving = HashSet::new();
        for name in names {
            let keys: Vec<ForeignKey> = self.scene.catalog.children_of(name).cloned().collect();
            let Some(prepared) = self.tables.get(name).filter(|_| !keys.is_empty()).cloned() else {
                continue;
            };
            let members = set.iter().enumerate().filter(|(_, (table, _))| table == name);
            let members: Vec<(usize, &Change)> = members.map(|(at, (_, change))| (at, change)).collect();
            let current = self.current_rows(&prepared.table, &members)?;
            for key in keys {
                let taken = |&(at, change): &(usize, &Change)| {
                    let shape = &prepared.table.shape;
                    let current = current.get(&at)?;
                    let values = values_of(shape, current, &key.parent_columns)?;
                    let stays = change.after().and_then(|row| values_of(shape, row, &key.parent_columns));
                    (stays.as_ref() != Some(&values)).then_some((at, shape.key_of(current)?, values))
                };
                let taken: Vec<(usize, RowKey, Vec<Value>)> = members.iter().filter_map(taken).collect();
                let own: Vec<RowKey> = taken.iter().map(|(_, own, _)| own.clone()).collect();
                let parents = db::with_children(self.session, &prepared.table, &key, &own)?;
                let are_many = parents.len() > PARENTS_MAX;
                let parents: HashSet<RowKey> = parents.into_iter().collect();
                for (at, _, values) in taken.iter().filter(|(_, own, _)| parents.contains(own)) {
                    if are_many || self.leaves_others(set, &key, values)? {
                        leaving.insert(*at);
                    }
                }
            }
        }
        Ok(leaving)
    }

    /// The rows of these members as they are here, by their places.
    fn current_rows(
        &mut self,
        table: &Table,
        members: &[(usize, &Change)],
    ) -> Result<HashMap<usize, RowImage>, Error> {
        const ROWS_A_STATEMENT: usize = 1000;
        let mut found = HashMap::new();
        for chunk in members.chunks(ROWS_A_STATEMENT) {
            let keyed: Vec<(usize, RowKey)> =
                chunk.iter().filter_map(|(at, change)| Some((*at, change.key(&table.shape)?))).collect();
            let keys: Vec<RowKey> = keyed.iter().map(|(_, key)| key.clone()).collect();
            let canonicals = db::canonical_keys(self.session, table, &keys)?;
            let mut rows = db::rows_by_key(self.session, table, &keys, &canonicals, true)?;
            let rows =
                keyed.iter().zip(&canonicals).filter_map(|((at, _), key)| Some((*at, rows.remove(key)?)));
            found.extend(rows);
        }
        Ok(found)
    }

    /// Whether rows that are not in the set point to these values.
    fn leaves_others(
        &mut self,
        set: &[Member],
        key: &ForeignKey,
        values: &Vec<Value>,
    ) -> Result<bool, Error> {
        if self.in_set(set, key, values) {
            return Ok(false);
        }
        // Those of the set that point elsewhere afterwards, or are gone, do not count.
        let moved = self.keys_of(set, &key.child, |member| {
            member.after().is_none()
                || self.values(&key.child, member, &key.child_columns).as_ref() != Some(values)
        });
        let condition = self.condition(key, &key.child_columns, values);
        self.exists(&key.child, &condition, &moved)
    }

    /// Writes the set on trial and moves out of it what the database refuses for another reason.
    fn drop_refused(&mut self, set: &mut Vec<Member>, left: &mut Vec<Member>) -> Result<(), Error> {
        loop {
            self.session.execute("SAVEPOINT packmule_circle")?;
            self.session.execute("SET SESSION foreign_key_checks = 0")?;
            let mut refused = HashSet::new();
            let members: Vec<(usize, &Member)> = set.iter().enumerate().collect();
            for same in members.chunk_by(|(_, (one, a)), (_, (other, b))| {
                one == other && a.after().is_some() == b.after().is_some()
            }) {
                refused.extend(self.try_out(same)?);
            }
            self.session.execute("SET SESSION foreign_key_checks = 1")?;
            self.session.execute("ROLLBACK TO SAVEPOINT packmule_circle")?;
            if refused.is_empty() {
                return Ok(());
            }
            take_out(set, &refused, left);
            // A row that is out may have been the parent of one that is in, or keeps its unique value.
            self.drop_unfitting(set, left)?;
        }
    }

    /// Writes members of one table, with no foreign key checked. Returns the places of those that the database refuses.
    fn try_out(&mut self, members: &[(usize, &Member)]) -> Result<HashSet<usize>, Error> {
        let table = members.first().and_then(|(_, (name, _))| self.tables.get(name));
        let Some(table) = table.map(|prepared| prepared.table.clone()) else {
            return Ok(HashSet::new());
        };
        let changes: Vec<(usize, &Change)> = members.iter().map(|(at, (_, change))| (*at, change)).collect();
        let current = self.current_rows(&table, &changes)?;
        let keyed = changes.iter().filter_map(|(at, change)| Some((*at, change.key(&table.shape)?, *change)));
        let orders: Vec<Order<'_>> = keyed
            .map(|(at, key, change)| {
                let current = current.get(&at);
                Order { at, key, row: change.after(), exists: current.is_some(), current }
            })
            .collect();
        let refusals = write_exactly(self.session, &table, &orders, Look::Never)?;
        Ok(refusals.iter().map(|refusal| refusal.at).collect())
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

/// Moves the members at these places out of the set.
pub(super) fn take_out(set: &mut Vec<Member>, places: &HashSet<usize>, left: &mut Vec<Member>) {
    for (at, member) in std::mem::take(set).into_iter().enumerate() {
        if places.contains(&at) { left.push(member) } else { set.push(member) }
    }
}

/// A change that was set aside, with its table.
pub(super) type Member = (TableName, Change);

/// The values of these columns; `None` when one is NULL, or is not among the columns.
pub(super) fn values_of(shape: &TableShape, row: &RowImage, columns: &[String]) -> Option<Vec<Value>> {
    let value = |column: &String| {
        let at = shape.columns.iter().position(|one| &one.name == column)?;
        row.0.get(at).filter(|value| !value.is_null()).cloned()
    };
    columns.iter().map(value).collect()
}
