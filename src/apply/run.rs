//! The work inside the transaction: batch after batch, then what was set aside, then what triggers changed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::apply::cascade::with_children;
use crate::apply::decide::{Decided, Verdict, decide};
use crate::apply::error::Error;
use crate::apply::exact::write_exactly;
use crate::apply::guard::Guard;
use crate::apply::misfit::TableMisfit;
use crate::apply::prepare::Section;
use crate::apply::record::Keeping;
use crate::apply::scene::{Prepared, Scene, Tally};
use crate::apply::write::Order;
use crate::conflict::Kind;
use crate::db::{Rank, Session, Table};
use crate::model::{Change, Op, RowImage, TableName};
use crate::monitor::Monitor;
use crate::spool::{Sorter, Spool};

/// Whether a change that does not fit yet may still fit later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chance {
    /// Other changes of the bundle are still to come.
    Later,
    /// Everything else is written: what does not fit now is for a person.
    Last,
}

/// The work inside one transaction.
pub(super) struct Run<'a> {
    pub(super) session: &'a mut Session,
    /// Another connection, where tables are written by triggers: it sees what was here before this transaction.
    pub(super) outside: Option<&'a mut Session>,
    pub(super) scene: Scene<'a>,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) tables: HashMap<TableName, Prepared>,
    pub(super) ranks: BTreeMap<TableName, Rank>,
    pub(super) aside: Spool<'a>,
    pub(super) settle: Spool<'a>,
    pub(super) guard: Guard,
    pub(super) tally: Tally,
    /// What is kept for later; at a lab only.
    pub(super) keeping: Keeping,
    /// The tables of a snapshot that had rows before, with the keys that it brings.
    pub(super) sweep: HashMap<TableName, Sorter<'a>>,
    pub(super) triggered: BTreeSet<TableName>,
    /// The section of the bundle that was looked at last.
    pub(super) section: Option<Section>,
    /// The circle of foreign keys to which the table that was written last belongs.
    pub(super) circle: Option<usize>,
    /// Why the bundle cannot be applied as things are; nothing more is written once there is a reason.
    pub(super) held: Vec<TableMisfit>,
    /// Whether circles are being untied: the foreign keys of what is written now were looked at before.
    pub(super) untying: bool,
}

impl Run<'_> {
    /// Decides and writes changes of one table.
    pub(super) fn process(
        &mut self,
        name: &TableName,
        changes: Vec<Change>,
        chance: Chance,
    ) -> Result<(), Error> {
        let Some(prepared) = self.tables.get(name).cloned() else {
            return Ok(());
        };
        let table = &prepared.table;
        let outside = self.outside.as_deref_mut().filter(|_| self.triggered.contains(name));
        let (mut decided, later) = decide(self.session, outside, &self.scene, table, changes)?;
        self.note_seen(name, &decided)?;
        let mut refused = self.with_children(table, &decided)?;
        let orders = orders(&decided, &refused);
        let is_delete = |order: &&Order<'_>| order.op() == Op::Delete;
        let wanted: HashSet<usize> = orders.iter().filter(is_delete).map(|order| order.at).collect();
        let refusals = write_exactly(self.session, table, &orders)?;
        // Those that did not fit yet are counted when they do.
        let kept = refusals.iter().filter(|refusal| wanted.contains(&refusal.at)).count();
        self.guard.count(self.session, name, (wanted.len() - kept) as u64)?;
        for refusal in refusals {
            refused.insert(refusal.at, (refusal.kind, refusal.note));
        }
        drop(orders);
        self.record(&prepared, &mut decided, &refused)?;
        for (at, one) in decided.into_iter().enumerate() {
            match refused.remove(&at) {
                // Another row, written later, can bring the parent or free the unique value. A value never fits.
                Some((Kind::Orphan | Kind::Unique, _)) if chance == Chance::Later => {
                    self.aside.push(&table.shape, one.change, ())?;
                }
                Some((kind, note)) => self.set_aside(table, &one, kind, note)?,
                None => {}
            }
        }
        if later.is_empty() { Ok(()) } else { self.process(name, later, chance) }
    }

    /// The deletes that would take children along which the sender had not seen, with their places.
    fn with_children(
        &mut self,
        table: &Table,
        decided: &[Decided],
    ) -> Result<HashMap<usize, (Kind, String)>, Error> {
        let deletes: Vec<(usize, &RowImage)> = decided
            .iter()
            .enumerate()
            .filter(|(_, one)| matches!(one.verdict, Verdict::Write(_)) && one.change.op() == Op::Delete)
            .filter_map(|(at, one)| Some((at, one.current.as_ref()?)))
            .collect();
        if deletes.is_empty() || self.untying {
            return Ok(HashMap::new());
        }
        let found = with_children(self.session, self.scene.catalog, table, &deletes)?;
        let note =
            |child: String| format!("rows of {child} here belong to it, and the sender has not seen them");
        Ok(found.into_iter().map(|(at, child)| (at, (Kind::Orphan, note(child)))).collect())
    }
}

fn orders<'d>(decided: &'d [Decided], refused: &HashMap<usize, (Kind, String)>) -> Vec<Order<'d>> {
    decided
        .iter()
        .enumerate()
        .filter(|(at, one)| matches!(one.verdict, Verdict::Write(_)) && !refused.contains_key(at))
        .map(|(at, one)| Order { at, key: one.key.clone(), row: one.change.after(), exists: one.exists })
        .collect()
}
