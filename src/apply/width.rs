//! Which values a column is sure to give back as they are, or to refuse. Pure: what the server says of a column in,
//! yes or "look" out. A doubt costs a look; a wrong yes would cost a value, so only what was tried is answered with yes.

use crate::conflict::same_value;
use crate::db::{self, ColumnDetail, Table};
use crate::model::{ColumnKind, RowImage, Value};

/// What fits into a column without a doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Width {
    /// Everything; what does not fit is refused.
    All,
    /// Whole numbers, whatever their size. A program of a lab's own can send others, and the server would round them.
    Whole,
    /// Numbers as a DOUBLE is spelt.
    Double,
    /// Documents without long numbers or names that stand twice.
    Document,
    /// Numbers with so many digits behind the point.
    Decimals(usize),
    /// Numbers that half a DOUBLE can hold.
    Single,
    /// A year of four digits.
    Year,
    /// A day without a time.
    Date,
    /// A time of day, or a span of time, with so many digits of a second.
    Time(usize),
    /// A day and a time with so many digits of a second.
    DateTime(usize),
    /// Text that does not end in a space.
    Char,
    /// Text of so many characters, or without a space at its end.
    VarChar(usize),
    /// These words.
    Enum(Vec<String>),
    /// These words with commas between them, in this order.
    Set(Vec<String>),
    /// Exactly so many bytes.
    Binary(usize),
    /// Nothing.
    Doubtful,
}

/// What fits into the columns of a table without a doubt.
pub struct Widths<'t>(Vec<(&'t ColumnDetail, Width)>);

impl<'t> Widths<'t> {
    /// What fits into the columns of this table.
    pub fn of(table: &'t Table) -> Self {
        Widths(table.details.iter().map(|detail| (detail, Width::of(detail))).collect())
    }

    /// Whether the table is sure to give `row` back as it is, or to refuse it.
    pub(super) fn keep(&self, row: &RowImage) -> bool {
        self.0.iter().zip(&row.0).all(|(column, value)| keeps(column, value))
    }

    /// Whether the column at this place is sure to give `value` back as it is, or to refuse it.
    pub fn keeps(&self, at: usize, value: &Value) -> bool {
        self.0.get(at).is_some_and(|column| keeps(column, value))
    }

    /// The first doubtful value that is another one now, with its column.
    pub(super) fn altered<'r>(
        &self,
        wanted: &'r RowImage,
        found: &'r RowImage,
    ) -> Option<(&'t ColumnDetail, &'r Value, &'r Value)> {
        let cells = self.0.iter().zip(wanted.0.iter().zip(&found.0));
        // A trigger of the application may change other columns; those are set right at the end.
        let mut doubtful = cells.filter(|(column, (wanted, _))| !keeps(column, wanted));
        let altered = doubtful.find(|((detail, _), (wanted, found))| !same_value(detail.kind, wanted, found));
        altered.map(|((detail, _), (wanted, found))| (*detail, wanted, found))
    }
}

fn keeps((detail, width): &(&ColumnDetail, Width), value: &Value) -> bool {
    match value {
        // TIMESTAMP may take it for now, AUTO_INCREMENT for the next number.
        Value::Null if !detail.nullable => false,
        Value::Null | Value::Text(_) | Value::Bytes(_) => width.keeps(value),
    }
}

impl Width {
    fn of(detail: &ColumnDetail) -> Self {
        if detail.generated {
            return Width::Doubtful;
        }
        let inside = detail.column_type.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
        let inside = inside.map(|(inside, _)| inside);
        let number = || inside.and_then(|inside| inside.parse().ok());
        match (detail.kind, detail.data_type.as_str()) {
            (ColumnKind::Integer, _) => Width::Whole,
            (ColumnKind::Geometry, _) => Width::All,
            (ColumnKind::Json, "json") => Width::Document,
            (ColumnKind::Json, _) => Width::All,
            (ColumnKind::Decimal, _) => {
                let scale = inside.and_then(|inside| inside.split_once(',')?.1.trim().parse().ok());
                Width::Decimals(scale.unwrap_or(0))
            }
            // FLOAT(7,2) and DOUBLE(7,2) round to digits of ten.
            (ColumnKind::Float, _) if inside.is_some() => Width::Doubtful,
            (ColumnKind::Float, "double") => Width::Double,
            (ColumnKind::Float, _) => Width::Single,
            // YEAR(2) knows no 1900.
            (ColumnKind::Temporal, "year") if inside == Some("2") => Width::Doubtful,
            (ColumnKind::Temporal, "year") => Width::Year,
            (ColumnKind::Temporal, "date") => Width::Date,
            (ColumnKind::Temporal, "time") => Width::Time(number().unwrap_or(0)),
            (ColumnKind::Temporal | ColumnKind::Timestamp, _) => Width::DateTime(number().unwrap_or(0)),
            (ColumnKind::Text, "char") => Width::Char,
            (ColumnKind::Text, "varchar") => Width::VarChar(number().unwrap_or(0)),
            (ColumnKind::Text, "enum") => Width::Enum(db::members(&detail.column_type)),
            (ColumnKind::Text, "set") => Width::Set(db::members(&detail.column_type)),
            (ColumnKind::Text, "tinytext" | "text" | "mediumtext" | "longtext") => Width::All,
            // UUID and INET have a spelling of their own.
            (ColumnKind::Text, _) => Width::Doubtful,
            (ColumnKind::Binary, "binary") => Width::Binary(number().unwrap_or(0)),
            (ColumnKind::Binary, _) => Width::All,
        }
    }

