//! The key files of a site: STATE/keys.
//!
//! `sign.key` and `encrypt.key` are secret; `sign.pub` is for whoever wants to check a bundle with `minisign`.
//! They are made once and never overwritten: whoever loses them has to be enrolled again.

use std::io;
use std::path::{Path, PathBuf};

use crate::bundle::{Identity, KeyError, SigningKey};
use crate::config::error::Error;
use crate::config::files::{create_private, create_private_folder, read_small_text};
use crate::config::words::six_words;

/// Both secret keys of this site.
pub struct Keys {
    /// Signs bundles and cards.
    pub signing: SigningKey,
    /// Opens what others encrypted for this site.
    pub identity: Identity,
}

impl Keys {
    /// The six words of these keys, for the telephone.
    pub fn words(&self) -> String {
        six_words(self.signing.verifying_key(), &self.identity.recipient())
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

    /// Makes the keys that are not there yet, and returns them all. Run again after a crash, it makes the rest.
    pub fn create(&self) -> Result<Keys, Error> {
        create_private_folder(&self.path)?;
        let signing = self.path.join(SIGN_KEY);
        if !signing.exists() {
            let text = SigningKey::generate().and_then(|key| key.to_text()).map_err(not_a_key(&signing))?;
            create_private(&signing, text.as_bytes())?;
        }
        let encryption = self.path.join(ENCRYPT_KEY);
        if !encryption.exists() {
            create_private(&encryption, Identity::generate().to_text().as_bytes())?;
        }
        // Read back what is on disk, so that no key is shown to anybody that a later command cannot use.
        let keys = self.open()?;
        let public = keys.signing.verifying_key().to_file_text().map_err(not_a_key(&signing))?;
        create_private(&self.path.join(SIGN_PUB), public.as_bytes())?;
        Ok(keys)
    }

    /// Reads both keys. Refuses files that others may read: such a key may be known to anybody by now.
    pub fn open(&self) -> Result<Keys, Error> {
        let signing = self.path.join(SIGN_KEY);
        let encryption = self.path.join(ENCRYPT_KEY);
        Ok(Keys {
            signing: SigningKey::from_text(&read_key(&signing)?).map_err(not_a_key(&signing))?,
            identity: Identity::from_text(&read_key(&encryption)?).map_err(not_a_key(&encryption))?,
        })
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

fn read_key(path: &Path) -> Result<zeroize::Zeroizing<String>, Error> {
    match read_small_text(path, KEY_BYTES_MAX) {
        Ok((_, mode)) if mode & 0o077 != 0 => Err(Error::KeyOpen { path: path.to_owned(), mode }),
        Ok((text, _)) => Ok(text),
        Err(Error::Read { path, source }) if source.kind() == io::ErrorKind::NotFound => {
            Err(Error::KeyMissing { path })
        }
        Err(other) => Err(other),
    }
}

fn not_a_key(path: &Path) -> impl FnOnce(KeyError) -> Error {
    let path = path.to_owned();
    |source| Error::NotAKey { path, source }
}

const SIGN_KEY: &str = "sign.key";
const SIGN_PUB: &str = "sign.pub";
const ENCRYPT_KEY: &str = "encrypt.key";
const OWN_CARD: &str = "own.card";
const KEY_BYTES_MAX: u64 = 16 * 1024;
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
