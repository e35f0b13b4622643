//! The samples in `bundles/`: every golden one opens for ever, every damaged one is refused in its own words.
//!
//! A missing sample is made, and no other is touched, by
//! `PACKMULE_MAKE_SAMPLES=1 cargo test --lib bundle::samples -- --test-threads 1`. What was made is then
//! read by a person.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::forge::{CENTRAL, LAB_A, LAB_B, Party, header, payload_head, refusal, ring};
use super::sample_faults::DAMAGED;
use super::*;
use crate::model::{
    BundleKind, Change, Column, ColumnKind, RowImage, RowKey, Seq, Stamp, StreamId, TableName, TableShape,
    Value,
};

/// A golden sample: how it is named, who sends and who receives it, its header, and what it holds.
struct Golden {
    name: &'static str,
    from: &'static Party,
    to: &'static Party,
    header: fn() -> Header,
    events: Vec<Event>,
}

#[test]
fn every_golden_bundle_opens_and_holds_what_it_always_held() {
    for golden in golden() {
        let Golden { name, from, to, header, events } = golden;
        // Only now: the chain needs the digest of the sample before.
        let header = header();
        let file = sample("golden", &format!("{name}.mule"), || sealed(from, to, &header, &events));
        let unverified = Unverified::read(&mut &file[..], file.len() as u64).unwrap();
        let described = describe(&unverified).unwrap();
        let text = sample("golden", &format!("{name}.txt"), || described.clone().into_bytes());
        assert_eq!(described, String::from_utf8(text).unwrap(), "{name}");
        assert!(described.is_ascii());
        let checked = unverified
            .verify(&ring())
            .and_then(|verified| verified.copy(&mut &file[..], &mut std::io::sink(), &mut |_| {}))
            .unwrap();
        let mut reader = checked.open(&file[..], &to.identity).unwrap();
        assert_eq!(*reader.head(), payload_head(&header), "{name}");
        for event in events {
            assert_eq!(reader.next().unwrap(), Some(event), "{name}");
        }
        assert_eq!(reader.next().unwrap(), None, "{name}");
    }
}

#[test]
fn every_damaged_bundle_is_refused_word_for_word() {
    for (name, make) in DAMAGED {
        let file = sample("damaged", &format!("{name}.mule"), make);
        let refusal = format!("{}\n", refusal(&file));
        let expected = sample("damaged", &format!("{name}.expect"), || refusal.clone().into_bytes());
        assert_eq!(refusal, String::from_utf8(expected).unwrap(), "{name}");
    }
}

#[test]
fn no_sample_lies_unused() {
    let golden = golden()
        .into_iter()
        .flat_map(|golden| [format!("{}.mule", golden.name), format!("{}.txt", golden.name)]);
    assert_eq!(listed("golden"), golden.collect());
    let damaged = DAMAGED.iter().flat_map(|(name, _)| [format!("{name}.mule"), format!("{name}.expect")]);
    assert_eq!(listed("damaged"), damaged.collect());
}

#[test]
fn every_rule_of_the_format_has_a_sample_or_says_why_not() {
    let law = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("bundles/FORMAT.md")).unwrap();
    let rules: Vec<(&str, &str)> = law
        .split("\n**")
        .skip(1)
        .filter_map(|rule| Some((rule.split_once('.')?.0, rule)))
        .filter(|(number, _)| number.parse::<u8>().is_ok())
        .collect();
    assert!(rules.len() > 20, "the rules are no longer found in the text");
    for (number, rule) in &rules {
        let prefix = format!("{number:0>2}-");
        let has_sample = DAMAGED.iter().any(|(name, _)| name.starts_with(&prefix));
        assert_ne!(has_sample, rule.contains("*No damaged sample*"), "rule {number}");
    }
    for (name, _) in DAMAGED {
        let number = name[..2].trim_start_matches('0');
        assert!(rules.iter().any(|(rule, _)| *rule == number), "{name} breaks no rule");
    }
}

fn golden() -> Vec<Golden> {
    let golden = |name, from, to, header, events| Golden { name, from, to, header, events };
    vec![
        golden("lab-a-1", &LAB_A, &CENTRAL, || header(&LAB_A), every_kind()),
        golden("lab-a-2", &LAB_A, &CENTRAL, || Header { continues: true, ..after(2, "lab-a-1") }, sections()),
        golden("central-1", &CENTRAL, &LAB_A, answer, Vec::new()),
        golden(
            "lab-a-3",
            &LAB_A,
            &CENTRAL,
            || Header { receipt: receipt("central-1"), ..after(3, "lab-a-2") },
            Vec::new(),
        ),
        golden(
            "lab-a-4",
            &LAB_A,
            &CENTRAL,
            || Header { kind: BundleKind::Changes, keys: Some(new_keys()), ..after(4, "lab-a-3") },
            Vec::new(),
        ),
    ]
}

/// Keys that follow those of lab-a; any will do.
fn new_keys() -> PublicKeys {
    PublicKeys { verifying: LAB_B.signing.verifying_key().clone(), recipient: LAB_B.identity.recipient() }
}

