//! How one column is read, logged, compared and told from others: one fixed SQL expression a type.
//!
//! The expressions give the same text on MySQL and MariaDB, whatever the session's time zone,
//! character set and sql_mode (tried on MySQL 9.7 and MariaDB 10.11).

use crate::db::error::Error;
use crate::db::sql;
use crate::model::{Column, ColumnKind, Value};

/// What the server says of one column.
#[derive(Debug, Clone)]
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
            ColumnKind::Integer
            | ColumnKind::Decimal
            | ColumnKind::Temporal
            | ColumnKind::Timestamp
            | ColumnKind::Text
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

    /// An expression that differs whenever the stored value differs: case, accents and trailing spaces count.
    pub fn exact_sql(&self, row: &str) -> String {
        let name = format!("{row}.{}", sql::name(&self.name));
        match self.kind {
            ColumnKind::Text | ColumnKind::Json | ColumnKind::Geometry => format!("CAST({name} AS BINARY)"),
            // MySQL compares no vectors, not even for being equal.
            ColumnKind::Binary if self.data_type == "vector" => format!("HEX({name})"),
            ColumnKind::Integer
            | ColumnKind::Decimal
            | ColumnKind::Float
            | ColumnKind::Temporal
            | ColumnKind::Timestamp
            | ColumnKind::Binary => name,
        }
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
    pub fn value(&self, cell: Option<Vec<u8>>) -> Result<Value, Error> {
        let Some(bytes) = cell else {
            return Ok(Value::Null);
        };
        if self.kind.is_bytes() {
            return Ok(Value::Bytes(bytes));
        }
        let text = String::from_utf8(bytes).map_err(|_| Error::Unexpected {
            what: format!("column {} holds text that is not valid in its own character set", self.name),
        })?;
        Ok(Value::Text(match self.kind {
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
