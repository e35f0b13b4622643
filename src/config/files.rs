//! Small files that must be private, whole, or both.
//!
//! Everything is written under another name first, synced, and then given its name: a crash leaves the old file
//! or the new one, never half of either.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};
use zeroize::Zeroizing;

use crate::config::error::Error;

/// Makes `path` and what leads to it, open to its owner alone. A folder that is there stays as it is.
pub(super) fn create_private_folder(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Writes a file that must not be there yet, readable by its owner alone. Returns false where it was there.
pub(super) fn create_private(path: &Path, content: &[u8]) -> Result<bool, Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    match write_beside(path, content).map_err(failed)?.persist_noclobber(path) {
        Ok(_) => sync_folder_of(path).map_err(failed).map(|()| true),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(refused) => Err(failed(refused.error)),
    }
}

/// Writes a file in the place of the one that may be there, readable by its owner alone.
pub(super) fn replace_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let whole = write_beside(path, content).map_err(failed)?;
    whole.persist(path).map_err(|refused| failed(refused.error))?;
    // Without this the old file may come back after a power cut, although we said it was replaced.
    sync_folder_of(path).map_err(failed)
}

/// Reads a whole file of at most `limit_bytes`, and its permissions (0 where the system has none).
pub(super) fn read_small(path: &Path, limit_bytes: u64) -> Result<(Zeroizing<Vec<u8>>, u32), Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Asked of the open file, not of its name: the name may point elsewhere a moment later.
    let facts = file.metadata().map_err(failed)?;
    if !facts.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
    }
    let too_large = || Error::TooLarge { path: path.to_owned(), limit_bytes };
    if facts.len() > limit_bytes {
        return Err(too_large());
    }
    // Room for all of it at once: a buffer that grows leaves copies of a secret behind.
    let mut content = Zeroizing::new(Vec::with_capacity(limit_bytes as usize + 1));
    file.take(limit_bytes + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() as u64 > limit_bytes {
        return Err(too_large());
    }
    Ok((content, mode_of(&facts)))
}

/// Reads a text file in the same way. Bytes that are not UTF-8 make it unreadable.
pub(super) fn read_small_text(path: &Path, limit_bytes: u64) -> Result<(Zeroizing<String>, u32), Error> {
    let (content, mode) = read_small(path, limit_bytes)?;
    match std::str::from_utf8(&content) {
        Ok(text) => Ok((Zeroizing::new(text.to_owned()), mode)),
        Err(cause) => Err(Error::Read {
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidData, cause),
        }),
    }
}

fn write_beside(path: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    // `tempfile` makes it 0600 on Unix, before the first byte is in it.
    let mut file = Builder::new().prefix(".packmule-").suffix(".part").tempfile_in(folder_of(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(unix)]
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Windows cannot sync a folder; its file system writes the name down with the file.
#[cfg(not(unix))]
pub(super) fn sync_folder_of(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn mode_of(facts: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&facts.permissions()) & 0o7777
}

#[cfg(not(unix))]
fn mode_of(_facts: &fs::Metadata) -> u32 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_its_owners_alone_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/secret");
        create_private_folder(path.parent().unwrap()).unwrap();
        assert!(create_private(&path, b"one").unwrap());
        assert!(!create_private(&path, b"two").unwrap());
        let (content, mode) = read_small(&path, 100).unwrap();
        assert_eq!(content.as_slice(), b"one");
        if cfg!(unix) {
            assert_eq!(mode, 0o600);
        }
        replace_private(&path, b"three").unwrap();
        assert_eq!(read_small(&path, 100).unwrap().0.as_slice(), b"three");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_large_file_and_a_folder_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        fs::write(&path, [0; 101]).unwrap();
        assert!(matches!(read_small(&path, 100), Err(Error::TooLarge { .. })));
        assert!(matches!(read_small(folder.path(), 100), Err(Error::Read { .. })));
    }
}
