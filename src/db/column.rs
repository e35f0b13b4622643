//! How one column is read, logged, compared and told from others: one fixed SQL expression a type.
//!
//! The expressions give the same text on MySQL and MariaDB, whatever the session's time zone,
//! character set and sql_mode (tried on MySQL 9.7 and MariaDB 10.11).

use crate::db::members::members;
use crate::db::sql;
use crate::model::{Column, ColumnKind, Value};

/// What the server says of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDetail {
    /// The column's name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// `int`, `varchar`, ...
    pub data_type: String,
    /// `int(10) unsigned`, `varchar(40)`, ...
    pub column_type: String,
    /// The collation of a text column.
    pub collation: Option<String>,
    /// The character set of a text column.
    pub charset: Option<String>,
    /// Whether trailing spaces do not count when two values are compared.
    pub pads: bool,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// Whether a row can be inserted without naming this column.
    pub has_default: bool,
    /// Whether the server numbers it.
    pub auto_increment: bool,
    /// Whether the server computes it, so that nobody can write it.
    pub generated: bool,
    /// What rows that were there already hold in it after it was added, where that can be known.
    pub fill: Option<Value>,
}

impl ColumnDetail {
    /// What a column of this type holds. `None` for types that packmule does not know.
    pub(super) fn kind_of(data_type: &str, is_json_text: bool) -> Option<ColumnKind> {
        Some(match data_type {
            "longtext" if is_json_text => ColumnKind::Json,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "bit" => ColumnKind::Integer,
            "decimal" => ColumnKind::Decimal,
            "float" | "double" => ColumnKind::Float,
            "date" | "time" | "datetime" | "year" => ColumnKind::Temporal,
            "timestamp" => ColumnKind::Timestamp,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set"
            | "uuid" | "inet4" | "inet6" => ColumnKind::Text,
            "json" => ColumnKind::Json,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector" => {
                ColumnKind::Binary
            }
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
            | "multipolygon" | "geomcollection" | "geometrycollection" => ColumnKind::Geometry,
            _ => return None,
        })
    }

    /// The name and kind, as bundles carry them.
    pub fn column(&self) -> Column {
        Column { name: self.name.clone(), kind: self.kind }
    }

    /// The expression whose answer [`ColumnDetail::value`] reads.
    pub fn read_sql(&self) -> String {
        self.read_sql_of(sql::name(&self.name))
    }

    /// The same where the value stands elsewhere, such as "p.`id`".
    pub fn read_sql_of(&self, name: String) -> String {
        match self.kind {
            ColumnKind::Integer if self.data_type == "bit" => format!("CAST({name} AS UNSIGNED)"),
            ColumnKind::Float => float_sql(&name),
            ColumnKind::Temporal if self.is_short_year() => year_sql(&name),
            ColumnKind::Text => self.doubted_sql(name),
            ColumnKind::Integer
            | ColumnKind::Decimal
            | ColumnKind::Temporal
            | ColumnKind::Timestamp
            | ColumnKind::Json
            | ColumnKind::Binary
            | ColumnKind::Geometry => name,
        }
    }

    /// The expression that a trigger logs: text, whatever the session of the application looks like.
    /// `name` is where the value stands, such as "OLD.`id`".
    pub fn log_sql(&self, name: &str) -> String {
        match self.kind {
            ColumnKind::Integer if self.data_type == "bit" => {
                format!("CAST(CAST({name} AS UNSIGNED) AS CHAR)")
            }
            ColumnKind::Temporal if self.is_short_year() => format!("CAST({} AS CHAR)", year_sql(name)),
            // text, because a ZEROFILL number is no JSON number
            ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Temporal | ColumnKind::Json => {
                format!("CAST({name} AS CHAR)")
            }
            ColumnKind::Float => float_sql(name),
            // seconds, so that the session's time zone and its hour that comes twice do not matter; in a trigger
            // MariaDB has no number for the zero timestamp
            ColumnKind::Timestamp => {
                format!("IF({name} IS NULL, NULL, COALESCE(CAST(UNIX_TIMESTAMP({name}) AS CHAR), '0'))")
            }
            ColumnKind::Text => format!("CONVERT({name} USING utf8mb4)"),
            ColumnKind::Binary | ColumnKind::Geometry => format!("HEX({name})"),
        }
    }

    /// A condition that holds when a row's value is stored alike in `old` and `new`, such as `OLD` and `NEW`: case, accents,
    /// trailing spaces and the sign of a zero count.
    pub fn same_sql(&self, old: &str, new: &str) -> String {
        let name = sql::name(&self.name);
        let both = |form: &dyn Fn(String) -> String| {
            format!("{} <=> {}", form(format!("{old}.{name}")), form(format!("{new}.{name}")))
        };
        match self.kind {
            ColumnKind::Text | ColumnKind::Json | ColumnKind::Geometry => {
                both(&|value| format!("CAST({value} AS BINARY)"))
            }
            // -0 equals 0
            ColumnKind::Float => {
                format!("{} AND {}", both(&|value| value), both(&|value| format!("CAST({value} AS CHAR)")))
            }
            // MySQL compares the clock of the session's time zone, in which an hour of autumn comes twice
            ColumnKind::Timestamp => {
                format!("{} AND {}", both(&|value| value), both(&|value| format!("UNIX_TIMESTAMP({value})")))
            }
            // MySQL compares no vectors, not even for being equal.
            ColumnKind::Binary if self.data_type == "vector" => both(&|value| format!("HEX({value})")),
            ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Temporal | ColumnKind::Binary => {
                both(&|value| value)
            }
        }
    }

    /// A condition that holds where [`ColumnDetail::log_sql`] would give NULL for a value, because its text would be longer than
    /// the server lets a text be. `None` for columns that cannot hold as much.
    pub fn overflow_sql(&self, name: &str) -> Option<String> {
        // HEX doubles the length; a document of MySQL's grows sixfold when all of it has to be escaped
        let (length, growth) = match (self.kind, self.data_type.as_str()) {
            (ColumnKind::Json, "json") => ("JSON_STORAGE_SIZE", 6),
            (ColumnKind::Binary, "mediumblob" | "longblob") => ("LENGTH", 2),
            (ColumnKind::Geometry, data_type) if data_type != "point" => ("LENGTH", 2),
            (ColumnKind::Text | ColumnKind::Json, "mediumtext" | "longtext") => {
                let is_utf8 = self.charset.as_ref().is_some_and(|charset| charset.starts_with("utf8"));
                ("LENGTH", if is_utf8 { 1 } else { 3 })
            }
            (
                ColumnKind::Integer
                | ColumnKind::Decimal
                | ColumnKind::Float
                | ColumnKind::Temporal
                | ColumnKind::Timestamp
                | ColumnKind::Text
                | ColumnKind::Json
                | ColumnKind::Binary
                | ColumnKind::Geometry,
                _,
            ) => return None,
        };
        Some(format!("{length}({name}) > @@max_allowed_packet DIV {growth}"))
    }

    /// A text with a mark behind it, by which [`ColumnDetail::value`] knows it, where it would not come back as it is stored:
    /// bytes without a Unicode character or with one that other bytes have too, and the ENUM value that is none.
    fn doubted_sql(&self, name: String) -> String {
        let text = format!("CONVERT({name} USING utf8mb4)");
        // bytes, because no text could hold the mark
        let (plain, marked) =
            (format!("CAST({text} AS BINARY)"), format!("CONCAT(CAST({text} AS BINARY), X'FF')"));
        if self.data_type == "enum" && members(&self.column_type).iter().any(String::is_empty) {
            return format!("IF({name}+0 <=> 0, {marked}, {plain})");
        }
        match &self.charset {
            Some(charset) if self.may_lose_characters() => format!(
                "IF(CAST(CONVERT({text} USING {charset}) AS BINARY) <=> CAST({name} AS BINARY), {plain}, {marked})"
            ),
            Some(_) | None => name,
        }
    }

    /// Whether the column's character set has bytes without a character of their own in Unicode.
    pub fn may_lose_characters(&self) -> bool {
        const EXACT: [&str; 9] =
            ["utf8mb4", "utf8mb3", "utf8", "utf16", "utf16le", "utf32", "ucs2", "latin1", "binary"];
        self.charset.as_ref().is_some_and(|charset| !EXACT.contains(&charset.as_str()))
    }

    /// MariaDB's YEAR(2), which prints two digits of four.
    fn is_short_year(&self) -> bool {
        self.column_type == "year(2)"
    }

    /// Whether two different texts can be the same key here: the collation then says which are.
    pub fn is_collated(&self) -> bool {
        let is_binary = |collation: &String| collation.ends_with("_bin") && !self.pads;
        self.kind == ColumnKind::Text && self.collation.as_ref().is_some_and(|name| !is_binary(name))
    }

    /// For a collated column: an expression over the text `expr` that is equal exactly for equal keys.
    pub fn weight_sql(&self, expr: &str) -> String {
        let (Some(charset), Some(collation)) = (&self.charset, &self.collation) else {
            return expr.to_owned();
        };
        let converted = format!("CONVERT({expr} USING {charset})");
        let bare = if self.pads { format!("RTRIM({converted})") } else { converted };
        format!("HEX(WEIGHT_STRING({bare} COLLATE {collation}))")
    }

    /// Reads a cell that [`ColumnDetail::read_sql`] gave, into the one spelling of its kind.
    pub fn value(&self, cell: Option<Vec<u8>>) -> Cell {
        let Some(bytes) = cell else {
            return Cell::Exact(Value::Null);
        };
        if self.kind.is_bytes() {
            return Cell::Exact(Value::Bytes(bytes));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                return Cell::Doubted(Value::Text(String::from_utf8_lossy(error.as_bytes()).into_owned()));
            }
        };
        Cell::Exact(Value::Text(match self.kind {
            ColumnKind::Integer => without_leading_zeros(text),
            ColumnKind::Timestamp => with_micros(text),
            ColumnKind::Decimal
            | ColumnKind::Float
            | ColumnKind::Temporal
            | ColumnKind::Text
            | ColumnKind::Json
            | ColumnKind::Binary
            | ColumnKind::Geometry => text,
        }))
    }
}

