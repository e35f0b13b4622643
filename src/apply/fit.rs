//! How a table of a bundle fits the table here, column by column, by name. Pure: two descriptions in, a fit or the
//! reasons against it out.
//!
//! What cannot lose anything is mapped: another order of the columns or of the key's, other letter case, a wider
//! type of the same sort, a further column here that has a default. A column that is not here is left out of
//! those changes that say nothing about it. Everything else holds the bundle until a person has acted.

use std::collections::BTreeSet;

use crate::apply::misfit::Misfit;
use crate::apply::without::Without;
use crate::conflict::same_value;
use crate::db::{Catalog, ColumnDetail, Named, Table};
use crate::model::{Change, ColumnKind, RowImage, RowKey, TableName, TableShape, Value};

/// What becomes of a table of a bundle.
#[derive(Debug, Clone)]
pub(super) enum Fit {
    /// Its changes are written to a table here.
    Written(Box<Mapping>),
    /// A person decided to apply bundles without it.
    LeftOut,
}

/// How the rows of a bundle's table become rows of the table here.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    /// The table here, with the columns that both have, in the bundle's order.
    pub(super) table: Table,
    /// The columns of the bundle that are not written.
    pub(super) left: Vec<Left>,
    /// For each column of `table`, its place in the bundle's rows.
    keep: Vec<usize>,
    /// For each column of the key here, its place in the bundle's keys.
    key: Vec<usize>,
}

/// A column of the bundle that is not written.
#[derive(Debug, Clone)]
pub(super) struct Left {
    /// Its place in the bundle's rows.
    pub(super) at: usize,
    /// Its name in the bundle.
    pub(super) column: String,
    kind: ColumnKind,
    /// Why it is not written, and until when.
    pub(super) until: Until,
}

/// How long a column stays out.
#[derive(Debug, Clone)]
pub(super) enum Until {
    /// Until a change says something about it: then the bundle is held, for this reason.
    ItMatters(Misfit),
    /// A person decided so; its values go to `conflict_log`.
    LaterOrNever,
}

/// What would be lost by leaving a column out of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing: the row goes, or has NULL there, as every row has in a column that is made later.
    Nothing,
    /// Nothing where the row is here, because the value did not change. A row made anew would be without it.
    IfNew,
    /// A value, or the word that there is none any more.
    Value,
}

/// Finds out how a table of a bundle fits the tables here. The reasons against it are all there are.
pub(super) fn fit(
    shape: &TableShape,
    catalog: &Catalog,
    shared: &BTreeSet<TableName>,
    without: &Without,
) -> Result<Fit, Vec<Misfit>> {
    let found = match find(shape, catalog, shared) {
        Ok(table) => map(shape, table, without),
        Err(misfit) => Err(vec![misfit]),
    };
    match found {
        Ok(mapping) => Ok(Fit::Written(Box::new(mapping))),
        Err(_) if without.has_table(&shape.name) => Ok(Fit::LeftOut),
        Err(misfits) => Err(misfits),
    }
}

/// The table here that is meant.
fn find<'c>(
    shape: &TableShape,
    catalog: &'c Catalog,
    shared: &BTreeSet<TableName>,
) -> Result<&'c Table, Misfit> {
    let here = match catalog.named(&shape.name) {
        Named::Here(name) => name,
        Named::Several(found) => return Err(Misfit::TableAmbiguous { found }),
        Named::Nowhere => return Err(Misfit::TableMissing { is_shared: shared.contains(&shape.name) }),
    };
    let Some(table) = catalog.tables.get(&here) else {
        let key = shape.key_columns().map(|column| column.name.clone()).collect();
        return Err(match catalog.unshareable.get(&here) {
            Some(reason) => Misfit::TableUnshareable { reason: reason.clone(), key },
            None => Misfit::TableMissing { is_shared: shared.contains(&here) },
        });
    };
    if shared.contains(&here) { Ok(table) } else { Err(Misfit::TableNotShared { here }) }
}

