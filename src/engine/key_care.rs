//! Keys behind a passphrase, copied to a safe place, and put back. None of it needs the database.

use std::fs::File;
use std::path::Path;

use crate::config::{KeyBackup, KeyFolder, Settings};
use crate::engine::error::{Cause, Error};
use crate::engine::home::{Home, lock};
use crate::model::{Site, Stamp};

/// What may be known of a site's own keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// Their six words.
    pub words: String,
    /// The id of the signing key.
    pub signing_key_id: String,
    /// Since when they are in use.
    pub made_at: Stamp,
    /// The ids of signing keys that were used before.
    pub retired: Vec<String>,
    /// Sites that know an older one.
    pub untold: Vec<Site>,
}

/// What may be known of this site's own keys.
pub fn key_facts(home: &Home<'_>) -> Result<KeyFacts, Error> {
    let keys = &home.keys;
    Ok(KeyFacts {
        words: keys.words(),
        signing_key_id: keys.signing.verifying_key().id().to_string(),
        made_at: KeyFolder::new(&home.settings.state).made_at()?,
        retired: keys.retired.iter().map(|key| key.verifying_key().id().to_string()).collect(),
        untold: home.untold.keys().cloned().collect(),
    })
}

/// Puts the keys behind a passphrase, or behind another one.
pub fn protect_keys(settings: &Settings, passphrase: &str) -> Result<(), Error> {
    let _lock = lock(settings, File::try_lock)?;
    Ok(KeyFolder::new(&settings.state).protect(&settings.keys, passphrase)?)
}

/// Takes the passphrase away.
pub fn unprotect_keys(settings: &Settings) -> Result<(), Error> {
    let _lock = lock(settings, File::try_lock)?;
    Ok(KeyFolder::new(&settings.state).unprotect(&settings.keys)?)
}

/// Writes all keys and the settings to one file. Returns the six words of the keys in it.
pub fn backup_keys(settings: &Settings, path: &Path, passphrase: &str) -> Result<String, Error> {
    let _lock = lock(settings, File::try_lock)?;
    KeyBackup::of(settings)?.create(path, passphrase)?;
    // Read back: a copy that cannot be opened is none.
    Ok(KeyBackup::open(path, passphrase)?.words(path)?)
}

/// Puts keys back. Those that are there are never overwritten.
pub fn restore_keys(settings: &Settings, backup: &KeyBackup) -> Result<(), Error> {
    if backup.site() != settings.site.as_str() {
        let found = backup.site().parse().map_err(|_| Cause::BackupOfNobody)?;
        return Err(Cause::BackupOfOther { found, wanted: settings.site.clone() }.into());
    }
    std::fs::create_dir_all(&settings.state)
        .map_err(|source| Error::File { path: settings.state.clone(), source })?;
    let _lock = lock(settings, File::try_lock)?;
    Ok(backup.restore(settings)?)
}
