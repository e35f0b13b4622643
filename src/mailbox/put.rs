//! How a bundle gets onto a stick so that "you can take the stick out now" is true.
//!
//! The usual way to write a file safely, `.part` and rename, is not safe here: on FAT it left a 0-byte file under
//! the final name when the stick was pulled (measured). So a bundle is written in place under its final name, the
//! file and every folder above it are synced, and the bytes are read back from the drive itself. A bundle proves
//! itself, so what a pull leaves behind is harmless; the next [`Stick::put`] replaces it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::mailbox::error::Error;
use crate::mailbox::existing::{Seen, Verdict, decide};
use crate::mailbox::names::numbered;
use crate::mailbox::platform;
use crate::mailbox::stick::{HOME, Stick};
use crate::mailbox::transfer::{self, Fault};
use crate::model::BundleName;
use crate::monitor::{Monitor, Step};

/// What came of a [`Stick::put`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Where the bundle lies.
    pub path: PathBuf,
    /// How it came to lie there.
    pub outcome: Outcome,
    /// Files that have the bundle's name, are not this bundle, and were left alone.
    pub left_alone: Vec<PathBuf>,
}

/// How a bundle came to lie on the stick. In each case it is there now, read back and found equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was written.
    Written,
    /// It was written in place of a copy that had been cut off.
    Replaced,
    /// It was there already.
    AlreadyThere,
}

impl Stick {
    /// Copies a closed bundle to `packmule/FROM-to-TO/NAME.mule`, and returns only when the drive has given
    /// the same bytes back. Run again after any error or crash, it completes what was begun.
    ///
    /// `is_whole_bundle` says whether a file is a complete, valid bundle, whoever's; such a file is never touched,
    /// and ours gets the next free number in its name. A bundle that is there already is checked all the same.
    pub fn put(
        &self,
        name: &BundleName,
        source: &mut File,
        size_bytes: u64,
        is_whole_bundle: &dyn Fn(&Path) -> bool,
        monitor: &dyn Monitor,
    ) -> Result<Put, Error> {
        let folder = self.ensure_folder(&[HOME, &name.folder()])?;
        let mut load = Load { stick: self, name, source, size_bytes, monitor };
        let mut left_alone = Vec::new();
        for number in 1..=NUMBER_MAX {
            let path = folder.join(numbered(name, number));
            let seen = load.look(&path, is_whole_bundle)?;
            let outcome = match decide(seen, size_bytes) {
                Verdict::LeaveAlone => {
                    left_alone.push(path);
                    continue;
                }
                Verdict::AlreadyThere => Outcome::AlreadyThere,
                Verdict::Write => {
                    self.expect_room(size_bytes, 0)?;
                    load.write(&path)?;
                    Outcome::Written
                }
                Verdict::Replace => {
                    load.replace(&path)?;
                    Outcome::Replaced
                }
            };
            return Ok(Put { path, outcome, left_alone });
        }
        Err(Error::NameTaken { path: folder.join(numbered(name, 1)) })
    }
}

impl Stick {
    /// Looks once more at a bundle that was put on the stick in this run, after others were.
    ///
    /// A counterfeit stick that is smaller than it says begins anew behind its end: what is written there overwrites an
    /// earlier bundle, and reads back as it was written. So nothing is done before all have been read again.
    pub fn check(&self, put: &Put, source: &mut File, monitor: &dyn Monitor) -> Result<(), Error> {
        let path = &put.path;
        let fault = |error| self.fault(path, 0, error);
        let size_bytes = source.metadata().map_err(fault)?.len();
        let mut copy = match self.open_bundle(path) {
            Ok(copy) => copy,
            // Its folder was overwritten.
            Err(Error::Io { .. } | Error::NotAFile { .. }) => return Err(self.differs(path)),
            Err(other) => return Err(other),
        };
        platform::forget_cached(&copy);
        match transfer::is_same(source, &mut copy, size_bytes, monitor) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.differs(path)),
            Err(Fault::Source(source)) => Err(Error::Io { path: path.clone(), source }),
            Err(Fault::Target(source)) => Err(fault(source)),
        }
    }

    fn differs(&self, path: &Path) -> Error {
        Error::ReadBackDiffers { place: self.root().to_owned(), path: path.to_owned() }
    }
}