fn map(shape: &TableShape, table: &Table, without: &Without) -> Result<Mapping, Vec<Misfit>> {
    let (mut details, mut keep, mut left, mut misfits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, column) in shape.columns.iter().enumerate() {
        let is_dropped = without.has_column(&shape.name, &column.name);
        let found = detail(shape, table, &column.name);
        let misfit = match found {
            Some(found) if found.kind.carries(column.kind) => {
                keep.push(at);
                details.push(found.clone());
                continue;
            }
            Some(found) => Misfit::ColumnHoldsOther {
                column: column.name.clone(),
                there: column.kind,
                here: found.column_type.clone(),
            },
            None => Misfit::ColumnMissing {
                column: column.name.clone(),
                kind: column.kind,
                only_here: only_here(shape, table)
                    .filter(|detail| detail.kind.carries(column.kind))
                    .map(|detail| detail.name.clone())
                    .collect(),
            },
        };
        let until = match (found, is_dropped) {
            (_, true) => Until::LaterOrNever,
            (None, false) => Until::ItMatters(misfit),
            // A row made here would get this column's default, which is not what the sender has.
            (Some(_), false) => {
                misfits.push(misfit);
                continue;
            }
        };
        left.push(Left { at, column: column.name.clone(), kind: column.kind, until });
    }
    let written = |wanted: &ColumnDetail| details.iter().any(|detail| detail.name == wanted.name);
    let needed = table.details.iter().filter(|detail| !detail.has_default && !written(detail));
    let needed = needed.filter(|detail| detail_of(shape, detail).is_none());
    misfits
        .extend(needed.map(|detail| Misfit::ColumnNeeded { column: detail.name.clone(), kind: detail.kind }));
    match key(shape, table) {
        Ok(key) if misfits.is_empty() => match table.narrowed(details) {
            Some(table) => return Ok(Mapping { table, left, keep, key }),
            None => misfits.push(key_differs(shape, table)),
        },
        Ok(_) => {}
        Err(misfit) => misfits.push(misfit),
    }
    Err(misfits)
}

/// The column here of this name. Column names that differ in letter case alone are one column, on both servers.
fn detail<'t>(shape: &TableShape, table: &'t Table, name: &str) -> Option<&'t ColumnDetail> {
    let all = || table.details.iter().chain(&table.generated);
    let exact = all().find(|detail| detail.name == name);
    let folded = name.to_lowercase();
    exact.or_else(|| {
        all().find(|detail| {
            detail.name.to_lowercase() == folded
                && shape.columns.iter().all(|column| column.name != detail.name)
        })
    })
}

/// The column of the bundle that is this one here.
fn detail_of<'s>(shape: &'s TableShape, wanted: &ColumnDetail) -> Option<&'s str> {
    let folded = wanted.name.to_lowercase();
    shape.columns.iter().map(|column| column.name.as_str()).find(|name| name.to_lowercase() == folded)
}

/// The columns that only the table here has.
fn only_here<'t>(shape: &'t TableShape, table: &'t Table) -> impl Iterator<Item = &'t ColumnDetail> {
    table.details.iter().filter(|detail| detail_of(shape, detail).is_none())
}

/// For each column of the key here, its place in the bundle's keys.
fn key(shape: &TableShape, table: &Table) -> Result<Vec<usize>, Misfit> {
    let there: Vec<String> = shape.key_columns().map(|column| column.name.to_lowercase()).collect();
    let place = |detail: &ColumnDetail| there.iter().position(|name| *name == detail.name.to_lowercase());
    let places: Option<Vec<usize>> = table.key_details().map(place).collect();
    let places = places.filter(|places| places.len() == there.len());
    places.ok_or_else(|| key_differs(shape, table))
}

fn key_differs(shape: &TableShape, table: &Table) -> Misfit {
    Misfit::KeyDiffers {
        there: shape.key_columns().map(|column| column.name.clone()).collect(),
        here: table.key_details().map(|detail| detail.name.clone()).collect(),
    }
}

