//! Moves the keys of a lab that was used alone into the lab's own series, with everything that points to them.
//!
//! Such a lab has the keys 1, 2, 3, ... as every other has. The row with key n becomes the n-th of the lab's series.
//! All of it is one transaction, with the log that says so and the mark that it was done: a crash leaves all or nothing.

mod moves;
mod refusal;
mod work;

use crate::config::{AnswerCard, KeyFolder, Reference, Witness};
use crate::db::{Catalog, Session, load_layouts, load_outside_keys};
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::rekey::moves::{Layout, MovedColumn, TableMove, moves};
use crate::ledger::{self, BundleState};
use crate::model::{Series, Stamp, TableName};

pub use refusal::Refusal;
pub(super) use work::{Rekeyed, rekey};

/// What moving the keys would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RekeyPlan {
    /// These columns move.
    Due(Vec<ColumnMove>),
    /// They were moved already.
    Done(Stamp),
}

/// One column whose numbers move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMove {
    /// Its table.
    pub table: TableName,
    /// The column.
    pub column: String,
    /// Its type.
    pub column_type: String,
    /// Whether it holds the keys themselves, and not references to them.
    pub is_key: bool,
    /// How many numbers move.
    pub count: u64,
    /// The lowest and the highest of them.
    pub from: (u64, u64),
    /// What becomes of these two.
    pub to: (u64, u64),
}

/// Looks what moving the keys of `tables` into the series of the answer would do, and refuses what cannot be done.
/// Changes nothing.
pub(super) fn plan_rekey(
    home: &mut Home<'_>,
    catalog: &Catalog,
    tables: &[TableName],
    answer: &AnswerCard,
) -> Result<RekeyPlan, Error> {
    if let Some(done) = ledger::load_series(&mut home.session)?.rekeyed_at {
        return Ok(RekeyPlan::Done(done));
    }
    // Elsewhere the rows are known under their keys, or rows from elsewhere are here under theirs. A database that was
    // put back from a backup has forgotten that, and the witness beside the keys has not.
    let witness = Witness::open(&KeyFolder::new(&home.settings.state))?;
    let mut exchanged = witness.last(&answer.central.site).is_some();
    for state in [BundleState::Sealed, BundleState::Applied] {
        exchanged |= !ledger::bundles_of(&mut home.session, state)?.is_empty();
    }
    if exchanged {
        return Err(Refusal::Exchanged { site: home.site().clone() }.into());
    }
    let references = &home.settings.references;
    let session = &mut home.session;
    let mut columns = Vec::new();
    for one in find_moves(session, catalog, references, tables)? {
        columns.extend(look(session, &one, answer.series, Look::Free)?.columns);
    }
    Ok(RekeyPlan::Due(columns))
}

/// The columns that move, table by table.
fn find_moves(
    session: &mut Session,
    catalog: &Catalog,
    references: &[Reference],
    shared: &[TableName],
) -> Result<Vec<TableMove>, Error> {
    let (tables, outside) = (load_layouts(session)?, load_outside_keys(session)?);
    let foreign_keys = &catalog.foreign_keys;
    let layout = Layout { tables: &tables, foreign_keys, outside: &outside, references, shared };
    Ok(moves(&layout)?)
}

/// Whether the rows that are looked at stay as they are until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// They need not.
    Free,
    /// They do, and no row is added.
    Locked,
}

/// What a table holds.
struct Held {
    /// How many rows have a number that moves.
    rows: u64,
    /// The columns with numbers that move.
    columns: Vec<ColumnMove>,
}

/// Reads a table from end to end, and refuses what has no place.
fn look(session: &mut Session, one: &TableMove, series: Series, look: Look) -> Result<Held, Error> {
    let row = session.first(&work::look_sql(one, look))?;
    let row = row.ok_or(crate::db::Error::Unexpected { what: "no answer to a count".to_owned() })?;
    let rows: u64 = row.parse_optional(0)?.unwrap_or(0);
    if let Some(trigger) = one.triggers.first().filter(|_| rows > 0) {
        return Err(Refusal::Trigger { table: one.table.clone(), trigger: trigger.clone() }.into());
    }
    let mut columns = Vec::new();
    for (at, column) in one.columns.iter().enumerate() {
        let cell = |number: usize| 1 + at * work::CELLS + number;
        if let Some(lowest) = row.optional(cell(3)).filter(|_| column.counts_up) {
            let (table, key) = (one.table.clone(), lowest.to_owned());
            return Err(Refusal::BelowOne { table, column: column.name.clone(), key }.into());
        }
        let bounds = (row.parse_optional::<u64>(cell(1))?, row.parse_optional::<u64>(cell(2))?);
        if let (Some(lowest), Some(highest)) = bounds {
            let to = (place(one, column, lowest, series)?, place(one, column, highest, series)?);
            columns.push(ColumnMove {
                table: one.table.clone(),
                column: column.name.clone(),
                column_type: column.column_type.clone(),
                is_key: column.counts_up,
                count: row.parse(cell(0))?,
                from: (lowest, highest),
                to,
            });
        }
    }
    Ok(Held { rows, columns })
}

/// What becomes of a number, where the column can hold it.
fn place(one: &TableMove, column: &MovedColumn, highest: u64, series: Series) -> Result<u64, Refusal> {
    let (place, max) = (series.place(highest), column.max);
    u64::try_from(place).ok().filter(|place| *place <= max).ok_or_else(|| Refusal::NoRoom {
        table: one.table.clone(),
        column: column.name.clone(),
        column_type: column.column_type.clone(),
        highest,
        place,
        max,
    })
}
