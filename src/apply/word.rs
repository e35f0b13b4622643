//! The centre's word at a lab: final, except for a row on which the lab has changes that the centre has not seen.

use std::collections::{HashMap, HashSet};

use crate::apply::decide::{Decided, Verdict, record_id};
use crate::apply::error::Error;
use crate::apply::scene::Scene;
use crate::apply::succeed::bring_back;
use crate::conflict::{Kind, identical_row};
use crate::db::{self, Session, Table};
use crate::ledger::{self, Conflict, Outcome, Status};
use crate::model::{Change, RowImage, RowKey, Stamp, key_from_log, key_to_log, row_to_json};

/// How this lab stands to the words of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lab {
    /// Whether its rows of the table have had to do with the centre's before.
    pub(super) started: bool,
    /// The last batch of its own changes that the words take into account; `None`: its own changes of this table are
    /// never sent, so they do not count.
    pub(super) covered: Option<u64>,
    /// Where the centre has forgotten what this lab knows: of when its rows are.
    pub(super) brings_back: Option<Stamp>,
}

/// Decides what becomes of the centre's words about rows of one table. Locks the rows until the transaction ends.
///
/// A row that the lab has changed since is left alone: the centre will answer that change, and its answer ends the
/// matter. Whether it has is looked up after the row is locked: an application's write and its log row commit together,
/// so nothing slips in between.
pub(super) fn take_words(
    session: &mut Session,
    scene: &Scene<'_>,
    table: &Table,
    changes: Vec<Change>,
    lab: Lab,
) -> Result<(Vec<Decided>, Vec<Change>), Error> {
    let keys: Vec<RowKey> =
        changes.iter().map(|change| change.key(&table.shape).unwrap_or(RowKey(Vec::new()))).collect();
    let canonicals = db::canonical_keys(session, table, &keys)?;
    let mut rows = db::rows_by_key(session, table, &keys, &canonicals, true)?;
    let mut seen = HashSet::with_capacity(changes.len());
    let (mut first, mut later) = (Vec::with_capacity(changes.len()), Vec::new());
    for ((change, key), canonical) in changes.into_iter().zip(keys).zip(canonicals) {
        if !seen.insert(canonical.clone()) {
            later.push(change);
            continue;
        }
        let current = rows.remove(&canonical);
        let exists = current.is_some();
        let verdict = if is_so(table, &change, current.as_ref()) {
            Verdict::AlreadyThere
        } else {
            Verdict::Write(None)
        };
        first.push(Decided { change, sent: None, key, canonical, current, exists, verdict, joins: None });
    }
    let own = match lab.covered {
        Some(covered) => OwnChanges::read(session, table, &first, covered)?,
        None => OwnChanges::default(),
    };
    for one in &mut first {
        if own.names(table, one) {
            one.verdict = Verdict::Defer;
        } else if let Some(key) = own.gone.get(&one.canonical) {
            // Under the spelling that the log has, so that the answer to it is recognized.
            one.key = key.clone();
            one.verdict = Verdict::Defer;
        }
    }
    match lab {
        Lab { started: true, covered: Some(_), brings_back: Some(time) } => {
            bring_back(session, table, &mut first, time)?;
        }
        Lab { started: true, covered: None, brings_back: Some(_) } => {
            put_down(scene, table, &mut first, "rule: direction = down, and the centre was put back");
        }
        Lab { started: true, .. } => {}
        Lab { started: false, covered: Some(_), .. } => expect_agreed(session, table, &first)?,
        Lab { started: false, covered: None, .. } => {
            put_down_adopted(session, scene, table, &mut first)?;
        }
    }
    Ok((first, later))
}