impl Mapping {
    /// The change as the table here has it.
    pub(super) fn change(&self, change: Change) -> Change {
        match change {
            Change::Insert { after, time } => Change::Insert { after: self.row(after), time },
            Change::Update { before, after, time } => {
                Change::Update { before: before.map(|row| self.row(row)), after: self.row(after), time }
            }
            Change::Delete { key, before, time } => {
                Change::Delete { key: self.key(key), before: before.map(|row| self.row(row)), time }
            }
        }
    }

    fn row(&self, row: RowImage) -> RowImage {
        if self.left.is_empty() {
            return row;
        }
        let mut values: Vec<Option<Value>> = row.0.into_iter().map(Some).collect();
        let take = |at: &usize| values.get_mut(*at).and_then(Option::take).unwrap_or(Value::Null);
        RowImage(self.keep.iter().map(take).collect())
    }

    fn key(&self, key: RowKey) -> RowKey {
        RowKey(self.key.iter().filter_map(|&at| key.0.get(at).cloned()).collect())
    }
}

impl Left {
    /// What would be lost by leaving this column out of `change`.
    pub(super) fn loss(&self, change: &Change) -> Loss {
        let value = |row: &RowImage| row.0.get(self.at).cloned().unwrap_or(Value::Null);
        match change {
            Change::Delete { .. } => Loss::Nothing,
            Change::Insert { after, .. } if value(after).is_null() => Loss::Nothing,
            Change::Insert { .. } => Loss::Value,
            Change::Update { before: None, after, .. } => self.loss_of(&value(after)),
            Change::Update { before: Some(before), after, .. } => match (value(before), value(after)) {
                (Value::Null, Value::Null) => Loss::Nothing,
                (before, after) if same_value(self.kind, &before, &after) => Loss::IfNew,
                (_, after) => self.loss_of(&after),
            },
        }
    }
}

