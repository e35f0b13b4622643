//! Test side: one bundle for each way to break bundles/FORMAT.md. The number in a name is the rule's.

use super::forge::{
    CENTRAL, LAB_A, LAB_B, Party, around, around_plain, bundle, compressed, encrypted, header, lines,
    member_at, payload, resigned, table_line, tar, with_end,
};
use super::limits::{LINE_BYTES_MAX, MANIFEST_BYTES_MAX, PAYLOAD_BYTES_MAX, SIGNATURE_BYTES_MAX};
use super::tar::{BLOCK, Member};
use super::*;
use crate::model::BundleKind;

/// A damaged sample's name, and how it is made.
type Damaged = (&'static str, fn() -> Vec<u8>);

/// Every damaged sample.
pub(super) const DAMAGED: &[Damaged] = &[
    ("01-not-tar", || b"PK\x03\x04 this is another sort of file\n".to_vec()),
    ("01-first-member-missing", || good().split_off(member_at(&good(), "manifest.json.minisig"))),
    ("01-member-twice", || [&good()[..member_at(&good(), "manifest.json.minisig")], &good()].concat()),
    ("01-member-renamed", || with_header(Member::Signature, 0, b"M")),
    ("02-link", || with_header(Member::Manifest, 156, b"2")),
    ("02-pax-header", || with_header(Member::Payload, 156, b"x")),
    ("02-base-256-size", || with_header(Member::Payload, 124, b"\x80\0\0\0\0\0\0\0\0\0\x03")),
    ("02-other-mode", || with_header(Member::Manifest, 100, b"0000755")),
    ("02-header-flipped", || flipped(member_at(&good(), "manifest.json.minisig") + 140)),
    ("03-padding", || flipped(member_at(&good(), "manifest.json.minisig") - 1)),
    ("03-end", || flipped(good().len() - 1)),
    ("04-cut-in-head", || good()[..700].to_vec()),
    ("04-cut-in-payload", || good()[..good().len() - 1500].to_vec()),
    ("04-longer", || [&good()[..], b"\n"].concat()),
    ("04-blank", || vec![0; good().len()]),
    ("05-manifest-too-large", || with_size(Member::Manifest, MANIFEST_BYTES_MAX + 1)),
    ("05-signature-too-large", || with_size(Member::Signature, SIGNATURE_BYTES_MAX + 1)),
    ("05-payload-too-large", || with_size(Member::Payload, PAYLOAD_BYTES_MAX + 1)),
    ("06-other-comment", || resigned_text(|text| text.replacen("packmule", "Packmule", 1))),
    ("06-more-lines", || resigned_text(|text| format!("{text}\n"))),
    ("07-altered", || altered("\"seq\":1", "\"seq\":2")),
    ("07-stranger", || bundle(&header(&LAB_A), &stranger(), &CENTRAL)),
    ("08-signed-by-another", || bundle(&header(&LAB_A), &LAB_B, &CENTRAL)),
    ("09-other-signer", || edited(&LAB_A.signing.verifying_key().id().to_string(), "0123456789ABCDEF")),
    ("09-comment-of-another", || {
        edited("\"seq\":1,\"previous\":null", &format!("\"seq\":2,\"previous\":\"{}\"", "0".repeat(64)))
    }),
    ("10-space", || edited("\"seq\":1", "\"seq\": 1")),
    ("10-order", || edited("\"kind\":\"changes\",\"critical\":[]", "\"critical\":[],\"kind\":\"changes\"")),
    ("10-format-not-first", || edited("{", "{\"a\":0,")),
    ("11-key-twice", || edited("\"seq\":1", "\"seq\":1,\"seq\":1")),
    ("12-not-json", || edited("\"receipt\":null", "\"receipt\":nil")),
    ("12-too-deep", || edited("\"receipt\":null", &format!("\"receipt\":{}", "[".repeat(10_000)))),
    ("14-format", || edited("packmule/1", "packmule/2")),
    ("14-kind", || edited("\"changes\",", "\"gossip\",")),
    ("14-feature", || edited("\"critical\":[]", "\"critical\":[\"holograms\"]")),
    ("15-seq-zero", || edited("\"seq\":1", "\"seq\":0")),
    ("15-no-such-day", || edited("2026-11-08", "2026-11-31")),
    ("15-to-itself", || edited("\"to\":\"central\"", "\"to\":\"lab-a\"")),
    ("16-second-without-previous", || edited("\"seq\":1", "\"seq\":2")),
    ("17-payload-name", || edited("changes.ndjson.zst.age", "../../etc/passwd")),
    ("17-chunk-size", || edited("\"chunk_size\":16777216", "\"chunk_size\":4096")),
    ("17-chunk-count", || edited("\"chunks\":[", &format!("\"chunks\":[\"{}\",", "0".repeat(64)))),
    ("17-plaintext-max", || edited("\"plaintext_max\":1048576", "\"plaintext_max\":17179869185")),
    ("18-receipt-without-receipt", || edited("\"changes\",", "\"receipt\",")),
    ("20-size", size_wrong),
    ("21-chunk", || flipped(good().len() - 1600)),
    ("21-whole", whole_hash_wrong),
    ("22-not-for-us", || bundle(&header(&LAB_A), &LAB_A, &LAB_B)),
    ("22-age-head-too-long", || {
        around(
            &[b"age-encryption.org/v1\n-> X25519 ", &[b'A'; 5000][..]].concat(),
            1,
            &header(&LAB_A),
            &LAB_A,
        )
    }),
    ("22-age-cut", || sealed(&compressed(&plain()), |sealed| sealed.truncate(sealed.len() - 1))),
    ("23-window", || sealed(&wide_frame(), |_| {})),
    ("23-two-frames", || sealed(&[compressed(&plain()), compressed(b"")].concat(), |_| {})),
    ("23-frame-cut", || sealed(&compressed(&plain())[..60], |_| {})),
    ("24-bomb", || with_lines(&[&table_line(), &"x".repeat(2_000_000)], 0, 1)),
    ("25-line-too-long", || with_lines(&[&"x".repeat(LINE_BYTES_MAX)], 0, LINE_BYTES_MAX as u64 * 2)),
    ("25-not-utf8", || not_utf8()),
    ("26-of-another-sender", || around_plain(&plain_of(&header(&LAB_B)), &header(&LAB_A), &LAB_A, &CENTRAL)),
    ("26-of-another-number", || {
        let second = Header { seq: crate::model::Seq::new(2).unwrap(), ..header(&LAB_A) };
        around_plain(&plain_of(&second), &header(&LAB_A), &LAB_A, &CENTRAL)
    }),
    ("26-unknown-key", || replaced("\"settings\":{}", "\"settings\":{},\"sql\":\"\"")),
    ("27-unknown-type", || replaced("\"integer\"", "\"hologram\"")),
    ("27-column-twice", || replaced("\"photo\"", "\"id\"")),
    ("27-key-of-no-column", || replaced("\"key\":[\"id\"]", "\"key\":[\"no\"]")),
    ("28-change-before-table", || with_lines(&[INSERT], 1, 1)),
    ("29-too-few-values", || replaced("[\"1\",\"a\",null]", "[\"1\",\"a\"]")),
    ("29-not-base64", || replaced("\"a\",null]", "\"a\",\"A\"]")),
    ("29-bare-number", || replaced("[\"1\",", "[1,")),
    ("29-needless-escape", || replaced("\"a\"", "\"\\u0061\"")),
    ("29-no-such-time", || replaced("16:40:00.000000Z", "16:60:00.000000Z")),
    ("29-unknown-letter", || replaced("[\"I\",", "[\"X\",")),
    ("30-receipt-with-table", || receipt_with_table()),
    ("31-counts", || with_lines(&[&table_line(), INSERT], 2, 1)),
    ("31-hash", || around_plain(&replace(plain(), "\"a\"", "\"b\""), &header(&LAB_A), &LAB_A, &CENTRAL)),
    ("31-behind-the-end", || {
        around_plain(&[&plain()[..], b"\n"].concat(), &header(&LAB_A), &LAB_A, &CENTRAL)
    }),
    ("34-keys-without-feature", || {
        edited("\"receipt\":null", &format!("\"receipt\":null,\"keys\":{}", keys_of(&LAB_B)))
    }),
    ("34-feature-without-keys", || edited("\"critical\":[]", "\"critical\":[\"keys\"]")),
    ("31-no-end", || around_plain(&lines(&header(&LAB_A), &[]), &header(&LAB_A), &LAB_A, &CENTRAL)),
];

/// A site's public keys as a manifest has them.
fn keys_of(party: &Party) -> String {
    format!(
        "{{\"signing_key\":\"{}\",\"encryption_key\":\"{}\"}}",
        party.signing.verifying_key(),
        party.identity.recipient()
    )
}

/// One inserted row of [`shape`].
const INSERT: &str = r#"["I",["1","a",null],null,"2026-11-08T16:40:00.000000Z"]"#;

/// The same good bundle each time it is asked for.
fn good() -> Vec<u8> {
    static GOOD: std::sync::LazyLock<Vec<u8>> =
        std::sync::LazyLock::new(|| bundle(&header(&LAB_A), &LAB_A, &CENTRAL));
    GOOD.clone()
}

fn flipped(at: usize) -> Vec<u8> {
    let mut file = good();
    file[at] ^= 1;
    file
}

/// The good bundle with a changed field in one header, checksum included.
fn with_header(member: Member, at: usize, text: &[u8]) -> Vec<u8> {
    let mut file = good();
    let start = member_at(&file, member.name());
    file[start + at..start + at + text.len()].copy_from_slice(text);
    file[start + 148..start + 156].fill(b' ');
    let sum: u64 = file[start..start + BLOCK].iter().map(|&byte| u64::from(byte)).sum();
    file[start + 148..start + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    file
}

fn with_size(member: Member, size: u64) -> Vec<u8> {
    let mut file = good();
    let start = member_at(&file, member.name());
    file[start..start + BLOCK].copy_from_slice(&member.header(size));
    file
}

/// The good manifest with another text as its signature.
fn resigned_text(edit: impl Fn(&str) -> String) -> Vec<u8> {
    let (payload, summary) = payload(&header(&LAB_A), &CENTRAL);
    signed_as(&payload, &summary, edit)
}

fn signed_as(payload: &[u8], summary: &PayloadSummary, edit: impl Fn(&str) -> String) -> Vec<u8> {
    let manifest = Manifest::new(&header(&LAB_A), summary, LAB_A.signing.verifying_key().id()).unwrap();
    let signature = LAB_A.signing.sign(&manifest.to_bytes(), &manifest.name().to_string()).unwrap();
    tar(&manifest.to_bytes(), edit(&signature).as_bytes(), payload)
}

/// The good bundle with a changed manifest under the old signature.
fn altered(from: &str, to: &str) -> Vec<u8> {
    replace(good(), from, to)
}

/// A bundle whose manifest was changed before it was signed.
fn edited(from: &str, to: &str) -> Vec<u8> {
    resigned(&header(&LAB_A), &LAB_A, |text| text.replacen(from, to, 1))
}

/// The manifest signs one byte more than there is.
fn size_wrong() -> Vec<u8> {
    let (payload, mut summary) = payload(&header(&LAB_A), &CENTRAL);
    summary.size += 1;
    signed_as(&payload, &summary, str::to_owned)
}

/// The hash of the whole is another one, while every chunk is right.
fn whole_hash_wrong() -> Vec<u8> {
    let (payload, mut summary) = payload(&header(&LAB_A), &CENTRAL);
    summary.sha256 = hashes::digest_of(b"another");
    signed_as(&payload, &summary, str::to_owned)
}

fn stranger() -> Party {
    Party { site: "lab-a", signing: SigningKey::generate().unwrap(), identity: Identity::generate() }
}

fn plain() -> Vec<u8> {
    plain_of(&header(&LAB_A))
}

fn plain_of(header: &Header) -> Vec<u8> {
    with_end(lines(header, &[&table_line(), INSERT]), 1)
}

/// A signed bundle around these compressed bytes, encrypted and then changed.
fn sealed(compressed: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut sealed = encrypted(compressed, &CENTRAL);
    change(&mut sealed);
    around(&sealed, 1, &header(&LAB_A), &LAB_A)
}

/// A zstd frame by hand that asks for a window of 2 GiB: magic, no flags, the window, one raw last block.
fn wide_frame() -> Vec<u8> {
    let plain = plain();
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (31 - 10) << 3];
    frame.extend_from_slice(&((plain.len() as u32) << 3 | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(&plain);
    frame
}

fn with_lines(more: &[&str], inserts: u64, plaintext_bytes: u64) -> Vec<u8> {
    let plain = with_end(lines(&header(&LAB_A), more), inserts);
    around(&encrypted(&compressed(&plain), &CENTRAL), plaintext_bytes, &header(&LAB_A), &LAB_A)
}

/// A bundle whose lines were changed, with a last line that fits them.
fn replaced(from: &str, to: &str) -> Vec<u8> {
    let lines = replace(lines(&header(&LAB_A), &[&table_line(), INSERT]), from, to);
    around_plain(&with_end(lines, 1), &header(&LAB_A), &LAB_A, &CENTRAL)
}

fn replace(bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

fn not_utf8() -> Vec<u8> {
    let mut lines = lines(&header(&LAB_A), &[&table_line(), INSERT]);
    let at = lines.windows(3).position(|window| window == b"\"a\"").unwrap();
    lines[at + 1] = 0xff;
    around_plain(&with_end(lines, 1), &header(&LAB_A), &LAB_A, &CENTRAL)
}

fn receipt_with_table() -> Vec<u8> {
    let mut header = header(&LAB_A);
    header.kind = BundleKind::Receipt;
    let incarnation = header.stream.incarnation;
    let digest = hashes::digest_of(b"theirs");
    header.receipt = Some(Receipt { incarnation, seq: crate::model::Seq::FIRST, digest });
    let plain = with_end(lines(&header, &[&table_line()]), 0);
    around_plain(&plain, &header, &LAB_A, &CENTRAL)
}
