//! What every kind of mailbox promises, tried on each kind alike.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::mailbox::sample::{bundle_bytes, name};
use crate::mailbox::{Error, Folder, Stick, name_hint};
use crate::model::BundleName;
use crate::monitor::Silent;

/// A mailbox as the contract sees it.
trait Mailbox {
    fn put(&self, name: &BundleName, source: &Path) -> Result<(), Error>;
    fn list(&self) -> Vec<(BundleName, PathBuf)>;
    fn open(&self, name: &BundleName) -> Result<File, Error>;
    fn remove(&self, name: &BundleName) -> Result<(), Error>;
    /// Where the file of this name would lie.
    fn path(&self, name: &BundleName) -> PathBuf;
    fn free_bytes(&self) -> u64;
}

impl Mailbox for Folder {
    fn put(&self, name: &BundleName, source: &Path) -> Result<(), Error> {
        self.remove_part(name)?;
        let mut part = self.create_part(name)?;
        part.write_all(&fs::read(source).unwrap()).unwrap();
        part.finish()?;
        match self.rename_part(name) {
            Err(Error::NameTaken { .. }) => self.remove_part(name),
            Err(error) => Err(error),
            Ok(_) => self.sync(),
        }
    }

    fn list(&self) -> Vec<(BundleName, PathBuf)> {
        self.list().unwrap().into_iter().map(|stored| (stored.name, stored.path)).collect()
    }

    fn open(&self, name: &BundleName) -> Result<File, Error> {
        self.open_bundle(name)
    }

    fn remove(&self, name: &BundleName) -> Result<(), Error> {
        self.remove(name)
    }

    fn path(&self, name: &BundleName) -> PathBuf {
        Folder::path(self).join(name.to_string())
    }

    fn free_bytes(&self) -> u64 {
        self.free_bytes().unwrap()
    }
}

impl Mailbox for Stick {
    fn put(&self, name: &BundleName, source: &Path) -> Result<(), Error> {
        let size_bytes = fs::metadata(source).unwrap().len();
        self.put(name, &mut File::open(source).unwrap(), size_bytes, &|_| false, &Silent).map(|_| ())
    }

    fn list(&self) -> Vec<(BundleName, PathBuf)> {
        let scan = self.list(1 << 30);
        assert!(scan.problems.is_empty(), "{:?}", scan.problems);
        scan.bundles.into_iter().filter_map(|found| Some((found.name_hint?, found.path))).collect()
    }

    fn open(&self, name: &BundleName) -> Result<File, Error> {
        self.open_bundle(&self.path(name))
    }

    fn remove(&self, name: &BundleName) -> Result<(), Error> {
        self.remove(&self.path(name))
    }

    fn path(&self, name: &BundleName) -> PathBuf {
        self.root().join("packmule").join(name.folder()).join(name.to_string())
    }

    fn free_bytes(&self) -> u64 {
        self.free_bytes().unwrap()
    }
}

/// Runs a fact on an empty mailbox of each kind.
fn on_each_kind(fact: impl Fn(&dyn Mailbox, &Sources)) {
    let dir = tempfile::tempdir().unwrap();
    let sources = Sources(tempfile::tempdir().unwrap());
    let place = |kind: &str| {
        let path = dir.path().join(kind);
        fs::create_dir(&path).unwrap();
        path
    };
    fact(&Folder::ensure(place("folder")).unwrap(), &sources);
    fact(&Stick::open(place("stick")).unwrap(), &sources);
}

/// Bundles to put somewhere.
struct Sources(TempDir);

impl Sources {
    fn bundle(&self, length: usize, fill: u8) -> (PathBuf, Vec<u8>) {
        let path = self.0.path().join(format!("{length}-{fill}"));
        let bytes = bundle_bytes(length, fill);
        fs::write(&path, &bytes).unwrap();
        (path, bytes)
    }
}

