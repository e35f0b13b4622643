//! Sets right what the application's own triggers changed while the bundle was written.
//!
//! A trigger of the application fires for our writes too: it stamps a date with now(), or writes a second
//! table whose rows the bundle brings as well. At the end every such row is read back and compared.

use crate::apply::error::Error;
use crate::apply::order::Order;
use crate::apply::run::Run;
use crate::apply::write::{Look, write};
use crate::conflict::same_row;
use crate::db;
use crate::model::{Change, RowKey, TableName, key_to_log};
use crate::monitor::Notice;
use crate::spool::Spool;

impl Run<'_> {
    /// Reads back every row that a trigger may have changed, and writes it once more where it differs.
    ///
    /// The rows of one table may be changed by writing another one, so everything is looked at again until
    /// a whole look finds nothing to do; a trigger that insists is told of, not fought.
    pub(super) fn set_right(&mut self) -> Result<(), Error> {
        const LOOKS_MAX: u32 = 3;
        for look in 1..=LOOKS_MAX {
            let mut wanted = std::mem::replace(&mut self.settle, Spool::new(self.scene.folder));
            if wanted.count() == 0 {
                return Ok(());
            }
            let shapes = self.shapes();
            let mut differing = 0;
            let mut batch: Vec<Change> = Vec::new();
            let mut open: Option<TableName> = None;
            wanted.drain(&|name| shapes(name), &mut |name, change, ()| {
                const CHANGES_MAX: usize = 500;
                let full = open.as_ref() != Some(&name) || batch.len() >= CHANGES_MAX;
                if full && let Some(name) = open.replace(name) {
                    differing +=
                        self.set_right_batch(&name, std::mem::take(&mut batch), look == LOOKS_MAX)?;
                }
                batch.push(change);
                Ok::<(), Error>(())
            })?;
            if let Some(name) = open {
                differing += self.set_right_batch(&name, batch, look == LOOKS_MAX)?;
            }
            if differing == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Compares rows with what they should be, and writes those that differ. Returns how many did.
    fn set_right_batch(
        &mut self,
        name: &TableName,
        wanted: Vec<Change>,
        is_last: bool,
    ) -> Result<u64, Error> {
        let Some(prepared) = self.tables.get(name).cloned() else {
            return Ok(0);
        };
        let table = &prepared.table;
        let keys: Vec<RowKey> =
            wanted.iter().map(|change| change.key(&table.shape).unwrap_or(RowKey(Vec::new()))).collect();
        let canonicals = db::canonical_keys(self.session, table, &keys)?;
        let rows = db::rows_by_key(self.session, table, &keys, &canonicals, true)?;
        let mut orders = Vec::new();
        for (at, ((change, key), canonical)) in wanted.iter().zip(keys).zip(&canonicals).enumerate() {
            let current = rows.get(canonical);
            let differs = match (change.after(), current) {
                (Some(after), Some(current)) => !same_row(&table.shape, after, current),
                (None, None) => false,
                (Some(_), None) | (None, Some(_)) => true,
            };
            if differs {
                orders.push(Order { at, key, row: change.after(), exists: current.is_some(), current });
            }
        }
        let differing = orders.len() as u64;
        if differing > 0 && is_last {
            self.monitor.notice(Notice::OverwrittenByTrigger { table: name.clone(), rows: differing });
            // The sender holds what it wanted to stand here.
            let answers: Vec<_> = orders.iter().map(|order| (key_to_log(&order.key), order.op())).collect();
            self.answer(name, &answers)?;
        } else if differing > 0 {
            write(self.session, table, &orders, Look::Never)?;
            let pairs = orders.iter().filter(|order| order.row.is_some()).map(|order| {
                let current = canonicals.get(order.at).and_then(|canonical| rows.get(canonical));
                (current, &order.key)
            });
            self.respell(table, pairs)?;
        }
        drop(orders);
        for change in wanted {
            self.settle.push(&table.shape, change, ())?;
        }
        Ok(differing)
    }
}
