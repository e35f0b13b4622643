//! Key files behind a passphrase.
//!
//! `lock.age` holds a key of its own behind the passphrase, and each key file is encrypted for that key: so a passphrase is
//! worked through once, however many keys there are, and new keys need none. `age -d lock.age > lock.key`, then
//! `age -d -i lock.key sign.key`, open them without packmule.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use zeroize::Zeroizing;

use crate::bundle::{Identity, Recipient, lock_text, unlock_text};
use crate::config::error::Error;
use crate::config::files::{read_small, read_small_text, replace_private, sync_folder_of};
use crate::config::keys::{ENCRYPT_KEY, KEY_BYTES_MAX, KeyFolder, SIGN_KEY};
use crate::config::reader::Section;
use crate::config::secret::Secret;

/// Where the passphrase of the keys is.
#[derive(Debug)]
pub enum Passphrase {
    /// Nobody has said: it must be asked for, where it is needed.
    Unknown,
    /// A person has typed it.
    Given(Secret),
    /// On the first line of this file.
    File(PathBuf),
    /// In the credential of this name, which systemd gives to the service.
    Credential(String),
}

impl Passphrase {
    fn read(&self) -> Result<Option<Zeroizing<String>>, Error> {
        let path = match self {
            Passphrase::Unknown => return Ok(None),
            Passphrase::Given(secret) => return Ok(Some(Zeroizing::new(secret.expose().to_owned()))),
            Passphrase::File(path) => path.clone(),
            Passphrase::Credential(name) => {
                // Elsewhere than in a service there is none: whoever is asked then types it.
                let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
                    return Ok(None);
                };
                Path::new(&folder).join(name)
            }
        };
        read_passphrase(&path).map(Some)
    }
}

/// Reads a passphrase from the first line of a file that not everybody may read.
pub fn read_passphrase(path: &Path) -> Result<Zeroizing<String>, Error> {
    let (text, mode) = read_small_text(path, KEY_BYTES_MAX)?;
    if mode & 0o007 != 0 {
        return Err(Error::PasswordOpen { path: path.to_owned(), mode });
    }
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// How the keys are unlocked, where a passphrase protects them. What was unlocked once stays so for the run.
pub struct KeyLock {
    passphrase: Passphrase,
    opened: OnceLock<Identity>,
}

impl fmt::Debug for KeyLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLock").field("passphrase", &self.passphrase).finish_non_exhaustive()
    }
}

impl KeyLock {
    /// A lock to which this is the passphrase.
    pub fn new(passphrase: Passphrase) -> Self {
        KeyLock { passphrase, opened: OnceLock::new() }
    }

    /// Reads `[keys]` of the settings.
    pub(super) fn read(section: &Section<'_>, folder: &Path) -> Result<Self, Error> {
        section.only(&["passphrase_file", "credential"])?;
        let file = section.text("passphrase_file")?.map(|found| folder.join(section.shown(found)));
        let credential = section.text("credential")?.map(|found| section.shown(found));
        Ok(KeyLock::new(match (file, credential) {
            (Some(path), _) => Passphrase::File(path),
            (None, Some(name)) => Passphrase::Credential(name),
            (None, None) => Passphrase::Unknown,
        }))
    }

    /// Whether the passphrase is at hand, so that nobody need be asked.
    pub fn knows(&self) -> bool {
        match &self.passphrase {
            Passphrase::Unknown => false,
            Passphrase::Given(_) | Passphrase::File(_) => true,
            Passphrase::Credential(_) => std::env::var_os("CREDENTIALS_DIRECTORY").is_some(),
        }
    }

    /// The key for which the key files of `folder` are encrypted.
    pub(super) fn key(&self, folder: &Path) -> Result<&Identity, Error> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let path = folder.join(LOCK);
        let passphrase = self.passphrase.read()?.ok_or_else(|| Error::KeysLocked { path: path.clone() })?;
        let (locked, _) = read_small(&path, KEY_BYTES_MAX)?;
        let text = unlock_text(&locked, &passphrase, KEY_BYTES_MAX);
        let text = text.ok_or_else(|| Error::WrongPassphrase { path: path.clone() })?;
        let identity = std::str::from_utf8(&text).ok().and_then(|text| Identity::from_text(text).ok());
        let identity = identity.ok_or(Error::Damaged { path })?;
        Ok(self.opened.get_or_init(|| identity))
    }

    /// For whom new key files are encrypted; `None` where no passphrase protects them.
    pub(super) fn recipient(&self, folder: &Path) -> Result<Option<Recipient>, Error> {
        if folder.join(LOCK).exists() { Ok(Some(self.key(folder)?.recipient())) } else { Ok(None) }
    }
}

impl KeyFolder {
    /// Whether a passphrase protects these keys, or some of them.
    pub fn is_locked(&self) -> bool {
        self.path().join(LOCK).exists()
    }

