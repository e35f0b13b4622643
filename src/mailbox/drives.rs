//! Which mounted drive is the stick, when the person did not say.
//!
//! [`mounts`] asks the system; [`choose`] decides and is pure. It offers, it does not guess: between two sticks a
//! person chooses.

use std::path::{Path, PathBuf};

use sysinfo::{DiskRefreshKind, Disks};

use crate::mailbox::error::Error;
use crate::mailbox::stick::{HOME, README};

/// A mounted drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub point: PathBuf,
    /// What is mounted there, as the system calls it; a drive that is mounted twice has one device.
    pub device: String,
    /// Whether the system says that it can be pulled out.
    pub is_removable: bool,
    /// Whether packmule has written there before.
    pub has_packmule: bool,
    /// What can still be stored there.
    pub free_bytes: u64,
}

/// What the mounted drives leave to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// No drive looks like a stick.
    None,
    /// There is one.
    One(Mount),
    /// There are several: ask.
    Several(Vec<Mount>),
}

/// Returns the drives that may be the stick: removable ones, and any that packmule has written to. The drives that
/// the system runs from are none, even where the computer was started from a stick.
pub fn choose(mounts: &[Mount]) -> Choice {
    let mut candidates: Vec<Mount> = Vec::new();
    for mount in mounts.iter().filter(|mount| mount.is_removable || mount.has_packmule) {
        let is_known = candidates.iter().any(|known| is_same_drive(known, mount));
        if !is_known && !is_system(&mount.point) {
            candidates.push(mount.clone());
        }
    }
    candidates.sort_by(|one, other| one.point.cmp(&other.point));
    if candidates.len() > 1 {
        return Choice::Several(candidates);
    }
    candidates.pop().map_or(Choice::None, Choice::One)
}

/// The drives that packmule has written to before, those aside that the system runs from.
pub fn prepared(mounts: &[Mount]) -> impl Iterator<Item = &Mount> {
    mounts.iter().filter(|mount| mount.has_packmule && !is_system(&mount.point))
}

/// Asks the system which drives are mounted now.
pub fn mounts() -> Result<Vec<Mount>, Error> {
    let disks = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage())
        .map_err(|source| Error::DrivesUnknown { source })?;
    let mount = |disk: &sysinfo::Disk| Mount {
        point: disk.mount_point().to_owned(),
        device: disk.name().to_string_lossy().into_owned(),
        is_removable: disk.is_removable(),
        has_packmule: has_packmule(disk.mount_point()),
        free_bytes: disk.available_space(),
    };
    Ok(disks.iter().map(mount).collect())
}

/// Whether the folder `packmule` there is one that we wrote: a home folder of a user of that name is not.
fn has_packmule(point: &Path) -> bool {
    let home = point.join(HOME);
    let is_folder = home.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    is_folder && home.join(README).symlink_metadata().is_ok_and(|metadata| metadata.is_file())
}

fn is_same_drive(one: &Mount, other: &Mount) -> bool {
    // A device's path names one drive; words such as `tmpfs` name many.
    one.point == other.point || (one.device.starts_with("/dev/") && one.device == other.device)
}

fn is_system(point: &Path) -> bool {
    const ALONE: [&str; 7] = ["/", "/home", "/opt", "/srv", "/tmp", "/root", "C:\\"];
    const WITH_ALL_BELOW: [&str; 9] =
        ["/boot", "/efi", "/usr", "/var", "/etc", "/dev", "/proc", "/sys", "/snap"];
    ALONE.iter().any(|system| point == Path::new(system))
        || WITH_ALL_BELOW.iter().any(|system| point.starts_with(system))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(point: &str, is_removable: bool, has_packmule: bool) -> Mount {
        let device = format!("/dev/{}", point.replace('/', "-"));
        Mount { point: point.into(), device, is_removable, has_packmule, free_bytes: 1 }
    }

    #[test]
    fn without_a_stick_there_is_nothing_to_choose() {
        assert_eq!(choose(&[]), Choice::None);
        assert_eq!(choose(&[mount("/", false, false), mount("/data", false, false)]), Choice::None);
    }

    #[test]
    fn one_removable_drive_or_one_that_we_wrote_to_is_the_stick() {
        for stick in [mount("/media/grace/KINGSTON", true, false), mount("/mnt/share", false, true)] {
            assert_eq!(choose(&[mount("/", false, false), stick.clone()]), Choice::One(stick));
        }
    }

    #[test]
    fn between_two_sticks_a_person_chooses() {
        let (a, b) = (mount("/media/a", true, false), mount("/media/b", true, true));
        assert_eq!(choose(&[b.clone(), a.clone()]), Choice::Several(vec![a, b]));
    }

    #[test]
    fn a_drive_mounted_twice_is_one_drive() {
        let stick = mount("/media/a", true, false);
        let again = Mount { point: "/mnt/a".into(), ..stick.clone() };
        assert_eq!(choose(&[stick.clone(), again]), Choice::One(stick));
    }

    #[test]
    fn the_drive_that_the_system_runs_from_is_no_stick() {
        let system = ["/", "/boot/firmware", "/home", "/var/lib/packmule", "/tmp"];
        let mounts: Vec<Mount> = system.iter().map(|point| mount(point, true, true)).collect();
        assert_eq!(choose(&mounts), Choice::None);
    }

    #[test]
    fn only_a_folder_with_our_readme_is_ours() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(HOME)).unwrap();
        assert!(!has_packmule(dir.path()));
        std::fs::write(dir.path().join(HOME).join(README), "x").unwrap();
        assert!(has_packmule(dir.path()));
    }

    #[test]
    fn the_system_can_be_asked() {
        for mount in mounts().unwrap() {
            assert!(mount.point.is_absolute(), "{mount:?}");
        }
    }
}
