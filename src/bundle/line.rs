//! One change a line: `["U",[after],[before],"time"]`. The hot path of sealing and applying, so by hand.

use crate::bundle::LineFault;
use crate::bundle::clock::{read_stamp, write_stamp};
use crate::bundle::text::{read_bytes, read_text, write_bytes, write_text};
use crate::model::{Change, Column, RowImage, RowKey, Stamp, TableShape, Value};

/// Appends the line of `change`. On a fault, what was appended is taken back.
pub(crate) fn write_change(out: &mut Vec<u8>, shape: &TableShape, change: &Change) -> Result<(), LineFault> {
    let start = out.len();
    let written = append_change(out, shape, change);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Reads the line of a change, its line end included.
pub(crate) fn read_change(line: &str, shape: &TableShape) -> Result<Change, LineFault> {
    let mut reader = LineReader { rest: line };
    let columns = || shape.columns.iter();
    let change = if reader.take("[\"I\",") {
        let after = reader.row(columns(), shape.columns.len())?;
        reader.need(",null,")?;
        Change::Insert { after: RowImage(after), time: reader.time()? }
    } else if reader.take("[\"U\",") {
        let after = reader.row(columns(), shape.columns.len())?;
        reader.need(",")?;
        let before = reader.row_or_null(shape)?;
        reader.need(",")?;
        Change::Update { before, after: RowImage(after), time: reader.time()? }
    } else if reader.take("[\"D\",") {
        let key = reader.row(shape.key_columns(), shape.key.len())?;
        reader.need(",")?;
        let before = reader.row_or_null(shape)?;
        reader.need(",")?;
        Change::Delete { key: RowKey(key), before, time: reader.time()? }
    } else {
        return Err(LineFault::Form);
    };
    if reader.rest == "]\n" { Ok(change) } else { Err(LineFault::Form) }
}

fn append_change(out: &mut Vec<u8>, shape: &TableShape, change: &Change) -> Result<(), LineFault> {
    let columns = || shape.columns.iter();
    match change {
        Change::Insert { after, .. } => {
            out.extend_from_slice(b"[\"I\",");
            append_row(out, columns(), shape.columns.len(), &after.0)?;
        }
        Change::Update { after, .. } => {
            out.extend_from_slice(b"[\"U\",");
            append_row(out, columns(), shape.columns.len(), &after.0)?;
        }
        Change::Delete { key, .. } => {
            out.extend_from_slice(b"[\"D\",");
            append_row(out, shape.key_columns(), shape.key.len(), &key.0)?;
        }
    }
    match change.before() {
        Some(before) => {
            out.push(b',');
            append_row(out, columns(), shape.columns.len(), &before.0)?;
        }
        None => out.extend_from_slice(b",null"),
    }
    out.extend_from_slice(b",\"");
    write_stamp(out, change.time());
    out.extend_from_slice(b"\"]\n");
    Ok(())
}

fn append_row<'a>(
    out: &mut Vec<u8>,
    columns: impl Iterator<Item = &'a Column>,
    need: usize,
    values: &[Value],
) -> Result<(), LineFault> {
    if values.len() != need {
        return Err(LineFault::Values { have: values.len(), need });
    }
    for (at, (column, value)) in columns.zip(values).enumerate() {
        out.push(if at == 0 { b'[' } else { b',' });
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Text(text) if !column.kind.is_bytes() => write_text(out, text),
            Value::Bytes(bytes) if column.kind.is_bytes() => write_bytes(out, bytes),
            Value::Text(_) | Value::Bytes(_) => return Err(LineFault::Value(at + 1)),
        }
    }
    out.push(b']');
    Ok(())
}

/// What of a line is not read yet.
struct LineReader<'a> {
    rest: &'a str,
}

