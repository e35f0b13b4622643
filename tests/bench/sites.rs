//! A centre and a lab, made by the real program as a person would make them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use packmule::demo::PrivateServer;

use crate::measure::{Taken, run};

/// A centre and a lab on one server, each with a database of its own.
pub(crate) struct Pair {
    folder: tempfile::TempDir,
}

impl Pair {
    /// Enrols a lab and a centre whose databases are there. `adopt` sends the lab's rows, too.
    pub(crate) fn new(server: &PrivateServer, central: &str, lab: &str, adopt: bool) -> Pair {
        let pair = Pair { folder: tempfile::tempdir_in("/var/tmp").unwrap() };
        std::fs::create_dir(pair.stick()).unwrap();
        let (central, lab) = (server.url(central), server.url(lab));
        let database = ["--database", &central, "--tables", "all"];
        pair.run(
            "central",
            // Both sites are on one server, which keeps its own way of counting.
            &[&["init", "--role", "central", "--site", "central", "--no-series"], &database[..]].concat(),
        );
        let mut init =
            vec!["init", "--role", "lab", "--site", "lab-a", "--database", &lab, "--card", "lab.card"];
        if adopt {
            init.push("--adopt");
        }
        pair.run("lab", &init);
        pair.run("central", &["enrol", "lab.card", "--answer", "lab.answer", "--yes"]);
        pair.run("lab", &["join", "lab.answer", "--yes", "--no-series"]);
        pair
    }

    /// Runs the program at `site`.
    pub(crate) fn run(&self, site: &str, arguments: &[&str]) -> Taken {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packmule"));
        command
            .current_dir(self.folder.path())
            .arg("-c")
            .arg(format!("{site}.toml"))
            .arg("-q")
            .args(arguments);
        run(command.stdout(Stdio::null()))
    }

    /// A folder that stands for a stick.
    pub(crate) fn stick(&self) -> PathBuf {
        self.folder.path().join("stick")
    }

    /// The size of all bundles on the stick, in bytes.
    pub(crate) fn bundle_bytes(&self) -> u64 {
        fn walk(folder: &Path) -> u64 {
            std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| {
                    let path = entry.unwrap().path();
                    match path.is_dir() {
                        true => walk(&path),
                        false if path.extension().is_some_and(|end| end == "mule") => {
                            path.metadata().unwrap().len()
                        }
                        false => 0,
                    }
                })
                .sum()
        }
        walk(&self.stick())
    }
}
