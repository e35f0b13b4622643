//! What a database can answer that is not what was asked for.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the driver's own enums: what is not named here is all the same to us"
)]

use crate::db::tls::TlsFault;

/// Why the database could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody answers, or the line broke before signing in.
    #[error("cannot reach MySQL at {place}")]
    Unreachable {
        /// Host and port, or socket.
        place: String,
        /// What the system said.
        source: Box<mysql::Error>,
    },
    /// The server is there, and the line to it cannot be encrypted as the settings want it.
    #[error("no safe line to MySQL at {place}")]
    Insecure {
        /// Host and port.
        place: String,
        /// Why.
        fault: TlsFault,
    },
    /// The account or its password is not accepted, or may not use the database.
    #[error("cannot sign in to MySQL at {place} as '{user}'")]
    SignIn {
        /// Host and port, or socket.
        place: String,
        /// The account.
        user: String,
        /// What the server said.
        source: Box<mysql::Error>,
    },
    /// The server has no database of that name.
    #[error("there is no database '{database}' on MySQL at {place}")]
    NoDatabase {
        /// Host and port, or socket.
        place: String,
        /// The database.
        database: String,
        /// What the server said.
        source: Box<mysql::Error>,
    },
    /// A server too old for what packmule needs.
    #[error("the server at {place} is too old: {version}")]
    TooOld {
        /// Host and port, or socket.
        place: String,
        /// What the server calls itself.
        version: String,
    },
    /// A statement was refused.
    #[error("the database refused: {doing}")]
    Refused {
        /// The statement's beginning.
        doing: String,
        /// What sort of refusal it is.
        class: Class,
        /// What the server said.
        source: Box<mysql::Error>,
    },
    /// A statement is longer than the server reads; it was not sent, because the server would hang up.
    #[error("a statement of {bytes} bytes is longer than the {bytes_max} that the server takes")]
    TooLong {
        /// How long the statement is.
        bytes: usize,
        /// What the server takes: its max_allowed_packet.
        bytes_max: usize,
    },
    /// A column would not keep a value as it is; it was not written.
    #[error("column {column} {why}")]
    Misfit {
        /// The column.
        column: String,
        /// Why not.
        why: String,
    },
    /// A cell that the server sent is not what its column should hold.
    #[error("the database sent an unexpected value: {what}")]
    Unexpected {
        /// Which.
        what: String,
    },
}

impl Error {
    /// Whether the same again, later, may succeed without anybody's help.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Unreachable { .. } => true,
            Error::Insecure { fault, .. } => fault.may_pass(),
            Error::Refused { class, .. } => match class {
                Class::TryAgain | Class::LineLost => true,
                Class::ForeignKey | Class::Duplicate | Class::Value | Class::Rights | Class::Other => false,
            },
            Error::SignIn { .. }
            | Error::NoDatabase { .. }
            | Error::TooOld { .. }
            | Error::TooLong { .. }
            | Error::Misfit { .. }
            | Error::Unexpected { .. } => false,
        }
    }

    /// What sort of refusal a statement met; `None` when it is not about a statement.
    pub fn class(&self) -> Option<Class> {
        match self {
            Error::Refused { class, .. } => Some(*class),
            Error::TooLong { .. } | Error::Misfit { .. } => Some(Class::Value),
            Error::Unreachable { .. }
            | Error::Insecure { .. }
            | Error::SignIn { .. }
            | Error::NoDatabase { .. }
            | Error::TooOld { .. }
            | Error::Unexpected { .. } => None,
        }
    }

    /// The server's number for it (1062, ...), where it gave one.
    pub fn code(&self) -> Option<u16> {
        match self.source_error()? {
            mysql::Error::MySqlError(error) => Some(error.code),
            _ => None,
        }
    }

    /// The database's or the system's own words, with the number, for a message's `cause` line.
    pub fn cause(&self) -> Option<String> {
        match self {
            Error::TooLong { bytes, bytes_max } => {
                return Some(format!(
                    "max_allowed_packet is {bytes_max} here, and the row takes {bytes}: raise it, then edit the row there once more"
                ));
            }
            Error::Misfit { column, why } => {
                return Some(format!("column {column} {why}; change the column here, or the value there"));
            }
            Error::Insecure { fault, .. } => return Some(fault.to_string()),
            Error::Unreachable { .. }
            | Error::SignIn { .. }
            | Error::NoDatabase { .. }
            | Error::TooOld { .. }
            | Error::Refused { .. }
            | Error::Unexpected { .. } => {}
        }
        if self.is_silence() {
            return Some("no answer came in time".to_owned());
        }
        Some(match self.source_error()? {
            mysql::Error::MySqlError(error) => format!("{} ({})", error.message, error.code),
            mysql::Error::IoError(error) => error.to_string(),
            mysql::Error::DriverError(error) => error.to_string(),
            // The driver wraps what the system said; people need only that.
            mysql::Error::CodecError(error) => {
                let words = error.to_string();
                let own = words.strip_prefix("IO error: `").and_then(|words| words.strip_suffix('\''));
                own.map(str::to_owned).unwrap_or(words)
            }
            other => other.to_string(),
        })
    }

    /// Whether the other end kept silent for longer than the line's timeout allows.
    pub fn is_silence(&self) -> bool {
        let is_it = |kind| matches!(kind, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
        match self.source_error() {
            Some(mysql::Error::IoError(error)) => is_it(error.kind()),
            Some(mysql::Error::DriverError(mysql::DriverError::ConnectTimeout)) => true,
            // The driver does not hand out what the system said, but its kind stands in what it shows.
            Some(mysql::Error::CodecError(error)) => {
                let shown = format!("{error:?}");
                ["kind: WouldBlock", "kind: TimedOut"].iter().any(|kind| shown.contains(kind))
            }
            Some(_) | None => false,
        }
    }

    fn source_error(&self) -> Option<&mysql::Error> {
        match self {
            Error::Unreachable { source, .. }
            | Error::SignIn { source, .. }
            | Error::NoDatabase { source, .. }
            | Error::Refused { source, .. } => Some(source),
            Error::Insecure { .. }
            | Error::TooOld { .. }
            | Error::TooLong { .. }
            | Error::Misfit { .. }
            | Error::Unexpected { .. } => None,
        }
    }

    pub(super) fn refused(sql: &str, source: mysql::Error) -> Self {
        const SHOWN_CHARS: usize = 80;
        let mut doing: String = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((cut, _)) = doing.char_indices().nth(SHOWN_CHARS) {
            doing.truncate(cut);
            doing.push_str("...");
        }
        Error::Refused { doing, class: Class::of(&source), source: Box::new(source) }
    }
}

