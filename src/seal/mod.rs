//! From changes to bundles in the outbox: `NAME.part`, whole and on disk. The name comes after the ledger's commit.

mod error;
mod sealer;

pub use error::Error;
pub use sealer::{Outbox, Plan, Sealed, Sealer, Turn};
