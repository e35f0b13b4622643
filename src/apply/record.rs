//! What is put down of each decision: log rows, conflicts and answers at the centre, words kept for later at a lab.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::apply::decide::{Decided, Verdict, record_id};
use crate::apply::error::Error;
use crate::apply::order::Order;
use crate::apply::parked::fits_now;
use crate::apply::run::Run;
use crate::apply::scene::{Past, Prepared, Side};
use crate::apply::verdict::describe;
use crate::conflict::{Kind, has_fallen_back};
use crate::db::Table;
use crate::ledger::{self, Conflict, Kept, LoggedRow, Outcome, Settled, Status, Why};
use crate::model::{Change, Op, Stamp, TableName, hex_from_bytes, key_to_log, row_to_json};

/// What a lab keeps of the words that it cannot follow yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// The words of a bundle: they are kept, and take the place of older ones; nothing is kept yet.
    NewNothingYet,
    /// The same, and older ones are kept already.
    New,
    /// Words that were kept: those that still cannot be followed stay as they are.
    Old,
}

impl Run<'_> {
    /// Logs what was written, keeps the conflicts, and notes the rows that are to be looked at again.
    pub(super) fn record(
        &mut self,
        prepared: &Prepared,
        decided: &mut [Decided],
        refused: &HashMap<usize, (Kind, String)>,
    ) -> Result<(), Error> {
        let table = &prepared.table;
        let mut notes = Notes::default();
        let mut deferred: Vec<usize> = Vec::new();
        let mut followed: Vec<String> = Vec::new();
        let forgets = self.forgets();
        for (at, one) in decided.iter_mut().enumerate().filter(|(at, _)| !refused.contains_key(at)) {
            let is_again = one.is_again();
            let stands = match &mut one.verdict {
                Verdict::Defer => {
                    deferred.push(at);
                    continue;
                }
                Verdict::AlreadyThere => {
                    self.tally.already_there += 1;
                    notes.end(table, one, None);
                    if self.scene.past.is_over {
                        notes.answers.push(answer(table, one));
                    }
                    one.change.after().cloned()
                }
                Verdict::Write(conflict) => {
                    self.tally.written += 1;
                    let conflict = conflict.take();
                    let logged = self.logged(at, one);
                    notes.wrote(table, one, conflict, logged, self.scene.past);
                    one.change.after().cloned()
                }
                Verdict::Keep(conflict) if is_again => {
                    let conflict = (**conflict).clone();
                    self.keep_again(&mut notes, table, one, conflict);
                    one.current.clone()
                }
                Verdict::Keep(conflict) => {
                    let conflict = (**conflict).clone();
                    match one.joins.as_ref().filter(|_| conflict.status == Status::Open) {
                        Some(joins) => notes.joined.push((joins.id, conflict)),
                        None => notes.new.push(conflict),
                    }
                    if one.change.after().is_none() && !one.is_again() {
                        // The lab has taken back what waited: it must not be written later.
                        notes.end(table, one, None);
                    }
                    notes.answers.push(answer(table, one));
                    one.current.clone()
                }
            };
            if forgets {
                followed.push(row_hash(one));
            }
            if prepared.settles {
                let time = one.change.time();
                let wanted = match stands {
                    Some(after) => Change::Insert { after, time },
                    None => Change::Delete { key: one.key.clone(), before: None, time },
                };
                self.settle.push(&table.shape, wanted, ())?;
            }
        }
        self.put_down(table, notes)?;
        self.forget(&table.shape.name, &followed)?;
        let waiting: Vec<Kept> = deferred
            .into_iter()
            .filter_map(|at| Some(self.word(table, decided.get(at)?, Why::OwnChanges, None)))
            .collect();
        self.keep(&waiting)
    }

    /// Puts down rows that were taken out and put back in with other values.
    pub(super) fn record_swapped(&mut self, table: &Table, decided: &[Decided]) -> Result<(), Error> {
        let mut notes = Notes::default();
        for one in decided {
            let logged = LoggedRow { op: Op::Update, ..self.logged(0, one) };
            notes.wrote(table, one, None, logged, self.scene.past);
        }
        self.tally.written += decided.len() as u64;
        self.put_down(table, notes)?;
        self.forget(&table.shape.name, &decided.iter().map(row_hash).collect::<Vec<_>>())
    }

    /// Sets changes aside: at the centre for a person, at a lab until they fit. Nothing else waits for them.
    pub(super) fn set_aside(
        &mut self,
        table: &Table,
        changes: Vec<(Decided, Kind, String)>,
    ) -> Result<(), Error> {
        if let Side::Lab { .. } = self.scene.side {
            let word = |(one, kind, note): (Decided, Kind, String)| {
                self.word(table, &one, Why::Misfit(kind), Some(note))
            };
            let words: Vec<Kept> = changes.into_iter().map(word).collect();
            return self.keep(&words);
        }
        let (again, changes): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(one, ..)| one.is_again());
        self.still_parked(table, &again)?;
        let mut notes = Notes::default();
        for (one, kind, note) in changes {
            let mut conflict = match &one.verdict {
                Verdict::Write(Some(decided)) => (**decided).clone(),
                Verdict::AlreadyThere | Verdict::Write(None) | Verdict::Keep(_) | Verdict::Defer => {
                    let current = one.current.as_ref();
                    describe(&self.scene, table, &one.change, &one.key, current, kind)
                }
            };
            conflict.kind = kind;
            conflict.status = Status::Open;
            conflict.outcome = Outcome::Central;
            conflict.written_row.clone_from(&conflict.central_row);
            conflict.decided_by = None;
            conflict.note = Some(in_its_way(&one, &note));
            match &one.joins {
                Some(joins) => {
                    joins.set_op(&mut conflict);
                    notes.joined.push((joins.id, conflict));
                }
                None => notes.new.push(conflict),
            }
            // The lab holds what could not be written here: it is told what the row is instead.
            notes.answers.push(answer(table, &one));
        }
        self.put_down(table, notes)
    }

    /// Writes notes into conflict_log and sync_log, in the transaction that is open.
    fn put_down(&mut self, table: &Table, notes: Notes) -> Result<(), Error> {
        const RULE: &str = "rule: a later edit of the row fits";
        let name = &table.shape.name;
        let open = notes.new.iter().filter(|conflict| conflict.status == Status::Open).count();
        self.tally.parked += (open + notes.joined.len()) as u64;
        self.tally.conflicts += (notes.new.len() - open) as u64;
        self.scene.past.has_waiting |= open > 0;
        ledger::record_conflicts(self.session, &notes.new)?;
        ledger::join_conflicts(self.session, &notes.joined, self.scene.now)?;
        ledger::end_conflicts(self.session, &notes.ended, RULE)?;
        self.settle_parked(&notes.settled)?;
        self.log(name, &notes.written)?;
        self.answer(name, &notes.answers)
    }

    /// Logs rows that were written, with the time and the site of the edit itself, so that the centre can pass it on to
    /// all but its author. A lab passes nothing on.
    pub(super) fn log(&mut self, table: &TableName, written: &[LoggedRow]) -> Result<(), Error> {
        match self.scene.side {
            Side::Central { .. } => {
                Ok(ledger::log_rows(self.session, table, written, Some(self.scene.sender))?)
            }
            Side::Lab { .. } => Ok(()),
        }
    }

    /// Notes rows of which the sender holds something else than what stands here now.
    pub(super) fn answer(&mut self, table: &TableName, rows: &[(String, Op)]) -> Result<(), Error> {
        match self.scene.side {
            Side::Central { up_only, .. } if !up_only.contains(table) => {
                Ok(ledger::answer_rows(self.session, table, rows, self.scene.sender, self.scene.now)?)
            }
            Side::Central { .. } | Side::Lab { .. } => Ok(()),
        }
    }

    /// The log row of a row that was written. A clock that has fallen back dates nothing: its edit would lose for ever.
    fn logged(&self, at: usize, one: &Decided) -> LoggedRow {
        let (row, exists) = (one.change.after(), one.current.is_some());
        let order = Order { at, key: one.key.clone(), row, exists, current: None };
        let time = match has_fallen_back(one.change.time(), self.scene.past.sealed_before) {
            true => Stamp::UNKNOWN,
            false => one.change.time(),
        };
        LoggedRow { record_id: key_to_log(&one.key), op: order.op(), time }
    }

    /// The word that a lab keeps of a change.
    fn word(&self, table: &Table, one: &Decided, why: Why, note: Option<String>) -> Kept {
        let covered_batch = match self.scene.side {
            Side::Lab { covered, .. } => covered,
            Side::Central { .. } => 0,
        };
        Kept {
            table: table.shape.name.clone(),
            row_hash: row_hash(one),
            record_id: record_id(table, &one.key, one.current.as_ref()),
            row: one.change.after().map(|row| row_to_json(&table.shape, row)),
            time: one.change.time(),
            why,
            note,
            bundle: self.scene.bundle.clone(),
            covered_batch,
            kept_at: self.scene.now,
        }
    }

    fn keep(&mut self, words: &[Kept]) -> Result<(), Error> {
        if words.is_empty() {
            return Ok(());
        }
        self.tally.deferred += words.len() as u64;
        match self.keeping {
            Keeping::Old => Ok(()),
            Keeping::New | Keeping::NewNothingYet => {
                self.keeping = Keeping::New;
                Ok(ledger::keep_words(self.session, words)?)
            }
        }
    }

    /// Forgets what was kept on rows that have just been made what the centre says.
    fn forget(&mut self, table: &TableName, hashes: &[String]) -> Result<(), Error> {
        if self.forgets() { Ok(ledger::forget_words(self.session, table, hashes)?) } else { Ok(()) }
    }

    /// Whether a word may be kept here that is out of date once its row is written.
    fn forgets(&self) -> bool {
        match (self.scene.side, self.keeping) {
            (Side::Lab { .. }, Keeping::New | Keeping::Old) => true,
            (Side::Central { .. }, _) | (Side::Lab { .. }, Keeping::NewNothingYet) => false,
        }
    }
}

