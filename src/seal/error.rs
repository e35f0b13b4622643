//! Why a bundle could not be sealed.

use std::io;

use crate::bundle;
use crate::model::Seq;

/// Why a bundle could not be sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bundle could not be put together.
    #[error("bundle {seq} cannot be sealed")]
    Bundle {
        /// Its number.
        seq: Seq,
        /// What went wrong.
        source: bundle::Error,
    },
    /// The outbox could not be written.
    #[error("cannot write to the outbox")]
    Outbox(#[from] io::Error),
    /// The stream has used up its numbers.
    #[error("the stream has no numbers left")]
    NoNumbersLeft,
}

impl Error {
    /// Whether the same again, later, may succeed without anybody's help.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Bundle { .. } | Error::Outbox(_) | Error::NoNumbersLeft => false,
        }
    }
}
