//! In which order tables are written: parents before children, circles together. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::db::Catalog;
use crate::model::TableName;

/// A table's place when rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Tables that point to each other in a circle share one; parents have a lower one than children.
    pub circle: usize,
    /// The place within the whole order; no two tables share one.
    pub place: usize,
}

/// Ranks `tables` so that a row's parents are written before it wherever that is possible.
///
/// A table whose triggers write another one also comes before it: the trigger then finds nothing in its way.
pub fn rank(catalog: &Catalog, tables: &BTreeSet<TableName>) -> BTreeMap<TableName, Rank> {
    let mut before: BTreeMap<&TableName, BTreeSet<&TableName>> =
        tables.iter().map(|table| (table, BTreeSet::new())).collect();
    let foreign = catalog.foreign_keys.iter().map(|key| (key.parent.clone(), key.child.clone()));
    let triggered = tables.iter().flat_map(|table| {
        catalog.written_by_triggers_of(table).into_iter().map(|written| (table.clone(), written))
    });
    for (first, second) in foreign.chain(triggered.collect::<Vec<_>>()) {
        if let (Some(first), Some(second)) = (tables.get(&first), tables.get(&second))
            && first != second
        {
            before.entry(second).or_default().insert(first);
        }
    }
    let reach: BTreeMap<&TableName, BTreeSet<&TableName>> =
        tables.iter().map(|table| (table, ancestors(table, &before))).collect();
    let mut ranks = BTreeMap::new();
    let mut circle = 0;
    while ranks.len() < tables.len() {
        // A table is next when all its ancestors are placed, or are in a circle with it.
        let in_circle =
            |a: &TableName, b: &TableName| a == b || (reach[a].contains(b) && reach[b].contains(a));
        let is_next = |table: &&TableName| {
            !ranks.contains_key(*table)
                && reach[*table].iter().all(|other| ranks.contains_key(*other) || in_circle(table, other))
        };
        let Some(first) = tables.iter().find(is_next) else {
            break;
        };
        let members: Vec<&TableName> =
            tables.iter().filter(|table| !ranks.contains_key(*table) && in_circle(first, table)).collect();
        for table in members {
            ranks.insert(table.clone(), Rank { circle, place: ranks.len() });
        }
        circle += 1;
    }
    ranks
}

fn ancestors<'a>(
    table: &'a TableName,
    before: &BTreeMap<&'a TableName, BTreeSet<&'a TableName>>,
) -> BTreeSet<&'a TableName> {
    let mut found = BTreeSet::new();
    let mut open = vec![table];
    while let Some(next) = open.pop() {
        for parent in before.get(next).into_iter().flatten() {
            if found.insert(*parent) {
                open.push(parent);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{ForeignKey, OnParent};

    fn ranked(tables: &[&str], keys: &[(&str, &str)]) -> BTreeMap<TableName, Rank> {
        let foreign_keys = keys.iter().map(|(child, parent)| ForeignKey {
            name: "f".into(),
            child: TableName::new(*child),
            child_columns: vec!["p".into()],
            parent: TableName::new(*parent),
            parent_columns: vec!["id".into()],
            on_delete: OnParent::Restrict,
            on_update: OnParent::Restrict,
        });
        let catalog = Catalog { foreign_keys: foreign_keys.collect(), ..Catalog::default() };
        rank(&catalog, &tables.iter().map(|name| TableName::new(*name)).collect())
    }

    #[test]
    fn parents_come_before_children() {
        let ranks = ranked(&["a", "b", "c"], &[("a", "b"), ("b", "c"), ("a", "a")]);
        let place = |name: &str| ranks[&TableName::new(name)];
        assert!(place("c") < place("b") && place("b") < place("a"));
        assert!(place("c").circle < place("b").circle);
    }

    #[test]
    fn a_circle_shares_a_rank_and_its_children_come_after() {
        let ranks =
            ranked(&["aa", "staff", "store"], &[("staff", "store"), ("store", "staff"), ("aa", "store")]);
        let place = |name: &str| ranks[&TableName::new(name)];
        assert_eq!(place("staff").circle, place("store").circle);
        assert!(place("aa").circle > place("store").circle);
    }
}
