//! The `[client]` section of a MySQL option file (`my.cnf`), where an account may already be written down.

use std::path::Path;

use zeroize::Zeroizing;

use crate::config::error::Error;
use crate::config::files::read_small_text;
use crate::config::secret::Secret;

/// What the `[client]` section says. Names that packmule has no use for are passed over, as every client does.
#[derive(Debug, Default)]
pub(super) struct ClientFile {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) socket: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
}

impl ClientFile {
    /// Reads `path`. A file with a password that everybody may read is refused.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let (text, mode) = read_small_text(path, CLIENT_FILE_BYTES_MAX)?;
        let file = Self::read(&text);
        if file.password.is_some() && mode & 0o007 != 0 {
            return Err(Error::PasswordOpen { path: path.to_owned(), mode });
        }
        Ok(file)
    }

    fn read(text: &str) -> Self {
        let mut file = ClientFile::default();
        let mut in_client = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                in_client = line == "[client]";
            } else if let Some((name, value)) = line.split_once('=').filter(|_| in_client) {
                let mut value = value_of(value.trim());
                match name.trim() {
                    "host" => file.host = Some(std::mem::take(&mut *value)),
                    "port" => file.port = value.parse().ok().filter(|port| *port != 0),
                    "socket" => file.socket = Some(std::mem::take(&mut *value)),
                    "user" => file.user = Some(std::mem::take(&mut *value)),
                    "password" => file.password = Some(Secret::new(std::mem::take(&mut *value))),
                    _ => {}
                }
            }
        }
        file
    }
}

/// Takes quotes, a comment at the end of the line and backslashes away, as the `mysql` client does.
fn value_of(text: &str) -> Zeroizing<String> {
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    let bare = match quote {
        Some(quote) => {
            let inner = &text[1..];
            inner.rfind(quote).map_or(text, |end| &inner[..end])
        }
        None => text.split('#').next().unwrap_or_default().trim_end(),
    };
    let mut value = Zeroizing::new(String::with_capacity(bare.len()));
    let mut rest = bare.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => value.push('\n'),
            Some('t') => value.push('\t'),
            Some('r') => value.push('\r'),
            Some('b') => value.push('\x08'),
            Some('s') => value.push(' '),
            Some('\\') | None => value.push('\\'),
            Some(other) => value.extend(['\\', other]),
        }
    }
    value
}

const CLIENT_FILE_BYTES_MAX: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_client_section_counts() {
        let file = ClientFile::read(
            "[mysqld]\nuser = mysql\n# comment\n[client]\nuser=packmule # who\npassword = \"a#b \"\n\
             port = 3307\nssl-verify-server-cert\n[mysqldump]\npassword = other\n",
        );
        assert_eq!(file.user.as_deref(), Some("packmule"));
        assert_eq!(file.password.as_ref().map(Secret::expose), Some("a#b "));
        assert_eq!((file.port, file.host, file.socket), (Some(3307), None, None));
    }

    #[test]
    fn backslashes_mean_what_the_mysql_client_takes_them_for() {
        assert_eq!(value_of(r"a\sb\\c\q").as_str(), r"a b\c\q");
        assert_eq!(value_of(r#""unfinished"#).as_str(), r#""unfinished"#);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_a_password_that_everybody_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.cnf");
        std::fs::write(&path, "[client]\npassword=x\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(ClientFile::open(&path), Err(Error::PasswordOpen { mode: 0o644, .. })));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(ClientFile::open(&path).is_ok());
    }
}
