//! Takes in the sections of a bundle: each table is fitted to the one here before a row of it is written.
//!
//! What does not fit holds the whole bundle, but the rest is still looked at, so that a person is told of everything
//! at once. What a person decided to leave out goes to `conflict_log`, row by row.

use std::sync::Arc;

use crate::apply::error::Error;
use crate::apply::fit::{Fit, Loss, Mapping, Until, fit};
use crate::apply::misfit::{Misfit, TableMisfit};
use crate::apply::run::{Chance, Run};
use crate::apply::scene::{Prepared, Side};
use crate::apply::spelling::respelt;
use crate::conflict::Kind;
use crate::db::{self, Table};
use crate::ledger::{self, Conflict, Outcome, Status};
use crate::model::{Change, RowImage, RowKey, TableName, TableShape, key_to_log, row_to_json};
use crate::monitor::{Phase, Step};
use crate::spool::Spool;

/// A section of the bundle, and what becomes of it.
#[derive(Clone)]
pub(super) struct Section {
    shape: Arc<TableShape>,
    /// `None`: it does not fit.
    fit: Option<Arc<Fit>>,
}

impl Run<'_> {
    /// Writes one batch of one table, as it comes out of the bundle.
    pub(super) fn batch(&mut self, shape: &TableShape, changes: Vec<Change>) -> Result<(), Error> {
        let amount = changes.len() as u64;
        let section = self.section(shape);
        match section.fit.as_deref() {
            None => {}
            Some(Fit::LeftOut) => self.keep_left_out(shape, None, &changes)?,
            Some(Fit::Written(mapping)) => {
                self.check(shape, mapping, &changes)?;
                if self.held.is_empty() {
                    self.keep_left_out(shape, Some(mapping), &changes)?;
                    self.open(&mapping.table)?;
                    let changes = changes.into_iter().map(|change| mapping.change(change)).collect();
                    let changes = respelt(&mapping.table, changes);
                    self.process(&mapping.table.shape.name, changes, Chance::First)?;
                }
            }
        }
        self.monitor.advance(Phase::Applying, amount);
        self.monitor.step(Step::ApplyHalfWritten);
        Ok(())
    }

    /// Ends with the reasons why the bundle is held, where there are any.
    pub(super) fn must_fit(&mut self) -> Result<(), Error> {
        match self.held.is_empty() {
            true => Ok(()),
            false => {
                let role = self.scene.side.role();
                Err(Error::TablesDiffer { misfits: std::mem::take(&mut self.held), role })
            }
        }
    }

    /// How this section fits. The same shape as before is not looked at again.
    fn section(&mut self, shape: &TableShape) -> Section {
        if let Some(section) = self.section.as_ref().filter(|section| *section.shape == *shape) {
            return section.clone();
        }
        let found = fit(shape, self.scene.catalog, self.scene.shared, self.scene.without);
        let fit = match found {
            Ok(fit) => Some(Arc::new(fit)),
            Err(misfits) => {
                misfits.into_iter().for_each(|misfit| self.hold(&shape.name, misfit));
                None
            }
        };
        let section = Section { shape: Arc::new(shape.clone()), fit };
        self.section = Some(section.clone());
        section
    }

    fn hold(&mut self, table: &TableName, misfit: Misfit) {
        let one = TableMisfit { table: table.clone(), misfit };
        if !self.held.contains(&one) {
            self.held.push(one);
        }
    }

    /// Holds the bundle where leaving a column out would lose something.
    fn check(&mut self, shape: &TableShape, mapping: &Mapping, changes: &[Change]) -> Result<(), Error> {
        for left in &mapping.left {
            let Until::ItMatters(misfit) = &left.until else {
                continue;
            };
            let losses = || changes.iter().map(|change| (change, left.loss(change)));
            let if_new = losses().filter(|(_, loss)| *loss == Loss::IfNew);
            let keys: Vec<RowKey> = if_new
                .filter_map(|(change, _)| mapping.change(change.clone()).key(&mapping.table.shape))
                .collect();
            let is_lost = losses().any(|(_, loss)| loss == Loss::Value)
                // A row that somebody deleted here may be made anew by the rules.
                || (self.held.is_empty()
                    && db::read_rows(self.session, &mapping.table, &keys, true)?.len() < keys.len());
            if is_lost {
                self.hold(&shape.name, misfit.clone());
            }
        }
        Ok(())
    }

    /// Makes a table ready to be written, and settles what stood before where it comes in another shape now.
    pub(super) fn open(&mut self, table: &Table) -> Result<(), Error> {
        let name = &table.shape.name;
        let next = self.ranks.get(name).map(|rank| rank.circle);
        // Tables that point to each other stand side by side; their rows must be there before others point to them.
        if next != self.circle && self.aside.count() > 0 {
            self.replay()?;
        }
        self.circle = next;
        match self.tables.get(name) {
            Some(prepared) if prepared.table.shape == table.shape => return Ok(()),
            // Another bundle of the same transaction, from before or after a migration: what was set aside has its columns.
            Some(_) => {
                self.replay_last()?;
                self.set_right()?;
                self.settle = Spool::new(self.scene.folder);
            }
            None => {}
        }
        let settles = table.has_foreign_triggers() || self.triggered.contains(name);
        self.tables.insert(name.clone(), Prepared { table: table.clone(), settles });
        Ok(())
    }

    /// Keeps what a person decided to leave out. `mapping`: of its columns only; `None`: of the whole table.
    fn keep_left_out(
        &mut self,
        shape: &TableShape,
        mapping: Option<&Mapping>,
        changes: &[Change],
    ) -> Result<(), Error> {
        let out: Vec<_> = mapping.map_or(Vec::new(), |mapping| {
            mapping.left.iter().filter(|left| matches!(left.until, Until::LaterOrNever)).collect()
        });
        if mapping.is_some() && out.is_empty() {
            return Ok(());
        }
        let mut kept = Vec::new();
        for change in changes {
            let columns: Vec<&str> = out
                .iter()
                .filter(|left| left.loss(change) != Loss::Nothing)
                .map(|left| left.column.as_str())
                .collect();
            let note = match (mapping, columns.as_slice()) {
                (None, _) => format!("table {} was left out", shape.name),
                (Some(_), []) => continue,
                (Some(_), [column]) => format!("column {column} was left out"),
                (Some(_), columns) => format!("columns {} were left out", columns.join(", ")),
            };
            // The log here knows the row by the key here.
            let key = match mapping {
                Some(mapping) => mapping.change(change.clone()).key(&mapping.table.shape),
                None => change.key(shape),
            };
            kept.push(self.left_out(shape, change, key.as_ref(), note));
        }
        self.tally.conflicts += kept.len() as u64;
        ledger::record_conflicts(self.session, &kept)?;
        Ok(())
    }

    fn left_out(&self, shape: &TableShape, change: &Change, key: Option<&RowKey>, note: String) -> Conflict {
        let json = |row: &RowImage| row_to_json(shape, row);
        let row = change.after().map(json);
        let (central_row, lab_row, outcome) = match self.scene.side {
            Side::Central { .. } => (None, row, Outcome::Central),
            Side::Lab { .. } => (row, None, Outcome::Lab),
        };
        Conflict {
            site: self.scene.sender.clone(),
            table: shape.name.clone(),
            record_id: key.map(key_to_log).unwrap_or_default(),
            kind: Kind::Value,
            op: change.op(),
            before_row: change.before().map(json),
            central_row,
            lab_row,
            central_time: None,
            lab_time: Some(change.time()),
            clock_note: None,
            status: Status::Decided,
            outcome,
            written_row: None,
            decided_by: Some("person: --without".to_owned()),
            note: Some(note),
            bundle: self.scene.bundle.clone(),
        }
    }
}
