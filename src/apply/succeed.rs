//! At a lab: the centre's database was put back from a backup and goes on under a new history.
//!
//! It may have forgotten edits that this lab was told of: its own, and those of other labs. Rows that the snapshot has otherwise than
//! they are here are therefore not overwritten. They are logged as if an application had edited them here, at the time of
//! the last thing that the lab heard of the history that is over, so they reach the centre and meet what it holds by the usual rules.

use crate::apply::decide::{Decided, Verdict, record_id};
use crate::apply::error::Error;
use crate::apply::receipt::own_stream;
use crate::apply::scene::Side;
use crate::apply::transaction::{Context, Part};
use crate::db::{Session, Table};
use crate::ledger::{self, LoggedRow};
use crate::model::{Incarnation, Op, Stamp, StreamId};

/// What the first snapshot of a history is to a lab that knows the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// Of when, by this lab's clock, its rows are as the centre had them; `None`: the centre has forgotten nothing that this lab knows.
    pub brings_back: Option<Stamp>,
    /// The histories that it follows: bundles of theirs that come late say nothing new.
    pub ended: Vec<Incarnation>,
}

/// Follows the new history, in the transaction that is open: before the receipt is taken, because it may go back.
pub(super) fn succeed(
    session: &mut Session,
    stream: &StreamId,
    parts: &[Part<'_>],
    context: &Context<'_>,
) -> Result<(), Error> {
    let Side::Lab { succession: Some(succession), .. } = context.side else {
        return Ok(());
    };
    for incarnation in &succession.ended {
        let ended = StreamId { incarnation: *incarnation, ..stream.clone() };
        ledger::freeze_stream(session, &ended, "another history follows it")?;
    }
    let own = own_stream(stream, context);
    let receipt = parts.first().and_then(|part| part.receipt);
    let has = receipt.filter(|receipt| receipt.incarnation == own.incarnation).map(|receipt| receipt.seq);
    Ok(ledger::follow_history(session, &own, stream, has)?)
}

/// Logs the rows that the words would overwrite or delete, as edits made here, and lets the words wait for the answer.
pub(super) fn bring_back(
    session: &mut Session,
    table: &Table,
    words: &mut [Decided],
    time: Stamp,
) -> Result<(), Error> {
    let mut rows = Vec::new();
    for one in words.iter_mut().filter(|one| matches!(one.verdict, Verdict::Write(_))) {
        let op = match (&one.current, one.change.after()) {
            (Some(_), Some(_)) => Op::Update,
            (Some(_), None) => Op::Insert,
            (None, _) => Op::Delete,
        };
        rows.push(LoggedRow { record_id: record_id(table, &one.key, one.current.as_ref()), op, time });
        one.verdict = Verdict::Defer;
    }
    Ok(ledger::log_rows(session, &table.shape.name, &rows, None)?)
}
