//! Reads a payload: gives out tables and changes, in the order in which they were written.

use std::io::{Read, Take};

use sha2::{Digest as _, Sha256};

use crate::bundle::hashes::digest_of_hash;
use crate::bundle::head::{PayloadHead, end_from_line, table_from_line};
use crate::bundle::line::read_change;
use crate::bundle::lines::Lines;
use crate::bundle::{Error, Identity, LineFault, Manifest};
use crate::model::{BundleKind, Change, ChangeCounts, TableShape};

/// The content of a bundle. One line of it is in memory at a time.
pub struct PayloadReader<R: Read> {
    lines: Lines<R>,
    head: PayloadHead,
    kind: BundleKind,
    hash: Sha256,
    shape: Option<TableShape>,
    counts: ChangeCounts,
    ended: bool,
}

/// What comes next in a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The changes that follow are of this table.
    Table(TableShape),
    /// One change of that table.
    Change(Change),
}

impl<R: Read> PayloadReader<R> {
    /// Opens encryption and compression, and compares the first line with the manifest.
    pub(super) fn open(source: Take<R>, manifest: &Manifest, identity: &Identity) -> Result<Self, Error> {
        let mut lines = Lines::open(source, manifest.payload().plaintext_max, identity)?;
        lines.read()?;
        let head = PayloadHead::from_line(lines.line()).map_err(|fault| lines.fault(fault))?;
        head.check_belongs_to(manifest)?;
        Ok(PayloadReader {
            hash: Sha256::new().chain_update(lines.line()),
            lines,
            head,
            kind: manifest.kind(),
            shape: None,
            counts: ChangeCounts::default(),
            ended: false,
        })
    }

    /// The first line: it names the bundle that the manifest names.
    pub fn head(&self) -> &PayloadHead {
        &self.head
    }

    /// What was given out so far; proven once [`PayloadReader::next`] has returned `None`.
    pub fn counts(&self) -> ChangeCounts {
        self.counts
    }

    /// How many bytes of the content were read, and how many there are: one MiB more at most than there really are.
    pub fn read_bytes(&self) -> (u64, u64) {
        self.lines.read_bytes()
    }

    /// Reads on. `None` comes once the last line is proven and nothing follows it; what was given out
    /// before counts only then.
    #[expect(clippy::should_implement_trait, reason = "an iterator would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        if self.ended {
            return Ok(None);
        }
        self.lines.read()?;
        if self.lines.line().starts_with(b"{\"end\":") {
            self.end().map_err(|fault| self.lines.fault(fault))?;
            self.lines.end()?;
            self.ended = true;
            return Ok(None);
        }
        self.hash.update(self.lines.line());
        self.event().map(Some).map_err(|fault| self.lines.fault(fault))
    }

    fn event(&mut self) -> Result<Event, LineFault> {
        let line = std::str::from_utf8(self.lines.line()).map_err(|_| LineFault::Utf8)?;
        if line.starts_with('{') {
            if self.kind == BundleKind::Receipt {
                return Err(LineFault::Receipt);
            }
            let shape = table_from_line(line.as_bytes())?;
            self.shape = Some(shape.clone());
            return Ok(Event::Table(shape));
        }
        let shape = self.shape.as_ref().ok_or(LineFault::NoTable)?;
        let change = read_change(line, shape)?;
        self.counts.add(change.op());
        Ok(Event::Change(change))
    }

    fn end(&mut self) -> Result<(), LineFault> {
        let (counts, sha256) = end_from_line(self.lines.line())?;
        if counts != self.counts {
            return Err(LineFault::Counts);
        }
        if sha256 != digest_of_hash(std::mem::take(&mut self.hash)) {
            return Err(LineFault::Hash);
        }
        Ok(())
    }
}
