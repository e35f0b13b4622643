//! The lines of the payload that are objects: the head, the tables, the end. Written by serde, and read by
//! writing again what was understood: what is not byte for byte the same is refused.

use std::collections::{BTreeMap, HashSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bundle::clock::{read_stamp, write_stamp};
use crate::bundle::limits::{COLUMNS_MAX, NAME_BYTES_MAX};
use crate::bundle::{Error, LineFault, Manifest};
use crate::model::{ChangeCounts, Column, Digest, Seq, Stamp, StreamId, TableName, TableShape};

/// The first line of a payload: which bundle it belongs to, and what must not be in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadHead {
    /// The stream of the bundle around it, so that no payload can be moved into another bundle.
    pub stream: StreamId,
    /// The bundle's number.
    pub seq: Seq,
    /// When it was sealed, by the sender's clock.
    pub sealed_at: Stamp,
    /// How far the sender's clock is ahead of the centre's, where that was ever measured.
    pub clock_offset_ms: Option<i64>,
    /// What the sender wants the receiver to follow, such as the centre's policies. A name that the
    /// receiver does not know is ignored.
    pub settings: BTreeMap<String, String>,
}

impl PayloadHead {
    /// Refuses a payload that was made for another bundle: whoever can sign could otherwise strip the
    /// payload of another lab and send it as its own.
    pub(crate) fn check_belongs_to(&self, manifest: &Manifest) -> Result<(), Error> {
        let (inside, outside) = (&self.stream, manifest.stream());
        let differs = [
            ("sender", inside.from != outside.from),
            ("receiver", inside.to != outside.to),
            ("incarnation", inside.incarnation != outside.incarnation),
            ("number", self.seq != manifest.seq()),
        ];
        match differs.into_iter().find(|(_, differs)| *differs) {
            Some((field, _)) => Err(Error::Foreign { field }),
            None => Ok(()),
        }
    }

    pub(crate) fn to_line(&self) -> Vec<u8> {
        to_line(&HeadLine {
            from: self.stream.from.to_string(),
            to: self.stream.to.to_string(),
            incarnation: self.stream.incarnation.to_string(),
            seq: self.seq.number(),
            sealed_at: stamp_text(self.sealed_at),
            clock_offset_ms: self.clock_offset_ms,
            settings: self.settings.clone(),
        })
    }

    pub(crate) fn from_line(line: &[u8]) -> Result<Self, LineFault> {
        let head: HeadLine = from_line(line)?;
        let stream = StreamId {
            from: head.from.parse().map_err(|_| LineFault::Form)?,
            incarnation: head.incarnation.parse().map_err(|_| LineFault::Form)?,
            to: head.to.parse().map_err(|_| LineFault::Form)?,
        };
        Ok(PayloadHead {
            stream,
            seq: Seq::new(head.seq).ok_or(LineFault::Form)?,
            sealed_at: read_stamp(&head.sealed_at).ok_or(LineFault::Time)?,
            clock_offset_ms: head.clock_offset_ms,
            settings: head.settings,
        })
    }
}

/// Writes the line that begins a section of one table's changes.
pub(crate) fn table_to_line(shape: &TableShape) -> Result<Vec<u8>, LineFault> {
    check_table(shape)?;
    let columns = shape.columns.iter().map(|column| (column.name.clone(), column.kind.to_string())).collect();
    let key = shape.key_columns().map(|column| column.name.clone()).collect();
    Ok(to_line(&TableLine { table: shape.name.to_string(), columns, key }))
}

/// Reads the line that begins a section of one table's changes.
pub(crate) fn table_from_line(line: &[u8]) -> Result<TableShape, LineFault> {
    let table: TableLine = from_line(line)?;
    if table.columns.len() > COLUMNS_MAX {
        return Err(LineFault::Table);
    }
    let column = |(name, kind): (String, String)| match kind.parse() {
        Ok(kind) => Ok(Column { name, kind }),
        Err(()) => Err(LineFault::ColumnKind(kind)),
    };
    let columns = table.columns.into_iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let place =
        |name: &String| columns.iter().position(|column| column.name == *name).ok_or(LineFault::Table);
    let key = table.key.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let shape = TableShape { name: TableName::new(table.table), columns, key };
    check_table(&shape)?;
    Ok(shape)
}

