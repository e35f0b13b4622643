//! Words of the centre that a lab could not follow: tried again after each import, in a transaction of their own.
//!
//! What becomes of one depends on the lab's own changes of the row since the word was sealed. One that the centre
//! has not confirmed: wait. One that it has confirmed: the word is answered, for the centre decided with that
//! change before it, and either the row is here as the centre has it or a later word has taken this one's place. None:
//! the change was taken back before it was sealed, or another row was in the way, and the word is tried.

use std::collections::{BTreeMap, HashMap};

use crate::apply::error::Error;
use crate::apply::record::{Keeping, hash_of};
use crate::apply::run::Run;
use crate::apply::scene::Side;
use crate::apply::transaction::{Context, new_run, outside_settings};
use crate::db::{self, Session, Table};
use crate::ledger::{self, Kept};
use crate::model::{
    Change, Column, ColumnKind, Op, RowKey, Site, StreamId, TableName, TableShape, key_from_log,
    row_from_json,
};
use crate::monitor::{Monitor, Step};

/// What came of the words that were kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retried {
    /// Followed now.
    pub followed: u64,
    /// Answered by the centre in the meantime, and forgotten.
    pub answered: u64,
    /// Still kept.
    pub left: u64,
}

/// Tries the kept words again. `central` is whose words they are.
pub fn retry_kept(
    session: &mut Session,
    outside: Option<&mut Session>,
    central: &Site,
    context: &Context<'_>,
    monitor: &dyn Monitor,
) -> Result<Retried, Error> {
    let outcome = in_transaction(session, outside, central, context, monitor);
    if outcome.is_err() {
        let _ = session.execute("ROLLBACK");
    }
    outcome
}

fn in_transaction(
    session: &mut Session,
    outside: Option<&mut Session>,
    central: &Site,
    context: &Context<'_>,
    monitor: &dyn Monitor,
) -> Result<Retried, Error> {
    let before = ledger::kept_count(session)?;
    if before == 0 {
        return Ok(Retried::default());
    }
    session.silence_triggers()?;
    session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    session.execute("START TRANSACTION")?;
    let outside = outside_settings(outside)?;
    let mut run = new_run(session, outside, central, String::new(), context, monitor);
    run.keeping = Keeping::Old;
    if let Side::Lab { covered, .. } = &mut run.scene.side {
        let (from, to) = (context.here.clone(), central.clone());
        let own = StreamId { from, incarnation: context.incarnation, to };
        *covered = ledger::confirmed_batch(run.session, &own)?;
    }
    let mut answered = 0;
    for op in [Op::Delete, Op::Update] {
        for table in run.in_rank_order(op) {
            answered += run.retry_table(&table, op)?;
        }
    }
    run.replay_last()?;
    run.set_right()?;
    let left = ledger::kept_count(session)?;
    monitor.step(Step::RetryWritten);
    session.execute(if context.dry_run { "ROLLBACK" } else { "COMMIT" })?;
    Ok(Retried { followed: before.saturating_sub(left + answered), answered, left })
}

