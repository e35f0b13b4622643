//! Changes of a lab that wait at the centre because they did not fit, tried again in a transaction of their own.
//!
//! One that fits now is judged by the rules as if it had just come: the centre's row may have changed since. What is still in the
//! way is looked for beforehand, for many lines at once, so that a line that cannot fit costs no write.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::apply::decide::Decided;
use crate::apply::error::Error;
use crate::apply::obstacle::obstacles;
use crate::apply::order::{Order, Refusal};
use crate::apply::record::{Notes, in_its_way};
use crate::apply::retry::shape_of;
use crate::apply::run::Run;
use crate::apply::transaction::{Context, new_run, outside_settings};
use crate::conflict::Kind;
use crate::db::{self, Session, Table};
use crate::ledger::{self, Conflict, Outcome, ParkedLine, Settled, Status};
use crate::model::{
    Change, Op, RowImage, RowKey, Site, Stamp, TableName, TableShape, key_from_log, row_from_json,
    row_to_json,
};
use crate::monitor::{Monitor, Step};

/// What came of changes that were tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unparked {
    /// In the tables now, whole or with something of the centre's row.
    pub fit: u64,
    /// Decided for the centre's row, which was edited since.
    pub lost: u64,
    /// They would fit, and a person must decide between them and the centre's row.
    pub waits: u64,
    /// Still in the way of something, and not in the tables.
    pub left: u64,
}

impl std::ops::AddAssign for Unparked {
    fn add_assign(&mut self, other: Self) {
        self.fit += other.fit;
        self.lost += other.lost;
        self.waits += other.waits;
        self.left += other.left;
    }
}

/// What of one table is worth a try.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ParkedDue {
    /// Whether rows of it, or of tables that it has to do with, have changed.
    pub rows: bool,
    /// Whether the table's definition has.
    pub definition: bool,
}

/// Tries what waits of one lab, in the tables where something is due, in one transaction.
///
/// On an error nothing has changed, and the session must not be used again.
pub fn retry_parked(
    session: &mut Session,
    outside: Option<&mut Session>,
    lab: &Site,
    due: &HashMap<TableName, ParkedDue>,
    context: &Context<'_>,
    monitor: &dyn Monitor,
) -> Result<Unparked, Error> {
    let outcome = in_transaction(session, outside, lab, due, context, monitor);
    if outcome.is_err() {
        let _ = session.execute("ROLLBACK");
    }
    outcome
}

fn in_transaction(
    session: &mut Session,
    outside: Option<&mut Session>,
    lab: &Site,
    due: &HashMap<TableName, ParkedDue>,
    context: &Context<'_>,
    monitor: &dyn Monitor,
) -> Result<Unparked, Error> {
    session.silence_triggers()?;
    session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    session.execute("START TRANSACTION")?;
    // A bundle of the same lab may change the lines, too.
    ledger::lock_streams_from(session, lab)?;
    let outside = outside_settings(outside)?;
    let mut run = new_run(session, outside, lab, String::new(), context, monitor);
    let waiting: BTreeSet<TableName> = due.keys().cloned().collect();
    for op in [Op::Delete, Op::Update] {
        for name in run.in_rank_order(op) {
            if let (Some(due), Some(table)) = (due.get(&name), context.catalog.tables.get(&name)) {
                run.retry_lines(table, op == Op::Delete, *due, &waiting)?;
            }
        }
    }
    run.replay_last()?;
    run.set_right()?;
    let unparked = run.unparked;
    monitor.step(Step::ParkedWritten);
    session.execute(if context.dry_run { "ROLLBACK" } else { "COMMIT" })?;
    Ok(unparked)
}

/// A line that is looked at, with the change that waits in it.
struct Candidate {
    line: ParkedLine,
    shape: TableShape,
    change: Change,
    key: RowKey,
    canonical: Vec<u8>,
    current: Option<RowImage>,
}

