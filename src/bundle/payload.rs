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
        let event = event_of(self.lines.line(), self.kind, &mut self.shape)?;
        if let Event::Change(change) = &event {
            self.counts.add(change.op());
        }
        Ok(event)
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

/// Reads the lines of a payload that somebody has opened with other tools, up to the first that breaks a rule. Proves nothing:
/// which bundle they belong to, and whether they are whole, is for [`PayloadReader`] to say.
pub fn read_lines(text: &[u8]) -> Result<Vec<Event>, Error> {
    let fault = |line: u64| move |fault| Error::Payload { line, fault };
    let mut lines = (1..).zip(text.split_inclusive(|&byte| byte == b'\n'));
    let (mut events, mut shape) = (Vec::new(), None);
    if let Some((number, first)) = lines.next() {
        PayloadHead::from_line(first).map_err(fault(number))?;
    }
    for (number, line) in lines {
        if line.starts_with(b"{\"end\":") {
            end_from_line(line).map_err(fault(number))?;
            break;
        }
        events.push(event_of(line, BundleKind::Changes, &mut shape).map_err(fault(number))?);
    }
    Ok(events)
}

/// Reads a line between the first and the last.
fn event_of(line: &[u8], kind: BundleKind, open: &mut Option<TableShape>) -> Result<Event, LineFault> {
    let line = std::str::from_utf8(line).map_err(|_| LineFault::Utf8)?;
    if line.starts_with('{') {
        if kind == BundleKind::Receipt {
            return Err(LineFault::Receipt);
        }
        let shape = table_from_line(line.as_bytes())?;
        *open = Some(shape.clone());
        return Ok(Event::Table(shape));
    }
    let shape = open.as_ref().ok_or(LineFault::NoTable)?;
    Ok(Event::Change(read_change(line, shape)?))
}
