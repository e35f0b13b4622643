//! Why a mailbox could not do what was asked, and how the system's error numbers are told apart.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::mailbox::names::display_path;
use crate::model::BundleName;

/// Why a mailbox could not list, open, put or remove a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bundle does not fit on the drive.
    #[error("{} is full: {need_bytes} bytes are needed, {free_bytes} are free", display_path(place))]
    Full {
        /// The mailbox.
        place: PathBuf,
        /// What the file needs.
        need_bytes: u64,
        /// What is left.
        free_bytes: u64,
    },

    /// The drive takes no writes: a switch on the stick, or the system protects a damaged file system.
    #[error("{} can only be read, not written", display_path(place))]
    ReadOnly {
        /// The mailbox.
        place: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The drive was pulled out, the share was cut off, or the drive answers no more.
    #[error("{} was pulled out or does not answer any more", display_path(place))]
    Gone {
        /// The mailbox.
        place: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The drive said that all was stored, and gives back other bytes.
    #[error(
        "{} is failing or counterfeit: {} reads back different; do not use it again",
        display_path(place),
        display_path(path)
    )]
    ReadBackDiffers {
        /// The mailbox.
        place: PathBuf,
        /// The file that came back different.
        path: PathBuf,
    },

    /// A folder is needed where there is none. A mailbox's own folder is never created where it is missing:
    /// under the mount point of a stick that is not there, that would fill the computer's own disk.
    #[error("{} is not a folder", display_path(path))]
    NotAFolder {
        /// What is no folder.
        path: PathBuf,
    },

    /// A link, a pipe or a folder stands where a plain file is needed.
    #[error("{} is not a plain file", display_path(path))]
    NotAFile {
        /// What is no file.
        path: PathBuf,
    },

    /// The person or service that runs packmule may not do this here.
    #[error("no permission for {}", display_path(path))]
    NoPermission {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The file is larger than the file system or the limit for bundles allows.
    #[error("{} is too large: {size_bytes} bytes", display_path(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
    },

    /// Another file has the name already, and nothing is overwritten here.
    #[error("{} is there already", display_path(path))]
    NameTaken {
        /// The file that has the name.
        path: PathBuf,
    },

    /// The file lies outside the mailbox's own folder, or is no bundle: it is not ours to remove.
    #[error("{} is not a bundle in a mailbox and is left alone", display_path(path))]
    NotOurs {
        /// The file.
        path: PathBuf,
    },

    /// A folder holds more entries than are looked through; bundles may lie among the rest.
    #[error("{} holds more than {entries_max} files; the rest was not looked through", display_path(place))]
    TooManyFiles {
        /// Where the search began.
        place: PathBuf,
        /// How many entries were looked at.
        entries_max: u64,
    },

    /// The bundle that is to be copied cannot be read to its end.
    #[error("cannot read the bundle {name} that is to be copied")]
    Source {
        /// The bundle.
        name: BundleName,
        /// What the system said.
        source: io::Error,
    },

    /// The system does not say which drives are mounted; the person has to name the folder.
    #[error("cannot find out which drives are mounted")]
    DrivesUnknown {
        /// What the system said.
        source: sysinfo::Error,
    },

    /// Anything else that the system refused; the file or folder is named.
    #[error("cannot read or write {}", display_path(path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Whether the same call may go well later without a change of mind by anyone: a stick comes back, a share
    /// answers again.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Gone { .. } => true,
            Error::Io { source, .. } => {
                matches!(
                    source.kind(),
                    ErrorKind::Interrupted | ErrorKind::ResourceBusy | ErrorKind::TimedOut
                )
            }
            Error::Full { .. }
            | Error::ReadOnly { .. }
            | Error::ReadBackDiffers { .. }
            | Error::NotAFolder { .. }
            | Error::NotAFile { .. }
            | Error::NoPermission { .. }
            | Error::TooLarge { .. }
            | Error::NameTaken { .. }
            | Error::NotOurs { .. }
            | Error::TooManyFiles { .. }
            | Error::DrivesUnknown { .. }
            | Error::Source { .. } => false,
        }
    }
}

/// What was known when the system refused a call. Gathered by the caller, so that [`classify`] stays pure.
pub(super) struct Circumstance<'a> {
    /// The mailbox.
    pub(super) place: &'a Path,
    /// The file or folder that the call was about.
    pub(super) path: &'a Path,
    /// How many bytes were to be stored.
    pub(super) need_bytes: u64,
    /// How many were free afterwards.
    pub(super) free_bytes: u64,
    /// Whether the mailbox's folder could still be found.
    pub(super) place_is_there: bool,
}

impl Circumstance<'_> {
    /// Looks at the mailbox as it is now, right after a call was refused.
    pub(super) fn now<'a>(place: &'a Path, path: &'a Path, need_bytes: u64) -> Circumstance<'a> {
        let free_bytes = super::platform::free_bytes(place).unwrap_or(0);
        Circumstance { place, path, need_bytes, free_bytes, place_is_there: place.is_dir() }
    }
}

