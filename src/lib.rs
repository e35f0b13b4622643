//! packmule carries database changes between labs that are often offline and a central office.
//!
//! ```text
//!    application writes
//!          |  triggers (or the application itself) add a row to sync_log
//!          v
//!       capture  --->  seal  --->  outbox  --carry-->  stick / share
//!                                                           |
//!                                                         carry
//!                                                           v
//!       tables, conflict_log  <---  apply  <---  admit  <-- inbox
//! ```
//!
//! [`engine`] joins the stages; each stage knows nothing of the others. ARCHITECTURE.md says which
//! module may use which, and a test holds the code to it.

pub mod admit;
pub mod agent;
pub mod apply;
pub mod bundle;
pub mod capture;
pub mod cli;
pub mod config;
pub mod conflict;
pub mod console;
pub mod db;
#[cfg(unix)]
pub mod demo;
pub mod engine;
pub mod ledger;
pub mod mailbox;
pub mod model;
pub mod monitor;
pub mod report;
pub mod seal;
pub mod spool;
