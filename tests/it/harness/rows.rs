//! Compares sites row by row and bit by bit.

use super::site::TestSite;

/// Every row of a table as text that keeps every bit, in the order of its key. Generated columns are left out.
#[track_caller]
pub(super) fn rows(site: &TestSite<'_>, table: &str) -> Vec<Vec<Option<String>>> {
    site.query(&select(site, table))
}

/// The query for those rows.
#[track_caller]
pub(super) fn select(site: &TestSite<'_>, table: &str) -> String {
    let columns = site.query(&format!(
        "SELECT column_name, data_type FROM information_schema.columns \
         WHERE table_schema = '{}' AND table_name = '{table}' AND COALESCE(generation_expression, '') = '' \
         ORDER BY ordinal_position",
        site.database()
    ));
    assert!(!columns.is_empty(), "{} has no table {table}", site.name());
    let chosen: Vec<String> =
        columns.iter().map(|column| expression(cell(column, 0), cell(column, 1))).collect();
    let key = site.query(&format!(
        "SELECT column_name FROM information_schema.statistics \
         WHERE table_schema = '{}' AND table_name = '{table}' AND index_name = 'PRIMARY' ORDER BY seq_in_index",
        site.database()
    ));
    assert!(!key.is_empty(), "{table} has no primary key, so its rows have no order");
    let key: Vec<String> = key.iter().map(|column| format!("`{}`", cell(column, 0))).collect();
    format!(
        "SET time_zone = '+00:00'; SELECT {} FROM `{table}` ORDER BY {}",
        chosen.join(", "),
        key.join(", ")
    )
}

/// The text of a column that says all of it: a FLOAT is printed with six digits otherwise.
fn expression(column: &str, kind: &str) -> String {
    let name = format!("`{column}`");
    match kind {
        "float" => format!("CAST({name} + 0e0 AS CHAR)"),
        "bit" | "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            format!("HEX({name})")
        }
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => format!("HEX(ST_AsWKB({name}))"),
        _ => name,
    }
}

fn cell(row: &[Option<String>], index: usize) -> &str {
    row.get(index).and_then(Option::as_deref).unwrap_or_default()
}

/// Fails the test unless both sites hold the same rows in each table, and shows the first that differ.
#[track_caller]
pub(crate) fn assert_equal(left: &TestSite<'_>, right: &TestSite<'_>, tables: &[&str]) {
    let found: Vec<String> = tables.iter().flat_map(|table| differences(left, right, table)).collect();
    assert!(found.is_empty(), "{} and {} differ:\n{}", left.name(), right.name(), found.join("\n"));
}

/// The rows of one table that only one of the sites has, ten of each at most.
#[track_caller]
pub(crate) fn differences(left: &TestSite<'_>, right: &TestSite<'_>, table: &str) -> Vec<String> {
    differences_in(table, (left, rows(left, table)), (right, rows(right, table)))
}

type Rows = Vec<Vec<Option<String>>>;

/// The same of rows that were read already.
pub(super) fn differences_in(
    table: &str,
    (left, ours): (&TestSite<'_>, Rows),
    (right, others): (&TestSite<'_>, Rows),
) -> Vec<String> {
    if ours == others {
        return Vec::new();
    }
    let only = |site: &TestSite<'_>, these: &[Vec<Option<String>>], those: &[Vec<Option<String>>]| {
        let seen: std::collections::HashSet<_> = those.iter().collect();
        let missing = these.iter().filter(|row| !seen.contains(row)).take(10);
        missing.map(|row| format!("{table}: only {} has {row:?}", site.name())).collect::<Vec<_>>()
    };
    let mut found = only(left, &ours, &others);
    found.extend(only(right, &others, &ours));
    if found.is_empty() {
        found.push(format!("{table}: same rows in another order or number"));
    }
    found
}
