//! What this site remembers: who it is, whom it knows, what was sealed and applied, and every conflict ever met.

mod bundles;
mod conflicts;
mod error;
mod here;
mod log;
mod sites;
mod streams;
mod tables;

pub use bundles::{BundleRecord, BundleState, bundles_of, find_bundle, record_bundle};
pub use conflicts::{Conflict, Outcome, Status, ensure_conflict_log, open_conflicts, record_conflicts};
pub use error::Error;
pub use here::{Here, create_here, load_here, next_batch, prepare};
pub use log::{LoggedRow, RowTime, log_rows, newest_times, unsealed_rows};
pub use sites::{KnownSite, SiteState, add_site, find_site, next_number, sites};
pub use streams::{
    Stream, StreamState, advance_stream, freeze_stream, hold_stream, lock_stream, open_stream, streams,
};
pub use tables::{add_tables, remove_tables, shared_tables};
