//! Measures packmule beside what a user would use instead, on the same servers in one run, as ratios.
//!
//! Nothing here passes or fails: times are for people. tests/README.md says how to read them.

#![allow(clippy::unwrap_used, reason = "a bench that meets the unexpected ends there")]
#![allow(clippy::print_stdout, reason = "its output is the result")]

mod data;
mod measure;
mod online;
mod peers;
mod sites;
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
    works::capture(&server, &size);
    works::fresh_rows(&server, &size);
    works::snapshot(&server, &size);
    works::round(&server, &size);
    online::line(&server, &size);
    online::crowd(&server, &size);
    works::mix(&server, &options(true), &size);
}

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Rows of the table.
    pub(crate) rows: u64,
    /// Changes of the mix.
    pub(crate) changes: u64,
    /// Statements where a peer works one by one.
    pub(crate) singles: u64,
    /// Labs of one centre.
    pub(crate) labs: u64,
}

impl Size {
    /// The whole measure, or a hundredth of it with `--quick`.
    fn from_arguments() -> Self {
        match std::env::args().any(|argument| argument == "--quick") {
            true => Size { rows: 20_000, changes: 3_000, singles: 500, labs: 10 },
            false => Size { rows: 1_000_000, changes: 300_000, singles: 10_000, labs: 200 },
        }
    }
}
