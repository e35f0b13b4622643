//! Decides every change of a batch: what the row here is, what the rules say. Reads, but writes nothing.

use std::collections::HashMap;

use crate::apply::error::Error;
use crate::apply::scene::{Scene, Side};
use crate::apply::verdict::{Met, verdict};
use crate::apply::waiting::{Joins, join};
use crate::apply::word::{Lab, take_words};
use crate::conflict::{Finding, Placed, detect};
use crate::db::{self, Session, Table};
use crate::ledger::{self, Conflict};
use crate::model::{Change, RowImage, RowKey, key_to_log};

/// One change of a batch with what was found and decided.
pub(super) struct Decided {
    pub(super) change: Change,
    /// The change as it was sent, where `change` is what the rules made of it.
    pub(super) sent: Option<Change>,
    pub(super) key: RowKey,
    /// The form of its key by which equal keys are one.
    pub(super) canonical: Vec<u8>,
    /// The row here that the change was compared with; locked.
    pub(super) current: Option<RowImage>,
    /// Whether there is a row now: a trigger of the application may have made or deleted it on the way.
    pub(super) exists: bool,
    pub(super) verdict: Verdict,
    /// The conflict that waits on this row, where the change has to do with it.
    pub(super) joins: Option<Joins>,
}

impl Decided {
    /// Whether it is a change that waited because it did not fit, tried again.
    pub(super) fn is_again(&self) -> bool {
        self.joins.as_ref().is_some_and(|joins| joins.is_again)
    }

    /// The change as it was sent.
    pub(super) fn into_sent(self) -> Change {
        self.sent.unwrap_or(self.change)
    }
}

/// What becomes of a change.
pub(super) enum Verdict {
    /// The row is already so.
    AlreadyThere,
    /// Write it; with a conflict that was decided for the lab, where there was one.
    Write(Option<Box<Conflict>>),
    /// Leave the row here as it is; the conflict says why.
    Keep(Box<Conflict>),
    /// Leave the row here as it is until the centre has answered this lab's own changes of it.
    Defer,
}

/// Decides a batch. Rows are locked until the transaction ends, so a decision stays true.
///
/// Changes of one and the same row are handed back undecided: they are decided after the first is written.
/// `outside` is another connection, for a table that triggers write: it still sees the rows as they were before us.
pub(super) fn decide(
    session: &mut Session,
    outside: Option<&mut Session>,
    scene: &Scene<'_>,
    table: &Table,
    changes: Vec<Change>,
) -> Result<(Vec<Decided>, Vec<Change>), Error> {
    let changes = with_moved_keys_apart(session, table, changes)?;
    if let Side::Lab { started, covered, down_only, succession } = scene.side {
        let name = &table.shape.name;
        let covered = (!down_only.contains(name)).then_some(covered);
        let started = started.contains(name);
        let brings_back = succession.and_then(|one| one.brings_back).filter(|_| started);
        return take_words(session, scene, table, changes, Lab { started, covered, brings_back });
    }
    let keys: Vec<RowKey> =
        changes.iter().map(|change| change.key(&table.shape).unwrap_or(RowKey(Vec::new()))).collect();
    let canonicals = db::canonical_keys(session, table, &keys)?;
    let mut rows = db::rows_by_key(session, table, &keys, &canonicals, true)?;
    let mut committed = match outside {
        Some(outside) => Some(db::rows_by_key(outside, table, &keys, &canonicals, false)?),
        None => None,
    };
    let rules = placed(scene, table);
    let mut seen = std::collections::HashSet::with_capacity(changes.len());
    let (mut first, mut later) = (Vec::with_capacity(changes.len()), Vec::new());
    for ((change, key), canonical) in changes.into_iter().zip(keys).zip(canonicals) {
        if !seen.insert(canonical.clone()) {
            later.push(change);
            continue;
        }
        let row = rows.remove(&canonical);
        let exists = row.is_some();
        let was = committed.as_mut().map(|committed| committed.remove(&canonical));
        first.push(Found { change, sent: None, key, canonical, now: row, was, exists, joins: None });
    }
    if scene.past.has_waiting {
        join(session, scene, table, &mut first)?;
    }
    if let Some(lines) = scene.parked.get(&table.shape.name) {
        for one in &mut first {
            one.joins = lines.get(&one.canonical).map(Joins::again);
        }
    }
    let found: Vec<(Found, Option<RowImage>, Finding)> =
        first.into_iter().map(|found| found.look(table, &rules)).collect();
    let unsure: Vec<String> = found
        .iter()
        .filter(|(.., finding)| matches!(finding, Finding::BaseUnknown | Finding::Conflict(_)))
        .map(|(found, current, _)| record_id(table, &found.key, current.as_ref()))
        .collect();
    let histories = match unsure.is_empty() {
        true => HashMap::new(),
        false => {
            ledger::row_histories(session, &table.shape.name, &unsure, scene.sender, scene.past.confirmed)?
        }
    };
    let decided = found.into_iter().map(|(found, current, finding)| {
        let history = histories.get(&record_id(table, &found.key, current.as_ref()));
        let met = Met { scene, table, rules: &rules, current: current.as_ref(), finding, history };
        let (verdict, replaced) = verdict(&met, &found);
        let Found { change, sent, key, canonical, exists, joins, .. } = found;
        match replaced {
            None => Decided { change, sent, key, canonical, current, exists, verdict, joins },
            Some(merged) => {
                let key = merged.key(&table.shape).unwrap_or(key);
                let sent = Some(sent.unwrap_or(change));
                Decided { change: merged, sent, key, canonical, current, exists, verdict, joins }
            }
        }
    });
    Ok((decided.collect(), later))
}

