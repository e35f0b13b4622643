//! Rows that wait for each other in a circle: none can be written, or deleted, before the others.
//!
//! Both servers check a foreign key at once, not at COMMIT. So a set of changes is looked for after which every
//! row has its parents, in the database or in the set, and only these are written with the check off. Nothing
//! is ever left pointing nowhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::decide::{Decided, Verdict, decide};
use crate::apply::error::Error;
use crate::apply::exact::write_exactly;
use crate::apply::order::Order;
use crate::apply::run::{Chance, Run};
use crate::apply::ties::Ties;
use crate::apply::write::Look;
use crate::model::{Change, RowKey, TableName};

/// A change that was set aside and may be written together with others.
pub(super) struct Member {
    pub(super) name: TableName,
    pub(super) key: RowKey,
    /// What the rules have made of it.
    pub(super) change: Change,
    /// As it was sent, where that is something else.
    sent: Option<Change>,
    /// Whether there is such a row.
    exists: bool,
}

impl Member {
    /// A change with what was decided of it.
    pub(super) fn of(name: &TableName, one: &Decided) -> Member {
        let (change, sent) = (one.change.clone(), one.sent.clone());
        Member { name: name.clone(), key: one.key.clone(), change, sent, exists: one.exists }
    }

    fn as_sent(&self) -> Change {
        self.sent.as_ref().unwrap_or(&self.change).clone()
    }

    /// Whether both are of one table, and either both are deletes or none is.
    fn goes_with(&self, other: &Member) -> bool {
        self.name == other.name && self.change.after().is_some() == other.change.after().is_some()
    }

    pub(super) fn order(&self, at: usize) -> Order<'_> {
        Order { at, key: self.key.clone(), row: self.change.after(), exists: self.exists, current: None }
    }
}

