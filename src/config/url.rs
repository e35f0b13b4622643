//! The address of a database: `mysql://USER[:PASSWORD]@HOST[:PORT]/NAME[?socket=/path/to.sock]`.
//!
//! A socket may also stand in the place of the host, as `mysql://root@%2Frun%2Fmysqld%2Fmysqld.sock/ive_ims`.
//! A name or password may hold any character as `%` and two hexadecimal digits. No error quotes the address:
//! it may hold a password.

use std::fmt::Write;
use std::path::PathBuf;
use std::str::FromStr;

use crate::config::secret::Secret;
use crate::config::suggest::nearest;

/// The parts of a database address that were given; the rest has defaults or stands elsewhere.
#[derive(Debug, Default)]
pub struct DatabaseUrl {
    /// The server's name or number, without brackets.
    pub host: Option<String>,
    /// The server's TCP port.
    pub port: Option<u16>,
    /// The server's socket, for a server on this computer.
    pub socket: Option<PathBuf>,
    /// The account.
    pub user: Option<String>,
    /// The account's password.
    pub password: Option<Secret>,
    /// The database.
    pub name: Option<String>,
}

impl DatabaseUrl {
    /// Writes the address again, without the password.
    pub fn without_password(&self) -> String {
        let mut text = "mysql://".to_owned();
        if let Some(user) = &self.user {
            encode(user, &mut text);
            text.push('@');
        }
        match &self.host {
            Some(host) if host.contains(':') => text.extend(["[", host, "]"]),
            Some(host) => text.push_str(host),
            None => text.push_str("localhost"),
        }
        if let Some(port) = self.port {
            let _ = write!(text, ":{port}");
        }
        text.push('/');
        encode(self.name.as_deref().unwrap_or_default(), &mut text);
        if let Some(socket) = &self.socket {
            text.push_str("?socket=");
            encode(&socket.to_string_lossy(), &mut text);
        }
        text
    }

    fn read_server(&mut self, text: &str) -> Result<(), UrlError> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or(UrlError::Host)?;
                if host.parse::<std::net::Ipv6Addr>().is_err() {
                    return Err(UrlError::Host);
                }
                (
                    host,
                    if after.is_empty() {
                        None
                    } else {
                        Some(after.strip_prefix(':').ok_or(UrlError::Host)?)
                    },
                )
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if let Some(port) = port {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            let number = port.parse().ok().filter(|number| digits && *number != 0);
            self.port = Some(number.ok_or(UrlError::Port)?);
        }
        let host = decode(host)?;
        if host.starts_with('/') {
            self.socket = Some(PathBuf::from(host));
        } else if !host.is_empty() {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
            if !host.bytes().all(plain) {
                return Err(UrlError::Host);
            }
            self.host = Some(host);
        }
        Ok(())
    }

    fn read_options(&mut self, text: &str) -> Result<(), UrlError> {
        for option in text.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            if name != "socket" {
                return Err(UrlError::UnknownOption { near: nearest(name, &["socket"]) });
            }
            if self.socket.is_some() {
                return Err(UrlError::TwoSockets);
            }
            let path = decode(value)?;
            if path.is_empty() {
                return Err(UrlError::Socket);
            }
            self.socket = Some(PathBuf::from(path));
        }
        Ok(())
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let rest = text
            .strip_prefix("mysql://")
            .or_else(|| text.strip_prefix("mariadb://"))
            .ok_or(UrlError::Scheme)?;
        if rest.contains(|c: char| c == '#' || c.is_whitespace() || c.is_control()) {
            return Err(UrlError::Character);
        }
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, name) = rest.split_once('/').unwrap_or((rest, ""));
        if name.contains('/') {
            return Err(UrlError::Character);
        }
        let mut url = DatabaseUrl::default();
        // The last @: one that belongs to a password was often left as it is.
        let server = match authority.rsplit_once('@') {
            Some((account, server)) => {
                let (user, password) = match account.split_once(':') {
                    Some((user, password)) => (user, Some(password)),
                    None => (account, None),
                };
                url.user = Some(decode(user)?).filter(|user| !user.is_empty());
                url.password = password.map(decode).transpose()?.map(Secret::new);
                server
            }
            None => authority,
        };
        url.read_server(server)?;
        url.name = Some(decode(name)?).filter(|name| !name.is_empty());
        url.read_options(options)?;
        Ok(url)
    }
}

