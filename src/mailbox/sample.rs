//! Files for the tests of this folder: they look like bundles and are none.

use crate::model::BundleName;

/// The name of lab-a's bundle `seq` for central.
pub(super) fn name(seq: u64) -> BundleName {
    format!("lab-a.central.7f3a9c21.{seq:010}.mule").parse().unwrap()
}

/// `length` bytes that begin as a bundle does; the rest depends on `fill`.
pub(super) fn bundle_bytes(length: usize, fill: u8) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    bytes[..14].copy_from_slice(b"manifest.json\0");
    bytes[257..265].copy_from_slice(b"ustar\x0000");
    bytes.extend((512..length).map(|at| (at % 251) as u8 ^ fill));
    bytes.truncate(length);
    bytes
}
