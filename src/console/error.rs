//! Why the console cannot be served. What goes wrong on a page is told there.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config;
use crate::engine;

/// Why the console cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is one that others can reach, and what they would send could be read on the way.
    #[error("the console would be open to the network at {listen}, in the clear")]
    InTheClear {
        /// The address.
        listen: SocketAddr,
    },
    /// The address cannot be used.
    #[error("the console cannot listen at {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// A file with a certificate or key cannot be used.
    #[error("{} cannot be used for TLS: {why}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file of the console cannot be read or written.
    #[error("{} cannot be used", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file with the word for `/metrics` cannot be used.
    #[error(transparent)]
    Token(#[from] config::Error),
    /// The site cannot be opened.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

/// Reads the word that a program must send to read `/metrics`. A short one would be found by trying.
pub(super) fn read_token(path: &Path) -> Result<String, Error> {
    const CHARS_MIN: usize = 16;
    let token = config::read_passphrase(path)?;
    if token.chars().count() < CHARS_MIN {
        let why = format!("the word in its first line has fewer than {CHARS_MIN} characters");
        let source = io::Error::new(io::ErrorKind::InvalidData, why);
        return Err(Error::File { path: path.to_owned(), source });
    }
    Ok(token.as_str().to_owned())
}
