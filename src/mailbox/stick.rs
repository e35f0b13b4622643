//! A stick or a share: a folder on a drive that people carry, and pull out too early.
//!
//! What is here lists, opens and removes; `put.rs` writes, and says why it writes as it does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::mailbox::error::{Circumstance, Error, classify};
use crate::mailbox::names::is_mule;
use crate::mailbox::platform;
use crate::mailbox::scan::{Scan, looks_like_bundle, scan};
use crate::model::Site;

/// A folder on a stick or share. Everything that packmule writes there lies in its folder `packmule`.
#[derive(Debug, Clone)]
pub struct Stick {
    root: PathBuf,
}

impl Stick {
    /// Opens a folder that exists. It is never created: where a stick is not mounted, its mount point's name
    /// would otherwise become a folder on the computer's own disk.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        match fs::metadata(&root) {
            Ok(metadata) if metadata.is_dir() => Ok(Stick { root }),
            Ok(_) => Err(Error::NotAFolder { path: root }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::NotAFolder { path: root }),
            Err(error) => Err(classify(error, &Circumstance::now(&root, &root, 0))),
        }
    }

    /// The folder that was opened.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How many bytes can still be stored.
    pub fn free_bytes(&self) -> Result<u64, Error> {
        platform::free_bytes(&self.root).map_err(|error| self.fault(&self.root, 0, error))
    }

    /// Writes `packmule/README.TXT` where it is missing or says something else. Returns whether it was written.
    /// Its lines end as Windows' Notepad wants them.
    pub fn put_readme(&self, text: &str) -> Result<bool, Error> {
        let path = self.ensure_folder(&[HOME])?.join(README);
        let fault = |error| self.fault(&path, text.len() as u64, error);
        let wanted = text.replace("\r\n", "\n").replace('\n', "\r\n");
        let mut options = OpenOptions::new();
        match platform::open_regular(&path) {
            Ok(Some(file)) => {
                let mut present = Vec::new();
                file.take(wanted.len() as u64 + 1).read_to_end(&mut present).map_err(fault)?;
                if present == wanted.as_bytes() {
                    return Ok(false);
                }
                options.write(true).truncate(true);
            }
            Ok(None) => return Err(Error::NotAFile { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                options.write(true).create_new(true);
            }
            Err(error) => return Err(fault(error)),
        }
        platform::without_following(&mut options);
        let mut file = options.open(&path).map_err(fault)?;
        file.write_all(wanted.as_bytes()).and_then(|()| file.sync_all()).map_err(fault)?;
        self.sync_folders(&path)?;
        Ok(true)
    }

    /// Makes the folder for bundles from one site to another, even before there is one: it says whose stick this is.
    pub fn ensure_mail_folder(&self, from: &Site, to: &Site) -> Result<(), Error> {
        let folder = self.ensure_folder(&[HOME, &format!("{from}-to-{to}")])?;
        self.sync_folders(&folder.join(README))
    }

    /// The pairs of sites whose bundles this stick carries, by the names of its folders. Names are never believed:
    /// they only tell for whom something may be put beside them.
    pub fn mail_folders(&self) -> Vec<(Site, Site)> {
        const FOLDERS_MAX: usize = 10_000;
        let entries = fs::read_dir(self.root.join(HOME)).into_iter().flatten().take(FOLDERS_MAX);
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names
            .flat_map(|name| {
                let name = name.to_ascii_lowercase();
                let splits: Vec<usize> = name.match_indices("-to-").map(|(at, _)| at).collect();
                // A site's name may have "-to-" in it: every way to split is tried.
                let pair =
                    |at: &usize| Some((name.get(..*at)?.parse().ok()?, name.get(*at + 4..)?.parse().ok()?));
                splits.iter().filter_map(pair).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Finds the bundles on the stick, wherever they lie and whatever they are called.
    pub fn list(&self, size_max: u64) -> Scan {
        scan(std::slice::from_ref(&self.root), size_max)
    }

    /// Opens a file that [`Stick::list`] found.
    pub fn open_bundle(&self, path: &Path) -> Result<File, Error> {
        open_below(&self.root, path)
    }

    /// Removes a bundle that is no longer needed, or the remains of one. Only below `packmule`: a copy that a
    /// person made elsewhere is that person's. A removal that a pull undoes does no harm and is not synced.
    pub fn remove(&self, path: &Path) -> Result<(), Error> {
        let fault = |error| self.fault(path, 0, error);
        let home = fs::canonicalize(self.root.join(HOME)).map_err(fault)?;
        let parent = path.parent().unwrap_or(path);
        let is_inside = fs::canonicalize(parent).map_err(fault)?.starts_with(&home);
        let mut file = self.open_bundle(path)?;
        if !is_inside || !(is_mule(path) || looks_like_bundle(&mut file).map_err(fault)?) {
            return Err(Error::NotOurs { path: path.to_owned() });
        }
        drop(file);
        fs::remove_file(path).map_err(fault)
    }

    /// Says that the stick is full before anything on it is changed.
    pub(super) fn expect_room(&self, need_bytes: u64, freed_bytes: u64) -> Result<(), Error> {
        let free_bytes = self.free_bytes()?.saturating_add(freed_bytes);
        if free_bytes >= need_bytes {
            return Ok(());
        }
        // A write-protected drive often says that nothing is free; to delete files would not help then.
        if platform::is_read_only(&self.root) {
            let source = io::ErrorKind::ReadOnlyFilesystem.into();
            return Err(Error::ReadOnly { place: self.root.clone(), source });
        }
        Err(Error::Full { place: self.root.clone(), need_bytes, free_bytes })
    }

    /// Makes the folders of `parts` below the root, one in the other. A link on the way is refused: nothing is
    /// followed out of the stick.
    pub(super) fn ensure_folder(&self, parts: &[&str]) -> Result<PathBuf, Error> {
        let mut folder = self.root.clone();
        for part in parts {
            folder.push(part);
            match fs::create_dir(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let metadata = fs::symlink_metadata(&folder);
                    if !metadata.map_err(|error| self.fault(&folder, 0, error))?.is_dir() {
                        return Err(Error::NotAFolder { path: folder });
                    }
                }
                Err(error) => return Err(self.fault(&folder, 0, error)),
            }
        }
        Ok(folder)
    }

    /// Syncs every folder from the one that holds `path` up to the mount point. The root's own entry may be as
    /// new as ours: people make a folder and export into it.
    pub(super) fn sync_folders(&self, path: &Path) -> Result<(), Error> {
        let root = fs::canonicalize(&self.root).map_err(|error| self.fault(&self.root, 0, error))?;
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        let file = root.join(inside);
        for folder in file.ancestors().skip(1) {
            let is_above = !folder.starts_with(&root);
            if is_above && !platform::same_file_system(folder, &root) {
                break;
            }
            match platform::sync_folder(folder) {
                Ok(()) => {}
                // Above the root are folders of others, which we may have no right to open.
                Err(error) if is_above && error.kind() == io::ErrorKind::PermissionDenied => {}
                Err(error) => return Err(self.fault(folder, 0, error)),
            }
        }
        Ok(())
    }

    /// Turns an error of the system into ours, with what can be seen of the stick right now.
    pub(super) fn fault(&self, path: &Path, need_bytes: u64, source: io::Error) -> Error {
        classify(source, &Circumstance::now(&self.root, path, need_bytes))
    }
}

/// Opens a file that [`scan`] found: a regular file, without following links.
pub fn open_file(path: &Path) -> Result<File, Error> {
    open_below(path.parent().unwrap_or(path), path)
}

/// Opens a regular file; what goes wrong is told of the place `root`, which may be a stick that is gone.
fn open_below(root: &Path, path: &Path) -> Result<File, Error> {
    match platform::open_regular(path) {
        Ok(Some(file)) => Ok(file),
        Ok(None) => Err(Error::NotAFile { path: path.to_owned() }),
        Err(error) => Err(classify(error, &Circumstance::now(root, path, 0))),
    }
}

/// The folder on a stick in which everything of packmule's lies.
pub(super) const HOME: &str = "packmule";

/// What tells a finder what the folder is; upper case and `.TXT` so that it opens everywhere.
pub(super) const README: &str = "README.TXT";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::sample::bundle_bytes;

    #[test]
    fn a_folder_that_is_not_there_is_never_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("media/STICK");
        assert!(matches!(Stick::open(&path), Err(Error::NotAFolder { .. })));
        assert!(!path.exists());
        let file = dir.path().join("file");
        fs::write(&file, b"x").unwrap();
        assert!(matches!(Stick::open(&file), Err(Error::NotAFolder { .. })));
    }

    #[test]
    fn the_readme_is_written_where_it_is_missing_or_different() {
        let dir = tempfile::tempdir().unwrap();
        let stick = Stick::open(dir.path()).unwrap();
        assert!(stick.put_readme("packmule\nCall 0700.\n").unwrap());
        assert!(!stick.put_readme("packmule\r\nCall 0700.\r\n").unwrap());
        let path = dir.path().join("packmule/README.TXT");
        assert_eq!(fs::read(&path).unwrap(), b"packmule\r\nCall 0700.\r\n");
        assert!(stick.put_readme("shorter\n").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"shorter\r\n");
    }

    #[cfg(unix)]
    #[test]
    fn the_readme_is_not_written_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        fs::write(&outside, b"mine").unwrap();
        fs::create_dir_all(dir.path().join("stick/packmule")).unwrap();
        let link = dir.path().join("stick/packmule/README.TXT");
        std::os::unix::fs::symlink(&outside, link).unwrap();
        let stick = Stick::open(dir.path().join("stick")).unwrap();
        assert!(matches!(stick.put_readme("x"), Err(Error::NotAFile { .. })));
        assert_eq!(fs::read(outside).unwrap(), b"mine");
    }

    #[test]
    fn only_bundles_in_our_own_folder_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let stick = Stick::open(dir.path()).unwrap();
        let lay = |path: &str, bytes: &[u8]| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            path
        };
        let bundle = bundle_bytes(3_000, 0);
        for ours in [lay("packmule/a-to-b/torn.mule", b""), lay("packmule/a-to-b/renamed", &bundle)] {
            stick.remove(&ours).unwrap();
            assert!(!ours.exists());
        }
        let outside = lay("Downloads/copy.mule", &bundle);
        let sneaked = dir.path().join("packmule/../Downloads/copy.mule");
        for foreign in [outside, lay("packmule/photo.jpg", b"x"), sneaked] {
            assert!(matches!(stick.remove(&foreign), Err(Error::NotOurs { .. })), "{foreign:?}");
            assert!(foreign.exists());
        }
    }
}
