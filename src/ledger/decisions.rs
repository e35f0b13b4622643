//! What people decided of conflicts, for good: each decision, and each that was taken back.

use std::fmt;
use std::str::FromStr;

use crate::db::{self, Row, Session, sql};
use crate::ledger::conflicts::{Outcome, Status};
use crate::ledger::error::Error;
use crate::ledger::here::stamp;
use crate::ledger::lines::Line;
use crate::model::{Stamp, TableName};

/// What a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Took what the lab wants.
    Approve,
    /// Took what the centre wants.
    Reject,
    /// Took something of both, or something else.
    Merge,
    /// Took a decision back.
    Reopen,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The line of `conflict_log`.
    pub conflict: u64,
    /// What was done.
    pub action: Action,
    /// Who did it.
    pub by: String,
    /// When.
    pub at: Stamp,
    /// What was said with it.
    pub note: Option<String>,
    /// The row before.
    pub row_before: Option<String>,
    /// The row afterwards.
    pub row_after: Option<String>,
    /// The log row that tells the labs; `None`: the row did not change, and there is nothing to tell.
    pub log_id: Option<u64>,
    /// A row that was made beside it, under another key: its key, the row, and its log row.
    pub new_row: Option<NewRow>,
    /// Rows that followed by a foreign key, in words; `None`: none did.
    pub followed: Option<String>,
    /// Whose row the line said stood before.
    pub line_outcome: Outcome,
    /// The row that the line said stood before.
    pub line_row: Option<String>,
}

/// A row that a decision made beside the one in dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRow {
    /// Its key, as `sync_log` spells it.
    pub record_id: String,
    /// The row.
    pub row: String,
    /// The log row that tells the labs.
    pub log_id: u64,
}

impl Action {
    const WORDS: [(Action, &'static str); 4] = [
        (Action::Approve, "approve"),
        (Action::Reject, "reject"),
        (Action::Merge, "merge"),
        (Action::Reopen, "reopen"),
    ];
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::WORDS.iter().find(|(action, _)| action == self).map_or("", |(_, word)| word))
    }
}

impl FromStr for Action {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::WORDS.iter().find(|(_, word)| *word == text).map(|(action, _)| *action).ok_or(())
    }
}

/// Writes a decision, in the transaction that is open.
pub fn record_decision(session: &mut Session, decision: &Decision) -> Result<(), Error> {
    let text = |text: Option<&str>| sql::text_or_null(text);
    let number = |number: Option<u64>| number.map_or("NULL".to_owned(), |number| number.to_string());
    let new = decision.new_row.as_ref();
    session.execute(&format!(
        "INSERT INTO packmule_decision (conflict, action, decided_by, decided_at, note, log_id, new_record, new_log_id, \
         followed, line_outcome) VALUES ({}, '{}', {}, {}, {}, {}, {}, {}, {}, '{}')",
        decision.conflict,
        decision.action,
        sql::text(&decision.by),
        sql::text(&decision.at.to_sql()),
        text(decision.note.as_deref()),
        number(decision.log_id),
        text(new.map(|new| new.record_id.as_str())),
        number(new.map(|new| new.log_id)),
        text(decision.followed.as_deref()),
        decision.line_outcome.word(),
    ))?;
    let id = session.last_insert_id();
    // A row may fill a statement, so each has one of its own.
    for (column, row) in [
        ("row_before", decision.row_before.as_deref()),
        ("row_after", decision.row_after.as_deref()),
        ("line_row", decision.line_row.as_deref()),
        ("new_row", new.map(|new| new.row.as_str())),
    ] {
        if let Some(row) = row {
            let row = sql::text(row);
            session.execute(&format!("UPDATE packmule_decision SET {column} = {row} WHERE id = {id}"))?;
        }
    }
    Ok(())
}

/// Every decision on a line, in order.
pub fn decisions_of(session: &mut Session, conflict: u64) -> Result<Vec<Decision>, Error> {
    let query = format!(
        "SELECT conflict, action, decided_by, decided_at, note, row_before, row_after, log_id, new_record, new_row, \
         new_log_id, followed, line_outcome, line_row FROM packmule_decision WHERE conflict = {conflict} ORDER BY id"
    );
    session.rows(&query)?.iter().map(|row| Ok(decision(row)?)).collect()
}

fn decision(row: &Row) -> Result<Decision, db::Error> {
    let text = |at: usize| row.optional(at).map(str::to_owned);
    let odd = |()| db::Error::Unexpected { what: "an unknown word in packmule_decision".to_owned() };
    let new_row = match (text(8), text(9), row.parse_optional(10)?) {
        (Some(record_id), Some(row), Some(log_id)) => Some(NewRow { record_id, row, log_id }),
        _ => None,
    };
    Ok(Decision {
        conflict: row.parse(0)?,
        action: row.text(1)?.parse().map_err(odd)?,
        by: row.text(2)?.to_owned(),
        at: stamp(row.text(3)?)?,
        note: text(4),
        row_before: text(5),
        row_after: text(6),
        log_id: row.parse_optional(7)?,
        new_row,
        followed: text(11),
        line_outcome: row.text(12)?.parse().map_err(odd)?,
        line_row: text(13),
    })
}

