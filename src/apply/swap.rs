//! Rows that exchange their unique values: neither can be written while the other still has its old one.
//!
//! Both servers check a unique key at once. So the rows are taken out and put back in with their new values,
//! with foreign keys unchecked in between, because children still point to keys that come back at once.
//! Only rows that the bundle changes cleanly take part; no third row is ever touched.

use std::collections::BTreeMap;

use crate::apply::circle::Member;
use crate::apply::decide::{Decided, Verdict, decide};
use crate::apply::error::Error;
use crate::apply::exact::write_exactly;
use crate::apply::order::Order;
use crate::apply::run::Run;
use crate::apply::write::{Look, write};
use crate::db::Table;
use crate::model::{Change, TableName};

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
        let set: Vec<Member> = clean.iter().map(|one| Member::of(name, one)).collect();
        let mut ties = self.ties(&set)?;
        loop {
            let members: Vec<(usize, &Member)> =
                set.iter().enumerate().filter(|(at, _)| !ties.is_out(*at)).collect();
            if members.is_empty() {
                break;
            }
            self.session.execute("SAVEPOINT packmule_swap")?;
            let refused = self.take_out_and_put_back(&table, &members)?;
            if refused.is_empty() {
                break;
            }
            self.session.execute("ROLLBACK TO SAVEPOINT packmule_swap")?;
            ties.leave(refused);
        }
        let (out, done): (Vec<_>, Vec<_>) =
            clean.into_iter().enumerate().partition(|(at, _)| ties.is_out(*at));
        left.extend(out.into_iter().map(|(_, one)| one.into_sent()));
        let done: Vec<Decided> = done.into_iter().map(|(_, one)| one).collect();
        self.record_swapped(&table, &done)?;
        Ok(left)
    }

    /// Deletes and inserts the rows; returns the places of those that still do not fit.
    fn take_out_and_put_back(
        &mut self,
        table: &Table,
        members: &[(usize, &Member)],
    ) -> Result<Vec<usize>, Error> {
        let orders: Vec<Order<'_>> = members.iter().map(|(at, one)| one.order(*at)).collect();
        let gone: Vec<Order<'_>> =
            orders.iter().map(|order| Order { row: None, exists: true, ..order.clone() }).collect();
        let back: Vec<Order<'_>> = orders.into_iter().map(|order| Order { exists: false, ..order }).collect();
        self.session.execute("SET SESSION foreign_key_checks = 0")?;
        let mut refused = write(self.session, table, &gone, Look::Never)?;
        refused.extend(write_exactly(self.session, table, &back, Look::Never)?);
        self.session.execute("SET SESSION foreign_key_checks = 1")?;
        Ok(refused.iter().map(|refusal| refusal.at).collect())
    }
}
