//! Opens a bundle step by step. Each step that passed is a type, and only the last one gives out rows.
//!
//! The order matters: lengths before allocation, the signature before the JSON, the hashes before the
//! decryption. Whoever changes a file can make this stop, but cannot make it look at what nobody signed.

use std::io::Read;
use std::ops::Range;

use crate::bundle::hashes::digest_of;
use crate::bundle::limits::{MANIFEST_BYTES_MAX, PAYLOAD_BYTES_MAX, SIGNATURE_BYTES_MAX};
use crate::bundle::signature::trusted_comment;
use crate::bundle::tar::{BLOCK, END_BYTES, Member, begins_like_a_bundle, padding};
use crate::bundle::{Error, KeyId, KeyRing, Layout, Manifest, ManifestFault, Part, VerifyingKey};
use crate::model::Digest;

/// The head of a file that has the form of a bundle and the right length. Nothing in it is proven.
#[derive(Debug)]
pub struct Unverified {
    head: Vec<u8>,
    manifest: Range<usize>,
    signature: Range<usize>,
    payload_size: u64,
    length: u64,
}

impl Unverified {
    /// Reads the head of a file, 67 KiB at most, and compares the file's length with what the head says.
    pub fn read(source: &mut impl Read, file_length: u64) -> Result<Self, Error> {
        let mut reader = HeadReader { source, bytes: Vec::new() };
        let manifest = reader.member(Member::Manifest, MANIFEST_BYTES_MAX, "its manifest")?;
        let signature = reader.member(Member::Signature, SIGNATURE_BYTES_MAX, "its signature")?;
        let payload_size = reader.size(Member::Payload, PAYLOAD_BYTES_MAX, "its content")?;
        let head = reader.bytes;
        let need = head.len() as u64 + payload_size + padding(payload_size) + END_BYTES;
        if file_length < need {
            return Err(Error::Incomplete { have_bytes: file_length, need_bytes: Some(need) });
        }
        if file_length > need {
            return Err(Error::Damaged { what: Part::TooLong(file_length - need) });
        }
        Ok(Unverified { head, manifest, signature, payload_size, length: need })
    }

    /// What the bundle says about itself, without proof: to show it, to sort by it, to name it in a message.
    /// Nothing may be decided on it that a liar could gain from.
    pub fn claims(&self) -> Result<Manifest, Error> {
        Manifest::parse(self.part(&self.manifest))
    }

    /// The key that the signature names, without proof.
    pub fn claimed_key(&self) -> Option<KeyId> {
        KeyId::of_signature(self.signature_text()?)
    }

    /// The bundle's digest: the hash of its manifest, whoever wrote that.
    pub fn digest(&self) -> Digest {
        digest_of(self.part(&self.manifest))
    }

    /// The length of the whole file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Proves that an enrolled site has signed the manifest, and only then reads it.
    pub fn verify(self, ring: &KeyRing) -> Result<Verified, Error> {
        let bytes = self.part(&self.manifest);
        let text = self.signature_text().ok_or(Error::BadSignature)?;
        let key = KeyId::of_signature(text).ok_or(Error::BadSignature)?;
        let (signer, signed_with) = ring.signer(key, bytes, text)?;
        let (signer, signed_with) = (signer.clone(), signed_with.clone());
        let manifest = Manifest::parse(bytes)?;
        let fault = |fault| Err(Error::Manifest { fault });
        if manifest.stream().from != signer {
            return Err(Error::WrongSigner { claimed: manifest.stream().from.clone(), signer });
        }
        if !ring.is_in_force(&signed_with, manifest.stream(), manifest.seq()) {
            return Err(Error::NotInForce { key, signer });
        }
        if manifest.signer() != key {
            return fault(ManifestFault::Value("signer"));
        }
        // The comment is what people see when they check by hand, so it must not tell another story.
        if trusted_comment(text) != Some(manifest.name().to_string().as_str()) {
            return fault(ManifestFault::Comment);
        }
        if manifest.payload().size != self.payload_size {
            return Err(Error::Damaged { what: Part::PayloadSize });
        }
        let digest = digest_of(bytes);
        Ok(Verified { manifest, digest, signed_with, head: self.head, length: self.length })
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.head.get(range.clone()).unwrap_or_default()
    }

    fn signature_text(&self) -> Option<&str> {
        std::str::from_utf8(self.part(&self.signature)).ok()
    }
}

/// The head of a bundle whose manifest an enrolled site has signed. Its payload is not looked at yet.
#[derive(Debug)]
pub struct Verified {
    pub(super) manifest: Manifest,
    pub(super) digest: Digest,
    pub(super) signed_with: VerifyingKey,
    pub(super) head: Vec<u8>,
    pub(super) length: u64,
}

impl Verified {
    /// What the sender has signed.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The key that has signed it.
    pub fn signed_with(&self) -> &VerifyingKey {
        &self.signed_with
    }

    /// The bundle's digest, by which receipts and the next bundle name it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The length of the whole file: what a private copy needs on disk.
    pub fn length(&self) -> u64 {
        self.length
    }
}

/// Reads the members of the head one after the other and keeps every byte, to compare with later.
struct HeadReader<'a, R> {
    source: &'a mut R,
    bytes: Vec<u8>,
}

impl<R: Read> HeadReader<'_, R> {
    /// Reads header, content and padding of a member; says where its content lies.
    fn member(&mut self, member: Member, limit: u64, what: &'static str) -> Result<Range<usize>, Error> {
        let size = self.size(member, limit, what)?;
        let start = self.bytes.len();
        let padded = size + padding(size);
        if self.append(padded)? < padded {
            return Err(self.cut());
        }
        let end = start + size as usize;
        if self.bytes.get(end..).is_some_and(|padding| padding.iter().any(|&byte| byte != 0)) {
            return Err(Error::Damaged { what: Part::Padding(member.place()) });
        }
        Ok(start..end)
    }

    /// Reads the header of a member and checks the size in it against `limit`.
    fn size(&mut self, member: Member, limit: u64, what: &'static str) -> Result<u64, Error> {
        let start = self.bytes.len();
        self.append(BLOCK as u64)?;
        let block = self.bytes.get(start..).unwrap_or_default();
        let Ok(block) = <&[u8; BLOCK]>::try_from(block) else {
            return Err(match member {
                Member::Manifest if !begins_like_a_bundle(block) => Error::NotABundle { why: Layout::NotTar },
                Member::Manifest | Member::Signature | Member::Payload => self.cut(),
            });
        };
        let bytes = member.size_in(block)?;
        if bytes > limit { Err(Error::TooLarge { what, bytes, limit }) } else { Ok(bytes) }
    }

    /// Reads up to `length` more bytes; fewer come only at the end of the file.
    fn append(&mut self, length: u64) -> Result<u64, Error> {
        let mut source = self.source.by_ref().take(length);
        let read = source.read_to_end(&mut self.bytes).map_err(|source| Error::Read { source })?;
        Ok(read as u64)
    }

    fn cut(&self) -> Error {
        Error::Incomplete { have_bytes: self.bytes.len() as u64, need_bytes: None }
    }
}