impl Run<'_> {
    /// Every shared table, for deletes children first, else parents first.
    pub(super) fn in_rank_order(&self, op: Op) -> Vec<TableName> {
        let mut tables: Vec<TableName> = self.ranks.keys().cloned().collect();
        tables.sort_by_key(|name| self.ranks.get(name).copied());
        if op == Op::Delete {
            tables.reverse();
        }
        tables
    }

    /// Tries the words on rows of one table. Returns how many were answered in the meantime.
    fn retry_table(&mut self, name: &TableName, op: Op) -> Result<u64, Error> {
        let Some(table) = self.scene.catalog.tables.get(name).cloned() else {
            return Ok(0);
        };
        let (mut after, mut answered) = (String::new(), 0);
        loop {
            let words = ledger::kept_words(self.session, name, &after)?;
            let Some(last) = words.last() else {
                return Ok(answered);
            };
            after = last.row_hash.clone();
            let words: Vec<Kept> =
                words.into_iter().filter(|one| (op == Op::Delete) == one.row.is_none()).collect();
            let (due, old) = self.due_words(&table, words)?;
            answered += old.len() as u64;
            ledger::forget_words(self.session, name, &old)?;
            // A word may have other columns than the table has by now, so each set of columns is a batch of its own.
            let mut batches: HashMap<Vec<String>, (TableShape, Vec<Change>)> = HashMap::new();
            for word in due {
                if let Some((shape, change)) = to_change(&table, &word) {
                    let names = shape.columns.iter().map(|column| column.name.clone()).collect();
                    batches.entry(names).or_insert_with(|| (shape, Vec::new())).1.push(change);
                }
            }
            for (shape, changes) in batches.into_values() {
                self.batch(&shape, changes)?;
                // What does not fit the table stays kept, and nothing else waits for it.
                self.held.clear();
                self.replay()?;
            }
        }
    }

    /// The words to be tried, and the hashes of those that were answered.
    fn due_words(&mut self, table: &Table, words: Vec<Kept>) -> Result<(Vec<Kept>, Vec<String>), Error> {
        let Side::Lab { covered, .. } = self.scene.side else {
            return Ok((Vec::new(), Vec::new()));
        };
        let own = self.own_batches(table, &words)?;
        let (mut due, mut answered) = (Vec::new(), Vec::new());
        for word in words {
            match own.get(&word.row_hash) {
                Some(None) => {}
                Some(Some(batch)) if *batch > covered => {}
                Some(Some(batch)) if *batch > word.covered_batch => answered.push(word.row_hash),
                Some(Some(_)) | None => due.push(word),
            }
        }
        Ok((due, answered))
    }

    /// The last batch of this lab's own changes of the rows that the words speak of, by the rows' hashes; `None`: one is
    /// not sealed yet.
    fn own_batches(&mut self, table: &Table, words: &[Kept]) -> Result<HashMap<String, Option<u64>>, Error> {
        let name = &table.shape.name;
        if !table.key_details().any(|detail| detail.is_collated()) {
            let ids: Vec<String> = words.iter().map(|one| one.record_id.clone()).collect();
            let by_id = ledger::last_own_batches(self.session, name, &ids)?;
            let found =
                words.iter().filter_map(|word| Some((word.row_hash.clone(), *by_id.get(&word.record_id)?)));
            return Ok(found.collect());
        }
        // The row may have been changed since under another spelling of its key, by which the word does not know it.
        let Some(covered_by_all) = words.iter().map(|word| word.covered_batch).min() else {
            return Ok(HashMap::new());
        };
        let own = ledger::own_batches_after(self.session, name, covered_by_all)?;
        let own: Vec<(RowKey, Option<u64>)> = own
            .into_iter()
            .filter_map(|(id, batch)| Some((key_from_log(&table.shape, &id)?, batch)))
            .collect();
        let mut found: HashMap<String, Option<u64>> = HashMap::new();
        for chunk in own.chunks(500) {
            let keys: Vec<RowKey> = chunk.iter().map(|(key, _)| key.clone()).collect();
            let canonicals = db::canonical_keys(self.session, table, &keys)?;
            for (canonical, (_, batch)) in canonicals.iter().zip(chunk) {
                let last = found.entry(hash_of(canonical)).or_insert(*batch);
                *last = last.zip(*batch).map(|(one, other)| one.max(other));
            }
        }
        Ok(found)
    }
}

/// A kept word as a change again, with the shape of the columns that it has. `None` where its key cannot be read any more.
fn to_change(table: &Table, word: &Kept) -> Option<(TableShape, Change)> {
    let Some(row) = &word.row else {
        let key = key_from_log(&table.shape, &word.record_id)?;
        return Some((table.shape.clone(), Change::Delete { key, before: None, time: word.time }));
    };
    let shape = shape_of(table, row)?;
    let after = row_from_json(&shape, row).ok()?;
    Some((shape, Change::Update { before: None, after, time: word.time }))
}

/// The shape of a row as the ledger keeps it, which may have other columns than the table has by now. `None` where it is no row,
/// or has no key.
pub(super) fn shape_of(table: &Table, row: &str) -> Option<TableShape> {
    let fields: BTreeMap<String, serde_json::Value> = serde_json::from_str(row).ok()?;
    let known = table.shape.columns.iter().filter(|column| fields.contains_key(&column.name)).cloned();
    // What a column held that is gone by now nobody knows; as text it is left out like any column that is not here.
    let is_gone = |name: &&String| table.shape.columns.iter().all(|column| column.name != **name);
    let gone =
        fields.keys().filter(is_gone).map(|name| Column { name: name.clone(), kind: ColumnKind::Text });
    let columns: Vec<Column> = known.chain(gone).collect();
    let key = table.shape.key_columns().map(|key| columns.iter().position(|column| column.name == key.name));
    let key = key.collect::<Option<Vec<usize>>>()?;
    Some(TableShape { name: table.shape.name.clone(), columns, key })
}
