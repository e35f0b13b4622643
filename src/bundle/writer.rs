//! Writes a payload: lines, compressed, encrypted, hashed, in one pass and with flat memory.

use std::io::{self, Write};

use age::stream::StreamWriter;
use sha2::{Digest as _, Sha256};
use zstd::stream::write::Encoder;

use crate::bundle::hashes::{HashingWriter, digest_of_hash};
use crate::bundle::head::{PayloadHead, end_to_line, table_to_line};
use crate::bundle::limits::{
    LINE_BYTES_MAX, OBJECT_LINE_BYTES_MAX, PAYLOAD_BYTES_MAX, PLAINTEXT_BYTES_MAX, PLAINTEXT_STEP_BYTES,
    ZSTD_LEVEL,
};
use crate::bundle::line::write_change;
use crate::bundle::{Error, LineFault, Recipient};
use crate::model::{Change, ChangeCounts, Digest, TableShape};

/// Writes one payload. Nothing is complete before [`PayloadWriter::finish`].
pub struct PayloadWriter<W: Write> {
    stack: Stack<W>,
    /// Lines that are written but not yet hashed and compressed, so that both work on large pieces.
    pending: Vec<u8>,
    hash: Sha256,
    shape: Option<TableShape>,
    lines: u64,
    plaintext_bytes: u64,
    counts: ChangeCounts,
}

type Stack<W> = Encoder<'static, Counted<StreamWriter<HashingWriter<W>>>>;

/// What the manifest must know of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadSummary {
    /// Its size, compressed and encrypted.
    pub size: u64,
    /// Its hash.
    pub sha256: Digest,
    /// The hash of each 16 MiB of it.
    pub chunks: Vec<Digest>,
    /// The size of its lines.
    pub plaintext_bytes: u64,
    /// How many changes it holds.
    pub counts: ChangeCounts,
}

impl PayloadSummary {
    /// The ceiling that the manifest signs: the size of the lines, rounded up to hide it.
    pub fn plaintext_max(&self) -> u64 {
        self.plaintext_bytes.next_multiple_of(PLAINTEXT_STEP_BYTES)
    }
}

impl<W: Write> PayloadWriter<W> {
    /// Begins a payload for `recipient` with its first line. `out` should be buffered by the system alone: it
    /// is given pieces of 64 KiB.
    pub fn create(out: W, head: &PayloadHead, recipient: &Recipient) -> Result<Self, Error> {
        let write = |source| Error::Write { source };
        let encrypted = recipient.encrypt(HashingWriter::new(out)).map_err(write)?;
        let mut writer = PayloadWriter {
            stack: Encoder::new(Counted { out: encrypted, bytes: 0 }, ZSTD_LEVEL).map_err(write)?,
            pending: Vec::with_capacity(2 * PENDING_BYTES),
            hash: Sha256::new(),
            shape: None,
            lines: 0,
            plaintext_bytes: 0,
            counts: ChangeCounts::default(),
        };
        writer.object(&head.to_line())?;
        Ok(writer)
    }

    /// Begins a section: the changes that follow are of this table. A table may have several sections.
    pub fn table(&mut self, shape: &TableShape) -> Result<(), Error> {
        let line = table_to_line(shape).map_err(|fault| self.fault(fault))?;
        self.object(&line)?;
        self.shape = Some(shape.clone());
        Ok(())
    }

    /// Writes one change of the table. After an [`Error::Payload`] or [`Error::TooLarge`] nothing of it is
    /// written, and the payload can go on without it.
    pub fn change(&mut self, change: &Change) -> Result<(), Error> {
        let Some(shape) = &self.shape else { return Err(self.fault(LineFault::NoTable)) };
        let start = self.pending.len();
        write_change(&mut self.pending, shape, change).map_err(|fault| self.fault(fault))?;
        let length = self.pending.len() - start;
        if let Err(error) = self.check_room("a changed row", length, LINE_BYTES_MAX) {
            self.pending.truncate(start);
            self.pending.shrink_to(2 * PENDING_BYTES);
            return Err(error);
        }
        self.counts.add(change.op());
        self.line_done(length)
    }

    /// Compressed bytes so far: what a cap on bundles goes by. Encryption adds 16 bytes to each 64 KiB, and
    /// up to a few hundred KiB more are still on their way through compression.
    pub fn written_bytes(&self) -> u64 {
        self.stack.get_ref().bytes
    }

    /// The size of all lines so far; a payload may have 16 GiB.
    pub fn plaintext_bytes(&self) -> u64 {
        self.plaintext_bytes
    }

    /// What was written so far.
    pub fn counts(&self) -> ChangeCounts {
        self.counts
    }

    /// Writes the last line and closes compression and encryption. Returns `out`, neither flushed nor synced.
    pub fn finish(mut self) -> Result<(W, PayloadSummary), Error> {
        self.flush_pending()?;
        let write = |source| Error::Write { source };
        let line = end_to_line(&self.counts, digest_of_hash(self.hash));
        self.stack.write_all(&line).map_err(write)?;
        let encrypted = self.stack.finish().map_err(write)?.out;
        let (out, hashes) = encrypted.finish().map_err(write)?.finish();
        let size = hashes.size();
        if size > PAYLOAD_BYTES_MAX {
            return Err(too_large("its content", size, PAYLOAD_BYTES_MAX));
        }
        let (sha256, chunks) = hashes.finish();
        let plaintext_bytes = self.plaintext_bytes + line.len() as u64;
        Ok((out, PayloadSummary { size, sha256, chunks, plaintext_bytes, counts: self.counts }))
    }

    fn object(&mut self, line: &[u8]) -> Result<(), Error> {
        self.check_room("a line about a table", line.len(), OBJECT_LINE_BYTES_MAX)?;
        self.pending.extend_from_slice(line);
        self.line_done(line.len())
    }

    /// Whether a line of `length` bytes may still be written. The last line always finds room.
    fn check_room(&self, what: &'static str, length: usize, limit: usize) -> Result<(), Error> {
        if length > limit {
            return Err(too_large(what, length as u64, limit as u64));
        }
        let plaintext_bytes = self.plaintext_bytes + length as u64;
        if plaintext_bytes > PLAINTEXT_BYTES_MAX - PLAINTEXT_STEP_BYTES {
            return Err(too_large("the uncompressed content", plaintext_bytes, PLAINTEXT_BYTES_MAX));
        }
        Ok(())
    }

    fn line_done(&mut self, length: usize) -> Result<(), Error> {
        self.lines += 1;
        self.plaintext_bytes += length as u64;
        if self.pending.len() < PENDING_BYTES { Ok(()) } else { self.flush_pending() }
    }

    fn flush_pending(&mut self) -> Result<(), Error> {
        self.hash.update(&self.pending);
        self.stack.write_all(&self.pending).map_err(|source| Error::Write { source })?;
        self.pending.clear();
        self.pending.shrink_to(2 * PENDING_BYTES);
        Ok(())
    }

    fn fault(&self, fault: LineFault) -> Error {
        Error::Payload { line: self.lines + 1, fault }
    }
}

/// Counts the compressed bytes on their way to encryption, which itself does not say how far it is.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn too_large(what: &'static str, bytes: u64, limit: u64) -> Error {
    Error::TooLarge { what, bytes, limit }
}

/// How much is gathered before it is hashed and compressed.
const PENDING_BYTES: usize = 128 * 1024;
