//! A queue of changes that are needed again later, on disk once there are many.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{
    Change, Op, RowImage, Stamp, TableName, TableShape, key_from_log, key_to_log, row_from_json, row_to_json,
};

/// A queue of changes of several tables, each with a mark `T`.
pub struct Spool<'a, T = ()> {
    folder: &'a Path,
    memory: Vec<(TableName, Change, T)>,
    memory_bytes: usize,
    file: Option<BufWriter<File>>,
    count: u64,
}

#[derive(Serialize, Deserialize)]
struct Line<T> {
    mark: T,
    table: String,
    op: char,
    time: i64,
    key: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

impl<'a, T: Clone + Serialize + DeserializeOwned> Spool<'a, T> {
    /// An empty queue; `folder` takes what does not fit into memory.
    pub fn new(folder: &'a Path) -> Self {
        Spool { folder, memory: Vec::new(), memory_bytes: 0, file: None, count: 0 }
    }

    /// How many changes wait.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Takes a change of the table of this shape.
    pub fn push(&mut self, shape: &TableShape, change: Change, mark: T) -> io::Result<()> {
        const MEMORY_BYTES: usize = 4 << 20;
        self.count += 1;
        if self.file.is_none() && self.memory_bytes < MEMORY_BYTES {
            self.memory_bytes += change.size_bytes() + size_of::<Change>();
            self.memory.push((shape.name.clone(), change, mark));
            return Ok(());
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => BufWriter::new(tempfile::tempfile_in(self.folder)?),
        };
        serde_json::to_writer(&mut file, &to_line(shape, &change, mark))?;
        file.write_all(b"\n")?;
        self.file = Some(file);
        Ok(())
    }

    /// Hands over everything in the order in which it came, and is empty afterwards.
    pub fn drain<E: From<io::Error>>(
        &mut self,
        shape_of: &dyn Fn(&TableName) -> Option<TableShape>,
        take: &mut dyn FnMut(TableName, Change, T) -> Result<(), E>,
    ) -> Result<(), E> {
        let (memory, file) = (std::mem::take(&mut self.memory), self.file.take());
        (self.memory_bytes, self.count) = (0, 0);
        for (table, change, mark) in memory {
            take(table, change, mark)?;
        }
        match file {
            Some(file) => {
                let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                read_lines(&mut file, shape_of, take)
            }
            None => Ok(()),
        }
    }

    /// Hands over everything in the order in which it came, and keeps it: this can be done again.
    pub fn each<E: From<io::Error>>(
        &mut self,
        shape_of: &dyn Fn(&TableName) -> Option<TableShape>,
        take: &mut dyn FnMut(TableName, Change, T) -> Result<(), E>,
    ) -> Result<(), E> {
        for (table, change, mark) in &self.memory {
            take(table.clone(), change.clone(), mark.clone())?;
        }
        match &mut self.file {
            Some(file) => {
                file.flush()?;
                read_lines(file.get_mut(), shape_of, take)
            }
            None => Ok(()),
        }
    }
}

fn read_lines<T: DeserializeOwned, E: From<io::Error>>(
    file: &mut File,
    shape_of: &dyn Fn(&TableName) -> Option<TableShape>,
    take: &mut dyn FnMut(TableName, Change, T) -> Result<(), E>,
) -> Result<(), E> {
    file.seek(SeekFrom::Start(0))?;
    for line in BufReader::new(file).lines() {
        let line: Line<T> = serde_json::from_str(&line?).map_err(io::Error::from)?;
        let table = TableName::new(line.table.clone());
        let change = shape_of(&table).and_then(|shape| from_line(&shape, line));
        let (change, mark) = change.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        take(table, change, mark)?;
    }
    Ok(())
}

fn to_line<T>(shape: &TableShape, change: &Change, mark: T) -> Line<T> {
    let row = |row: Option<&RowImage>| row.map(|row| row_to_json(shape, row));
    Line {
        mark,
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

fn from_line<T>(shape: &TableShape, line: Line<T>) -> Option<(Change, T)> {
    let row = |text: &str| row_from_json(shape, text).ok();
    let time = Stamp::from_micros(line.time);
    let before = match &line.before {
        Some(text) => Some(row(text)?),
        None => None,
    };
    let change = match line.op {
        'I' => Change::Insert { after: row(&line.after?)?, time },
        'U' => Change::Update { before, after: row(&line.after?)?, time },
        _ => Change::Delete { key: key_from_log(shape, &line.key?)?, before, time },
    };
    Some((change, line.mark))
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
        (0..count).for_each(|number| spool.push(&shape, change(number), number).unwrap());
        assert!(spool.file.is_some());
        let shape_of = |_: &TableName| Some(shape.clone());
        for keep in [true, true, false] {
            let mut found = Vec::new();
            let mut take = |_, change, mark| {
                found.push((change, mark));
                Ok::<(), io::Error>(())
            };
            match keep {
                true => spool.each(&shape_of, &mut take).unwrap(),
                false => spool.drain(&shape_of, &mut take).unwrap(),
            }
            let same = |(number, one): (usize, &(Change, usize))| *one == (change(number), number);
            assert!(found.len() == count && found.iter().enumerate().all(same));
        }
        assert_eq!(spool.count(), 0);
    }
}
