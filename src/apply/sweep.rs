//! After a snapshot: rows here that it does not have are gone at the centre, and go here too.
//!
//! The keys that the snapshot brings and those that are here are sorted and laid side by side; both lists go to
//! disk when they are long. A table that was empty before needs nothing of this.

use std::cmp::Ordering;

use crate::apply::decide::Decided;
use crate::apply::error::Error;
use crate::apply::run::{Chance, Run};
use crate::db::{self, Table, sql};
use crate::ledger;
use crate::model::{Change, Direction, RowKey, TableName, key_from_log, key_to_log};
use crate::spool::{Item, Sorted, Sorter};

impl Run<'_> {
    /// Notes which of the snapshot's tables have rows before it is written.
    pub(super) fn begin_sweep(&mut self, tables: &[(TableName, Direction)]) -> Result<(), Error> {
        for (name, direction) in tables {
            let is_here = self.scene.shared.contains(name) && self.scene.catalog.tables.contains_key(name);
            if *direction == Direction::Up || !is_here {
                continue;
            }
            let query = format!("SELECT 1 FROM {} LIMIT 1", sql::name(name.as_str()));
            if self.session.first(&query)?.is_some() {
                self.sweep.insert(name.clone(), Sorter::new(self.scene.folder));
            }
        }
        Ok(())
    }

    /// Notes the rows that the snapshot brings.
    pub(super) fn note_seen(&mut self, table: &TableName, decided: &[Decided]) -> Result<(), Error> {
        if let Some(seen) = self.sweep.get_mut(table) {
            for one in decided {
                seen.push(&one.canonical, &[])?;
            }
        }
        Ok(())
    }

    /// Deletes the rows that the snapshot does not have, children before parents.
    ///
    /// They are decided like every other word: a row that the lab has changed since is left until it is answered.
    pub(super) fn sweep(&mut self) -> Result<(), Error> {
        let mut tables: Vec<TableName> = self.sweep.keys().cloned().collect();
        tables.sort_by_key(|name| std::cmp::Reverse(self.ranks.get(name).copied()));
        for name in tables {
            let Some(seen) = self.sweep.remove(&name) else {
                continue;
            };
            if let Some(whole) = self.scene.catalog.tables.get(&name)
                && !self.tables.contains_key(&name)
            {
                self.open(&whole.clone())?;
            }
            if let Some(prepared) = self.tables.get(&name).cloned() {
                self.sweep_table(&prepared.table, seen.finish()?)?;
            }
            ledger::forget_older_words(self.session, &name, &self.scene.bundle)?;
        }
        Ok(())
    }

    fn sweep_table(&mut self, table: &Table, mut seen: Sorted) -> Result<(), Error> {
        const CHANGES_MAX: usize = 500;
        let mut here = Sorter::new(self.scene.folder);
        db::all_keys(self.session, table, &mut |canonical, key| {
            here.push(&canonical, key_to_log(&key).as_bytes())
        })
        .map_err(|error| match error {
            db::Stopped::Database(error) => Error::from(error),
            db::Stopped::Taker(error) => Error::from(error),
        })?;
        let mut here = here.finish()?;
        let mut seen = seen.iter()?;
        let mut next = seen.next().transpose()?;
        let mut gone: Vec<Change> = Vec::new();
        for item in here.iter()? {
            let Item { key, rest } = item?;
            while next.as_ref().is_some_and(|next| next.key.cmp(&key) == Ordering::Less) {
                next = seen.next().transpose()?;
            }
            if next.as_ref().is_some_and(|next| next.key == key) {
                continue;
            }
            let record_id = String::from_utf8_lossy(&rest).into_owned();
            let Some(key): Option<RowKey> = key_from_log(&table.shape, &record_id) else {
                continue;
            };
            gone.push(Change::Delete { key, before: None, time: self.scene.now });
            if gone.len() == CHANGES_MAX {
                self.process(&table.shape.name, std::mem::take(&mut gone), Chance::First)?;
            }
        }
        self.process(&table.shape.name, gone, Chance::First)
    }
}
