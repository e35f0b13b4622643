//! The key files of a site: STATE/keys.
//!
//! `sign.key` and `encrypt.key` are secret; `sign.pub` is for whoever wants to check a bundle with `minisign`.
//! They are made once. `keys rotate` puts others in their place, and moves them to `retired/ID`, so that what was sealed
//! for them still opens; whoever loses them has to be enrolled again.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use crate::bundle::{Identity, KeyError, PublicKeys, Recipient, SigningKey};
use crate::config::error::Error;
use crate::config::files::{create_private, create_private_folder, read_small, read_small_text};
use crate::config::lock::{KeyLock, Passphrase, is_locked};
use crate::config::words::six_words;
use crate::model::Stamp;

/// Both secret keys of this site.
pub struct Keys {
    /// Signs bundles and cards.
    pub signing: SigningKey,
    /// Opens what others encrypted for this site.
    pub identity: Identity,
    /// The keys that signed before. The last bundle for a site that knows only such a key is signed with it.
    pub retired: Vec<SigningKey>,
}

impl Keys {
    /// The six words of these keys, for the telephone.
    pub fn words(&self) -> String {
        six_words(self.signing.verifying_key(), &self.identity.recipient())
    }

    /// The halves that everybody may have.
    pub fn public(&self) -> PublicKeys {
        PublicKeys { verifying: self.signing.verifying_key().clone(), recipient: self.identity.recipient() }
    }

    /// The key, this site's now or before, whose public half is this text.
    pub fn signing_key(&self, verifying: &str) -> Option<&SigningKey> {
        let all = std::iter::once(&self.signing).chain(&self.retired);
        all.into_iter().find(|key| key.verifying_key().to_string() == verifying)
    }
}

/// The folder that holds a site's keys, and nothing else that others may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFolder {
    path: PathBuf,
}