/// What a cell held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// All of it.
    Exact(Value),
    /// A text that cannot be read exactly; replacement characters stand for what has no character in Unicode.
    Doubted(Value),
}

impl Cell {
    /// The value, be it exact or not.
    pub fn into_value(self) -> Value {
        match self {
            Cell::Exact(value) | Cell::Doubted(value) => value,
        }
    }
}

/// All four digits of a YEAR(2), which is from 1970 to 2069.
fn year_sql(name: &str) -> String {
    // compared as a number: as a year, 70 is 1970
    format!("IF({name} + 0 < 70, {name} + 2000, {name} + 1900)")
}

/// Every digit of a number with a binary fraction.
///
/// *1e0 drops a display width such as FLOAT(7,2), widens FLOAT exactly and keeps -0. As JSON, because MySQL's CAST and CONCAT
/// print 22 characters at most, and so lose the last digits of numbers such as -1.7976931348623157e308.
fn float_sql(name: &str) -> String {
    format!("IF({name} IS NULL, NULL, JSON_UNQUOTE(JSON_EXTRACT(JSON_ARRAY({name}*1e0), '$[0]')))")
}

/// ZEROFILL columns print `00042`.
fn without_leading_zeros(text: String) -> String {
    if !text.starts_with('0') || text.len() == 1 {
        return text;
    }
    let bare = text.trim_start_matches('0');
    if bare.is_empty() { "0".to_owned() } else { bare.to_owned() }
}

