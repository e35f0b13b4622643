//! Every other sort of tar file: members of other kinds, names, sizes, places and numbers, each with a checksum that fits.

use std::sync::LazyLock;

use super::forge::{CENTRAL, LAB_A, bundle, header, member_at, receive, refusal, ring};
use super::tar::{BLOCK, Member};
use super::*;

const MEMBERS: [Member; 3] = [Member::Manifest, Member::Signature, Member::Payload];

/// The same good bundle each time it is asked for.
fn good() -> Vec<u8> {
    static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| bundle(&header(&LAB_A), &LAB_A, &CENTRAL));
    GOOD.clone()
}

/// The file with other bytes in the header of a member, and the checksum that belongs to them.
fn with_header(member: Member, at: usize, text: &[u8]) -> Vec<u8> {
    let mut file = good();
    let start = member_at(&file, member.name());
    file[start + at..start + at + text.len()].copy_from_slice(text);
    give_checksum(&mut file[start..start + BLOCK]);
    file
}

fn give_checksum(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Header, content and padding of each member.
fn members(file: &[u8]) -> [&[u8]; 3] {
    let [_, second, third] = MEMBERS.map(|member| member_at(file, member.name()));
    [&file[..second], &file[second..third], &file[third..file.len() - 2 * BLOCK]]
}

fn packed(members: &[&[u8]]) -> Vec<u8> {
    [&members.concat()[..], &[0; 2 * BLOCK]].concat()
}

#[track_caller]
fn assert_refused(file: &[u8], what: &str) {
    let error = receive(file, &CENTRAL, &ring()).unwrap_err();
    let is_refused = matches!(
        error,
        Error::NotABundle { .. } | Error::Damaged { .. } | Error::Incomplete { .. } | Error::TooLarge { .. }
    );
    assert!(is_refused, "{what}: {error}");
}

#[test]
fn a_member_of_any_other_type_is_refused() {
    // Links, devices, folders, pipes; PAX (`x`, `g`) and GNU headers (`L`, `K`, `S` for sparse), and what nobody has given a meaning.
    for member in MEMBERS {
        for kind in (0..=u8::MAX).filter(|&kind| kind != b'0') {
            let text = refusal(&with_header(member, 156, &[kind]));
            let place = member.place();
            assert_eq!(text, format!("is not a bundle: member {place} is not a plain file"), "type {kind}");
        }
    }
}

#[test]
fn a_member_with_any_other_byte_in_its_header_is_refused() {
    // Owners, times, modes, a link's target, GNU's magic, PAX's prefix: whatever stands anywhere but in size and checksum.
    let good = good();
    for member in MEMBERS {
        for at in (0..BLOCK).filter(|at| !(124..136).contains(at) && !(148..156).contains(at)) {
            let was = good[member_at(&good, member.name()) + at];
            for byte in [was ^ 1, was.wrapping_add(0x80), b'7'] {
                if byte != was {
                    assert_refused(
                        &with_header(member, at, &[byte]),
                        &format!("{byte} at {at} of {member:?}"),
                    );
                }
            }
        }
        assert_refused(&with_header(member, 257, b"ustar  \0"), "GNU's magic");
    }
}

#[test]
fn a_size_that_is_negative_or_written_otherwise_is_refused() {
    for member in MEMBERS {
        let start = member_at(&good(), member.name());
        let size = good()[start + 124..start + 136].to_vec();
        let digits = std::str::from_utf8(&size[..11]).unwrap();
        let number = u64::from_str_radix(digits, 8).unwrap();
        let trimmed = format!("{number:o}");
        let base_256 = [&[0x80, 0, 0, 0][..], &number.to_be_bytes()].concat();
        let others: [Vec<u8>; 10] = [
            // Minus one, and minus so many, as GNU tar writes them.
            vec![0xff; 12],
            [&[0xff; 4][..], &(number as i64).wrapping_neg().to_be_bytes()].concat(),
            base_256,
            format!("{:>11}\0", format!("-{trimmed}")).into_bytes(),
            format!("{:>11}\0", format!("+{trimmed}")).into_bytes(),
            format!("{trimmed:>11}\0").into_bytes(),
            format!("{trimmed:<11}\0").into_bytes(),
            format!("{digits} ").into_bytes(),
            format!("0{digits}").into_bytes(),
            b"99999999999\0".to_vec(),
        ];
        for other in others {
            assert_eq!(other.len(), 12, "{other:?}");
            assert_refused(
                &with_header(member, 124, &other),
                &format!("{other:?} as the size of {member:?}"),
            );
        }
    }
}

#[test]
fn members_in_any_other_order_missing_repeated_or_beside_others_are_refused() {
    let file = good();
    let [one, two, three] = members(&file);
    assert_eq!(packed(&[one, two, three]), file);
    let mut other = Member::Manifest.header(0);
    other[..13].copy_from_slice(b"manifest.jsox");
    give_checksum(&mut other);
    let other = &other[..];
    let wrong: [&[&[u8]]; 17] = [
        &[one, three, two],
        &[two, one, three],
        &[two, three, one],
        &[three, one, two],
        &[three, two, one],
        &[one, two],
        &[one, three],
        &[two, three],
        &[one],
        &[one, one, two, three],
        &[one, two, two, three],
        &[one, two, three, three],
        &[one, two, three, one, two, three],
        &[other, one, two, three],
        &[one, other, two, three],
        &[one, two, other, three],
        &[one, two, three, other],
    ];
    for (at, members) in wrong.iter().enumerate() {
        assert_refused(&packed(members), &format!("case {at}"));
    }
    // A second archive behind the end of the first.
    assert_refused(&[&file[..], &file[..]].concat(), "two archives");
}
