//! Sorts entries by their bytes, on disk once they are many, so that memory stays flat.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// One entry: what it is sorted by, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Entries are in the order of these bytes.
    pub key: Vec<u8>,
    /// Goes with the key; among equal keys, entries are in the order of these bytes.
    pub rest: Vec<u8>,
}

/// Takes entries in any order.
pub struct Sorter<'a> {
    folder: &'a Path,
    arena: Vec<u8>,
    spans: Vec<Span>,
    runs: Vec<File>,
}

/// Where an entry lies in the arena.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    key_len: u32,
    len: u32,
}

/// Gives the entries back in order, as often as asked.
pub struct Sorted {
    runs: Vec<File>,
    memory: Vec<Item>,
}

impl<'a> Sorter<'a> {
    /// Begins; `folder` takes what does not fit into memory.
    pub fn new(folder: &'a Path) -> Self {
        Sorter { folder, arena: Vec::new(), spans: Vec::new(), runs: Vec::new() }
    }

    /// Takes one entry.
    pub fn push(&mut self, key: &[u8], rest: &[u8]) -> io::Result<()> {
        const ARENA_BYTES: usize = 8 << 20;
        let span = Span {
            start: self.arena.len() as u32,
            key_len: key.len() as u32,
            len: (key.len() + rest.len()) as u32,
        };
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(rest);
        self.spans.push(span);
        if self.arena.len() + self.spans.len() * size_of::<Span>() > ARENA_BYTES {
            self.spill()?;
        }
        Ok(())
    }

    /// Everything has come: sorts it.
    pub fn finish(mut self) -> io::Result<Sorted> {
        const KEPT_BYTES: usize = 256 << 10;
        if !self.runs.is_empty() || self.arena.len() > KEPT_BYTES {
            self.spill()?;
        }
        self.sort();
        let memory = self.spans.iter().map(|&span| {
            let (key, rest) = entry(&self.arena, span);
            Item { key: key.to_vec(), rest: rest.to_vec() }
        });
        Ok(Sorted { memory: memory.collect(), runs: self.runs })
    }

    fn sort(&mut self) {
        let arena = &self.arena;
        self.spans.sort_unstable_by(|a, b| entry(arena, *a).cmp(&entry(arena, *b)));
    }

    fn spill(&mut self) -> io::Result<()> {
        self.sort();
        let mut out = BufWriter::new(tempfile::tempfile_in(self.folder)?);
        for &span in &self.spans {
            let (key, rest) = entry(&self.arena, span);
            out.write_all(&span.key_len.to_le_bytes())?;
            out.write_all(&(rest.len() as u32).to_le_bytes())?;
            out.write_all(key)?;
            out.write_all(rest)?;
        }
        self.runs.push(out.into_inner().map_err(io::IntoInnerError::into_error)?);
        self.arena.clear();
        self.spans.clear();
        Ok(())
    }
}

fn entry(arena: &[u8], span: Span) -> (&[u8], &[u8]) {
    let (start, len) = (span.start as usize, span.len as usize);
    arena.get(start..start + len).unwrap_or_default().split_at(span.key_len as usize)
}

impl Sorted {
    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.memory.is_empty()
    }

    /// Hands over every entry in order, from the first.
    pub fn iter(&mut self) -> io::Result<SortedIter<'_>> {
        let mut runs = Vec::with_capacity(self.runs.len());
        let mut heads = BinaryHeap::new();
        for (number, file) in self.runs.iter_mut().enumerate() {
            file.seek(SeekFrom::Start(0))?;
            let mut run = BufReader::with_capacity(32 << 10, file);
            if let Some(item) = read_item(&mut run)? {
                heads.push(Reverse((item, number)));
            }
            runs.push(run);
        }
        Ok(SortedIter { runs, heads, memory: self.memory.iter() })
    }
}

/// The entries in order.
pub struct SortedIter<'a> {
    runs: Vec<BufReader<&'a mut File>>,
    heads: BinaryHeap<Reverse<(Item, usize)>>,
    memory: std::slice::Iter<'a, Item>,
}

impl Iterator for SortedIter<'_> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<io::Result<Item>> {
        // either everything was spilled, or nothing
        let Some(Reverse((item, number))) = self.heads.pop() else {
            return self.memory.next().cloned().map(Ok);
        };
        if let Some(run) = self.runs.get_mut(number) {
            match read_item(run) {
                Ok(Some(next)) => self.heads.push(Reverse((next, number))),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(item))
    }
}

fn read_item(run: &mut impl Read) -> io::Result<Option<Item>> {
    let mut head = [0; 8];
    match run.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let [a, b, c, d, e, f, g, h] = head;
    let mut item = Item {
        key: vec![0; u32::from_le_bytes([a, b, c, d]) as usize],
        rest: vec![0; u32::from_le_bytes([e, f, g, h]) as usize],
    };
    run.read_exact(&mut item.key)?;
    run.read_exact(&mut item.rest)?;
    Ok(Some(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(count: u64) -> (Sorted, Vec<Item>) {
        let folder = std::env::temp_dir();
        let mut sorter = Sorter::new(&folder);
        let mut expected = Vec::new();
        let mut random = fastrand::Rng::with_seed(7);
        for number in 0..count {
            let item = Item {
                key: random.u64(..count).to_be_bytes().to_vec(),
                rest: [number.to_be_bytes(), number.to_le_bytes()].concat(),
            };
            sorter.push(&item.key, &item.rest).unwrap();
            expected.push(item);
        }
        expected.sort();
        (sorter.finish().unwrap(), expected)
    }

    #[test]
    fn entries_come_back_in_order_as_often_as_asked_from_memory_and_from_disk() {
        for (count, spilled) in [(100, false), (400_000, true)] {
            let (mut sorted, expected) = sorted(count);
            assert_eq!(sorted.runs.len() > 1, spilled);
            for _ in 0..2 {
                let found: Vec<Item> = sorted.iter().unwrap().map(Result::unwrap).collect();
                assert!(found == expected);
            }
        }
    }
}
