//! Test side: bundles as nobody should make them, and small good ones to compare with.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use crate::bundle::assemble::head;
use crate::bundle::hashes::{Hashes, digest_of_hash};
use crate::bundle::head::end_to_line;
use crate::bundle::tar::{BLOCK, END_BYTES, padding};
use crate::bundle::{
    Error, Event, Header, Identity, KeyRing, PayloadHead, PayloadSummary, PayloadWriter, SigningKey,
    Unverified, assemble,
};
use crate::model::{
    BundleKind, Change, ChangeCounts, Column, ColumnKind, RowImage, RowKey, Seq, Stamp, StreamId, TableName,
    TableShape, Value,
};

/// The keys of one site, and its name.
pub(super) struct Party {
    pub(super) site: &'static str,
    pub(super) signing: SigningKey,
    pub(super) identity: Identity,
}

/// A site with its throw-away keys from `bundles/keys`.
macro_rules! party {
    ($site:literal) => {
        Party {
            site: $site,
            signing: SigningKey::from_text(include_str!(concat!(
                "../../bundles/keys/",
                $site,
                ".minisign.key"
            )))
            .unwrap(),
            identity: Identity::from_text(include_str!(concat!("../../bundles/keys/", $site, ".age.key")))
                .unwrap(),
        }
    };
}

pub(super) static LAB_A: LazyLock<Party> = LazyLock::new(|| party!("lab-a"));
pub(super) static LAB_B: LazyLock<Party> = LazyLock::new(|| party!("lab-b"));
pub(super) static CENTRAL: LazyLock<Party> = LazyLock::new(|| party!("central"));

/// All three sites are enrolled.
pub(super) fn ring() -> KeyRing {
    [&LAB_A, &LAB_B, &CENTRAL]
        .map(|party| (party.site.parse().unwrap(), party.signing.verifying_key().clone()))
        .into_iter()
        .collect()
}

/// The header of bundle 1 from `party` to the centre.
pub(super) fn header(party: &Party) -> Header {
    let incarnation = "7f3a9c21000102030405060708090a0b".parse().unwrap();
    Header {
        kind: BundleKind::Changes,
        stream: StreamId { from: party.site.parse().unwrap(), incarnation, to: "central".parse().unwrap() },
        seq: Seq::FIRST,
        previous: None,
        continues: false,
        sealed_at: "2026-11-08T16:40:00.123456Z".parse().unwrap(),
        receipt: None,
        keys: None,
    }
}

pub(super) fn payload_head(header: &Header) -> PayloadHead {
    PayloadHead {
        stream: header.stream.clone(),
        seq: header.seq,
        sealed_at: header.sealed_at,
        clock_offset_ms: Some(-250),
        settings: BTreeMap::new(),
    }
}

pub(super) fn shape() -> TableShape {
    let column = |name: &str, kind| Column { name: name.into(), kind };
    TableShape {
        name: TableName::new("secret_table"),
        columns: vec![
            column("id", ColumnKind::Integer),
            column("secret_column", ColumnKind::Text),
            column("photo", ColumnKind::Binary),
        ],
        key: vec![0],
    }
}

/// One change of each sort.
pub(super) fn changes() -> Vec<Change> {
    let row = |id: &str, text: &str| {
        RowImage(vec![Value::Text(id.into()), Value::Text(text.into()), Value::Bytes(vec![0, 1, 255])])
    };
    let time = Stamp::from_micros(1_762_619_999_500_000);
    vec![
        Change::Insert { after: row("1", "secret text \u{e9}"), time },
        Change::Update { before: Some(row("2", "old")), after: row("2", "new"), time },
        Change::Delete { key: RowKey(vec![Value::Text("3".into())]), before: None, time },
    ]
}

/// A payload as [`PayloadWriter`] writes it, for `to`.
pub(super) fn payload(header: &Header, to: &Party) -> (Vec<u8>, PayloadSummary) {
    let recipient = to.identity.recipient();
    let mut writer = PayloadWriter::create(Vec::new(), &payload_head(header), &recipient).unwrap();
    if header.kind != BundleKind::Receipt {
        writer.table(&shape()).unwrap();
        for change in changes() {
            writer.change(&change).unwrap();
        }
    }
    writer.finish().unwrap()
}