impl Run<'_> {
    /// Tries the lines of one table: deletes alone, or all others.
    fn retry_lines(
        &mut self,
        table: &Table,
        deletes: bool,
        due: ParkedDue,
        waiting: &BTreeSet<TableName>,
    ) -> Result<(), Error> {
        let name = &table.shape.name;
        let mut after = 0;
        loop {
            let lines = ledger::parked_lines(self.session, self.scene.sender, name, after)?;
            let Some(last) = lines.last() else {
                return Ok(());
            };
            after = last.id;
            let lines = lines.into_iter().filter(|line| (line.op == Op::Delete) == deletes).collect();
            let mut candidates = self.candidates(table, lines)?;
            let refusals = self.in_the_way(table, &candidates)?;
            let is_tied = self.is_tied(name, waiting);
            let mut still = Vec::new();
            let mut at = 0;
            candidates.retain(|one| {
                at += 1;
                let refusal = refusals.get(&(at - 1));
                if let Some(refusal) = refusal.filter(|refusal| one.says_other(refusal)) {
                    let row = one.current.as_ref().map(|row| row_to_json(&table.shape, row));
                    still.push((one.line.id, refusal.kind, refusal.note.clone(), row));
                }
                // Rows that wait for each other have to be tried to be told from rows that wait for others.
                (refusal.is_none() || is_tied) && one.is_worth_a_try(table, due)
            });
            ledger::still_parked(self.session, &still)?;
            self.try_candidates(candidates)?;
        }
    }

    /// The lines that can be read, each with the row that it meets. Of several on one row the first: the others come after it.
    fn candidates(&mut self, table: &Table, lines: Vec<ParkedLine>) -> Result<Vec<Candidate>, Error> {
        let read: Vec<(ParkedLine, TableShape, Change, RowKey)> =
            lines.into_iter().filter_map(|line| read(table, line)).collect();
        let keys: Vec<RowKey> = read.iter().map(|(.., key)| key.clone()).collect();
        let canonicals = db::canonical_keys(self.session, table, &keys)?;
        let rows = db::rows_by_key(self.session, table, &keys, &canonicals, false)?;
        let known = self.scene.parked.get(&table.shape.name);
        let mut seen: HashSet<Vec<u8>> = known.into_iter().flat_map(|lines| lines.keys().cloned()).collect();
        let mut candidates = Vec::new();
        for ((line, shape, change, key), canonical) in read.into_iter().zip(canonicals) {
            if seen.insert(canonical.clone()) {
                let current = rows.get(&canonical).cloned();
                let change = on_known_ground(table, &line, change, current.as_ref());
                candidates.push(Candidate { line, shape, change, key, canonical, current });
            }
        }
        Ok(candidates)
    }

    /// What is certainly in the way, by the places of the candidates. Of rows with other columns than the table has by now
    /// nothing is.
    fn in_the_way(
        &mut self,
        table: &Table,
        candidates: &[Candidate],
    ) -> Result<HashMap<usize, Refusal>, Error> {
        let whole = candidates.iter().enumerate().filter(|(_, one)| one.shape == table.shape);
        let orders: Vec<Order<'_>> = whole.map(|(at, one)| one.order(at)).collect();
        let all: Vec<&Order<'_>> = orders.iter().collect();
        let found = obstacles(self.session, self.scene.catalog, table, &all, &orders)?;
        Ok(found.into_iter().map(|refusal| (refusal.at, refusal)).collect())
    }

    fn try_candidates(&mut self, candidates: Vec<Candidate>) -> Result<(), Error> {
        let ids: Vec<u64> = candidates.iter().map(|one| one.line.id).collect();
        let waiting = ledger::lock_parked(self.session, &ids)?;
        // Each set of columns is a batch of its own.
        let mut batches: Vec<(TableShape, Vec<Change>)> = Vec::new();
        for one in candidates.into_iter().filter(|one| waiting.contains(&one.line.id)) {
            let Candidate { line, shape, change, canonical, .. } = one;
            let line = ParkedLine { before_row: None, lab_row: None, ..line };
            self.scene.parked.entry(shape.name.clone()).or_default().insert(canonical, line);
            match batches.iter_mut().find(|(known, _)| *known == shape) {
                Some((_, changes)) => changes.push(change),
                None => batches.push((shape, vec![change])),
            }
        }
        for (shape, changes) in batches {
            self.batch(&shape, changes)?;
            // What does not fit the table stays as it is, and nothing else waits for it.
            self.held.clear();
        }
        Ok(())
    }

    /// Puts down what still stands in the way, where that is something else than before.
    pub(super) fn still_parked(
        &mut self,
        table: &Table,
        again: &[(Decided, Kind, String)],
    ) -> Result<(), Error> {
        let lines = self.scene.parked.get(&table.shape.name);
        let mut still = Vec::new();
        for (one, kind, note) in again {
            let Some(line) = lines.and_then(|lines| lines.get(&one.canonical)) else {
                continue;
            };
            let (note, row) =
                (in_its_way(one, note), one.current.as_ref().map(|row| row_to_json(&table.shape, row)));
            if line.kind != *kind || line.note.as_ref() != Some(&note) || line.central_row != row {
                still.push((line.id, *kind, note, row));
            }
        }
        Ok(ledger::still_parked(self.session, &still)?)
    }

    /// Counts and puts down how lines have ended.
    pub(super) fn settle_parked(&mut self, settled: &[Settled]) -> Result<(), Error> {
        let lost = settled.iter().filter(|one| one.outcome == Outcome::Central).count() as u64;
        self.unparked.lost += lost;
        self.unparked.fit += settled.len() as u64 - lost;
        Ok(ledger::settle_parked(self.session, settled)?)
    }

    /// The rules have decided for the centre's row, or leave it to a person. The lab has that row already.
    pub(super) fn keep_again(
        &mut self,
        notes: &mut Notes,
        table: &Table,
        one: &Decided,
        mut conflict: Conflict,
    ) {
        let lines = self.scene.parked.get(&table.shape.name);
        let Some(line) = lines.and_then(|lines| lines.get(&one.canonical)) else {
            return;
        };
        conflict.bundle.clone_from(&line.bundle);
        match conflict.status {
            Status::Open => {
                self.unparked.waits += 1;
                notes.joined.push((line.id, conflict));
            }
            Status::Decided => notes.settled.push(Settled {
                id: line.id,
                outcome: Outcome::Central,
                decided_by: conflict.decided_by.unwrap_or_default(),
                central_row: conflict.central_row.clone(),
                central_time: conflict.central_time,
                written_row: conflict.central_row,
            }),
        }
    }
}

