//! Bundles that a lab has fetched and can never use. It cannot take them out of the mail, and must not fetch them again each
//! time: an empty file beside the parts, named by the hash of what was fetched, remembers each.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use crate::engine::error::Error;
use crate::mailbox::{Folder, Mail};

/// What is remembered of useless bundles in a folder.
pub(super) struct Useless<'a>(pub(super) &'a Folder);

impl Useless<'_> {
    /// Whether this very file was fetched before and refused.
    pub(super) fn contains(&self, mail: &Mail) -> bool {
        self.path(mail).exists()
    }

    /// Remembers a bundle.
    pub(super) fn insert(&self, mail: &Mail) -> Result<(), Error> {
        let path = self.path(mail);
        fs::write(&path, "").map_err(|source| Error::File { path, source })
    }

    /// Forgets those that do not wait any more.
    pub(super) fn keep_only(&self, mails: &[Mail]) -> Result<(), Error> {
        let fault = |source: io::Error| Error::File { path: self.0.path().to_path_buf(), source };
        let waiting: BTreeSet<PathBuf> = mails.iter().map(|mail| self.path(mail)).collect();
        for entry in fs::read_dir(self.0.path()).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            if path.extension().is_some_and(|end| end == END) && !waiting.contains(&path) {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault(error)),
                    Ok(()) | Err(_) => {}
                }
            }
        }
        Ok(())
    }

    fn path(&self, mail: &Mail) -> PathBuf {
        self.0.path().join(format!("{}.{END}", mail.sha256))
    }
}

const END: &str = "refused";
