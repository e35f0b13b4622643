//! Whether two rows are the same. Exact, except where servers themselves spell one value in two ways.

use crate::model::{ColumnKind, Decimal, Json, RowImage, TableShape, Value};

/// Whether two rows of a table hold the same.
pub fn same_row(shape: &TableShape, a: &RowImage, b: &RowImage) -> bool {
    all_columns(shape, a, b, same)
}

/// Whether two values of a column hold the same.
pub fn same_value(kind: ColumnKind, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (a, b) if a == b => true,
        (Value::Text(a), Value::Text(b)) => same(kind, a, b),
        (Value::Null | Value::Text(_) | Value::Bytes(_), _) => false,
    }
}

/// Whether two rows of a table hold the same to the last bit: one need not be written over the other.
///
/// The sign of a zero counts here, and how a JSON document is spelt, because MariaDB keeps its text.
pub fn identical_row(shape: &TableShape, a: &RowImage, b: &RowImage) -> bool {
    all_columns(shape, a, b, |kind, a, b| match kind {
        ColumnKind::Json => false,
        ColumnKind::Float => same(kind, a, b) && is_negative(a) == is_negative(b),
        ColumnKind::Decimal
        | ColumnKind::Temporal
        | ColumnKind::Integer
        | ColumnKind::Timestamp
        | ColumnKind::Text
        | ColumnKind::Binary
        | ColumnKind::Geometry => same(kind, a, b),
    })
}

fn all_columns(
    shape: &TableShape,
    a: &RowImage,
    b: &RowImage,
    equal: impl Fn(ColumnKind, &str, &str) -> bool,
) -> bool {
    a.0.len() == b.0.len()
        && shape.columns.iter().zip(a.0.iter().zip(&b.0)).all(|(column, (a, b))| match (a, b) {
            (a, b) if a == b => true,
            (Value::Text(a), Value::Text(b)) => equal(column.kind, a, b),
            (Value::Null | Value::Text(_) | Value::Bytes(_), _) => false,
        })
}

/// Whether two different texts are one value.
fn same(kind: ColumnKind, a: &str, b: &str) -> bool {
    match kind {
        // MySQL writes every JSON document anew; MariaDB keeps the text
        ColumnKind::Json => match (Json::parse(a), Json::parse(b)) {
            (Some(a), Some(b)) => a.same(&b),
            (Some(_) | None, _) => false,
        },
        // 1e16 and 1e+16, 0.10 and 0.1: columns of other widths print other digits. MariaDB keeps no sign of a zero.
        ColumnKind::Float => a.parse::<f64>().is_ok_and(|a| b.parse::<f64>() == Ok(a)),
        // 1.5 and 1.50; a ZEROFILL column prints 0001.5
        ColumnKind::Decimal => match (Decimal::parse(a), Decimal::parse(b)) {
            (Some(a), Some(b)) => a == b,
            (Some(_) | None, _) => false,
        },
        ColumnKind::Temporal => without_midnight(a) == without_midnight(b),
        ColumnKind::Integer
        | ColumnKind::Timestamp
        | ColumnKind::Text
        | ColumnKind::Binary
        | ColumnKind::Geometry => false,
    }
}

fn is_negative(number: &str) -> bool {
    number.starts_with('-')
}

/// A day is the same as its beginning: a DATE that became a DATETIME at one site.
fn without_midnight(text: &str) -> &str {
    let bare = without_idle_digits(text);
    bare.strip_suffix(" 00:00:00").filter(|day| day.len() == "2026-01-10".len()).unwrap_or(bare)
}

/// Zeros at the end of a fraction of a second: columns of other widths print more or fewer of them.
fn without_idle_digits(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, TableName};

    fn rows(kind: ColumnKind, a: &str, b: &str) -> (TableShape, RowImage, RowImage) {
        let columns = vec![Column { name: "c".into(), kind }];
        let row = |text: &str| RowImage(vec![Value::Text(text.into())]);
        (TableShape { name: TableName::new("t"), columns, key: vec![0] }, row(a), row(b))
    }

    fn are_same(kind: ColumnKind, a: &str, b: &str) -> bool {
        let (shape, a, b) = rows(kind, a, b);
        same_row(&shape, &a, &b)
    }

    fn are_identical(kind: ColumnKind, a: &str, b: &str) -> bool {
        let (shape, a, b) = rows(kind, a, b);
        identical_row(&shape, &a, &b)
    }

    #[test]
    fn json_is_the_same_when_it_parses_to_the_same_and_no_digit_is_lost() {
        let a = r#"{"b":1.0,"a":[1,2],"n":12345678901234567890123}"#;
        assert!(are_same(ColumnKind::Json, a, r#"{"a": [1, 2], "b": 1, "n": 12345678901234567890123}"#));
        assert!(!are_same(ColumnKind::Json, a, r#"{"a": [1, 2], "b": 1, "n": 1.2345678901234568e22}"#));
        assert!(!are_same(ColumnKind::Json, a, r#"{"a": [2, 1], "b": 1, "n": 12345678901234567890123}"#));
        assert!(
            !are_identical(ColumnKind::Json, "[1]", "[ 1 ]") && are_identical(ColumnKind::Json, "[1]", "[1]")
        );
    }

    #[test]
    fn digits_that_say_nothing_do_not_count_and_all_others_do() {
        assert!(are_same(ColumnKind::Decimal, "1.50", "1.5"));
        assert!(are_same(ColumnKind::Decimal, "-1.50", "-0001.5"));
        assert!(!are_same(ColumnKind::Decimal, "150", "15"));
        assert!(are_same(ColumnKind::Float, "1e16", "1e+16"));
        assert!(are_same(ColumnKind::Temporal, "2026-01-10 10:20:30", "2026-01-10 10:20:30.000"));
        assert!(!are_same(ColumnKind::Temporal, "2026-01-10", "2026-01-1"));
        assert!(are_same(ColumnKind::Temporal, "2026-01-10", "2026-01-10 00:00:00.000"));
        assert!(!are_same(ColumnKind::Temporal, "2026-01-10", "2026-01-10 00:00:01"));
        assert!(!are_same(ColumnKind::Text, "a ", "a"));
    }

    #[test]
    fn the_sign_of_a_zero_makes_no_conflict_and_is_written_all_the_same() {
        assert!(are_same(ColumnKind::Float, "-0.0", "0"));
        assert!(!are_identical(ColumnKind::Float, "-0.0", "0"));
        assert!(are_identical(ColumnKind::Float, "-0.0", "-0"));
    }
}
