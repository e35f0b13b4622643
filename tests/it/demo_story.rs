//! `packmule demo`, told to its end on the server under test, what it leaves behind, and what it does when it is lied to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use packmule::demo::{StoryError, StoryOptions, tell};

use crate::harness::{Ran, server};

const PROMISES: [&str; 19] = [
    "both ends see the same six words for the same keys",
    "a lab starts with every row that the centre has",
    "a change stays where it was made until it is carried",
    "one round of one stick makes all databases equal, to the last cell",
    "every change has arrived everywhere, and no other row has moved",
    "a round without changes makes no bundle",
    "after a round, status says at every place that there is nothing to do",
    "what two labs take from one stock while offline adds up",
    "edits of different columns of one row both survive",
    "of two edits of one cell the later stands everywhere, whichever arrives first",
    "what a person is to decide waits, and nothing else waits for it",
    "an edit that lost is kept in conflict_log, with the row before and both sides",
    "what a person decides reaches every lab",
    "a bundle with one changed byte changes nothing",
    "a bundle waits for the one before it; none is ever skipped in silence",
    "export and import again mend what was damaged, deleted or forgotten",
    "the same stick again changes nothing, not even in packmule's own tables",
    "a lost stick costs nothing: the next round brings everything",
    "a lab that joins late starts with every row, and all four are equal",
];

fn demo(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packmule"));
    let output = command.arg("demo").args(arguments).env("COLUMNS", "200").output().unwrap();
    Ran::new(format!("packmule demo {}", arguments.join(" ")), &output)
}

fn script(folder: &Path) -> Ran {
    let output = Command::new("sh").arg(folder.join("open-by-hand.sh")).output().unwrap();
    Ran::new("sh open-by-hand.sh".to_owned(), &output)
}

#[test]
fn the_demo_keeps_its_promises_and_common_tools_open_its_bundles() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("demo");
    let (folder_word, binary) = (folder.to_str().unwrap(), server().binary().path().to_str().unwrap());
    let told =
        demo(&["--server", binary, "--folder", folder_word]).ok().says("These 19 promises were checked");
    let lines: Vec<&str> = told.stdout.lines().collect();
    for promise in PROMISES {
        let at = |line: &str| lines.iter().position(|other| *other == line);
        let (checked, listed) = (at(&format!("[ok] {promise}")), at(&format!("  - {promise}")));
        assert!(checked.is_some() && checked < listed, "{promise}");
    }
    assert_eq!(lines.iter().filter(|line| line.starts_with("[ok] ")).count(), PROMISES.len());
    for line in lines.iter().filter(|line| !line.contains(folder_word)) {
        assert!(line.is_ascii() && line.len() <= 100, "{line}");
    }
    let told = told.says("35 rows, for every lab to start from");
    // The commands that are shown are those of the script.
    let text = fs::read_to_string(folder.join("open-by-hand.sh")).unwrap();
    let commands = text.lines().skip_while(|line| !line.starts_with("D="));
    commands.for_each(|line| assert!(told.stdout.contains(line), "{line}"));
    let opened = script(&folder).ok().says("Signature and comment signature verified");
    opened.says("changes.ndjson.zst.age: OK").says("Nakuru Glass Works").says(r#"{"end":{"inserts":5,"#);
    script(&folder).ok();
}

/// Tells the story with a program that does nothing, and says nothing of it, when it is called with these words.
fn story_without(words: &str) -> StoryError {
    let place = tempfile::tempdir().unwrap();
    let program: PathBuf = place.path().join("packmule");
    let real = env!("CARGO_BIN_EXE_packmule");
    let text = format!("#!/bin/sh\n[ \"$*\" = '{words}' ] || exec {real} \"$@\"\n");
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let server = Some(server().binary().path().to_path_buf());
    let options = StoryOptions { program, server, folder: Some(place.path().join("demo")), width: 80 };
    tell(&options, &mut std::io::sink()).unwrap_err()
}

#[test]
fn a_demo_that_is_lied_to_stops_at_the_first_promise_that_does_not_hold() {
    let broken = story_without("-c lab-b.toml import stick");
    assert!(matches!(&broken, StoryError::Broken { promise } if *promise == PROMISES[1]), "{broken}");
}

#[test]
fn a_demo_that_cannot_begin_says_what_to_do() {
    demo(&["--server", "/bin/true"])
        .code(1)
        .says("/bin/true is not a MySQL or MariaDB server")
        .says("--server PATH");
    let place = tempfile::tempdir().unwrap();
    demo(&["--folder", place.path().to_str().unwrap()]).code(1).says("a folder that is not there yet");
}
