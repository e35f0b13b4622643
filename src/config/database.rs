//! How to reach a database: what `[database]` and `[central]` say, as plain data for the module that connects.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::config::client_file::ClientFile;
use crate::config::error::Error;
use crate::config::fault::Problem;
use crate::config::files::read_small_text;
use crate::config::reader::{Found, Section};
use crate::config::secret::Secret;
use crate::config::settings::Source;
use crate::config::url::DatabaseUrl;

/// How to reach and sign in to one database.
#[derive(Debug)]
pub struct Database {
    /// The server, as an IP address or a name; without TLS, `localhost` has become `127.0.0.1`.
    pub host: String,
    /// The server's TCP port.
    pub port: u16,
    /// The server's socket. Where it is given, host and port are not used.
    pub socket: Option<PathBuf>,
    /// The account.
    pub user: String,
    /// The database.
    pub name: String,
    /// Where the account's password is.
    pub password: Password,
    /// Whether the way to the server is encrypted.
    pub tls: Tls,
    /// The certificate that the server's must come from, where it is not one of the system's.
    pub ca: Option<PathBuf>,
}

impl Database {
    /// Every name that a section about a database can hold.
    pub(super) const NAMES: &'static [&'static str] = &[
        "url",
        "host",
        "port",
        "user",
        "socket",
        "name",
        "password_file",
        "password_command",
        "defaults_file",
        "tls",
        "ca",
    ];

    /// Reads a section of the settings. Paths in it start at `folder`, the one that holds the settings file.
    pub(super) fn read(section: &Section<'_>, folder: &Path, file_mode: u32) -> Result<Self, Error> {
        let url = read_url(section, file_mode)?;
        let client = match section.text("defaults_file")? {
            Some(found) => {
                let path = folder.join(section.shown(found));
                let client = ClientFile::open(&path)?;
                Some((path, client))
            }
            None => None,
        };
        let mut read = Parts { section, client: client.as_ref(), url: url.as_ref() };
        let socket = read.part(
            "socket",
            |url| url.socket.as_ref().map(|path| path.display().to_string()),
            |client| client.socket.clone(),
        )?;
        let host = read.part("host", |url| url.host.clone(), |client| client.host.clone())?;
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        let port = read.port()?;
        let user = read.part("user", |url| url.user.clone(), |client| client.user.clone())?;
        let user = user.ok_or_else(|| section.missing("user"))?;
        let name = read.part("name", |url| url.name.clone(), |_| None)?;
        let name = name.ok_or_else(|| section.missing("name"))?;
        let socket = socket.map(|path| folder.join(path));
        let tls = section.word("tls", Tls::WORDS, |word| word.parse().ok())?;
        let tls = section.shown_or("tls", tls, Tls::default_for(&host, socket.is_some()));
        let host = match (host.as_str(), tls) {
            ("localhost", Tls::Off) => "127.0.0.1".to_owned(),
            // A certificate is made for a name.
            (_, Tls::Off | Tls::Preferred | Tls::Required) => host,
        };
        let ca = section.text("ca")?.map(|found| folder.join(section.shown(found)));
        let password = read_password(section, folder, url, client)?;
        Ok(Database { host, port, socket, user, name, password, tls, ca })
    }

    /// Where the server is, in words: its socket, or host and port.
    pub fn place(&self) -> String {
        match &self.socket {
            Some(socket) => socket.display().to_string(),
            None if self.host.contains(':') => format!("[{}]:{}", self.host, self.port),
            None => format!("{}:{}", self.host, self.port),
        }
    }
}

crate::config::rules::choice! {
    /// Whether the way to a server is encrypted.
    Tls {
        /// Never: fit for sockets and loopback only.
        Off = "off",
        /// Where the server can.
        Preferred = "preferred",
        /// Always, with a certificate that is checked.
        Required = "required",
    }
}

impl Tls {
    /// Nothing leaves the computer on a socket or loopback; everywhere else encryption is needed.
    pub(super) fn default_for(host: &str, socket: bool) -> Self {
        let loopback =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if socket || loopback { Tls::Off } else { Tls::Required }
    }
}

/// Where the password of an account is.
#[derive(Debug)]
pub enum Password {
    /// There is none: the server knows the account by its socket, or lets it in.
    None,
    /// It was in the address or in an option file, or a person has typed it.
    Given(Secret),
    /// On the first line of this file.
    File(PathBuf),
    /// On the first line of what this command prints.
    Command(String),
}

impl Password {
    /// Returns the password itself; reads the file or runs the command now, not before.
    pub fn read(&self) -> Result<Option<Zeroizing<String>>, Error> {
        match self {
            Password::None => Ok(None),
            Password::Given(secret) => Ok(Some(Zeroizing::new(secret.expose().to_owned()))),
            Password::File(path) => {
                let (text, mode) = read_small_text(path, PASSWORD_FILE_BYTES_MAX)?;
                // The group may read it: that is how a service's account is let in. Everybody may not.
                if mode & 0o007 != 0 {
                    return Err(Error::PasswordOpen { path: path.clone(), mode });
                }
                Ok(Some(first_line(&text)))
            }
            Password::Command(command) => {
                run(command).map(Some).map_err(|source| Error::PasswordCommand { source })
            }
        }
    }
}

/// The three places that a part of the address can come from, the first one wins: its own name or the `url`, then
/// the option file.
struct Parts<'a, 'r> {
    section: &'a Section<'r>,
    client: Option<&'a (PathBuf, ClientFile)>,
    url: Option<&'a Found<DatabaseUrl>>,
}

