//! Lists that go to disk once they are large, so that memory stays flat. The files have no name: a crash leaves nothing.

mod changes;
mod sort;

pub use changes::Spool;
pub use sort::{Item, Sorted, SortedIter, Sorter};
