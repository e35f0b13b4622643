//! A decision is taken back while no bundle carries it: the row becomes what it was, and the line waits again.

use crate::db::{self, Session};
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::review::decide::{Decided, Done, Manner, in_transaction};
use crate::engine::review::fault::ReviewFault;
use crate::engine::review::plan::Edit;
use crate::engine::review::sight::{Ground, Sight, Tables, look};
use crate::engine::review::write::{expect_free, write};
use crate::engine::sites::expect_central;
use crate::ledger::{self, Action, Decision, LineUpdate, LogPlace, Status};
use crate::model::{RowImage, RowKey, key_from_log, row_from_json, row_to_json};
use crate::monitor::Step;

/// Takes the last decision on a conflict back.
pub fn reopen(home: &mut Home<'_>, id: u64, manner: &Manner) -> Result<Decided, Error> {
    expect_central(home)?;
    let ground = Ground::read(home)?;
    let mut session = home.connect()?;
    reopen_with(home, &mut session, &ground, id, manner)
}

/// The same on a session and with tables that are at hand already.
pub(super) fn reopen_with(
    home: &Home<'_>,
    session: &mut Session,
    ground: &Ground,
    id: u64,
    manner: &Manner,
) -> Result<Decided, Error> {
    let work = |session: &mut Session| reopen_once(home, session, ground, id, manner);
    in_transaction(home, session, work, |decided| matches!(decided, Decided::Done(_)) && !manner.dry_run)
}

fn reopen_once(
    home: &Home<'_>,
    session: &mut Session,
    ground: &Ground,
    id: u64,
    manner: &Manner,
) -> Result<Decided, Error> {
    let line = ledger::find_line(session, id, true)?.ok_or(ReviewFault::NoSuch { id })?;
    let sight = look(session, ground, vec![line], true)?.pop().ok_or(ReviewFault::NoSuch { id })?;
    home.monitor.step(Step::DecideLocked);
    let last = ledger::decisions_of(session, id)?.pop();
    let decision = match (sight.decider(), last) {
        (None, _) => return Err(ReviewFault::IsOpen { id }.into()),
        (Some(_), Some(last)) if last.action != Action::Reopen => last,
        (Some(rule), _) => return Err(ReviewFault::ByRule { id, rule: rule.to_owned() }.into()),
    };
    expect_unsent(session, &decision)?;
    let before = match decision.log_id {
        None => sight.now.clone(),
        Some(_) => put_back(session, &sight, &decision)?,
    };
    take_away(session, &sight, &decision)?;
    home.monitor.step(Step::DecideRowWritten);
    put_down(session, &sight, &decision, before.as_ref(), manner)?;
    home.monitor.step(Step::DecideLineWritten);
    Ok(Decided::Done(Box::new(Done {
        id,
        action: Action::Reopen,
        site: sight.line.head.site.clone(),
        shape: sight.shape.clone(),
        record_id: sight.line.head.record_id.clone(),
        before: sight.now.clone(),
        after: before,
        outcome: decision.line_outcome,
        is_edit: decision.log_id.is_some() || decision.new_row.is_some(),
        new: None,
        followed: Vec::new(),
        overruled: Vec::new(),
    })))
}

/// Refuses to take back what labs hear of, or what other rows have followed.
fn expect_unsent(session: &mut Session, decision: &Decision) -> Result<(), Error> {
    let id = decision.conflict;
    let new = decision.new_row.as_ref().map(|new| new.log_id);
    for log_id in decision.log_id.into_iter().chain(new) {
        match ledger::log_place(session, log_id)? {
            LogPlace::Unsealed => {}
            LogPlace::Sealed(bundles) => return Err(ReviewFault::Sent { id, bundles }.into()),
            LogPlace::Pruned => return Err(ReviewFault::Sent { id, bundles: Vec::new() }.into()),
        }
    }
    match &decision.followed {
        None => Ok(()),
        Some(rows) => Err(ReviewFault::Followed { id, rows: rows.clone() }.into()),
    }
}

/// Makes the row what it was before the decision. Returns it.
fn put_back(session: &mut Session, sight: &Sight, decision: &Decision) -> Result<Option<RowImage>, Error> {
    let tables = sight.table.as_ref().map_err(Clone::clone)?;
    let id = decision.conflict;
    if !sight.is_now(row(sight, id, decision.row_after.as_deref())?.as_ref()) {
        return Err(ReviewFault::EditedSince { id }.into());
    }
    let then = row(sight, id, decision.row_before.as_deref())?;
    let edit = Edit { key: tables.key.clone(), now: sight.now.clone(), then };
    if edit.is_nothing(sight) {
        return Ok(sight.now.clone());
    }
    Ok(write(session, tables, &edit)?.row)
}

/// Deletes the row that the decision made beside the one in dispute.
fn take_away(session: &mut Session, sight: &Sight, decision: &Decision) -> Result<(), Error> {
    let Some(new) = &decision.new_row else {
        return Ok(());
    };
    let (tables, id) = (sight.table.as_ref().map_err(Clone::clone)?, decision.conflict);
    let key = key_from_log(&tables.known.shape, &new.record_id);
    let key = key.ok_or(ReviewFault::EditedSince { id })?;
    let found = read_row(session, tables, &key)?;
    let wanted = row(sight, id, Some(&new.row))?;
    if found.is_none() || found != wanted {
        return Err(ReviewFault::EditedSince { id }.into());
    }
    write(session, tables, &Edit { key: key.clone(), now: found, then: None })?;
    expect_free(session, tables, &key)
}

fn read_row(session: &mut Session, tables: &Tables, key: &RowKey) -> Result<Option<RowImage>, Error> {
    let found = db::read_rows(session, &tables.known, std::slice::from_ref(key), true)?;
    Ok(found.into_iter().next().map(|keyed| keyed.row))
}

fn row(sight: &Sight, id: u64, text: Option<&str>) -> Result<Option<RowImage>, ReviewFault> {
    let read = |text| {
        row_from_json(&sight.shape, text).map_err(|_| ReviewFault::RowNotKept { id, whose: "the decision's" })
    };
    text.map(read).transpose()
}

/// The line waits again, as it did before the decision.
fn put_down(
    session: &mut Session,
    sight: &Sight,
    decision: &Decision,
    before: Option<&RowImage>,
    manner: &Manner,
) -> Result<(), Error> {
    let json = |row: &RowImage| row_to_json(&sight.shape, row);
    ledger::record_decision(
        session,
        &Decision {
            conflict: decision.conflict,
            action: Action::Reopen,
            by: manner.by.clone(),
            at: now(),
            note: manner.note.clone(),
            row_before: sight.now.as_ref().map(json),
            row_after: before.map(json),
            log_id: None,
            new_row: None,
            followed: None,
            line_outcome: sight.line.head.outcome,
            line_row: sight.line.written_row.clone(),
        },
    )?;
    let update = LineUpdate {
        status: Status::Open,
        outcome: decision.line_outcome,
        written_row: decision.line_row.as_deref(),
        decided_by: None,
        decided_at: None,
        decision_note: None,
    };
    Ok(ledger::update_line(session, &sight.line, &update)?)
}
