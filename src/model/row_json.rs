//! Rows and keys as `sync_log` and `conflict_log` hold them: JSON of texts, bytes as hexadecimal digits.
//!
//! Both a trigger and this file write these texts, so what one writes the other must read; the
//! spelling of each kind of column is fixed in [`ColumnKind`].

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::model::{
    Column, ColumnKind, RowImage, RowKey, Stamp, TableShape, Value, bytes_from_hex, hex_from_bytes,
};

/// Writes a row as a JSON object of column name -> text, bytes in upper-case hexadecimal digits.
pub fn row_to_json(shape: &TableShape, row: &RowImage) -> String {
    let fields = shape.columns.iter().zip(&row.0);
    Json::Object(fields.map(|(column, value)| (column.name.clone(), to_json(value))).collect::<Map<_, _>>())
        .to_string()
}

/// Reads a row that a trigger or [`row_to_json`] wrote.
///
/// A column that the object lacks (it was added after the row was logged) makes the whole row unknown: an error.
pub fn row_from_json(shape: &TableShape, text: &str) -> Result<RowImage, RowJsonError> {
    let Ok(Json::Object(fields)) = serde_json::from_str(text) else {
        return Err(RowJsonError::NotAnObject);
    };
    let values = shape.columns.iter().map(|column| {
        let field = fields.get(&column.name);
        field
            .and_then(|field| from_json(field, column.kind))
            .ok_or_else(|| RowJsonError::Column { column: column.name.clone() })
    });
    Ok(RowImage(values.collect::<Result<_, _>>()?))
}

/// The names of the columns that a logged row has. Empty where it is none.
pub fn row_json_columns(text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(Json::Object(fields)) => fields.into_iter().map(|(name, _)| name).collect(),
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// Reads a row that a trigger wrote before the table's columns were changed.
///
/// A column that is gone is passed over. One that came since holds what `fills` says that it was filled with, by its
/// place. Where one is gone and one came, it was renamed. What cannot be told so makes the whole row unknown: an error.
pub fn row_from_older_json(
    shape: &TableShape,
    fills: &[Option<Value>],
    text: &str,
) -> Result<RowImage, RowJsonError> {
    let error = match row_from_json(shape, text) {
        Ok(row) => return Ok(row),
        Err(error) => error,
    };
    let Ok(Json::Object(fields)) = serde_json::from_str(text) else {
        return Err(error);
    };
    // Column names that differ in letter case alone are one column.
    let fields: BTreeMap<String, Json> =
        fields.into_iter().map(|(name, field)| (name.to_lowercase(), field)).collect();
    let names: Vec<String> = shape.columns.iter().map(|column| column.name.to_lowercase()).collect();
    let gone: Vec<&Json> =
        fields.iter().filter(|(name, _)| !names.contains(name)).map(|(_, field)| field).collect();
    let came = names.iter().filter(|name| !fields.contains_key(*name)).count();
    let value = |(at, (column, name)): (usize, (&Column, &String))| {
        let value = match (fields.get(name), gone.as_slice()) {
            (Some(field), _) => from_json(field, column.kind),
            (None, [renamed]) if came == 1 => from_json(renamed, column.kind),
            (None, []) if !shape.key.contains(&at) => fills.get(at).cloned().flatten(),
            (None, _) => None,
        };
        value.ok_or_else(|| error.clone())
    };
    let values = shape.columns.iter().zip(&names).enumerate().map(value);
    Ok(RowImage(values.collect::<Result<_, _>>()?))
}

/// Writes a key as `sync_log.record_id` holds it: plain text for one column, a JSON array of texts for several.
pub fn key_to_log(key: &RowKey) -> String {
    match key.0.as_slice() {
        [Value::Text(text)] => text.clone(),
        [Value::Bytes(bytes)] => hex_from_bytes(bytes).to_uppercase(),
        // a space after each comma, as JSON_ARRAY writes it on both servers: the same key is the same text
        values => {
            let parts: Vec<String> = values.iter().map(|value| to_json(value).to_string()).collect();
            format!("[{}]", parts.join(", "))
        }
    }
}

/// Reads a key out of `sync_log.record_id`. `None` when the text cannot be a key of this table.
pub fn key_from_log(shape: &TableShape, text: &str) -> Option<RowKey> {
    let kinds: Vec<ColumnKind> = shape.key_columns().map(|column| column.kind).collect();
    if let &[kind] = kinds.as_slice() {
        return canonical(text, kind).map(|value| RowKey(vec![value]));
    }
    let Ok(Json::Array(parts)) = serde_json::from_str(text) else {
        return None;
    };
    if parts.len() != kinds.len() {
        return None;
    }
    parts.iter().zip(kinds).map(|(part, kind)| from_json(part, kind)).collect::<Option<_>>().map(RowKey)
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => Json::String(text.clone()),
        Value::Bytes(bytes) => Json::String(hex_from_bytes(bytes).to_uppercase()),
    }
}

