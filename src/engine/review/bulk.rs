//! Many decisions at once: first what they would do, then each in a transaction of its own, on exactly what the preview saw.

use std::collections::BTreeMap;

use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::review::decide::{Decided, Manner, decide_with, decided_before};
use crate::engine::review::fault::ReviewFault;
use crate::engine::review::fingerprint::Fingerprint;
use crate::engine::review::plan::{Choice, plan};
use crate::engine::review::reopen::reopen_with;
use crate::engine::review::sight::{Ground, Sight, look};
use crate::engine::sites::expect_central;
use crate::ledger::{self, Decision, LineFilter, Status};
use crate::model::{RowImage, TableName, TableShape};

/// What many decisions would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Those that can be decided.
    pub picks: Vec<Pick>,
    /// How many of them there are, by table and kind.
    pub counts: BTreeMap<(TableName, &'static str), u64>,
    /// How many of them leave the row as it is.
    pub unchanged: u64,
    /// Those whose row has moved on since: each must be looked at.
    pub moved_on: Vec<u64>,
    /// Those that cannot be decided so, with the reason; the first of them.
    pub faults: Vec<(u64, ReviewFault)>,
    /// How many of these there are.
    pub fault_count: u64,
    /// What becomes of some of the rows.
    pub samples: Vec<Sample>,
}

/// A conflict that is to be decided, and what was seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// Its number.
    pub id: u64,
    /// What was seen.
    pub seen: Fingerprint,
}

/// What would become of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The conflict.
    pub id: u64,
    /// The lab.
    pub site: String,
    /// Its columns.
    pub shape: TableShape,
    /// The key, as `sync_log` spells it.
    pub record_id: String,
    /// The row now.
    pub now: Option<RowImage>,
    /// The row then.
    pub then: Option<RowImage>,
}

/// What came of many decisions.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many are decided.
    pub done: u64,
    /// How many of them changed a row.
    pub edits: u64,
    /// Those of which something else was found than was seen; they wait as before.
    pub stale: Vec<u64>,
    /// Those that could not be decided, with the reason; they wait as before. The first of them.
    pub faults: Vec<(u64, String)>,
    /// How many of these there are.
    pub fault_count: u64,
}

/// Looks what a choice would do to all conflicts of a filter. Changes nothing.
pub fn preview_decisions(
    home: &mut Home<'_>,
    filter: &LineFilter,
    choice: &Choice,
) -> Result<Preview, Error> {
    const LINES: u64 = 200;
    expect_central(home)?;
    let ground = Ground::read(home)?;
    let mut session = home.connect()?;
    let mut preview = Preview::default();
    let mut after = 0;
    loop {
        let lines = ledger::lines(&mut session, filter, after, LINES)?;
        let Some(last) = lines.last() else {
            return Ok(preview);
        };
        after = last.head.id;
        for sight in look(&mut session, &ground, lines, false)? {
            match decided_before(&mut session, &sight)? {
                Some(Decision { conflict: id, action, by, at, .. }) => {
                    preview.fault(id, ReviewFault::DecidedByPerson { id, action, by, at });
                }
                None => preview.add(&sight, choice),
            }
        }
    }
}

impl Preview {
    fn fault(&mut self, id: u64, fault: ReviewFault) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push((id, fault));
        }
    }

    fn add(&mut self, sight: &Sight, choice: &Choice) {
        const SAMPLES_MAX: usize = 5;
        let head = &sight.line.head;
        if sight.has_moved_on() && sight.table.is_ok() {
            self.moved_on.push(head.id);
            return;
        }
        let plan = match plan(sight, choice) {
            Ok(plan) => plan,
            Err(fault) => return self.fault(head.id, fault),
        };
        self.picks.push(Pick { id: head.id, seen: sight.fingerprint() });
        *self.counts.entry((head.table.clone(), head.kind.word())).or_default() += 1;
        if plan.edit.is_nothing(sight) {
            self.unchanged += 1;
        }
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(Sample {
                id: head.id,
                site: head.site.clone(),
                shape: sight.shape.clone(),
                record_id: head.record_id.clone(),
                now: sight.now.clone(),
                then: plan.edit.then,
            });
        }
    }
}

/// Makes a choice for each of these, a transaction each. What cannot be decided is left as it is, and counted.
pub fn decide_all(
    home: &mut Home<'_>,
    picks: &[Pick],
    choice: &Choice,
    manner: &Manner,
) -> Result<Outcome, Error> {
    expect_central(home)?;
    let ground = Ground::read(home)?;
    let mut session = home.connect()?;
    let mut outcome = Outcome::default();
    for pick in picks {
        let decided = decide_with(home, &mut session, &ground, pick.id, choice, Some(pick.seen), manner);
        outcome.add(pick.id, decided)?;
    }
    Ok(outcome)
}

/// Takes back the decisions on all conflicts of a filter that a person has decided and no bundle carries.
pub fn reopen_all(home: &mut Home<'_>, filter: &LineFilter, manner: &Manner) -> Result<Outcome, Error> {
    const LINES: u64 = 500;
    expect_central(home)?;
    let ground = Ground::read(home)?;
    let mut session = home.connect()?;
    let decided = LineFilter { status: Some(Status::Decided), ..filter.clone() };
    let mut outcome = Outcome::default();
    let mut after = 0;
    loop {
        let heads = ledger::line_heads(&mut session, &decided, after, LINES)?;
        let Some(last) = heads.last() else {
            return Ok(outcome);
        };
        after = last.id;
        for head in &heads {
            match reopen_with(home, &mut session, &ground, head.id, manner) {
                // Nothing that a person did.
                Err(Error::Review(ReviewFault::ByRule { .. })) => {}
                reopened => outcome.add(head.id, reopened)?,
            }
        }
    }
}

impl Outcome {
    fn add(&mut self, id: u64, decided: Result<Decided, Error>) -> Result<(), Error> {
        let fault = match decided {
            Ok(Decided::Done(done)) => {
                self.done += 1;
                self.edits += u64::from(done.is_edit);
                return Ok(());
            }
            Ok(Decided::Already { .. }) => return Ok(()),
            Ok(Decided::Stale) => {
                self.stale.push(id);
                return Ok(());
            }
            Ok(Decided::TakesAlong(tables)) => {
                let tables: Vec<String> =
                    tables.iter().map(|(table, count)| format!("{count} of {table}")).collect();
                format!("other rows would go with it: {}", tables.join(", "))
            }
            Err(Error::Review(fault)) => fault.told(),
            Err(error) => return Err(error),
        };
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push((id, fault));
        }
        Ok(())
    }
}

const FAULTS_MAX: usize = 10;