/// One bundle on its way to one stick.
struct Load<'a> {
    stick: &'a Stick,
    name: &'a BundleName,
    source: &'a mut File,
    size_bytes: u64,
    monitor: &'a dyn Monitor,
}

impl Load<'_> {
    /// Looks at what has the wanted name.
    fn look(&mut self, path: &Path, is_whole_bundle: &dyn Fn(&Path) -> bool) -> Result<Seen, Error> {
        let mut file = match platform::open_regular(path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Seen::NotAFile),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seen::Nothing),
            Err(error) => return Err(self.fault(path, Fault::Target(error))),
        };
        let metadata = file.metadata().map_err(|error| self.fault(path, Fault::Target(error)))?;
        if metadata.len() == self.size_bytes {
            self.settle(&file, path)?;
            match transfer::is_same(self.source, &mut file, self.size_bytes, self.monitor) {
                Ok(true) => return Ok(Seen::SameBytes),
                Ok(false) => {}
                Err(Fault::Target(_)) => return Ok(Seen::Unreadable),
                Err(fault @ Fault::Source(_)) => return Err(self.fault(path, fault)),
            }
        }
        drop(file);
        Ok(Seen::OtherBytes { size_bytes: metadata.len(), is_whole_bundle: is_whole_bundle(path) })
    }

    /// Puts a file that is there already on the drive, and forgets it: a run that was killed may have left it in
    /// memory only.
    fn settle(&self, file: &File, path: &Path) -> Result<(), Error> {
        // Windows syncs only files that are open for writing; there the bytes are compared and no more.
        if cfg!(unix) {
            file.sync_all().map_err(|error| self.fault(path, Fault::Target(error)))?;
        }
        self.stick.sync_folders(path)?;
        platform::forget_cached(file);
        Ok(())
    }

    /// Removes the remains of a cut-off copy and writes the bundle in their place.
    fn replace(&mut self, path: &Path) -> Result<(), Error> {
        // The room is reckoned first: without it nothing at all is changed on the stick.
        let remains = fs::symlink_metadata(path).map_err(|error| self.fault(path, Fault::Target(error)))?;
        self.stick.expect_room(self.size_bytes, remains.len())?;
        fs::remove_file(path).map_err(|error| self.fault(path, Fault::Target(error)))?;
        self.write(path)
    }

    /// Creates the file and fills it. What was begun and could not be ended is removed again where possible.
    fn write(&mut self, path: &Path) -> Result<(), Error> {
        let created = OpenOptions::new().write(true).create_new(true).open(path);
        let mut target = created.map_err(|error| self.fault(path, Fault::Target(error)))?;
        self.monitor.step(Step::CarryCreated);
        let result = self.fill(&mut target, path);
        drop(target);
        if result.is_err() {
            // Best effort: the remains are harmless, and the first error is the one to tell.
            let _ = fs::remove_file(path);
        }
        result
    }

    fn fill(&mut self, target: &mut File, path: &Path) -> Result<(), Error> {
        // The file first, then the folders from the inside out: a pull in between leaves a bundle that nobody
        // finds, or a short one that proves itself torn. "Done" is said only after both.
        let written = transfer::write(self.source, target, self.size_bytes, self.monitor);
        written.map_err(|fault| self.fault(path, fault))?;
        self.stick.sync_folders(path)?;
        self.monitor.step(Step::CarrySynced);
        // Only synced bytes can be forgotten, so the read-back stands after both syncs.
        platform::forget_cached(target);
        let mut copy = self.stick.open_bundle(path)?;
        let same = transfer::is_same(self.source, &mut copy, self.size_bytes, self.monitor);
        if same.map_err(|fault| self.fault(path, fault))? { Ok(()) } else { Err(self.stick.differs(path)) }
    }

    fn fault(&self, path: &Path, fault: Fault) -> Error {
        match fault {
            Fault::Source(source) => Error::Source { name: self.name.clone(), source },
            Fault::Target(source) => self.stick.fault(path, self.size_bytes, source),
        }
    }
}

