//! The signing keys that count here. A key never comes from a bundle.

use crate::bundle::{Error, KeyId, VerifyingKey};
use crate::model::Site;

/// The enrolled sites and their signing keys. While a key is being replaced, a site has two.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: Vec<(Site, VerifyingKey)>,
}

impl KeyRing {
    /// Takes `key` as one of `site`'s.
    pub fn insert(&mut self, site: Site, key: VerifyingKey) {
        self.keys.push((site, key));
    }

    /// The first site that has a key with this id.
    pub fn find(&self, id: KeyId) -> Option<(&Site, &VerifyingKey)> {
        self.with_id(id).next()
    }

    /// The site whose key has made `signature` over exactly `message`.
    ///
    /// A key's id is only a name, which its owner may choose. A site that enrols with the id of another
    /// must not get in the other's way, so every key of that id is tried.
    pub(crate) fn signer(&self, id: KeyId, message: &[u8], signature: &str) -> Result<&Site, Error> {
        if self.find(id).is_none() {
            return Err(Error::UnknownSigner { key: id });
        }
        let signer = self.with_id(id).find(|(_, key)| key.verifies(message, signature));
        signer.map(|(site, _)| site).ok_or(Error::BadSignature)
    }

    fn with_id(&self, id: KeyId) -> impl Iterator<Item = (&Site, &VerifyingKey)> {
        self.keys.iter().filter(move |(_, key)| key.id() == id).map(|(site, key)| (site, key))
    }
}

impl FromIterator<(Site, VerifyingKey)> for KeyRing {
    fn from_iter<I: IntoIterator<Item = (Site, VerifyingKey)>>(keys: I) -> Self {
        KeyRing { keys: keys.into_iter().collect() }
    }
}
