//! The rules of disagreement. Pure: rows in, a decision out.

mod detect;
mod equal;
mod kind;
mod policy;

pub use detect::{Finding, detect};
pub use equal::{identical_row, same_row, same_value};
pub use kind::Kind;
pub use policy::{Clock, Decision, decide_by_last_edit};
