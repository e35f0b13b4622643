//! What becomes of a bundle that has arrived. The decision is pure and stands in one place.

mod verdict;

pub use verdict::{Arrival, Facts, Fork, Verdict, admit};
