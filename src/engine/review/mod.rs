//! Review of conflicts by a person, at the centre: listed, shown, decided, taken back, exported.
//!
//! A decision is an ordinary edit at the centre, in one transaction with the line of `conflict_log` that it decides: packmule's triggers
//! log the row as edited here, so every lab hears of it, and nothing else is needed for all sites to end equal. It is a decision on what the
//! person saw; where the row, or what the lab wants of it, is another by then, nothing is done. `engine::review` never prints, and
//! asks nobody: commands and the console call it.

mod bulk;
mod decide;
mod fault;
mod fingerprint;
mod list;
mod plan;
mod related;
mod reopen;
mod show;
mod sight;
mod write;

pub use bulk::{Outcome, Pick, Preview, Sample, decide_all, preview_decisions, reopen_all};
pub use decide::{Decided, Done, Manner, decide};
pub use fault::ReviewFault;
pub use fingerprint::Fingerprint;
pub use list::{
    Listed, count_conflicts, export_conflicts, list_conflicts, list_newest_conflicts, open_conflicts,
};
pub use plan::{Choice, Wanted};
pub use related::Related;
pub use reopen::reopen;
pub use show::{Shown, ShownRow, show};
