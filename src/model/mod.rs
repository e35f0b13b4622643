//! The nouns of packmule: what a site, a bundle's name, a table's shape, a row and a change are.
//!
//! Values only. Nothing here reads a file, a clock or a database, so every other module may use all of it.

mod bundle_kind;
mod change;
mod digest;
mod direction;
mod json;
mod name;
mod row;
mod row_json;
mod series;
mod shape;
mod site;
mod stamp;
mod user;

pub use bundle_kind::BundleKind;
pub use change::{Change, ChangeCounts, Op};
pub use digest::Digest;
pub use direction::Direction;
pub use json::{Decimal, Json};
pub use name::{BundleName, BundleNameError};
pub use row::{RowImage, RowKey, Value};
pub use row_json::{
    RowJsonError, key_from_log, key_to_log, row_from_json, row_from_older_json, row_json_columns, row_to_json,
};
pub use series::Series;
pub use shape::{Column, ColumnKind, TableName, TableShape};
pub use site::{
    Incarnation, ParseIncarnationError, ParseRoleError, ParseSeqError, ParseSiteError, Role, Seq, Site,
    StreamId,
};
pub use stamp::{ParseStampError, Stamp, ahead_words};
pub use user::{ParseUserNameError, ParseUserRoleError, UserName, UserRole};

/// Reads an even number of hexadecimal digits, upper or lower case. Returns `None` for anything else.
pub fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    digits.chunks_exact(2).map(|pair| Some(nibble(*pair.first()?)? << 4 | nibble(*pair.last()?)?)).collect()
}

/// Writes bytes as lower-case hexadecimal digits.
pub fn hex_from_bytes(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}
