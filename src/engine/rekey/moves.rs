//! Which columns move when a lab's keys are moved, and in which order. Pure: tables in, moves or a refusal out.
//!
//! Every column moves by the same rule, so it does not matter to which key it points, or to how many.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Reference, nearest};
use crate::db::{ForeignKey, OutsideKey, TableLayout, integer_max};
use crate::engine::rekey::refusal::Refusal;
use crate::model::TableName;

/// The columns of one table that move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableMove {
    pub(super) table: TableName,
    /// In the order in which rows are sorted, the highest first, so that no row meets one that has not moved yet.
    pub(super) columns: Vec<MovedColumn>,
    pub(super) statements: Statements,
    /// Columns into which the server would write the time of the move.
    pub(super) stamps: Vec<String>,
    /// The application's triggers that would run.
    pub(super) triggers: Vec<String>,
}

/// One column that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MovedColumn {
    pub(super) name: String,
    pub(super) column_type: String,
    pub(super) max: u64,
    pub(super) counts_up: bool,
}

/// In how many statements the columns of a table move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statements {
    /// In one: a CHECK that compares two of the columns never sees one without the other.
    Together,
    /// In one each: no order of rows would suit all unique keys at once.
    OneByOne,
}

/// What the database and the settings say.
pub(super) struct Layout<'a> {
    pub(super) tables: &'a BTreeMap<TableName, TableLayout>,
    pub(super) foreign_keys: &'a [ForeignKey],
    pub(super) outside: &'a [OutsideKey],
    pub(super) references: &'a [Reference],
    /// The tables that are synced: their keys move.
    pub(super) shared: &'a [TableName],
}

/// A column, by its table and its name.
type Place = (TableName, String);

/// The moves, table by table.
pub(super) fn moves(layout: &Layout<'_>) -> Result<Vec<TableMove>, Refusal> {
    check_references(layout)?;
    let links = links(layout);
    let moved = moved(layout, &links);
    for (child, parent) in &links {
        if moved.contains(child) && !moved.contains(parent) {
            let ((table, column), (parent, parent_column)) = (child.clone(), parent.clone());
            return Err(Refusal::PointsElsewhere { table, column, parent, parent_column });
        }
    }
    for reference in layout.references {
        let target = (reference.parent.clone(), reference.parent_column.clone());
        // A table that the centre does not sync keeps its keys, and so does what points to it.
        if layout.shared.contains(&reference.parent) && !moved.contains(&target) {
            let Reference { table, column, parent, parent_column } = reference.clone();
            return Err(Refusal::NotAKey { table, column, parent, parent_column });
        }
    }
    for key in layout.outside {
        if moved.contains(&(key.parent.clone(), key.parent_column.clone())) {
            let OutsideKey { database, table, parent, parent_column } = key.clone();
            return Err(Refusal::FromOutside { database, table, parent, parent_column });
        }
    }
    let mut by_table: BTreeMap<&TableName, Vec<&str>> = BTreeMap::new();
    for (table, column) in &moved {
        by_table.entry(table).or_default().push(column);
    }
    let moves = by_table.into_iter().filter_map(|(table, columns)| {
        layout.tables.get(table).map(|found| table_move(table, found, &columns))
    });
    let mut moves = moves.collect::<Result<Vec<_>, _>>()?;
    moves.retain(|one| !one.columns.is_empty());
    Ok(moves)
}

fn check_references(layout: &Layout<'_>) -> Result<(), Refusal> {
    for reference in layout.references {
        let Reference { table, column, parent, parent_column } = reference;
        for (table, column) in [(table, column), (parent, parent_column)] {
            let Some(found) = layout.tables.get(table) else {
                let known: Vec<&str> = layout.tables.keys().map(TableName::as_str).collect();
                let near = nearest(table.as_str(), &known).map(str::to_owned);
                return Err(Refusal::UnknownTable { table: table.clone(), near });
            };
            if found.column(column).is_none() {
                let known: Vec<&str> = found.columns.iter().map(|column| column.name.as_str()).collect();
                let near = nearest(column, &known).map(str::to_owned);
                return Err(Refusal::UnknownColumn { table: table.clone(), column: column.clone(), near });
            }
        }
    }
    Ok(())
}

/// What points where, declared or not.
fn links(layout: &Layout<'_>) -> Vec<(Place, Place)> {
    let declared = layout.foreign_keys.iter().flat_map(|key| {
        let pairs = key.child_columns.iter().zip(&key.parent_columns);
        pairs
            .map(|(child, parent)| ((key.child.clone(), child.clone()), (key.parent.clone(), parent.clone())))
    });
    let named = layout.references.iter().map(|one| {
        ((one.table.clone(), one.column.clone()), (one.parent.clone(), one.parent_column.clone()))
    });
    declared.chain(named).collect()
}

