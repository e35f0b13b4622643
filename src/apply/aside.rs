//! Changes that did not fit when they came: tried again once more of the bundle is written.

use crate::apply::error::Error;
use crate::apply::run::{Chance, Refused, Run};
use crate::model::{Change, TableName, TableShape};
use crate::spool::Spool;

impl Run<'_> {
    /// Tries what was set aside until nothing more fits, then unties circles of foreign keys.
    ///
    /// A pass reads every row once more, so none is made that cannot change anything.
    pub(super) fn replay(&mut self) -> Result<(), Error> {
        self.replay_rounds()?;
        if self.aside.count() > 0 && self.refused.orphans {
            let written = self.tally.written;
            self.untie_circles()?;
            if self.tally.written > written {
                self.replay_rounds()?;
            }
        }
        Ok(())
    }

    /// Tries what is left for the last time; what does not fit then is parked for a person.
    pub(super) fn replay_last(&mut self) -> Result<(), Error> {
        self.replay()?;
        if self.aside.count() > 0 && self.refused.uniques {
            let written = self.tally.written;
            self.untie_swaps()?;
            if self.tally.written > written {
                self.replay()?;
            }
        }
        self.replay_once(Chance::Last)
    }

    fn replay_rounds(&mut self) -> Result<(), Error> {
        loop {
            let before = self.aside.count();
            if before == 0 || self.refused.since == Some(self.tally.written) {
                return Ok(());
            }
            self.replay_once(Chance::Again)?;
            if self.aside.count() == before {
                return Ok(());
            }
        }
    }

    fn replay_once(&mut self, chance: Chance) -> Result<(), Error> {
        const CHANGES_MAX: usize = 1000;
        const SIZE_BYTES: usize = 1 << 20;
        let mut aside = std::mem::replace(&mut self.aside, Spool::new(self.scene.folder));
        self.refused = Refused::default();
        let shapes = self.shapes();
        let mut batch: Option<(TableName, Vec<Change>, usize)> = None;
        aside.drain(&|name| shapes(name), &mut |name, change, ()| {
            let size_bytes = change.size_bytes();
            match &mut batch {
                Some((open, changes, held))
                    if *open == name && changes.len() < CHANGES_MAX && *held < SIZE_BYTES =>
                {
                    changes.push(change);
                    *held += size_bytes;
                    Ok(())
                }
                _ => match batch.replace((name, vec![change], size_bytes)) {
                    Some((name, changes, _)) => self.process(&name, changes, chance),
                    None => Ok(()),
                },
            }
        })?;
        match batch {
            Some((name, changes, _)) => self.process(&name, changes, chance),
            None => Ok(()),
        }
    }

    /// The shapes in which the bundle brings its tables, as they are known now.
    pub(super) fn shapes(&self) -> impl Fn(&TableName) -> Option<TableShape> + use<> {
        let shapes: std::collections::HashMap<_, _> =
            self.tables.iter().map(|(name, prepared)| (name.clone(), prepared.table.shape.clone())).collect();
        move |name| shapes.get(name).cloned()
    }
}
