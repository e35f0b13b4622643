//! Which earlier histories of the centre a new one goes on from, as it stands in the head of the snapshot that opens it.

use serde::{Deserialize, Serialize};

use crate::model::{Digest, Incarnation, Seq};

/// The name under which the histories stand in [`crate::bundle::PayloadHead::settings`].
pub const FOLLOWS_SETTING: &str = "follows";

/// An earlier history of the centre, as its database knows it: it was put back from a backup, and may know less of it than the
/// lab does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follows {
    incarnation: String,
    /// The number of the last bundle that it knows to have sealed for the lab; 0: none.
    last: u64,
    /// The beginnings of the digests of the newest ones, the last one's first.
    digests: Vec<String>,
}

impl Follows {
    /// The earlier history `incarnation`, of which the database knows these bundles for the lab, the newest first.
    pub fn new(incarnation: Incarnation, newest_first: &[(Seq, Digest)]) -> Self {
        Follows {
            incarnation: incarnation.to_string(),
            last: newest_first.first().map_or(0, |(seq, _)| seq.number()),
            digests: newest_first.iter().take(DIGESTS_MAX).map(|(_, digest)| short(*digest)).collect(),
        }
    }

    /// Which history.
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.incarnation.parse().ok()
    }

    /// Whether the database that was put back knows this bundle: then it knows all that the lab had from it until then.
    ///
    /// What is older than the newest ones is taken for known: a database that has sealed so many more was not put back to before it.
    pub fn knows(&self, seq: Seq, digest: Digest) -> bool {
        let Some(back) = self.last.checked_sub(seq.number()).and_then(|back| usize::try_from(back).ok())
        else {
            return false;
        };
        self.digests.get(back).is_none_or(|known| *known == short(digest))
    }
}

/// Writes earlier histories as the value of [`FOLLOWS_SETTING`].
pub fn follows_to_setting(histories: &[Follows]) -> String {
    serde_json::to_string(histories).expect("texts and numbers are always JSON")
}

/// Reads the value of [`FOLLOWS_SETTING`]. `None` for anything that a writer of today does not write.
pub fn follows_from_setting(text: &str) -> Option<Vec<Follows>> {
    serde_json::from_str(text).ok()
}

/// Enough to tell two bundles of one number apart.
fn short(digest: Digest) -> String {
    digest.to_string().chars().take(16).collect()
}

/// How many digests are told of each history. A lab that is further behind than this has seen nothing that the backup lacks.
pub const DIGESTS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(seq: u64, of: u8) -> (Seq, Digest) {
        (Seq::new(seq).unwrap(), Digest::from_bytes([of; 32]))
    }

    #[test]
    fn a_bundle_that_the_backup_lacks_or_that_was_sealed_otherwise_is_not_known() {
        let incarnation = Incarnation::from_bytes([7; 16]);
        let follows = Follows::new(incarnation, &[bundle(9, 9), bundle(8, 8), bundle(7, 7)]);
        let text = follows_to_setting(&[follows]);
        let [follows] = follows_from_setting(&text).unwrap().try_into().unwrap();
        assert_eq!(follows.incarnation(), Some(incarnation));
        for (seq, of, known) in [(9, 9, true), (7, 7, true), (6, 1, true), (8, 1, false), (10, 10, false)] {
            let (seq, digest) = bundle(seq, of);
            assert_eq!(follows.knows(seq, digest), known, "{seq} {of}");
        }
        assert!(!Follows::new(incarnation, &[]).knows(bundle(1, 1).0, bundle(1, 1).1));
    }
}
