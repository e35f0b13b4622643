//! tests/README.md names a test for each failure that was seen in the field, and each of these tests is there.

use std::collections::BTreeSet;

use super::{assert_none, read, texts};

/// The lists of failures, and how many each has.
const LISTS: [(char, usize); 1] = [('A', 17)];

#[test]
fn every_failure_seen_in_the_field_has_a_test_that_is_there() {
    let tests =
        texts(&["tests/it", "tests/mixed"]).into_iter().flat_map(|(path, text)| tests_in(&path, &text));
    assert_none(&unshown(&read("tests/README.md"), &tests.collect(), &LISTS));
}

#[test]
fn a_failure_without_a_test_and_a_test_that_is_not_there_are_found() {
    let file = "#[test]\nfn one() {}\n\nfn helper() {}\n\n#[test]\n#[cfg(unix)]\nfn two() {}\n";
    let tests: BTreeSet<String> = tests_in("tests/it/a.rs", file).into_iter().collect();
    assert_eq!(tests, ["a::one", "a::two"].map(str::to_owned).into());
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

/// The tests of a file, as `file::name`.
fn tests_in(path: &str, text: &str) -> Vec<String> {
    let file = path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).unwrap_or_default();
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