/// What is to be put down of some decisions.
#[derive(Default)]
pub(super) struct Notes {
    /// Rows that were written.
    written: Vec<LoggedRow>,
    /// Conflicts that are new.
    new: Vec<Conflict>,
    /// Changes that join conflicts which wait.
    pub(super) joined: Vec<(u64, Conflict)>,
    /// Conflicts that waited and are over, each with the row that stands.
    ended: Vec<(u64, Option<String>)>,
    /// Changes that waited, were tried again, and wait no longer.
    pub(super) settled: Vec<Settled>,
    /// Rows of which the sender holds something else.
    answers: Vec<(String, Op)>,
}

impl Notes {
    /// A row was written.
    fn wrote(
        &mut self,
        table: &Table,
        one: &Decided,
        conflict: Option<Box<Conflict>>,
        logged: LoggedRow,
        past: Past,
    ) {
        self.end(table, one, conflict.as_deref());
        if one.is_again() || past.is_over {
            // The lab has heard that its change waits, and has the centre's row; or it does not know its own change any more.
            self.answers.push((logged.record_id.clone(), logged.op));
        } else if conflict.as_ref().is_some_and(|conflict| conflict.outcome == Outcome::Merged) {
            // The lab does not know the row that was made of both.
            self.answers.push(answer(table, one));
        }
        if !one.is_again() {
            self.new.extend(conflict.map(|boxed| *boxed));
        }
        self.written.push(logged);
    }

