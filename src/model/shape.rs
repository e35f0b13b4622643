//! A table as far as packmule needs to know it: columns in order, what each holds, which make the key.

use std::fmt;
use std::str::FromStr;

use crate::model::{RowImage, RowKey};

/// The name of a table, as the server spells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName(String);

impl TableName {
    /// Wraps a name that a server or a bundle gave.
    pub fn new(name: impl Into<String>) -> Self {
        TableName(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a column holds, and so the one spelling that its values have in logs, bundles and comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Integers of every width, BIT and BOOL: decimal digits, no leading zeros.
    Integer,
    /// DECIMAL: as the server prints it, with all its digits after the point.
    Decimal,
    /// FLOAT and DOUBLE: the shortest decimal text that reads back as the same 64-bit number.
    Float,
    /// DATE, TIME, DATETIME and YEAR, as the server prints them; zero dates included.
    Temporal,
    /// TIMESTAMP: UTC, as a `DATETIME(6)` prints it; the zero timestamp as `0000-00-00 00:00:00`.
    Timestamp,
    /// CHAR, VARCHAR, TEXT, ENUM, SET, UUID, INET: text in UTF-8.
    Text,
    /// JSON: its text; two texts are equal when they parse to the same document.
    Json,
    /// BINARY, VARBINARY, BLOB: bytes.
    Binary,
    /// Geometry: the server's inner form, a 4-byte SRID and WKB. Both servers use the same.
    Geometry,
}

impl ColumnKind {
    const NAMES: [(ColumnKind, &'static str); 9] = [
        (ColumnKind::Integer, "integer"),
        (ColumnKind::Decimal, "decimal"),
        (ColumnKind::Float, "float"),
        (ColumnKind::Temporal, "temporal"),
        (ColumnKind::Timestamp, "timestamp"),
        (ColumnKind::Text, "text"),
        (ColumnKind::Json, "json"),
        (ColumnKind::Binary, "binary"),
        (ColumnKind::Geometry, "geometry"),
    ];

    /// Whether a column of this kind takes the values of `other` as they are. JSON is text on MariaDB before 10.2's CHECK.
    pub fn carries(self, other: ColumnKind) -> bool {
        let is_text = |kind| matches!(kind, ColumnKind::Text | ColumnKind::Json);
        self == other
            || (is_text(self) && is_text(other))
            || (self == ColumnKind::Decimal && other == ColumnKind::Integer)
    }

    /// Whether values of this kind are bytes rather than text.
    pub fn is_bytes(self) -> bool {
        matches!(self, ColumnKind::Binary | ColumnKind::Geometry)
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(kind, _)| kind == self).map_or("unknown", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for ColumnKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind).ok_or(())
    }
}

/// One column of a shared table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Column {
    /// Its name, as the server spells it.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// The columns that travel (generated ones do not) and the primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableShape {
    /// The table.
    pub name: TableName,
    /// Its columns, in the table's order.
    pub columns: Vec<Column>,
    /// Positions in `columns` of the primary key's columns, in the key's order. Never empty.
    pub key: Vec<usize>,
}

impl TableShape {
    /// The key of a row. `None` where the row has fewer columns than the shape.
    pub fn key_of(&self, row: &RowImage) -> Option<RowKey> {
        self.key.iter().map(|&at| row.0.get(at).cloned()).collect::<Option<Vec<_>>>().map(RowKey)
    }

    /// The columns of the key, in the key's order.
    pub fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().filter_map(|&at| self.columns.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_kind_is_read_back_as_written() {
        for (kind, name) in ColumnKind::NAMES {
            assert_eq!(kind.to_string(), name);
            assert_eq!(name.parse(), Ok(kind));
        }
        assert_eq!("blob".parse::<ColumnKind>(), Err(()));
    }
}
