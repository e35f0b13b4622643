//! New keys in the place of the old ones, file by file, so that a crash leaves keys that work.
//!
//! `next/` holds keys that nobody uses yet. Once the ledger says that they are to be used, the old ones are copied to
//! `retired/ID`, and the new ones take their places, the encryption key first: whoever stops in between has an old signing
//! key and a new encryption key, both of which work, and the same step again does the rest.

use std::fs;
use std::path::PathBuf;

use crate::bundle::PublicKeys;
use crate::config::error::Error;
use crate::config::files::{
    create_private, create_private_folder, read_small, replace_private, sync_folder_of,
};
use crate::config::keys::{
    ENCRYPT_KEY, KEY_BYTES_MAX, KeyFolder, RETIRED, SIGN_KEY, SIGN_PUB, make_keys, not_a_key,
};
use crate::config::lock::KeyLock;

/// Keys that are to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextKeys {
    /// There are none.
    None,
    /// One is made.
    HalfMade,
    /// Both are made, and neither is in use.
    Ready,
    /// The new encryption key is in use, the new signing key is not yet.
    HalfInUse,
}

impl KeyFolder {
    /// Makes the keys that are to come, or returns those that were made and not used yet.
    pub fn prepare_next(&self, lock: &KeyLock) -> Result<PublicKeys, Error> {
        let next = self.next();
        make_keys(&next, lock.recipient(self.path())?.as_ref())?;
        let (signing, identity) = self.open_pair(&next, lock)?;
        Ok(PublicKeys { verifying: signing.verifying_key().clone(), recipient: identity.recipient() })
    }

    /// What lies ready.
    pub fn next_keys(&self) -> NextKeys {
        match [SIGN_KEY, ENCRYPT_KEY].map(|name| self.next().join(name).exists()) {
            [false, false] => NextKeys::None,
            // They are made with the encryption key first, and put into their places with that first.
            [false, true] => NextKeys::HalfMade,
            [true, true] => NextKeys::Ready,
            [true, false] => NextKeys::HalfInUse,
        }
    }

    /// Keeps a copy of the keys in use, under the id of the signing key.
    pub fn keep_old(&self, lock: &KeyLock) -> Result<(), Error> {
        let (signing, _) = self.open_pair(self.path(), lock)?;
        let folder = self.path().join(RETIRED).join(signing.verifying_key().id().to_string());
        create_private_folder(&folder)?;
        for name in [ENCRYPT_KEY, SIGN_KEY] {
            let (text, _) = read_small(&self.path().join(name), KEY_BYTES_MAX)?;
            // What is there already was copied before one of the two was exchanged.
            create_private(&folder.join(name), &text)?;
        }
        Ok(())
    }

    /// Puts the next encryption key into its place.
    pub fn turn_encryption(&self) -> Result<(), Error> {
        self.put(ENCRYPT_KEY)
    }

    /// Puts the next signing key into its place, and its public half beside it.
    pub fn turn_signing(&self, lock: &KeyLock) -> Result<(), Error> {
        self.put(SIGN_KEY)?;
        let (signing, _) = self.open_pair(self.path(), lock)?;
        let path = self.path().join(SIGN_PUB);
        let public = signing.verifying_key().to_file_text().map_err(not_a_key(&path))?;
        replace_private(&path, public.as_bytes())
    }

    fn put(&self, name: &str) -> Result<(), Error> {
        let (from, to) = (self.next().join(name), self.path().join(name));
        if !from.exists() {
            return Ok(());
        }
        let failed = |source| Error::Write { path: to.clone(), source };
        fs::rename(&from, &to).map_err(failed)?;
        sync_folder_of(&to).map_err(failed)
    }

    pub(super) fn next(&self) -> PathBuf {
        self.path().join("next")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::lock::Passphrase;

    fn turn(folder: &KeyFolder, steps: usize) {
        let lock = KeyLock::new(Passphrase::Unknown);
        if steps > 0 {
            folder.keep_old(&lock).unwrap();
        }
        if steps > 1 {
            folder.turn_encryption().unwrap();
        }
        if steps > 2 {
            folder.turn_signing(&lock).unwrap();
        }
    }

    #[test]
    fn wherever_a_turn_stops_all_keys_work_and_the_same_again_completes_it() {
        for stopped in 0..=3 {
            let state = tempfile::tempdir().unwrap();
            let folder = KeyFolder::new(state.path());
            let lock = KeyLock::new(Passphrase::Unknown);
            let old = folder.create().unwrap().public();
            let next = folder.prepare_next(&lock).unwrap();
            assert_eq!(folder.prepare_next(&lock).unwrap(), next, "made once");
            turn(&folder, stopped);
            let ready = [NextKeys::Ready, NextKeys::Ready, NextKeys::HalfInUse, NextKeys::None];
            assert_eq!(folder.next_keys(), ready[stopped]);
            let between = folder.open().unwrap();
            assert!(between.signing_key(&old.verifying.to_string()).is_some(), "{stopped}");
            turn(&folder, 3);
            let keys = folder.open().unwrap();
            assert_eq!(keys.public(), next);
            assert!(keys.signing_key(&old.verifying.to_string()).is_some());
            assert_eq!(folder.next_keys(), NextKeys::None);
            let public = fs::read_to_string(folder.path().join(SIGN_PUB)).unwrap();
            assert!(public.contains(&next.verifying.to_string()));
        }
    }
}
