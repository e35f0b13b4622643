//! From `sync_log` to changes: the triggers that write it, and reading it in one snapshot.

mod chunk;
mod error;
mod install;
mod log_table;
mod net;
mod read;
mod sort;
mod stamp;
mod trigger;

pub use error::Error;
pub use install::{
    TriggerState, adopt_rows, check_triggers, install_triggers, remove_triggers, unlogged_cascades,
};
pub use log_table::ensure_log;
pub use read::{Captured, Snapshot, Summary, begin};
pub use stamp::{IdRuns, stamp};
pub use trigger::LogDepth;
