//! What a decision makes of rows: a conflict as it is and a choice in, edits out. Reads and writes nothing.

use crate::config::nearest;
use crate::conflict::{Kind, Mix, identical_row, same_row};
use crate::engine::review::fault::ReviewFault;
use crate::engine::review::sight::{Side, Sight, Tables};
use crate::ledger::{Action, Outcome};
use crate::model::{Op, RowImage, RowKey, Value, bytes_from_hex, key_to_log};

/// What a person chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// What the lab wants.
    Approve,
    /// What the centre wants.
    Reject,
    /// Something of both, or something else.
    Merge(Wanted),
}

/// Columns as a person names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those that the lab's edit decides.
    pub lab: Vec<String>,
    /// Those that are given a value; `None`: NULL.
    pub set: Vec<(String, Option<String>)>,
}

/// A row to be written: where there is none before, it is made; where there is none afterwards, it is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) key: RowKey,
    pub(super) now: Option<RowImage>,
    pub(super) then: Option<RowImage>,
}

/// What a decision makes of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The row in dispute.
    pub(super) edit: Edit,
    /// A row that is made beside it, from the lab's.
    pub(super) new: Option<Edit>,
    pub(super) outcome: Outcome,
}

impl Choice {
    /// The word under which it is remembered.
    pub fn action(&self) -> Action {
        match self {
            Choice::Approve => Action::Approve,
            Choice::Reject => Action::Reject,
            Choice::Merge(_) => Action::Merge,
        }
    }
}

/// What a choice makes of the row in dispute, and of a row beside it.
pub(super) fn plan(sight: &Sight, choice: &Choice) -> Result<Plan, ReviewFault> {
    let central = sight.central_wish();
    // A table that is gone has no row to write: the centre's stands, and the line can be closed.
    let tables = match (&sight.table, choice, &central) {
        (Ok(tables), ..) => tables,
        (Err(_), Choice::Reject, Ok(None)) => {
            let edit = Edit { key: RowKey(Vec::new()), now: None, then: None };
            return Ok(Plan { edit, new: None, outcome: Outcome::Central });
        }
        (Err(fault), ..) => return Err(fault.clone()),
    };
    let edit = |then| Edit { key: tables.key.clone(), now: sight.now.clone(), then };
    match choice {
        Choice::Reject => Ok(Plan { edit: edit(central?), new: None, outcome: Outcome::Central }),
        Choice::Approve => {
            expect_same_row(sight, tables)?;
            let then = sight.lab_wish()?;
            let outcome = if is_labs(sight, then.as_ref()) { Outcome::Lab } else { Outcome::Merged };
            Ok(Plan { edit: edit(then), new: None, outcome })
        }
        Choice::Merge(wanted) => {
            let mix = places(sight, tables, wanted)?;
            if has_new_key(sight, tables, &mix)? {
                let row = sight.dispute()?.under_another_key(&mix);
                let row = row.ok_or(ReviewFault::NothingToMix { why: "the lab has deleted its row" })?;
                let key = tables.known.shape.key_of(&row).unwrap_or(RowKey(Vec::new()));
                let new = Some(Edit { key, now: None, then: Some(row) });
                return Ok(Plan { edit: edit(central?), new, outcome: Outcome::Merged });
            }
            expect_same_row(sight, tables)?;
            if !mix.lab.is_empty() && sight.lab.row().is_none() {
                return Err(ReviewFault::NothingToMix {
                    why: "the lab has deleted its row, or it was not kept",
                });
            }
            let then = sight.dispute()?.mixed(&mix);
            let then = then.ok_or(ReviewFault::NothingToMix { why: "neither side has a row" })?;
            let outcome = match (is_labs(sight, Some(&then)), sight.central_wish()? == Some(then.clone())) {
                (_, true) => Outcome::Central,
                (true, false) => Outcome::Lab,
                (false, false) => Outcome::Merged,
            };
            Ok(Plan { edit: edit(Some(then)), new: None, outcome })
        }
    }
}

fn is_labs(sight: &Sight, then: Option<&RowImage>) -> bool {
    match (then, &sight.lab) {
        (Some(then), Side::Known(Some(lab))) => identical_row(&sight.shape, then, lab),
        (None, Side::Known(None)) => true,
        (None | Some(_), _) => false,
    }
}

/// Refuses to write one row of the lab over another row of it, whose key the collation here takes for the same.
fn expect_same_row(sight: &Sight, tables: &Tables) -> Result<(), ReviewFault> {
    let labs_key = sight.lab.row().and_then(|row| sight.shape.key_of(row));
    match labs_key {
        Some(key) if sight.line.head.kind == Kind::Unique && key != tables.key && sight.now.is_some() => {
            Err(ReviewFault::AnotherRow { id: sight.line.head.id, labs_key: key_to_log(&key) })
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether values were given for the key, which make the lab's row another one than the centre's.
fn has_new_key(sight: &Sight, tables: &Tables, mix: &Mix) -> Result<bool, ReviewFault> {
    let shape = &tables.known.shape;
    let is_other = |at: usize, value: &Value| {
        let own = shape.key.iter().position(|place| *place == at).and_then(|place| tables.key.0.get(place));
        own.is_some_and(|own| own != value)
    };
    let Some((at, _)) = mix.set.iter().find(|(at, value)| is_other(*at, value)) else {
        return Ok(false);
    };
    let column = shape.columns.get(*at).map(|column| column.name.clone()).unwrap_or_default();
    let is_made = match sight.line.head.kind {
        Kind::Exists | Kind::Unique => true,
        Kind::Changed | Kind::Missing | Kind::Orphan | Kind::Value => sight.line.head.op == Op::Insert,
    };
    if is_made { Ok(true) } else { Err(ReviewFault::KeyIsFixed { column }) }
}

/// The places of the columns that a person names, and the values in the spelling of their kinds.
fn places(sight: &Sight, tables: &Tables, wanted: &Wanted) -> Result<Mix, ReviewFault> {
    let shape = &tables.known.shape;
    let place = |name: &String| {
        let at = shape.columns.iter().position(|column| column.name.to_lowercase() == name.to_lowercase());
        at.ok_or_else(|| {
            let names: Vec<&str> = shape.columns.iter().map(|column| column.name.as_str()).collect();
            let near = nearest(name, &names).map(str::to_owned);
            ReviewFault::NoColumn { table: sight.line.head.table.clone(), column: name.clone(), near }
        })
    };
    let value = |at: usize, text: &Option<String>| {
        let column = shape.columns.get(at);
        Ok(match text {
            None => Value::Null,
            Some(text) if column.is_some_and(|column| column.kind.is_bytes()) => {
                let digits = text.strip_prefix("0x").unwrap_or(text);
                let column = || column.map(|column| column.name.clone()).unwrap_or_default();
                Value::Bytes(bytes_from_hex(digits).ok_or_else(|| ReviewFault::NotHex { column: column() })?)
            }
            Some(text) => Value::Text(text.clone()),
        })
    };
    let lab = wanted.lab.iter().map(place).collect::<Result<_, _>>()?;
    let set = wanted.set.iter().map(|(name, text)| {
        let at = place(name)?;
        Ok((at, value(at, text)?))
    });
    Ok(Mix { lab, set: set.collect::<Result<_, ReviewFault>>()? })
}

impl Edit {
    /// Whether it leaves the row as it is.
    pub(super) fn is_nothing(&self, sight: &Sight) -> bool {
        match (&self.now, &self.then) {
            (None, None) => true,
            (Some(now), Some(then)) => same_row(&sight.shape, now, then),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}