impl Run<'_> {
    /// Writes those of the rows set aside that wait for each other.
    pub(super) fn untie_circles(&mut self) -> Result<(), Error> {
        // A real circle is a few rows: more than this is a bundle that lacks its parents.
        const ROWS_MAX: u64 = 20_000;
        if self.aside.count() > ROWS_MAX {
            return Ok(());
        }
        let mut aside: BTreeMap<TableName, Vec<Change>> = BTreeMap::new();
        let shapes = self.shapes();
        self.aside.drain(&|name| shapes(name), &mut |name, change, ()| {
            aside.entry(name).or_default().push(change);
            Ok::<(), Error>(())
        })?;
        let waiting: BTreeSet<TableName> = aside.keys().cloned().collect();
        let (mut set, mut left) = (Vec::new(), Vec::new());
        for (name, changes) in aside {
            match self.is_tied(&name, &waiting) {
                true => self.add_members(&name, changes, &mut set, &mut left)?,
                false => left.extend(changes.into_iter().map(|change| (name.clone(), change))),
            }
        }
        // Deletes first, as everywhere: they make room for rows that take over a unique value.
        set.sort_by_cached_key(|one| (one.change.after().is_some(), self.ranks.get(&one.name).copied()));
        let mut ties = self.ties(&set)?;
        self.leave_refused(&set, &mut ties)?;
        let (out, written): (Vec<_>, Vec<_>) =
            set.into_iter().enumerate().partition(|(at, _)| ties.is_out(*at));
        left.extend(out.into_iter().map(|(_, one)| (one.name.clone(), one.as_sent())));
        self.write_untied(written.into_iter().map(|(_, one)| one).collect())?;
        for (name, change) in left {
            if let Some(prepared) = self.tables.get(&name) {
                self.aside.push(&prepared.table.shape.clone(), change, ())?;
            }
        }
        Ok(())
    }

    /// Whether rows of this table can wait for rows that are not written yet either, of which `waiting` are the tables: a table
    /// that points to itself or is pointed to by one of these, or points to one. Any two tables will do: the key of a parent
    /// changes, and the new row waits for a unique value of the old one, the old one for its children, and these for the new one.
    pub(super) fn is_tied(&self, name: &TableName, waiting: &BTreeSet<TableName>) -> bool {
        let catalog = self.scene.catalog;
        catalog.parents_of(name).any(|key| key.parent == *name || waiting.contains(&key.parent))
            || catalog.children_of(name).any(|key| waiting.contains(&key.child))
    }

    /// Adds the changes of one table that are to be written to the set.
    fn add_members(
        &mut self,
        name: &TableName,
        changes: Vec<Change>,
        set: &mut Vec<Member>,
        left: &mut Vec<(TableName, Change)>,
    ) -> Result<(), Error> {
        let Some(table) = self.tables.get(name).map(|prepared| prepared.table.clone()) else {
            return Ok(());
        };
        let mut rest = changes.into_iter();
        loop {
            let changes: Vec<Change> = rest.by_ref().take(CHANGES_MAX).collect();
            if changes.is_empty() {
                return Ok(());
            }
            let outside = self.outside.as_deref_mut().filter(|_| self.triggered.contains(name));
            let (decided, later) = decide(self.session, outside, &self.scene, &table, changes)?;
            left.extend(later.into_iter().map(|change| (name.clone(), change)));
            for one in decided {
                match one.verdict {
                    Verdict::Write(_) => set.push(Member::of(name, &one)),
                    Verdict::AlreadyThere | Verdict::Keep(_) | Verdict::Defer => {
                        left.push((name.clone(), one.into_sent()));
                    }
                }
            }
        }
    }

    /// Writes the set on trial and leaves out what the database refuses for another reason.
    fn leave_refused(&mut self, set: &[Member], ties: &mut Ties) -> Result<(), Error> {
        loop {
            let members: Vec<(usize, &Member)> =
                set.iter().enumerate().filter(|(at, _)| !ties.is_out(*at)).collect();
            if members.is_empty() {
                return Ok(());
            }
            self.session.execute("SAVEPOINT packmule_circle")?;
            self.session.execute("SET SESSION foreign_key_checks = 0")?;
            let mut refused = Vec::new();
            for same in members.chunk_by(|(_, one), (_, other)| one.goes_with(other)) {
                refused.extend(self.try_out(same)?);
            }
            self.session.execute("SET SESSION foreign_key_checks = 1")?;
            self.session.execute("ROLLBACK TO SAVEPOINT packmule_circle")?;
            if refused.is_empty() {
                return Ok(());
            }
            ties.leave(refused);
        }
    }

    /// Writes members of one table, with no foreign key checked. Returns the places of those that the database refuses.
    fn try_out(&mut self, members: &[(usize, &Member)]) -> Result<Vec<usize>, Error> {
        let table = members.first().and_then(|(_, one)| self.tables.get(&one.name));
        let Some(table) = table.map(|prepared| prepared.table.clone()) else {
            return Ok(Vec::new());
        };
        let orders: Vec<Order<'_>> = members.iter().map(|(at, one)| one.order(*at)).collect();
        let refusals = write_exactly(self.session, &table, &orders, Look::Never)?;
        Ok(refusals.iter().map(|refusal| refusal.at).collect())
    }

    /// Writes rows of which none lacks a parent once all are written.
    fn write_untied(&mut self, members: Vec<Member>) -> Result<(), Error> {
        if members.is_empty() {
            return Ok(());
        }
        self.session.execute("SET SESSION foreign_key_checks = 0")?;
        self.untying = true;
        for same in members.chunk_by(Member::goes_with) {
            for some in same.chunks(CHANGES_MAX) {
                let (Some(one), changes) = (some.first(), some.iter().map(Member::as_sent)) else {
                    continue;
                };
                self.process(&one.name, changes.collect(), Chance::Again)?;
            }
        }
        self.untying = false;
        self.session.execute("SET SESSION foreign_key_checks = 1")?;
        Ok(())
    }
}

const CHANGES_MAX: usize = 1000;
