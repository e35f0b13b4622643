//! The bundle files that lie at a site, by name: for whoever looks at them one by one.

use std::path::{Path, PathBuf};

use crate::apply::Without;
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::receive::{Import, ImportOptions, import};
use crate::engine::verify::{Proof, verify};
use crate::model::BundleName;

/// The names of all bundles that lie here: those in the outbox, and those that wait in the inbox.
pub fn stored_bundles(home: &Home<'_>) -> Result<Vec<BundleName>, Error> {
    let stored = home.outbox.list()?.into_iter().chain(home.inbox.list()?);
    Ok(stored.map(|one| one.name).collect())
}

/// Where a bundle lies; `None`: not here any more.
pub fn stored_path(home: &Home<'_>, name: &BundleName) -> Result<Option<PathBuf>, Error> {
    let mut stored = home.outbox.list()?.into_iter().chain(home.inbox.list()?);
    Ok(stored.find(|one| one.name == *name).map(|one| one.path))
}

/// Proves a bundle that lies here; `None`: it does not any more.
pub fn verify_stored(home: &Home<'_>, name: &BundleName) -> Result<Option<Proof>, Error> {
    stored_path(home, name)?.map(|path| verify(home, &path)).transpose()
}

/// What is free on the disk on which bundles lie, in bytes.
pub fn free_bytes(home: &Home<'_>) -> Result<u64, Error> {
    Ok(home.outbox.free_bytes()?)
}

/// Takes in what lies at these places as `import` without flags does it: what needs a person's leave waits.
pub fn import_usually<P: AsRef<Path>>(home: &mut Home<'_>, places: &[P]) -> Result<Import, Error> {
    let without = Without::default();
    let places: Vec<PathBuf> = places.iter().map(|place| place.as_ref().to_path_buf()).collect();
    import(home, &places, ImportOptions::usual(&without))
}
