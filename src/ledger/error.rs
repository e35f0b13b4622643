//! Why the ledger could not be read or written.

use crate::db;

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database refused.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// This database has not been set up.
    #[error("this database is not set up for packmule")]
    NotSetUp,
    /// The database is set up for another site.
    #[error("this database belongs to site {found}, not to {wanted}")]
    OtherSite {
        /// Whose it is.
        found: String,
        /// Who asked.
        wanted: String,
    },
    /// The application's `conflict_log` has something that packmule cannot work with.
    #[error("the table conflict_log that is already there cannot be extended: {why}")]
    ForeignConflictLog {
        /// What stands in the way.
        why: String,
        /// A statement that removes it, to copy.
        remedy: String,
    },
}

impl Error {
    /// Whether the same again, later, may succeed without anybody's help.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Database(error) => error.may_pass(),
            Error::NotSetUp | Error::OtherSite { .. } | Error::ForeignConflictLog { .. } => false,
        }
    }
}