impl LineReader<'_> {
    /// Goes past `text` where it comes next.
    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn need(&mut self, text: &str) -> Result<(), LineFault> {
        if self.take(text) { Ok(()) } else { Err(LineFault::Form) }
    }

    fn row_or_null(&mut self, shape: &TableShape) -> Result<Option<RowImage>, LineFault> {
        if self.take("null") {
            return Ok(None);
        }
        Ok(Some(RowImage(self.row(shape.columns.iter(), shape.columns.len())?)))
    }

    /// Reads exactly `need` values; a longer or shorter list is refused with its length.
    fn row<'c>(
        &mut self,
        columns: impl Iterator<Item = &'c Column>,
        need: usize,
    ) -> Result<Vec<Value>, LineFault> {
        self.need("[")?;
        let mut values = Vec::with_capacity(need);
        for column in columns {
            if !values.is_empty() && !self.take(",") {
                return Err(self.miscounted(values.len(), need));
            }
            let value = self.value(column, values.len() + 1)?;
            values.push(value);
        }
        if self.take("]") { Ok(values) } else { Err(self.miscounted(need, need)) }
    }

    fn value(&mut self, column: &Column, place: usize) -> Result<Value, LineFault> {
        if self.take("null") {
            return Ok(Value::Null);
        }
        let rest = self.rest.strip_prefix('"').ok_or(LineFault::Form)?;
        if column.kind.is_bytes() {
            // Base64 has no escapes, so the string ends at the next quote.
            let (text, rest) = rest.split_once('"').ok_or(LineFault::Form)?;
            self.rest = rest;
            return read_bytes(text).map(Value::Bytes).ok_or(LineFault::Value(place));
        }
        let (text, length) = read_text(rest).ok_or(LineFault::Form)?;
        self.rest = rest.get(length..).ok_or(LineFault::Form)?;
        Ok(Value::Text(text))
    }

    /// The row has another length than the table: says which, where the rest is readable at all.
    fn miscounted(&mut self, mut have: usize, need: usize) -> LineFault {
        while self.take(",") {
            if !self.take("null") {
                let skipped = self.rest.strip_prefix('"').and_then(|rest| Some((rest, read_text(rest)?.1)));
                let Some(rest) = skipped.and_then(|(rest, length)| rest.get(length..)) else {
                    return LineFault::Form;
                };
                self.rest = rest;
            }
            have += 1;
        }
        if self.rest.starts_with(']') && have != need {
            return LineFault::Values { have, need };
        }
        LineFault::Form
    }

    fn time(&mut self) -> Result<Stamp, LineFault> {
        let (text, rest) =
            self.rest.strip_prefix('"').and_then(|rest| rest.split_once('"')).ok_or(LineFault::Form)?;
        self.rest = rest;
        read_stamp(text).ok_or(LineFault::Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ColumnKind, TableName};

    fn shape() -> TableShape {
        let column = |name: &str, kind| Column { name: name.into(), kind };
        TableShape {
            name: TableName::new("t"),
            columns: vec![
                column("id", ColumnKind::Integer),
                column("note", ColumnKind::Text),
                column("photo", ColumnKind::Binary),
            ],
            key: vec![0],
        }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn a_change_is_read_back_as_written() {
        let time = Stamp::from_micros(1_762_619_999_500_000);
        let after = RowImage(vec![text("1"), text("a \"b\"\n"), Value::Bytes(vec![0, 255])]);
        let before = RowImage(vec![text("1"), Value::Null, Value::Null]);
        let key = RowKey(vec![text("1")]);
        let lines = [
            (
                Change::Insert { after: after.clone(), time },
                r#"["I",["1","a \"b\"\n","AP8="],null,"2025-11-08T16:39:59.500000Z"]"#,
            ),
            (
                Change::Update { before: Some(before.clone()), after: after.clone(), time },
                r#"["U",["1","a \"b\"\n","AP8="],["1",null,null],"2025-11-08T16:39:59.500000Z"]"#,
            ),
            (
                Change::Update { before: None, after: before.clone(), time },
                r#"["U",["1",null,null],null,"2025-11-08T16:39:59.500000Z"]"#,
            ),
            (
                Change::Delete { key, before: Some(before), time },
                r#"["D",["1"],["1",null,null],"2025-11-08T16:39:59.500000Z"]"#,
            ),
        ];
        for (change, line) in lines {
            let mut out = Vec::new();
            write_change(&mut out, &shape(), &change).unwrap();
            let written = String::from_utf8(out).unwrap();
            assert_eq!(written, format!("{line}\n"));
            assert_eq!(read_change(&written, &shape()).unwrap(), change);
        }
    }

    #[test]
    fn a_line_that_breaks_a_rule_is_refused_by_its_reason() {
        let time = r#""2025-11-08T16:39:59.500000Z""#;
        for (line, fault) in [
            (format!(r#"["I",["1",null],null,{time}]"#), LineFault::Values { have: 2, need: 3 }),
            (format!(r#"["I",["1",null,null,"x"],null,{time}]"#), LineFault::Values { have: 4, need: 3 }),
            (format!(r#"["D",["1","2"],null,{time}]"#), LineFault::Values { have: 2, need: 1 }),
            (format!(r#"["I",["1",null,"A"],null,{time}]"#), LineFault::Value(3)),
            (r#"["I",["1",null,null],null,"2025-11-31T16:39:59.500000Z"]"#.to_owned(), LineFault::Time),
            (format!(r#"["I",["1",null,null],["1",null,null],{time}]"#), LineFault::Form),
            (format!(r#"["I",[1,null,null],null,{time}]"#), LineFault::Form),
            (format!(r#"["I",[[["1"]],null,null],null,{time}]"#), LineFault::Form),
            (format!(r#"["R",["1",null,null],null,{time}]"#), LineFault::Form),
            (format!(r#"["I",["1",null,null],null,{time}] "#), LineFault::Form),
            (format!(r#"["I", ["1",null,null],null,{time}]"#), LineFault::Form),
        ] {
            assert_eq!(read_change(&format!("{line}\n"), &shape()), Err(fault), "{line}");
        }
    }

    #[test]
    fn a_line_with_random_changes_is_refused_or_is_the_one_spelling_of_what_it_says() {
        let seed = fastrand::u64(..);
        let mut random = fastrand::Rng::with_seed(seed);
        let lines = [
            r#"["U",["1","a \"b\"\n\u0000","AP8="],["1",null,"AA=="],"2025-11-08T16:39:59.500000Z"]"#,
            r#"["D",["1"],["1",null,null],"2025-11-08T16:39:59.500000Z"]"#,
        ];
        for round in 0..40_000 {
            let mut bytes = format!("{}\n", lines[round % 2]).into_bytes();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(0..bytes.len());
                match random.u8(0..3) {
                    0 => bytes[at] = random.choice(*b"\"\\[],nul01AZ=IUDb\n \xc3").unwrap(),
                    1 => bytes.insert(at, random.choice(*b"\"\\[],nul01AZ=u00").unwrap()),
                    _ => drop(bytes.remove(at)),
                }
            }
            let Ok(line) = std::str::from_utf8(&bytes) else { continue };
            if let Ok(change) = read_change(line, &shape()) {
                let mut again = Vec::new();
                write_change(&mut again, &shape(), &change).unwrap();
                assert_eq!(again, bytes, "seed {seed}, round {round}: {line}");
            }
        }
    }

    #[test]
    fn a_change_that_does_not_fit_its_table_is_not_written() {
        let time = Stamp::from_micros(0);
        let mut out = b"before".to_vec();
        for (values, fault) in [
            (vec![text("1")], LineFault::Values { have: 1, need: 3 }),
            (vec![text("1"), Value::Bytes(vec![1]), Value::Null], LineFault::Value(2)),
            (vec![text("1"), Value::Null, text("x")], LineFault::Value(3)),
        ] {
            let change = Change::Insert { after: RowImage(values), time };
            assert_eq!(write_change(&mut out, &shape(), &change), Err(fault));
            assert_eq!(out, b"before");
        }
    }
}
