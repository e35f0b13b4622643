//! A bundle of a real export is opened by everybody's tools, and shows nothing to those who have no key.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Family, bundles_in, server};

const SCHEMA: &str =
    "CREATE TABLE giraffes (id INT PRIMARY KEY, neckline VARCHAR(60), note TEXT, photo BLOB)";
/// What must not be seen anywhere: table, columns, texts, bytes.
const SECRETS: [&str; 6] =
    ["giraffes", "neckline", "Wanjiku Kamau", "on loan since Tuesday", "PHOTO-BYTES", "1234567890123"];

fn family() -> (Family<'static>, PathBuf) {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let lab = family.lab("lab-a");
    lab.sql(
        "INSERT INTO giraffes VALUES (1, 'Wanjiku Kamau', 'on loan since Tuesday', 'PHOTO-BYTES'), (2, '1234567890123', NULL, NULL)",
    );
    family.export("lab-a");
    lab.sql("UPDATE giraffes SET note = 'on loan since Tuesday, again' WHERE id = 1; DELETE FROM giraffes WHERE id = 2");
    family.export("lab-a");
    let stick = lab.path("stick");
    (family, stick)
}

/// The commands of bundles/README.md, as they stand there.
fn commands() -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("bundles/README.md")).unwrap();
    let (_, block) = text.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_commands_of_the_bundles_readme_open_what_export_made() {
    let (family, stick) = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let bundles = bundles_in(&stick);
    assert_eq!(bundles.len(), 2);
    let at = |path: PathBuf| path.display().to_string();
    for bundle in &bundles {
        let folder = tempfile::tempdir().unwrap();
        let lines = commands();
        let lines: Vec<String> = lines
            .lines()
            .filter(|line| !line.starts_with("B="))
            .map(|line| {
                line.replace("$B/golden/v1/lab-a-1.mule", &at(bundle.clone()))
                    .replace("$B/keys/lab-a.minisign.pub", &at(lab.state().join("keys/sign.pub")))
                    .replace("$B/keys/central.age.key", &at(central.state().join("keys/encrypt.key")))
            })
            .collect();
        let script = lines.join("\n");
        assert!(!script.contains("$B"), "{script}");
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(folder.path())
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let (told, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n{told}\n{errors}");
        // tar lists three members; minisign names the bundle in its trusted comment; the rows can be read.
        assert!(
            told.contains("manifest.json.minisig")
                && told.contains("Signature and comment signature verified"),
            "{told}"
        );
        assert!(
            told.contains(bundle.file_name().unwrap().to_str().unwrap().trim_end_matches(".mule")),
            "{told}"
        );
        assert!(told.contains("changes.ndjson.zst.age: OK") && told.contains("Wanjiku Kamau"), "{told}");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[lines.len() - 2], lines[lines.len() - 1], "the hash of the payload's lines");
        assert_eq!(lines[lines.len() - 1].len(), 64);
    }
}

#[test]
fn nobody_else_has_the_key_that_opens_a_bundle() {
    let (family, stick) = family();
    let lab = family.lab("lab-a");
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "tar xf {} && age -d -i {} changes.ndjson.zst.age",
        bundles_in(&stick)[0].display(),
        lab.state().join("keys/encrypt.key").display()
    );
    let output = Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("no identity matched"), "{told}");
}

#[test]
fn a_found_stick_shows_no_table_no_column_no_text_and_no_host() {
    let (family, stick) = family();
    let lab = family.lab("lab-a");
    let hidden: Vec<String> = SECRETS
        .iter()
        .map(|secret| (*secret).to_owned())
        .chain([lab.database().to_owned(), family.central.database().to_owned()])
        .chain([lab.server().socket().display().to_string(), "AGE-SECRET-KEY".to_owned()])
        .collect();
    let files: Vec<PathBuf> = walkdir::WalkDir::new(&stick)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(files.len(), 3, "two bundles and a text for who finds the stick: {files:?}");
    for path in &files {
        let name = path.strip_prefix(&stick).unwrap().display().to_string();
        let bytes = fs::read(path).unwrap();
        for secret in &hidden {
            assert!(!name.contains(secret.as_str()), "{secret} in the name {name}");
            for spelling in spellings(secret) {
                let found = bytes.windows(spelling.len()).any(|window| window == spelling);
                assert!(!found, "{secret} in {name}");
            }
        }
        // A host's name can be two letters, which any cipher text holds: it is looked for in what can be read.
        let readable: String = bytes.iter().take(4096).map(|&byte| char::from(byte)).collect();
        let readable = readable.split("manifest.json.minisig").next().unwrap_or_default();
        let mut words = readable.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        assert!(words.all(|word| word != host.trim()), "the host in {name}");
        // Nothing but what a FAT stick can hold, and what a person may read.
        let plain = |c: char| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || ".-/".contains(c) || name.ends_with("README.TXT")
        };
        assert!(name.chars().all(plain), "{name}");
    }
}

/// A text as it could stand in a file: as it is, in capitals, as UTF-16, as hexadecimal digits, reversed.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![
        secret.as_bytes().to_vec(),
        secret.to_uppercase().into_bytes(),
        secret.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        secret.bytes().rev().collect(),
    ]
}
