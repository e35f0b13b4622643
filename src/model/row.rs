//! A row as packmule sees it: one exact text or byte string a column, whatever server it came from.

use std::fmt;

/// What one column of one row holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// Numbers, dates, times and text, in the one spelling that [`crate::model::ColumnKind`] names.
    Text(String),
    /// Binary strings, BLOBs and geometry.
    Bytes(Vec<u8>),
}

impl Value {
    /// Whether this is SQL NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// How much memory the content takes, in bytes; used to bound chunks.
    pub fn size_bytes(&self) -> usize {
        match self {
            Value::Null => 1,
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Bytes(bytes) => write!(f, "x'{}'", crate::model::hex_from_bytes(bytes)),
        }
    }
}

/// All columns of one row, in the order of its [`crate::model::TableShape`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowImage(pub Vec<Value>);

impl RowImage {
    /// How much memory the row's content takes, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.0.iter().map(Value::size_bytes).sum()
    }
}

/// The primary key of one row, in the key's column order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(pub Vec<Value>);
