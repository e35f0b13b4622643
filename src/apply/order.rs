//! A row that is to be written, and why one cannot be.

use crate::conflict::Kind;
use crate::db::{self, Class};
use crate::model::{Op, RowImage, RowKey};

/// One row to write.
#[derive(Clone)]
pub(super) struct Order<'a> {
    /// Its place in the batch.
    pub(super) at: usize,
    pub(super) key: RowKey,
    /// The row; `None` deletes it.
    pub(super) row: Option<&'a RowImage>,
    /// Whether the key was seen to exist, under a lock.
    pub(super) exists: bool,
    /// The row as it is here, where that is known.
    pub(super) current: Option<&'a RowImage>,
}

impl Order<'_> {
    /// What is done to the row.
    pub(super) fn op(&self) -> Op {
        match (self.row, self.exists) {
            (None, _) => Op::Delete,
            (Some(_), true) => Op::Update,
            (Some(_), false) => Op::Insert,
        }
    }
}

/// A row that cannot be written.
pub(super) struct Refusal {
    /// Its place in the batch.
    pub(super) at: usize,
    pub(super) kind: Kind,
    /// Why, in the database's own words where it has any.
    pub(super) note: String,
}

impl Refusal {
    pub(super) fn new(at: usize, error: &db::Error) -> Self {
        let kind = match error.class() {
            Some(Class::ForeignKey) => Kind::Orphan,
            Some(Class::Duplicate) => Kind::Unique,
            Some(_) | None => Kind::Value,
        };
        Refusal { at, kind, note: error.cause().unwrap_or_default() }
    }
}