/// What is wrong in a database address. Never quotes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Another kind of address, or none.
    #[error("it does not begin with mysql://")]
    Scheme,
    /// A character that must be written another way.
    #[error("it holds a space, a # or a / where none can be")]
    Character,
    /// A server's name that cannot be one.
    #[error("the name of the server cannot be read")]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// `%` without two hexadecimal digits, or not UTF-8.
    #[error("a % must be followed by two hexadecimal digits")]
    Percent,
    /// `socket=` with nothing behind it.
    #[error("socket= needs a path")]
    Socket,
    /// A socket as host and another as option.
    #[error("it names two sockets")]
    TwoSockets,
    /// Something behind `?` that packmule does not know.
    #[error("only socket= can stand behind the ?")]
    UnknownOption {
        /// The known option that was probably meant.
        near: Option<&'static str>,
    },
}

/// Turns `%2F` and its like into what they stand for. `+` stays a plus: passwords hold them.
fn decode(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| (b as char).to_digit(16)).ok_or(UrlError::Percent);
        bytes.push((digit()? << 4 | digit()?) as u8);
    }
    if bytes.contains(&0) {
        return Err(UrlError::Character);
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Percent)
}

fn encode(text: &str, out: &mut String) {
    // A path keeps its slashes, so that people can read it; in a name they would end the name.
    let is_path = text.starts_with('/');
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (is_path && byte == b'/') {
            out.push(byte as char);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> DatabaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn every_part_of_an_address_is_found() {
        let url = read("mysql://packmule:s%40cret+1@db.example.ac.ke:3307/ive_ims");
        assert_eq!(url.host.as_deref(), Some("db.example.ac.ke"));
        assert_eq!(url.port, Some(3307));
        assert_eq!(url.user.as_deref(), Some("packmule"));
        assert_eq!(url.password.as_ref().map(Secret::expose), Some("s@cret+1"));
        assert_eq!(url.name.as_deref(), Some("ive_ims"));
        assert_eq!(url.without_password(), "mysql://packmule@db.example.ac.ke:3307/ive_ims");
        assert_eq!(read("mysql://u:a@b@h/d").password.as_ref().map(Secret::expose), Some("a@b"));
    }

    #[test]
    fn a_socket_stands_behind_the_question_mark_or_as_host() {
        let url = read("mysql://root@localhost/db?socket=/run/a%20b.sock");
        assert_eq!(url.socket, Some(PathBuf::from("/run/a b.sock")));
        assert_eq!(url.without_password(), "mysql://root@localhost/db?socket=/run/a%20b.sock");
        let url = read("mysql://root@%2Frun%2Fmysqld.sock/db");
        assert_eq!((url.socket, url.host), (Some(PathBuf::from("/run/mysqld.sock")), None));
    }

    #[test]
    fn an_ipv6_host_keeps_its_colons() {
        let url = read("mysql://u@[::1]:3306/db");
        assert_eq!((url.host.as_deref(), url.port), (Some("::1"), Some(3306)));
        assert_eq!(url.without_password(), "mysql://u@[::1]:3306/db");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (text, wrong) in [
            ("postgres://u:hunter2@h/d", UrlError::Scheme),
            ("mysql://u:hunter2#@h/d", UrlError::Character),
            ("mysql://u:hunter2@h/d/e", UrlError::Character),
            ("mysql://u:hunter2@h:0/d", UrlError::Port),
            ("mysql://u:hunter2/x@h/d", UrlError::Character),
            ("mysql://u:hunter2@h:+1/d", UrlError::Port),
            ("mysql://u:hunter2%4@h/d", UrlError::Percent),
            ("mysql://u:hunter2%00@h/d", UrlError::Character),
            ("mysql://u:hunter2@[::1/d", UrlError::Host),
            ("mysql://u:hunter2@h,k/d", UrlError::Host),
            ("mysql://u:hunter2@h/d?sockt=/x", UrlError::UnknownOption { near: Some("socket") }),
            ("mysql://u:hunter2@%2Fa/d?socket=/x", UrlError::TwoSockets),
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err();
            assert_eq!(error, wrong, "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
        assert!(!format!("{:?}", read("mysql://u:hunter2@h/d")).contains("hunter2"));
    }
}
