//! Where the work takes place, and what it counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use crate::apply::succeed::Succession;
use crate::apply::without::Without;
use crate::conflict::Rules;
use crate::db::{Catalog, Table};
use crate::ledger::ParkedLine;
use crate::model::{Role, Site, Stamp, TableName};

/// What the work knows of where it is.
pub(super) struct Scene<'a> {
    /// Whose bundle it is.
    pub(super) sender: &'a Site,
    pub(super) here: &'a Site,
    pub(super) side: Side<'a>,
    pub(super) bundle: String,
    pub(super) now: Stamp,
    /// How far the sender's clock is ahead of the centre's; its times are corrected by that already.
    pub(super) ahead_micros: i64,
    /// What the centre knows of the sender.
    pub(super) past: Past,
    pub(super) logged_since: Stamp,
    pub(super) folder: &'a Path,
    pub(super) catalog: &'a Catalog,
    pub(super) shared: &'a BTreeSet<TableName>,
    pub(super) without: &'a Without,
    /// What is tried again, by table and by the form of a row's key in which equal keys are one.
    pub(super) parked: HashMap<TableName, HashMap<Vec<u8>, ParkedLine>>,
}

/// What the centre knows of the lab that sent a bundle, from before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Past {
    /// When the lab sealed the bundle before, where that time can be trusted.
    pub(super) sealed_before: Option<Stamp>,
    /// The last batch of the centre's changes that the lab had, and followed, when it sealed this bundle.
    pub(super) confirmed: u64,
    /// Whether the lab goes on under a new history, and so may send again what it has sent before.
    pub(super) may_repeat: bool,
    /// Whether it is the first bundle of that history that holds changes: what was edited before and after the database was put
    /// back may be one change in it, with the time of the last edit.
    pub(super) begins: bool,
    /// Whether the bundle is of a history of the lab that is over: its database was put back, and has lost these changes.
    pub(super) is_over: bool,
    /// Whether this database was put back, and the lab may send what it had from here before that, and what it has sent before.
    pub(super) went_back: bool,
    /// Whether conflicts of the lab wait for a person.
    pub(super) has_waiting: bool,
}

/// Which side of the exchange this is, with what only that side needs to know.
#[derive(Clone, Copy)]
pub enum Side<'a> {
    /// The centre: rules decide.
    Central {
        /// Tables whose changes only come down: a lab's change of them is answered with the centre's row.
        down_only: &'a BTreeSet<TableName>,
        /// Tables whose changes only go up: no lab is told of them.
        up_only: &'a BTreeSet<TableName>,
        /// How disagreements are decided; tables that are not among them go by the defaults.
        rules: &'a BTreeMap<TableName, Rules>,
        /// Whether the sender had the centre's rows when it sealed: the last snapshot for it is in its receipt.
        sender: Knows,
    },
    /// A lab: the centre's word is final.
    Lab {
        /// Tables whose rows have had to do with the centre's before.
        started: &'a BTreeSet<TableName>,
        /// The last batch of its own changes that the words at hand take into account.
        covered: u64,
        /// Tables whose changes only come down: what was edited here is never sent, and nobody will answer it.
        down_only: &'a BTreeSet<TableName>,
        /// Set where the bundle opens a new history of the centre.
        succession: Option<&'a Succession>,
    },
}

impl Side<'_> {
    /// Whose side it is.
    pub(super) fn role(self) -> Role {
        match self {
            Side::Central { .. } => Role::Central,
            Side::Lab { .. } => Role::Lab,
        }
    }
}

/// Whether a lab had the centre's rows when it sealed a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knows {
    /// It did: what it changed was the centre's row.
    OurRows,
    /// It did not: it is new, or was away, and has not taken in its snapshot.
    OwnRowsOnly,
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
    pub(super) deferred: u64,
}
