//! Why there is no private server.

use std::io;
use std::path::PathBuf;

/// Why there is no private server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// No server program is on this machine; [`INSTALL_HINT`](super::INSTALL_HINT) says what to do.
    #[error("no MySQL or MariaDB server program was found on this machine")]
    NoServer,

    /// The program is something else.
    #[error("{} is not a MySQL or MariaDB server", path.display())]
    NotAServer {
        /// The program.
        path: PathBuf,
        /// What it answered to `--version`.
        said: String,
    },

    /// MariaDB's own scripts for a new data folder are not where packages put them.
    #[error("the scripts for a new data folder of {} were not found", path.display())]
    NoSystemTables {
        /// The program.
        path: PathBuf,
    },

    /// The data folder could not be made, or the shell that looks after it is gone.
    #[error("cannot keep a throw-away server in {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// A new data folder could not be filled.
    #[error("{} could not make a data folder: {log}", path.display())]
    Template {
        /// The program.
        path: PathBuf,
        /// The end of its log.
        log: String,
    },

    /// The server ended, or did not answer in time.
    #[error("{} did not start: {log}", path.display())]
    Ended {
        /// The program.
        path: PathBuf,
        /// The end of its log.
        log: String,
    },
}