fn from_json(field: &Json, kind: ColumnKind) -> Option<Value> {
    match field {
        Json::Null => Some(Value::Null),
        Json::String(text) => canonical(text, kind),
        Json::Number(number) => canonical(&number.to_string(), kind),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Brings a logged text into the one spelling of its kind. `None` when it cannot be of that kind.
fn canonical(text: &str, kind: ColumnKind) -> Option<Value> {
    match kind {
        ColumnKind::Integer => text.trim().parse::<i128>().ok().map(|number| Value::Text(number.to_string())),
        ColumnKind::Timestamp => timestamp(text).map(Value::Text),
        ColumnKind::Binary | ColumnKind::Geometry => bytes_from_hex(text).map(Value::Bytes),
        ColumnKind::Decimal
        | ColumnKind::Float
        | ColumnKind::Temporal
        | ColumnKind::Text
        | ColumnKind::Json => Some(Value::Text(text.to_owned())),
    }
}

/// Turns `1762619999.123456` (what `UNIX_TIMESTAMP` gives, whatever the session's time zone) into UTC text.
///
/// Text that is a date already (an application's key, or our own rows) is kept. 0 is the zero timestamp.
fn timestamp(text: &str) -> Option<String> {
    if text.contains('-') {
        return Some(text.to_owned());
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = seconds.parse().ok()?;
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    if seconds == 0 && micros == 0 {
        return Some("0000-00-00 00:00:00".to_owned());
    }
    Some(Stamp::from_micros(seconds.checked_mul(1_000_000)?.checked_add(micros)?).to_sql())
}

/// Why a logged row could not be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowJsonError {
    /// Not JSON, or not an object.
    #[error("the logged row is not a JSON object")]
    NotAnObject,
    /// A column is not in the object, or its text does not fit the column.
    #[error("the logged row has no readable value for column {column}")]
    Column {
        /// The column's name.
        column: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TableName;

    fn shape(kinds: &[ColumnKind], key: &[usize]) -> TableShape {
        let column = |(at, kind): (usize, &ColumnKind)| Column { name: format!("c{at}"), kind: *kind };
        let columns = kinds.iter().enumerate().map(column).collect();
        TableShape { name: TableName::new("t"), columns, key: key.to_vec() }
    }

    #[test]
    fn a_row_is_read_back_as_written() {
        let shape = shape(&[ColumnKind::Integer, ColumnKind::Text, ColumnKind::Binary], &[0]);
        let row = RowImage(vec![
            Value::Text("-9223372036854775808".into()),
            Value::Text("a \"quote\" \u{1F40E}".into()),
            Value::Bytes(vec![0, 255]),
        ]);
        assert_eq!(row_from_json(&shape, &row_to_json(&shape, &row)).unwrap(), row);
    }

    #[test]
    fn a_trigger_may_log_numbers_bare_and_times_as_unix_seconds() {
        let shape = shape(&[ColumnKind::Integer, ColumnKind::Timestamp], &[0]);
        let row =
            row_from_json(&shape, r#"{"c0": 18446744073709551615, "c1": "1762619999.500000"}"#).unwrap();
        assert_eq!(row.0[0], Value::Text("18446744073709551615".into()));
        assert_eq!(row.0[1], Value::Text("2025-11-08 16:39:59.500000".into()));
        let zero = row_from_json(&shape, r#"{"c0": "1", "c1": "0"}"#).unwrap();
        assert_eq!(zero.0[1], Value::Text("0000-00-00 00:00:00".into()));
    }

    #[test]
    fn a_row_from_before_a_change_of_the_table_is_read_as_far_as_it_can_be_told() {
        let shape = shape(&[ColumnKind::Integer, ColumnKind::Text, ColumnKind::Integer], &[0]);
        let fills = [None, Some(Value::Text("none".into())), Some(Value::Null)];
        let read = |text| row_from_older_json(&shape, &fills, text).ok();
        let row = |name: &str, amount: Option<&str>| {
            let text = |text: &str| Value::Text(text.into());
            Some(RowImage(vec![text("1"), text(name), amount.map_or(Value::Null, text)]))
        };
        assert_eq!(read(r#"{"c0": "1", "c1": "x", "c2": "7", "gone": "y"}"#), row("x", Some("7")));
        assert_eq!(read(r#"{"c0": "1", "C1": "x", "c2": "7"}"#), row("x", Some("7")));
        assert_eq!(read(r#"{"c0": "1", "c1": "x"}"#), row("x", None));
        assert_eq!(read(r#"{"c0": "1"}"#), row("none", None));
        assert_eq!(read(r#"{"c0": "1", "old": "x", "c2": "7"}"#), row("x", Some("7")));
        // A text cannot have become a number, two cannot be told apart, and the key is never made up.
        assert_eq!(read(r#"{"c0": "1", "c1": "x", "old": "y"}"#), None);
        assert_eq!(read(r#"{"c0": "1", "old": "x"}"#), None);
        assert_eq!(read(r#"{"c1": "x", "c2": "7"}"#), None);
        assert_eq!(read("{}"), None);
    }

    #[test]
    fn keys_are_read_back_as_written() {
        let one = shape(&[ColumnKind::Text], &[0]);
        let key = RowKey(vec![Value::Text("[\"not an array\"]".into())]);
        assert_eq!(key_from_log(&one, &key_to_log(&key)).unwrap(), key);

        let two = shape(&[ColumnKind::Binary, ColumnKind::Integer], &[1, 0]);
        let key = RowKey(vec![Value::Text("7".into()), Value::Bytes(vec![0xAB])]);
        assert_eq!(key_to_log(&key), r#"["7", "AB"]"#);
        assert_eq!(key_from_log(&two, r#"[7,"ab"]"#).unwrap(), key);
        assert_eq!(key_from_log(&two, "7"), None);
    }

    #[test]
    fn a_text_that_cannot_be_the_key_is_not_taken_for_one() {
        let number = shape(&[ColumnKind::Integer], &[0]);
        assert_eq!(key_from_log(&number, "abc"), None);
        assert_eq!(key_from_log(&number, " 007 "), Some(RowKey(vec![Value::Text("7".into())])));
    }
}
