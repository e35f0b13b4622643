//! Moves a bundle's bytes to a drive and proves that they arrived. Knows files and bytes, no names and no folders.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};

use crate::monitor::{Monitor, Phase, Step};

/// Which side of a copy the system complained about: our own bundle, or the drive.
#[derive(Debug)]
pub(super) enum Fault {
    /// The bundle that is copied.
    Source(io::Error),
    /// The drive.
    Target(io::Error),
}

/// Writes the first `size_bytes` of `source` into the new file `target` and puts them on the drive.
pub(super) fn write(
    source: &mut File,
    target: &mut File,
    size_bytes: u64,
    monitor: &dyn Monitor,
) -> Result<(), Fault> {
    monitor.begin(Phase::Writing, Some(size_bytes));
    let result = write_pieces(source, target, size_bytes, monitor);
    monitor.end(Phase::Writing);
    result
}

fn write_pieces(
    source: &mut File,
    target: &mut File,
    size_bytes: u64,
    monitor: &dyn Monitor,
) -> Result<(), Fault> {
    source.rewind().map_err(Fault::Source)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut done = 0;
    let mut unsynced = 0;
    let mut half_told = false;
    while done < size_bytes {
        let length = piece_length(size_bytes - done);
        let bytes = piece.get_mut(..length).unwrap_or_default();
        source.read_exact(bytes).map_err(Fault::Source)?;
        target.write_all(bytes).map_err(Fault::Target)?;
        done += length as u64;
        unsynced += length;
        // Synced as it goes: otherwise the bar stands at 100% for the minutes in which a slow stick really writes.
        if unsynced >= SYNC_EVERY_BYTES {
            target.sync_data().map_err(Fault::Target)?;
            unsynced = 0;
        }
        monitor.advance(Phase::Writing, length as u64);
        if !half_told && done >= size_bytes / 2 {
            half_told = true;
            monitor.step(Step::CarryHalfWritten);
        }
    }
    target.sync_all().map_err(Fault::Target)
}

/// Returns whether `target` holds exactly the first `size_bytes` of `source`, byte by byte.
///
/// The caller has dropped the cache, so that the drive answers and not memory: a counterfeit stick acknowledges
/// every write, and a read from memory confirms it.
pub(super) fn is_same(
    source: &mut File,
    target: &mut File,
    size_bytes: u64,
    monitor: &dyn Monitor,
) -> Result<bool, Fault> {
    monitor.begin(Phase::Checking, Some(size_bytes));
    let result = compare_pieces(source, target, size_bytes, monitor);
    monitor.end(Phase::Checking);
    result
}

fn compare_pieces(
    source: &mut File,
    target: &mut File,
    size_bytes: u64,
    monitor: &dyn Monitor,
) -> Result<bool, Fault> {
    source.rewind().map_err(Fault::Source)?;
    target.rewind().map_err(Fault::Target)?;
    let mut ours = vec![0; PIECE_BYTES];
    let mut theirs = vec![0; PIECE_BYTES];
    let mut done = 0;
    while done < size_bytes {
        let length = piece_length(size_bytes - done);
        let ours = ours.get_mut(..length).unwrap_or_default();
        let theirs = theirs.get_mut(..length).unwrap_or_default();
        source.read_exact(ours).map_err(Fault::Source)?;
        match target.read_exact(theirs) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(Fault::Target(error)),
        }
        if ours != theirs {
            return Ok(false);
        }
        done += length as u64;
        monitor.advance(Phase::Checking, length as u64);
    }
    let longer = target.read(&mut [0]).map_err(Fault::Target)?;
    Ok(longer == 0)
}

fn piece_length(rest_bytes: u64) -> usize {
    usize::try_from(rest_bytes).map_or(PIECE_BYTES, |rest| rest.min(PIECE_BYTES))
}

/// How much is read, written and compared at a time; memory stays at two of these.
const PIECE_BYTES: usize = 1 << 20;

/// How much may wait in memory for a slow stick.
const SYNC_EVERY_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn what_was_written_is_the_same_and_any_other_byte_or_length_is_not() {
        let bytes: Vec<u8> = (0..PIECE_BYTES as u32 * 2 + 77).map(|at| (at % 251) as u8).collect();
        let size = bytes.len() as u64;
        let mut source = file(&bytes);
        let mut target = file(&[]);
        write(&mut source, &mut target, size, &Silent).unwrap();
        assert!(is_same(&mut source, &mut target, size, &Silent).unwrap());

        for at in [0, PIECE_BYTES, bytes.len() - 1] {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(!is_same(&mut source, &mut file(&other), size, &Silent).unwrap(), "byte {at}");
        }
        assert!(!is_same(&mut source, &mut file(&bytes[..bytes.len() - 1]), size, &Silent).unwrap());
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(!is_same(&mut source, &mut file(&longer), size, &Silent).unwrap());
    }

    #[test]
    fn a_source_that_ends_early_is_the_source_s_fault() {
        let fault = write(&mut file(b"abc"), &mut file(b""), 4, &Silent).unwrap_err();
        assert!(matches!(fault, Fault::Source(error) if error.kind() == ErrorKind::UnexpectedEof));
    }
}
