//! Whether two rows are the same. Exact, except where servers themselves spell one value in two ways.

use serde_json::Value as Json;

use crate::model::{ColumnKind, RowImage, TableShape, Value};

/// Whether two rows of a table hold the same.
pub fn same_row(shape: &TableShape, a: &RowImage, b: &RowImage) -> bool {
    a.0.len() == b.0.len()
        && shape
            .columns
            .iter()
            .zip(a.0.iter().zip(&b.0))
            .all(|(column, (a, b))| same_value(column.kind, a, b))
}

/// Whether two values of a column hold the same.
pub fn same_value(kind: ColumnKind, a: &Value, b: &Value) -> bool {
    a == b || (!a.is_null() && !b.is_null() && same(kind, a, b))
}

fn same(kind: ColumnKind, a: &Value, b: &Value) -> bool {
    let (Value::Text(a), Value::Text(b)) = (a, b) else {
        return false;
    };
    match kind {
        // MySQL writes every JSON document anew; MariaDB keeps the text
        ColumnKind::Json => match (serde_json::from_str(a), serde_json::from_str(b)) {
            (Ok(a), Ok(b)) => same_json(&a, &b),
            _ => false,
        },
        // 1e16 and 1e+16, 0.10 and 0.1: columns of other widths print other digits
        ColumnKind::Float => a.parse::<f64>().is_ok_and(|a| b.parse::<f64>() == Ok(a)),
        ColumnKind::Decimal => without_idle_digits(a) == without_idle_digits(b),
        ColumnKind::Temporal => without_midnight(a) == without_midnight(b),
        ColumnKind::Integer
        | ColumnKind::Timestamp
        | ColumnKind::Text
        | ColumnKind::Binary
        | ColumnKind::Geometry => false,
    }
}

/// Zeros at the end of a fraction: columns of other widths print more or fewer of them.
fn without_idle_digits(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A day is the same as its beginning: a DATE that became a DATETIME at one site.
fn without_midnight(text: &str) -> &str {
    let bare = without_idle_digits(text);
    bare.strip_suffix(" 00:00:00").filter(|day| day.len() == "2026-01-10".len()).unwrap_or(bare)
}

/// Numbers are the same when they are the same 64-bit number: MySQL keeps large ones as such.
fn same_json(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            a.to_string() == b.to_string() || a.as_f64().is_some_and(|a| b.as_f64() == Some(a))
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same_json(a, b)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn json_is_the_same_when_it_parses_to_the_same() {
        let a = text(r#"{"b":1.0,"a":[1,2],"n":12345678901234567890123}"#);
        let b = text(r#"{"a": [1, 2], "b": 1, "n": 1.2345678901234568e22}"#);
        assert!(same(ColumnKind::Json, &a, &b));
        assert!(!same(ColumnKind::Json, &a, &text(r#"{"a": [2, 1], "b": 1}"#)));
    }

    #[test]
    fn digits_that_say_nothing_do_not_count_and_all_others_do() {
        assert!(same(ColumnKind::Decimal, &text("1.50"), &text("1.5")));
        assert!(!same(ColumnKind::Decimal, &text("150"), &text("15")));
        assert!(same(ColumnKind::Float, &text("1e16"), &text("1e+16")));
        let (coarse, fine) = (text("2026-01-10 10:20:30"), text("2026-01-10 10:20:30.000"));
        assert!(same(ColumnKind::Temporal, &coarse, &fine));
        assert!(!same(ColumnKind::Temporal, &text("2026-01-10"), &text("2026-01-1")));
        let (day, morning) = (text("2026-01-10"), text("2026-01-10 00:00:01"));
        assert!(same(ColumnKind::Temporal, &day, &text("2026-01-10 00:00:00.000")));
        assert!(!same(ColumnKind::Temporal, &day, &morning));
        assert!(!same(ColumnKind::Text, &text("a "), &text("a")));
    }
}
