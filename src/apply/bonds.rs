//! What ties a set of changes to each other and to the rows beside them: foreign keys and unique values, asked of the database
//! for the whole set at once.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::apply::circle::Member;
use crate::apply::error::Error;
use crate::apply::run::Run;
use crate::apply::ties::{Tie, Ties};
use crate::db::{self, ForeignKey, sql};
use crate::model::{ColumnKind, RowImage, RowKey, TableName, TableShape, Value, key_to_log};

/// What the changes of a set have to do with the values of one key.
#[derive(Default)]
struct Bonds {
    /// Each with the place of the change.
    all: Vec<(usize, Tie, Vec<Value>)>,
    /// The numbers of their values among all values of the set, in the same order.
    knots: Vec<usize>,
}

impl Run<'_> {
    /// Finds out what ties these changes, and leaves out those that cannot be written however the others are.
    pub(super) fn ties(&mut self, set: &[Member]) -> Result<Ties, Error> {
        let mut ties = Ties::new(set.len());
        let names: BTreeSet<&TableName> = set.iter().map(|one| &one.name).collect();
        let mut here = HashMap::new();
        for name in &names {
            here.extend(self.rows_here(name, set)?);
        }
        let catalog = self.scene.catalog;
        for key in &catalog.foreign_keys {
            if names.contains(&key.child) || names.contains(&key.parent) {
                self.tie_foreign(&mut ties, set, &here, key)?;
            }
        }
        for name in names {
            // Where triggers of the application write, too, nothing is certain.
            let whole = catalog.tables.get(name).filter(|whole| !whole.has_foreign_triggers());
            for columns in whole.iter().flat_map(|whole| &whole.unique_keys) {
                self.tie_unique(&mut ties, set, &here, (name, columns))?;
            }
        }
        ties.settle();
        Ok(ties)
    }

    /// The rows of one table that the set changes, as they are here, by the places of the changes.
    fn rows_here(&mut self, name: &TableName, set: &[Member]) -> Result<HashMap<usize, RowImage>, Error> {
        const ROWS_A_STATEMENT: usize = 1000;
        let mut here = HashMap::new();
        let Some(table) = self.tables.get(name).map(|prepared| prepared.table.clone()) else {
            return Ok(here);
        };
        let members = set.iter().enumerate().filter(|(_, one)| one.name == *name);
        let members: Vec<(usize, RowKey)> = members.map(|(at, one)| (at, one.key.clone())).collect();
        for chunk in members.chunks(ROWS_A_STATEMENT) {
            let keys: Vec<RowKey> = chunk.iter().map(|(_, key)| key.clone()).collect();
            let canonicals = db::canonical_keys(self.session, &table, &keys)?;
            let mut rows = db::rows_by_key(self.session, &table, &keys, &canonicals, true)?;
            let found =
                chunk.iter().zip(&canonicals).filter_map(|((at, _), key)| Some((*at, rows.remove(key)?)));
            here.extend(found);
        }
        Ok(here)
    }

    fn tie_foreign(
        &mut self,
        ties: &mut Ties,
        set: &[Member],
        here: &HashMap<usize, RowImage>,
        key: &ForeignKey,
    ) -> Result<(), Error> {
        let mut bonds = Bonds::default();
        for (at, one) in set.iter().enumerate() {
            let Some(shape) = self.tables.get(&one.name).map(|prepared| &prepared.table.shape) else {
                continue;
            };
            let before = |columns| values_of(shape, here.get(&at)?, columns);
            let after = |columns| values_of(shape, one.change.after()?, columns);
            if one.name == key.parent {
                let (was, will) = (before(&key.parent_columns), after(&key.parent_columns));
                bonds.add(at, Tie::Takes, was.clone().filter(|was| Some(was) != will.as_ref()));
                bonds.add(at, Tie::IsParent, was);
                bonds.add(at, Tie::Brings, will);
            }
            if one.name == key.child {
                bonds.add(at, Tie::IsChild, before(&key.child_columns));
                bonds.add(at, Tie::Needs, after(&key.child_columns));
            }
        }
        self.knot(ties, &mut bonds, &key.parent, &key.parent_columns)?;
        // Where rows of the set cannot be told from others, no parent is certain, and a child is to be feared.
        let needed = bonds.asked(Tie::Needs);
        let parents = match self.counts(set, (&key.parent, &key.parent_columns), key, &needed)? {
            Some(counts) => bonds.without_own(Tie::IsParent, &needed, counts),
            None => vec![0; needed.len()],
        };
        let taken = bonds.asked(Tie::Takes);
        let children = match self.counts(set, (&key.child, &key.child_columns), key, &taken)? {
            Some(counts) => bonds.without_own(Tie::IsChild, &taken, counts),
            None => vec![1; taken.len()],
        };
        needed.iter().zip(parents).for_each(|((knot, _), rows)| ties.beside(*knot, Tie::IsParent, rows));
        taken.iter().zip(children).for_each(|((knot, _), rows)| ties.beside(*knot, Tie::IsChild, rows));
        bonds.tie(ties);
        Ok(())
    }

    fn tie_unique(
        &mut self,
        ties: &mut Ties,
        set: &[Member],
        here: &HashMap<usize, RowImage>,
        (name, columns): (&TableName, &Vec<String>),
    ) -> Result<(), Error> {
        let Some(shape) = self.tables.get(name).map(|prepared| prepared.table.shape.clone()) else {
            return Ok(());
        };
        let mut bonds = Bonds::default();
        for (at, one) in set.iter().enumerate().filter(|(_, one)| one.name == *name) {
            bonds.add(at, Tie::Holds, here.get(&at).and_then(|row| values_of(&shape, row, columns)));
            bonds.add(at, Tie::Wants, one.change.after().and_then(|row| values_of(&shape, row, columns)));
        }
        self.knot(ties, &mut bonds, name, columns)?;
        let Some(whole) = self.scene.catalog.tables.get(name) else {
            return Ok(());
        };
        let wanted = bonds.asked(Tie::Wants);
        // Where nobody can tell, it shows when they are written on trial.
        if let Some(counts) = db::held_counts(self.session, whole, columns, &values_in(&wanted))? {
            let holders = bonds.without_own(Tie::Holds, &wanted, counts);
            wanted.iter().zip(holders).for_each(|((knot, _), rows)| ties.beside(*knot, Tie::Holds, rows));
            bonds.tie(ties);
        }
        Ok(())
    }

    /// Gives each value a number; those that are equal in these columns the same.
    fn knot(
        &mut self,
        ties: &mut Ties,
        bonds: &mut Bonds,
        table: &TableName,
        columns: &[String],
    ) -> Result<(), Error> {
        let values: Vec<Vec<Value>> = bonds.all.iter().map(|(.., values)| values.clone()).collect();
        let canonicals = match self.scene.catalog.tables.get(table) {
            Some(table) => db::canonical_values(self.session, table, columns, &values)?,
            None => None,
        };
        // Where nobody can tell, each spelling is a value of its own.
        let spelled = || values.into_iter().map(|values| key_to_log(&RowKey(values)).into_bytes()).collect();
        let mut numbers: HashMap<Vec<u8>, usize> = HashMap::new();
        for canonical in canonicals.unwrap_or_else(spelled) {
            bonds.knots.push(*numbers.entry(canonical).or_insert_with(|| ties.knot()));
        }
        Ok(())
    }

    /// How many rows of one end of a foreign key have each of these values. `None` where nobody can tell which of them are equal,
    /// and the set has rows of that table.
    fn counts(
        &mut self,
        set: &[Member],
        (name, columns): (&TableName, &[String]),
        key: &ForeignKey,
        asked: &[(usize, Vec<Value>)],
    ) -> Result<Option<Vec<u64>>, Error> {
        if let Some(table) = self.scene.catalog.tables.get(name)
            && let Some(counts) = db::held_counts(self.session, table, columns, &values_in(asked))?
        {
            return Ok(Some(counts));
        }
        if set.iter().any(|one| one.name == *name) {
            return Ok(None);
        }
        let kinds = self.kinds_of(key);
        let mut found = Vec::with_capacity(asked.len());
        for (_, values) in asked {
            let pairs = columns.iter().zip(values).zip(&kinds).map(|((column, value), kind)| {
                let mut literal = String::new();
                sql::push_value(&mut literal, value, *kind);
                format!("{} = {literal}", sql::name(column))
            });
            let condition = pairs.collect::<Vec<_>>().join(" AND ");
            let query = format!("SELECT 1 FROM {} WHERE {condition} LIMIT 1", sql::name(name.as_str()));
            found.push(u64::from(self.session.first(&query)?.is_some()));
        }
        Ok(Some(found))
    }

    /// What a foreign key's columns hold, from whichever end is known.
    fn kinds_of(&self, key: &ForeignKey) -> Vec<ColumnKind> {
        let ends = [(&key.child, &key.child_columns), (&key.parent, &key.parent_columns)];
        let known = ends.iter().find_map(|(name, columns)| {
            let details = &self.scene.catalog.tables.get(name)?.details;
            let kind = |column: &String| details.iter().find(|one| one.name == *column).map(|one| one.kind);
            columns.iter().map(kind).collect::<Option<Vec<_>>>()
        });
        known.unwrap_or_else(|| vec![ColumnKind::Text; key.child_columns.len()])
    }
}