/// How many files may claim one bundle's name. More than a few are no accident.
const NUMBER_MAX: u32 = 99;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::mailbox::sample::{bundle_bytes, name};
    use crate::monitor::Silent;

    const LENGTH: usize = 3_000_001;

    /// A stick, and a bundle for it.
    struct Scene {
        dir: tempfile::TempDir,
        stick: Stick,
        source: File,
        bytes: Vec<u8>,
    }

    impl Scene {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let stick = Stick::open(dir.path()).unwrap();
            let bytes = bundle_bytes(LENGTH, 0);
            let mut source = tempfile::tempfile().unwrap();
            source.write_all(&bytes).unwrap();
            Scene { dir, stick, source, bytes }
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("packmule/lab-a-to-central").join(name(1).to_string())
        }

        fn lay(&self, bytes: &[u8]) {
            fs::create_dir_all(self.path().parent().unwrap()).unwrap();
            fs::write(self.path(), bytes).unwrap();
        }

        fn put(&mut self, monitor: &dyn Monitor) -> Result<Put, Error> {
            self.put_beside(&|_| false, monitor)
        }

        fn put_beside(&mut self, judge: &dyn Fn(&Path) -> bool, monitor: &dyn Monitor) -> Result<Put, Error> {
            self.stick.put(&name(1), &mut self.source, LENGTH as u64, judge, monitor)
        }
    }

    /// Does something at one step.
    struct At<F>(Step, F);

    impl<F: Fn() + Send + Sync> Monitor for At<F> {
        fn step(&self, step: Step) {
            if step == self.0 {
                (self.1)();
            }
        }
    }

    #[test]
    fn a_bundle_is_written_once_and_checked_each_time() {
        let mut scene = Scene::new();
        let expected = |outcome| Put { path: scene.path(), outcome, left_alone: vec![] };
        let (written, there) = (expected(Outcome::Written), expected(Outcome::AlreadyThere));
        assert_eq!(scene.put(&Silent).unwrap(), written);
        assert_eq!(scene.put(&Silent).unwrap(), there);
        assert_eq!(fs::read(scene.path()).unwrap(), scene.bytes);
    }

    #[test]
    fn after_a_crash_at_any_step_the_next_run_completes_the_bundle() {
        for step in [Step::CarryCreated, Step::CarryHalfWritten, Step::CarrySynced] {
            let mut scene = Scene::new();
            let crash = At(step, || std::panic::resume_unwind(Box::new(())));
            assert!(catch_unwind(AssertUnwindSafe(|| scene.put(&crash))).is_err(), "{step:?} was not met");
            assert!(scene.path().exists());
            scene.put(&Silent).unwrap();
            assert_eq!(fs::read(scene.path()).unwrap(), scene.bytes, "{step:?}");
        }
    }

    #[test]
    fn what_a_pull_left_is_replaced() {
        let bytes = bundle_bytes(LENGTH, 0);
        let zero_tail = [&bytes[..LENGTH / 2], &vec![0; LENGTH - LENGTH / 2]].concat();
        for remains in [vec![], bytes[..1_000].to_vec(), vec![0; LENGTH], zero_tail, vec![0xA5; 70_000]] {
            let mut scene = Scene::new();
            scene.lay(&remains);
            assert_eq!(scene.put(&Silent).unwrap().outcome, Outcome::Replaced);
            assert_eq!(fs::read(scene.path()).unwrap(), scene.bytes);
        }
    }

    #[test]
    fn a_whole_bundle_or_a_larger_file_under_the_name_is_left_alone() {
        let (whole, larger) = (bundle_bytes(4_000, 9), vec![7; LENGTH + 1]);
        for (other, is_whole) in [(whole, true), (larger, false)] {
            let mut scene = Scene::new();
            scene.lay(&other);
            let path = scene.path().with_file_name("lab-a.central.7f3a9c21.0000000001.2.mule");
            let judge = |judged: &Path| {
                is_whole
                    && judged == scene.dir.path().join("packmule/lab-a-to-central").join(name(1).to_string())
            };
            let put = scene.stick.put(&name(1), &mut scene.source, LENGTH as u64, &judge, &Silent).unwrap();
            assert_eq!(
                put,
                Put { path: path.clone(), outcome: Outcome::Written, left_alone: vec![scene.path()] }
            );
            assert_eq!(fs::read(scene.path()).unwrap(), other);
            assert_eq!(scene.put_beside(&|_| true, &Silent).unwrap().outcome, Outcome::AlreadyThere);
            assert_eq!(fs::read(path).unwrap(), scene.bytes);
        }
    }

    #[test]
    fn a_drive_that_gives_back_other_bytes_is_named_and_the_bad_copy_removed() {
        let mut scene = Scene::new();
        let path = scene.path();
        let spoil = At(Step::CarrySynced, || {
            let mut bytes = fs::read(&path).unwrap();
            bytes[LENGTH - 1] ^= 1;
            fs::write(&path, bytes).unwrap();
        });
        let error = scene.put(&spoil).unwrap_err();
        assert!(matches!(error, Error::ReadBackDiffers { .. }));
        assert!(error.to_string().contains("failing or counterfeit"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn what_later_writes_have_overwritten_is_found_out() {
        let mut scene = Scene::new();
        let put = scene.put(&Silent).unwrap();
        scene.stick.check(&put, &mut scene.source, &Silent).unwrap();
        let mut bytes = scene.bytes.clone();
        bytes[LENGTH / 2] ^= 1;
        for overwritten in [bytes, scene.bytes[1..].to_vec()] {
            fs::write(&put.path, overwritten).unwrap();
            let error = scene.stick.check(&put, &mut scene.source, &Silent).unwrap_err();
            assert!(matches!(error, Error::ReadBackDiffers { .. }), "{error:?}");
        }
    }

    #[test]
    fn a_stick_that_is_pulled_and_unmounted_is_gone() {
        let mut scene = Scene::new();
        let root = scene.dir.path().to_owned();
        let pull = At(Step::CarryHalfWritten, || fs::remove_dir_all(&root).unwrap());
        let error = scene.put(&pull).unwrap_err();
        assert!(matches!(error, Error::Gone { .. }) && error.may_pass(), "{error:?}");
        assert!(!root.exists(), "the mount point's name must not become a folder");
        assert!(matches!(Stick::open(&root), Err(Error::NotAFolder { .. })));
    }

    #[test]
    fn without_room_nothing_is_changed_on_the_stick() {
        let mut scene = Scene::new();
        for remains in [None, Some(b"torn")] {
            remains.inspect(|bytes| scene.lay(*bytes));
            let huge = 1 << 60;
            let error = scene.stick.put(&name(1), &mut scene.source, huge, &|_| false, &Silent).unwrap_err();
            assert!(matches!(error, Error::Full { need_bytes, free_bytes, .. }
                if need_bytes == huge && free_bytes < huge));
            assert_eq!(fs::read(scene.path()).ok(), remains.map(|bytes| bytes.to_vec()));
        }
    }

    #[test]
    fn a_source_that_ends_early_is_named_and_leaves_nothing() {
        let mut scene = Scene::new();
        scene.source.set_len(LENGTH as u64 - 1).unwrap();
        let error = scene.put(&Silent).unwrap_err();
        assert!(matches!(error, Error::Source { .. }), "{error:?}");
        assert!(!scene.path().exists());
    }

    #[test]
    fn a_file_where_a_folder_must_be_is_named_and_kept() {
        let mut scene = Scene::new();
        fs::write(scene.dir.path().join("packmule"), b"mine").unwrap();
        let error = scene.put(&Silent).unwrap_err();
        assert!(matches!(&error, Error::NotAFolder { path } if path.ends_with("packmule")), "{error:?}");
        assert_eq!(fs::read(scene.dir.path().join("packmule")).unwrap(), b"mine");
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link() {
        let outside = tempfile::tempdir().unwrap();
        let mut scene = Scene::new();
        std::os::unix::fs::symlink(outside.path(), scene.dir.path().join("packmule")).unwrap();
        assert!(matches!(scene.put(&Silent), Err(Error::NotAFolder { .. })));
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
