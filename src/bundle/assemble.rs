//! Puts a finished payload into its bundle: manifest, signature, tar.

use std::io::{Read, Write};

use crate::bundle::hashes::{Hashes, digest_of};
use crate::bundle::limits::MANIFEST_BYTES_MAX;
use crate::bundle::manifest::Manifest;
use crate::bundle::tar::{END_BYTES, Member, padding};
use crate::bundle::{Error, Header, Part, PayloadSummary, SigningKey};
use crate::model::Digest;

/// Writes the bundle of `payload` to `out` and returns `out` and the bundle's digest.
///
/// The payload is on disk between its writing and this; it is hashed once more on its way, so that a
/// bad disk does not make a bundle that is signed and broken.
pub fn assemble<R: Read, W: Write>(
    mut out: W,
    payload: R,
    summary: &PayloadSummary,
    header: &Header,
    key: &SigningKey,
) -> Result<(W, Digest), Error> {
    let write = |source| Error::Write { source };
    let manifest = Manifest::new(header, summary, key.verifying_key().id())?;
    let bytes = manifest.to_bytes();
    if bytes.len() as u64 > MANIFEST_BYTES_MAX {
        let limit = MANIFEST_BYTES_MAX;
        return Err(Error::TooLarge { what: "the manifest", bytes: bytes.len() as u64, limit });
    }
    let signature = key.sign(&bytes, &manifest.name().to_string())?;
    out.write_all(&head(&bytes, signature.as_bytes(), summary.size)).map_err(write)?;
    copy_payload(&mut out, payload, summary)?;
    let zeros = padding(summary.size) + END_BYTES;
    std::io::copy(&mut std::io::repeat(0).take(zeros), &mut out).map_err(write)?;
    Ok((out, digest_of(&bytes)))
}

/// All bytes of a bundle before its payload.
pub(crate) fn head(manifest: &[u8], signature: &[u8], payload_size: u64) -> Vec<u8> {
    let mut head = Vec::new();
    for (member, content) in [(Member::Manifest, manifest), (Member::Signature, signature)] {
        let size = content.len() as u64;
        head.extend_from_slice(&member.header(size));
        head.extend_from_slice(content);
        head.extend(std::iter::repeat_n(0, padding(size) as usize));
    }
    head.extend_from_slice(&Member::Payload.header(payload_size));
    head
}

fn copy_payload<R: Read, W: Write>(out: &mut W, payload: R, summary: &PayloadSummary) -> Result<(), Error> {
    // One byte more than there should be: a longer payload is noticed and not copied on and on.
    let mut payload = payload.take(summary.size + 1);
    let mut hashes = Hashes::default();
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let length = match payload.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(Error::Read { source }),
        };
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        hashes.update(bytes);
        out.write_all(bytes).map_err(|source| Error::Write { source })?;
    }
    if hashes.size() != summary.size {
        return Err(Error::Damaged { what: Part::PayloadSize });
    }
    if hashes.finish().0 != summary.sha256 {
        return Err(Error::Damaged { what: Part::Payload });
    }
    Ok(())
}

/// How much is copied at a time.
const COPY_BYTES: usize = 128 * 1024;