fn values_in(asked: &[(usize, Vec<Value>)]) -> Vec<Vec<Value>> {
    asked.iter().map(|(_, values)| values.clone()).collect()
}

impl Bonds {
    fn add(&mut self, at: usize, tie: Tie, values: Option<Vec<Value>>) {
        self.all.extend(values.map(|values| (at, tie, values)));
    }

    /// The values of one sort of tie, each once, with their numbers.
    fn asked(&self, wanted: Tie) -> Vec<(usize, Vec<Value>)> {
        let mut seen = HashSet::new();
        let ties = self.all.iter().zip(&self.knots).filter(|((_, tie, _), _)| *tie == wanted);
        let first = ties.filter(|(_, knot)| seen.insert(**knot));
        first.map(|((.., values), knot)| (*knot, values.clone())).collect()
    }

    /// Of rows with these values, how many the set does not change.
    fn without_own(&self, is: Tie, asked: &[(usize, Vec<Value>)], counts: Vec<u64>) -> Vec<u64> {
        let mut own: HashMap<usize, u64> = HashMap::new();
        for (_, knot) in self.all.iter().zip(&self.knots).filter(|((_, tie, _), _)| *tie == is) {
            *own.entry(*knot).or_default() += 1;
        }
        let rest = |((knot, _), count): (&(usize, Vec<Value>), u64)| {
            count.saturating_sub(own.get(knot).copied().unwrap_or(0))
        };
        asked.iter().zip(counts).map(rest).collect()
    }

    fn tie(&self, ties: &mut Ties) {
        for ((at, tie, _), knot) in self.all.iter().zip(&self.knots) {
            ties.tie(*at, *knot, *tie);
        }
    }
}

/// The values of these columns; `None` when one is NULL, or is not among the columns.
fn values_of(shape: &TableShape, row: &RowImage, columns: &[String]) -> Option<Vec<Value>> {
    let value = |column: &String| {
        let at = shape.columns.iter().position(|one| &one.name == column)?;
        row.0.get(at).filter(|value| !value.is_null()).cloned()
    };
    columns.iter().map(value).collect()
}