    /// The change stands for one that waited because it did not fit.
    fn end(&mut self, table: &Table, one: &Decided, conflict: Option<&Conflict>) {
        if one.is_again() {
            self.settled.extend(fits_now(table, one, conflict));
        } else if let Some(joins) = one.joins.as_ref().filter(|joins| joins.ends) {
            self.ended.push((joins.id, one.change.after().map(|row| row_to_json(&table.shape, row))));
        }
    }
}

fn answer(table: &Table, one: &Decided) -> (String, Op) {
    let op = if one.current.is_some() { Op::Update } else { Op::Delete };
    (record_id(table, &one.key, one.current.as_ref()), op)
}

/// What stands in the way of a change, with a word on whose row it is that does not fit.
pub(super) fn in_its_way(one: &Decided, note: &str) -> String {
    match &one.verdict {
        Verdict::Write(Some(decided)) if decided.outcome == Outcome::Merged => {
            format!("the row made of both: {note}")
        }
        Verdict::Write(_) | Verdict::AlreadyThere | Verdict::Keep(_) | Verdict::Defer => note.to_owned(),
    }
}

/// The name under which a word on this row is kept.
fn row_hash(one: &Decided) -> String {
    hash_of(&one.canonical)
}

/// The same for the form of a key in which equal keys are one.
pub(super) fn hash_of(canonical: &[u8]) -> String {
    hex_from_bytes(&Sha256::digest(canonical))
}
