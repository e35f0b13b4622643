//! A private folder on this computer's own disk: outbox, inbox or quarantine.
//!
//! A file here is written as `NAME.mule.part`, synced, and renamed to `NAME.mule` when it is closed; both calls are
//! the caller's, because a database transaction commits between them. So a name without `.part` always stands for a
//! whole bundle, and a `.part` found after a crash is judged by what the ledger knows of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::mailbox::error::{Circumstance, Error, classify};
use crate::mailbox::names::numbered;
use crate::mailbox::platform;
use crate::model::BundleName;

/// A folder that this site alone reads and writes.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// A file in a [`Folder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The bundle that it is, or will be when it is closed.
    pub name: BundleName,
    /// Where it lies.
    pub path: PathBuf,
    /// Its length.
    pub size_bytes: u64,
}

impl Folder {
    /// Opens the folder, and makes it, readable by nobody else, where it is not there.
    pub fn ensure(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let folder = Folder { path: path.into() };
        if !folder.path.is_dir() {
            let fault = |error| folder.fault(&folder.path, 0, error);
            platform::create_private_folder(&folder.path).map_err(fault)?;
            // The bundles in it must not vanish with the folder itself.
            if let Some(parent) = folder.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                platform::sync_folder(parent).map_err(fault)?;
            }
        }
        Ok(folder)
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates `NAME.mule.part`. A part that is there already is an error: the caller decides about it first.
    pub fn create_part(&self, name: &BundleName) -> Result<PartFile, Error> {
        let path = self.part_path(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        platform::private(&mut options);
        let file = options.open(&path).map_err(|error| self.fault(&path, 0, error))?;
        Ok(PartFile { folder: self.clone(), name: name.clone(), path, file })
    }

    /// Opens `NAME.mule.part` to go on with it, or creates it where there is none.
    pub fn resume_part(&self, name: &BundleName) -> Result<PartFile, Error> {
        let path = self.part_path(name);
        match platform::open_regular(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.create_part(name),
            Ok(Some(_)) => {}
            Ok(None) => return Err(Error::NotAFile { path }),
            Err(error) => return Err(self.fault(&path, 0, error)),
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        platform::without_following(&mut options);
        let file = options.open(&path).map_err(|error| self.fault(&path, 0, error))?;
        Ok(PartFile { folder: self.clone(), name: name.clone(), path, file })
    }

    /// Creates a file without a name beside the bundles. It vanishes with the process.
    pub fn create_nameless(&self) -> Result<File, Error> {
        tempfile::tempfile_in(&self.path).map_err(|error| self.fault(&self.path, 0, error))
    }

    /// Gives a finished part its final name. The name is on the disk only after [`Folder::sync`].
    pub fn rename_part(&self, name: &BundleName) -> Result<PathBuf, Error> {
        let path = self.bundle_path(name);
        // A rename overwrites in silence, and a closed bundle is never overwritten. Nobody else writes in this
        // folder, so the look and the rename need not be one call.
        if fs::symlink_metadata(&path).is_ok() {
            return Err(Error::NameTaken { path });
        }
        fs::rename(self.part_path(name), &path).map_err(|error| self.fault(&path, 0, error))?;
        Ok(path)
    }

    /// Puts the folder's names on the disk: after this a power cut takes no rename back.
    pub fn sync(&self) -> Result<(), Error> {
        platform::sync_folder(&self.path).map_err(|error| self.fault(&self.path, 0, error))
    }

    /// The closed bundles, in the order of their names, which is that of their numbers within a stream.
    pub fn list(&self) -> Result<Vec<Stored>, Error> {
        self.named(|file_name| file_name.parse().ok())
    }

    /// The parts that a crash or a running seal left.
    pub fn parts(&self) -> Result<Vec<Stored>, Error> {
        self.named(|file_name| file_name.strip_suffix(PART)?.parse().ok())
    }

    /// Opens a closed bundle for reading.
    pub fn open_bundle(&self, name: &BundleName) -> Result<File, Error> {
        self.open(self.bundle_path(name))
    }

    /// Opens a part for reading.
    pub fn open_part(&self, name: &BundleName) -> Result<File, Error> {
        self.open(self.part_path(name))
    }

    /// Removes a closed bundle. Not synced: should a power cut bring it back, its receipt or the ledger still
    /// says that it is not needed.
    pub fn remove(&self, name: &BundleName) -> Result<(), Error> {
        self.remove_file(&self.bundle_path(name))
    }

    /// Removes a part. One that is not there is no error: a seal that begins again just wants it gone.
    pub fn remove_part(&self, name: &BundleName) -> Result<(), Error> {
        match self.remove_file(&self.part_path(name)) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Takes a closed bundle over from another folder on the same disk, under the first free of `NAME.mule`,
    /// `NAME.2.mule` and so on: what quarantine has once taken, it keeps.
    pub fn take_from(&self, other: &Folder, name: &BundleName) -> Result<PathBuf, Error> {
        let free = (1..=NUMBER_MAX)
            .map(|number| self.path.join(numbered(name, number)))
            .find(|path| fs::symlink_metadata(path).is_err());
        let path = free.ok_or_else(|| Error::NameTaken { path: self.bundle_path(name) })?;
        fs::rename(other.bundle_path(name), &path).map_err(|error| self.fault(&path, 0, error))?;
        // The new place first: a power cut in between leaves the file in both folders, never in none.
        self.sync()?;
        other.sync()?;
        Ok(path)
    }

    /// Gives a finished part of this folder its name in another one on the same disk. What has the name there stays.
    pub fn hand_over(&self, name: &BundleName, to: &Folder) -> Result<(), Error> {
        let path = to.bundle_path(name);
        if fs::symlink_metadata(&path).is_ok() {
            return self.remove_part(name);
        }
        fs::rename(self.part_path(name), &path).map_err(|error| self.fault(&path, 0, error))?;
        // The new place first: a power cut in between leaves the file in both folders, never in none.
        to.sync()?;
        self.sync()
    }

    /// How many bytes can still be stored.
    pub fn free_bytes(&self) -> Result<u64, Error> {
        platform::free_bytes(&self.path).map_err(|error| self.fault(&self.path, 0, error))
    }

    fn named(&self, name_of: impl Fn(&str) -> Option<BundleName>) -> Result<Vec<Stored>, Error> {
        let fault = |error| self.fault(&self.path, 0, error);
        let mut stored = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let Some(name) = entry.file_name().to_str().and_then(&name_of) else { continue };
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).map_err(|error| self.fault(&path, 0, error))?;
            if metadata.is_file() {
                stored.push(Stored { name, path, size_bytes: metadata.len() });
            }
        }
        stored.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(stored)
    }

    fn open(&self, path: PathBuf) -> Result<File, Error> {
        match platform::open_regular(&path) {
            Ok(Some(file)) => Ok(file),
            Ok(None) => Err(Error::NotAFile { path }),
            Err(error) => Err(self.fault(&path, 0, error)),
        }
    }

    fn remove_file(&self, path: &Path) -> Result<(), Error> {
        fs::remove_file(path).map_err(|error| self.fault(path, 0, error))
    }

    fn bundle_path(&self, name: &BundleName) -> PathBuf {
        self.path.join(name.to_string())
    }

    fn part_path(&self, name: &BundleName) -> PathBuf {
        self.path.join(format!("{name}{PART}"))
    }

    /// What it means that a bundle could not be written here to its end.
    pub(super) fn write_fault(&self, name: &BundleName, need_bytes: u64, source: io::Error) -> Error {
        self.fault(&self.part_path(name), need_bytes, source)
    }

    fn fault(&self, path: &Path, need_bytes: u64, source: io::Error) -> Error {
        classify(source, &Circumstance::now(&self.path, path, need_bytes))
    }
}

/// A bundle that is being written. Dropped unfinished it stays as a `.part`, as after a crash.
#[derive(Debug)]
pub struct PartFile {
    folder: Folder,
    name: BundleName,
    path: PathBuf,
    file: File,
}

impl PartFile {
    /// The bundle that this will be.
    pub fn name(&self) -> &BundleName {
        &self.name
    }

