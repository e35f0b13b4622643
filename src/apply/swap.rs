//! Rows that exchange their unique values: neither can be written while the other still has its old one.
//!
//! Both servers check a unique key at once. So the rows are taken out and put back in with their new values,
//! with foreign keys unchecked in between, because children still point to keys that come back at once.
//! Only rows that the bundle changes cleanly take part; no third row is ever touched.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::apply::circle::{Member, take_out, values_of};
use crate::apply::decide::{Decided, Verdict, decide};
use crate::apply::error::Error;
use crate::apply::exact::write_exactly;
use crate::apply::order::Order;
use crate::apply::run::Run;
use crate::apply::write::{Look, write};
use crate::db;
use crate::model::{Change, RowKey, TableName, Value};

impl Run<'_> {
    /// Writes those of the rows set aside that only stand in each other's way.
    pub(super) fn untie_swaps(&mut self) -> Result<(), Error> {
        // A real exchange is a few rows; more than this clash with rows that stay.
        const ROWS_MAX: u64 = 20_000;
        if self.aside.count() == 0 || self.aside.count() > ROWS_MAX {
            return Ok(());
        }
        let mut by_table: BTreeMap<TableName, Vec<Change>> = BTreeMap::new();
        let shapes = self.shapes();
        self.aside.drain(&|name| shapes(name), &mut |name, change, ()| {
            by_table.entry(name).or_default().push(change);
            Ok::<(), Error>(())
        })?;
        for (name, changes) in by_table {
            let left = match self.can_take_out(&name) {
                true => self.swap(&name, changes)?,
                false => changes,
            };
            let shape = self.tables.get(&name).map(|prepared| prepared.table.shape.clone());
            for change in left {
                if let Some(shape) = &shape {
                    self.aside.push(shape, change, ())?;
                }
            }
        }
        Ok(())
    }

    /// Whether a row of this table can be taken out and put back without anybody noticing: the bundle has all
    /// its columns, no trigger of the application fires or writes it, and children point to the primary key only.
    fn can_take_out(&self, name: &TableName) -> bool {
        let (Some(prepared), Some(whole)) = (self.tables.get(name), self.scene.catalog.tables.get(name))
        else {
            return false;
        };
        let key: Vec<&String> = whole.key_details().map(|detail| &detail.name).collect();
        let mut children = self.scene.catalog.children_of(name);
        let is_written = |name: &String| prepared.table.details.iter().any(|detail| detail.name == *name);
        whole.details.iter().all(|detail| is_written(&detail.name))
            && !whole.has_foreign_triggers()
            && !self.triggered.contains(name)
            && children.all(|child| child.parent_columns.iter().all(|column| key.contains(&column)))
    }

    /// Exchanges what can be exchanged; returns the changes that still do not fit.
    fn swap(&mut self, name: &TableName, changes: Vec<Change>) -> Result<Vec<Change>, Error> {
        let Some(table) = self.tables.get(name).map(|prepared| prepared.table.clone()) else {
            return Ok(changes);
        };
        let (decided, mut left) = decide(self.session, None, &self.scene, &table, changes)?;
        let is_clean = |one: &Decided| {
            matches!(one.verdict, Verdict::Write(None))
                && one.current.is_some()
                && one.change.after().is_some()
        };
        let (clean, others): (Vec<Decided>, Vec<Decided>) = decided.into_iter().partition(is_clean);
        left.extend(others.into_iter().map(Decided::into_sent));
        let mut set: Vec<Member> = clean.iter().map(|one| (name.clone(), one.change.clone())).collect();
        let mut out = Vec::new();
        self.drop_hopeless(&mut set, &mut out)?;
        self.drop_orphans(&mut set, &mut out)?;
        while !set.is_empty() {
            let rows: Vec<Change> = set.iter().map(|(_, change)| change.clone()).collect();
            self.session.execute("SAVEPOINT packmule_swap")?;
            let refused = self.take_out_and_put_back(name, &rows)?;
            if refused.is_empty() {
                break;
            }
            self.session.execute("ROLLBACK TO SAVEPOINT packmule_swap")?;
            take_out(&mut set, &refused, &mut out);
        }
        let keys = set.iter().filter_map(|(_, change)| change.key(&table.shape));
        let done: HashSet<RowKey> = keys.collect();
        let (done, others): (Vec<Decided>, Vec<Decided>) =
            clean.into_iter().partition(|one| done.contains(&one.key));
        left.extend(others.into_iter().map(Decided::into_sent));
        self.record_swapped(&table, &done)?;
        Ok(left)
    }

    /// Moves changes out of the set whose unique values belong to rows that stay as they are, and what waits for those.
    pub(super) fn drop_hopeless(
        &mut self,
        set: &mut Vec<Member>,
        left: &mut Vec<Member>,
    ) -> Result<(), Error> {
        let names: BTreeSet<TableName> = set.iter().map(|(name, _)| name.clone()).collect();
        let mut out = HashSet::new();
        for name in names {
            out.extend(self.hopeless(&name, set)?);
        }
        take_out(set, &out, left);
        Ok(())
    }

    /// The places of those of one table's changes. Where triggers of the application write, too, nothing is certain.
    fn hopeless(&mut self, name: &TableName, set: &[Member]) -> Result<HashSet<usize>, Error> {
        let whole = self.scene.catalog.tables.get(name).filter(|whole| !whole.has_foreign_triggers());
        let (Some(whole), Some(prepared)) = (whole, self.tables.get(name)) else {
            return Ok(HashSet::new());
        };
        let table = prepared.table.clone();
        let members = set.iter().enumerate().filter(|(_, (of, _))| of == name);
        let members: Vec<(usize, &Change)> = members.map(|(at, (_, change))| (at, change)).collect();
        let keyed = members.iter().filter_map(|(at, change)| Some((*at, change.key(&table.shape)?)));
        let (at, keys): (Vec<usize>, Vec<RowKey>) = keyed.unzip();
        let places: HashMap<Vec<u8>, usize> =
            db::canonical_keys(self.session, &table, &keys)?.into_iter().zip(at).collect();
        let mut waiting: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut hopeless: Vec<usize> = Vec::new();
        for columns in &whole.unique_keys {
            let sought = members
                .iter()
                .filter_map(|(at, change)| Some((*at, values_of(&table.shape, change.after()?, columns)?)));
            let (sought, values): (Vec<usize>, Vec<Vec<Value>>) = sought.unzip();
            let Some(holders) = db::holders(self.session, whole, columns, &values)? else {
                continue;
            };
            let (waits, keys): (Vec<usize>, Vec<RowKey>) = sought
                .iter()
                .zip(&holders)
                .flat_map(|(at, keys)| keys.iter().map(|key| (*at, key.clone())))
                .unzip();
            for (at, holder) in waits.into_iter().zip(db::canonical_keys(self.session, whole, &keys)?) {
                match places.get(&holder) {
                    Some(holder) if *holder == at => {}
                    Some(holder) => waiting.entry(*holder).or_default().push(at),
                    None => hopeless.push(at),
                }
            }
        }
        let mut out: HashSet<usize> = HashSet::new();
        while let Some(at) = hopeless.pop() {
            if out.insert(at) {
                hopeless.extend(waiting.remove(&at).unwrap_or_default());
            }
        }
        Ok(out)
    }

    /// Deletes and inserts the rows; returns the places of those that still do not fit.
    fn take_out_and_put_back(&mut self, name: &TableName, rows: &[Change]) -> Result<HashSet<usize>, Error> {
        let Some(table) = self.tables.get(name).map(|prepared| prepared.table.clone()) else {
            return Ok(HashSet::new());
        };
        let orders = |exists: bool| -> Vec<Order<'_>> {
            let order = |(at, change): (usize, &'_ Change)| Some((at, change.key(&table.shape)?));
            rows.iter()
                .enumerate()
                .filter_map(order)
                .map(|(at, key)| {
                    let row = if exists { None } else { rows.get(at).and_then(Change::after) };
                    Order { at, key, row, exists, current: None }
                })
                .collect()
        };
        self.session.execute("SET SESSION foreign_key_checks = 0")?;
        let mut refused = write(self.session, &table, &orders(true), Look::Never)?;
        refused.extend(write_exactly(self.session, &table, &orders(false), Look::Never)?);
        self.session.execute("SET SESSION foreign_key_checks = 1")?;
        Ok(refused.iter().map(|refusal| refusal.at).collect())
    }
}
