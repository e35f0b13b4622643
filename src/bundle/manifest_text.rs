//! The JSON of `manifest.json`.
//!
//! Keys stand in one order and one spelling. Reading writes again what was understood and compares, so no
//! two readers can understand two things. Later additions come behind the keys of today, where an older
//! reader leaves them alone; what it must not leave alone is named in `critical`.

use std::collections::HashSet;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use crate::bundle::limits::MANIFEST_DEPTH_MAX;
use crate::bundle::{Error, ManifestFault, PublicKeys, Receipt};
use crate::model::Seq;

/// The manifest as JSON has it, keys in the order in which they are written.
#[derive(Serialize, DeriveDeserialize)]
pub(crate) struct ManifestText {
    pub(crate) format: String,
    pub(crate) kind: String,
    pub(crate) critical: Vec<String>,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) incarnation: String,
    pub(crate) seq: u64,
    pub(crate) previous: Option<String>,
    pub(crate) date: String,
    pub(crate) signer: String,
    pub(crate) payload: PayloadText,
    pub(crate) receipt: Option<ReceiptText>,
    /// Left out in all bundles but the last one that a key signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keys: Option<KeysText>,
}

#[derive(Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayloadText {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) chunk_size: u64,
    pub(crate) chunks: Vec<String>,
    pub(crate) plaintext_max: u64,
}

/// The receipt as the manifest spells it.
#[derive(Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptText {
    incarnation: String,
    seq: u64,
    digest: String,
}

/// New keys as the manifest spells them.
#[derive(Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeysText {
    signing_key: String,
    encryption_key: String,
}

impl From<&PublicKeys> for KeysText {
    fn from(keys: &PublicKeys) -> Self {
        KeysText { signing_key: keys.verifying.to_string(), encryption_key: keys.recipient.to_string() }
    }
}

impl KeysText {
    pub(crate) fn parse(&self) -> Option<PublicKeys> {
        let keys = PublicKeys {
            verifying: self.signing_key.parse().ok()?,
            recipient: self.encryption_key.parse().ok()?,
        };
        // A key can be spelt in more than one way; a manifest cannot.
        let again = KeysText::from(&keys);
        let is_same = again.signing_key == self.signing_key && again.encryption_key == self.encryption_key;
        is_same.then_some(keys)
    }
}

impl From<&Receipt> for ReceiptText {
    fn from(receipt: &Receipt) -> Self {
        ReceiptText {
            incarnation: receipt.incarnation.to_string(),
            seq: receipt.seq.number(),
            digest: receipt.digest.to_string(),
        }
    }
}

impl ReceiptText {
    pub(crate) fn parse(&self) -> Option<Receipt> {
        Some(Receipt {
            incarnation: self.incarnation.parse().ok()?,
            seq: Seq::new(self.seq)?,
            digest: self.digest.parse().ok()?,
        })
    }
}

impl ManifestText {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers alone always have a JSON form")
    }

    /// Reads a manifest that has the one allowed form; whether its values make sense is seen later.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let refuse = |fault| Error::Manifest { fault };
        if depth(bytes) > MANIFEST_DEPTH_MAX {
            return Err(refuse(ManifestFault::Depth));
        }
        // The format and the critical features first: a later format may spell all the rest otherwise.
        let outline: Outline = serde_json::from_slice(bytes).map_err(|_| refuse(ManifestFault::Json))?;
        outline.check()?;
        let text: ManifestText = serde_json::from_slice(bytes).map_err(|_| refuse(ManifestFault::Json))?;
        if is_canonical(bytes, &text.to_bytes()) { Ok(text) } else { Err(refuse(ManifestFault::Form)) }
    }
}

/// The top level of a manifest of any version: its keys in order, its format and its critical features.
#[derive(Default)]
struct Outline {
    first_key: String,
    duplicate: Option<String>,
    format: String,
    critical: Vec<String>,
}

impl Outline {
    fn check(self) -> Result<(), Error> {
        let fault = match (self.first_key.as_str(), self.duplicate) {
            ("format", None) => None,
            ("format", Some(key)) => Some(ManifestFault::Duplicate(key)),
            _ => Some(ManifestFault::Form),
        };
        if let Some(fault) = fault {
            return Err(Error::Manifest { fault });
        }
        if self.format != FORMAT {
            return Err(Error::TooNew { needs: format!("format {:?}", self.format) });
        }
        match self.critical.iter().find(|name| !CRITICAL_KNOWN.contains(&name.as_str())) {
            Some(name) => Err(Error::TooNew { needs: format!("feature {name:?}") }),
            None if self.critical.len() > CRITICAL_KNOWN.len() => {
                Err(Error::Manifest { fault: ManifestFault::Value("critical") })
            }
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OutlineVisitor)
    }
}

struct OutlineVisitor;

impl<'de> Visitor<'de> for OutlineVisitor {
    type Value = Outline;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
        let mut outline = Outline::default();
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.is_empty() {
                outline.first_key.clone_from(&key);
            }
            match key.as_str() {
                "format" => outline.format = map.next_value()?,
                "critical" => outline.critical = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
            if keys.contains(&key) {
                outline.duplicate.get_or_insert(key);
            } else {
                keys.insert(key);
            }
        }
        Ok(outline)
    }
}

/// Whether `bytes` are exactly `canonical`, or `canonical` with later keys behind its own.
fn is_canonical(bytes: &[u8], canonical: &[u8]) -> bool {
    let known = canonical.get(..canonical.len().saturating_sub(1)).unwrap_or_default();
    match bytes.strip_prefix(known) {
        Some(b"}") => true,
        Some(later) => later.starts_with(b",\"") && later.ends_with(b"}"),
        None => false,
    }
}

/// How deep arrays and objects are nested in a JSON text.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The format that this program writes and reads.
pub(crate) const FORMAT: &str = "packmule/1";
/// The critical features that this program knows.
pub(crate) const CRITICAL_KNOWN: [&str; 2] = [CONTINUES, KEYS];
/// The next bundle belongs to the same snapshot.
pub(crate) const CONTINUES: &str = "continues";
/// From the next bundle on the sender has other keys.
pub(crate) const KEYS: &str = "keys";
