//! Every parser of what comes from outside, fed with changed samples. The changes come from a seed, so a failure comes again.
//!
//! `PACKMULE_FUZZ_RUNS` says how many for each parser; `PACKMULE_FUZZ_SEEDS` names a folder for the samples, for libFuzzer.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::harness::Anatomy;

#[path = "../fuzz_targets.rs"]
mod targets;

use targets::{TARGETS, Target};

#[test]
fn no_parser_ends_the_program_or_takes_long_whatever_it_reads() {
    let runs = std::env::var("PACKMULE_FUZZ_RUNS").map_or(1_500, |text| text.parse().unwrap());
    let folder = std::env::var_os("PACKMULE_FUZZ_SEEDS");
    let mut failures = Vec::new();
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no sample");
        if let Some(folder) = &folder {
            keep(&Path::new(folder).join(name), &seeds);
        }
        failures.extend(run(name, *target, &seeds, runs));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_parser_that_ends_the_program_is_found() {
    let target: Target = |bytes| assert!(bytes.len() < 40, "too long");
    let found = run("none", target, &[b"short".to_vec()], 3_000);
    assert!(found.is_some_and(|words| words.starts_with("none: run ")));
}

/// Feeds one parser. Returns what was found, the first only.
fn run(name: &str, target: Target, seeds: &[Vec<u8>], runs: u64) -> Option<String> {
    const SECONDS_MAX: Duration = Duration::from_secs(5);
    for number in 0..seeds.len() as u64 + runs {
        let input = match seeds.get(usize::try_from(number).unwrap()) {
            Some(seed) => seed.clone(),
            None => changed(seeds, &mut Rng::with_seed(number)),
        };
        let began = Instant::now();
        let is_well = catch_unwind(|| target(&input)).is_ok();
        if !is_well || began.elapsed() > SECONDS_MAX {
            let path = std::env::temp_dir().join(format!("packmule-fuzz-{name}-{number}"));
            fs::write(&path, &input).unwrap();
            return Some(format!("{name}: run {number}: {} has what it was fed with", path.display()));
        }
    }
    None
}

/// One of the samples with one to eight changes.
fn changed(seeds: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    const BYTES_MAX: usize = 1 << 20;
    const PIECES: [&[u8]; 16] = [
        b"\"",
        b"\\",
        b"{",
        b"[[[[[[[[",
        b"]",
        b"}",
        b"null",
        b"-",
        b"1e999",
        b"9223372036854775808",
        b"18446744073709551616",
        b"\\ud800",
        b"\xff\xfe",
        b"\0\0\0\0",
        b"\n",
        b"=",
    ];
    let mut text = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..=8) {
        let at = random.usize(..=text.len());
        let end = (at + random.usize(..=32)).min(text.len());
        match random.u8(..9) {
            0 if at < text.len() => text[at] ^= 1 << random.u8(..8),
            1 if at < text.len() => text[at] = random.u8(..),
            2 => drop(text.drain(at..end)),
            3 => {
                let piece = text[at..end].to_vec();
                drop(text.splice(at..at, piece));
            }
            4 => drop(text.splice(at..at, PIECES[random.usize(..PIECES.len())].iter().copied())),
            5 => drop(text.splice(at..end, PIECES[random.usize(..PIECES.len())].iter().copied())),
            6 => text.truncate(at),
            7 => {
                let other = &seeds[random.usize(..seeds.len())];
                text.truncate(at);
                text.extend_from_slice(&other[random.usize(..=other.len())..]);
            }
            _ => {
                let piece = PIECES[random.usize(..PIECES.len())];
                let many = piece.repeat(random.usize(1..2_000));
                drop(text.splice(at..at, many));
            }
        }
        text.truncate(BYTES_MAX);
    }
    text
}

