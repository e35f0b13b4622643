//! What a column's default says of rows that were there before the column was added. Pure: text in, a value out.

use crate::model::{ColumnKind, Value};

/// A column's default, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Default {
    /// There is none.
    None,
    /// The same value for every row.
    Literal(String),
    /// A value that only the server could tell, and perhaps another one in each row.
    Expression,
}

impl Default {
    /// Reads a default as MariaDB prints it: as SQL. MySQL prints the bare value.
    pub(super) fn read(text: &str) -> Self {
        let inside = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        match inside {
            Some(inside) if inside.contains('\\') => Default::Expression,
            Some(inside) => Default::Literal(inside.replace("''", "'")),
            None if text.eq_ignore_ascii_case("null") => Default::None,
            None if text.starts_with("b'") || text.starts_with(|one: char| "-0123456789".contains(one)) => {
                Default::Literal(text.to_owned())
            }
            None => Default::Expression,
        }
    }

    /// What a column of this kind with this default was filled with, where that can be known.
    pub(super) fn fill(&self, kind: ColumnKind, data_type: &str, nullable: bool) -> Option<Value> {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        match (self, kind) {
            (Default::None, _) if nullable => Some(Value::Null),
            // NOT NULL without a default: the server takes what is nothing for the type.
            (Default::None, ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Float) => text("0"),
            (Default::None, ColumnKind::Text) if !is_list(data_type) => text(""),
            (Default::Literal(literal), ColumnKind::Integer) => {
                let bits = literal.strip_prefix("b'").and_then(|rest| rest.strip_suffix('\''));
                match bits {
                    Some(bits) => text(&i128::from_str_radix(bits, 2).ok()?.to_string()),
                    None => text(&literal.parse::<i128>().ok()?.to_string()),
                }
            }
            (Default::Literal(literal), ColumnKind::Decimal | ColumnKind::Float) => {
                literal.parse::<f64>().ok().and_then(|_| text(literal))
            }
            (Default::Literal(literal), ColumnKind::Text) => text(literal),
            (Default::Literal(literal), ColumnKind::Temporal)
                if literal.starts_with(|one: char| one.is_ascii_digit()) =>
            {
                text(literal)
            }
            (Default::None | Default::Literal(_) | Default::Expression, _) => None,
        }
    }
}

/// Whether the type is a list of words, the first of which is what is nothing for it.
fn is_list(data_type: &str) -> bool {
    matches!(data_type, "enum" | "set")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_new_column_was_filled_with_is_told_where_it_can_be() {
        let filled = |text: &str, kind, nullable| match Default::read(text).fill(kind, "x", nullable) {
            Some(Value::Text(text)) => text,
            Some(Value::Null) => "NULL".to_owned(),
            Some(Value::Bytes(_)) | None => "unknown".to_owned(),
        };
        assert_eq!(filled("'it''s'", ColumnKind::Text, true), "it's");
        assert_eq!(filled("NULL", ColumnKind::Text, true), "NULL");
        assert_eq!(filled("NULL", ColumnKind::Text, false), "");
        assert_eq!(filled("NULL", ColumnKind::Integer, false), "0");
        assert_eq!(filled("5", ColumnKind::Integer, false), "5");
        assert_eq!(filled("b'101'", ColumnKind::Integer, true), "5");
        assert_eq!(filled("1.50", ColumnKind::Decimal, true), "1.50");
        assert_eq!(filled("'2020-01-01 00:00:00'", ColumnKind::Temporal, true), "2020-01-01 00:00:00");
        assert_eq!(filled("current_timestamp()", ColumnKind::Temporal, true), "unknown");
        assert_eq!(filled("uuid()", ColumnKind::Text, true), "unknown");
        assert_eq!(filled("NULL", ColumnKind::Temporal, false), "unknown");
        assert_eq!(Default::None.fill(ColumnKind::Text, "enum", false), None);
    }
}
