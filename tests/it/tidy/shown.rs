//! tests/README.md names a test for each failure that was seen in the field, that a file can have or that a stick can have, and each
//! of these tests is there.

use std::collections::BTreeSet;

use super::{assert_none, read, texts};

/// The lists of failures, and how many each has.
const LISTS: [(char, usize); 3] = [('A', 17), ('B', 11), ('C', 9)];

#[test]
fn every_failure_seen_in_the_field_has_a_test_that_is_there() {
    let tests = texts(&["tests/it", "tests/mixed", "tests/media", "src"])
        .into_iter()
        .flat_map(|(path, text)| tests_in(&path, &text));
    assert_none(&unshown(&read("tests/README.md"), &tests.collect(), &LISTS));
}

#[test]
fn a_failure_without_a_test_and_a_test_that_is_not_there_are_found() {
    let file = "#[test]\nfn one() {}\n\nfn helper() {}\n\n#[test]\n#[cfg(unix)]\nfn two() {}\n";
    let tests: BTreeSet<String> = tests_in("tests/it/a.rs", file).into_iter().collect();
    assert_eq!(tests, ["a::one", "a::two"].map(str::to_owned).into());
    let inside = tests_in("src/bundle/tar.rs", file);
    assert_eq!(inside, ["bundle::tar::one", "bundle::tar::two"]);
    let cases = "pub(crate) const ALL: &[(&str, fn())] = &[\n    (\"three\", three),\n    (\n        \"four\",\n        four,\n    ),\n];\n\nconst OTHER: &str = \"five\";";
    assert_eq!(tests_in("tests/media/cases.rs", cases), ["media::three", "media::four"]);
    let table =
        "| A1 | x | `a::one` `a::two` |\n| A2 | x | |\n| A3 | `x` | `a::helper` |\n| A3 | x | `a::one` |";
    assert_eq!(
        unshown(table, &tests, &[('A', 4)]),
        [
            "A2 names no test",
            "A3: there is no test a::helper",
            "A3 stands there 2 times",
            "A4 stands there 0 times"
        ]
    );
}

/// The tests of a file, as `file::name`; those in `src/` by the whole path, those under another kernel as `media::name`.
fn tests_in(path: &str, text: &str) -> Vec<String> {
    if path.ends_with("tests/media/cases.rs") {
        let list = text.split("= &[\n").nth(1).and_then(|rest| rest.split("\n];").next()).unwrap_or_default();
        return list.split('"').skip(1).step_by(2).map(|name| format!("media::{name}")).collect();
    }
    let inside = path.split_once("src/").map(|(_, inside)| inside.replace('/', "::"));
    let file = inside.as_deref().unwrap_or(path);
    let file = file.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).unwrap_or_default();
    let after = text.split("#[test]").skip(1);
    let names = after.filter_map(|rest| rest.split("fn ").nth(1)?.split('(').next());
    names.map(|name| format!("{file}::{name}")).collect()
}

/// What is wrong with the table in a text.
fn unshown(text: &str, tests: &BTreeSet<String>, lists: &[(char, usize)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (list, count) in lists {
        for line in (1..=*count).map(|number| format!("{list}{number}")) {
            let rows: Vec<&str> =
                text.lines().filter_map(|row| row.strip_prefix(&format!("| {line} | "))).collect();
            for row in &rows {
                let named = row.split(" | ").nth(1).unwrap_or_default();
                let named: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
                if named.is_empty() {
                    faults.push(format!("{line} names no test"));
                }
                let missing = named.iter().filter(|name| !tests.contains(**name));
                faults.extend(missing.map(|name| format!("{line}: there is no test {name}")));
            }
            if rows.len() != 1 {
                faults.push(format!("{line} stands there {} times", rows.len()));
            }
        }
    }
    faults
}
