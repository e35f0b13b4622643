//! Changes of rows on which an earlier change of the same lab waits for a person: they wait with it, or take its place.

use crate::apply::decide::{Found, record_id};
use crate::apply::error::Error;
use crate::apply::scene::Scene;
use crate::apply::verdict::Met;
use crate::conflict::{Kind, carry_on};
use crate::db::{Session, Table};
use crate::ledger::{self, Conflict, ParkedLine, Waiting};
use crate::model::{Change, Op, RowImage, row_from_json, row_to_json};

/// The conflict that waits on a change's row.
#[derive(Debug, Clone)]
pub(super) struct Joins {
    /// Its number.
    pub(super) id: u64,
    /// Whether the change goes on from what waits: the lab had not heard that it does.
    pub(super) goes_on: bool,
    /// Whether what waits is a row that did not fit, and the change stands for all of it: once it is written, nothing waits.
    pub(super) ends: bool,
    /// Whether the change is the one that waits, tried again.
    pub(super) is_again: bool,
    is_insert: bool,
    lab_row: Option<String>,
}

impl Joins {
    /// The change is what waits.
    pub(super) fn again(line: &ParkedLine) -> Self {
        let is_insert = line.op == Op::Insert;
        Joins { id: line.id, goes_on: false, ends: true, is_again: true, is_insert, lab_row: None }
    }

    /// Makes of the conflict of a change the one of everything that the lab has wanted of the row since the first change.
    pub(super) fn carry_on(&self, met: &Met<'_>, change: &Change, conflict: &mut Conflict) {
        let shape = &met.table.shape;
        let waiting = self.lab_row.as_ref().and_then(|text| row_from_json(shape, text).ok());
        if let (Some(waiting), Some(before), Some(after)) = (waiting, change.before(), change.after()) {
            let row = carry_on(shape, met.rules, &waiting, before, after);
            conflict.lab_row = Some(row_to_json(shape, &row));
        }
        self.set_op(conflict);
    }

    /// What the lab has done to the row in all.
    pub(super) fn set_op(&self, conflict: &mut Conflict) {
        conflict.op = match (&conflict.lab_row, self.is_insert) {
            (None, _) => Op::Delete,
            (Some(_), true) => Op::Insert,
            (Some(_), false) => Op::Update,
        };
    }
}

/// Looks for conflicts of the sender that wait on the rows of these changes.
///
/// Of a row that did not fit, a change that goes on from it becomes the whole change since the first: if it fits now, nothing
/// waits any more. All others are judged as they are, and join what waits where they have to wait, too.
pub(super) fn join(
    session: &mut Session,
    scene: &Scene<'_>,
    table: &Table,
    found: &mut [Found],
) -> Result<(), Error> {
    let name = &table.shape.name;
    let id = |one: &Found| record_id(table, &one.key, one.now.as_ref());
    let ids: Vec<String> = found.iter().map(id).collect();
    let mut waiting = ledger::waiting(session, scene.sender, name, &ids)?;
    for (one, id) in found.iter_mut().zip(&ids) {
        let Some(line) = waiting.remove(id) else {
            continue;
        };
        let goes_on = goes_on(table, &one.change, &line);
        let ends = match line.kind {
            Kind::Unique | Kind::Orphan | Kind::Value => true,
            Kind::Changed | Kind::Missing | Kind::Exists => false,
        };
        if ends {
            // Another edit than one that goes on from it says nothing of a row that did not fit.
            let Some(whole) = goes_on.then(|| whole(table, &one.change, &line)).flatten() else {
                continue;
            };
            one.sent = Some(std::mem::replace(&mut one.change, whole));
        }
        let Waiting { id, is_insert, lab_row, .. } = line;
        one.joins = Some(Joins { id, goes_on: goes_on && !ends, ends, is_again: false, is_insert, lab_row });
    }
    Ok(())
}

/// Whether a change was made on the row that waits.
fn goes_on(table: &Table, change: &Change, line: &Waiting) -> bool {
    let json = |row: &RowImage| row_to_json(&table.shape, row);
    match change {
        Change::Insert { .. } => line.lab_row.is_none(),
        Change::Update { before, .. } | Change::Delete { before, .. } => {
            before.as_ref().is_some_and(|before| line.lab_row == Some(json(before)))
        }
    }
}

/// The change from before the one that waits to what this one makes of it. `None` where nobody knows what was before.
fn whole(table: &Table, change: &Change, line: &Waiting) -> Option<Change> {
    let time = change.time();
    if line.is_insert {
        return Some(match change.after() {
            Some(after) => Change::Insert { after: after.clone(), time },
            // What never was here need not be deleted.
            None => change.clone(),
        });
    }
    let before = Some(row_from_json(&table.shape, line.before_row.as_ref()?).ok()?);
    Some(match change.after() {
        Some(after) => Change::Update { before, after: after.clone(), time },
        None => Change::Delete { key: change.key(&table.shape)?, before, time },
    })
}
