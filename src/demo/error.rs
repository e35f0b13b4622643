//! Why there is no private server, and why a demo could not be told to its end.

use std::io;
use std::path::PathBuf;

use super::binary::Flavour;

/// Why there is no private server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// No server program is on this machine; [`INSTALL_HINT`](super::INSTALL_HINT) says what to do.
    #[error("no MySQL or MariaDB server program was found on this machine")]
    NoServer,

    /// Of the two kinds of server, this one is not on this machine.
    #[error("no {flavour} server program was found on this machine")]
    NoServerOf {
        /// The kind that was looked for.
        flavour: Flavour,
    },

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

/// Why the demo could not be told to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoryError {
    /// There is no server to tell it on.
    #[error(transparent)]
    Server(#[from] ServerError),

    /// One of the demo's own servers refused a statement of the demo's.
    #[error("a server of the demo's refused a statement")]
    Database(#[from] mysql::Error),

    /// The demo's folder cannot be used.
    #[error("cannot use {}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// A command ended in another way than the demo had promised.
    #[error("`{command}` ended with exit code {code}, and {expected} was promised")]
    ExitCode {
        /// The command as it was shown.
        command: String,
        /// How it ended; -1: by a signal.
        code: i32,
        /// How it should have ended.
        expected: i32,
    },

    /// A command did not say what it should have.
    #[error("`{command}` did not say \"{words}\"")]
    Unsaid {
        /// The command as it was shown.
        command: String,
        /// What was missing.
        words: String,
    },

    /// The console of the demo's centre did not start, or ended.
    #[error("the console of the demo's centre has ended: {said}")]
    Console {
        /// What it said last.
        said: String,
    },

    /// A check of the demo's found something else than what was promised.
    #[error("this was promised and is not so: {promise}")]
    Broken {
        /// The promise.
        promise: &'static str,
    },
}
