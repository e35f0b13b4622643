//! The centre's word at a lab: final, except for a row on which the lab has changes that the centre has not seen.

use std::collections::{HashMap, HashSet};

use crate::apply::decide::{Decided, Verdict, record_id};
use crate::apply::error::Error;
use crate::conflict::identical_row;
use crate::db::{self, Session, Table};
use crate::ledger;
use crate::model::{Change, RowImage, RowKey, key_from_log, key_to_log};

/// Decides what becomes of the centre's words about rows of one table. Locks the rows until the transaction ends.
///
/// `covered` is the last batch of this lab's own changes that the words take into account; `None`: its own changes of
/// this table are never sent, so they do not count. A row that the lab has
/// changed since is left alone: the centre will answer that change, and its answer ends the matter. Whether it has
/// is looked up after the row is locked: an application's write and its log row commit together, so nothing slips
/// in between.
pub(super) fn take_words(
    session: &mut Session,
    table: &Table,
    changes: Vec<Change>,
    started: bool,
    covered: Option<u64>,
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
        first.push(Decided { change, key, canonical, current, exists, verdict });
    }
    let own = match covered {
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
    if !started {
        expect_agreed(session, table, &first)?;
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
    let in_danger: Vec<&Decided> = words
        .iter()
        .filter(|one| matches!(one.verdict, Verdict::Write(_)) && one.current.is_some())
        .collect();
    let ids: Vec<String> =
        in_danger.iter().map(|one| record_id(table, &one.key, one.current.as_ref())).collect();
    let told = ledger::own_changes(session, &table.shape.name, &ids, 0)?;
    match ids.into_iter().find(|id| !told.contains(id)) {
        Some(record_id) => Err(Error::NeverSent { table: table.shape.name.clone(), record: record_id }),
        None => Ok(()),
    }
}
