//! `packmule demo`, told to its end on the server under test, and what it leaves behind.

use std::path::Path;
use std::process::Command;

use crate::harness::{Ran, server};

fn demo(arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_packmule")).arg("demo").args(arguments).output().unwrap();
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
    let told = demo(&["--server", binary, "--folder", folder_word]).ok().says("Everything was as promised");
    for line in told.stdout.lines().filter(|line| !line.contains(folder_word)) {
        assert!(line.is_ascii() && line.len() <= 80, "{line}");
    }
    // The commands that are shown are those of the script.
    let text = std::fs::read_to_string(folder.join("open-by-hand.sh")).unwrap();
    let commands = text.lines().skip_while(|line| !line.starts_with("D="));
    commands.for_each(|line| assert!(told.stdout.contains(line), "{line}"));
    let opened = script(&folder).ok().says("Signature and comment signature verified");
    opened.says("changes.ndjson.zst.age: OK").says("Nakuru Glass Works").says(r#"{"end":{"inserts":5,"#);
    script(&folder).ok();
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
