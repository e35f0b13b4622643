//! Brings the columns of two edits of one row together, from the row that both were made on. Pure.

use crate::conflict::equal::same_value;
use crate::conflict::rules::Placed;
use crate::model::{RowImage, Stamp, TableShape, Value};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Merge {
    /// The centre's row with what the lab alone changed, and with sums; where both changed a column, the centre's value.
    pub(super) row: RowImage,
    /// The places of columns that both changed, each to something else.
    pub(super) clashes: Vec<usize>,
    /// Whether each side changed a column that the other did not.
    pub(super) joined: bool,
    /// Whether both sides' differences of a column were added.
    pub(super) counted: bool,
}

/// Who changed a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Nobody,
    Central,
    Lab,
    /// Both, to the same.
    Alike,
    Both,
}

/// Merges column by column. An error says in words why a sum cannot be written.
pub(super) fn merge(
    shape: &TableShape,
    rules: &Placed,
    before: &RowImage,
    central: &RowImage,
    lab: &RowImage,
) -> Result<Merge, String> {
    let mut merge = Merge { row: central.clone(), clashes: Vec::new(), joined: false, counted: false };
    let (mut by_central, mut by_lab) = (false, false);
    let mut block = Vec::new();
    let cells = shape.columns.iter().zip(&before.0).zip(central.0.iter().zip(&lab.0)).enumerate();
    for (at, ((column, before), (central, lab))) in cells {
        let same = |a, b| same_value(column.kind, a, b);
        let changed = match (same(before, central), same(before, lab)) {
            (true, true) => Changed::Nobody,
            (false, true) => Changed::Central,
            (true, false) => Changed::Lab,
            (false, false) if same(central, lab) => Changed::Alike,
            (false, false) => Changed::Both,
        };
        let value = match (changed, rules.limits_of(at)) {
            // The application's note of when it edited the row is the later of the two, and no disagreement.
            (Changed::Both, _) if rules.updated_at == Some(at) => Some(later(central, lab)),
            // Two who each took 3 took 6, though both are left with the same number.
            (Changed::Both | Changed::Alike, Some(limits)) => {
                merge.counted = true;
                let sum = limits.add(before, central, lab);
                Some(sum.map_err(|why| format!("{} {why}", column.name))?)
            }
            (Changed::Lab, Some(_)) => Some(lab.clone()),
            (_, Some(_)) => None,
            (Changed::Both, None) => {
                merge.clashes.push(at);
                None
            }
            (Changed::Lab, None) => Some(lab.clone()),
            (Changed::Nobody | Changed::Central | Changed::Alike, None) => None,
        };
        if rules.limits_of(at).is_none() && rules.updated_at != Some(at) && changed != Changed::Nobody {
            block.push(at);
        }
        by_central |= changed == Changed::Central;
        by_lab |= changed == Changed::Lab;
        if let (Some(cell), Some(value)) = (merge.row.0.get_mut(at), value) {
            *cell = value;
        }
    }
    merge.joined = by_central && by_lab;
    if !rules.merge {
        merge.keep_whole(shape, block, [before, central, lab]);
    }
    Ok(merge)
}

impl Merge {
    /// Where rows are not to be mixed: all columns of `block` belong together, and clash where both sides changed any.
    fn keep_whole(&mut self, shape: &TableShape, block: Vec<usize>, [before, central, lab]: [&RowImage; 3]) {
        let differs = |a: &RowImage, b: &RowImage| {
            block.iter().any(|&at| match (shape.columns.get(at), a.0.get(at), b.0.get(at)) {
                (Some(column), Some(a), Some(b)) => !same_value(column.kind, a, b),
                _ => false,
            })
        };
        self.joined = false;
        if differs(before, central) && differs(before, lab) && differs(central, lab) {
            for &at in &block {
                if let (Some(cell), Some(value)) = (self.row.0.get_mut(at), central.0.get(at)) {
                    *cell = value.clone();
                }
            }
            self.clashes = block;
        }
    }

    /// Gives these columns the lab's values.
    pub(super) fn take(&mut self, places: &[usize], lab: &RowImage) {
        for &at in places {
            if let (Some(cell), Some(value)) = (self.row.0.get_mut(at), lab.0.get(at)) {
                *cell = value.clone();
            }
        }
    }
}

/// What a lab wants of a row in all, where an edit of it waits and another one, made on `before`, comes after it: the columns
/// that it has edited since, as they are now, the others as they wait.
pub fn carry_on(
    shape: &TableShape,
    rules: &Placed,
    waiting: &RowImage,
    before: &RowImage,
    after: &RowImage,
) -> RowImage {
    let cells = shape.columns.iter().zip(&waiting.0).zip(before.0.iter().zip(&after.0)).enumerate();
    let values = cells.map(|(at, ((column, waiting), (before, after)))| {
        if same_value(column.kind, before, after) {
            return waiting.clone();
        }
        let sum = rules.limits_of(at).map(|limits| limits.add(before, waiting, after));
        sum.and_then(Result::ok).unwrap_or_else(|| after.clone())
    });
    RowImage(values.collect())
}

/// The later of two times; what is no time loses.
pub(super) fn later(a: &Value, b: &Value) -> Value {
    let time = |value: &Value| moment(value);
    if time(b) > time(a) { b.clone() } else { a.clone() }
}

/// The moment that a DATETIME or TIMESTAMP column holds.
pub(super) fn moment(value: &Value) -> Option<Stamp> {
    match value {
        Value::Text(text) => Stamp::from_sql(text).ok(),
        Value::Null | Value::Bytes(_) => None,
    }
}
