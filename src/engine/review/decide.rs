//! A person's decision on a conflict: an ordinary edit at the centre, and the line that it decides, in one transaction.

use crate::db::Session;
use crate::engine::attempts::attempts;
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::review::fault::ReviewFault;
use crate::engine::review::fingerprint::Fingerprint;
use crate::engine::review::plan::{Choice, Edit, Plan, plan};
use crate::engine::review::sight::{Ground, Sight, look};
use crate::engine::review::write::{Written, expect_free, followers, write};
use crate::engine::sites::expect_central;
use crate::ledger::{self, Action, Decision, LineUpdate, NewRow, Outcome, Status};
use crate::model::{RowImage, Stamp, TableName, TableShape, key_to_log, row_to_json};
use crate::monitor::Step;

/// Who decides, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// Who decides.
    pub by: String,
    /// What they say with it.
    pub note: Option<String>,
    /// Whether rows may follow by a foreign key: they are deleted or let go with the row.
    pub may_take_along: bool,
    /// Whether everything is rolled back at its end, to see what it would do.
    pub dry_run: bool,
}

/// What came of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// It is done. (In a dry run: it would be.)
    Done(Box<Done>),
    /// The same person has decided the same before.
    Already {
        /// When.
        at: Stamp,
    },
    /// The row, or what the lab wants, is another one by now than the person saw; nothing was done.
    Stale,
    /// Rows would follow by a foreign key, and nobody said that they may; nothing was done. Tables and how many of each.
    TakesAlong(Vec<(TableName, u64)>),
}

/// A decision that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The conflict.
    pub id: u64,
    /// What was done.
    pub action: Action,
    /// The lab.
    pub site: String,
    /// The columns of the rows below.
    pub shape: TableShape,
    /// The key, as `sync_log` spells it.
    pub record_id: String,
    /// The row before.
    pub before: Option<RowImage>,
    /// The row now.
    pub after: Option<RowImage>,
    /// Whose row it is.
    pub outcome: Outcome,
    /// Whether anything was written, so that the labs will hear of it.
    pub is_edit: bool,
    /// The key of a row that was made beside it, and that row.
    pub new: Option<(String, RowImage)>,
    /// Rows that followed by a foreign key.
    pub followed: Vec<(TableName, u64)>,
    /// Columns in which a trigger of the application insists on another value than was decided.
    pub overruled: Vec<String>,
}

/// Decides one conflict. `seen` is what the person saw; `None`: what the line itself says.
pub fn decide(
    home: &mut Home<'_>,
    id: u64,
    choice: &Choice,
    seen: Option<Fingerprint>,
    manner: &Manner,
) -> Result<Decided, Error> {
    expect_central(home)?;
    let ground = Ground::read(home)?;
    let mut session = home.connect()?;
    decide_with(home, &mut session, &ground, id, choice, seen, manner)
}

/// The same on a session and with tables that are at hand already. A new session is made where the old one cannot go on.
pub(super) fn decide_with(
    home: &Home<'_>,
    session: &mut Session,
    ground: &Ground,
    id: u64,
    choice: &Choice,
    seen: Option<Fingerprint>,
    manner: &Manner,
) -> Result<Decided, Error> {
    in_transaction(
        home,
        session,
        |session| decide_once(home, session, ground, id, choice, seen, manner),
        |decided| matches!(decided, Decided::Done(_)) && !manner.dry_run,
    )
}

/// Runs work in a transaction, again after a deadlock; `commits` says of its result whether it is to last.
pub(super) fn in_transaction<T>(
    home: &Home<'_>,
    session: &mut Session,
    mut work: impl FnMut(&mut Session) -> Result<T, Error>,
    commits: impl Fn(&T) -> bool,
) -> Result<T, Error> {
    attempts(home, Error::is_deadlock, |_| {
        // READ COMMITTED: no gap is locked, so the application's inserts never wait for a person.
        session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
        session.execute("START TRANSACTION")?;
        let outcome = work(session).and_then(|done| {
            let lasts = commits(&done);
            session.execute(if lasts { "COMMIT" } else { "ROLLBACK" })?;
            if lasts {
                home.monitor.step(Step::DecideCommitted);
            }
            Ok(done)
        });
        if outcome.is_err() {
            // The server does the same when the line is gone.
            let _ = session.execute("ROLLBACK");
        }
        outcome
    })
}

fn decide_once(
    home: &Home<'_>,
    session: &mut Session,
    ground: &Ground,
    id: u64,
    choice: &Choice,
    seen: Option<Fingerprint>,
    manner: &Manner,
) -> Result<Decided, Error> {
    // The line first: of two people who decide at once, the second waits here and then sees it decided.
    let line = ledger::find_line(session, id, true)?.ok_or(ReviewFault::NoSuch { id })?;
    let sight = look(session, ground, vec![line], true)?.pop().ok_or(ReviewFault::NoSuch { id })?;
    home.monitor.step(Step::DecideLocked);
    if let Some(at) = already(session, &sight, choice, manner)? {
        return Ok(Decided::Already { at });
    }
    let is_stale = match seen {
        Some(seen) => seen != sight.fingerprint(),
        None => sight.has_moved_on(),
    };
    // Where the table is gone, there is no row that could have moved on.
    if is_stale && sight.table.is_ok() {
        return Ok(Decided::Stale);
    }
    let plan = plan(&sight, choice)?;
    let followed = match &sight.table {
        Ok(tables) => followers(session, ground, tables, &plan.edit)?,
        Err(_) => Vec::new(),
    };
    if !followed.is_empty() && !manner.may_take_along {
        return Ok(Decided::TakesAlong(followed));
    }
    let (main, new) = write_plan(session, &sight, &plan)?;
    home.monitor.step(Step::DecideRowWritten);
    let done = put_down(session, &sight, &plan, choice.action(), (main, new), followed, manner)?;
    home.monitor.step(Step::DecideLineWritten);
    Ok(Decided::Done(Box::new(done)))
}