/// The rules of a table, by the places of the columns that the bundle brings.
fn placed(scene: &Scene<'_>, table: &Table) -> Placed {
    let types: Vec<&str> = table.details.iter().map(|detail| detail.column_type.as_str()).collect();
    let rules = match scene.side {
        Side::Central { rules, .. } => rules.get(&table.shape.name).cloned(),
        Side::Lab { .. } => None,
    };
    rules.unwrap_or_default().place(&table.shape, &types)
}

/// Turns an update of which only the lab thinks that it keeps its row into the two changes that it is here.
///
/// Where the lab's key column takes `A` for `a`, an edit from one to the other is an update there; where it tells them apart, the
/// row of the old key would stay for ever.
fn with_moved_keys_apart(
    session: &mut Session,
    table: &Table,
    changes: Vec<Change>,
) -> Result<Vec<Change>, Error> {
    let moved = |change: &Change| {
        let old = table.shape.key_of(change.before()?)?;
        let new = table.shape.key_of(change.after()?)?;
        (old != new).then_some([old, new])
    };
    let keys: Vec<RowKey> = changes.iter().filter_map(moved).flatten().collect();
    if keys.is_empty() {
        return Ok(changes);
    }
    let canonicals = db::canonical_keys(session, table, &keys)?;
    let mut apart = canonicals.chunks(2).map(|pair| pair.first() != pair.last());
    let mut split = Vec::with_capacity(changes.len());
    for change in changes {
        let old_key = moved(&change).filter(|_| apart.next() == Some(true)).map(|[old, _]| old);
        match (old_key, change) {
            (Some(key), Change::Update { before, after, time }) => {
                split.push(Change::Delete { key, before, time });
                split.push(Change::Insert { after, time });
            }
            (_, change) => split.push(change),
        }
    }
    Ok(split)
}

/// A change and the row that it meets.
pub(super) struct Found {
    pub(super) change: Change,
    /// As it was sent, where `change` goes on from an earlier one.
    pub(super) sent: Option<Change>,
    pub(super) key: RowKey,
    canonical: Vec<u8>,
    /// The row as it is now.
    pub(super) now: Option<RowImage>,
    /// The row as it was before this transaction, where triggers of the application may have changed it since.
    was: Option<Option<RowImage>>,
    exists: bool,
    pub(super) joins: Option<Joins>,
}

impl Found {
    /// How the change fits the row that it is to be compared with.
    fn look(mut self, table: &Table, rules: &Placed) -> (Found, Option<RowImage>, Finding) {
        let row = self.now.take();
        let finding = detect(&table.shape, rules, &self.change, row.as_ref());
        let (current, finding) = match self.was.take() {
            Some(before) => {
                let fits = detect(&table.shape, rules, &self.change, before.as_ref());
                look_behind_triggers((row, finding), (before, fits))
            }
            None => (row, finding),
        };
        (self, current, finding)
    }
}

/// Chooses between the row as it is now and as it was before this transaction, each with its finding.
///
/// Writing one table may fire a trigger of the application that writes another one, whose rows the bundle brings
/// as well. What such a trigger did is nobody's edit: neither a conflict, nor a reason to forget what it overwrote.
fn look_behind_triggers(
    now: (Option<RowImage>, Finding),
    before: (Option<RowImage>, Finding),
) -> (Option<RowImage>, Finding) {
    match (now.1, before.1) {
        // What an earlier bundle of the same transaction wrote shows only now.
        (Finding::Clean, _) | (Finding::AlreadyThere, Finding::Clean | Finding::AlreadyThere) => now,
        (
            Finding::AlreadyThere | Finding::BaseUnknown | Finding::Conflict(_),
            Finding::AlreadyThere | Finding::Clean | Finding::BaseUnknown | Finding::Conflict(_),
        ) => before,
    }
}

/// The text under which the log knows a row: the row's own spelling of its key where it is here.
pub(super) fn record_id(table: &Table, key: &RowKey, current: Option<&RowImage>) -> String {
    let own = current.and_then(|row| table.shape.key_of(row));
    key_to_log(own.as_ref().unwrap_or(key))
}
