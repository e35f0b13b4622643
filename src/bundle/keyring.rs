//! The signing keys that count here. A key never comes from a bundle that it has signed itself.

use crate::bundle::{Error, KeyId, VerifyingKey};
use crate::model::{Incarnation, Seq, Site, StreamId};

/// The enrolled sites and their signing keys, and those that they have replaced.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: Vec<(Site, VerifyingKey)>,
    retired: Vec<RetiredKey>,
}

/// A signing key that its site has replaced. It stays good for what it signed before that, and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredKey {
    /// Whose key it was.
    pub site: Site,
    /// In which history of that site.
    pub incarnation: Incarnation,
    /// The last bundle that it signed: the one that names its successor. `None`: that bundle has not come yet, and a card
    /// has told of the successor.
    pub last: Option<Seq>,
    /// The key.
    pub key: VerifyingKey,
}

impl KeyRing {
    /// Takes `key` as one of `site`'s.
    pub fn insert(&mut self, site: Site, key: VerifyingKey) {
        self.keys.push((site, key));
    }

    /// Takes a key that its site has replaced.
    pub fn retire(&mut self, key: RetiredKey) {
        self.retired.push(key);
    }

    /// The first site that has a key with this id.
    pub fn find(&self, id: KeyId) -> Option<(&Site, &VerifyingKey)> {
        self.with_id(id).next()
    }

    /// The site whose key has made `signature` over exactly `message`, and the key.
    ///
    /// A key's id is only a name, which its owner may choose. A site that enrols with the id of another
    /// must not get in the other's way, so every key of that id is tried.
    pub(crate) fn signer(
        &self,
        id: KeyId,
        message: &[u8],
        signature: &str,
    ) -> Result<(&Site, &VerifyingKey), Error> {
        if self.find(id).is_none() {
            return Err(Error::UnknownSigner { key: id });
        }
        let signer = self.with_id(id).find(|(_, key)| key.verifies(message, signature));
        signer.ok_or(Error::BadSignature)
    }

    /// Whether a key is the one that the sender of a stream signs this bundle with.
    ///
    /// Keys follow one another in a stream: each is good up to the bundle that names the next one, and no further. So
    /// whoever finds a key that was replaced can add nothing to the stream.
    pub(crate) fn is_in_force(&self, key: &VerifyingKey, stream: &StreamId, seq: Seq) -> bool {
        let is_of_stream =
            |one: &&RetiredKey| one.site == stream.from && one.incarnation == stream.incarnation;
        let retired = || self.retired.iter().filter(is_of_stream);
        let until = |one: &RetiredKey| one.last.filter(|last| seq <= *last);
        match retired().filter(|one| until(one).is_some()).min_by_key(|one| one.last) {
            Some(then) => then.key == *key,
            None => {
                self.keys.iter().any(|(site, one)| *site == stream.from && one == key)
                    || retired().any(|one| one.last.is_none() && one.key == *key)
            }
        }
    }

    fn with_id(&self, id: KeyId) -> impl Iterator<Item = (&Site, &VerifyingKey)> {
        let retired = self.retired.iter().map(|one| (&one.site, &one.key));
        let keys = self.keys.iter().map(|(site, key)| (site, key));
        keys.chain(retired).filter(move |(_, key)| key.id() == id)
    }
}

impl FromIterator<(Site, VerifyingKey)> for KeyRing {
    fn from_iter<I: IntoIterator<Item = (Site, VerifyingKey)>>(keys: I) -> Self {
        KeyRing { keys: keys.into_iter().collect(), retired: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::SigningKey;

    #[test]
    fn each_key_is_good_up_to_the_bundle_that_names_the_next_one_and_no_further() {
        let [first, second, third] =
            [(); 3].map(|()| SigningKey::generate().unwrap().verifying_key().clone());
        let site: Site = "lab-a".parse().unwrap();
        let stream = |history| StreamId {
            from: site.clone(),
            incarnation: Incarnation::from_bytes([history; 16]),
            to: "central".parse().unwrap(),
        };
        let mut ring: KeyRing = [(site.clone(), third.clone())].into_iter().collect();
        for (key, last) in [(&second, Some(9)), (&first, Some(6))] {
            ring.retire(RetiredKey {
                site: site.clone(),
                incarnation: stream(1).incarnation,
                last: last.and_then(Seq::new),
                key: key.clone(),
            });
        }
        for seq in 1..=12 {
            let good = if seq <= 6 {
                &first
            } else if seq <= 9 {
                &second
            } else {
                &third
            };
            for key in [&first, &second, &third] {
                let seq = Seq::new(seq).unwrap();
                assert_eq!(ring.is_in_force(key, &stream(1), seq), key == good, "bundle {seq}");
                // Another history began with the newest key.
                assert_eq!(ring.is_in_force(key, &stream(2), seq), *key == third, "bundle {seq}");
            }
        }
        // A card has told of the third key before the bundle came that the second one ends with.
        ring.retired[0].last = None;
        let late = Seq::new(20).unwrap();
        assert!(ring.is_in_force(&second, &stream(1), late) && ring.is_in_force(&third, &stream(1), late));
        assert!(!ring.is_in_force(&first, &stream(1), late));
    }
}
