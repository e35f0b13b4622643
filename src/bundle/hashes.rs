//! The hashes of a payload: one over the whole, one over each chunk, taken while the bytes pass by.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use crate::bundle::limits::CHUNK_BYTES;
use crate::model::Digest;

/// Takes the hashes of what is fed to it.
#[derive(Default)]
pub(crate) struct Hashes {
    whole: Sha256,
    chunk: Sha256,
    chunks: Vec<Digest>,
    size: u64,
}

impl Hashes {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        while !bytes.is_empty() {
            let room = CHUNK_BYTES - self.size % CHUNK_BYTES;
            let (now, later) = bytes.split_at(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            self.chunk.update(now);
            self.size += now.len() as u64;
            if self.size.is_multiple_of(CHUNK_BYTES) {
                self.end_chunk();
            }
            bytes = later;
        }
    }

    /// How much has passed by.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the chunks that are full so far.
    pub(crate) fn chunks(&self) -> &[Digest] {
        &self.chunks
    }

    /// The hash of the whole and of each chunk, the last, shorter one included.
    pub(crate) fn finish(mut self) -> (Digest, Vec<Digest>) {
        if !self.size.is_multiple_of(CHUNK_BYTES) {
            self.end_chunk();
        }
        (digest_of_hash(self.whole), self.chunks)
    }

    fn end_chunk(&mut self) {
        self.chunks.push(digest_of_hash(std::mem::take(&mut self.chunk)));
    }
}

/// Passes bytes on and takes their hashes.
pub(crate) struct HashingWriter<W> {
    out: W,
    hashes: Hashes,
}

impl<W: Write> HashingWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        HashingWriter { out, hashes: Hashes::default() }
    }

    pub(crate) fn finish(self) -> (W, Hashes) {
        (self.out, self.hashes)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.hashes.update(bytes.get(..taken).unwrap_or(bytes));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The SHA-256 of `bytes`.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

/// The digest that a hash comes to.
pub(crate) fn digest_of_hash(hash: Sha256) -> Digest {
    Digest::from_bytes(hash.finalize().into())
}