/// What a person has decided of it and nobody has taken back. What a rule has decided can be overturned at any time.
pub(super) fn decided_before(session: &mut Session, sight: &Sight) -> Result<Option<Decision>, Error> {
    if sight.decider().is_none() {
        return Ok(None);
    }
    let last = ledger::decisions_of(session, sight.line.head.id)?.pop();
    Ok(last.filter(|last| last.action != Action::Reopen))
}

/// When the same person decided the same. What somebody else decided, or something else, must be reopened first.
fn already(
    session: &mut Session,
    sight: &Sight,
    choice: &Choice,
    manner: &Manner,
) -> Result<Option<Stamp>, Error> {
    let id = sight.line.head.id;
    match decided_before(session, sight)? {
        None => Ok(None),
        Some(last)
            if last.action == choice.action() && last.by == manner.by && last.action != Action::Merge =>
        {
            Ok(Some(last.at))
        }
        Some(last) => {
            let Decision { action, by, at, .. } = last;
            Err(ReviewFault::DecidedByPerson { id, action, by, at }.into())
        }
    }
}

/// Writes the rows of a plan. `None`: that row stays as it is.
fn write_plan(
    session: &mut Session,
    sight: &Sight,
    plan: &Plan,
) -> Result<(Option<Written>, Option<Written>), Error> {
    let tables = match &sight.table {
        Ok(tables) => tables,
        Err(_) => return Ok((None, None)),
    };
    let main = match plan.edit.is_nothing(sight) {
        true => None,
        false => {
            // What cannot be read exactly may have changed unseen; where it is not written, it stays as it is.
            if let (Some(column), None) = (&sight.doubted, &plan.edit.then) {
                return Err(ReviewFault::Doubted { column: column.clone() }.into());
            }
            Some(write(session, tables, &plan.edit)?)
        }
    };
    let new = match &plan.new {
        None => None,
        Some(edit) => {
            expect_free(session, tables, &edit.key)?;
            Some(write(session, tables, edit)?)
        }
    };
    Ok((main, new))
}

/// Writes what the line says from now on, and the decision.
fn put_down(
    session: &mut Session,
    sight: &Sight,
    plan: &Plan,
    action: Action,
    (main, new): (Option<Written>, Option<Written>),
    followed: Vec<(TableName, u64)>,
    manner: &Manner,
) -> Result<Done, Error> {
    let (line, shape, at) = (&sight.line, &sight.shape, now());
    let json = |row: &RowImage| row_to_json(shape, row);
    let (log_id, after, overruled) = match main {
        Some(written) => (Some(written.log_id), written.row, written.overruled),
        None => {
            // Nothing has to travel, and still this is the centre's newest word on the row: the lab's edits from before it are older.
            ledger::log_decision(session, &line.head.table, &line.head.record_id, sight.now.is_some())?;
            (None, sight.now.clone(), Vec::new())
        }
    };
    let row_after = after.as_ref().map(json);
    let new_row = plan.new.as_ref().zip(new).and_then(|(edit, written)| made(edit, written));
    let in_words: Vec<String> = followed.iter().map(|(table, count)| format!("{table} {count}")).collect();
    ledger::record_decision(
        session,
        &Decision {
            conflict: line.head.id,
            action,
            by: manner.by.clone(),
            at,
            note: manner.note.clone(),
            row_before: sight.now.as_ref().map(json),
            row_after: row_after.clone(),
            log_id,
            new_row: new_row.as_ref().map(|(record_id, row, log_id)| NewRow {
                record_id: record_id.clone(),
                row: json(row),
                log_id: *log_id,
            }),
            followed: (!in_words.is_empty()).then(|| in_words.join(", ")),
            line_outcome: line.head.outcome,
            line_row: line.written_row.clone(),
        },
    )?;
    let update = LineUpdate {
        status: Status::Decided,
        outcome: plan.outcome,
        // Where the table is gone, the line goes on saying what stood in it.
        written_row: if sight.table.is_ok() { row_after.as_deref() } else { line.written_row.as_deref() },
        decided_by: Some(&manner.by),
        decided_at: Some(at),
        decision_note: manner.note.as_deref(),
    };
    ledger::update_line(session, line, &update)?;
    Ok(Done {
        id: line.head.id,
        action,
        site: line.head.site.clone(),
        shape: shape.clone(),
        record_id: line.head.record_id.clone(),
        before: sight.now.clone(),
        after,
        outcome: plan.outcome,
        is_edit: log_id.is_some() || new_row.is_some(),
        new: new_row.map(|(record_id, row, _)| (record_id, row)),
        followed,
        overruled,
    })
}

fn made(edit: &Edit, written: Written) -> Option<(String, RowImage, u64)> {
    Some((key_to_log(&edit.key), written.row?, written.log_id))
}
