//! The few calls that the standard library lacks, each with a fallback for systems other than Unix.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a regular file for reading. Returns `None` for a link, a pipe, a device or a folder.
///
/// Looked at before it is opened, because to open a pipe waits and to open a device can set it going; opened
/// without following links and without waiting, in case it was exchanged in between.
pub(super) fn open_regular(path: &Path) -> io::Result<Option<File>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut options = OpenOptions::new();
    options.read(true);
    without_following(&mut options);
    let file = options.open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Makes `options` refuse a link and not wait for a pipe.
pub(super) fn without_following(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        use rustix::fs::OFlags;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// Makes what `options` creates readable by nobody else. Elsewhere the folder's own rights have to do it.
pub(super) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// Creates a folder and those above it, readable by nobody else.
pub(super) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Puts a folder's entries on the disk. Windows has no such call and writes them with the file.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let result = File::open(path)?.sync_all();
        // Some shares cannot sync a folder and say so; there is nothing more to do for them.
        const CANNOT: [Errno; 3] = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
        match result {
            Err(error) if Errno::from_io_error(&error).is_some_and(|errno| CANNOT.contains(&errno)) => Ok(()),
            other => other,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(())
    }
}

/// Whether two paths name the same folder. Elsewhere than on Unix, paths that differ in case alone do.
pub(super) fn same_folder(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        match (fs::symlink_metadata(one), fs::symlink_metadata(other)) {
            (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
            (Err(_), _) | (_, Err(_)) => false,
        }
    }
    #[cfg(not(unix))]
    {
        one.as_os_str().eq_ignore_ascii_case(other)
    }
}

/// Whether two folders lie on one mounted file system. Where that cannot be told: no.
pub(super) fn same_file_system(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        match (fs::metadata(one), fs::metadata(other)) {
            (Ok(one), Ok(other)) => one.dev() == other.dev(),
            (Err(_), _) | (_, Err(_)) => false,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (one, other);
        false
    }
}

/// Forgets what memory holds of a file, so that the next read asks the drive itself. Only synced bytes can be
/// forgotten. Where the system has no such call the read-back may come from memory, and proves less.
pub(super) fn forget_cached(file: &File) {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Advice, fadvise};
        // Advice can be refused (a share without a cache): then there is nothing to forget.
        let _ = fadvise(file, 0, None, Advice::DontNeed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// How many bytes an ordinary user can still store beside `path`.
pub(super) fn free_bytes(path: &Path) -> io::Result<u64> {
    #[cfg(unix)]
    {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let path = fs::canonicalize(path)?;
        let disks = sysinfo::Disks::new_with_refreshed_list().map_err(io::Error::other)?;
        let beneath = disks.iter().filter(|disk| path.starts_with(disk.mount_point()));
        let nearest = beneath.max_by_key(|disk| disk.mount_point().as_os_str().len());
        Ok(nearest.map_or(u64::MAX, sysinfo::Disk::available_space))
    }
}

/// Whether the file system beneath `path` takes no writes. Where that cannot be told: no.
pub(super) fn is_read_only(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::StatVfsMountFlags;
        rustix::fs::statvfs(path).is_ok_and(|stat| stat.f_flag.contains(StatVfsMountFlags::RDONLY))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_plain_file_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"x").unwrap();
        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(open_regular(&file).unwrap().is_some());
        assert!(open_regular(&link).unwrap().is_none());
        assert!(open_regular(dir.path()).unwrap().is_none());
        // A pipe would hold the program up until somebody writes to it.
        let pipe = dir.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(open_regular(&pipe).unwrap().is_none());
        assert!(open_regular(&dir.path().join("nothing")).is_err());
    }

    #[test]
    fn a_folder_has_free_bytes_and_can_be_synced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_bytes(dir.path()).unwrap() > 0);
        assert!(!is_read_only(dir.path()));
        sync_folder(dir.path()).unwrap();
        assert!(same_file_system(dir.path(), dir.path()));
    }
}