fn bytes_of(mailbox: &dyn Mailbox, name: &BundleName) -> Vec<u8> {
    let mut bytes = Vec::new();
    mailbox.open(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_was_put_is_listed_and_opened_with_the_same_bytes() {
    on_each_kind(|mailbox, sources| {
        assert!(mailbox.free_bytes() > 0);
        for (seq, length) in [(2, 3_000_001), (1, 2_048)] {
            let (source, bytes) = sources.bundle(length, seq as u8);
            mailbox.put(&name(seq), &source).unwrap();
            assert_eq!(bytes_of(mailbox, &name(seq)), bytes);
        }
        let expected: Vec<_> = [1, 2].map(|seq| (name(seq), mailbox.path(&name(seq)))).into();
        assert_eq!(mailbox.list(), expected);
    });
}

#[test]
fn a_bundle_put_twice_is_there_once() {
    on_each_kind(|mailbox, sources| {
        let (source, bytes) = sources.bundle(5_000, 1);
        mailbox.put(&name(1), &source).unwrap();
        mailbox.put(&name(1), &source).unwrap();
        assert_eq!(mailbox.list().len(), 1);
        assert_eq!(bytes_of(mailbox, &name(1)), bytes);
    });
}

#[test]
fn what_was_removed_is_gone_and_the_rest_is_not() {
    on_each_kind(|mailbox, sources| {
        let (source, _) = sources.bundle(5_000, 1);
        mailbox.put(&name(1), &source).unwrap();
        mailbox.put(&name(2), &source).unwrap();
        mailbox.remove(&name(1)).unwrap();
        assert_eq!(mailbox.list(), [(name(2), mailbox.path(&name(2)))]);
        assert!(mailbox.open(&name(1)).is_err());
        assert!(mailbox.remove(&name(1)).is_err());
    });
}

#[test]
fn an_empty_mailbox_lists_nothing_and_names_the_file_that_it_does_not_have() {
    on_each_kind(|mailbox, _| {
        assert_eq!(mailbox.list(), []);
        let error = mailbox.open(&name(7)).unwrap_err();
        assert!(error.to_string().contains(&name(7).to_string()), "{error}");
        assert!(!error.may_pass());
    });
}

#[test]
fn what_a_crash_left_does_not_stand_in_the_way() {
    on_each_kind(|mailbox, sources| {
        let (source, bytes) = sources.bundle(5_000, 1);
        // Each kind leaves something else: the folder a part, the stick a short file under the final name.
        mailbox.put(&name(1), &source).unwrap();
        mailbox.remove(&name(1)).unwrap();
        let path = mailbox.path(&name(1));
        let is_stick = path.parent().unwrap().ends_with("lab-a-to-central");
        let remains = if is_stick { path } else { path.with_extension("mule.part") };
        fs::write(remains, &bytes[..2_500]).unwrap();
        mailbox.put(&name(1), &source).unwrap();
        assert_eq!(bytes_of(mailbox, &name(1)), bytes);
        assert_eq!(mailbox.list().len(), 1);
    });
}

#[cfg(unix)]
#[test]
fn a_link_under_a_bundle_s_name_is_not_opened_listed_or_overwritten() {
    on_each_kind(|mailbox, sources| {
        let (source, _) = sources.bundle(5_000, 1);
        let (outside, bytes) = sources.bundle(6_000, 2);
        mailbox.put(&name(1), &source).unwrap();
        mailbox.remove(&name(1)).unwrap();
        std::os::unix::fs::symlink(&outside, mailbox.path(&name(1))).unwrap();
        assert!(matches!(mailbox.open(&name(1)), Err(Error::NotAFile { .. })));
        assert_eq!(mailbox.list(), []);
        mailbox.put(&name(1), &source).unwrap();
        assert_eq!(fs::read(&outside).unwrap(), bytes);
        assert!(fs::symlink_metadata(mailbox.path(&name(1))).unwrap().is_symlink());
        assert!(mailbox.list().iter().all(|(hint, path)| name_hint(path).as_ref() == Some(hint)));
    });
}
