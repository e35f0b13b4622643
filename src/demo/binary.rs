//! Finds a database server program, and says which one it is.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::ServerError;

/// Whose server it is. The two differ in options, in how a data folder is made, and in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// MariaDB, 10.4 or newer.
    MariaDb,
    /// MySQL, 8.0 or newer.
    MySql,
}

impl fmt::Display for Flavour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Flavour::MariaDb => "MariaDB",
            Flavour::MySql => "MySQL",
        })
    }
}

/// A server program that has answered `--version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerBinary {
    path: PathBuf,
    flavour: Flavour,
    version: (u32, u32),
}

impl ServerBinary {
    /// Returns the program at `path`, after asking it for its version.
    pub fn at(path: &Path) -> Result<ServerBinary, ServerError> {
        let not_a_server = |said: String| ServerError::NotAServer { path: path.to_path_buf(), said };
        let mut ask = Command::new(path);
        // Without --no-defaults a mistake in the machine's my.cnf would be taken for a fault of the program.
        ask.args(["--no-defaults", "--version"]).stdin(Stdio::null());
        let answer = ask.output().map_err(|error| not_a_server(error.to_string()))?;
        let said = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        let (flavour, version) = read_version(&said).ok_or_else(|| not_a_server(said.clone()))?;
        Ok(ServerBinary { path: path.to_path_buf(), flavour, version })
    }

    /// Returns the first server found on PATH and in the folders where packages put one; MariaDB's before MySQL's.
    pub fn find() -> Result<ServerBinary, ServerError> {
        let on_path = env::var_os("PATH").unwrap_or_default();
        match candidates(&on_path).into_iter().find(|path| path.is_file()) {
            Some(path) => ServerBinary::at(&path),
            None => Err(ServerError::NoServer),
        }
    }

    /// Returns the first server of this kind found in the same places.
    pub fn find_of(flavour: Flavour) -> Result<ServerBinary, ServerError> {
        let on_path = env::var_os("PATH").unwrap_or_default();
        let there = candidates(&on_path).into_iter().filter(|path| path.is_file());
        let mut servers = there.filter_map(|path| ServerBinary::at(&path).ok());
        servers.find(|server| server.flavour == flavour).ok_or(ServerError::NoServerOf { flavour })
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose server it is.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// The first two numbers of the version.
    pub fn version(&self) -> (u32, u32) {
        self.version
    }
}

impl fmt::Display for ServerBinary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}.{}", self.flavour, self.version.0, self.version.1)
    }
}

/// Reads `mysqld  Ver 9.7.4 for Linux on x86_64` and `mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for ...`.
fn read_version(said: &str) -> Option<(Flavour, (u32, u32))> {
    let (_, rest) = said.split_once("Ver ")?;
    let number = rest.split_whitespace().next()?;
    let mut parts = number.split(|sign: char| !sign.is_ascii_digit());
    let version = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let flavour = if said.contains("MariaDB") { Flavour::MariaDb } else { Flavour::MySql };
    Some((flavour, version))
}

/// Every place where a server may be, the likeliest first.
fn candidates(on_path: &OsStr) -> Vec<PathBuf> {
    let folders: Vec<PathBuf> = env::split_paths(on_path).chain(FOLDERS.iter().map(PathBuf::from)).collect();
    // On Debian `mysqld` may be a link to MariaDB's server, so the name says little; --version decides.
    ["mariadbd", "mysqld"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .collect()
}

/// What a person without a server has to do.
pub const INSTALL_HINT: &str = "install one: Debian, Ubuntu: apt-get install mariadb-server-core; \
     Fedora: dnf install mariadb-server; macOS: brew install mariadb";

/// Where packages put a server that is not on a plain user's PATH.
const FOLDERS: &[&str] = &[
    "/usr/sbin",
    "/usr/libexec",
    "/usr/bin",
    "/usr/local/sbin",
    "/usr/local/libexec",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/mariadb/bin",
    "/opt/homebrew/opt/mysql/bin",
    "/usr/local/mysql/bin",
    "/opt/mysql/bin",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_by_its_version_line() {
        let maria = "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)";
        assert_eq!(read_version(maria), Some((Flavour::MariaDb, (10, 11))));
        let mysql = "/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))";
        assert_eq!(read_version(mysql), Some((Flavour::MySql, (9, 7))));
        assert_eq!(read_version("bash 5.2"), None);
    }

    #[test]
    fn a_folder_on_the_path_comes_before_the_usual_ones_and_mariadb_before_mysql() {
        let found = candidates(OsStr::new("/a:/b"));
        assert_eq!(found.first(), Some(&PathBuf::from("/a/mariadbd")));
        assert_eq!(found.get(1), Some(&PathBuf::from("/b/mariadbd")));
        assert_eq!(found.get(2), Some(&PathBuf::from("/usr/sbin/mariadbd")));
        assert_eq!(found.last(), Some(&PathBuf::from("/opt/mysql/bin/mysqld")));
    }

    #[test]
    fn a_program_that_is_no_server_is_named() {
        let error = ServerBinary::at(Path::new("/bin/true")).unwrap_err();
        assert_eq!(error.to_string(), "/bin/true is not a MySQL or MariaDB server");
    }
}