impl Parts<'_, '_> {
    fn part(
        &mut self,
        key: &str,
        in_url: impl Fn(&DatabaseUrl) -> Option<String>,
        in_client: impl Fn(&ClientFile) -> Option<String>,
    ) -> Result<Option<String>, Error> {
        let found = self.section.text(key)?;
        self.choose(key, found, in_url, in_client)
    }

    fn port(&mut self) -> Result<u16, Error> {
        let found = self.section.port("port")?;
        let port = self.choose("port", found, |url| url.port, |client| client.port)?;
        Ok(port.unwrap_or_else(|| self.section.shown_or("port", None, MYSQL_PORT)))
    }

    fn choose<T: ToString>(
        &self,
        key: &str,
        found: Option<Found<T>>,
        in_url: impl Fn(&DatabaseUrl) -> Option<T>,
        in_client: impl Fn(&ClientFile) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let from_url = self.url.and_then(|url| Some((in_url(&url.value)?, url)));
        match (found, from_url) {
            (Some(found), Some(_)) => {
                let (first, second) = (self.section.full(key), self.section.full("url"));
                Err(self.section.refuse(&found, Problem::Both { first, second }))
            }
            (Some(found), None) => Ok(Some(self.section.shown(found))),
            (None, Some((value, url))) => {
                self.section.show_as(key, value.to_string(), self.section.source_of(url));
                Ok(Some(value))
            }
            (None, None) => Ok(self.client.and_then(|(path, client)| {
                let value = in_client(client)?;
                self.section.show_as(key, value.to_string(), Source::ClientFile(path.clone()));
                Some(value)
            })),
        }
    }
}

fn read_url(section: &Section<'_>, file_mode: u32) -> Result<Option<Found<DatabaseUrl>>, Error> {
    let Some(found) = section.text("url")? else { return Ok(None) };
    match found.value.parse::<DatabaseUrl>() {
        Ok(url) if url.password.is_some() && file_mode & 0o007 != 0 => {
            let name = found.name.clone();
            Err(section.refuse(&found, Problem::OpenPassword { name }))
        }
        Ok(url) => {
            section.show_as("url", url.without_password(), section.source_of(&found));
            Ok(Some(found.map(|_| url)))
        }
        Err(source) => {
            let name = found.name.clone();
            Err(section.refuse(&found, Problem::Url { name, source }))
        }
    }
}

fn read_password(
    section: &Section<'_>,
    folder: &Path,
    url: Option<Found<DatabaseUrl>>,
    client: Option<(PathBuf, ClientFile)>,
) -> Result<Password, Error> {
    let file = section.text("password_file")?;
    let command = section.text("password_command")?;
    if let (Some(file), Some(_)) = (&file, &command) {
        let (first, second) = (section.full("password_file"), section.full("password_command"));
        return Err(section.refuse(file, Problem::Both { first, second }));
    }
    let url_source = url.as_ref().map_or(Source::Default, |url| section.source_of(url));
    let in_url = url.and_then(|url| url.value.password);
    if let (Some(found), Some(_)) = (file.as_ref().or(command.as_ref()), &in_url) {
        let (first, second) = (found.name.clone(), format!("a password in {}", section.full("url")));
        return Err(section.refuse(found, Problem::Both { first, second }));
    }
    if let Some(file) = file {
        return Ok(Password::File(folder.join(section.shown(file))));
    }
    if let Some(command) = command {
        return Ok(Password::Command(section.shown(command)));
    }
    if let Some(secret) = in_url {
        section.show_as("password", "(not shown)", url_source);
        return Ok(Password::Given(secret));
    }
    if let Some((path, ClientFile { password: Some(secret), .. })) = client {
        section.show_as("password", "(not shown)", Source::ClientFile(path));
        return Ok(Password::Given(secret));
    }
    Ok(Password::None)
}

fn run(command: &str) -> io::Result<Zeroizing<String>> {
    let mut shell = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
    shell
        .arg(if cfg!(windows) { "/C" } else { "-c" })
        .arg(command)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = shell.output()?;
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(io::Error::other(format!("it ended with {}", output.status)));
    }
    match std::str::from_utf8(&printed).map(first_line) {
        Ok(line) if !line.is_empty() => Ok(line),
        Ok(_) => Err(io::Error::other("it printed nothing")),
        Err(cause) => Err(io::Error::new(io::ErrorKind::InvalidData, cause)),
    }
}

fn first_line(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())
}

const MYSQL_PORT: u16 = 3306;
const PASSWORD_FILE_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_is_left_out_only_where_nothing_leaves_the_computer() {
        assert_eq!(Tls::default_for("127.0.0.1", false), Tls::Off);
        assert_eq!(Tls::default_for("::1", false), Tls::Off);
        assert_eq!(Tls::default_for("localhost", false), Tls::Off);
        assert_eq!(Tls::default_for("10.0.0.1", true), Tls::Off);
        assert_eq!(Tls::default_for("10.0.0.1", false), Tls::Required);
        assert_eq!(Tls::default_for("db.example.ac.ke", false), Tls::Required);
    }

    #[cfg(unix)]
    #[test]
    fn a_command_gives_its_first_line_or_says_why_not() {
        assert_eq!(run("echo s3cret; echo more").unwrap().as_str(), "s3cret");
        assert_eq!(run("exit 3").unwrap_err().to_string(), "it ended with exit status: 3");
        assert_eq!(run("true").unwrap_err().to_string(), "it printed nothing");
    }

    #[cfg(unix)]
    #[test]
    fn a_password_file_is_for_its_owner_and_group_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.password");
        std::fs::write(&path, "s3cret\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let password = Password::File(path.clone());
        assert_eq!(password.read().unwrap().unwrap().as_str(), "s3cret");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(password.read(), Err(Error::PasswordOpen { .. })));
    }
}
