//! File sizes, the changelog, samples, dependencies, and words that must not stand in the repository.

use std::collections::BTreeSet;
use std::fs;

use super::{assert_none, files, read, root, texts};

#[test]
fn no_source_is_longer_than_500_lines() {
    let sources = texts(&["src", "tests"]).into_iter().filter(|(path, _)| path.ends_with(".rs"));
    assert_none(&sources.filter_map(|(path, text)| too_long(&path, &text)).collect::<Vec<_>>());
}

#[test]
fn a_source_of_501_lines_is_found() {
    assert_eq!(too_long("a.rs", &"x\n".repeat(500)), None);
    assert_eq!(too_long("a.rs", &"x\n".repeat(501)), Some("a.rs has 501 lines, 500 at most".to_owned()));
}

#[test]
fn the_changelog_names_the_version() {
    assert!(names_version(&read("CHANGELOG.md"), env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_changelog_without_the_version_is_found() {
    assert!(names_version("# Changes\n\n## 1.2.3 - 2026\n", "1.2.3"));
    assert!(!names_version("# Changes\n\n## 1.2.30\n\ntext about 1.2.3\n", "1.2.3"));
}

#[test]
fn every_sample_bundle_says_what_must_happen() {
    for (folder, end) in SAMPLES {
        let names = files(&[folder]).into_iter().map(|(name, _)| name).collect();
        assert_none(&unpaired(&names, end));
    }
}

#[test]
fn a_sample_without_its_answer_and_an_answer_without_its_sample_are_found() {
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_none(&unpaired(&names(&["a/x.mule", "a/x.txt", "a/README.md"]), "txt"));
    assert_eq!(unpaired(&names(&["a/x.mule"]), "txt"), ["a/x.mule has no a/x.txt"]);
    assert_eq!(unpaired(&names(&["a/x.txt"]), "txt"), ["a/x.txt has no a/x.mule"]);
}

#[test]
fn every_case_is_read_by_a_test() {
    // Not this file: it names the folders without reading a case.
    let tests = texts(&["tests/it"]).into_iter().filter(|(path, _)| !path.starts_with("tests/it/tidy"));
    let sources: String = tests.map(|(_, text)| text).collect();
    assert_none(&unread(
        &files(&["tests/cases", "tests/cmd"]).into_iter().map(|(name, _)| name).collect(),
        &sources,
    ));
}

#[test]
fn a_case_that_no_test_reads_is_found() {
    let names = ["tests/cases/types/a.sql".to_owned()].into_iter().collect();
    assert_none(&unread(&names, r#"for case in cases("tests/cases/types") {"#));
    assert_eq!(unread(&names, "no such words"), ["no test reads tests/cases/types"]);
}

#[test]
fn no_more_packages_are_locked_than_the_ceiling() {
    let locked = read("Cargo.lock").lines().filter(|line| *line == "[[package]]").count();
    assert!(
        locked <= PACKAGES_MAX,
        "{locked} packages are locked, {PACKAGES_MAX} at most: is the new one worth it?"
    );
    assert!(locked + 40 > PACKAGES_MAX, "only {locked} packages are locked: lower the ceiling");
}

#[test]
fn every_dependency_says_why_it_is_there() {
    assert_none(&unexplained(&read("Cargo.toml")));
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\n# why\na = \"1\"\nb = \"1\"\n[dev-dependencies]\nc = \"1\"\n";
    assert_eq!(unexplained(manifest), ["no line before b says why", "no line before c says why"]);
}

#[test]
fn no_text_holds_an_unfinished_note_or_a_path_of_a_machine() {
    let places =
        ["src", "tests", "schema", "bundles", "dev", ".ci", "README.md", "ARCHITECTURE.md", "CHANGELOG.md"];
    assert_none(&texts(&places).iter().flat_map(|(path, text)| unwelcome(path, text)).collect::<Vec<_>>());
}

#[test]
fn an_unfinished_note_and_a_path_of_a_machine_are_found() {
    assert_none(&unwelcome("a", "see /usr/sbin and /tmp, the method, a todo list\n"));
    for line in [
        concat!("// TO", "DO: later"),
        concat!("// FIX", "ME"),
        concat!("in /ho", "me/grace/x"),
        concat!("/wo", "rk/x"),
    ] {
        assert_eq!(unwelcome("a", line).len(), 1, "{line}");
    }
}

#[test]
fn what_the_layout_promises_is_there() {
    let absent = PROMISED.iter().filter(|name| !root().join(name).exists());
    assert_none(&absent.map(|name| format!("{name} is missing")).collect::<Vec<_>>());
    for name in ["dev", ".ci/run"] {
        assert!(
            fs::read(root().join(name)).unwrap().starts_with(b"#!/bin/bash\n"),
            "{name} is no bash script"
        );
    }
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LINES_MAX).then(|| format!("{path} has {lines} lines, {LINES_MAX} at most"))
}

fn names_version(changelog: &str, version: &str) -> bool {
    changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .any(|line| line.split(' ').next() == Some(version))
}

/// Bundles without the file that says what must happen, and such files without a bundle.
fn unpaired(names: &BTreeSet<String>, end: &str) -> Vec<String> {
    let check = |from: &str, to: &str| {
        let pairs = names
            .iter()
            .filter_map(|name| Some((name, format!("{}.{to}", name.strip_suffix(&format!(".{from}"))?))));
        pairs
            .filter(|(_, other)| !names.contains(other))
            .map(|(name, other)| format!("{name} has no {other}"))
            .collect()
    };
    let faults: [Vec<String>; 2] = [check("mule", end), check(end, "mule")];
    faults.concat()
}

/// Case folders whose path stands in no test.
fn unread(names: &BTreeSet<String>, sources: &str) -> Vec<String> {
    let folders: BTreeSet<&str> = names.iter().filter_map(|name| Some(name.rsplit_once('/')?.0)).collect();
    // A test may walk a whole tree: any folder above counts.
    let is_read = |folder: &str| {
        folder
            .match_indices('/')
            .skip(1)
            .map(|(at, _)| &folder[..at])
            .chain([folder])
            .any(|part| sources.contains(part))
    };
    folders
        .into_iter()
        .filter(|folder| !is_read(folder))
        .map(|folder| format!("no test reads {folder}"))
        .collect()
}

fn unexplained(manifest: &str) -> Vec<String> {
    let (mut inside, mut before, mut faults) = (false, "", Vec::new());
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']').ends_with("dependencies");
        } else if inside
            && let Some((name, _)) = line.split_once('=')
            && !line.starts_with('#')
            && !before.starts_with("# ")
        {
            faults.push(format!("no line before {} says why", name.trim()));
        }
        before = line;
    }
    faults
}

/// Lines with a note of unfinished work, or with a path that only one machine has.
fn unwelcome(path: &str, text: &str) -> Vec<String> {
    let hit = |line: &str| UNWELCOME.iter().any(|word| line.contains(word));
    let hits = text.lines().enumerate().filter(|(_, line)| hit(line));
    hits.map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim())).collect()
}

const LINES_MAX: usize = 500;
/// Ten above what was locked when it was set.
const PACKAGES_MAX: usize = 358;
/// Where samples lie, and how the file that says what must happen ends.
const SAMPLES: &[(&str, &str)] = &[("bundles/golden", "txt"), ("bundles/damaged", "expect")];
const PROMISED: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "LICENSE",
    "dev",
    ".ci/run",
    "bundles/README.md",
    "schema/README.md",
    "schema/demo",
    "schema/examples",
    "tests/README.md",
];
/// Written in two parts, so that this file does not hold them.
const UNWELCOME: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
];
