//! `manifest.json`: what anyone may read of a bundle, and all that its signature covers.
//!
//! Keys stand in one order and one spelling. Reading writes again what was understood and compares, so no
//! two readers can understand two things. Later additions come behind the keys of today, where an older
//! reader leaves them alone; what it must not leave alone is named in `critical`.

use std::collections::HashSet;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use crate::bundle::clock::{read_stamp, write_stamp};
use crate::bundle::head::ReceiptText;
use crate::bundle::limits::{CHUNK_BYTES, MANIFEST_DEPTH_MAX, PAYLOAD_BYTES_MAX, PLAINTEXT_BYTES_MAX};
use crate::bundle::tar::Member;
use crate::bundle::{Error, Header, KeyId, Kind, ManifestFault, PayloadSummary, Receipt};
use crate::model::{BundleName, Digest, Seq, StreamId};

/// What a bundle says about itself in the clear. Only one that came out of
/// [`crate::bundle::Verified`] is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    kind: Kind,
    stream: StreamId,
    seq: Seq,
    previous: Option<Digest>,
    continues: bool,
    date: String,
    signer: KeyId,
    payload: PayloadInfo,
    receipt: Option<Receipt>,
}

/// What the manifest says of the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadInfo {
    /// Its size, compressed and encrypted.
    pub size: u64,
    /// Its hash.
    pub sha256: Digest,
    /// The hash of each 16 MiB of it.
    pub chunks: Vec<Digest>,
    /// The most that its lines may come to.
    pub plaintext_max: u64,
}

impl Manifest {
    /// Joins what the sender decides with what the payload has become.
    pub(crate) fn new(header: &Header, summary: &PayloadSummary, signer: KeyId) -> Result<Self, Error> {
        let mut time = Vec::new();
        write_stamp(&mut time, header.sealed_at);
        let manifest = Manifest {
            kind: header.kind,
            stream: header.stream.clone(),
            seq: header.seq,
            previous: header.previous,
            continues: header.continues,
            date: time.iter().take(DATE_CHARS).map(|&byte| char::from(byte)).collect(),
            signer,
            payload: PayloadInfo {
                size: summary.size,
                sha256: summary.sha256,
                chunks: summary.chunks.clone(),
                plaintext_max: summary.plaintext_max(),
            },
            receipt: header.receipt,
        };
        manifest.check().map_err(|fault| Error::Manifest { fault })?;
        Ok(manifest)
    }

    /// The exact bytes of `manifest.json`.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        to_bytes(&ManifestText::from(self))
    }

    /// Reads `manifest.json`. The caller has bounded its length.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let refuse = |fault| Error::Manifest { fault };
        if depth(bytes) > MANIFEST_DEPTH_MAX {
            return Err(refuse(ManifestFault::Depth));
        }
        // The format and the critical features first: a later format may spell all the rest otherwise.
        let outline: Outline = serde_json::from_slice(bytes).map_err(|_| refuse(ManifestFault::Json))?;
        outline.check()?;
        let text: ManifestText = serde_json::from_slice(bytes).map_err(|_| refuse(ManifestFault::Json))?;
        let kind =
            text.kind.parse().map_err(|()| Error::TooNew { needs: format!("kind {:?}", text.kind) })?;
        if !is_canonical(bytes, &to_bytes(&text)) {
            return Err(refuse(ManifestFault::Form));
        }
        let manifest = text.understand(kind).map_err(refuse)?;
        manifest.check().map_err(refuse)?;
        Ok(manifest)
    }

    /// What the bundle is for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whose bundle it is, and for whom.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Its number in the stream.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The digest of the bundle before it; `None` exactly for the first.
    pub fn previous(&self) -> Option<Digest> {
        self.previous
    }

    /// Whether the next bundle belongs to the same snapshot.
    pub fn continues(&self) -> bool {
        self.continues
    }

    /// The day it was sealed, in UTC: `2026-11-08`. For people; the exact time is in the payload.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The key that signed it.
    pub fn signer(&self) -> KeyId {
        self.signer
    }

    /// What the payload must be.
    pub fn payload(&self) -> &PayloadInfo {
        &self.payload
    }

    /// What the sender has applied of the receiver's bundles.
    pub fn receipt(&self) -> Option<Receipt> {
        self.receipt
    }

    /// The name that the bundle was given.
    pub fn name(&self) -> BundleName {
        BundleName::new(&self.stream, self.seq)
    }

    /// The features that a reader must know.
    pub fn critical(&self) -> &'static [&'static str] {
        if self.continues { &CRITICAL_KNOWN } else { &[] }
    }

    /// The rules that hold between the values; the same for writing and reading.
    fn check(&self) -> Result<(), ManifestFault> {
        let PayloadInfo { size, chunks, plaintext_max, .. } = &self.payload;
        if self.stream.from == self.stream.to {
            return Err(ManifestFault::Value("to"));
        }
        if self.previous.is_none() != (self.seq == Seq::FIRST) {
            return Err(ManifestFault::Previous);
        }
        if *size == 0 || *size > PAYLOAD_BYTES_MAX {
            return Err(ManifestFault::Value("size"));
        }
        if *plaintext_max == 0 || *plaintext_max > PLAINTEXT_BYTES_MAX {
            return Err(ManifestFault::Value("plaintext_max"));
        }
        if chunks.len() as u64 != size.div_ceil(CHUNK_BYTES) {
            return Err(ManifestFault::Chunks);
        }
        if self.kind == Kind::Receipt && (self.receipt.is_none() || self.continues) {
            return Err(ManifestFault::Receipt);
        }
        Ok(())
    }
}

