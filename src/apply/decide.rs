//! Decides every change of a batch: what the row here is, what the rules say. Reads, but writes nothing.

use std::collections::HashMap;

use crate::apply::error::Error;
use crate::apply::run::Scene;
use crate::conflict::{Clock, Decision, Finding, Kind, decide_by_last_edit, detect};
use crate::db::{self, Session, Table};
use crate::ledger::{self, Conflict, Outcome, RowTime, Status};
use crate::model::{Change, RowImage, RowKey, key_to_log, row_to_json};

/// One change of a batch with what was found and decided.
pub(super) struct Decided {
    pub(super) change: Change,
    pub(super) key: RowKey,
    /// The row as it is here, locked.
    pub(super) current: Option<RowImage>,
    pub(super) verdict: Verdict,
}

/// What becomes of a change.
pub(super) enum Verdict {
    /// The row is already so.
    AlreadyThere,
    /// Write it; with a conflict that was decided for the lab, where there was one.
    Write(Option<Box<Conflict>>),
    /// Leave the row here as it is; the conflict says why.
    Keep(Box<Conflict>),
}

/// Decides a batch. Rows are locked until the transaction ends, so a decision stays true.
///
/// Changes of one and the same row are handed back undecided: they are decided after the first is written.
pub(super) fn decide(
    session: &mut Session,
    scene: &Scene<'_>,
    table: &Table,
    changes: Vec<Change>,
) -> Result<(Vec<Decided>, Vec<Change>), Error> {
    let keys: Vec<RowKey> =
        changes.iter().map(|change| change.key(&table.shape).unwrap_or(RowKey(Vec::new()))).collect();
    let canonicals = db::canonical_keys(session, table, &keys)?;
    let mut rows = db::rows_by_key(session, table, &keys, &canonicals, true)?;
    let mut seen = std::collections::HashSet::with_capacity(changes.len());
    let (mut first, mut later) = (Vec::with_capacity(changes.len()), Vec::new());
    for ((change, key), canonical) in changes.into_iter().zip(keys).zip(canonicals) {
        if !seen.insert(canonical.clone()) {
            later.push(change);
            continue;
        }
        let current = rows.remove(&canonical);
        let finding = detect(&table.shape, &change, current.as_ref());
        first.push((change, key, current, finding));
    }
    let unsure: Vec<String> = first
        .iter()
        .filter(|(.., finding)| matches!(finding, Finding::BaseUnknown | Finding::Conflict(_)))
        .map(|(_, key, current, _)| record_id(table, key, current.as_ref()))
        .collect();
    let times = match unsure.is_empty() {
        true => HashMap::new(),
        false => ledger::newest_times(session, &table.shape.name, &unsure)?,
    };
    let decided = first.into_iter().map(|(change, key, current, finding)| {
        let newest = times.get(&record_id(table, &key, current.as_ref()));
        let verdict = verdict(scene, table, &change, &key, current.as_ref(), finding, newest);
        Decided { change, key, current, verdict }
    });
    Ok((decided.collect(), later))
}

/// The text under which the log knows a row: the row's own spelling of its key where it is here.
fn record_id(table: &Table, key: &RowKey, current: Option<&RowImage>) -> String {
    let own = current.and_then(|row| table.shape.key_of(row));
    key_to_log(own.as_ref().unwrap_or(key))
}

fn verdict(
    scene: &Scene<'_>,
    table: &Table,
    change: &Change,
    key: &RowKey,
    current: Option<&RowImage>,
    finding: Finding,
    newest: Option<&RowTime>,
) -> Verdict {
    let kind = match finding {
        Finding::AlreadyThere => return Verdict::AlreadyThere,
        Finding::Clean => return Verdict::Write(None),
        Finding::BaseUnknown => match newest {
            // What the lab itself sent last, or nobody ever changed, is what it based its change on.
            None => return Verdict::Write(None),
            Some(newest) if newest.origin.as_ref() == Some(scene.lab) => return Verdict::Write(None),
            Some(_) if current.is_none() => Kind::Missing,
            Some(_) => Kind::Changed,
        },
        Finding::Conflict(kind) => kind,
    };
    let clock = Clock {
        central: newest.map_or(scene.installed_at, |newest| newest.time),
        is_edit: newest.is_some(),
        now: scene.now,
    };
    let last_editor = newest.and_then(|newest| newest.origin.as_ref()).unwrap_or(scene.here);
    let decision = decide_by_last_edit(scene.lab, change.time(), last_editor, clock);
    let mut conflict = describe(scene, table, change, key, current, kind);
    conflict.central_time = newest.map(|newest| newest.time);
    match decision {
        Decision::Lab => {
            conflict.outcome = Outcome::Lab;
            Verdict::Write(Some(Box::new(conflict)))
        }
        Decision::Central => Verdict::Keep(Box::new(conflict)),
        Decision::Review { why } => {
            conflict.status = Status::Open;
            conflict.decided_by = None;
            conflict.clock_note = Some(why);
            Verdict::Keep(Box::new(conflict))
        }
    }
}

/// A conflict decided for the centre by the rule; the caller changes what is otherwise.
pub(super) fn describe(
    scene: &Scene<'_>,
    table: &Table,
    change: &Change,
    key: &RowKey,
    current: Option<&RowImage>,
    kind: Kind,
) -> Conflict {
    let json = |row: &RowImage| row_to_json(&table.shape, row);
    Conflict {
        site: scene.lab.clone(),
        table: table.shape.name.clone(),
        record_id: record_id(table, key, current),
        kind,
        op: change.op(),
        before_row: change.before().map(json),
        central_row: current.map(json),
        lab_row: change.after().map(json),
        central_time: None,
        lab_time: Some(change.time()),
        clock_note: None,
        status: Status::Decided,
        outcome: Outcome::Central,
        decided_by: Some("rule: last-edit-wins".to_owned()),
        note: None,
        bundle: scene.bundle.clone(),
    }
}
