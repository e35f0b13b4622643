//! Each broken rule can be made: its patch fits the source as it is, so that `./dev mutants` does not find out after an hour.

use std::collections::BTreeMap;

use super::{assert_none, read, texts};

#[test]
fn every_broken_rule_can_be_made() {
    let patches = texts(&["tests/mutants"]).into_iter().filter(|(name, _)| name.ends_with(".patch"));
    assert_none(&patches.flat_map(|(name, text)| misfits(&name, &text, read)).collect::<Vec<_>>());
}

#[test]
fn a_broken_rule_that_can_be_made_no_more_is_found() {
    let patch = "what\n\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n";
    assert_none(&misfits("p", patch, |_| "z\na\nb\nd\n".to_owned()));
    assert_eq!(misfits("p", patch, |_| "a\nx\nb\nd\n".to_owned()), ["p changes lines that x does not have"]);
    assert_eq!(misfits("p", "what\n", |_| String::new()), ["p changes nothing"]);
}

/// The lines that the patch expects, by file, hunk after hunk, each looked for as a whole.
fn misfits(name: &str, patch: &str, read: impl Fn(&str) -> String) -> Vec<String> {
    let mut hunks: Vec<(String, String)> = Vec::new();
    let mut path = String::new();
    for line in patch.lines() {
        if let Some(rest) = line.strip_prefix("+++ b/") {
            rest.clone_into(&mut path);
        } else if line.starts_with("@@") {
            hunks.push((path.clone(), "\n".to_owned()));
        } else if let (Some((_, hunk)), Some(text)) =
            (hunks.last_mut(), line.strip_prefix([' ', '-']).filter(|_| !line.starts_with("---")))
        {
            hunk.push_str(text);
            hunk.push('\n');
        }
    }
    if hunks.is_empty() {
        return vec![format!("{name} changes nothing")];
    }
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let missing = hunks.into_iter().filter(|(path, hunk)| {
        let text = texts.entry(path.clone()).or_insert_with(|| format!("\n{}", read(path)));
        !text.contains(hunk.as_str())
    });
    missing.map(|(path, _)| format!("{name} changes lines that {path} does not have")).collect()
}
