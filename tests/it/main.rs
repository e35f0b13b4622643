//! The integration tests: what needs a server, a folder or a process. tests/README.md says how to run them.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

mod bad_bundles;
mod bad_input;
mod crashes;
mod demo_database;
mod faults;
mod harness;
mod histories;
mod late_commit;
mod orders;
mod servers;
mod stick;
mod tidy;
mod together;
