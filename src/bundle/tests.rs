//! What a bundle must survive, seen from outside: damage, forgery, and bombs.

use super::forge::{
    CENTRAL, LAB_A, LAB_B, Party, around, bundle, changes, header, member_at, payload, receive, refusal, ring,
};
use super::limits::CHUNK_BYTES;
use super::tar::BLOCK;
use super::*;
use crate::model::{BundleKind, Seq};

#[test]
fn a_bundle_gives_back_what_was_written_and_shows_nothing_of_it() {
    let file = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
    assert_eq!(receive(&file, &CENTRAL, &ring()).unwrap(), changes());
    for secret in ["secret_table", "secret_column", "secret text", "photo", "16:40"] {
        let found = file.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} can be read in the file");
    }
}

#[test]
fn every_header_is_read_back_as_written() {
    let mut header = header(&LAB_A);
    header.kind = BundleKind::Snapshot;
    header.seq = Seq::MAX;
    header.previous = Some(hashes::digest_of(b"previous"));
    header.continues = true;
    let digest = hashes::digest_of(b"theirs");
    header.receipt = Some(Receipt { incarnation: header.stream.incarnation, seq: Seq::FIRST, digest });
    let file = bundle(&header, &LAB_A, &CENTRAL);
    let verified = Unverified::read(&mut &file[..], file.len() as u64).unwrap().verify(&ring()).unwrap();
    let manifest = verified.manifest();
    assert_eq!(manifest.kind(), header.kind);
    assert_eq!(*manifest.stream(), header.stream);
    assert_eq!(manifest.seq(), header.seq);
    assert_eq!(manifest.previous(), header.previous);
    assert!(manifest.continues());
    assert_eq!(manifest.receipt(), header.receipt);
    assert_eq!(manifest.date(), "2026-11-08");
    assert_eq!(manifest.signer(), LAB_A.signing.verifying_key().id());
}

#[test]
fn a_flipped_bit_anywhere_is_never_accepted_and_called_damage() {
    let good = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let first = good.len().min(4096);
    let places = (0..first).chain((0..1000).map(|_| random.usize(0..good.len())));
    for at in places.collect::<Vec<_>>() {
        let mut file = good.clone();
        file[at] ^= 1 << random.u8(0..8);
        let error = receive(&file, &CENTRAL, &ring()).unwrap_err();
        let fits = matches!(error, Error::Damaged { .. } | Error::BadSignature | Error::UnknownSigner { .. });
        assert!(fits, "seed {seed}, byte {at}: {error}");
    }
}

#[test]
fn a_bundle_cut_anywhere_is_called_incomplete() {
    let good = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
    for length in (0..good.len()).filter(|length| length % 7 == 0 || (length + 1) % BLOCK < 3) {
        let file = &good[..length];
        let error = receive(file, &CENTRAL, &ring()).unwrap_err();
        let Error::Incomplete { have_bytes, need_bytes } = error else { panic!("{length}: {error}") };
        assert_eq!(have_bytes, length as u64);
        assert!(need_bytes.is_none_or(|need| need == good.len() as u64));
    }
    let mut long = good.clone();
    long.push(0);
    assert_eq!(refusal(&long), "is damaged: it has 1 byte more than it should");
}

#[test]
fn a_file_that_shrinks_grows_or_changes_under_the_reader_is_noticed() {
    let good = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
    let verified = || Unverified::read(&mut &good[..], good.len() as u64).unwrap().verify(&ring()).unwrap();
    let copy = |file: &[u8]| verified().copy(&mut &file[..], &mut std::io::sink(), &mut |_| {});
    assert!(matches!(copy(&good[..good.len() - 1]), Err(Error::Incomplete { .. })));
    let mut longer = good.clone();
    longer.push(0);
    assert!(matches!(copy(&longer), Err(Error::Damaged { what: Part::TooLong(1) })));
    let other = bundle(&header(&LAB_B), &LAB_B, &CENTRAL);
    assert!(matches!(copy(&other), Err(Error::Damaged { what: Part::Changed })));
    let checked = copy(&good).unwrap();
    let error = checked.open(&other[..], &CENTRAL.identity).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Damaged { what: Part::Changed }));
}

