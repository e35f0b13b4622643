//! Everything that reads what comes from outside, as functions of bytes that must come back, soon, whatever the bytes are.
//!
//! `it/fuzz.rs` runs them with changes from a seed, `fuzz/` with libFuzzer.

use std::path::Path;

use packmule::bundle::{KeyId, Unverified, describe, names_from_setting, read_lines, tables_from_setting};
use packmule::config::{AnswerCard, DatabaseUrl, Settings, SiteCard};
use packmule::model::{
    BundleName, Column, ColumnKind, Digest, Json, Series, Stamp, TableName, TableShape, key_from_log,
    key_to_log, row_from_json, row_from_older_json, row_to_json,
};

/// A parser, or several that read the same text.
pub(crate) type Target = fn(&[u8]);

/// Every parser, by name.
pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("head", head),
    ("manifest", manifest),
    ("lines", lines),
    ("card", card),
    ("settings", settings),
    ("before_row", before_row),
    ("log_id", log_id),
    ("json", json),
    ("words", words),
];

/// A whole file, as it lies on a stick.
pub(crate) fn head(file: &[u8]) {
    if let Ok(unverified) = Unverified::read(&mut &*file, file.len() as u64) {
        assert!(unverified.length() == file.len() as u64, "a file of another length passes for a bundle");
        let _ = describe(&unverified);
        let _ = unverified.claimed_key();
    }
}

/// A `manifest.json`, in the place where a bundle has it.
pub(crate) fn manifest(manifest: &[u8]) {
    let signature = b"untrusted comment: signature by packmule\n";
    let mut file = Vec::new();
    for (name, content) in [("manifest.json", manifest), ("manifest.json.minisig", signature)] {
        file.extend(tar_header(name, content.len()));
        file.extend_from_slice(content);
        file.resize(file.len().next_multiple_of(512), 0);
    }
    file.extend(tar_header("changes.ndjson.zst.age", 1));
    file.resize(file.len() + 512 + 1024, 0);
    head(&file);
}

fn tar_header(name: &str, size: usize) -> [u8; 512] {
    let mut header = [0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    for at in [108, 116, 329, 337] {
        put(at, "0000000");
    }
    put(100, "0000644");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\0");
    put(263, "00");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// The lines of a payload, decrypted and decompressed.
pub(crate) fn lines(text: &[u8]) {
    let _ = read_lines(text);
}

/// A card or an answer.
pub(crate) fn card(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let _ = SiteCard::open(text);
    let _ = AnswerCard::open(text, &"lab-a".parse().unwrap(), Digest::from_bytes([0; 32]));
    let _ = KeyId::of_signature(text);
}

/// A settings file.
pub(crate) fn settings(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Err(error) = Settings::read(Path::new("a/packmule.toml"), text, 0o600) {
        assert!(!error.to_string().is_empty());
    }
}

/// The row before an edit, as a trigger or an application has logged it.
pub(crate) fn before_row(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(row) = row_from_json(&shape(), text) {
        assert_eq!(row_from_json(&shape(), &row_to_json(&shape(), &row)).ok(), Some(row));
    }
    let _ = row_from_older_json(&shape(), &vec![None; shape().columns.len()], text);
}

/// The key in a log row.
pub(crate) fn log_id(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    for keys in [vec![0], vec![1, 0], vec![2], vec![3]] {
        let shape = TableShape { key: keys, ..shape() };
        if let Some(key) = key_from_log(&shape, text) {
            assert_eq!(key_from_log(&shape, &key_to_log(&key)), Some(key));
        }
    }
}

/// A JSON document out of a row.
pub(crate) fn json(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Some(document) = Json::parse(text) {
        assert!(document.same(&document));
    }
}

/// Short texts: names, times, addresses, the values in a bundle's head.
pub(crate) fn words(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(name) = text.parse::<BundleName>() {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(stamp) = text.parse::<Stamp>() {
        let _ = (stamp.corrected(i64::MIN), stamp.corrected(i64::MAX), stamp.to_sql());
    }
    let _ = text.parse::<DatabaseUrl>();
    let _ = (tables_from_setting(text), names_from_setting(text));
    let _ = Stamp::from_sql(text);
    let _ = text.parse::<u16>().ok().and_then(|number| Series::new(100, number));
}

fn shape() -> TableShape {
    let column = |(name, kind): (&str, ColumnKind)| Column { name: name.into(), kind };
    let columns = [
        ("id", ColumnKind::Integer),
        ("place", ColumnKind::Text),
        ("photo", ColumnKind::Binary),
        ("at", ColumnKind::Timestamp),
        ("doc", ColumnKind::Json),
        ("weight", ColumnKind::Float),
    ];
    TableShape { name: TableName::new("stock"), columns: columns.map(column).into(), key: vec![0] }
}
