//! README.md names every output format and exit code of the program, and every link leads somewhere.

use super::{assert_none, read, root, texts};

#[test]
fn every_format_and_exit_code_of_the_program_stands_in_the_readme() {
    let sources: String = texts(&["src/cli"]).into_iter().map(|(_, text)| text).collect();
    assert_none(&unnamed_formats(&sources, &read("README.md")));
    assert_none(&unnamed_exit_codes(&read("src/report/exit.rs"), &read("README.md")));
}

#[test]
fn a_format_and_an_exit_code_that_the_readme_does_not_name_are_found() {
    let sources = "json(\"packmule.a.v1\", x); json(\"packmule.b.v1\", y);";
    assert_eq!(unnamed_formats(sources, "| `packmule.a.v1` |"), ["packmule.b.v1"]);
    let codes = "enum Exit {\n    Done = 0,\n    Failed = 1,\n    Cancelled = 130,\n}";
    assert_eq!(unnamed_exit_codes(codes, "| done | 0 |\n| by Ctrl-C (130) |"), ["1"]);
}

#[test]
fn every_link_leads_somewhere() {
    let places = ["README.md", "SECURITY.md", "ARCHITECTURE.md", "bundles", "schema", "tests/README.md"];
    let pages = texts(&places).into_iter().filter(|(path, _)| path.ends_with(".md"));
    assert_none(&pages.flat_map(|(path, text)| dead_links(&path, &text)).collect::<Vec<_>>());
}

#[test]
fn a_dead_link_is_found() {
    assert_none(&dead_links("schema/README.md", "[a](../README.md) [b](#below) [c](https://x.org) `x](y)`"));
    assert_eq!(dead_links("schema/README.md", "see [a](README.txt)").len(), 1);
}

fn unnamed_formats(sources: &str, readme: &str) -> Vec<String> {
    let words = sources.split('"').filter(|word| word.starts_with("packmule.") && word.ends_with(".v1"));
    words.filter(|format| !readme.contains(&format!("`{format}`"))).map(str::to_owned).collect()
}

fn unnamed_exit_codes(exit: &str, readme: &str) -> Vec<String> {
    let codes = exit.lines().filter_map(|line| Some(line.trim().strip_suffix(',')?.split_once(" = ")?.1));
    let is_named =
        |code: &str| [format!("| {code} |"), format!("({code})")].iter().any(|form| readme.contains(form));
    codes.filter(|code| code.parse::<u8>().is_ok() && !is_named(code)).map(str::to_owned).collect()
}

/// Links to files of the repository that are not there.
fn dead_links(path: &str, text: &str) -> Vec<String> {
    let folder = root().join(path).parent().map(ToOwned::to_owned).unwrap_or_default();
    // What stands between backquotes is code.
    let prose: String = text.split('`').step_by(2).collect();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    let files = files.filter(|file| !file.is_empty() && !file.starts_with("https://"));
    files
        .filter(|file| !folder.join(file).exists())
        .map(|file| format!("{path}: {file} is not there"))
        .collect()
}