/// Returns what an error of the system means for the person with the stick.
///
/// A pulled stick shows as `EIO` for as long as the kernel holds the dead mount, and as "not found" once it is
/// unmounted. `EIO` of a dying stick looks the same, so [`Error::Gone`] has words that fit both.
pub(super) fn classify(source: io::Error, at: &Circumstance<'_>) -> Error {
    let (place, path) = (at.place.to_owned(), at.path.to_owned());
    if is_gone(&source) || (source.kind() == ErrorKind::NotFound && !at.place_is_there) {
        return Error::Gone { place, source };
    }
    if is_link_or_folder(&source) {
        return Error::NotAFile { path };
    }
    // Not a `match`: the list of kinds is the standard library's and grows.
    let kind = source.kind();
    if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        Error::Full { place, need_bytes: at.need_bytes, free_bytes: at.free_bytes }
    } else if kind == ErrorKind::ReadOnlyFilesystem {
        Error::ReadOnly { place, source }
    } else if kind == ErrorKind::PermissionDenied {
        Error::NoPermission { path, source }
    } else if kind == ErrorKind::FileTooLarge {
        Error::TooLarge { path, size_bytes: at.need_bytes }
    } else if kind == ErrorKind::AlreadyExists {
        Error::NameTaken { path }
    } else if kind == ErrorKind::NotADirectory {
        Error::NotAFolder { path }
    } else {
        Error::Io { path, source }
    }
}

#[cfg(unix)]
fn is_gone(source: &io::Error) -> bool {
    use rustix::io::Errno;
    // A card reader whose card was taken out; only Linux has a number of its own for it.
    #[cfg(target_os = "linux")]
    const NO_CARD: Errno = Errno::NOMEDIUM;
    #[cfg(not(target_os = "linux"))]
    const NO_CARD: Errno = Errno::NODEV;
    const DRIVE: [Errno; 4] = [Errno::IO, Errno::NXIO, Errno::NODEV, NO_CARD];
    const SHARE: [Errno; 4] = [Errno::STALE, Errno::NOTCONN, Errno::HOSTDOWN, Errno::TIMEDOUT];
    Errno::from_io_error(source).is_some_and(|errno| DRIVE.contains(&errno) || SHARE.contains(&errno))
}

/// Windows: not ready, no such device, wrong disk, I/O error of the device, device not connected.
#[cfg(not(unix))]
fn is_gone(source: &io::Error) -> bool {
    matches!(source.raw_os_error(), Some(21 | 55 | 433 | 1117 | 1167))
}

#[cfg(unix)]
fn is_link_or_folder(source: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(source), Some(Errno::LOOP | Errno::ISDIR))
}

#[cfg(not(unix))]
fn is_link_or_folder(source: &io::Error) -> bool {
    source.kind() == ErrorKind::IsADirectory
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    fn shown(errno: Errno, place_is_there: bool) -> Error {
        let at = Circumstance {
            place: Path::new("/media/stick"),
            path: Path::new("/media/stick/packmule/a.mule"),
            need_bytes: 700,
            free_bytes: 300,
            place_is_there,
        };
        classify(errno.into(), &at)
    }

    #[test]
    fn each_error_of_the_system_has_its_own_words() {
        let table = [
            (Errno::NOSPC, "/media/stick is full: 700 bytes are needed, 300 are free"),
            (Errno::DQUOT, "/media/stick is full: 700 bytes are needed, 300 are free"),
            (Errno::ROFS, "/media/stick can only be read, not written"),
            (Errno::IO, "/media/stick was pulled out or does not answer any more"),
            (Errno::NODEV, "/media/stick was pulled out or does not answer any more"),
            (Errno::NXIO, "/media/stick was pulled out or does not answer any more"),
            (Errno::STALE, "/media/stick was pulled out or does not answer any more"),
            (Errno::ACCESS, "no permission for /media/stick/packmule/a.mule"),
            (Errno::PERM, "no permission for /media/stick/packmule/a.mule"),
            (Errno::FBIG, "/media/stick/packmule/a.mule is too large: 700 bytes"),
            (Errno::EXIST, "/media/stick/packmule/a.mule is there already"),
            (Errno::NOTDIR, "/media/stick/packmule/a.mule is not a folder"),
            (Errno::LOOP, "/media/stick/packmule/a.mule is not a plain file"),
            (Errno::ISDIR, "/media/stick/packmule/a.mule is not a plain file"),
            (Errno::NOENT, "cannot read or write /media/stick/packmule/a.mule"),
            (Errno::INVAL, "cannot read or write /media/stick/packmule/a.mule"),
        ];
        for (errno, words) in table {
            assert_eq!(shown(errno, true).to_string(), words, "{errno:?}");
        }
    }

    #[test]
    fn a_missing_file_on_a_missing_stick_is_a_pulled_stick() {
        assert!(matches!(shown(Errno::NOENT, false), Error::Gone { .. }));
        assert!(matches!(shown(Errno::NOENT, true), Error::Io { .. }));
    }

    #[test]
    fn waiting_helps_only_where_the_drive_may_come_back() {
        assert!(shown(Errno::IO, true).may_pass());
        assert!(shown(Errno::BUSY, true).may_pass());
        assert!(!shown(Errno::NOSPC, true).may_pass());
        assert!(!shown(Errno::ROFS, true).may_pass());
    }
}
