//! All keys of a site, and its settings, in one file behind a passphrase of its own; `age -d` opens it, too.
//!
//! Not in it: the database, and bundles. So whoever puts keys back works with a database from somewhere else, and a lab
//! must say by `recover` that it goes on under a new history: numbers that were used since the copy must not be used again.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::bundle::{Identity, SigningKey, lock_text, unlock_text};
use crate::config::error::Error;
use crate::config::files::{
    create_private, create_private_folder, read_small, read_small_text, sync_folder_of,
};
use crate::config::keys::{ENCRYPT_KEY, KeyFolder, RETIRED, SIGN_KEY, SIGN_PUB, not_a_key, write_key};
use crate::config::settings::Settings;
use crate::config::words::six_words;

/// The keys of a site, out of the folder or the file in which they were.
pub struct KeyBackup {
    content: Content,
}

impl KeyBackup {
    /// Reads the keys of a site, with those that it had before.
    pub fn of(settings: &Settings) -> Result<Self, Error> {
        let folder = KeyFolder::new(&settings.state);
        let pair = |path: &Path| {
            let (signing, identity) = folder.open_pair(path, &settings.keys)?;
            let sign = signing.to_text().map_err(not_a_key(path))?;
            Ok::<_, Error>(Pair { sign: sign.to_string(), encrypt: identity.to_text().to_string() })
        };
        let retired = folder.retired()?.iter().map(|path| pair(path)).collect::<Result<_, _>>()?;
        let (text, _) = read_small_text(&settings.path, BACKUP_BYTES_MAX)?;
        let content = Content {
            format: FORMAT.to_owned(),
            site: settings.site.to_string(),
            settings: text.to_string(),
            keys: pair(folder.path())?,
            retired,
        };
        Ok(KeyBackup { content })
    }

    /// Writes them to a file that must not be there yet.
    pub fn create(&self, path: &Path, passphrase: &str) -> Result<(), Error> {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        let text = Zeroizing::new(serde_json::to_vec(&self.content).expect("texts are always JSON"));
        let locked = lock_text(&text, passphrase).map_err(failed)?;
        if create_private(path, &locked)? { Ok(()) } else { Err(Error::Exists { path: path.to_owned() }) }
    }

    /// Opens such a file.
    pub fn open(path: &Path, passphrase: &str) -> Result<Self, Error> {
        let (locked, _) = read_small(path, BACKUP_BYTES_MAX)?;
        let text = unlock_text(&locked, passphrase, BACKUP_BYTES_MAX);
        let text = text.ok_or_else(|| Error::WrongPassphrase { path: path.to_owned() })?;
        let content: Option<Content> = serde_json::from_slice(&text).ok();
        let content = content.filter(|content| content.format == FORMAT);
        Ok(KeyBackup { content: content.ok_or_else(|| Error::Damaged { path: path.to_owned() })? })
    }

    /// Whose keys these are.
    pub fn site(&self) -> &str {
        &self.content.site
    }

    /// The six words of the keys.
    pub fn words(&self, path: &Path) -> Result<String, Error> {
        let (signing, identity) = self.content.keys.read(path)?;
        Ok(six_words(signing.verifying_key(), &identity.recipient()))
    }

    /// Writes the settings file, where there is none.
    pub fn put_settings(&self, path: &Path) -> Result<bool, Error> {
        create_private(path, self.content.settings.as_bytes())
    }

    /// Puts the keys where a site with these settings has them. Keys that are there already are never overwritten.
    pub fn restore(&self, settings: &Settings) -> Result<(), Error> {
        let folder = KeyFolder::new(&settings.state);
        let path = folder.path().join(SIGN_KEY);
        if path.exists() {
            return Err(Error::Exists { path });
        }
        create_private_folder(folder.path())?;
        // The mark first: keys that work are never there without it.
        create_private(&mark(&folder), b"put back from a backup\n")?;
        for old in &self.content.retired {
            let (signing, _) = old.read(&path)?;
            let place = folder.path().join(RETIRED).join(signing.verifying_key().id().to_string());
            create_private_folder(&place)?;
            old.write(&place)?;
        }
        let (signing, _) = self.content.keys.read(&path)?;
        let public = signing.verifying_key().to_file_text().map_err(not_a_key(&path))?;
        create_private(&folder.path().join(SIGN_PUB), public.as_bytes())?;
        self.content.keys.write(folder.path())
    }
}

impl KeyFolder {
    /// Whether the keys were put back, and nothing has been said of the database since.
    pub fn is_restored(&self) -> bool {
        mark(self).exists()
    }

    /// The database that belongs to the keys goes on under a new history.
    pub fn forget_restored(&self) -> Result<(), Error> {
        let path = mark(self);
        let failed = |source| Error::Write { path: path.clone(), source };
        if path.exists() {
            fs::remove_file(&path).map_err(failed)?;
            sync_folder_of(&path).map_err(failed)?;
        }
        Ok(())
    }
}

fn mark(folder: &KeyFolder) -> PathBuf {
    folder.path().join("restored")
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: String,
    site: String,
    settings: String,
    keys: Pair,
    retired: Vec<Pair>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    sign: String,
    encrypt: String,
}

impl Pair {
    fn read(&self, path: &Path) -> Result<(SigningKey, Identity), Error> {
        let signing = SigningKey::from_text(&self.sign).map_err(not_a_key(path))?;
        Ok((signing, Identity::from_text(&self.encrypt).map_err(not_a_key(path))?))
    }

    /// The signing key last: where it is, the rest is.
    fn write(&self, folder: &Path) -> Result<(), Error> {
        write_key(&folder.join(ENCRYPT_KEY), self.encrypt.as_bytes(), None)?;
        write_key(&folder.join(SIGN_KEY), self.sign.as_bytes(), None)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.sign);
        zeroize::Zeroize::zeroize(&mut self.encrypt);
    }
}

const FORMAT: &str = "packmule-keys/1";
const BACKUP_BYTES_MAX: u64 = 4 * 1024 * 1024;
