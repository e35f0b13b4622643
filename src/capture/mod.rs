//! From `sync_log` to changes: the triggers that write it, and reading it in one snapshot.

mod adopt;
mod audience;
mod cascade;
mod chunk;
mod entries;
mod error;
mod image;
mod install;
mod log_table;
mod net;
mod read;
mod stale;
mod stamp;
mod trigger;

pub use adopt::{adopt_rows, replace_log};
pub use audience::Audience;
pub use error::Error;
pub use image::LogDepth;
pub use install::{
    TriggerState, check_triggers, install_triggers, is_stale, remove_triggers, unlogged_cascades,
};
pub use log_table::ensure_log;
pub use read::{Captured, Scope, Snapshot, Summary, begin};
pub use stale::{moved_key, renamed_to};
pub use stamp::{IdRuns, stamp};
