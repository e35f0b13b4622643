//! Measures packmule beside what a user would use instead, on the same servers in one run, as ratios.
//!
//! Nothing here passes or fails: times are for people. tests/README.md says how to read them.

#![allow(clippy::unwrap_used, reason = "a bench that meets the unexpected ends there")]
#![allow(clippy::print_stdout, reason = "its output is the result")]

mod conflicts;
mod console;
mod data;
mod measure;
mod online;
mod peers;
mod sites;
#[path = "../it/harness/visitor.rs"]
mod visitor;
mod works;

use packmule::demo::{Durability, PrivateServer, ServerOptions};

fn main() {
    let size = Size::from_arguments();
    let options = |binary_log| ServerOptions {
        binary: std::env::var_os("PACKMULE_TEST_SERVER").map(Into::into),
        durability: Durability::Durable,
        binary_log,
        arguments: ["--innodb-buffer-pool-size=1G", "--max-allowed-packet=64M"].map(String::from).to_vec(),
    };
    let server = PrivateServer::start(&options(false)).unwrap();
    println!(
        "{}, durable settings; {} rows, {} changes in the mix\n",
        server.binary(),
        size.rows,
        size.changes
    );
    if size.is_console {
        console::console(&server, &size);
        return;
    }
    if size.only.is_none() {
        works::capture(&server, &size);
        works::fresh_rows(&server, &size);
        works::snapshot(&server, &size);
        works::round(&server, &size);
        online::line(&server, &size);
        online::crowd(&server, &size);
        works::mix(&server, &options(true), &size);
    }
    conflicts::conflicts(&server, &size);
    if size.only.is_none() {
        console::console(&server, &size);
    }
}

/// How much is measured.
#[derive(Clone)]
pub(crate) struct Size {
    /// Rows of the table.
    pub(crate) rows: u64,
    /// Changes of the mix.
    pub(crate) changes: u64,
    /// Statements where a peer works one by one.
    pub(crate) singles: u64,
    /// Labs of one centre.
    pub(crate) labs: u64,
    /// Rows in conflict, at the smallest of three sizes.
    pub(crate) conflicts: u64,
    /// `--conflicts [WORD]`: nothing but conflicts, and of these the sorts with that word in their names.
    pub(crate) only: Option<String>,
    /// `--console`: nothing but the console.
    pub(crate) is_console: bool,
}

impl Size {
    /// The whole measure, or a hundredth of it with `--quick`.
    fn from_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
        let is_quick = arguments.iter().any(|one| one == "--quick");
        let words = arguments.iter().skip_while(|one| *one != "--conflicts").collect::<Vec<_>>();
        let word = words.get(1).filter(|one| !one.starts_with("--")).map_or("", |one| one.as_str());
        let only = (!words.is_empty()).then(|| word.to_owned());
        let is_console = arguments.iter().any(|one| one == "--console");
        match is_quick {
            true => Size {
                rows: 20_000,
                changes: 3_000,
                singles: 500,
                labs: 10,
                conflicts: 100,
                only,
                is_console,
            },
            false => {
                let (rows, changes, singles) = (1_000_000, 300_000, 10_000);
                Size { rows, changes, singles, labs: 200, conflicts: 1000, only, is_console }
            }
        }
    }

    /// Whether conflicts of this name are measured.
    pub(crate) fn is_wanted(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|word| name.contains(word.as_str()))
    }
}
