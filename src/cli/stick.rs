//! Which stick is meant, when the person did not say.

use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::mailbox::{self, Choice, Mount, display_path};
use crate::report::{Report, disk_size, no_stick};

/// Returns the folder that was named, or the stick that is plugged in; between several a person chooses.
pub(super) fn find(named: Option<&Path>, command: &str, context: &Context) -> Result<PathBuf, Report> {
    if let Some(dir) = named {
        return Ok(dir.to_owned());
    }
    match mailbox::choose(&mailbox::mounts()?) {
        Choice::None => Err(no_stick(command)),
        Choice::One(mount) => Ok(mount.point),
        Choice::Several(mut mounts) => {
            let choices: Vec<String> = mounts.iter().map(words).collect();
            let at = context.ask.which("Which stick?", &choices, &format!("packmule {command} DIR"))?;
            Ok(mounts.swap_remove(at).point)
        }
    }
}

/// Whether no stick is plugged in.
pub(super) fn is_none() -> Result<bool, Report> {
    Ok(matches!(mailbox::choose(&mailbox::mounts()?), Choice::None))
}

/// Makes sure that what a person named is there. A mistyped name is an error before anything else happens.
pub(super) fn must_be_there(path: &Path) -> Result<(), Report> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(mailbox::Error::Io { path: path.to_owned(), source }.into()),
    }
}

fn words(mount: &Mount) -> String {
    let packmule = if mount.has_packmule { ", has a packmule folder" } else { "" };
    format!("{}, {} free{packmule}", display_path(&mount.point), disk_size(mount.free_bytes))
}