/// The keys of shared tables that count up, whatever points to them, whatever points to that, and so on.
fn moved(layout: &Layout<'_>, links: &[(Place, Place)]) -> BTreeSet<Place> {
    let mut moved = BTreeSet::new();
    for name in layout.shared {
        let columns = layout.tables.get(name).into_iter().flat_map(|table| &table.columns);
        let keys = columns.filter(|column| column.counts_up);
        moved.extend(keys.map(|column| (name.clone(), column.name.clone())));
    }
    loop {
        let next = links.iter().filter(|(child, parent)| moved.contains(parent) && !moved.contains(child));
        let next: Vec<Place> = next.map(|(child, _)| child.clone()).collect();
        if next.is_empty() {
            return moved;
        }
        moved.extend(next);
    }
}

fn table_move(table: &TableName, found: &TableLayout, columns: &[&str]) -> Result<TableMove, Refusal> {
    if found.engine != "InnoDB" {
        return Err(Refusal::NotInnoDb { table: table.clone(), engine: found.engine.clone() });
    }
    let (names, statements) = order(columns, &found.unique_keys);
    let mut moved = Vec::new();
    // A generated column follows by itself.
    for column in names.iter().filter_map(|name| found.column(name)).filter(|column| !column.is_generated) {
        let (name, column_type) = (column.name.clone(), column.column_type.clone());
        let Some(max) = integer_max(&column_type) else {
            return Err(Refusal::NotWhole { table: table.clone(), column: name, column_type });
        };
        moved.push(MovedColumn { name, column_type, max, counts_up: column.counts_up });
    }
    let stamps = found.columns.iter().filter(|column| column.stamps_itself);
    // INSERT and DELETE triggers do not run for an UPDATE, and packmule's own keep silent.
    let triggers = found.triggers.iter().filter(|trigger| !trigger.is_ours() && trigger.event == "UPDATE");
    Ok(TableMove {
        table: table.clone(),
        columns: moved,
        statements,
        stamps: stamps.map(|column| column.name.clone()).collect(),
        triggers: triggers.map(|trigger| trigger.name.clone()).collect(),
    })
}