/// What a parser reads when all is well, and some of what it refuses.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let bundles = || {
        let folders =
            ["golden", "damaged"].map(|group| format!("{}/bundles/{group}/v1", env!("CARGO_MANIFEST_DIR")));
        let files =
            folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|one| one.unwrap().path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|end| end == "mule")).collect();
        files.sort();
        files.into_iter().map(|path| fs::read(path).unwrap()).filter(|file| file.len() < 1 << 16)
    };
    let text = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match name {
        "head" => bundles().collect(),
        "manifest" => bundles()
            .filter(|file| packmule::bundle::Unverified::read(&mut &file[..], file.len() as u64).is_ok())
            .map(|file| file[Anatomy::of(&file).manifest].to_vec())
            .collect(),
        "lines" => text(&[LINES]),
        "card" => cards(),
        "settings" => text(&[SETTINGS_OF_A_LAB, SETTINGS_OF_THE_CENTRE]),
        "before_row" => text(&[
            r#"{"id": "1", "place": "shelf \"b\" \u00e9", "photo": "00ff", "at": "1762619999.5", "doc": "{}", "weight": "1e-300"}"#,
            r#"{"id": "1", "place": null}"#,
            "{}",
            "null",
        ]),
        "log_id" => text(&["417", r#"["417", "2"]"#, "00FF", r#"["shelf \"b\"", "-1"]"#, ""]),
        "json" => text(&[
            r#"{"a": [1, -2.50e+3, true, null, "\u00e9\ud83d\udc0e"], "a": {}}"#,
            "[[[[]]]]",
            "1e-400",
        ]),
        "words" => text(&[
            "lab-a.central.7f3a9c21.0000000042.mule",
            "2026-11-08T16:40:00.123456Z",
            "2026-11-08 16:40:00.123456",
            "mysql://packmule:word@[::1]:3306/ive_ims?socket=/run/mysqld.sock",
            r#"[{"table":"items","direction":"both"}]"#,
            r#"["items","a \"b\""]"#,
            "101",
        ]),
        other => panic!("no samples of {other}"),
    }
}

/// Cards as `init` and `enrol` write them.
fn cards() -> Vec<Vec<u8>> {
    use packmule::bundle::{Identity, SigningKey};
    use packmule::config::{AnswerCard, SiteCard};
    use packmule::model::{Digest, Incarnation, Role, Series};
    let key = SigningKey::from_text(include_str!("../../bundles/keys/lab-a.minisign.key")).unwrap();
    let identity = Identity::from_text(include_str!("../../bundles/keys/lab-a.age.key")).unwrap();
    let card = |site: &str, role| SiteCard {
        site: site.parse().unwrap(),
        role,
        incarnation: Incarnation::from_bytes([7; 16]),
        verifying: key.verifying_key().clone(),
        recipient: identity.recipient(),
        date: "2026-11-08T16:40:00.000000Z".parse().unwrap(),
    };
    let answer = AnswerCard {
        central: card("central", Role::Central),
        lab: "lab-a".parse().unwrap(),
        series: Series::new(100, 2).unwrap(),
        answers: Digest::from_bytes([0; 32]),
        tables: Vec::new(),
        online: None,
    };
    let old = SigningKey::from_text(include_str!("../../bundles/keys/lab-b.minisign.key")).unwrap();
    let texts = [
        card("lab-a", Role::Lab).create(&key).unwrap(),
        card("lab-a", Role::Lab).create_after(&key, &[old]).unwrap(),
        answer.create(&key).unwrap(),
    ];
    texts.map(String::into_bytes).into()
}

fn keep(folder: &Path, seeds: &[Vec<u8>]) {
    fs::create_dir_all(folder).unwrap();
    for (at, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("sample-{at}")), seed).unwrap();
    }
}

const LINES: &str = r#"{"from":"lab-a","to":"central","incarnation":"7f3a9c21000102030405060708090a0b","seq":1,"sealed_at":"2026-11-08T16:40:00.123456Z","clock_offset_ms":-250,"settings":{"kept":"3"}}
{"table":"stock","columns":[["id","integer"],["place","text"],["photo","binary"]],"key":["id"]}
["I",["1","shelf \"b\"","AAH/"],null,"2026-11-08T16:40:00.123456Z"]
["U",["1","x",null],["1","y",null],"2026-11-08T16:40:00.123456Z"]
["D",["1"],null,"1970-01-01T00:00:00.000000Z"]
{"end":{"inserts":1,"updates":1,"deletes":1},"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}
"#;

const SETTINGS_OF_A_LAB: &str = r#"role = "lab"
site = "lab-a"
keep = "30d"

[keys]
credential = "packmule-keys"

[database]
url = "mysql://packmule@localhost/ive_ims?socket=/run/mysqld/mysqld.sock"
password_file = "db.password"

[central]
host = "sync.example.ac.ke"
port = 3306
user = "packmule_lab-a"
name = "ive_ims"
tls = "required"
every = "30m"
limit_rate = "50KiB"

[stick]
contact = "room 12"
bundle_max = "512MiB"

[tables.items]
references = { location_id = "locations.id" }
"#;

const SETTINGS_OF_THE_CENTRE: &str = r#"role = "central"
site = "central"
state = "state"

[database]
host = "localhost"
user = "packmule"
name = "ive_ims"

[sync]
tables = ["items", "stock"]
series = 100

[mail]
quota = "2GiB"
quota_bundles = 1000

[agent]
workers = 2
sticks = true

[tables.stock]
policy = "last-edit-wins"
counters = ["quantity"]
columns = { note = "lab-wins" }
direction = "both"
"#;
