//! The work inside the transaction: batch after batch, then what was set aside, then what triggers changed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::apply::cascade::{Parent, with_children};
use crate::apply::decide::{Decided, Verdict, decide};
use crate::apply::error::Error;
use crate::apply::guard::Guard;
use crate::apply::record::Keeping;
use crate::apply::scene::{Prepared, Scene, Tally};
use crate::apply::write::{Order, write};
use crate::conflict::Kind;
use crate::db::{self, Class, Rank, Session, Table};
use crate::model::{Change, Op, RowImage, RowKey, TableName, TableShape};
use crate::monitor::{Monitor, Phase, Step};
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
    /// Whether circles are being untied: the foreign keys of what is written now were looked at before.
    pub(super) untying: bool,
}

impl Run<'_> {
    /// Writes one batch of one table, as it comes out of the bundle.
    pub(super) fn batch(&mut self, shape: &TableShape, changes: Vec<Change>) -> Result<(), Error> {
        self.prepare(shape)?;
        let amount = changes.len() as u64;
        self.process(&shape.name, changes, Chance::Later)?;
        self.monitor.advance(Phase::Applying, amount);
        self.monitor.step(Step::ApplyHalfWritten);
        Ok(())
    }

    pub(super) fn prepare(&mut self, shape: &TableShape) -> Result<(), Error> {
        let same = |prepared: &Prepared| {
            let names =
                |shape: &TableShape| shape.columns.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
            names(&prepared.table.shape) == names(shape)
        };
        if self.tables.get(&shape.name).is_some_and(same) {
            return Ok(());
        }
        let differ = |why: String| Error::TablesDiffer { table: shape.name.clone(), why };
        let scene = &self.scene;
        let Some(table) = scene.catalog.tables.get(&shape.name) else {
            return Err(differ(match scene.catalog.unshareable.get(&shape.name) {
                Some(reason) => format!("it cannot be shared here: {reason}"),
                None => "there is no such table here".to_owned(),
            }));
        };
        if !scene.shared.contains(&shape.name) {
            return Err(differ("it is not among the shared tables here".to_owned()));
        }
        let narrowed = table
            .narrowed(shape)
            .map_err(|column| differ(format!("column {column} is not here, or holds something else here")))?;
        let names = |table: &Table| table.key_details().map(|one| one.name.clone()).collect::<Vec<_>>();
        if names(table) != names(&narrowed) {
            return Err(differ("its primary key is another one here".to_owned()));
        }
        let needed = table.details.iter().find(|detail| {
            !detail.has_default && narrowed.details.iter().all(|known| known.name != detail.name)
        });
        if let Some(detail) = needed {
            return Err(differ(format!("column {} is only here, and has no default", detail.name)));
        }
        let settles = table.has_foreign_triggers() || self.triggered.contains(&shape.name);
        self.tables.insert(shape.name.clone(), Prepared { table: narrowed, settles });
        Ok(())
    }

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
        let refusals = write(self.session, table, &orders)?;
        // Those that did not fit yet are counted when they do.
        let kept = refusals.iter().filter(|refusal| wanted.contains(&refusal.at)).count();
        self.guard.count(self.session, name, (wanted.len() - kept) as u64)?;
        for refusal in refusals {
            let kind = match refusal.error.class() {
                Some(Class::ForeignKey) => Kind::Orphan,
                Some(Class::Duplicate) => Kind::Unique,
                Some(_) | None => Kind::Value,
            };
            refused.insert(refusal.at, (kind, refusal.error.cause().unwrap_or_default()));
        }
        drop(orders);
        self.respell_written(table, &decided, &refused)?;
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
        .map(|(at, one)| Order { at, key: one.key.clone(), row: one.change.after(), exists: one.exists })
        .collect()
}