    /// Puts the part, with its name, on the disk, and returns its length. Then the ledger may speak of it.
    pub fn finish(self) -> Result<u64, Error> {
        let fault = |error| self.folder.fault(&self.path, 0, error);
        // The folder too: otherwise a power cut may leave a ledger that names a file which is not there.
        self.file.sync_all().map_err(fault)?;
        self.folder.sync()?;
        Ok(self.file.metadata().map_err(fault)?.len())
    }

    /// The file itself.
    pub(super) fn inner(&self) -> &File {
        &self.file
    }

    /// Gives the part up and removes it.
    pub fn discard(self) -> Result<(), Error> {
        self.folder.remove_part(&self.name)
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for PartFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read(bytes)
    }
}

impl Seek for PartFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// What an unclosed bundle's name ends in.
const PART: &str = ".part";

/// How many files in quarantine may claim one name.
const NUMBER_MAX: u32 = 9_999;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::sample::{bundle_bytes, name};

    fn folder(dir: &tempfile::TempDir) -> Folder {
        Folder::ensure(dir.path().join("state/outbox")).unwrap()
    }

    #[test]
    fn a_bundle_is_seen_only_once_it_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = folder(&dir);
        let bytes = bundle_bytes(5_000, 7);
        let mut part = outbox.create_part(&name(1)).unwrap();
        part.write_all(&bytes).unwrap();
        assert_eq!(part.finish().unwrap(), 5_000);
        assert_eq!(outbox.list().unwrap(), []);
        assert_eq!(outbox.parts().unwrap()[0].name, name(1));