/// The order in which rows are sorted so that no row, when it has moved, meets one that has not: the highest first.
///
/// No column ever becomes lower. So a row can only meet another whose columns in that unique key are as high or higher.
/// That one has moved already where the columns of the key that move come first in the order. For several keys this
/// can be had when each one's moving columns are among the next one's; else the columns must move one after the other.
fn order(columns: &[&str], unique_keys: &[Vec<String>]) -> (Vec<String>, Statements) {
    let moving = |key: &Vec<String>| -> BTreeSet<String> {
        key.iter().filter(|column| columns.contains(&column.as_str())).cloned().collect()
    };
    let mut sets: Vec<BTreeSet<String>> = unique_keys.iter().map(moving).collect();
    sets.sort_by_key(BTreeSet::len);
    let nested = sets.iter().zip(sets.iter().skip(1)).all(|(small, large)| small.is_subset(large));
    let mut names: Vec<String> = Vec::new();
    for name in sets.into_iter().flatten().chain(columns.iter().map(|&name| name.to_owned())) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (names, if nested { Statements::Together } else { Statements::OneByOne })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{ColumnLayout, OnParent, Trigger};
    use crate::model::Series;

    /// A table; `*` after a column says that it counts up, anything after a space is its type.
    fn table(columns: &[&str], unique_keys: &[&[&str]]) -> TableLayout {
        let column = |text: &&str| {
            let (name, column_type) = text.split_once(' ').unwrap_or((text, "int"));
            ColumnLayout {
                name: name.trim_end_matches('*').to_owned(),
                column_type: column_type.to_owned(),
                counts_up: name.ends_with('*'),
                stamps_itself: name.starts_with("updated"),
                is_generated: name.starts_with("made"),
            }
        };
        let owned = |key: &&[&str]| key.iter().map(|&name| name.to_owned()).collect();
        TableLayout {
            engine: "InnoDB".to_owned(),
            columns: columns.iter().map(column).collect(),
            unique_keys: unique_keys.iter().map(owned).collect(),
            triggers: Vec::new(),
        }
    }

    fn foreign_key(child: &str, parent: &str) -> ForeignKey {
        let place = |text: &str| {
            let (table, column) = text.split_once('.').unwrap();
            (TableName::new(table), vec![column.to_owned()])
        };
        let ((child, child_columns), (parent, parent_columns)) = (place(child), place(parent));
        ForeignKey {
            name: "k".to_owned(),
            child,
            child_columns,
            parent,
            parent_columns,
            on_delete: OnParent::Cascade,
            on_update: OnParent::Cascade,
        }
    }

    fn reference(child: &str, parent: &str) -> Reference {
        let (table, column) = child.split_once('.').unwrap();
        let (parent, parent_column) = parent.split_once('.').unwrap();
        Reference {
            table: TableName::new(table),
            column: column.to_owned(),
            parent: TableName::new(parent),
            parent_column: parent_column.to_owned(),
        }
    }

    struct World {
        tables: BTreeMap<TableName, TableLayout>,
        foreign_keys: Vec<ForeignKey>,
        outside: Vec<OutsideKey>,
        references: Vec<Reference>,
        shared: Vec<TableName>,
    }

    /// Locations, items in them, stock by item and location, a van that is an item, its trips; users are not synced.
    fn world() -> World {
        let tables = [
            ("locations", table(&["id*", "within", "code varchar(8)"], &[&["id"], &["code"]])),
            ("items", table(&["id*", "location_id", "user_id", "updated_at timestamp"], &[&["id"]])),
            ("stock", table(&["item_id", "location_id", "n"], &[&["location_id", "item_id"]])),
            ("vans", table(&["item_id", "made_twice"], &[&["item_id"]])),
            ("trips", table(&["u char(36)", "van", "no* bigint unsigned"], &[&["u"], &["van", "no"]])),
            ("users", table(&["id*", "desk"], &[&["id"]])),
        ];
        World {
            tables: tables.into_iter().map(|(name, table)| (TableName::new(name), table)).collect(),
            foreign_keys: vec![
                foreign_key("items.location_id", "locations.id"),
                foreign_key("items.user_id", "users.id"),
                foreign_key("stock.location_id", "locations.id"),
                foreign_key("stock.item_id", "items.id"),
                foreign_key("vans.item_id", "items.id"),
                foreign_key("users.desk", "locations.id"),
            ],
            outside: Vec::new(),
            references: vec![
                reference("locations.within", "locations.id"),
                reference("trips.van", "vans.item_id"),
            ],
            shared: ["locations", "items", "stock", "vans", "trips"].map(TableName::new).to_vec(),
        }
    }

    fn run(world: &World) -> Result<Vec<TableMove>, Refusal> {
        let World { tables, foreign_keys, outside, references, shared } = world;
        moves(&Layout { tables, foreign_keys, outside, references, shared })
    }

    fn words(world: &World) -> Vec<String> {
        let word = |one: TableMove| {
            let columns: Vec<&str> = one.columns.iter().map(|column| column.name.as_str()).collect();
            format!("{} {}", one.table, columns.join(","))
        };
        run(world).unwrap().into_iter().map(word).collect()
    }

    fn refusal(change: impl Fn(&mut World)) -> String {
        let mut world = world();
        change(&mut world);
        run(&world).unwrap_err().to_string()
    }

    #[test]
    fn what_points_to_a_key_that_moves_moves_wherever_it_is() {
        assert_eq!(
            words(&world()),
            [
                "items id,location_id",
                "locations id,within",
                "stock item_id,location_id",
                "trips no,van",
                // Not synced, but it points to what is.
                "users desk",
                "vans item_id",
            ]
        );
        let mut lonely = world();
        lonely.shared = vec![TableName::new("stock")];
        assert_eq!(words(&lonely), [] as [&str; 0]);
    }

    #[test]
    fn times_that_the_server_would_write_are_known() {
        let moves = run(&world()).unwrap();
        let stamps: Vec<&Vec<String>> = moves.iter().map(|one| &one.stamps).collect();
        assert_eq!(stamps[0], &["updated_at"]);
        assert!(stamps[1..].iter().all(|stamps| stamps.is_empty()));
    }

    #[test]
    fn what_cannot_move_together_is_refused() {
        let of = TableName::new;
        let missing = |a: &'static str, b: &'static str| {
            move |world: &mut World| world.references.push(reference(a, b))
        };
        for (words, expected) in [
            (
                refusal(missing("itms.x", "items.id")),
                "the settings name table itms, which is not in the database",
            ),
            (
                refusal(missing("items.x", "items.id")),
                "the settings name column items.x, which is not in the database",
            ),
            (
                refusal(missing("items.user_id", "locations.code")),
                "items.user_id cannot point to locations.code, which does not move",
            ),
            (
                refusal(missing("items.user_id", "locations.id")),
                "items.user_id points to keys that move, and to users.id, which stays",
            ),
            (
                refusal(missing("locations.code", "items.id")),
                "locations.code cannot be moved: it is varchar(8), and keys are whole numbers",
            ),
            (
                refusal(|world| world.tables.get_mut(&of("users")).unwrap().engine = "MyISAM".to_owned()),
                "table users cannot be changed together with the others: its engine is MyISAM, not InnoDB",
            ),
            (
                refusal(|world| {
                    let outside = OutsideKey {
                        database: "hr".to_owned(),
                        table: of("desks"),
                        parent: of("locations"),
                        parent_column: "id".to_owned(),
                    };
                    world.outside.push(outside);
                }),
                "table desks of database hr points to locations.id, which would move",
            ),
        ] {
            assert_eq!(words, expected);
        }
    }

    #[test]
    fn a_slip_in_the_settings_is_answered_with_the_nearest_name() {
        let mut world = world();
        world.references = vec![reference("itmes.location_id", "locations.id")];
        assert!(
            matches!(run(&world), Err(Refusal::UnknownTable { near: Some(near), .. }) if near == "items")
        );
        world.references = vec![reference("items.locaton_id", "locations.id")];
        assert!(
            matches!(run(&world), Err(Refusal::UnknownColumn { near: Some(near), .. }) if near == "location_id")
        );
    }

    #[test]
    fn only_triggers_of_the_application_that_an_update_runs_are_named() {
        let mut world = world();
        let trigger = |name: &str, event: &str| Trigger {
            name: name.to_owned(),
            event: event.to_owned(),
            timing: "AFTER".to_owned(),
            body: String::new(),
        };
        world.tables.get_mut(&TableName::new("vans")).unwrap().triggers = vec![
            trigger("packmule_au_vans", "UPDATE"),
            trigger("new_van", "INSERT"),
            trigger("van_log", "UPDATE"),
        ];
        let moves = run(&world).unwrap();
        let names: Vec<&String> = moves.iter().flat_map(|one| &one.triggers).collect();
        assert_eq!(names, ["van_log"]);
    }

    /// Moves rows one by one as a server would, and says whether two rows ever shared a unique value on the way.
    fn collides(rows: &[Vec<u64>], keys: &[Vec<usize>], passes: &[Vec<usize>]) -> bool {
        let series = Series::new(3, 2).unwrap();
        let mut rows = rows.to_vec();
        for columns in passes {
            let mut order: Vec<usize> = (0..rows.len()).collect();
            order.sort_by_key(|&row| {
                std::cmp::Reverse(columns.iter().map(|&at| rows[row][at]).collect::<Vec<_>>())
            });
            for row in order {
                for &column in columns {
                    let key = rows[row][column];
                    // 0 stands for no key.
                    rows[row][column] = if key == 0 { 0 } else { series.place(key) as u64 };
                }
                for key in keys {
                    let mut seen = BTreeSet::new();
                    let values = rows.iter().map(|row| key.iter().map(|&at| row[at]).collect::<Vec<_>>());
                    if !values.into_iter().all(|value| seen.insert(value)) {
                        return true;
                    }
                }
            }
        }
        false
    }

    #[test]
    fn no_row_meets_another_on_the_way_whatever_the_unique_keys_are() {
        let names = ["a", "b", "c"];
        let mut random = fastrand::Rng::with_seed(11);
        let (mut together, mut one_by_one, mut wrong) = (0, 0, 0);
        for _ in 0..3000 {
            let mut keys: Vec<Vec<usize>> = Vec::new();
            for _ in 0..random.usize(1..4) {
                let key: Vec<usize> = (0..3).filter(|_| random.bool()).collect();
                keys.push(if key.is_empty() { vec![0] } else { key });
            }
            let mut rows: Vec<Vec<u64>> = Vec::new();
            for _ in 0..40 {
                let row: Vec<u64> = (0..3).map(|_| random.u64(0..9)).collect();
                let fits =
                    |key: &Vec<usize>| rows.iter().all(|other| key.iter().any(|&at| other[at] != row[at]));
                if keys.iter().all(fits) {
                    rows.push(row);
                }
            }
            let named: Vec<Vec<String>> =
                keys.iter().map(|key| key.iter().map(|&at| names[at].to_owned()).collect()).collect();
            let (order, statements) = order(&names, &named);
            let place = |name: &String| names.iter().position(|other| other == name).unwrap();
            let columns: Vec<usize> = order.iter().map(place).collect();
            let passes: Vec<Vec<usize>> = match statements {
                Statements::Together => vec![columns.clone()],
                Statements::OneByOne => columns.iter().map(|&at| vec![at]).collect(),
            };
            assert!(!collides(&rows, &keys, &passes), "{keys:?} {order:?} {rows:?}");
            match statements {
                Statements::Together => together += 1,
                Statements::OneByOne => one_by_one += 1,
            }
            wrong += usize::from(collides(&rows, &keys, &[columns.into_iter().rev().collect()]));
        }
        // Both ways were taken, and another order would have been noticed.
        assert!(together > 300 && one_by_one > 300 && wrong > 100, "{together} {one_by_one} {wrong}");
    }
}
