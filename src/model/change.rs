//! A change: the net difference of one row between two seals.

use std::fmt;
use std::ops::AddAssign;

use crate::model::{RowImage, RowKey, Stamp, TableShape};

/// What happened to a row between two seals of its site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The row was not there at the seal before, and is now.
    Insert {
        /// The row as it is now.
        after: RowImage,
        /// When it was last edited.
        time: Stamp,
    },
    /// The row was there and is another now.
    Update {
        /// The row at the seal before; `None` when only an application logged the edit.
        before: Option<RowImage>,
        /// The row as it is now.
        after: RowImage,
        /// When it was last edited.
        time: Stamp,
    },
    /// The row was there and is gone.
    Delete {
        /// The key of the row that is gone.
        key: RowKey,
        /// The row at the seal before; `None` when only an application logged the edit.
        before: Option<RowImage>,
        /// When it was deleted.
        time: Stamp,
    },
}

impl Change {
    /// Which of the three it is.
    pub fn op(&self) -> Op {
        match self {
            Change::Insert { .. } => Op::Insert,
            Change::Update { .. } => Op::Update,
            Change::Delete { .. } => Op::Delete,
        }
    }

    /// The row afterwards; `None` for a delete.
    pub fn after(&self) -> Option<&RowImage> {
        match self {
            Change::Insert { after, .. } | Change::Update { after, .. } => Some(after),
            Change::Delete { .. } => None,
        }
    }

    /// The row before, where the sender knew it; `None` for an insert.
    pub fn before(&self) -> Option<&RowImage> {
        match self {
            Change::Insert { .. } => None,
            Change::Update { before, .. } | Change::Delete { before, .. } => before.as_ref(),
        }
    }

    /// When the row was last edited, by the sender's clock.
    pub fn time(&self) -> Stamp {
        match self {
            Change::Insert { time, .. } | Change::Update { time, .. } | Change::Delete { time, .. } => *time,
        }
    }

    /// The same change at another time.
    pub fn at(mut self, moment: Stamp) -> Self {
        match &mut self {
            Change::Insert { time, .. } | Change::Update { time, .. } | Change::Delete { time, .. } => {
                *time = moment
            }
        }
        self
    }

    /// The key of the row. `None` where the row has fewer columns than the shape.
    pub fn key(&self, shape: &TableShape) -> Option<RowKey> {
        match self {
            Change::Insert { after, .. } | Change::Update { after, .. } => shape.key_of(after),
            Change::Delete { key, .. } => Some(key.clone()),
        }
    }

    /// How much memory its rows take, in bytes; used to bound chunks.
    pub fn size_bytes(&self) -> usize {
        let before = self.before().map_or(0, RowImage::size_bytes);
        let key = match self {
            Change::Delete { key, .. } => key.0.iter().map(crate::model::Value::size_bytes).sum(),
            Change::Insert { .. } | Change::Update { .. } => 0,
        };
        before + key + self.after().map_or(0, RowImage::size_bytes)
    }
}

/// What a change does to its row, with the spelling that `sync_log.action` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// A new row.
    Insert,
    /// Another content.
    Update,
    /// No row any more.
    Delete,
}

impl Op {
    /// `INSERT`, `UPDATE` or `DELETE`.
    pub fn as_sql(self) -> &'static str {
        match self {
            Op::Insert => "INSERT",
            Op::Update => "UPDATE",
            Op::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Insert => "insert",
            Op::Update => "update",
            Op::Delete => "delete",
        })
    }
}

/// How many changes of each sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChangeCounts {
    /// New rows.
    pub inserts: u64,
    /// Changed rows.
    pub updates: u64,
    /// Deleted rows.
    pub deletes: u64,
}

impl ChangeCounts {
    /// Counts one more.
    pub fn add(&mut self, op: Op) {
        match op {
            Op::Insert => self.inserts += 1,
            Op::Update => self.updates += 1,
            Op::Delete => self.deletes += 1,
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.inserts + self.updates + self.deletes
    }
}

impl AddAssign for ChangeCounts {
    fn add_assign(&mut self, other: Self) {
        self.inserts += other.inserts;
        self.updates += other.updates;
        self.deletes += other.deletes;
    }
}
