//! Copies a verified bundle to a private place, and proves on the way that its payload is the signed one.

use std::io::{self, Read, Write};

use crate::bundle::hashes::Hashes;
use crate::bundle::tar::{END_BYTES, padding};
use crate::bundle::{Error, Identity, Manifest, Part, PayloadInfo, PayloadReader, Verified};
use crate::model::Digest;

/// A bundle of which every byte is what an enrolled site has sealed. Speaks of the private copy that was
/// made with it: what lies on the stick may change at any moment.
#[derive(Debug)]
pub struct Checked {
    manifest: Manifest,
    digest: Digest,
    head: Vec<u8>,
}

impl Verified {
    /// Copies the whole file from its first byte and checks each one. `tell` hears how many bytes came.
    ///
    /// Nothing in `out` counts unless this succeeds. `out` may be a sink, to check without a copy.
    pub fn copy(
        &self,
        source: &mut impl Read,
        out: &mut impl Write,
        tell: &mut dyn FnMut(u64),
    ) -> Result<Checked, Error> {
        let payload = self.manifest.payload();
        let mut copy = Copying { source, out, tell, have: 0, need: self.length, buffer: vec![0; COPY_BYTES] };
        copy.head(&self.head)?;
        copy.payload(payload)?;
        copy.zeros(padding(payload.size), Part::Padding(3))?;
        copy.zeros(END_BYTES, Part::End)?;
        copy.end()?;
        Ok(Checked { manifest: self.manifest.clone(), digest: self.digest, head: self.head.clone() })
    }
}

impl Checked {
    /// What the sender has signed.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The bundle's digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Begins to read the changes out of the private copy, which is read from its first byte.
    pub fn open<R: Read>(&self, mut private_copy: R, identity: &Identity) -> Result<PayloadReader<R>, Error> {
        let mut head = Vec::with_capacity(self.head.len());
        let mut start = private_copy.by_ref().take(self.head.len() as u64);
        start.read_to_end(&mut head).map_err(|source| Error::Read { source })?;
        if head != self.head {
            return Err(Error::Damaged { what: Part::Changed });
        }
        PayloadReader::open(private_copy.take(self.manifest.payload().size), &self.manifest, identity)
    }
}

struct Copying<'a, R, W> {
    source: &'a mut R,
    out: &'a mut W,
    tell: &'a mut dyn FnMut(u64),
    have: u64,
    need: u64,
    buffer: Vec<u8>,
}

impl<R: Read, W: Write> Copying<'_, R, W> {
    fn head(&mut self, expected: &[u8]) -> Result<(), Error> {
        for expected in expected.chunks(COPY_BYTES) {
            if self.piece(expected.len() as u64)? != expected {
                return Err(Error::Damaged { what: Part::Changed });
            }
        }
        Ok(())
    }

    fn payload(&mut self, info: &PayloadInfo) -> Result<(), Error> {
        let wrong = |at: usize| Err(Error::Damaged { what: Part::Chunk(at + 1, info.chunks.len()) });
        let mut hashes = Hashes::default();
        while hashes.size() < info.size {
            let done = hashes.chunks().len();
            hashes.update(self.piece(info.size - hashes.size())?);
            // At the end of each chunk, so that a damaged one is known before gigabytes more are copied.
            if hashes.chunks().len() > done && hashes.chunks().last() != info.chunks.get(done) {
                return wrong(done);
            }
        }
        let (sha256, chunks) = hashes.finish();
        if chunks != info.chunks {
            return wrong(info.chunks.len().saturating_sub(1));
        }
        if sha256 == info.sha256 { Ok(()) } else { Err(Error::Damaged { what: Part::Payload }) }
    }

    fn zeros(&mut self, mut left: u64, what: Part) -> Result<(), Error> {
        while left > 0 {
            let piece = self.piece(left)?;
            if piece.iter().any(|&byte| byte != 0) {
                return Err(Error::Damaged { what });
            }
            left -= piece.len() as u64;
        }
        Ok(())
    }

    /// The file must end here. How much more there is does not matter, so it is not read.
    fn end(&mut self) -> Result<(), Error> {
        let more = self.source.by_ref().take(1).read_to_end(&mut Vec::new());
        match more.map_err(|source| Error::Read { source })? {
            0 => Ok(()),
            more => Err(Error::Damaged { what: Part::TooLong(more as u64) }),
        }
    }

    /// Copies up to `left` bytes, one at least, and returns them.
    fn piece(&mut self, left: u64) -> Result<&[u8], Error> {
        let most = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let space = self.buffer.get_mut(..most).unwrap_or_default();
        let length = read_full(self.source, space).map_err(|source| Error::Read { source })?;
        self.have += length as u64;
        if length < most {
            return Err(Error::Incomplete { have_bytes: self.have, need_bytes: Some(self.need) });
        }
        let piece = self.buffer.get(..length).unwrap_or_default();
        self.out.write_all(piece).map_err(|source| Error::Write { source })?;
        (self.tell)(length as u64);
        Ok(piece)
    }
}

/// Fills `space` as far as the source reaches.
pub(super) fn read_full(source: &mut impl Read, space: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = space.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// How much is copied at a time; divides the chunk size.
const COPY_BYTES: usize = 128 * 1024;
