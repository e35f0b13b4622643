//! The tar layer. There is one legal header for each name and size; everything else is refused.
//!
//! A lenient tar reader and a strict one can see two different files in the same bytes. So nothing is
//! interpreted: the size is read, the one legal header for it is built, and the bytes must be equal.

use std::ops::Range;

use crate::bundle::{Error, Layout, Part};

/// One of the three members, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    Manifest,
    Signature,
    Payload,
}

impl Member {
    /// The member's name in the tar file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Member::Manifest => "manifest.json",
            Member::Signature => "manifest.json.minisig",
            Member::Payload => "changes.ndjson.zst.age",
        }
    }

    /// Its place, counted from 1, as messages name it.
    pub(crate) fn place(self) -> u8 {
        match self {
            Member::Manifest => 1,
            Member::Signature => 2,
            Member::Payload => 3,
        }
    }

    /// The one legal header for a content of `size` bytes.
    pub(crate) fn header(self, size: u64) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put(&mut block, 0, self.name());
        put(&mut block, 100, "0000644\0");
        put(&mut block, 108, "0000000\0");
        put(&mut block, 116, "0000000\0");
        put(&mut block, SIZE.start, &format!("{size:011o}\0"));
        put(&mut block, 136, "00000000000\0");
        put(&mut block, TYPE, "0");
        put(&mut block, MAGIC.start, "ustar\x0000");
        put(&mut block, 329, "0000000\0");
        put(&mut block, 337, "0000000\0");
        let sum = checksum_field(&block);
        block[CHECKSUM].copy_from_slice(&sum);
        block
    }

    /// Reads a header that must be this member's and returns the content's size.
    pub(crate) fn size_in(self, block: &[u8; BLOCK]) -> Result<u64, Error> {
        let place = self.place();
        if block[CHECKSUM] != *checksum_field(block) {
            return Err(self.unreadable(block));
        }
        let refuse = |why| Err(Error::NotABundle { why });
        let size = octal(&block[SIZE.start..SIZE.end - 1]);
        match size {
            Some(size) if self.header(size) == *block => Ok(size),
            _ if block[TYPE] != b'0' => refuse(Layout::Type(place)),
            _ if !names(block, self) => refuse(Layout::Name(place)),
            None => refuse(Layout::Size(place)),
            Some(_) => refuse(Layout::Form(place)),
        }
    }

    /// Tells a bundle whose first bytes have changed from a file that never was one.
    fn unreadable(self, block: &[u8; BLOCK]) -> Error {
        match self {
            Member::Manifest if block.iter().all(|&byte| byte == 0) => Error::Damaged { what: Part::Blank },
            Member::Manifest if !names(block, self) && &block[MAGIC] != b"ustar\x0000" => {
                Error::NotABundle { why: Layout::NotTar }
            }
            Member::Manifest | Member::Signature | Member::Payload => {
                Error::Damaged { what: Part::Header(self.place()) }
            }
        }
    }
}

/// Whether the few bytes of a file that is shorter than one block could begin a bundle.
pub(crate) fn begins_like_a_bundle(start: &[u8]) -> bool {
    let legal = Member::Manifest.header(0);
    let known = start.len().min(SIZE.start);
    start.get(..known) == legal.get(..known)
}

/// How many zeros follow a content of `size` bytes.
pub(crate) fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

/// Whether the block's name field holds this member's name.
fn names(block: &[u8; BLOCK], member: Member) -> bool {
    block[..100] == member.header(0)[..100]
}

fn put(block: &mut [u8; BLOCK], at: usize, text: &str) {
    block[at..at + text.len()].copy_from_slice(text.as_bytes());
}

/// Octal digits and nothing else: no spaces, no sign, no base-256.
fn octal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |sum, digit| match digit {
        b'0'..=b'7' => Some(sum * 8 + u64::from(digit - b'0')),
        _ => None,
    })
}

/// The sum of all bytes, with the checksum's own field counted as spaces, as it stands in that field.
fn checksum_field(block: &[u8; BLOCK]) -> Vec<u8> {
    let byte = |(at, byte): (usize, &u8)| if CHECKSUM.contains(&at) { 32 } else { u64::from(*byte) };
    let sum: u64 = block.iter().enumerate().map(byte).sum();
    format!("{sum:06o}\0 ").into_bytes()
}

/// The unit of a tar file.
pub(crate) const BLOCK: usize = 512;
/// The two zero blocks at the end.
pub(crate) const END_BYTES: u64 = 2 * BLOCK as u64;

const SIZE: Range<usize> = 124..136;
const CHECKSUM: Range<usize> = 148..156;
const TYPE: usize = 156;
const MAGIC: Range<usize> = 257..265;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_as_written() {
        for member in [Member::Manifest, Member::Signature, Member::Payload] {
            for size in [0, 1, 511, 512, 0o77777777777] {
                assert_eq!(member.size_in(&member.header(size)).unwrap(), size);
            }
        }
    }

    #[test]
    fn every_other_header_is_refused_by_its_reason() {
        let legal = Member::Signature.header(300);
        let with = |at: usize, text: &[u8]| {
            let mut block = legal;
            block[at..at + text.len()].copy_from_slice(text);
            let sum = checksum_field(&block);
            block[CHECKSUM].copy_from_slice(&sum);
            Member::Signature.size_in(&block).unwrap_err().to_string()
        };
        for letter in *b"123456789xgLKSDM\0" {
            assert_eq!(with(TYPE, &[letter]), "is not a bundle: member 2 is not a plain file");
        }
        assert_eq!(with(0, b"M"), "is not a bundle: member 2 has a wrong name");
        assert_eq!(with(13, b"\0"), "is not a bundle: member 2 has a wrong name");
        for size in [&b"-0000000454"[..], b"\x80\0\0\0\0\0\0\0\0\0\x01", b"\xff", b" ", b"        454"] {
            assert_eq!(with(SIZE.start, size), "is not a bundle: member 2 has no plain size");
        }
        let form = "is not a bundle: member 2 has a header that packmule does not write";
        for (at, text) in [
            (100, "0000755"),
            (108, "0001750"),
            (135, " "),
            (136, "14000000000"),
            (157, "/etc"),
            (257, "ustar  \0"),
            (265, "root"),
            (297, "root"),
            (345, "a/"),
            (500, "x"),
        ] {
            assert_eq!(with(at, text.as_bytes()), form, "{at}");
        }
    }
}
