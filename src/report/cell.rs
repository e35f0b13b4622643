//! Values and rows in words: NULL is not an empty text, what is long is cut with its size, and nothing moves the cursor.

use crate::conflict::same_value;
use crate::model::{RowImage, TableShape, Value, hex_from_bytes};
use crate::report::text::{count, escape, size};

/// A value as a person reads it on one line.
pub(crate) fn cell(value: &Value) -> String {
    const BYTES_SHOWN: usize = 8;
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) if needs_quotes(text) => format!("\"{}\"", cut(text)),
        Value::Text(text) => cut(text),
        Value::Bytes(bytes) => {
            let shown = hex_from_bytes(bytes.get(..BYTES_SHOWN).unwrap_or(bytes));
            match bytes.len() > BYTES_SHOWN {
                true => format!("0x{shown}... ({})", size(bytes.len() as u64)),
                false => format!("0x{shown}"),
            }
        }
    }
}

/// Where a text could be taken for something else, or its ends cannot be seen.
fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text == "NULL" || text.trim() != text || text.starts_with('(')
}

/// A text from outside, harmless, and with its length where it is cut.
pub(crate) fn cut(text: &str) -> String {
    const CHARS_SHOWN: usize = 40;
    match text.char_indices().nth(CHARS_SHOWN) {
        Some((at, _)) => {
            let chars = text.chars().count() as u64;
            format!("{}... ({} characters)", escape(text.get(..at).unwrap_or_default()), count(chars))
        }
        None => escape(text),
    }
}

/// The columns in which two rows differ, with the value in the second, as `quantity 7, note shelf B`. Where there is only one of
/// the two, all of its columns that are not NULL.
pub(crate) fn difference(shape: &TableShape, from: Option<&RowImage>, to: Option<&RowImage>) -> String {
    const COLUMNS_SHOWN: usize = 8;
    let words: Vec<String> = match (from, to) {
        (_, None) => return "no row".to_owned(),
        (from, Some(to)) => {
            let cells = shape.columns.iter().zip(&to.0).enumerate();
            let differs = cells.filter(|(at, (column, to))| match from.and_then(|from| from.0.get(*at)) {
                Some(from) => !same_value(column.kind, from, to),
                None => !to.is_null(),
            });
            differs.map(|(_, (column, to))| format!("{} {}", cut(&column.name), cell(to))).collect()
        }
    };
    match words.get(..COLUMNS_SHOWN) {
        Some(first) if words.len() > COLUMNS_SHOWN => {
            format!("{} and {} more columns", first.join(", "), words.len() - COLUMNS_SHOWN)
        }
        _ if words.is_empty() => "the row as it is".to_owned(),
        _ => words.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, ColumnKind, TableName};

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn null_empty_long_binary_and_hostile_values_are_told_apart() {
        assert_eq!(cell(&Value::Null), "NULL");
        assert_eq!(cell(&text("")), "\"\"");
        assert_eq!(cell(&text("NULL")), "\"NULL\"");
        assert_eq!(cell(&text(" a")), "\" a\"");
        assert_eq!(cell(&text("a\x1b[2Jb\n")), "\"a\\u{1b}[2Jb\\n\"");
        assert_eq!(cell(&text(&"x".repeat(1284))), format!("{}... (1 284 characters)", "x".repeat(40)));
        assert_eq!(cell(&Value::Bytes(vec![1, 0xAB])), "0x01ab");
        assert_eq!(cell(&Value::Bytes(vec![0; 98_304])), "0x0000000000000000... (96 KiB)");
    }

    #[test]
    fn only_what_differs_is_named() {
        let column = |name: &str| Column { name: name.to_owned(), kind: ColumnKind::Text };
        let shape =
            TableShape { name: TableName::new("t"), columns: vec![column("a"), column("b")], key: vec![0] };
        let row = |a: Value, b: Value| RowImage(vec![a, b]);
        let (one, two) = (row(text("1"), text("x")), row(text("1"), Value::Null));
        assert_eq!(difference(&shape, Some(&one), Some(&two)), "b NULL");
        assert_eq!(difference(&shape, Some(&one), Some(&one)), "the row as it is");
        assert_eq!(difference(&shape, None, Some(&two)), "a 1");
        assert_eq!(difference(&shape, Some(&one), None), "no row");
    }
}
