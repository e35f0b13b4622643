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

pub mod bundle;
#[cfg(unix)]
pub mod demo;
pub mod model;
pub mod monitor;