fn is_so(table: &Table, word: &Change, current: Option<&RowImage>) -> bool {
    match (word.after(), current) {
        (Some(after), Some(current)) => identical_row(&table.shape, after, current),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The rows among some that this lab has changed since the centre last saw them.
#[derive(Default)]
struct OwnChanges {
    record_ids: HashSet<String>,
    /// Where a collation has a say, rows that were deleted here, in the form that it makes of their keys: the centre
    /// may spell them otherwise.
    gone: HashMap<Vec<u8>, RowKey>,
}

impl OwnChanges {
    fn read(session: &mut Session, table: &Table, words: &[Decided], covered: u64) -> Result<Self, Error> {
        let ids = spellings(table, words);
        let record_ids = ledger::own_changes(session, &table.shape.name, &ids, covered)?;
        let mut gone = HashMap::new();
        if table.key_details().any(|detail| detail.is_collated()) {
            let keys: Vec<RowKey> = ledger::own_deletes(session, &table.shape.name, covered)?
                .iter()
                .filter_map(|record_id| key_from_log(&table.shape, record_id))
                .collect();
            for chunk in keys.chunks(500) {
                let canonicals = db::canonical_keys(session, table, chunk)?;
                gone.extend(canonicals.into_iter().zip(chunk.iter().cloned()));
            }
        }
        Ok(OwnChanges { record_ids, gone })
    }

    fn names(&self, table: &Table, word: &Decided) -> bool {
        self.record_ids.contains(&key_to_log(&word.key))
            || self.record_ids.contains(&record_id(table, &word.key, word.current.as_ref()))
    }
}

/// How the log may spell the keys of these rows: as the centre does, and as the row here does.
fn spellings(table: &Table, words: &[Decided]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::with_capacity(words.len());
    for one in words {
        let theirs = key_to_log(&one.key);
        let own = record_id(table, &one.key, one.current.as_ref());
        if own != theirs {
            ids.push(own);
        }
        ids.push(theirs);
    }
    ids
}

/// Before its first snapshot a lab's rows have nothing to do with the centre's. One that the centre was never told
/// of must not be overwritten or deleted unseen.
fn expect_agreed(session: &mut Session, table: &Table, words: &[Decided]) -> Result<(), Error> {
    let ids = in_danger(table, words);
    let told = ledger::own_changes(session, &table.shape.name, &ids, 0)?;
    none_unseen(table, ids, &told)
}

/// The same for a table whose changes only come down: the centre will never be told of its rows. Those that were
/// adopted are put down here, in this lab's own `conflict_log`, and make way.
fn put_down_adopted(
    session: &mut Session,
    scene: &Scene<'_>,
    table: &Table,
    words: &mut [Decided],
) -> Result<(), Error> {
    let ids = in_danger(table, words);
    let adopted = ledger::logged_here(session, &table.shape.name, &ids)?;
    none_unseen(table, ids, &adopted)?;
    put_down(scene, table, words, "rule: direction = down");
    Ok(())
}

/// Puts the rows that make way into this lab's own `conflict_log`.
fn put_down(scene: &Scene<'_>, table: &Table, words: &mut [Decided], rule: &str) {
    for one in words {
        if let (Verdict::Write(conflict), Some(current)) = (&mut one.verdict, &one.current) {
            *conflict = Some(Box::new(Conflict {
                site: scene.here.clone(),
                table: table.shape.name.clone(),
                record_id: record_id(table, &one.key, Some(current)),
                kind: Kind::Exists,
                op: one.change.op(),
                before_row: None,
                central_row: one.change.after().map(|row| row_to_json(&table.shape, row)),
                lab_row: Some(row_to_json(&table.shape, current)),
                central_time: Some(one.change.time()),
                lab_time: None,
                clock_note: None,
                status: Status::Decided,
                outcome: Outcome::Central,
                written_row: one.change.after().map(|row| row_to_json(&table.shape, row)),
                decided_by: Some(rule.to_owned()),
                note: None,
                bundle: scene.bundle.clone(),
            }));
        }
    }
}

/// The rows here that the words would overwrite or delete.
fn in_danger(table: &Table, words: &[Decided]) -> Vec<String> {
    let overwritten =
        words.iter().filter(|one| matches!(one.verdict, Verdict::Write(_)) && one.current.is_some());
    overwritten.map(|one| record_id(table, &one.key, one.current.as_ref())).collect()
}

fn none_unseen(table: &Table, ids: Vec<String>, known: &HashSet<String>) -> Result<(), Error> {
    match ids.into_iter().find(|id| !known.contains(id)) {
        Some(record_id) => Err(Error::NeverSent { table: table.shape.name.clone(), record: record_id }),
        None => Ok(()),
    }
}
