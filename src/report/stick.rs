//! Errors of sticks and folders in words.

use std::io;

use crate::mailbox::{Error, display_path};
use crate::report::Report;
use crate::report::exit::Exit;
use crate::report::text::disk_size;

impl From<Error> for Report {
    fn from(error: Error) -> Self {
        let report = Report::new(Exit::Stick, error.to_string());
        match error {
            Error::Full { place, need_bytes, free_bytes } => {
                let (need, free) = (disk_size(need_bytes), disk_size(free_bytes));
                Report { what: format!("{} is full", display_path(&place)), ..report }
                    .because(format!("{need} are needed, and {free} are free"))
                    .hint("make room on it or take another stick, then run the same command again")
            }
            Error::ReadOnly { source, .. } => report
                .because(source.to_string())
                .hint("slide the switch on the stick, or take another one; then run the same command again"),
            Error::Gone { source, .. } => report
                .because(source.to_string())
                .hint("plug the stick in again and run the same command; nothing is lost"),
            Error::ReadBackDiffers { .. } => report
                .because("the stick said that all was stored, and gave other bytes back")
                .hint("take another stick and run the same command again; nothing is lost"),
            Error::NotAFolder { path } => no_folder(report, &path),
            Error::NotAFile { .. } | Error::NotOurs { .. } => report.because("it is left as it is"),
            Error::NoPermission { source, .. } => {
                report.because(source.to_string()).hint("run packmule as the person who plugged the stick in")
            }
            Error::TooLarge { .. } => {
                report.hint("take a stick with another file system (exFAT, ext4, NTFS)")
            }
            Error::NameTaken { .. } => report.hint("move that file away, then run the same command again"),
            Error::TooManyFiles { .. } => {
                report.hint("name the folder that holds the bundles: packmule import DIR/packmule")
            }
            Error::Source { source, .. } => report
                .because(source.to_string())
                .hint("look at the disk of this site's state folder: packmule doctor"),
            Error::DrivesUnknown { source } => report
                .because(source.to_string())
                .hint("name the folder of the stick: packmule export DIR, packmule import DIR"),
            Error::Io { path, source } if source.kind() == io::ErrorKind::NotFound => {
                Report { what: format!("there is no {}", display_path(&path)), ..report }
                    .because("nothing was changed")
                    .hint("plug the stick in, or look for the right name with a file manager")
            }
            Error::Io { source, .. } => {
                report.because(source.to_string()).hint("try again, or take another stick")
            }
        }
    }
}

fn no_folder(report: Report, path: &std::path::Path) -> Report {
    let report = match path.symlink_metadata() {
        Ok(_) => report.because("bundles are put into a folder; nothing was changed"),
        Err(_) => Report { what: format!("there is no folder {}", display_path(path)), ..report }.because(
            "packmule never makes the folder of a stick: it would be one on this computer's own disk",
        ),
    };
    report.hint("plug the stick in, or look for its folder with a file manager")
}

/// What is said where no stick is plugged in and no folder was named.
pub(crate) fn no_stick(command: &str) -> Report {
    Report::new(Exit::Stick, "no stick was found")
        .because("no removable drive is mounted, and none that packmule has written to")
        .hint(format!(
            "plug the stick in and open it with a file manager, or name its folder: packmule {command} DIR"
        ))
}
