//! What stands in the way of rows that are to be written, found for many of them with one question: a unique value that
//! another row has, a parent that is not there, children that are. Reads, but writes nothing.
//!
//! Only what is certain is said. A row in question may still be refused by the server; that shows when it is written.

use std::collections::{HashMap, HashSet};

use crate::apply::error::Error;
use crate::apply::order::{Order, Refusal};
use crate::conflict::Kind;
use crate::db::{self, Catalog, ForeignKey, Session, Table};
use crate::model::{Op, RowImage, RowKey, Value, key_to_log};

/// Finds those of `orders` that the rows here do not allow. `all` are the orders that are written together: what one of them may
/// change is no certain obstacle.
///
/// Triggers of the application may change what is written, or what is in its way, so nothing is certain where there are any.
pub(super) fn obstacles(
    session: &mut Session,
    catalog: &Catalog,
    table: &Table,
    orders: &[&Order<'_>],
    all: &[Order<'_>],
) -> Result<Vec<Refusal>, Error> {
    let Some(whole) = catalog.tables.get(&table.shape.name).filter(|whole| !whole.has_foreign_triggers())
    else {
        return Ok(Vec::new());
    };
    let mut search =
        Search { session, catalog, table, whole, own: own_keys(table, all), found: HashMap::new() };
    search.for_children(orders)?;
    search.for_parents(orders)?;
    search.for_holders(orders)?;
    let mut refusals: Vec<Refusal> = search.found.into_values().collect();
    refusals.sort_by_key(|refusal| refusal.at);
    Ok(refusals)
}

/// The keys of rows that are written, as they are spelt there and here.
fn own_keys(table: &Table, orders: &[Order<'_>]) -> HashSet<RowKey> {
    let here = orders.iter().filter_map(|order| table.shape.key_of(order.current?));
    orders.iter().map(|order| order.key.clone()).chain(here).collect()
}

struct Search<'l> {
    session: &'l mut Session,
    catalog: &'l Catalog,
    /// With the columns that are written.
    table: &'l Table,
    /// With all columns that there are here.
    whole: &'l Table,
    own: HashSet<RowKey>,
    found: HashMap<usize, Refusal>,
}

impl Search<'_> {
    /// Rows to be deleted to which others point that stay.
    fn for_children(&mut self, orders: &[&Order<'_>]) -> Result<(), Error> {
        let gone: Vec<&&Order<'_>> = orders.iter().filter(|order| order.op() == Op::Delete).collect();
        let name = &self.table.shape.name;
        let keys: Vec<RowKey> = gone.iter().map(|order| order.key.clone()).collect();
        // Rows of the same table may go together with it.
        let foreign = self.catalog.children_of(name).filter(|key| key.child != *name);
        for key in foreign {
            let parents: HashSet<RowKey> =
                db::with_children(self.session, self.whole, key, &keys)?.into_iter().collect();
            for order in &gone {
                let here = order.current.and_then(|row| self.table.shape.key_of(row));
                if parents.contains(here.as_ref().unwrap_or(&order.key)) {
                    let note = format!("rows of {} here belong to it", key.child);
                    refuse(&mut self.found, order.at, Kind::Orphan, note);
                }
            }
        }
        Ok(())
    }

    /// Rows that would point to one that is not there.
    fn for_parents(&mut self, orders: &[&Order<'_>]) -> Result<(), Error> {
        let keys: Vec<&ForeignKey> = self.catalog.parents_of(&self.table.shape.name).collect();
        for key in keys {
            let Some(parent) = self.catalog.tables.get(&key.parent) else {
                continue;
            };
            let sought = self.sought(orders, &key.child_columns);
            let values: Vec<Vec<Value>> = sought.iter().map(|(_, values)| values.clone()).collect();
            let Some(holders) = db::holders(self.session, parent, &key.parent_columns, &values)? else {
                continue;
            };
            // A parent of the same table may come together with it.
            let is_own = key.parent == self.table.shape.name;
            let coming: HashSet<Vec<Value>> = match is_own {
                true => self
                    .values_of(orders, &key.parent_columns)
                    .into_iter()
                    .map(|(_, values)| values)
                    .collect(),
                false => HashSet::new(),
            };
            for ((at, values), holders) in sought.into_iter().zip(holders) {
                if holders.is_empty() && !coming.contains(&values) {
                    let note =
                        format!("{} has no row with {}", key.parent, words(&key.parent_columns, &values));
                    refuse(&mut self.found, at, Kind::Orphan, note);
                }
            }
        }
        Ok(())
    }

    /// Rows with a unique value that another row has, and keeps.
    fn for_holders(&mut self, orders: &[&Order<'_>]) -> Result<(), Error> {
        for columns in &self.whole.unique_keys {
            let sought = self.sought(orders, columns);
            let values: Vec<Vec<Value>> = sought.iter().map(|(_, values)| values.clone()).collect();
            let Some(holders) = db::holders(self.session, self.whole, columns, &values)? else {
                continue;
            };
            for ((at, values), holders) in sought.into_iter().zip(holders) {
                if let Some(holder) = holders.iter().find(|key| !self.own.contains(key)) {
                    let (values, holder) = (words(columns, &values), key_to_log(holder));
                    let note = format!("{values} belongs to row {holder} of {} here", self.table.shape.name);
                    refuse(&mut self.found, at, Kind::Unique, note);
                }
            }
        }
        Ok(())
    }

    /// What the rows hold in these columns, where none is NULL and it is not what the row here holds already.
    fn sought(&self, orders: &[&Order<'_>], columns: &[String]) -> Vec<(usize, Vec<Value>)> {
        let rows = self.values_of(orders, columns).into_iter();
        let current: HashMap<usize, &RowImage> =
            orders.iter().filter_map(|order| Some((order.at, order.current?))).collect();
        let places = self.places(columns);
        let is_new = |(at, values): &(usize, Vec<Value>)| {
            let before = current.get(at).zip(places.as_ref()).and_then(|(row, places)| pick(row, places));
            before.as_ref() != Some(values)
        };
        rows.filter(is_new).collect()
    }

    fn values_of(&self, orders: &[&Order<'_>], columns: &[String]) -> Vec<(usize, Vec<Value>)> {
        let Some(places) = self.places(columns) else {
            return Vec::new();
        };
        let left = orders.iter().filter(|order| !self.found.contains_key(&order.at));
        left.filter_map(|order| Some((order.at, pick(order.row?, &places)?))).collect()
    }

    fn places(&self, columns: &[String]) -> Option<Vec<usize>> {
        let place = |name: &String| self.table.details.iter().position(|detail| &detail.name == name);
        columns.iter().map(place).collect()
    }
}

/// The values at these places; `None` where one is NULL.
fn pick(row: &RowImage, places: &[usize]) -> Option<Vec<Value>> {
    places.iter().map(|&at| row.0.get(at).filter(|value| !value.is_null()).cloned()).collect()
}

fn refuse(found: &mut HashMap<usize, Refusal>, at: usize, kind: Kind, note: String) {
    found.entry(at).or_insert(Refusal { at, kind, note });
}

/// `shelf 7, row 2`
fn words(columns: &[String], values: &[Value]) -> String {
    const CHARS_MAX: usize = 60;
    let pairs = columns.iter().zip(values).map(|(column, value)| {
        let value = key_to_log(&RowKey(vec![value.clone()]));
        let short: String = value.chars().take(CHARS_MAX).collect();
        let more = if short.len() < value.len() { "..." } else { "" };
        format!("{column} {short}{more}")
    });
    pairs.collect::<Vec<_>>().join(", ")
}
