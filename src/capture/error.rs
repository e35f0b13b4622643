//! Why changes could not be captured.

use std::io;

use crate::db;
use crate::model::TableName;

/// Why changes could not be captured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database refused.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A temporary file could not be written or read.
    #[error("cannot use the folder for temporary files")]
    Spool(#[from] io::Error),
    /// The application's `sync_log` has something that packmule cannot work with.
    #[error("the table sync_log that is already there cannot be extended: {why}")]
    ForeignLog {
        /// What stands in the way.
        why: String,
        /// A statement that removes it, to copy.
        remedy: String,
    },
    /// The account may not create or replace triggers.
    #[error("cannot create a trigger on table {table}")]
    Trigger {
        /// The table.
        table: TableName,
        /// What the server said.
        source: db::Error,
    },
    /// Another process sealed some of the same log rows.
    #[error("the log rows to seal were changed by somebody else in the meantime")]
    StampedElsewhere,
}

impl Error {
    /// Whether the same again, later, may succeed without anybody's help.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Database(error) | Error::Trigger { source: error, .. } => error.may_pass(),
            Error::StampedElsewhere => true,
            Error::Spool(_) | Error::ForeignLog { .. } => false,
        }
    }
}