/// A good bundle.
pub(super) fn bundle(header: &Header, from: &Party, to: &Party) -> Vec<u8> {
    let (payload, summary) = payload(header, to);
    assemble(Vec::new(), payload.as_slice(), &summary, header, &from.signing).unwrap().0
}

/// The lines of a payload, without the last.
pub(super) fn lines(header: &Header, more: &[&str]) -> Vec<u8> {
    let mut lines = payload_head(header).to_line();
    for line in more {
        lines.extend_from_slice(line.as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// The table line of [`shape`].
pub(super) fn table_line() -> String {
    let line = crate::bundle::head::table_to_line(&shape()).unwrap();
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

/// `lines` with the last line that fits them, given the counts.
pub(super) fn with_end(mut lines: Vec<u8>, inserts: u64) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let counts = ChangeCounts { inserts, ..ChangeCounts::default() };
    let sha256 = digest_of_hash(Sha256::new().chain_update(&lines));
    lines.extend_from_slice(&end_to_line(&counts, sha256));
    lines
}

pub(super) fn compressed(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 3).unwrap()
}

pub(super) fn encrypted(bytes: &[u8], to: &Party) -> Vec<u8> {
    let mut out = to.identity.recipient().encrypt(Vec::new()).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// The summary of any bytes as if they were a payload.
pub(super) fn summary(payload: &[u8], plaintext_bytes: u64) -> PayloadSummary {
    let mut hashes = Hashes::default();
    hashes.update(payload);
    let size = hashes.size();
    let (sha256, chunks) = hashes.finish();
    PayloadSummary { size, sha256, chunks, plaintext_bytes, counts: ChangeCounts::default() }
}

/// A well-signed bundle with any bytes as its payload.
pub(super) fn around(payload: &[u8], plaintext_bytes: u64, header: &Header, from: &Party) -> Vec<u8> {
    let summary = summary(payload, plaintext_bytes);
    assemble(Vec::new(), payload, &summary, header, &from.signing).unwrap().0
}

/// A well-signed bundle with any plaintext.
pub(super) fn around_plain(plain: &[u8], header: &Header, from: &Party, to: &Party) -> Vec<u8> {
    around(&encrypted(&compressed(plain), to), plain.len() as u64, header, from)
}

/// A tar of the three members, whatever they hold.
pub(super) fn tar(manifest: &[u8], signature: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut tar = head(manifest, signature, payload.len() as u64);
    tar.extend_from_slice(payload);
    tar.extend(std::iter::repeat_n(0, (padding(payload.len() as u64) + END_BYTES) as usize));
    tar
}

/// A bundle whose manifest is `edit`ed and then signed properly by `from`.
pub(super) fn resigned(header: &Header, from: &Party, edit: impl Fn(&str) -> String) -> Vec<u8> {
    let (payload, summary) = payload(header, &CENTRAL);
    let manifest = crate::bundle::Manifest::new(header, &summary, from.signing.verifying_key().id()).unwrap();
    let text = String::from_utf8(manifest.to_bytes()).unwrap();
    let edited = edit(&text);
    assert_ne!(edited, text, "the edit has hit nothing");
    let signature = from.signing.sign(edited.as_bytes(), &manifest.name().to_string()).unwrap();
    tar(edited.as_bytes(), signature.as_bytes(), &payload)
}

/// Takes a file through every check, as the centre would, and returns its changes.
pub(super) fn receive(file: &[u8], at: &Party, ring: &KeyRing) -> Result<Vec<Change>, Error> {
    let verified = Unverified::read(&mut &file[..], file.len() as u64)?.verify(ring)?;
    let mut copy = Vec::new();
    let checked = verified.copy(&mut &file[..], &mut copy, &mut |_| {})?;
    let mut reader = checked.open(copy.as_slice(), &at.identity)?;
    let mut changes = Vec::new();
    while let Some(event) = reader.next()? {
        match event {
            Event::Table(_) => {}
            Event::Change(change) => changes.push(change),
        }
    }
    Ok(changes)
}

/// The refusal of a file that must not be accepted, word for word.
pub(super) fn refusal(file: &[u8]) -> String {
    receive(file, &CENTRAL, &ring()).unwrap_err().to_string()
}

/// Where the header of a member begins.
pub(super) fn member_at(file: &[u8], name: &str) -> usize {
    let begins = |at: &usize| file[*at..].starts_with(format!("{name}\0").as_bytes());
    (0..file.len()).step_by(BLOCK).find(begins).unwrap()
}
