//! Where a database is and how to sign in to it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

/// A password. Shows nothing, and is wiped when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Wraps what a settings file, a command or a person gave.
    pub fn new(text: String) -> Self {
        Password(Zeroizing::new(text))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Where a database is and how to sign in to it.
#[derive(Debug)]
pub struct Target {
    /// Host name or address; not used when `socket` is given.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// A Unix socket's path, used instead of host and port.
    pub socket: Option<PathBuf>,
    /// The account.
    pub user: String,
    /// Its password, where it has one.
    pub password: Option<Password>,
    /// The database (schema) that holds the shared tables.
    pub database: String,
    /// Whether the line is encrypted.
    pub tls: Tls,
    /// How long to wait for the server each time: to connect, for an answer, to hand over what is sent. `None` on a line
    /// that does not break without a word.
    pub timeout: Option<Duration>,
}

/// Whether the line to the server is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// In the clear: sockets and loopback.
    Off,
    /// TLS, the server's certificate checked against this CA file, or the public authorities.
    Required {
        /// A PEM file with the authority that signed the server's certificate.
        ca: Option<PathBuf>,
    },
}

impl Target {
    /// The server as messages name it: `127.0.0.1:3306`, or the socket's path.
    pub fn place(&self) -> String {
        match &self.socket {
            Some(path) => path.display().to_string(),
            None => format!("{}:{}", self.host, self.port),
        }
    }
}
