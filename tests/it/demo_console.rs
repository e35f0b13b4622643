//! `packmule demo --console`: what it leaves to play with, who may sign in, and that nothing is left of it afterwards.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::harness::{Ran, Visitor, server};

/// The demo, and what it has said up to the line that tells how to end it.
fn begin(folder: &Path) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packmule"));
    command.args(["demo", "--console", "--server"]).arg(server().binary().path()).arg("--folder").arg(folder);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.ends_with("Ctrl-C ends it.\n") {
        let before = said.len();
        lines.read_line(&mut said).unwrap();
        if said.len() == before {
            let output = child.wait_with_output().unwrap();
            panic!("{said}{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    (child, lines, said)
}

#[test]
fn the_demo_s_console_has_labs_a_gap_and_conflicts_and_ends_with_ctrl_c() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("demo");
    let (mut child, mut rest, said) = begin(&folder);
    let after = |words: &str| said.split_once(words).unwrap().1.split_whitespace().next().unwrap();
    let (url, name, password) =
        (after("Console of central: "), after("Sign in as "), after("with the password "));
    for line in said.lines().filter(|line| !line.contains(folder.to_str().unwrap())) {
        assert!(line.is_ascii() && line.len() <= 100, "{line}");
    }
    let mut visitor = Visitor::at(url);
    let stranger = visitor.read("/");
    assert_eq!((stranger.status, stranger.header("location")), (303, Some("/signin")));
    visitor.sign_in(name, password);
    let labs = visitor.read("/");
    assert_eq!(labs.status, 200);
    for lab in ["lab-a", "lab-b", "lab-c"] {
        assert!(labs.body.contains(lab), "{}", labs.body);
    }
    assert!(visitor.read("/labs/lab-b").body.contains("has not arrived"), "lab-b has no gap");
    let conflicts = visitor.read("/conflicts").body;
    for kind in ["changed", "missing", "unique", "orphan"] {
        assert!(conflicts.contains(kind), "no conflict of the kind {kind}: {conflicts}");
    }
    assert!(folder.join("lab-d.card").is_file());
    // What it says about another window is so.
    let packmule = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packmule"));
        let output = command.args(words).current_dir(&folder).output().unwrap();
        Ran::new(words.join(" "), &output).ok()
    };
    packmule(&["-c", "central.toml", "export", "stick"]);
    packmule(&["-c", "lab-a.toml", "import", "stick"]);

    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(child.wait().unwrap().success());
    let mut last = String::new();
    rest.read_to_string(&mut last).unwrap();
    assert!(last.contains(&format!("rm -r {}", folder.canonicalize().unwrap().display())), "{last}");
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    TcpStream::connect(address).expect_err("the console is still there");
}

#[test]
fn a_demo_whose_port_is_taken_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_packmule"));
    command.args(["demo", "--console", "--port", &port, "--server"]).arg(server().binary().path());
    let output = command.arg("--folder").arg(place.path().join("demo")).output().unwrap();
    Ran::new("packmule demo --console".to_owned(), &output)
        .code(1)
        .says("the console of the demo's centre has ended")
        .says("packmule demo --console --port N");
}