impl Left {
    /// What would be lost of a value that is new, or may be.
    fn loss_of(&self, after: &Value) -> Loss {
        match (after, &self.until) {
            // The column may have another name here, and hold the old value there.
            (Value::Null, Until::ItMatters(Misfit::ColumnMissing { only_here, .. }))
                if only_here.is_empty() =>
            {
                Loss::Nothing
            }
            (_, Until::ItMatters(_) | Until::LaterOrNever) => Loss::Value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, Stamp};

    fn detail(name: &str, kind: ColumnKind) -> ColumnDetail {
        ColumnDetail::sample(name, kind, &format!("{kind}(9)"))
    }

    fn shape(name: &str, columns: &[(&str, ColumnKind)], key: &[usize]) -> TableShape {
        let column = |(name, kind): &(&str, ColumnKind)| Column { name: (*name).to_owned(), kind: *kind };
        let columns = columns.iter().map(column).collect();
        TableShape { name: TableName::new(name), columns, key: key.to_vec() }
    }

    /// A table here, of which every column but the key's may be left out.
    fn table(name: &str, columns: &[(&str, ColumnKind)], key: &[usize]) -> Table {
        let details = columns.iter().map(|(name, kind)| detail(name, *kind)).collect::<Vec<_>>();
        let width = details.len();
        let shape = shape(name, columns, key);
        Table { shape, details, generated: Vec::new(), width, unique_keys: Vec::new(), triggers: Vec::new() }
    }

    fn fitted(there: &TableShape, here: Table, without: &[&str]) -> Result<Fit, Vec<Misfit>> {
        let name = here.shape.name.clone();
        let catalog = Catalog { tables: [(name.clone(), here)].into(), ..Catalog::default() };
        let without = Without::new(without.iter().map(|word| (*word).to_owned()));
        fit(there, &catalog, &[name].into(), &without)
    }

    #[track_caller]
    fn mapping(there: &TableShape, here: Table, without: &[&str]) -> Mapping {
        match fitted(there, here, without).unwrap() {
            Fit::Written(mapping) => *mapping,
            Fit::LeftOut => panic!("left out"),
        }
    }

    #[track_caller]
    fn misfits(there: &TableShape, here: Table) -> Vec<String> {
        fitted(there, here, &[]).unwrap_err().iter().map(ToString::to_string).collect()
    }

    fn row(values: &[&str]) -> RowImage {
        let value = |text: &&str| if *text == "-" { Value::Null } else { Value::Text((*text).to_owned()) };
        RowImage(values.iter().map(value).collect())
    }

    const ID: (&str, ColumnKind) = ("id", ColumnKind::Integer);
    const NAME: (&str, ColumnKind) = ("name", ColumnKind::Text);
    const COLOUR: (&str, ColumnKind) = ("colour", ColumnKind::Text);
    const PLACE: (&str, ColumnKind) = ("place", ColumnKind::Integer);

    #[test]
    fn order_letter_case_and_further_columns_with_a_default_do_not_matter() {
        let there = shape("items", &[NAME, ID], &[1]);
        let here = table("Items", &[("ID", ColumnKind::Integer), COLOUR, ("Name", ColumnKind::Text)], &[0]);
        let mapping = mapping(&there, here, &[]);
        assert_eq!(mapping.table.shape.name.as_str(), "Items");
        let names: Vec<&str> = mapping.table.details.iter().map(|detail| detail.name.as_str()).collect();
        assert_eq!((names, mapping.table.shape.key), (vec!["Name", "ID"], vec![1]));
    }

    #[test]
    fn a_key_in_another_order_is_put_into_the_order_here() {
        let there = shape("stock", &[ID, PLACE, NAME], &[0, 1]);
        let here = table("stock", &[ID, PLACE, NAME], &[1, 0]);
        let mapping = mapping(&there, here, &[]);
        let time = Stamp::from_micros(0);
        let delete = Change::Delete { key: RowKey(row(&["1", "7"]).0), before: None, time };
        let changed = mapping.change(delete);
        assert_eq!(changed.key(&mapping.table.shape), Some(RowKey(row(&["7", "1"]).0)));
        let insert = mapping.change(Change::Insert { after: row(&["1", "7", "x"]), time });
        assert_eq!(insert.key(&mapping.table.shape), Some(RowKey(row(&["7", "1"]).0)));
    }

    #[test]
    fn a_column_that_is_not_here_is_left_out_while_it_says_nothing() {
        let there = shape("items", &[ID, COLOUR, NAME], &[0]);
        let renamed = mapping(&there, table("items", &[ID, NAME, ("color", ColumnKind::Text)], &[0]), &[]);
        let mapping = mapping(&there, table("items", &[ID, NAME], &[0]), &[]);
        let [left] = mapping.left.as_slice() else { panic!("{:?}", mapping.left) };
        let time = Stamp::from_micros(0);
        let insert = |colour| Change::Insert { after: row(&["1", colour, "x"]), time };
        let update = |before: Option<&str>, after| Change::Update {
            before: before.map(|before| row(&["1", before, "w"])),
            after: row(&["1", after, "x"]),
            time,
        };
        let delete =
            Change::Delete { key: RowKey(row(&["1"]).0), before: Some(row(&["1", "red", "x"])), time };
        for (change, loss) in [
            (insert("-"), Loss::Nothing),
            (insert("red"), Loss::Value),
            (update(Some("-"), "-"), Loss::Nothing),
            (update(Some("red"), "red"), Loss::IfNew),
            (update(Some("red"), "blue"), Loss::Value),
            (update(Some("red"), "-"), Loss::Nothing),
            (update(None, "red"), Loss::Value),
            (update(None, "-"), Loss::Nothing),
            (delete.clone(), Loss::Nothing),
        ] {
            assert_eq!(left.loss(&change), loss, "{change:?}");
        }
        // A column that is only here may be the same under another name, and hold what is to become NULL.
        assert_eq!(renamed.left[0].loss(&update(Some("red"), "-")), Loss::Value);
        assert_eq!(renamed.left[0].loss(&update(None, "-")), Loss::Value);
        assert_eq!(renamed.left[0].loss(&insert("-")), Loss::Nothing);
        assert_eq!(mapping.change(insert("red")).after(), Some(&row(&["1", "x"])));
        assert_eq!(mapping.change(delete).before(), Some(&row(&["1", "x"])));
    }

    #[test]
    fn every_reason_is_named_at_once() {
        let there = shape("items", &[ID, COLOUR, NAME, PLACE], &[0]);
        let mut here =
            table("items", &[ID, ("colour", ColumnKind::Integer), NAME, ("code", ColumnKind::Text)], &[2]);
        here.details[3].has_default = false;
        assert_eq!(
            misfits(&there, here),
            [
                "column colour holds text in the bundle, and is integer(9) here",
                "column code is only here, and a row cannot be made without a value for it",
                "its primary key is (id) in the bundle, and (name) here",
            ]
        );
    }

    #[test]
    fn a_missing_column_may_be_one_that_is_only_here_and_holds_the_same() {
        let there = shape("items", &[ID, COLOUR], &[0]);
        let here = table("items", &[ID, ("color", ColumnKind::Text), PLACE], &[0]);
        let mapping = mapping(&there, here, &[]);
        let Until::ItMatters(Misfit::ColumnMissing { only_here, .. }) = &mapping.left[0].until else {
            panic!("{:?}", mapping.left)
        };
        assert_eq!(only_here, &["color"]);
    }

    #[test]
    fn a_key_column_cannot_be_left_out_and_a_whole_table_can() {
        let there = shape("items", &[ID, PLACE], &[0, 1]);
        let here = || table("items", &[ID], &[0]);
        let key = ["its primary key is (id, place) in the bundle, and (id) here"];
        assert_eq!(misfits(&there, here()), key);
        assert!(fitted(&there, here(), &["items.place"]).is_err());
        assert!(matches!(fitted(&there, here(), &["ITEMS"]), Ok(Fit::LeftOut)));
        // What fits is not left out, whatever was said.
        let fits = shape("items", &[ID], &[0]);
        assert!(matches!(fitted(&fits, here(), &["items"]), Ok(Fit::Written(_))));
    }

    #[test]
    fn a_person_may_leave_out_a_column_that_is_not_here_or_holds_something_else() {
        let there = shape("items", &[ID, COLOUR, PLACE], &[0]);
        let here = table("items", &[ID, ("place", ColumnKind::Text)], &[0]);
        let mapping = mapping(&there, here, &["items.colour", "Items.Place"]);
        assert_eq!(mapping.left.len(), 2);
        assert!(mapping.left.iter().all(|left| matches!(left.until, Until::LaterOrNever)));
    }

    #[test]
    fn a_table_that_is_not_here_or_not_synced_is_no_fit() {
        let there = shape("items", &[ID], &[0]);
        assert_eq!(misfits(&there, table("stock", &[ID], &[0])), ["there is no such table here"]);
        let here = table("items", &[ID], &[0]);
        let catalog = Catalog { tables: [(TableName::new("items"), here)].into(), ..Catalog::default() };
        let misfit = fit(&there, &catalog, &BTreeSet::new(), &Without::default()).unwrap_err();
        assert_eq!(misfit, [Misfit::TableNotShared { here: TableName::new("items") }]);
    }

    #[test]
    fn a_column_that_is_computed_here_is_read_and_never_written() {
        let there = shape("items", &[ID, NAME], &[0]);
        let mut here = table("items", &[ID], &[0]);
        here.generated.push(ColumnDetail { generated: true, ..detail("name", ColumnKind::Text) });
        let mapping = mapping(&there, here, &[]);
        assert!(mapping.left.is_empty() && mapping.table.details[1].generated);
    }
}