/// What a line of `conflict_log` says from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineUpdate<'a> {
    /// Whether a person is still to look.
    pub status: Status,
    /// Whose row stands.
    pub outcome: Outcome,
    /// The row that stands.
    pub written_row: Option<&'a str>,
    /// Who decided.
    pub decided_by: Option<&'a str>,
    /// When.
    pub decided_at: Option<Stamp>,
    /// What was said with it.
    pub decision_note: Option<&'a str>,
}

/// Writes what a line says from now on, in the transaction that is open.
pub fn update_line(session: &mut Session, line: &Line, update: &LineUpdate<'_>) -> Result<(), Error> {
    let id = line.head.id;
    session.execute(&format!(
        "UPDATE conflict_log SET status = '{}', outcome = '{}', decided_by = {}, decided_at = {}, decision_note = {} \
         WHERE id = {id}",
        update.status.word(),
        update.outcome.word(),
        sql::text_or_null(update.decided_by),
        sql::text_or_null(update.decided_at.map(Stamp::to_sql).as_deref()),
        sql::text_or_null(update.decision_note),
    ))?;
    if line.written_row.as_deref() != update.written_row {
        let row = sql::text_or_null(update.written_row);
        session.execute(&format!("UPDATE conflict_log SET written_row = {row} WHERE id = {id}"))?;
    }
    Ok(())
}

/// The number of the last row of the log, in the transaction that is open.
pub fn last_log_id(session: &mut Session) -> Result<u64, Error> {
    let row = session.first("SELECT COALESCE(MAX(id), 0) FROM sync_log")?.ok_or(Error::NotSetUp)?;
    Ok(row.parse(0)?)
}

/// Logs a decision that leaves the row as it is: it says when the centre last had a word on it, and no bundle carries it.
pub fn log_decision(
    session: &mut Session,
    table: &TableName,
    record_id: &str,
    has_row: bool,
) -> Result<(), Error> {
    let action = if has_row { "UPDATE" } else { "DELETE" };
    session.execute(&format!(
        "INSERT INTO sync_log (table_name, record_id, action, batch) VALUES ({}, {}, '{action}', 0)",
        sql::text(table.as_str()),
        sql::text(record_id)
    ))?;
    Ok(())
}

/// What was logged of a table as edits made here after the log row `after`, and is in no bundle yet: number and key of each.
pub fn logged_after(
    session: &mut Session,
    table: &TableName,
    after: u64,
) -> Result<Vec<(u64, String)>, Error> {
    let query = format!(
        "SELECT id, record_id FROM sync_log FORCE INDEX (PRIMARY) WHERE id > {after} AND table_name = {} \
         AND origin IS NULL AND batch IS NULL ORDER BY id",
        sql::text(table.as_str())
    );
    session.rows(&query)?.iter().map(|row| Ok((row.parse(0)?, row.text(1)?.to_owned()))).collect()
}

/// Where a log row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPlace {
    /// In no bundle.
    Unsealed,
    /// In these bundles, by their file names; or in some that nobody knows any more.
    Sealed(Vec<String>),
    /// It is not in the log any more: it was confirmed long ago.
    Pruned,
}

/// Says whether bundles carry a log row. No seal changes that until the transaction ends.
pub fn log_place(session: &mut Session, id: u64) -> Result<LogPlace, Error> {
    let row = session.first(&format!("SELECT batch FROM sync_log WHERE id = {id} FOR UPDATE"))?;
    let Some(row) = row else {
        return Ok(LogPlace::Pruned);
    };
    let Some(batch) = row.parse_optional::<u64>(0)?.filter(|batch| *batch > 0) else {
        return Ok(LogPlace::Unsealed);
    };
    let query = format!(
        "SELECT from_site, to_site, incarnation, seq FROM packmule_bundle WHERE batch = {batch} AND state = 'sealed' \
         ORDER BY to_site, seq LIMIT 20"
    );
    let name = |row: &Row| {
        let incarnation: String = row.text(2)?.chars().take(8).collect();
        Ok(format!("{}.{}.{incarnation}.{:010}.mule", row.text(0)?, row.text(1)?, row.parse::<u64>(3)?))
    };
    let names: Result<Vec<String>, db::Error> = session.rows(&query)?.iter().map(name).collect();
    Ok(LogPlace::Sealed(names?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_read_back_as_written() {
        for (action, word) in Action::WORDS {
            assert_eq!(action.to_string(), word);
            assert_eq!(word.parse(), Ok(action));
        }
    }
}
