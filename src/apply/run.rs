//! The work inside the transaction: batch after batch, then what was set aside, then what triggers changed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::apply::cascade::{Parent, with_children};
use crate::apply::decide::{Decided, Verdict, decide};
use crate::apply::error::Error;
use crate::apply::exact::write_exactly;
use crate::apply::guard::Guard;
use crate::apply::misfit::TableMisfit;
use crate::apply::order::Order;
use crate::apply::parked::Unparked;
use crate::apply::prepare::Section;
use crate::apply::record::Keeping;
use crate::apply::scene::{Prepared, Scene, Tally};
use crate::apply::write::Look;
use crate::conflict::Kind;
use crate::db::{self, Rank, Session, Table};
use crate::model::{Change, Op, RowImage, RowKey, TableName};
use crate::monitor::Monitor;
use crate::spool::{Sorter, Spool};

/// Whether a change that does not fit yet may still fit later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chance {
    /// It comes out of the bundle, and other changes are still to come.
    First,
    /// It was set aside once, and tried in vain it is set aside again.
    Again,
    /// Everything else is written: what does not fit now is for a person.
    Last,
}

/// Why changes that were set aside were refused when they were tried last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Refused {
    /// A parent is missing, or a child is in the way.
    pub(super) orphans: bool,
    /// Another row has the unique value.
    pub(super) uniques: bool,
    /// How many rows had been written before the first of them was tried: where no more are by now, a second try is in vain.
    pub(super) since: Option<u64>,
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
    pub(super) refused: Refused,
    pub(super) settle: Spool<'a>,
    pub(super) guard: Guard,
    pub(super) tally: Tally,
    /// What came of changes that are tried again; at the centre only.
    pub(super) unparked: Unparked,
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
        let written = self.tally.written;
        let outside = self.outside.as_deref_mut().filter(|_| self.triggered.contains(name));
        let (mut decided, later) = decide(self.session, outside, &self.scene, table, changes)?;
        self.note_seen(name, &decided)?;
        let mut refused = self.with_children(table, &decided)?;
        let orders = orders(&decided, &refused);
        let is_delete = |order: &&Order<'_>| order.op() == Op::Delete;
        let wanted: HashSet<usize> = orders.iter().filter(is_delete).map(|order| order.at).collect();
        let look = match chance {
            _ if self.untying => Look::Never,
            Chance::First => Look::Refused(self.scene.catalog),
            Chance::Again | Chance::Last => Look::First(self.scene.catalog),
        };
        let refusals = write_exactly(self.session, table, &orders, look)?;
        // Those that did not fit yet are counted when they do.
        let kept = refusals.iter().filter(|refusal| wanted.contains(&refusal.at)).count();
        self.guard.count(self.session, name, (wanted.len() - kept) as u64)?;
        for refusal in refusals {
            refused.insert(refusal.at, (refusal.kind, refusal.note));
        }
        drop(orders);
        self.respell_written(table, &decided, &refused)?;
        self.record(&prepared, &mut decided, &refused)?;
        let mut misfits: Vec<(Decided, Kind, String)> = Vec::new();
        for (at, one) in decided.into_iter().enumerate() {
            match refused.remove(&at) {
                // Another row, written later, can bring the parent or free the unique value. A value never fits.
                Some((kind @ (Kind::Orphan | Kind::Unique), _)) if chance != Chance::Last => {
                    self.refused.orphans |= kind == Kind::Orphan;
                    self.refused.uniques |= kind == Kind::Unique;
                    self.refused.since.get_or_insert(written);
                    self.aside.push(&table.shape, one.into_sent(), ())?;
                }
                Some((kind, note)) => misfits.push((one, kind, note)),
                None => {}
            }
        }
        self.set_aside(table, misfits)?;
        if later.is_empty() { Ok(()) } else { self.process(name, later, chance) }
    }

    /// The changes that would take children along which the sender had not seen, with their places.
    fn with_children(
        &mut self,
        table: &Table,
        decided: &[Decided],
    ) -> Result<HashMap<usize, (Kind, String)>, Error> {
        let written = decided.iter().enumerate().filter(|(_, one)| matches!(one.verdict, Verdict::Write(_)));
        let parents: Vec<Parent<'_>> = written
            .filter_map(|(at, one)| {
                Some(Parent { at, current: one.current.as_ref()?, after: one.change.after() })
            })
            .collect();
        if parents.is_empty() || self.untying {
            return Ok(HashMap::new());
        }
        let found = with_children(self.session, self.scene.catalog, table, &parents)?;
        let note =
            |child: String| format!("rows of {child} here belong to it, and the sender has not seen them");
        Ok(found.into_iter().map(|(at, child)| (at, (Kind::Orphan, note(child)))).collect())
    }

    /// Spells the keys of rows that were written as the sender does, where a collation takes both for one.
    fn respell_written(
        &mut self,
        table: &Table,
        decided: &[Decided],
        refused: &HashMap<usize, (Kind, String)>,
    ) -> Result<(), Error> {
        let is_written = |one: &Decided| {
            one.exists && one.change.after().is_some() && matches!(one.verdict, Verdict::Write(_))
        };
        let written = decided.iter().enumerate().filter(|(at, _)| !refused.contains_key(at));
        let pairs =
            written.filter(|(_, one)| is_written(one)).map(|(_, one)| (one.current.as_ref(), &one.key));
        self.respell(table, pairs)
    }

    /// Spells keys anew: each of these rows, as it was, with its key as it should be spelt.
    ///
    /// No foreign key is checked meanwhile: children would follow on their own, unlogged, or let go.
    pub(super) fn respell<'k>(
        &mut self,
        table: &Table,
        rows: impl Iterator<Item = (Option<&'k RowImage>, &'k RowKey)>,
    ) -> Result<(), Error> {
        if !table.key_details().any(|detail| detail.is_collated()) {
            return Ok(());
        }
        let is_respelt = |row: Option<&RowImage>, key: &RowKey| {
            row.and_then(|row| table.shape.key_of(row)).is_some_and(|own| own != *key)
        };
        let keys: Vec<&RowKey> =
            rows.filter(|(row, key)| is_respelt(*row, key)).map(|(_, key)| key).collect();
        if keys.is_empty() {
            return Ok(());
        }
        self.session.execute("SET SESSION foreign_key_checks = 0")?;
        for key in keys {
            db::respell_key(self.session, table, key)?;
        }
        // Circles are untied with the check off all the time.
        self.session.execute(&format!("SET SESSION foreign_key_checks = {}", u8::from(!self.untying)))?;
        Ok(())
    }
}

fn orders<'d>(decided: &'d [Decided], refused: &HashMap<usize, (Kind, String)>) -> Vec<Order<'d>> {
    decided
        .iter()
        .enumerate()
        .filter(|(at, one)| matches!(one.verdict, Verdict::Write(_)) && !refused.contains_key(at))
        .map(|(at, one)| {
            let (row, current) = (one.change.after(), one.current.as_ref());
            Order { at, key: one.key.clone(), row, exists: one.exists, current }
        })
        .collect()
}