/// A TIMESTAMP prints as many digits as its column has; here it always has six, and zero has none.
fn with_micros(mut text: String) -> String {
    if text.starts_with("0000-00-00") {
        return "0000-00-00 00:00:00".to_owned();
    }
    if !text.contains('.') {
        text.push('.');
    }
    while text.len() < "2026-11-08 16:40:00.123456".len() {
        text.push('0');
    }
    text
}

#[cfg(test)]
impl ColumnDetail {
    /// A column as tests need one, such as `decimal(10,2)`: it may be NULL, is not numbered and not computed.
    pub(crate) fn sample(name: &str, kind: ColumnKind, column_type: &str) -> ColumnDetail {
        ColumnDetail {
            name: name.to_owned(),
            kind,
            data_type: column_type.split(['(', ' ']).next().unwrap_or_default().to_owned(),
            column_type: column_type.to_owned(),
            collation: None,
            charset: None,
            pads: false,
            nullable: true,
            has_default: true,
            auto_increment: false,
            generated: false,
            fill: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_brought_into_the_one_spelling_of_its_kind() {
        assert_eq!(without_leading_zeros("00042".into()), "42");
        assert_eq!(without_leading_zeros("000".into()), "0");
        assert_eq!(without_leading_zeros("-7".into()), "-7");
        assert_eq!(with_micros("2026-11-08 16:40:00".into()), "2026-11-08 16:40:00.000000");
        assert_eq!(with_micros("2026-11-08 16:40:00.5".into()), "2026-11-08 16:40:00.500000");
        assert_eq!(with_micros("0000-00-00 00:00:00.000".into()), "0000-00-00 00:00:00");
    }
}
