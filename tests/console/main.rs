//! The console in a browser: a centre with labs, gaps and conflicts of every kind, `packmule serve` on it, and the tests in
//! `browser/` under `node --test`.
//!
//! Needs nodejs, npm and Chromium, so it is a test of its own that runs only when it is named: `./dev test --console`. Its
//! program is also the one by which those tests look into a database: `console sql SOCKET DATABASE STATEMENT`.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]
#![allow(
    clippy::print_stdout,
    reason = "what a database answers is told to the tests in the browser by its output"
)]

#[path = "../it/harness/mod.rs"]
mod harness;

mod cells;
mod exchanges;
mod served;
mod world;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder, Row, from_value};

use world::World;

/// Arguments are parts of the names of the files in `browser/` that are wanted; none: all. `--keep` tests nothing, and serves
/// the world until its input ends.
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, socket, database, statement] = words.as_slice()
        && word == "sql"
    {
        println!("{}", ask(socket, database, statement));
        return ExitCode::SUCCESS;
    }
    let world = World::new();
    let served = world.serve();
    let told = world.tell(&served);
    if words.iter().any(|word| word == "--keep") {
        println!("{}", fs::read_to_string(&told).unwrap());
        io::read_to_string(io::stdin()).unwrap();
        return ExitCode::SUCCESS;
    }
    let files = files(&words);
    assert!(!files.is_empty(), "no file in tests/console/browser has such a name");
    // One after the other: they share the world, and two cores have enough to do with a browser and its servers.
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]).args(files);
    let status = node.env("PACKMULE_WORLD", told).status().unwrap();
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The files of tests with one of these parts in their names.
fn files(parts: &[String]) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console/browser");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_wanted = parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
        name.ends_with(".test.mjs") && is_wanted
    });
    files.sort();
    files
}

/// What a database answers: JSON, a list of rows, each a list of texts.
fn ask(socket: &str, database: &str, statement: &str) -> String {
    let options = OptsBuilder::new().user(Some("root")).socket(Some(socket)).db_name(Some(database));
    let mut conn = Conn::new(options).unwrap();
    let rows: Vec<Row> = conn.query(statement).unwrap();
    let text = |value| {
        from_value::<Option<Vec<u8>>>(value).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let rows: Vec<Vec<Option<String>>> =
        rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect();
    serde_json::to_string(&rows).unwrap()
}
