//! Why a decision cannot be made as it was asked for. Nothing has changed then.

use crate::conflict::Kind;
use crate::ledger::Action;
use crate::model::{Stamp, TableName};

/// Why a decision cannot be made as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewFault {
    /// There is no such conflict.
    #[error("there is no conflict {id}")]
    NoSuch {
        /// Its number.
        id: u64,
    },
    /// A person has decided it.
    #[error("conflict {id} is decided")]
    DecidedByPerson {
        /// Its number.
        id: u64,
        /// What was decided.
        action: Action,
        /// By whom.
        by: String,
        /// When.
        at: Stamp,
    },
    /// Nobody has decided it, so there is nothing to take back.
    #[error("conflict {id} is open")]
    IsOpen {
        /// Its number.
        id: u64,
    },
    /// A rule has decided it, which is overturned rather than taken back.
    #[error("conflict {id} was decided by a rule")]
    ByRule {
        /// Its number.
        id: u64,
        /// The rule.
        rule: String,
    },
    /// The table is not there any more, or not synced, or has another key.
    #[error("table {table} is not what it was when the conflict was met")]
    TableChanged {
        /// The table.
        table: TableName,
        /// What is different.
        why: String,
    },
    /// A row of the line was too long to be kept, or cannot be read any more.
    #[error("conflict {id} does not have the row that this needs")]
    RowNotKept {
        /// Its number.
        id: u64,
        /// Whose row.
        whose: &'static str,
    },
    /// The lab's row is another one than the centre's of this key: the collation takes both keys for one.
    #[error("the two rows of conflict {id} are not one row")]
    AnotherRow {
        /// Its number.
        id: u64,
        /// The key of the lab's row.
        labs_key: String,
    },
    /// Something stands under the key that the lab's row was to get.
    #[error("there is a row {record} in table {table} already")]
    KeyTaken {
        /// The table.
        table: TableName,
        /// The key.
        record: String,
    },
    /// A key was given where the lab did not make the row.
    #[error("column {column} is of the key, and the lab did not make this row")]
    KeyIsFixed {
        /// The column.
        column: String,
    },
    /// There is no such column.
    #[error("there is no column {column} in table {table}")]
    NoColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// One with nearly the same name.
        near: Option<String>,
    },
    /// A value for a column of bytes is not written in hexadecimal digits.
    #[error("column {column} holds bytes")]
    NotHex {
        /// The column.
        column: String,
    },
    /// There is no row from which one could be put together.
    #[error("nothing can be put together: {why}")]
    NothingToMix {
        /// Why.
        why: &'static str,
    },
    /// The database refuses the row.
    #[error("the database refuses the row")]
    Refused {
        /// What stands in the way.
        kind: Kind,
        /// Its own words.
        words: String,
    },
    /// The database would keep something else.
    #[error("column {column} would not hold what was asked for")]
    Altered {
        /// The column; empty: the row as a whole.
        column: String,
        /// What was asked for.
        wanted: String,
        /// What it would hold.
        found: String,
    },
    /// A text of the row cannot be read exactly, so it cannot be told whether it is the one that was shown.
    #[error("column {column} of this row cannot be read exactly")]
    Doubted {
        /// The column.
        column: String,
    },
    /// The triggers did not see the edit, so no lab would hear of it.
    #[error("the edit would not be logged, and no lab would hear of it")]
    NotLogged {
        /// The table.
        table: TableName,
    },
    /// Bundles carry the decision to the labs already.
    #[error("the decision on conflict {id} is on its way to the labs")]
    Sent {
        /// Its number.
        id: u64,
        /// The bundles; empty: nobody knows any more which.
        bundles: Vec<String>,
    },
    /// The row was edited since it was decided.
    #[error("the row was edited since conflict {id} was decided")]
    EditedSince {
        /// Its number.
        id: u64,
    },
    /// Other rows followed the decision by a foreign key, and would not come back.
    #[error("other rows followed the decision on conflict {id}")]
    Followed {
        /// Its number.
        id: u64,
        /// Which, in words.
        rows: String,
    },
}

impl ReviewFault {
    /// What it says, with the database's own words where it has any.
    pub fn told(&self) -> String {
        if let ReviewFault::Refused { words, .. } | ReviewFault::TableChanged { why: words, .. } = self {
            return format!("{self}: {words}");
        }
        if let ReviewFault::Altered { wanted, found, .. } = self {
            return format!("{self}: {found} instead of {wanted}");
        }
        self.to_string()
    }
}
