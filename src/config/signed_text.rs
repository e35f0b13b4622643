//! One line of JSON with a minisign signature of exactly that line below it.
//!
//! So standard tools can check a card: `head -n 1 lab-a.card > card.json; tail -n +2 lab-a.card > card.json.minisig;
//! minisign -V -m card.json -P KEY`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::bundle::{KeyError, SigningKey, VerifyingKey};
use crate::config::error::CardError;
use crate::config::keys::CARD_BYTES_MAX;
use crate::model::Digest;

/// Writes `content` as one line of JSON and signs it.
pub(super) fn sign(content: &impl Serialize, comment: &str, key: &SigningKey) -> Result<String, KeyError> {
    let mut text = to_line(content);
    let signature = key.sign(text.as_bytes(), comment)?;
    text.push_str(&signature);
    Ok(text)
}

/// Adds the signature of one more key to what [`sign`] has written.
pub(super) fn sign_too(text: &mut String, comment: &str, key: &SigningKey) -> Result<(), KeyError> {
    let end = text.find('\n').map_or(text.len(), |at| at + 1);
    let signature = key.sign(text.get(..end).unwrap_or_default().as_bytes(), comment)?;
    text.push_str(&signature);
    Ok(())
}

/// A text in which line and signature are told apart, neither of them believed yet.
pub(super) struct Unverified<'a> {
    line: &'a str,
    signature: &'a str,
    /// Signatures of more keys, below the first one.
    more: Vec<&'a str>,
}

impl<'a> Unverified<'a> {
    /// Splits `text`. Nothing longer than a card can be is looked at.
    pub(super) fn new(text: &'a str) -> Result<Self, CardError> {
        if text.len() as u64 > CARD_BYTES_MAX {
            return Err(CardError::TooLarge);
        }
        let end = text.find('\n').ok_or(CardError::NotACard)? + 1;
        let (line, signature) = text.split_at(end);
        if !line.starts_with("{\"format\":\"") || !signature.starts_with(BEGIN) {
            return Err(CardError::NotACard);
        }
        let mut begins: Vec<usize> = signature.match_indices(BEGIN).map(|(at, _)| at).collect();
        begins.push(signature.len());
        let blocks = begins.windows(2).filter_map(|pair| signature.get(*pair.first()?..*pair.last()?));
        let mut blocks = blocks.take(SIGNATURES_MAX + 1);
        let signature = blocks.next().ok_or(CardError::NotACard)?;
        Ok(Unverified { line, signature, more: blocks.collect() })
    }

    /// What stands first in the line: `packmule-card/1`. Says only how to read the rest.
    pub(super) fn format(&self) -> &'a str {
        let rest = &self.line["{\"format\":\"".len()..];
        rest.split('"').next().unwrap_or_default()
    }

    /// Reads the line in the one way in which packmule writes it: no unknown, doubled or re-ordered names, no spaces.
    pub(super) fn read<T: DeserializeOwned + Serialize>(&self) -> Result<T, CardError> {
        let content: T = serde_json::from_str(self.line).map_err(|_| CardError::Malformed)?;
        if to_line(&content) == self.line { Ok(content) } else { Err(CardError::Malformed) }
    }

    /// The SHA-256 of the line. The signature stays out: it can be spelt in more than one way.
    pub(super) fn digest(&self) -> Digest {
        Digest::from_bytes(Sha256::digest(self.line).into())
    }

    /// The signatures of more keys; none of them is believed yet.
    pub(super) fn more(&self) -> MoreSignatures {
        let signatures = self.more.iter().map(|text| (*text).to_owned()).collect();
        MoreSignatures { line: self.line.to_owned(), signatures }
    }

    /// Checks the signature of the line.
    pub(super) fn verify(&self, key: &VerifyingKey) -> Result<(), CardError> {
        if key.verifies(self.line.as_bytes(), self.signature) { Ok(()) } else { Err(CardError::BadSignature) }
    }
}

/// Signatures of more keys than the one that stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MoreSignatures {
    line: String,
    signatures: Vec<String>,
}

impl MoreSignatures {
    /// Whether one of them was made by `key`.
    pub(super) fn has_one_of(&self, key: &VerifyingKey) -> bool {
        self.signatures.iter().any(|signature| key.verifies(self.line.as_bytes(), signature))
    }
}

/// How a signature begins.
const BEGIN: &str = "untrusted comment:";
/// The most signatures below the first one that are looked at.
const SIGNATURES_MAX: usize = 16;

fn to_line(content: &impl Serialize) -> String {
    let mut line = serde_json::to_string(content).expect("texts, numbers and lists are always JSON");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, serde::Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Note {
        format: String,
        site: String,
    }

    #[test]
    fn a_line_is_read_only_as_it_was_written() {
        let key = SigningKey::generate().unwrap();
        let note = Note { format: "note/1".into(), site: "lab-a".into() };
        let text = sign(&note, "about", &key).unwrap();
        let unverified = Unverified::new(&text).unwrap();
        assert_eq!(unverified.format(), "note/1");
        assert_eq!(unverified.read::<Note>().unwrap(), note);
        unverified.verify(key.verifying_key()).unwrap();
        for (from, to) in [("\"site\"", " \"site\""), ("}", ",\"x\":1}"), ("}\n", ",\"site\":\"b\"}\n")] {
            let changed = text.replacen(from, to, 1);
            assert_eq!(Unverified::new(&changed).unwrap().read::<Note>().unwrap_err(), CardError::Malformed);
        }
        let changed = text.replace("lab-a", "lab-b");
        let unverified = Unverified::new(&changed).unwrap();
        assert_eq!(unverified.verify(key.verifying_key()), Err(CardError::BadSignature));
    }

    #[test]
    fn more_keys_can_sign_the_same_line_and_each_counts_for_itself() {
        let [own, old, other] = [(); 3].map(|()| SigningKey::generate().unwrap());
        let note = Note { format: "note/1".into(), site: "lab-a".into() };
        let mut text = sign(&note, "about", &own).unwrap();
        sign_too(&mut text, "about", &old).unwrap();
        let unverified = Unverified::new(&text).unwrap();
        unverified.verify(own.verifying_key()).unwrap();
        assert!(unverified.verify(old.verifying_key()).is_err());
        assert!(unverified.more().has_one_of(old.verifying_key()));
        assert!(!unverified.more().has_one_of(other.verifying_key()));
        let changed = text.replace("lab-a", "lab-b");
        assert!(!Unverified::new(&changed).unwrap().more().has_one_of(old.verifying_key()));
    }

    #[test]
    fn what_is_no_card_is_not_read_at_all() {
        for text in ["", "{}", "{\"format\":\"x\"}\n", "PK\u{3}\u{4}\nuntrusted comment:\n"] {
            assert_eq!(Unverified::new(text).err(), Some(CardError::NotACard), "{text:?}");
        }
        let long = "{".repeat(64 * 1024 + 1);
        assert_eq!(Unverified::new(&long).err(), Some(CardError::TooLarge));
    }
}
