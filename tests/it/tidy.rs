//! The house rules that a machine can hold us to. Each check is a function over what it looks at, with a test that it
//! can fail beside the test that the repository passes it.

mod imports;
mod mutants;
mod readme;
mod shown;
mod texts;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository, by its path from the root.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below these folders or at these paths, with its path from the root; sorted. Absent ones are none.
fn files(places: &[&str]) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for place in places {
        // What npm puts there for the tests in the browser is not ours, and not in the repository.
        let own = walkdir::WalkDir::new(root().join(place))
            .into_iter()
            .filter_entry(|entry| entry.file_name() != "node_modules");
        for entry in own.filter_map(Result::ok) {
            if entry.file_type().is_file() {
                let name = entry.path().strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push((name, entry.into_path()));
            }
        }
    }
    found.sort();
    found
}

/// Every text among [`files`], with its words. A file that is not UTF-8 is no text.
fn texts(places: &[&str]) -> Vec<(String, String)> {
    let read = |(name, path): (String, PathBuf)| Some((name, fs::read_to_string(path).ok()?));
    files(places).into_iter().filter_map(read).collect()
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