/// How the line ends of a change that fits now.
pub(super) fn fits_now(table: &Table, one: &Decided, conflict: Option<&Conflict>) -> Option<Settled> {
    const RULE: &str = "rule: it fits now";
    let more = conflict.and_then(|conflict| conflict.decided_by.as_deref()?.strip_prefix("rule: "));
    Some(Settled {
        id: one.joins.as_ref()?.id,
        outcome: conflict.map_or(Outcome::Lab, |conflict| conflict.outcome),
        decided_by: more.map_or(RULE.to_owned(), |more| format!("{RULE}, {more}")),
        central_row: one.current.as_ref().map(|row| row_to_json(&table.shape, row)),
        central_time: conflict.and_then(|conflict| conflict.central_time),
        written_row: one.change.after().map(|row| row_to_json(&table.shape, row)),
    })
}

impl Candidate {
    fn order(&self, at: usize) -> Order<'_> {
        let (row, current) = (self.change.after(), self.current.as_ref());
        Order { at, key: self.key.clone(), row, exists: current.is_some(), current }
    }

    /// Whether the line says something else of what is in its way.
    fn says_other(&self, refusal: &Refusal) -> bool {
        self.line.kind != refusal.kind || self.line.note.as_ref() != Some(&refusal.note)
    }

    /// Whether something is another one than when it was refused.
    fn is_worth_a_try(&self, table: &Table, due: ParkedDue) -> bool {
        let here = self.current.as_ref().and_then(|row| table.shape.key_of(row));
        match self.line.kind {
            Kind::Value => {
                let row = self.current.as_ref().map(|row| row_to_json(&table.shape, row));
                due.definition || row != self.line.central_row
            }
            // Two rows of the lab whose keys are one here.
            Kind::Unique if here.is_some_and(|here| here != self.key) => due.definition,
            Kind::Unique | Kind::Orphan => due.rows || due.definition,
            Kind::Changed | Kind::Missing | Kind::Exists => false,
        }
    }
}

/// The change that waits in a line, with the columns that it has. `None` where it cannot be read any more.
fn read(table: &Table, line: ParkedLine) -> Option<(ParkedLine, TableShape, Change, RowKey)> {
    let time = line.lab_time.unwrap_or(Stamp::UNKNOWN);
    let shape = match &line.lab_row {
        Some(row) => shape_of(table, row)?,
        None => table.shape.clone(),
    };
    let before = line.before_row.as_ref().and_then(|row| row_from_json(&shape, row).ok());
    let change = match &line.lab_row {
        // It was too long to be kept.
        None if line.op != Op::Delete => return None,
        None => Change::Delete { key: key_from_log(&table.shape, &line.record_id)?, before, time },
        Some(row) => {
            let after = row_from_json(&shape, row).ok()?;
            match line.op {
                Op::Insert => Change::Insert { after, time },
                Op::Update | Op::Delete => Change::Update { before, after, time },
            }
        }
    };
    let key = change.key(&shape)?;
    Some((line, shape, change, key))
}

/// Where nobody knows what a change was made on, and the centre's row is the one that it met: that one.
fn on_known_ground(table: &Table, line: &ParkedLine, change: Change, current: Option<&RowImage>) -> Change {
    if current.map(|row| row_to_json(&table.shape, row)) != line.central_row {
        return change;
    }
    match (change, current) {
        (Change::Update { before: None, after, time }, None) => Change::Insert { after, time },
        (Change::Update { before: None, after, time }, Some(row)) if row.0.len() == after.0.len() => {
            Change::Update { before: Some(row.clone()), after, time }
        }
        (Change::Delete { key, before: None, time }, Some(row)) => {
            Change::Delete { key, before: Some(row.clone()), time }
        }
        (change, _) => change,
    }
}
