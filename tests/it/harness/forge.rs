//! Bundles as nobody should make them: taken apart, altered, and signed with whatever key is at hand.

use std::ops::Range;

use packmule::bundle::{Header, KeyRing, PayloadSummary, SigningKey, Unverified, assemble};
use packmule::config::KeyFolder;

use super::site::TestSite;

/// Where the three members of a bundle lie.
#[derive(Debug)]
pub(crate) struct Anatomy {
    pub(crate) manifest: Range<usize>,
    pub(crate) signature: Range<usize>,
    pub(crate) payload: Range<usize>,
}

impl Anatomy {
    pub(crate) fn of(bundle: &[u8]) -> Anatomy {
        let mut at = 0;
        let mut member = || {
            let size = std::str::from_utf8(&bundle[at + 124..at + 135]).unwrap();
            let size = usize::from_str_radix(size, 8).unwrap();
            let content = at + 512..at + 512 + size;
            at = content.end.next_multiple_of(512);
            content
        };
        Anatomy { manifest: member(), signature: member(), payload: member() }
    }
}

/// A site's secret signing key.
pub(crate) fn signing_key(site: &TestSite<'_>) -> SigningKey {
    KeyFolder::new(&site.state()).open().unwrap().signing
}

/// A bundle with `from` replaced by `to`, of the same length, in its manifest, and signed again with `key`.
pub(crate) fn resigned(bundle: &[u8], from: &str, to: &str, key: &SigningKey) -> Vec<u8> {
    let Anatomy { manifest, signature, .. } = Anatomy::of(bundle);
    let text = std::str::from_utf8(&bundle[manifest.clone()]).unwrap().replace(from, to);
    assert!(
        text.len() == manifest.len() && text.as_bytes() != &bundle[manifest.clone()],
        "{from} is not there"
    );
    let old = std::str::from_utf8(&bundle[signature.clone()]).unwrap();
    let comment = old.lines().find_map(|line| line.strip_prefix("trusted comment: ")).unwrap();
    let new = key.sign(text.as_bytes(), comment).unwrap();
    assert_eq!(new.len(), old.len());
    let mut forged = bundle.to_vec();
    forged[manifest].copy_from_slice(text.as_bytes());
    forged[signature].copy_from_slice(new.as_bytes());
    forged
}

/// The payload of `bundle` in a bundle that says it is another's, properly made and signed with `key`.
pub(crate) fn stripped_and_signed(bundle: &[u8], own: &[u8], key: &SigningKey) -> Vec<u8> {
    let theirs = Unverified::read(&mut &*bundle, bundle.len() as u64).unwrap().claims().unwrap();
    let ring: KeyRing = [(own_site(own), key.verifying_key().clone())].into_iter().collect();
    let ours = Unverified::read(&mut &*own, own.len() as u64).unwrap().verify(&ring).unwrap();
    let ours = ours.manifest();
    let info = theirs.payload();
    let summary = PayloadSummary {
        size: info.size,
        sha256: info.sha256,
        chunks: info.chunks.clone(),
        plaintext_bytes: info.plaintext_max,
        counts: Default::default(),
    };
    let header = Header {
        kind: ours.kind(),
        stream: ours.stream().clone(),
        seq: ours.seq(),
        previous: ours.previous(),
        continues: ours.continues(),
        sealed_at: "2026-11-08T16:40:00.123456Z".parse().unwrap(),
        receipt: None,
    };
    assemble(Vec::new(), &bundle[Anatomy::of(bundle).payload], &summary, &header, key).unwrap().0
}

fn own_site(bundle: &[u8]) -> packmule::model::Site {
    Unverified::read(&mut &*bundle, bundle.len() as u64).unwrap().claims().unwrap().stream().from.clone()
}