/// What sort of refusal a statement met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Deadlock, lock wait timeout, a cluster's certification: the whole transaction again.
    TryAgain,
    /// The line broke or the server went away.
    LineLost,
    /// A parent is missing, or children are still there.
    ForeignKey,
    /// Another row holds the same unique key.
    Duplicate,
    /// The value does not fit its column or a CHECK.
    Value,
    /// The account may not do this.
    Rights,
    /// Anything else.
    Other,
}

impl Class {
    /// Sorts an error by the server's number; the numbers are the same on MySQL and MariaDB except where noted.
    fn of(error: &mysql::Error) -> Self {
        match error {
            mysql::Error::MySqlError(error) => match Class::of_code(error.code) {
                // data exceptions, violated constraints, and what a trigger signals: about the row, not about us
                Class::Other
                    if ["22", "23", "44", "45"].iter().any(|state| error.state.starts_with(state)) =>
                {
                    Class::Value
                }
                class => class,
            },
            mysql::Error::IoError(_) | mysql::Error::CodecError(_) | mysql::Error::TlsError(_) => {
                Class::LineLost
            }
            mysql::Error::DriverError(error) => match error {
                mysql::DriverError::PacketTooLarge => Class::Value,
                _ => Class::LineLost,
            },
            mysql::Error::UrlError(_) | mysql::Error::FromValueError(_) | mysql::Error::FromRowError(_) => {
                Class::Other
            }
        }
    }

    fn of_code(code: u16) -> Self {
        match code {
            // 1020: MariaDB's snapshot isolation; 1412: a table was altered after a snapshot was opened; 1180, 1047: a cluster that lost the race or its quorum; 3101: Group Replication
            1205 | 1213 | 1020 | 1412 | 1180 | 1047 | 3101 | 3572 | 1614 => Class::TryAgain,
            2006 | 2013 | 1053 | 1317 | 3024 | 1927 | 4031 => Class::LineLost,
            1216 | 1217 | 1451 | 1452 | 1557 | 1761 | 1762 => Class::ForeignKey,
            1022 | 1062 | 1169 | 1586 | 1859 => Class::Duplicate,
            // 1526, 1748: no partition for the row; 4025: MariaDB's CHECK; 3819: MySQL's; 3140, 3141: JSON; 1416, 3037, 3516...: geometry; 1644: SIGNAL in a trigger
            1048
            | 1263..=1266
            | 1292
            | 1364
            | 1366
            | 1367
            | 1406
            | 1411
            | 1416
            | 1425..=1427
            | 1525..=1526
            | 1644
            | 1690
            | 1748
            | 3037
            | 3140..=3143
            | 3156
            | 3516
            | 3616
            | 3617
            | 3643
            | 3819
            | 4025
            | 4078
            | 1153
            | 1301
            | 1118
            | 3903
            // a VECTOR of another length
            | 6136..=6138 => Class::Value,
            1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1419 | 1290 => Class::Rights,
            _ => Class::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_a_second_try_can_mend_are_told_from_those_it_cannot() {
        for code in [1205, 1213, 1412, 2006, 2013] {
            let class = Class::of_code(code);
            assert!(class == Class::TryAgain || class == Class::LineLost, "{code}");
        }
        assert_eq!(Class::of_code(1062), Class::Duplicate);
        assert_eq!(Class::of_code(1452), Class::ForeignKey);
        assert_eq!(Class::of_code(1406), Class::Value);
        assert_eq!(Class::of_code(1142), Class::Rights);
    }
}