/// The manifest as JSON has it, keys in the order in which they are written.
#[derive(Serialize, DeriveDeserialize)]
struct ManifestText {
    format: String,
    kind: String,
    critical: Vec<String>,
    from: String,
    to: String,
    incarnation: String,
    seq: u64,
    previous: Option<String>,
    date: String,
    signer: String,
    payload: PayloadText,
    receipt: Option<ReceiptText>,
}

#[derive(Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
struct PayloadText {
    name: String,
    size: u64,
    sha256: String,
    chunk_size: u64,
    chunks: Vec<String>,
    plaintext_max: u64,
}

impl From<&Manifest> for ManifestText {
    fn from(manifest: &Manifest) -> Self {
        let Manifest { kind, stream, seq, previous, date, signer, payload, receipt, .. } = manifest;
        ManifestText {
            format: FORMAT.to_owned(),
            kind: kind.to_string(),
            critical: manifest.critical().iter().map(|&name| name.to_owned()).collect(),
            from: stream.from.to_string(),
            to: stream.to.to_string(),
            incarnation: stream.incarnation.to_string(),
            seq: seq.number(),
            previous: previous.map(|digest| digest.to_string()),
            date: date.clone(),
            signer: signer.to_string(),
            payload: PayloadText {
                name: Member::Payload.name().to_owned(),
                size: payload.size,
                sha256: payload.sha256.to_string(),
                chunk_size: CHUNK_BYTES,
                chunks: payload.chunks.iter().map(Digest::to_string).collect(),
                plaintext_max: payload.plaintext_max,
            },
            receipt: receipt.as_ref().map(ReceiptText::from),
        }
    }
}

impl ManifestText {
    fn understand(self, kind: Kind) -> Result<Manifest, ManifestFault> {
        fn value<T: std::str::FromStr>(key: &'static str, text: &str) -> Result<T, ManifestFault> {
            text.parse().map_err(|_| ManifestFault::Value(key))
        }
        let payload = self.payload;
        if payload.name != Member::Payload.name() {
            return Err(ManifestFault::Value("name"));
        }
        if payload.chunk_size != CHUNK_BYTES {
            return Err(ManifestFault::Value("chunk_size"));
        }
        if read_stamp(&format!("{}T00:00:00.000000Z", self.date)).is_none() {
            return Err(ManifestFault::Value("date"));
        }
        let chunks = payload.chunks.iter().map(|text| value("chunks", text)).collect::<Result<_, _>>()?;
        let receipt = match self.receipt {
            Some(receipt) => Some(receipt.parse().ok_or(ManifestFault::Value("receipt"))?),
            None => None,
        };
        Ok(Manifest {
            kind,
            stream: StreamId {
                from: value("from", &self.from)?,
                incarnation: value("incarnation", &self.incarnation)?,
                to: value("to", &self.to)?,
            },
            seq: Seq::new(self.seq).ok_or(ManifestFault::Value("seq"))?,
            previous: self.previous.map(|text| value("previous", &text)).transpose()?,
            continues: !self.critical.is_empty(),
            date: self.date,
            signer: value("signer", &self.signer)?,
            payload: PayloadInfo {
                size: payload.size,
                sha256: value("sha256", &payload.sha256)?,
                chunks,
                plaintext_max: payload.plaintext_max,
            },
            receipt,
        })
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

fn to_bytes(text: &ManifestText) -> Vec<u8> {
    serde_json::to_vec(text).expect("texts and numbers alone always have a JSON form")
}

/// The format that this program writes and reads.
pub(crate) const FORMAT: &str = "packmule/1";
/// The critical features that this program knows.
const CRITICAL_KNOWN: [&str; 1] = ["continues"];
/// The length of `2026-11-08`.
const DATE_CHARS: usize = 10;
