//! Keys that move, in words: a line for each column, and what a person must know before it happens.

use serde_json::{Value, json};

use crate::cli::grid::Grid;
use crate::engine::{ColumnMove, RekeyPlan};
use crate::model::{Series, Site};
use crate::report::number_of;

/// What stands above the table of the columns, or instead of it.
pub(super) fn heading(site: &Site, series: Series, plan: &RekeyPlan) -> String {
    match plan {
        RekeyPlan::Done(when) => {
            format!("The keys of {site} were moved on {} UTC; none moves twice.", when.to_words())
        }
        RekeyPlan::Due(columns) if columns.is_empty() => {
            format!("No key of {site} has to move: there is none yet.")
        }
        RekeyPlan::Due(_) => format!("The keys of {site} move into its series {series}"),
    }
}

/// The columns that move; `None` where there are none.
pub(super) fn grid(plan: &RekeyPlan) -> Option<Grid> {
    let columns = columns(plan);
    let mut grid = Grid::new(&["table", "column", "moves", "from", "to", "type, which has room"]);
    for one in columns {
        let moves = match one.is_key {
            true => number_of(one.count, "key", "keys"),
            false => number_of(one.count, "reference", "references"),
        };
        let range = |(first, last): (u64, u64)| format!("{first} to {last}");
        let table = one.table.to_string();
        grid.row(&[&table, &one.column, &moves, &range(one.from), &range(one.to), &one.column_type]);
    }
    (!columns.is_empty()).then_some(grid)
}

/// How much moves: `96 keys and 120 references`.
pub(super) fn amount(columns: &[ColumnMove]) -> String {
    let sum = |keys: bool| columns.iter().filter(|one| one.is_key == keys).map(|one| one.count).sum();
    let (keys, references): (u64, u64) = (sum(true), sum(false));
    format!(
        "{} and {}",
        number_of(keys, "key", "keys"),
        number_of(references, "reference to them", "references to them")
    )
}

/// The columns that move.
pub(super) fn columns(plan: &RekeyPlan) -> &[ColumnMove] {
    match plan {
        RekeyPlan::Due(columns) => columns,
        RekeyPlan::Done(_) => &[],
    }
}

/// The same for a program.
pub(super) fn to_json(plan: &RekeyPlan) -> Value {
    let columns = columns(plan).iter().map(|one| {
        json!({
            "table": one.table.as_str(),
            "column": one.column,
            "type": one.column_type,
            "is_key": one.is_key,
            "count": one.count,
            "from": [one.from.0, one.from.1],
            "to": [one.to.0, one.to.1],
        })
    });
    let done = match plan {
        RekeyPlan::Due(_) => None,
        RekeyPlan::Done(when) => Some(when.to_string()),
    };
    json!({ "columns": columns.collect::<Value>(), "moved_before": done })
}

/// What a person must know before keys move.
pub(super) const WARNINGS: &[&str] = &[
    "The application must be stopped while they move. What it keeps outside the database",
    "under a key, such as file names and printed labels, keeps the old one.",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Stamp, TableName};

    fn column(column: &str, is_key: bool, count: u64) -> ColumnMove {
        ColumnMove {
            table: TableName::new("items"),
            column: column.to_owned(),
            column_type: "int".to_owned(),
            is_key,
            count,
            from: (1, 50),
            to: (2, 4902),
        }
    }

    #[test]
    fn a_plan_is_a_table_with_a_line_for_each_column() {
        let site: Site = "lab-a".parse().unwrap();
        let series = Series::new(100, 2).unwrap();
        let plan = RekeyPlan::Due(vec![column("id", true, 50), column("room_id", false, 1)]);
        assert_eq!(heading(&site, series, &plan), "The keys of lab-a move into its series 2, 102, 202, ...");
        assert_eq!(
            grid(&plan).unwrap().render(Some(80)),
            "table  column   moves        from     to         type, which has room\n\
             items  id       50 keys      1 to 50  2 to 4902  int\n\
             items  room_id  1 reference  1 to 50  2 to 4902  int\n"
        );
        assert_eq!(amount(columns(&plan)), "50 keys and 1 reference to them");
        assert!(grid(&RekeyPlan::Due(Vec::new())).is_none());
        let done = RekeyPlan::Done(Stamp::from_micros(0));
        assert!(heading(&site, series, &done).contains("on 1 Jan 1970 00:00 UTC; none moves twice"));
    }
}
