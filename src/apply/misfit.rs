//! Why a table of a bundle does not fit the table here. Values only; what to do about each is said in `cli`.

use crate::db::Unshareable;
use crate::model::{ColumnKind, TableName};

/// A table of a bundle, and one reason why it cannot be written here as things are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("table {table}: {misfit}")]
pub struct TableMisfit {
    /// The table, as the bundle names it.
    pub table: TableName,
    /// The reason.
    pub misfit: Misfit,
}

/// One reason why a table of a bundle cannot be written here as things are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// It was dropped or renamed here, or never made.
    #[error("there is no such table here")]
    TableMissing {
        /// Whether it is on the list of the synced tables.
        is_shared: bool,
    },
    /// None has exactly this name, and several differ from it in letter case alone.
    #[error("it could be each of {}: only letter case tells them apart here", list(.found))]
    TableAmbiguous {
        /// Those tables.
        found: Vec<TableName>,
    },
    /// It is here and not on the list of the synced tables.
    #[error("it is not among the synced tables here")]
    TableNotShared {
        /// As it is spelt here.
        here: TableName,
    },
    /// It is here and cannot be synced as it is.
    #[error("it cannot be synced as it is here: {reason}")]
    TableUnshareable {
        /// Why.
        reason: Unshareable,
        /// The columns of the key that it has at the sender's.
        key: Vec<String>,
    },
    /// A column was dropped or renamed here, or added at the sender's.
    #[error("column {column} is not here")]
    ColumnMissing {
        /// The column.
        column: String,
        /// What it holds.
        kind: ColumnKind,
        /// Columns that are only here and hold the same: it may have become one of them.
        only_here: Vec<String>,
    },
    /// A column holds something else here.
    #[error("column {column} holds {there} in the bundle, and is {here} here")]
    ColumnHoldsOther {
        /// The column.
        column: String,
        /// What it holds in the bundle.
        there: ColumnKind,
        /// Its type here.
        here: String,
    },
    /// A row here is known by other columns than at the sender's.
    #[error("its primary key is ({}) in the bundle, and ({}) here", .there.join(", "), .here.join(", "))]
    KeyDiffers {
        /// The key's columns at the sender's.
        there: Vec<String>,
        /// The key's columns here.
        here: Vec<String>,
    },
    /// A column that is only here must be given a value, and the bundle has none.
    #[error("column {column} is only here, and a row cannot be made without a value for it")]
    ColumnNeeded {
        /// The column.
        column: String,
        /// What it holds.
        kind: ColumnKind,
    },
}

impl Misfit {
    /// The reason in one word that does not change, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Misfit::TableMissing { .. } => "table-missing",
            Misfit::TableAmbiguous { .. } => "table-ambiguous",
            Misfit::TableNotShared { .. } => "table-not-synced",
            Misfit::TableUnshareable { .. } => "table-unshareable",
            Misfit::ColumnMissing { .. } => "column-missing",
            Misfit::ColumnHoldsOther { .. } => "column-holds-other",
            Misfit::KeyDiffers { .. } => "key-differs",
            Misfit::ColumnNeeded { .. } => "column-needed",
        }
    }

    /// The column that it is about, where it is about one.
    pub fn column(&self) -> Option<&str> {
        match self {
            Misfit::ColumnMissing { column, .. }
            | Misfit::ColumnHoldsOther { column, .. }
            | Misfit::ColumnNeeded { column, .. } => Some(column),
            Misfit::TableMissing { .. }
            | Misfit::TableAmbiguous { .. }
            | Misfit::TableNotShared { .. }
            | Misfit::TableUnshareable { .. }
            | Misfit::KeyDiffers { .. } => None,
        }
    }
}

fn list(tables: &[TableName]) -> String {
    tables.iter().map(TableName::as_str).collect::<Vec<_>>().join(", ")
}