    /// Puts the keys behind a passphrase, or behind another one. A crash leaves some of them open; the same again
    /// completes it.
    pub fn protect(&self, lock: &KeyLock, new: &str) -> Result<(), Error> {
        let path = self.path().join(LOCK);
        let fresh;
        let key = match self.is_locked() {
            true => lock.key(self.path())?,
            false => {
                fresh = Identity::generate();
                &fresh
            }
        };
        let failed = |source| Error::Write { path: path.clone(), source };
        // The lock first: what is encrypted for its key must never be without it.
        let locked = lock_text(key.to_text().as_bytes(), new).map_err(failed)?;
        replace_private(&path, &locked)?;
        for file in self.key_files()? {
            let (text, _) = read_small(&file, KEY_BYTES_MAX)?;
            if !is_locked(&text) {
                let sealed = key.recipient().seal_text(&text).map_err(failed)?;
                replace_private(&file, &sealed)?;
            }
        }
        Ok(())
    }

    /// Takes the passphrase away. A crash leaves some keys behind it; the same again completes it.
    pub fn unprotect(&self, lock: &KeyLock) -> Result<(), Error> {
        let path = self.path().join(LOCK);
        if !self.is_locked() {
            return Ok(());
        }
        let key = lock.key(self.path())?;
        for file in self.key_files()? {
            let (sealed, _) = read_small(&file, KEY_BYTES_MAX)?;
            if is_locked(&sealed) {
                let text = key.open_text(&sealed, KEY_BYTES_MAX);
                let text = text.ok_or_else(|| Error::Damaged { path: file.clone() })?;
                replace_private(&file, &text)?;
            }
        }
        let failed = |source| Error::Write { path: path.clone(), source };
        fs::remove_file(&path).map_err(failed)?;
        sync_folder_of(&path).map_err(failed)
    }

    /// Every secret file: those in use, those to come, and those of before.
    fn key_files(&self) -> Result<Vec<PathBuf>, Error> {
        let mut folders = vec![self.path().to_owned(), self.next()];
        folders.extend(self.retired()?);
        let files = folders.iter().flat_map(|folder| [ENCRYPT_KEY, SIGN_KEY].map(|name| folder.join(name)));
        Ok(files.filter(|file| file.exists()).collect())
    }
}

/// Whether a key file is encrypted.
pub(super) fn is_locked(text: &[u8]) -> bool {
    text.starts_with(b"age-encryption.org/v1\n")
}

const LOCK: &str = "lock.age";

#[cfg(test)]
mod tests {
    use super::*;

    fn given(passphrase: &str) -> KeyLock {
        KeyLock::new(Passphrase::Given(Secret::new(passphrase.into())))
    }

    #[test]
    fn protected_keys_open_with_their_passphrase_alone_and_stay_the_same_keys() {
        let state = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(state.path());
        let words = folder.create().unwrap().words();
        folder.protect(&KeyLock::new(Passphrase::Unknown), "one two").unwrap();
        for name in [SIGN_KEY, ENCRYPT_KEY] {
            assert!(is_locked(&fs::read(folder.path().join(name)).unwrap()), "{name}");
        }
        assert!(matches!(folder.open(), Err(Error::KeysLocked { .. })));
        assert!(matches!(folder.open_with(&given("one")), Err(Error::WrongPassphrase { .. })));
        assert_eq!(folder.open_with(&given("one two")).unwrap().words(), words);
        // New keys are made behind the same passphrase, and those of before stay behind it.
        let lock = given("one two");
        let next = folder.prepare_next(&lock).unwrap();
        folder.keep_old(&lock).unwrap();
        folder.turn_encryption().unwrap();
        folder.turn_signing(&lock).unwrap();
        assert_eq!(folder.open_with(&given("one two")).unwrap().public(), next);
        let files = folder.key_files().unwrap();
        assert_eq!(files.len(), 4);
        assert!(files.iter().all(|file| is_locked(&fs::read(file).unwrap())));
        folder.protect(&lock, "three").unwrap();
        assert!(matches!(folder.open_with(&given("one two")), Err(Error::WrongPassphrase { .. })));
        assert_eq!(folder.open_with(&given("three")).unwrap().public(), next);
        folder.unprotect(&given("three")).unwrap();
        assert_eq!(folder.open().unwrap().public(), next);
        assert!(!folder.is_locked());
    }

    #[test]
    fn keys_of_which_a_crash_has_left_some_open_still_work_and_are_completed() {
        let state = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(state.path());
        let words = folder.create().unwrap().words();
        let open = fs::read(folder.path().join(SIGN_KEY)).unwrap();
        folder.protect(&KeyLock::new(Passphrase::Unknown), "one").unwrap();
        replace_private(&folder.path().join(SIGN_KEY), &open).unwrap();
        assert_eq!(folder.open_with(&given("one")).unwrap().words(), words);
        folder.protect(&given("one"), "one").unwrap();
        assert!(is_locked(&fs::read(folder.path().join(SIGN_KEY)).unwrap()));
    }
}
