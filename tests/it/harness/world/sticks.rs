//! What becomes of the sticks of a world: lost, copied, damaged, and old copies that turn up.

use std::fs;
use std::path::{Path, PathBuf};

use super::World;
use crate::harness::site::bundles_in;

impl World<'_> {
    pub(super) fn lose(&mut self, stick: &Path) {
        self.tally.borrow_mut().fault("sticks lost");
        self.tell(format!("the stick {} is lost", name(stick)));
        fs::remove_dir_all(stick).unwrap();
        fs::create_dir(stick).unwrap();
    }

    pub(super) fn copy(&mut self, lab: usize, stick: &Path) {
        self.made += 1;
        let copy = new_folder(self.folder.path(), &format!("copy-{}", self.made));
        self.tell(format!("the stick {} is copied to {}", name(stick), name(&copy)));
        copy_over(stick, &copy);
        self.copies[lab - 1].push(copy);
    }

    /// An old copy of a stick goes over it, or is brought in its place.
    pub(super) fn bring_copy(&mut self, lab: usize, stick: &Path) {
        let copies = &self.copies[lab - 1];
        if copies.is_empty() {
            return;
        }
        let copy = copies[self.rng.usize(..copies.len())].clone();
        self.tally.borrow_mut().fault("old copies of sticks brought");
        match self.rng.u32(..3) {
            0 => self.run(0, &["import", "--no-reply", text(&copy)]),
            1 => self.run(lab, &["import", "--no-reply", text(&copy)]),
            _ => {
                self.tell(format!("{} is written over the stick {}", name(&copy), name(stick)));
                copy_over(&copy, stick);
            }
        }
    }

    pub(super) fn damage(&mut self, stick: &Path) {
        let bundles = bundles_in(stick);
        if bundles.is_empty() {
            return;
        }
        let bundle = &bundles[self.rng.usize(..bundles.len())];
        let mut bytes = fs::read(bundle).unwrap();
        let at = self.rng.usize(..bytes.len().max(1));
        match (self.rng.bool(), bytes.get_mut(at)) {
            (true, Some(byte)) => *byte ^= 1,
            _ => bytes.truncate(at),
        }
        self.tell(format!("{} is damaged at {at}", name(bundle)));
        self.tally.borrow_mut().fault("files damaged on sticks");
        fs::write(bundle, bytes).unwrap();
    }
}

pub(super) fn new_folder(parent: &Path, name: &str) -> PathBuf {
    let folder = parent.join(name);
    fs::create_dir(&folder).unwrap();
    folder
}

/// Copies what is in one folder into another; what is there under the same name is replaced.
pub(super) fn copy_over(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(Result::unwrap) {
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