/// Writes the last line: how many changes there were, and the hash of all lines before it.
pub(crate) fn end_to_line(counts: &ChangeCounts, sha256: Digest) -> Vec<u8> {
    let ChangeCounts { inserts, updates, deletes } = *counts;
    to_line(&EndLine { end: Counts { inserts, updates, deletes }, sha256: sha256.to_string() })
}

/// Reads the last line.
pub(crate) fn end_from_line(line: &[u8]) -> Result<(ChangeCounts, Digest), LineFault> {
    let EndLine { end, sha256 } = from_line(line)?;
    let Counts { inserts, updates, deletes } = end;
    Ok((ChangeCounts { inserts, updates, deletes }, sha256.parse().map_err(|_| LineFault::Form)?))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadLine {
    from: String,
    to: String,
    incarnation: String,
    seq: u64,
    sealed_at: String,
    clock_offset_ms: Option<i64>,
    settings: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableLine {
    table: String,
    columns: Vec<(String, String)>,
    key: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    end: Counts,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    inserts: u64,
    updates: u64,
    deletes: u64,
}

/// A table that can be written and read: names of a sensible length, no column twice, a key of its own columns.
fn check_table(shape: &TableShape) -> Result<(), LineFault> {
    let name_fits = |name: &str| (1..=NAME_BYTES_MAX).contains(&name.len());
    let mut names = HashSet::new();
    let mut places = HashSet::new();
    let fits = name_fits(shape.name.as_str())
        && shape.columns.len() <= COLUMNS_MAX
        && shape.columns.iter().all(|column| name_fits(&column.name) && names.insert(&column.name))
        && !shape.key.is_empty()
        && shape.key.iter().all(|&at| at < shape.columns.len() && places.insert(at));
    if fits { Ok(()) } else { Err(LineFault::Table) }
}

fn stamp_text(stamp: Stamp) -> String {
    let mut out = Vec::with_capacity(27);
    write_stamp(&mut out, stamp);
    String::from_utf8_lossy(&out).into_owned()
}

fn to_line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("texts and numbers alone always have a JSON form");
    line.push(b'\n');
    line
}

fn from_line<T: Serialize + DeserializeOwned>(line: &[u8]) -> Result<T, LineFault> {
    let value: T = serde_json::from_slice(line).map_err(|_| LineFault::Form)?;
    if to_line(&value) == line { Ok(value) } else { Err(LineFault::Form) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_back_as_written() {
        let line = b"{\"table\":\"stock\",\"columns\":[[\"id\",\"integer\"],[\"place\",\"text\"]],\"key\":[\"place\",\"id\"]}\n";
        let shape = table_from_line(line).unwrap();
        assert_eq!(shape.key, [1, 0]);
        assert_eq!(table_to_line(&shape).unwrap(), line);
    }

    #[test]
    fn a_table_that_cannot_be_is_refused_by_its_reason() {
        let refuse = |line: &str| table_from_line(format!("{line}\n").as_bytes()).unwrap_err();
        assert_eq!(
            refuse(r#"{"table":"t","columns":[["a","hologram"]],"key":["a"]}"#),
            LineFault::ColumnKind("hologram".into())
        );
        for line in [
            r#"{"table":"","columns":[["a","text"]],"key":["a"]}"#,
            r#"{"table":"t","columns":[["a","text"]],"key":[]}"#,
            r#"{"table":"t","columns":[["a","text"]],"key":["b"]}"#,
            r#"{"table":"t","columns":[["a","text"]],"key":["a","a"]}"#,
            r#"{"table":"t","columns":[["a","text"],["a","text"]],"key":["a"]}"#,
        ] {
            assert_eq!(refuse(line), LineFault::Table, "{line}");
        }
        for line in [
            r#"{"table":"t", "columns":[["a","text"]],"key":["a"]}"#,
            r#"{"table":"t","table":"t","columns":[["a","text"]],"key":["a"]}"#,
            r#"{"table":"t","columns":[["a","text"]],"key":["a"],"sql":"x"}"#,
            r#"{"table":"\u0074","columns":[["a","text"]],"key":["a"]}"#,
            r#"{"table":"t","columns":[["a","text",1]],"key":["a"]}"#,
        ] {
            assert_eq!(refuse(line), LineFault::Form, "{line}");
        }
    }
}
