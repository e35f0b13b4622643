//! Why a bundle could not be applied. A conflict is not among them: it is an outcome.

use std::io;

use crate::apply::misfit::TableMisfit;
use crate::bundle;
use crate::model::{Role, Seq, TableName};
use crate::{db, ledger};

/// Why a bundle could not be applied. The tables are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database refused.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The bundle's content could not be read.
    #[error("bundle {seq} cannot be read")]
    Bundle {
        /// Its number.
        seq: Seq,
        /// What went wrong.
        source: bundle::Error,
    },
    /// Tables of the sender do not fit those here.
    #[error("{}", misfits.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    TablesDiffer {
        /// Which, and in which way; at least one.
        misfits: Vec<TableMisfit>,
        /// Whether they are a lab's or the centre's.
        role: Role,
    },
    /// A row here would be overwritten or deleted that the centre was never told of.
    #[error("the row {record} of table {table} here was never sent, and the snapshot would replace it")]
    NeverSent {
        /// The table.
        table: TableName,
        /// The key.
        record: String,
    },
    /// The sender confirms a bundle that was never sealed here.
    #[error("bundle {seq} confirms bundle {confirmed} with a digest that is not its own here")]
    ForeignReceipt {
        /// The bundle that says it.
        seq: Seq,
        /// The bundle that it confirms.
        confirmed: Seq,
    },
    /// So many rows would be deleted that somebody should look first.
    #[error("this bundle deletes {deletes} of {rows} rows ({percent}%) in table {table}")]
    TooManyDeletes {
        /// The table.
        table: TableName,
        /// How many rows the bundle had deleted when it was stopped.
        deletes: u64,
        /// How many rows the table has.
        rows: u64,
        /// The share.
        percent: u64,
        /// The share that is allowed.
        limit: u64,
    },
    /// Somebody else applied this bundle, or another of its number, in the meantime.
    #[error("the stream moved on while bundle {seq} was prepared")]
    MovedOn {
        /// The bundle's number.
        seq: Seq,
    },
    /// A temporary file could not be written or read.
    #[error("cannot use the folder for temporary files")]
    Spool(#[from] io::Error),
}

impl Error {
    /// Whether the bundle waits here until the tables fit.
    pub fn holds(&self) -> bool {
        match self {
            Error::TablesDiffer { .. } => true,
            Error::TooManyDeletes { .. }
            | Error::Database(_)
            | Error::Ledger(_)
            | Error::Bundle { .. }
            | Error::MovedOn { .. }
            | Error::NeverSent { .. }
            | Error::ForeignReceipt { .. }
            | Error::Spool(_) => false,
        }
    }

    /// Whether the whole transaction again may succeed without anybody's help.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Database(error) => error.may_pass(),
            Error::Ledger(error) => error.may_pass(),
            // The same bundle does not fit the stream any better a second time.
            Error::MovedOn { .. }
            | Error::Bundle { .. }
            | Error::TablesDiffer { .. }
            | Error::TooManyDeletes { .. }
            | Error::NeverSent { .. }
            | Error::ForeignReceipt { .. }
            | Error::Spool(_) => false,
        }
    }
}
