//! A queue of changes that are needed again later, on disk once there are many.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::{
    Change, Op, RowImage, Stamp, TableName, TableShape, key_from_log, key_to_log, row_from_json, row_to_json,
};

/// A queue of changes of several tables.
pub(super) struct Spool<'a> {
    folder: &'a Path,
    memory: Vec<(TableName, Change)>,
    memory_bytes: usize,
    file: Option<BufWriter<File>>,
    count: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    table: String,
    op: char,
    time: i64,
    key: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

impl<'a> Spool<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Spool { folder, memory: Vec::new(), memory_bytes: 0, file: None, count: 0 }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn push(&mut self, shape: &TableShape, change: Change) -> io::Result<()> {
        const MEMORY_BYTES: usize = 4 << 20;
        self.count += 1;
        if self.file.is_none() && self.memory_bytes < MEMORY_BYTES {
            self.memory_bytes += change.size_bytes() + size_of::<Change>();
            self.memory.push((shape.name.clone(), change));
            return Ok(());
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => BufWriter::new(tempfile::tempfile_in(self.folder)?),
        };
        serde_json::to_writer(&mut file, &to_line(shape, &change))?;
        file.write_all(b"\n")?;
        self.file = Some(file);
        Ok(())
    }

    /// Hands over everything in the order in which it came, and is empty afterwards.
    pub(super) fn drain<E: From<io::Error>>(
        &mut self,
        shape_of: &dyn Fn(&TableName) -> Option<TableShape>,
        take: &mut dyn FnMut(TableName, Change) -> Result<(), E>,
    ) -> Result<(), E> {
        let (memory, file) = (std::mem::take(&mut self.memory), self.file.take());
        (self.memory_bytes, self.count) = (0, 0);
        for (table, change) in memory {
            take(table, change)?;
        }
        let Some(file) = file else {
            return Ok(());
        };
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        for line in BufReader::new(file).lines() {
            let line: Line = serde_json::from_str(&line?).map_err(io::Error::from)?;
            let table = TableName::new(line.table.clone());
            let change = shape_of(&table).and_then(|shape| from_line(&shape, line));
            take(table, change.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?)?;
        }
        Ok(())
    }
}

fn to_line(shape: &TableShape, change: &Change) -> Line {
    let row = |row: Option<&RowImage>| row.map(|row| row_to_json(shape, row));
    Line {
        table: shape.name.to_string(),
        op: match change.op() {
            Op::Insert => 'I',
            Op::Update => 'U',
            Op::Delete => 'D',
        },
        time: change.time().micros(),
        key: change.key(shape).map(|key| key_to_log(&key)),
        before: row(change.before()),
        after: row(change.after()),
    }
}

fn from_line(shape: &TableShape, line: Line) -> Option<Change> {
    let row = |text: &str| row_from_json(shape, text).ok();
    let time = Stamp::from_micros(line.time);
    let before = match &line.before {
        Some(text) => Some(row(text)?),
        None => None,
    };
    Some(match line.op {
        'I' => Change::Insert { after: row(&line.after?)?, time },
        'U' => Change::Update { before, after: row(&line.after?)?, time },
        _ => Change::Delete { key: key_from_log(shape, &line.key?)?, before, time },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, ColumnKind, RowKey, Value};

    #[test]
    fn what_goes_in_comes_out_in_order_from_memory_and_from_disk() {
        let column = |name: &str, kind| Column { name: name.into(), kind };
        let shape = TableShape {
            name: TableName::new("t"),
            columns: vec![
                column("id", ColumnKind::Integer),
                column("b", ColumnKind::Binary),
                column("s", ColumnKind::Timestamp),
            ],
            key: vec![0],
        };
        let change = |number: usize| {
            let id = Value::Text(number.to_string());
            let time = Stamp::from_micros(number as i64);
            let stamp = Value::Text("2026-11-08 16:40:00.000000".into());
            let row = RowImage(vec![id.clone(), Value::Bytes(vec![0, 255, b'\n']), stamp]);
            match number % 3 {
                0 => Change::Insert { after: row, time },
                1 => Change::Update { before: Some(row.clone()), after: row, time },
                _ => Change::Delete { key: RowKey(vec![id]), before: None, time },
            }
        };
        let folder = std::env::temp_dir();
        let mut spool = Spool::new(&folder);
        let count = 60_000;
        (0..count).for_each(|number| spool.push(&shape, change(number)).unwrap());
        assert!(spool.file.is_some());
        let mut found = Vec::new();
        let shape_of = |_: &TableName| Some(shape.clone());
        spool
            .drain(&shape_of, &mut |_, change| {
                found.push(change);
                Ok::<(), io::Error>(())
            })
            .unwrap();
        assert!(found.len() == count && found.iter().enumerate().all(|(number, one)| *one == change(number)));
        assert_eq!(spool.count(), 0);
    }
}