    /// Whether the column is sure to give `value` back as it is, or to refuse it.
    fn keeps(&self, value: &Value) -> bool {
        match (self, value) {
            (Width::Doubtful, _) => false,
            (Width::All, _) | (_, Value::Null) => true,
            (Width::Binary(length), Value::Bytes(bytes)) => bytes.len() == *length,
            (_, Value::Bytes(_)) => false,
            (_, Value::Text(text)) => self.keeps_text(text),
        }
    }

    fn keeps_text(&self, text: &str) -> bool {
        match self {
            Width::All => true,
            Width::Whole => is_of(text, "-0123456789"),
            Width::Double => is_of(text, "-+.0123456789eE"),
            Width::Document => !has_long_number(text) && db::json_loss(text).is_none(),
            Width::Decimals(digits) => is_of(text, "-0123456789.") && fraction(text) <= *digits,
            Width::Single => text.parse::<f64>().is_ok_and(|number| f64::from(number as f32) == number),
            Width::Year => text.len() == 4 && is_of(text, "0123456789"),
            Width::Date => text.len() == 10 && is_of(text, "-0123456789"),
            Width::Time(digits) => {
                text.contains(':') && is_of(text, "-0123456789:.") && fraction(text) <= *digits
            }
            Width::DateTime(digits) => {
                text.find(' ') == Some(10) && text.contains(':') && fraction(text) <= *digits
            }
            Width::Char => !text.ends_with(' '),
            Width::VarChar(chars) => !text.ends_with(' ') || text.chars().count() <= *chars,
            Width::Enum(words) => words.iter().any(|word| word == text),
            Width::Set(words) => is_in_order(words, text),
            Width::Binary(_) | Width::Doubtful => false,
        }
    }
}

fn is_of(text: &str, characters: &str) -> bool {
    text.chars().all(|one| characters.contains(one))
}

/// How many digits behind the point say something.
fn fraction(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, digits)| digits.trim_end_matches('0').len())
}

/// Whether so many digits stand together, within a text or without, that they may be more than a number keeps.
fn has_long_number(text: &str) -> bool {
    const DIGITS_KEPT: usize = 15;
    let mut digits = 0;
    text.bytes().any(|one| {
        digits = match one {
            b'0'..=b'9' => digits + 1,
            b'.' => digits,
            // An exponent can make any number too large.
            b'e' | b'E' if digits > 0 => DIGITS_KEPT + 1,
            _ => 0,
        };
        digits > DIGITS_KEPT
    })
}

fn is_in_order(words: &[String], text: &str) -> bool {
    let mut rest = words.iter();
    text.is_empty() || text.split(',').all(|one| rest.any(|word| word == one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(kind: ColumnKind, column_type: &str) -> Width {
        Width::of(&ColumnDetail::sample("c", kind, column_type))
    }

    #[test]
    fn what_a_column_would_round_cut_or_fill_up_is_doubtful() {
        use ColumnKind::{Binary, Decimal, Float, Integer, Json, Temporal, Text, Timestamp};
        for (kind, column_type, kept, doubtful) in [
            (Decimal, "decimal(10,2)", "-1.240", "1.239"),
            (Decimal, "decimal(10,0)", "7", "0.5"),
            (Float, "float", "0.25", "0.1"),
            (Float, "double", "-1.5e-300", "0x1p3"),
            (Integer, "int(11)", "-9223372036854775809", "1.5"),
            (Integer, "bit(1)", "1", "1e0"),
            (Float, "double(7,2)", "", "0.25"),
            (Temporal, "year(4)", "2026", "2026-01-01"),
            (Temporal, "year(2)", "", "2026"),
            (Temporal, "date", "2026-01-01", "2026-01-01 10:00:00"),
            (Temporal, "time", "-838:59:59", "10:20:30.5"),
            (Temporal, "time(3)", "10:20:30.500", "2026-01-01 10:20:30"),
            (Temporal, "datetime", "2026-01-01 10:20:30.000", "2026-01-01 10:20:30.5"),
            (Temporal, "datetime(6)", "2026-01-01 10:20:30.123456", "2026-01-01"),
            (Timestamp, "timestamp", "2026-01-01 10:20:30.000000", "2026-01-01 10:20:30.000001"),
            (Timestamp, "timestamp(3)", "0000-00-00 00:00:00", "2026-01-01 10:20:30.0001"),
            (Text, "char(4)", "a", "a "),
            (Text, "varchar(3)", "ab ", "abc "),
            (Text, "longtext", "a ", ""),
            (Text, "enum('it''s','2')", "it's", "1"),
            (Text, "enum('red')", "red", "RED"),
            (Text, "set('a','b','c')", "a,c", "c,a"),
            (Json, "json", r#"{"a": [1.5, "be"]}"#, r#"{"a": 0.1234567890123456}"#),
            (Json, "json", r#"{"a": "x-1"}"#, "[1e400]"),
            (Json, "json", r#"{"a": {"a": 1}}"#, r#"{"a": 1, "a": 1}"#),
            (Json, "longtext", "[12345678901234567890]", ""),
            (Text, "uuid", "", "6CCD780C-BABA-1026-9564-5B8C656024DB"),
        ] {
            let width = width(kind, column_type);
            let text = |text: &str| Value::Text(text.to_owned());
            assert!(kept.is_empty() || width.keeps(&text(kept)), "{column_type} {kept}");
            assert!(doubtful.is_empty() || !width.keeps(&text(doubtful)), "{column_type} {doubtful}");
            assert!(width.keeps(&Value::Null) || width == Width::Doubtful, "{column_type} NULL");
        }
        let binary = width(Binary, "binary(2)");
        assert!(binary.keeps(&Value::Bytes(vec![1, 0])) && !binary.keeps(&Value::Bytes(vec![1])));
        assert!(width(Binary, "varbinary(2)").keeps(&Value::Bytes(vec![1])));
    }
}
