//! Where the work takes place, and what it counts.

use std::collections::BTreeSet;
use std::path::Path;

use crate::apply::without::Without;
use crate::db::{Catalog, Table};
use crate::model::{Site, Stamp, TableName};

/// What the work knows of where it is.
pub(super) struct Scene<'a> {
    pub(super) lab: &'a Site,
    pub(super) here: &'a Site,
    pub(super) bundle: String,
    pub(super) now: Stamp,
    pub(super) installed_at: Stamp,
    pub(super) folder: &'a Path,
    pub(super) catalog: &'a Catalog,
    pub(super) shared: &'a BTreeSet<TableName>,
    pub(super) without: &'a Without,
}

/// A table that the bundle writes.
#[derive(Clone)]
pub(super) struct Prepared {
    /// With the columns that the bundle has too, in the bundle's order.
    pub(super) table: Table,
    /// Whether triggers of the application may change its rows behind our back.
    pub(super) settles: bool,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) written: u64,
    pub(super) already_there: u64,
    pub(super) conflicts: u64,
    pub(super) parked: u64,
}
