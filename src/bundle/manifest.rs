//! What anyone may read of a bundle, and all that its signature covers.

use crate::bundle::clock::{read_stamp, write_stamp};
use crate::bundle::limits::{CHUNK_BYTES, PAYLOAD_BYTES_MAX, PLAINTEXT_BYTES_MAX};
use crate::bundle::manifest_text::{
    CONTINUES, FORMAT, KEYS, KeysText, ManifestText, PayloadText, ReceiptText,
};
use crate::bundle::tar::Member;
use crate::bundle::{Error, Header, KeyId, ManifestFault, PayloadSummary, PublicKeys, Receipt};
use crate::model::{BundleKind, BundleName, Digest, Seq, StreamId};

/// What a bundle says about itself in the clear. Only one that came out of
/// [`crate::bundle::Verified`] is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    kind: BundleKind,
    stream: StreamId,
    seq: Seq,
    previous: Option<Digest>,
    continues: bool,
    date: String,
    signer: KeyId,
    payload: PayloadInfo,
    receipt: Option<Receipt>,
    keys: Option<PublicKeys>,
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
            keys: header.keys.clone(),
        };
        // Here and not in `check`: a reader learns it only from the lines.
        if header.kind == BundleKind::Receipt && summary.counts.total() > 0 {
            return Err(Error::Manifest { fault: ManifestFault::Receipt });
        }
        manifest.check().map_err(|fault| Error::Manifest { fault })?;
        Ok(manifest)
    }

    /// The exact bytes of `manifest.json`.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        ManifestText::from(self).to_bytes()
    }

    /// Reads `manifest.json`. The caller has bounded its length.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = ManifestText::parse(bytes)?;
        let kind =
            text.kind.parse().map_err(|()| Error::TooNew { needs: format!("kind {:?}", text.kind) })?;
        let manifest = text.understand(kind).map_err(|fault| Error::Manifest { fault })?;
        manifest.check().map_err(|fault| Error::Manifest { fault })?;
        Ok(manifest)
    }

    /// What the bundle is for.
    pub fn kind(&self) -> BundleKind {
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

    /// The keys that the sender has from the next bundle on, where this is the last one that the old key signs.
    pub fn keys(&self) -> Option<&PublicKeys> {
        self.keys.as_ref()
    }

    /// The features that a reader must know.
    pub fn critical(&self) -> Vec<&'static str> {
        let features = [(self.continues, CONTINUES), (self.keys.is_some(), KEYS)];
        features.into_iter().filter(|(is_used, _)| *is_used).map(|(_, name)| name).collect()
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
        let is_more = self.continues || self.keys.is_some();
        if self.kind == BundleKind::Receipt && (self.receipt.is_none() || is_more) {
            return Err(ManifestFault::Receipt);
        }
        Ok(())
    }
}

impl From<&Manifest> for ManifestText {
    fn from(manifest: &Manifest) -> Self {
        let Manifest { kind, stream, seq, previous, date, signer, payload, receipt, keys, .. } = manifest;
        ManifestText {
            format: FORMAT.to_owned(),
            kind: kind.to_string(),
            critical: manifest.critical().into_iter().map(str::to_owned).collect(),
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
            keys: keys.as_ref().map(KeysText::from),
        }
    }
}

impl ManifestText {
    fn understand(self, kind: BundleKind) -> Result<Manifest, ManifestFault> {
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
        let keys = match self.keys {
            Some(keys) => Some(keys.parse().ok_or(ManifestFault::Value(KEYS))?),
            None => None,
        };
        let manifest = Manifest {
            kind,
            stream: StreamId {
                from: value("from", &self.from)?,
                incarnation: value("incarnation", &self.incarnation)?,
                to: value("to", &self.to)?,
            },
            seq: Seq::new(self.seq).ok_or(ManifestFault::Value("seq"))?,
            previous: self.previous.map(|text| value("previous", &text)).transpose()?,
            continues: self.critical.iter().any(|name| name == CONTINUES),
            date: self.date,
            signer: value("signer", &self.signer)?,
            payload: PayloadInfo {
                size: payload.size,
                sha256: value("sha256", &payload.sha256)?,
                chunks,
                plaintext_max: payload.plaintext_max,
            },
            receipt,
            keys,
        };
        // A feature is named once, in its place, exactly where it is used.
        if self.critical == manifest.critical() {
            Ok(manifest)
        } else {
            Err(ManifestFault::Value("critical"))
        }
    }
}

/// The length of `2026-11-08`.
const DATE_CHARS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::forge::{LAB_A, header, summary};

    fn manifest() -> Manifest {
        let digest = crate::bundle::hashes::digest_of(b"theirs");
        let incarnation = header(&LAB_A).stream.incarnation;
        let receipt = Some(Receipt { incarnation, seq: Seq::MAX, digest });
        let keys = Some(PublicKeys {
            verifying: LAB_A.signing.verifying_key().clone(),
            recipient: LAB_A.identity.recipient(),
        });
        let header = Header { receipt, keys, continues: true, ..header(&LAB_A) };
        Manifest::new(&header, &summary(b"payload", 1), LAB_A.signing.verifying_key().id()).unwrap()
    }

    #[test]
    fn a_manifest_is_read_back_as_written() {
        let bytes = manifest().to_bytes();
        assert!(
            bytes.starts_with(br#"{"format":"packmule/1","kind":"changes","critical":["continues","keys"],"#)
        );
        assert_eq!(Manifest::parse(&bytes).unwrap(), manifest());
    }

    #[test]
    fn a_manifest_with_any_changed_byte_is_refused_or_says_something_else() {
        let bytes = manifest().to_bytes();
        for at in 0..bytes.len() {
            for byte in *b"\0 \"\\{}[],:0a1-\xff" {
                let mut changed = bytes.clone();
                changed[at] = byte;
                if let Ok(parsed) = Manifest::parse(&changed) {
                    assert_eq!(parsed.to_bytes(), changed, "byte {at}");
                }
            }
        }
    }

    #[test]
    fn new_keys_are_named_as_a_feature_and_a_feature_without_them_is_refused() {
        let text = String::from_utf8(manifest().to_bytes()).unwrap();
        let refuse = |from: &str, to: &str| {
            assert!(text.contains(from), "{text}");
            assert!(Manifest::parse(text.replace(from, to).as_bytes()).is_err(), "{from} -> {to}");
        };
        refuse("[\"continues\",\"keys\"]", "[\"continues\"]");
        refuse("[\"continues\",\"keys\"]", "[\"keys\",\"continues\"]");
        refuse("[\"continues\",\"keys\"]", "[\"keys\",\"keys\"]");
        refuse(",\"keys\":{", ",\"other\":{");
        refuse("\"encryption_key\":\"age1", "\"encryption_key\":\"AGE1");
    }

    #[test]
    fn a_header_that_no_reader_would_take_is_not_written() {
        let sign = |header: Header| {
            Manifest::new(&header, &summary(b"payload", 1), LAB_A.signing.verifying_key().id()).map(|_| ())
        };
        let second = Header { seq: Seq::MAX, ..header(&LAB_A) };
        assert!(matches!(sign(second), Err(Error::Manifest { fault: ManifestFault::Previous })));
        let receipt = Header { kind: BundleKind::Receipt, ..header(&LAB_A) };
        assert!(matches!(sign(receipt), Err(Error::Manifest { fault: ManifestFault::Receipt })));
    }
}