impl KeyFolder {
    /// The key folder of a state folder. Touches nothing yet.
    pub fn new(state: &Path) -> Self {
        KeyFolder { path: state.join("keys") }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When the keys that are in use were put there: when they were made, turned, or put back from a backup.
    pub fn made_at(&self) -> Result<Stamp, Error> {
        let path = self.path.join(SIGN_PUB);
        let changed = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
        let changed = changed.map_err(|source| Error::Read { path, source })?;
        Ok(Stamp::from_micros(DateTime::<Utc>::from(changed).timestamp_micros()))
    }

    /// Makes the keys that are not there yet, and returns them all. Run again after a crash, it makes the rest.
    pub fn create(&self) -> Result<Keys, Error> {
        self.create_with(&KeyLock::new(Passphrase::Unknown))
    }

    /// The same, where a passphrase may protect those that are there.
    pub fn create_with(&self, lock: &KeyLock) -> Result<Keys, Error> {
        make_keys(&self.path, lock.recipient(&self.path)?.as_ref())?;
        // Read back what is on disk, so that no key is shown to anybody that a later command cannot use.
        let keys = self.open_with(lock)?;
        let public =
            keys.signing.verifying_key().to_file_text().map_err(not_a_key(&self.path.join(SIGN_KEY)))?;
        create_private(&self.path.join(SIGN_PUB), public.as_bytes())?;
        Ok(keys)
    }

    /// Reads both keys. Refuses files that others may read: such a key may be known to anybody by now.
    pub fn open(&self) -> Result<Keys, Error> {
        self.open_with(&KeyLock::new(Passphrase::Unknown))
    }

    /// The same, where a passphrase may protect them.
    pub fn open_with(&self, lock: &KeyLock) -> Result<Keys, Error> {
        let (signing, mut identity) = self.open_pair(&self.path, lock)?;
        let mut retired = Vec::new();
        for folder in self.retired()? {
            let (signing, before) = self.open_pair(&folder, lock)?;
            identity = identity.with(before);
            retired.push(signing);
        }
        Ok(Keys { signing, identity, retired })
    }

    /// Reads the two secret files in `folder`, which is this one or lies in it.
    pub(super) fn open_pair(&self, folder: &Path, lock: &KeyLock) -> Result<(SigningKey, Identity), Error> {
        let (signing, encryption) = (folder.join(SIGN_KEY), folder.join(ENCRYPT_KEY));
        Ok((
            SigningKey::from_text(&self.read_key(&signing, lock)?).map_err(not_a_key(&signing))?,
            Identity::from_text(&self.read_key(&encryption, lock)?).map_err(not_a_key(&encryption))?,
        ))
    }

    fn read_key(&self, path: &Path, lock: &KeyLock) -> Result<Zeroizing<String>, Error> {
        let bytes = match read_small(path, KEY_BYTES_MAX) {
            Ok((_, mode)) if mode & 0o077 != 0 => return Err(Error::KeyOpen { path: path.to_owned(), mode }),
            Ok((bytes, _)) => bytes,
            Err(Error::Read { path, source }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(Error::KeyMissing { path });
            }
            Err(other) => return Err(other),
        };
        let text = if is_locked(&bytes) {
            let opened = lock.key(&self.path)?.open_text(&bytes, KEY_BYTES_MAX);
            opened.ok_or_else(|| Error::Damaged { path: path.to_owned() })?
        } else {
            bytes
        };
        // What is no text is no key, and the empty one is not either.
        Ok(Zeroizing::new(std::str::from_utf8(&text).unwrap_or_default().to_owned()))
    }

    /// The folders of the keys that were replaced.
    pub(super) fn retired(&self) -> Result<Vec<PathBuf>, Error> {
        let path = self.path.join(RETIRED);
        let failed = |source| Error::Read { path: path.clone(), source };
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut folders = Vec::new();
        for entry in entries {
            let folder = entry.map_err(failed)?.path();
            // A crash can leave a folder with one key, which is still the one in use.
            if folder.join(SIGN_KEY).exists() && folder.join(ENCRYPT_KEY).exists() {
                folders.push(folder);
            }
        }
        folders.sort();
        Ok(folders)
    }

    /// Keeps the card that this site gave away, so that the answer to it can be recognised.
    pub fn keep_card(&self, text: &str) -> Result<(), Error> {
        crate::config::files::replace_private(&self.path.join(OWN_CARD), text.as_bytes())
    }

    /// The text of the card that this site gave away last, if it has given one.
    pub fn kept_card(&self) -> Result<Option<String>, Error> {
        match read_small_text(&self.path.join(OWN_CARD), CARD_BYTES_MAX) {
            Ok((text, _)) => Ok(Some(text.to_string())),
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// Makes the two secret files in `folder`, as far as they are not there yet.
pub(super) fn make_keys(folder: &Path, lock: Option<&Recipient>) -> Result<(), Error> {
    create_private_folder(folder)?;
    // The signing key last: of keys that are half made, and of keys that are half in use, another one is there.
    let encryption = folder.join(ENCRYPT_KEY);
    if !encryption.exists() {
        write_key(&encryption, Identity::generate().to_text().as_bytes(), lock)?;
    }
    let signing = folder.join(SIGN_KEY);
    if !signing.exists() {
        let text = SigningKey::generate().and_then(|key| key.to_text()).map_err(not_a_key(&signing))?;
        write_key(&signing, text.as_bytes(), lock)?;
    }
    Ok(())
}

/// Writes a key file that must not be there yet.
pub(super) fn write_key(path: &Path, text: &[u8], lock: Option<&Recipient>) -> Result<(), Error> {
    match lock {
        None => create_private(path, text)?,
        Some(lock) => {
            let sealed = lock.seal_text(text);
            let sealed = sealed.map_err(|source| Error::Write { path: path.to_owned(), source })?;
            create_private(path, &sealed)?
        }
    };
    Ok(())
}

pub(super) fn not_a_key(path: &Path) -> impl FnOnce(KeyError) -> Error {
    let path = path.to_owned();
    |source| Error::NotAKey { path, source }
}

pub(super) const SIGN_KEY: &str = "sign.key";
pub(super) const SIGN_PUB: &str = "sign.pub";
pub(super) const ENCRYPT_KEY: &str = "encrypt.key";
pub(super) const RETIRED: &str = "retired";
const OWN_CARD: &str = "own.card";
pub(super) const KEY_BYTES_MAX: u64 = 16 * 1024;
/// The most that a card may hold.
pub(super) const CARD_BYTES_MAX: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder() -> (tempfile::TempDir, KeyFolder) {
        let state = tempfile::tempdir().unwrap();
        let keys = KeyFolder::new(state.path());
        (state, keys)
    }

    #[test]
    fn keys_are_made_once_and_never_overwritten() {
        let (_state, folder) = folder();
        let words = folder.create().unwrap().words();
        assert_eq!(folder.create().unwrap().words(), words);
        assert_eq!(folder.open().unwrap().words(), words);
    }

    #[test]
    fn what_a_crash_left_out_is_made_later() {
        let (_state, folder) = folder();
        let first = folder.create().unwrap();
        fs::remove_file(folder.path().join("encrypt.key")).unwrap();
        let second = folder.create().unwrap();
        assert_eq!(first.signing.verifying_key(), second.signing.verifying_key());
        assert_ne!(first.words(), second.words());
    }

    #[test]
    fn a_missing_or_foreign_key_is_named() {
        let (_state, folder) = folder();
        let Err(Error::KeyMissing { path }) = folder.open() else { panic!("opened") };
        assert!(path.ends_with("keys/sign.key"));
        folder.create().unwrap();
        let path = folder.path().join("encrypt.key");
        fs::write(&path, "AGE-SECRET-KEY-1NO\n").unwrap();
        let Err(Error::NotAKey { path: named, .. }) = folder.open() else { panic!("opened") };
        assert_eq!(named, path);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let (_state, folder) = folder();
        folder.create().unwrap();
        let mode_of = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode_of(folder.path()), 0o700);
        let path = folder.path().join("sign.key");
        assert_eq!(mode_of(&path), 0o600);
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let Err(Error::KeyOpen { mode: named, .. }) = folder.open() else { panic!("opened") };
            assert_eq!(named, mode);
        }
    }
}