/// The header of a later bundle of lab-a, part of a snapshot.
fn after(seq: u64, previous: &str) -> Header {
    let seq = Seq::new(seq).unwrap();
    Header { kind: BundleKind::Snapshot, seq, previous: file_digest(previous), ..header(&LAB_A) }
}

/// The header of a bundle that carries a receipt and nothing else.
fn answer() -> Header {
    let stream = StreamId {
        from: "central".parse().unwrap(),
        incarnation: "00112233445566778899aabbccddeeff".parse().unwrap(),
        to: "lab-a".parse().unwrap(),
    };
    Header { kind: BundleKind::Receipt, stream, receipt: receipt("lab-a-1"), ..header(&CENTRAL) }
}

/// A receipt for a golden bundle.
fn receipt(name: &str) -> Option<Receipt> {
    let file = fs::read(folder("golden").join(format!("{name}.mule"))).ok()?;
    let claims = Unverified::read(&mut &file[..], file.len() as u64).unwrap().claims().unwrap();
    let incarnation = claims.stream().incarnation;
    Some(Receipt { incarnation, seq: claims.seq(), digest: file_digest(name)? })
}

/// The digest of a golden bundle that is already there.
fn file_digest(name: &str) -> Option<crate::model::Digest> {
    let file = fs::read(folder("golden").join(format!("{name}.mule"))).ok()?;
    Some(Unverified::read(&mut &file[..], file.len() as u64).unwrap().digest())
}

/// One table with a column of every kind, and rows that are hard to spell.
fn every_kind() -> Vec<Event> {
    use ColumnKind::{Binary, Decimal, Float, Geometry, Integer, Json, Temporal, Text, Timestamp};
    let kinds = [Integer, Decimal, Float, Temporal, Timestamp, Text, Json, Binary, Geometry];
    let columns = kinds.map(|kind| Column { name: format!("a {kind} \"column\""), kind }).to_vec();
    let row = |id: &str| {
        let text = |text: &str| Value::Text(text.into());
        RowImage(vec![
            text(id),
            text("-0.10"),
            text("1e-300"),
            text("0000-00-00"),
            text("2026-11-08 16:40:00.123456"),
            text("\u{0}\u{1f}\u{7f}\"\\/\n\r\t\u{8}\u{c} Nairobi \u{e9}\u{1F40E}\u{2028} "),
            text("{\"a\": [1, 2]}"),
            Value::Bytes((0..=255).collect()),
            Value::Bytes(vec![0, 0, 0, 0, 1]),
        ])
    };
    let nulls = RowImage([vec![Value::Text("2".into())], vec![Value::Null; 8]].concat());
    let time = |micros: i64| Stamp::from_micros(1_762_619_999_500_000 + micros);
    vec![
        Event::Table(TableShape { name: TableName::new("every kind"), columns, key: vec![0] }),
        Event::Change(Change::Insert { after: row("18446744073709551615"), time: time(0) }),
        Event::Change(Change::Update { before: Some(row("2")), after: nulls.clone(), time: time(1) }),
        Event::Change(Change::Update { before: None, after: row("3"), time: time(-1) }),
        Event::Change(Change::Delete {
            key: RowKey(vec![Value::Text("2".into())]),
            before: Some(nulls),
            time: Stamp::from_micros(-1),
        }),
        Event::Change(Change::Delete {
            key: RowKey(vec![Value::Text("4".into())]),
            before: None,
            time: time(2),
        }),
    ]
}

/// A key of two columns in another order than the table's; one table in two sections.
fn sections() -> Vec<Event> {
    let column = |name: &str, kind| Column { name: name.into(), kind };
    let stock = Event::Table(TableShape {
        name: TableName::new("stock"),
        columns: vec![column("place", ColumnKind::Text), column("id", ColumnKind::Binary)],
        key: vec![1, 0],
    });
    let key = RowKey(vec![Value::Bytes(vec![1, 2, 3]), Value::Text("shelf".into())]);
    let delete = Event::Change(Change::Delete { key, before: None, time: Stamp::from_micros(0) });
    let row = RowImage(vec![Value::Text("shelf".into()), Value::Bytes(vec![1, 2, 3])]);
    let insert = Event::Change(Change::Insert { after: row, time: Stamp::from_micros(1) });
    vec![stock.clone(), delete, stock, insert]
}

fn sealed(from: &Party, to: &Party, header: &Header, events: &[Event]) -> Vec<u8> {
    let recipient = to.identity.recipient();
    let mut writer = PayloadWriter::create(Vec::new(), &payload_head(header), &recipient).unwrap();
    for event in events {
        match event {
            Event::Table(shape) => writer.table(shape).unwrap(),
            Event::Change(change) => writer.change(change).unwrap(),
        }
    }
    let (payload, summary) = writer.finish().unwrap();
    assemble(Vec::new(), payload.as_slice(), &summary, header, &from.signing).unwrap().0
}

/// The content of a sample; where it is missing and samples are to be made, it is made and kept.
fn sample(group: &str, name: &str, make: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = folder(group).join(name);
    if !path.exists() && std::env::var_os("PACKMULE_MAKE_SAMPLES").is_some() {
        fs::write(&path, make()).unwrap();
    }
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn listed(group: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder(group)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn folder(group: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bundles").join(group).join("v1")
}