        let path = outbox.rename_part(&name(1)).unwrap();
        outbox.sync().unwrap();
        assert_eq!(outbox.parts().unwrap(), []);
        assert_eq!(outbox.list().unwrap(), [Stored { name: name(1), path, size_bytes: 5_000 }]);
    }

    #[test]
    fn nothing_that_is_there_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = folder(&dir);
        outbox.create_part(&name(1)).unwrap().finish().unwrap();
        assert!(matches!(outbox.create_part(&name(1)), Err(Error::NameTaken { .. })));
        outbox.rename_part(&name(1)).unwrap();
        outbox.create_part(&name(1)).unwrap().finish().unwrap();
        assert!(matches!(outbox.rename_part(&name(1)), Err(Error::NameTaken { .. })));
        outbox.remove_part(&name(1)).unwrap();
        outbox.remove_part(&name(1)).unwrap();
        assert_eq!((outbox.list().unwrap().len(), outbox.parts().unwrap().len()), (1, 0));
    }

    #[test]
    fn bundles_are_listed_in_the_order_of_their_numbers_and_other_files_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = folder(&dir);
        for seq in [10, 2, 100] {
            outbox.create_part(&name(seq)).unwrap().finish().unwrap();
            outbox.rename_part(&name(seq)).unwrap();
        }
        fs::write(outbox.path().join("notes.txt"), b"x").unwrap();
        fs::create_dir(outbox.path().join(name(3).to_string())).unwrap();
        let seqs: Vec<u64> = outbox.list().unwrap().iter().map(|stored| stored.name.seq.number()).collect();
        assert_eq!(seqs, [2, 10, 100]);
    }

    #[test]
    fn quarantine_keeps_each_file_of_one_name() {
        let dir = tempfile::tempdir().unwrap();
        let inbox = folder(&dir);
        let quarantine = Folder::ensure(dir.path().join("quarantine")).unwrap();
        for expected in ["", ".2", ".3"] {
            inbox.create_part(&name(1)).unwrap().finish().unwrap();
            inbox.rename_part(&name(1)).unwrap();
            let path = quarantine.take_from(&inbox, &name(1)).unwrap();
            assert!(path.ends_with(format!("lab-a.central.7f3a9c21.0000000001{expected}.mule")), "{path:?}");
        }
        assert_eq!(inbox.list().unwrap(), []);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it_and_no_link_is_followed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let outbox = folder(&dir);
        outbox.create_part(&name(1)).unwrap().finish().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(outbox.path()), 0o700);
        assert_eq!(mode(&outbox.parts().unwrap()[0].path), 0o600);
        std::os::unix::fs::symlink("/etc/hostname", outbox.path().join(name(9).to_string())).unwrap();
        assert!(matches!(outbox.open_bundle(&name(9)), Err(Error::NotAFile { .. })));
        assert_eq!(outbox.list().unwrap(), []);
    }

    #[test]
    fn a_bundle_that_is_not_there_names_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let error = folder(&dir).open_bundle(&name(4)).unwrap_err();
        assert!(error.to_string().ends_with("lab-a.central.7f3a9c21.0000000004.mule"), "{error}");
    }
}
