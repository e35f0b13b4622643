//! What the centre notes of a lab beside the rows, for people: what the lab works with, and how many changes it brought on a day.

use std::collections::{BTreeMap, HashMap};

use crate::apply::error::Error;
use crate::apply::scene::Side;
use crate::apply::transaction::Context;
use crate::bundle::{PROGRAM_SETTING, PayloadHead, SERVER_SETTING, about_from_setting};
use crate::db::Session;
use crate::ledger::{self, LabWords};
use crate::model::{Change, ChangeCounts, Seq, StreamId, TableName};

/// The changes of the bundles that are applied together, counted in two ways.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// By bundle.
    pub(super) by_bundle: HashMap<Seq, ChangeCounts>,
    /// By table, as the sender calls it.
    by_table: BTreeMap<TableName, ChangeCounts>,
}

impl Counted {
    /// Counts some changes of one table.
    pub(super) fn add(&mut self, seq: Seq, table: &TableName, changes: &[Change]) {
        let mut counts = ChangeCounts::default();
        changes.iter().for_each(|change| counts.add(change.op()));
        *self.by_bundle.entry(seq).or_default() += counts;
        match self.by_table.get_mut(table) {
            Some(known) => *known += counts,
            None => drop(self.by_table.insert(table.clone(), counts)),
        }
    }

    /// All of them.
    pub(super) fn total(&self) -> ChangeCounts {
        let mut total = ChangeCounts::default();
        self.by_bundle.values().for_each(|one| total += *one);
        total
    }
}

/// Writes at the centre what the newest of the bundles says of the lab, and what they brought. Two statements, however many rows there were.
///
/// A dry run writes none: it would be rolled back, and a dry run may not make tables that are not there yet.
pub(super) fn write_remarks(
    session: &mut Session,
    stream: &StreamId,
    newest: Option<&PayloadHead>,
    counted: &Counted,
    context: &Context<'_>,
) -> Result<(), Error> {
    match (context.side, newest) {
        (Side::Central { .. }, Some(head)) if !context.dry_run => {
            ledger::record_lab(session, stream, &words(head), context.now)?;
            let mut here: BTreeMap<&TableName, ChangeCounts> = BTreeMap::new();
            for (table, counts) in &counted.by_table {
                // What is not a table here was left out by a person; its name is only the lab's word.
                if let Some(table) = context.catalog.shareable(table) {
                    *here.entry(table).or_default() += *counts;
                }
            }
            Ok(ledger::add_to_day(session, &stream.from, context.now, &here)?)
        }
        (Side::Central { .. } | Side::Lab { .. }, _) => Ok(()),
    }
}

fn words(head: &PayloadHead) -> LabWords {
    let said = |name: &str, chars_max| about_from_setting(head.settings.get(name)?, chars_max);
    LabWords {
        program: said(PROGRAM_SETTING, ledger::PROGRAM_CHARS_MAX),
        server: said(SERVER_SETTING, ledger::SERVER_CHARS_MAX),
        clock_ahead_ms: head.clock_offset_ms,
    }
}
