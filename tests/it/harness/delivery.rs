//! One way of the stick: what a lab has changed is applied at the centre, and what the ledger says of it.

use super::family::Family;
use super::program::Ran;
use super::site::TestSite;

/// What one delivery did, as the centre's ledger tells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) bundles: u64,
    pub(crate) inserts: u64,
    pub(crate) updates: u64,
    pub(crate) deletes: u64,
    pub(crate) conflicts: u64,
    pub(crate) parked: u64,
}

impl Delivered {
    /// One bundle of these changes, all of them clean.
    pub(crate) fn clean(inserts: u64, updates: u64, deletes: u64) -> Delivered {
        Delivered { bundles: 1, inserts, updates, deletes, conflicts: 0, parked: 0 }
    }
}

/// One row of `conflict_log`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) table: String,
    pub(crate) record: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) outcome: String,
}

impl Family<'_> {
    /// Exports at the lab, imports at the centre.
    #[track_caller]
    pub(crate) fn deliver(&self, lab: &str) -> Delivered {
        let before = ledger(&self.central, lab);
        let lab = self.lab(lab);
        let stick = lab.stick("stick");
        let stick = stick.to_str().unwrap();
        lab.run(&["export", stick]).ok();
        self.central.run(&["import", "--no-reply", stick]).ok();
        let after = ledger(&self.central, lab.name());
        Delivered {
            bundles: after.bundles - before.bundles,
            inserts: after.inserts - before.inserts,
            updates: after.updates - before.updates,
            deletes: after.deletes - before.deletes,
            conflicts: after.conflicts - before.conflicts,
            parked: after.parked - before.parked,
        }
    }

    /// Exports at the lab only; for what is looked at before it is imported.
    #[track_caller]
    pub(crate) fn export(&self, lab: &str) -> Ran {
        let lab = self.lab(lab);
        lab.run(&["export", lab.stick("stick").to_str().unwrap()]).ok()
    }

    /// Every conflict that the centre has met, in order.
    #[track_caller]
    pub(crate) fn conflicts(&self) -> Vec<Met> {
        let rows = self
            .central
            .query("SELECT table_name, record_id, kind, status, outcome FROM conflict_log ORDER BY id");
        let met = |row: Vec<Option<String>>| {
            let [table, record, kind, status, outcome] = <[_; 5]>::try_from(row).unwrap().map(Option::unwrap);
            Met { table, record, kind, status, outcome }
        };
        rows.into_iter().map(met).collect()
    }
}

impl Met {
    /// A conflict as it is expected.
    pub(crate) fn new(table: &str, record: &str, kind: &str, status: &str, outcome: &str) -> Met {
        let [table, record, kind, status, outcome] =
            [table, record, kind, status, outcome].map(str::to_owned);
        Met { table, record, kind, status, outcome }
    }

    /// A change that was set aside for a person.
    pub(crate) fn parked(table: &str, record: &str, kind: &str) -> Met {
        Met::new(table, record, kind, "open", "central")
    }
}

fn ledger(central: &TestSite<'_>, lab: &str) -> Delivered {
    let rows = central.query(&format!(
        "SELECT COUNT(*), COALESCE(SUM(inserts), 0), COALESCE(SUM(updates), 0), COALESCE(SUM(deletes), 0), \
                COALESCE(SUM(conflicts), 0), COALESCE(SUM(parked), 0) \
         FROM packmule_bundle WHERE from_site = '{lab}' AND state = 'applied'"
    ));
    let numbers: Vec<u64> = rows.into_iter().flatten().map(|cell| cell.unwrap().parse().unwrap()).collect();
    let [bundles, inserts, updates, deletes, conflicts, parked] = <[u64; 6]>::try_from(numbers).unwrap();
    Delivered { bundles, inserts, updates, deletes, conflicts, parked }
}
