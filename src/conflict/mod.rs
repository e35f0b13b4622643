//! The rules of disagreement. Pure: rows in, a decision out.

#[cfg(test)]
mod cases;
mod counter;
mod detect;
mod equal;
mod judge;
mod kind;
mod merge;
mod policy;
mod rules;
mod wish;

pub use counter::Limits;
pub use detect::{Finding, detect};
pub use equal::{identical_row, same_row, same_value};
pub use judge::{Case, Ruling, Stands, Wait, judge};
pub use kind::Kind;
pub use merge::carry_on;
pub use policy::{Clock, has_fallen_back};
pub use rules::{Placed, Policy, Rules};
pub use wish::{Dispute, Mix};
