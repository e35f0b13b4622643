//! The lines of a payload, out of the layers around them: age, zstd, and the ceilings of each.
//!
//! The bytes are the sender's, but the sender may be a hostile lab: no layer may take more memory or go on
//! for longer than its limit, whatever stands in it.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read, Take};

use age::stream::StreamReader;
use zstd::stream::read::Decoder;

use crate::bundle::copy::read_full;
use crate::bundle::limits::{AGE_HEAD_BYTES_MAX, LINE_BYTES_MAX, OBJECT_LINE_BYTES_MAX, ZSTD_WINDOW_LOG_MAX};
use crate::bundle::{Error, Identity, LineFault};

/// Gives out one line at a time.
pub(super) struct Lines<R: Read> {
    source: BufReader<Decoder<'static, Decrypted<R>>>,
    line: Vec<u8>,
    number: u64,
    plaintext_max: u64,
    plaintext_left: u64,
}

type Decrypted<R> = BufReader<Blamed<StreamReader<Chain<Cursor<Vec<u8>>, Blamed<Take<R>>>>>>;

impl<R: Read> Lines<R> {
    /// Opens encryption and compression; reads no line yet.
    pub(super) fn open(source: Take<R>, plaintext_max: u64, identity: &Identity) -> Result<Self, Error> {
        let broken = || Error::Payload { line: 1, fault: LineFault::Encryption };
        let mut source = Blamed { inner: source, layer: Layer::Source };
        let mut start = vec![0; AGE_HEAD_BYTES_MAX];
        let length = read_full(&mut source, &mut start).map_err(|error| blame(error, 1))?;
        start.truncate(length);
        // age reads a head of any length; one that does not end soon must not reach it.
        if !start.windows(AGE_HEAD_END.len()).any(|window| window == AGE_HEAD_END) {
            return Err(broken());
        }
        let decrypted = identity.decrypt(Cursor::new(start).chain(source)).map_err(|error| {
            if matches!(error, age::DecryptError::NoMatchingKeys) {
                return Error::CannotDecrypt;
            }
            if let age::DecryptError::Io(error) = error
                && is_marked(&error)
            {
                return blame(error, 1);
            }
            broken()
        })?;
        let decrypted = Blamed { inner: decrypted, layer: Layer::Encryption };
        let decoder = Decoder::with_buffer(BufReader::with_capacity(BUFFER_BYTES, decrypted));
        let decoder = decoder.and_then(|mut decoder| {
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Ok(decoder.single_frame())
        });
        let source = BufReader::with_capacity(BUFFER_BYTES, decoder.map_err(|error| blame(error, 1))?);
        Ok(Lines { source, line: Vec::new(), number: 0, plaintext_max, plaintext_left: plaintext_max })
    }

    /// Reads the next line, its line end included; never more than a line may have.
    pub(super) fn read(&mut self) -> Result<(), Error> {
        self.line.clear();
        self.line.shrink_to(LINE_KEPT_BYTES);
        self.number += 1;
        let mut is_whole = false;
        while !is_whole {
            let piece = self.source.fill_buf().map_err(|error| blame(error, self.number))?;
            if piece.is_empty() {
                return Err(self.fault(LineFault::Cut));
            }
            let end = piece.iter().position(|&byte| byte == b'\n');
            let piece = piece.get(..=end.unwrap_or(piece.len() - 1)).unwrap_or(piece);
            let (length, added) = (self.line.len() + piece.len(), piece.len());
            let first = self.line.first().or(piece.first());
            let most = if first == Some(&b'{') { OBJECT_LINE_BYTES_MAX } else { LINE_BYTES_MAX };
            // Before it is kept, so that a line without an end takes no more than the longest that is allowed.
            if length as u64 > self.plaintext_left {
                return Err(self.fault(LineFault::TooMuch));
            }
            if length > most {
                return Err(self.fault(LineFault::TooLong));
            }
            make_room(&mut self.line, length);
            self.line.extend_from_slice(piece);
            self.source.consume(added);
            is_whole = end.is_some();
        }
        self.plaintext_left -= self.line.len() as u64;
        Ok(())
    }

    /// The line that was read last.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// How many bytes of the content were read, and how many there are at most.
    pub(super) fn read_bytes(&self) -> (u64, u64) {
        (self.plaintext_max - self.plaintext_left, self.plaintext_max)
    }

    /// Behind the last line, behind the zstd frame, behind the age stream: nothing. Reading up to there
    /// also makes both of them check their own ends.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        self.number += 1;
        let line = self.number;
        let more_lines = !self.source.fill_buf().map_err(|error| blame(error, line))?.is_empty();
        let behind_frame = self.source.get_mut().get_mut().fill_buf().map_err(|error| blame(error, line))?;
        if more_lines || !behind_frame.is_empty() {
            return Err(self.fault(LineFault::Trailing));
        }
        Ok(())
    }

    /// Says that the line that was read last breaks a rule.
    pub(super) fn fault(&self, fault: LineFault) -> Error {
        Error::Payload { line: self.number, fault }
    }
}

/// Lets a line grow to `length`. One that is long already gets all the room that a line may have: doubled once more, it would be in
/// memory one and a half times as often.
fn make_room(line: &mut Vec<u8>, length: usize) {
    if length > LINE_DOUBLED_BYTES && length > line.capacity() {
        line.reserve_exact(LINE_BYTES_MAX - line.len());
    }
}

/// A layer whose errors are marked as its own: above, a bad disk, a bad age stream and a bad zstd frame
/// would all be the same `io::Error`.
struct Blamed<R> {
    inner: R,
    layer: Layer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Source,
    Encryption,
}

#[derive(Debug, thiserror::Error)]
#[error("{source}")]
struct LayerError {
    layer: Layer,
    source: io::Error,
}

impl<R: Read> Read for Blamed<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let layer = self.layer;
        self.inner.read(space).map_err(|source| {
            if is_marked(&source) || source.kind() == io::ErrorKind::Interrupted {
                source
            } else {
                io::Error::other(LayerError { layer, source })
            }
        })
    }
}

fn is_marked(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<LayerError>())
}

/// Turns an error of any layer into the refusal that is due.
fn blame(error: io::Error, line: u64) -> Error {
    match error.downcast::<LayerError>() {
        Ok(LayerError { layer: Layer::Source, source }) => Error::Read { source },
        Ok(LayerError { layer: Layer::Encryption, .. }) => {
            Error::Payload { line, fault: LineFault::Encryption }
        }
        Err(_) => Error::Payload { line, fault: LineFault::Compression },
    }
}

/// What begins the last line of an age head.
const AGE_HEAD_END: &[u8] = b"\n--- ";
/// How much is decrypted and decompressed at a time.
const BUFFER_BYTES: usize = 128 * 1024;
/// Up to this length the room for a line is doubled each time that it is too small.
const LINE_DOUBLED_BYTES: usize = 1024 * 1024;
/// How much of a long line's memory is kept for the next.
const LINE_KEPT_BYTES: usize = 256 * 1024;
