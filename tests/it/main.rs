//! The integration tests: what needs a server, a folder or a process. tests/README.md says how to run them.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

mod app_log;
mod apply;
mod bad_bundles;
mod bad_input;
mod capture;
mod conflicts;
mod convergence;
mod crashes;
mod demo_database;
mod demo_story;
mod faults;
mod followers;
mod foreign_keys;
mod foreign_log;
mod harness;
mod histories;
mod kept;
mod late_commit;
mod memory;
mod openable;
mod orders;
mod parts;
mod random_edits;
mod readme;
mod rights;
mod round;
mod round_crashes;
mod round_lost;
mod round_receipts;
mod servers;
mod sessions;
mod snapshots;
mod stick;
mod tidy;
mod together;
mod types;