#[test]
fn damage_beyond_the_first_chunk_is_named_by_its_chunk() {
    let size = 2 * CHUNK_BYTES as usize + 1000;
    let payload: Vec<u8> = (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let good = around(&payload, 1, &header(&LAB_A), &LAB_A);
    let verified = Unverified::read(&mut &good[..], good.len() as u64).unwrap().verify(&ring()).unwrap();
    let copy = |file: &[u8]| {
        let mut heard = 0;
        let result = verified.copy(&mut &file[..], &mut std::io::sink(), &mut |bytes| heard += bytes);
        (result.map(|_| ()), heard)
    };
    let (whole, heard) = copy(&good);
    whole.unwrap();
    assert_eq!(heard, good.len() as u64);
    let start = good.len() - 1024 - size.next_multiple_of(BLOCK);
    let chunk = CHUNK_BYTES as usize;
    for (at, place) in [(0, 1), (chunk - 1, 1), (chunk, 2), (2 * chunk - 1, 2), (2 * chunk, 3), (size - 1, 3)]
    {
        let mut file = good.clone();
        file[start + at] ^= 1;
        let (result, heard) = copy(&file);
        let text = format!("is damaged: chunk {place} of 3 is not the one that was signed");
        assert_eq!(result.unwrap_err().to_string(), text);
        assert!(heard <= (start + (place * chunk).min(size)) as u64, "copying went on behind the damage");
    }
    for at in [chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 1, size] {
        let error = copy(&good[..start + at]).0.unwrap_err();
        assert!(matches!(error, Error::Incomplete { .. }), "{error}");
    }
}

#[test]
fn a_tar_with_other_members_is_not_a_bundle() {
    let good = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
    let manifest_bytes = member_at(&good, "manifest.json.minisig");
    // Without its first member, with it twice, and with a fourth.
    let second_first = &good[manifest_bytes..];
    assert_eq!(refusal(second_first), "is not a bundle: member 1 has a wrong name");
    let twice = [&good[..manifest_bytes], &good[..]].concat();
    assert_eq!(refusal(&twice), "is not a bundle: member 2 has a wrong name");
    let fourth = [&good[..good.len() - 1024], &good[..]].concat();
    assert!(refusal(&fourth).starts_with("is damaged: it has "));
    assert_eq!(refusal(b"PK\x03\x04"), "is not a bundle: it is not a tar file");
    assert_eq!(refusal(&[b'x'; 2000]), "is not a bundle: it is not a tar file");
    assert_eq!(refusal(&[0; 2000]), "is damaged: it holds only zeros where it should begin");
}

#[test]
fn sizes_beyond_the_limits_are_refused_before_anything_is_read_for_them() {
    let huge = |at: usize, member: tar::Member, size: u64| {
        let mut file = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
        file[at..at + BLOCK].copy_from_slice(&member.header(size));
        refusal(&file)
    };
    let text = huge(0, tar::Member::Manifest, 65_537);
    assert_eq!(text, "is too large: its manifest would have 65537 bytes, the limit is 65536 bytes");
    let file = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
    let second = member_at(&file, "manifest.json.minisig");
    let text = huge(second, tar::Member::Signature, 8_589_934_591);
    assert_eq!(text, "is too large: its signature would have 8191 MiB, the limit is 1024 bytes");
    let third = member_at(&file, "changes.ndjson.zst.age");
    let text = huge(third, tar::Member::Payload, 8_589_934_591);
    assert_eq!(text, "is too large: its content would have 8191 MiB, the limit is 4095 MiB");
}

#[test]
fn one_site_cannot_speak_or_read_as_another() {
    // lab-b strips the payload of lab-a and sends it as its own.
    let (stolen, summary) = payload(&header(&LAB_A), &CENTRAL);
    let own = header(&LAB_B);
    let file = assemble(Vec::new(), stolen.as_slice(), &summary, &own, &LAB_B.signing).unwrap().0;
    assert_eq!(refusal(&file), "holds the content of another bundle: its sender is another one inside");
    // lab-b signs in the name of lab-a.
    let file = bundle(&header(&LAB_A), &LAB_B, &CENTRAL);
    assert_eq!(refusal(&file), "says that it is from lab-a, but lab-b has signed it");
    // A stranger signs in the name of lab-a.
    let stranger =
        Party { site: "lab-a", signing: SigningKey::generate().unwrap(), identity: Identity::generate() };
    let file = bundle(&header(&LAB_A), &stranger, &CENTRAL);
    let id = stranger.signing.verifying_key().id();
    assert_eq!(refusal(&file), format!("is signed with key {id}, which belongs to no enrolled site"));
    // lab-b reads what is for the centre.
    let file = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
    let error = receive(&file, &LAB_B, &ring()).unwrap_err().to_string();
    assert_eq!(error, "cannot be opened with this site's encryption key");
}

#[test]
fn swapped_payloads_are_refused() {
    let (first, second) = (header(&LAB_A), Header { seq: Seq::new(2).unwrap(), ..header(&LAB_A) });
    let second = Header { previous: Some(hashes::digest_of(b"first")), ..second };
    // Unsigned: the payload of bundle 2 in the tar of bundle 1.
    let (mine, theirs) = (bundle(&first, &LAB_A, &CENTRAL), payload(&first, &CENTRAL).0);
    let start = mine.len() - 1024 - theirs.len().next_multiple_of(BLOCK);
    let mut file = mine.clone();
    file[start..start + theirs.len()].copy_from_slice(&theirs);
    assert_eq!(refusal(&file), "is damaged: chunk 1 of 1 is not the one that was signed");
    // Signed by the sender itself: still not the number that stands inside.
    let (payload, summary) = payload(&first, &CENTRAL);
    let file = assemble(Vec::new(), payload.as_slice(), &summary, &second, &LAB_A.signing).unwrap().0;
    assert_eq!(refusal(&file), "holds the content of another bundle: its number is another one inside");
}

#[test]
fn a_key_that_borrows_the_id_of_another_helps_nobody() {
    // A site may enrol a key with any id. Keys with lab-a's id but other bytes stand before it in the ring.
    let real = LAB_A.signing.verifying_key();
    let (mine, theirs) = (real.to_string(), LAB_B.signing.verifying_key().to_string());
    let decode = |text: &str| text::read_bytes(text).unwrap();
    let mut forged = decode(&theirs);
    forged[2..10].copy_from_slice(&decode(&mine)[2..10]);
    let mut line = Vec::new();
    text::write_bytes(&mut line, &forged);
    let forged: VerifyingKey = std::str::from_utf8(&line).unwrap().trim_matches('"').parse().unwrap();
    assert_eq!(forged.id(), real.id());
    let mut keys = KeyRing::default();
    keys.insert("lab-b".parse().unwrap(), forged.clone());
    let file = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
    assert!(matches!(receive(&file, &CENTRAL, &keys), Err(Error::BadSignature)));
    keys.insert("lab-a".parse().unwrap(), real.clone());
    assert_eq!(receive(&file, &CENTRAL, &keys).unwrap(), changes());
}

#[test]
fn a_disk_that_fails_is_not_called_a_damaged_bundle() {
    struct Failing;
    impl std::io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(5))
        }
    }
    use std::io::Read;
    let file = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
    for length in [0, 300, 600] {
        let error = Unverified::read(&mut file[..length].chain(Failing), file.len() as u64);
        assert!(matches!(error, Err(Error::Read { .. })));
    }
    let verified = Unverified::read(&mut &file[..], file.len() as u64).unwrap().verify(&ring()).unwrap();
    let checked = verified.copy(&mut &file[..], &mut std::io::sink(), &mut |_| {}).unwrap();
    for length in [100, file.len() - 2048, file.len() - 1700] {
        let opened = checked.open(file[..length].chain(Failing), &CENTRAL.identity);
        let error = opened.and_then(|mut reader| reader.next().map(|_| ()));
        assert!(matches!(error, Err(Error::Read { .. })), "{length}: {error:?}");
    }
}
