//! One bundle, one transaction, one ledger row. Exactly once lives here and nowhere else.
//!
//! ```text
//!   reader thread: private copy -> decrypt -> decompress -> batches of one table
//!        |
//!        v
//!   decide (rows FOR UPDATE, pure rules) -> write (few statements, halved where one fails)
//!        |                                     |
//!        |                              what does not fit yet is set aside and tried again
//!        v                                     v
//!   conflict_log, sync_log             settle: what triggers of the application changed is set right
//!        \_____________________________________/
//!                       ledger row, COMMIT
//! ```

mod aside;
mod batch;
mod bonds;
mod cascade;
mod circle;
mod decide;
mod error;
mod exact;
mod fit;
mod guard;
mod misfit;
mod obstacle;
mod order;
mod parked;
mod past;
mod prepare;
mod receipt;
mod record;
mod remarks;
mod retry;
mod run;
mod scene;
mod settle;
mod spelling;
mod succeed;
mod swap;
mod sweep;
mod ties;
mod transaction;
mod verdict;
mod waiting;
mod width;
mod without;
mod word;
mod write;

pub use error::Error;
pub use misfit::{Misfit, TableMisfit};
pub use parked::{ParkedDue, Unparked, retry_parked};
pub use receipt::ReceiptOutcome;
pub use retry::{Retried, retry_kept};
pub use scene::{Knows, Side};
pub use succeed::Succession;
pub use transaction::{Applied, Context, Part, apply, needs_outside};
pub use width::Widths;
pub use without::Without;
