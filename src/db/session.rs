//! One connection, with every setting that could change how a value is read or written pinned down.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{OptsBuilder, SslOpts};

use crate::db::error::Error;
use crate::db::target::{Target, Tls};
use crate::db::tls::TlsFault;
use crate::model::Stamp;

/// One connection to the site's database.
pub struct Session {
    conn: mysql::Conn,
    flavour: Flavour,
    version: String,
    packet_bytes_max: usize,
}

/// Which of the two servers it is; they differ in a few statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// MariaDB 10.4 or later.
    MariaDb,
    /// MySQL 8.0 or later.
    MySql,
}

/// One row of an answer: a cell is NULL or the server's text or bytes.
pub struct Row(Vec<mysql::Value>);

impl Session {
    /// Connects, signs in and pins the session's settings.
    pub fn open(target: &Target) -> Result<Self, Error> {
        if let Tls::Required { ca: Some(ca) } = &target.tls
            && let Some(fault) = TlsFault::of_ca_file(ca)
        {
            return Err(Error::Insecure { place: target.place(), fault });
        }
        let mut conn = mysql::Conn::new(options(target)).map_err(|source| connect_error(target, source))?;
        let version: Option<(String, String)> = conn
            .query_first("SELECT VERSION(), CAST(@@max_allowed_packet AS CHAR)")
            .map_err(|source| connect_error(target, source))?;
        let (version, packet) = version.unwrap_or_default();
        let flavour = if version.contains("MariaDB") { Flavour::MariaDb } else { Flavour::MySql };
        if is_too_old(flavour, &version) {
            return Err(Error::TooOld { place: target.place(), version });
        }
        let packet_bytes_max = packet.parse().unwrap_or(1 << 20);
        let mut session = Session { conn, flavour, version, packet_bytes_max };
        session.pin_settings()?;
        Ok(session)
    }

    /// Which of the two servers it is.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// What the server calls itself, such as `10.11.6-MariaDB`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the server is, for people: `MariaDB 10.11.6`.
    pub fn server_words(&self) -> String {
        let name = match self.flavour {
            Flavour::MariaDb => "MariaDB",
            Flavour::MySql => "MySQL",
        };
        format!("{name} {}", numbers(&self.version))
    }

    /// How long one statement may be, in bytes.
    pub fn packet_bytes_max(&self) -> usize {
        self.packet_bytes_max
    }

    /// Runs a statement; returns how many rows it touched.
    pub fn execute(&mut self, sql: &str) -> Result<u64, Error> {
        self.check_length(sql.len())?;
        self.conn.query_drop(sql).map_err(|source| Error::refused(sql, source))?;
        Ok(self.conn.affected_rows())
    }

    /// Runs a statement with a password in it. Only `shown` of it is ever seen, in an error.
    pub(super) fn execute_hidden(&mut self, sql: &str, shown: &str) -> Result<(), Error> {
        self.conn.query_drop(sql).map_err(|source| Error::refused(shown, source))
    }

    /// Runs a statement whose question marks stand for these values, which are sent as they are.
    pub(super) fn execute_with(&mut self, sql: &str, values: Vec<Vec<u8>>) -> Result<(), Error> {
        self.check_length(sql.len() + values.iter().map(|value| value.len() + 16).sum::<usize>())?;
        let values: Vec<mysql::Value> = values.into_iter().map(mysql::Value::Bytes).collect();
        self.conn.exec_drop(sql, values).map_err(|source| Error::refused(sql, source))
    }

    /// Runs a statement whose question marks stand for these bytes, which are sent as they are and not as text.
    pub fn execute_bytes(&mut self, sql: &str, values: Vec<Vec<u8>>) -> Result<u64, Error> {
        self.execute_with(sql, values)?;
        Ok(self.conn.affected_rows())
    }

    /// A server hangs up on a statement that is too long for it, and the transaction is lost.
    fn check_length(&self, bytes: usize) -> Result<(), Error> {
        let bytes_max = self.packet_bytes_max;
        if bytes < bytes_max { Ok(()) } else { Err(Error::TooLong { bytes, bytes_max }) }
    }

    /// Whether a value that does not fit is an error, as it is in all sessions of ours, or only a warning.
    pub(super) fn set_strict(&mut self, strict: bool) -> Result<(), Error> {
        let strict = if strict { STRICT } else { "" };
        self.execute(&format!("SET SESSION sql_mode = '{strict}{SQL_MODE}'")).map(drop)
    }

    /// The AUTO_INCREMENT number that the last statement gave, 0 where it gave none.
    pub fn last_insert_id(&self) -> u64 {
        self.conn.last_insert_id()
    }

    /// Runs a query and hands over its rows one by one; memory stays flat however many there are.
    pub fn each<E: From<Error>>(
        &mut self,
        sql: &str,
        mut take: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = self.conn.query_iter(sql).map_err(|source| Error::refused(sql, source))?;
        for row in rows {
            let row = row.map_err(|source| Error::refused(sql, source))?;
            take(Row(row.unwrap()))?;
        }
        Ok(())
    }

    /// Runs a query whose answer is small.
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        self.each(sql, |row| {
            rows.push(row);
            Ok::<(), Error>(())
        })?;
        Ok(rows)
    }

    /// The first row of a query's answer.
    pub fn first(&mut self, sql: &str) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql)?.into_iter().next())
    }

    /// Now, by the server's clock: the one that dates edits.
    pub fn utc_now(&mut self) -> Result<Stamp, Error> {
        let row = self.first("SELECT UTC_TIMESTAMP(6)")?;
        let text = row.as_ref().and_then(|row| row.optional(0)).unwrap_or_default();
        Stamp::from_sql(text).map_err(|_| Error::Unexpected { what: format!("{text:?} for the time") })
    }

    /// Makes the triggers of packmule keep silent for what this session writes.
    pub fn silence_triggers(&mut self) -> Result<(), Error> {
        self.execute("SET @packmule_silent = 1").map(drop)
    }

    fn pin_settings(&mut self) -> Result<(), Error> {
        self.execute("SET NAMES utf8mb4")?;
        // Strict, so that nothing is cut or rounded in silence.
        self.set_strict(true)?;
        self.execute(
            "SET SESSION time_zone = '+00:00', foreign_key_checks = 1, unique_checks = 1, autocommit = 1, sql_safe_updates = 0, \
             net_write_timeout = 3600, net_read_timeout = 3600, wait_timeout = 28800",
        )?;
        // What an administrator may have set for the whole server: answers that stop after some rows, names told apart by their
        // first letters only, a COMMIT that ends the session. DEFAULT would be the server's own setting, not the factory's.
        self.execute(
            "SET SESSION sql_select_limit = 18446744073709551615, sql_big_selects = 1, max_sort_length = 1024, \
             sql_auto_is_null = 0, completion_type = 'NO_CHAIN'",
        )?;
        self.execute("SET SESSION TRANSACTION READ WRITE")?;
        match self.flavour {
            // A list of 1000 keys must stay a look-up by key, not become a join with a temporary table. A versioned table is
            // read as it is now.
            Flavour::MariaDb => self.execute(
                "SET SESSION in_predicate_conversion_threshold = 0, max_statement_time = 0, check_constraint_checks = 1, \
                 system_versioning_asof = DEFAULT, idle_transaction_timeout = 0, idle_write_transaction_timeout = 0, \
                 idle_readonly_transaction_timeout = 0",
            ),
            Flavour::MySql => {
                self.execute("SET SESSION range_optimizer_max_mem_size = 0, max_execution_time = 0")
            }
        }?;
        Ok(())
    }
}

impl Row {
    /// The cell's bytes; `None` for NULL or a cell that is not there.
    pub fn bytes(&self, at: usize) -> Option<&[u8]> {
        match self.0.get(at) {
            Some(mysql::Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The cell's bytes, taken out of the row.
    pub fn take(&mut self, at: usize) -> Option<Vec<u8>> {
        match self.0.get_mut(at).map(|cell| std::mem::replace(cell, mysql::Value::NULL)) {
            Some(mysql::Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The cell as text; `None` for NULL.
    pub fn optional(&self, at: usize) -> Option<&str> {
        self.bytes(at).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The cell as text.
    pub fn text(&self, at: usize) -> Result<&str, Error> {
        self.optional(at).ok_or_else(|| Error::Unexpected { what: format!("no text in cell {at}") })
    }

    /// The cell as a parsed value: a number, a site, a digest.
    pub fn parse<T: std::str::FromStr>(&self, at: usize) -> Result<T, Error> {
        let text = self.text(at)?;
        text.parse().map_err(|_| Error::Unexpected { what: format!("{text:?} in cell {at}") })
    }

    /// The cell as a parsed value; `None` for NULL.
    pub fn parse_optional<T: std::str::FromStr>(&self, at: usize) -> Result<Option<T>, Error> {
        if self.bytes(at).is_none() { Ok(None) } else { self.parse(at).map(Some) }
    }
}

fn options(target: &Target) -> OptsBuilder {
    // A row as large as the server allows must pass, whatever the driver's own default is.
    const PACKET_BYTES_MAX: usize = 1 << 30;
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    let mut options = OptsBuilder::new()
        .user(Some(target.user.as_str()))
        .pass(target.password.as_ref().map(|password| password.expose().to_owned()))
        .db_name(Some(target.database.as_str()))
        .prefer_socket(false)
        .max_allowed_packet(Some(PACKET_BYTES_MAX))
        .tcp_connect_timeout(Some(target.timeout.unwrap_or(CONNECT_TIMEOUT)))
        .read_timeout(target.timeout)
        .write_timeout(target.timeout)
        // Over a long line a statement that is sent many times is prepared once; nearby it is forgotten at once.
        .stmt_cache_size(Some(if target.timeout.is_some() { 2 } else { 0 }));
    options = match &target.socket {
        Some(path) => options.socket(Some(path.to_string_lossy())),
        None => options.ip_or_hostname(Some(target.host.as_str())).tcp_port(target.port),
    };
    if target.host == "localhost" {
        // It may stand for ::1 first, where the server does not listen; from 127.0.0.1 the driver tries that first.
        options = options.bind_address(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
    }
    match &target.tls {
        Tls::Off => options,
        Tls::Required { ca } => options.ssl_opts(SslOpts::default().with_root_cert_path(ca.clone())),
    }
}

fn connect_error(target: &Target, source: mysql::Error) -> Error {
    let place = target.place();
    let ca = match &target.tls {
        Tls::Off => None,
        Tls::Required { ca } => ca.as_deref(),
    };
    if let Some(fault) = TlsFault::of(&source, &target.host, ca) {
        return Error::Insecure { place, fault };
    }
    if matches!(source, mysql::Error::DriverError(mysql::DriverError::UnknownAuthPlugin(_))) {
        // MySQL asks an account that is not there for a proof of some kind or other, so that nobody learns that it is not.
        return Error::SignIn { place, user: target.user.clone(), source: Box::new(source) };
    }
    let mysql::Error::MySqlError(mysql::MySqlError { code, .. }) = source else {
        return Error::Unreachable { place, source: Box::new(source) };
    };
    let source = Box::new(source);
    match code {
        1049 => Error::NoDatabase { place, database: target.database.clone(), source },
        // 1040: too many connections; the server is there, but cannot be used just now
        1040 | 1203 | 1226 | 1053 => Error::Unreachable { place, source },
        _ => Error::SignIn { place, user: target.user.clone(), source },
    }
}

/// The numbers of a version, without the words behind them.
fn numbers(version: &str) -> &str {
    // Some MariaDB servers put a number of MySQL in front, which old programs wanted to read.
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    version.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default()
}

fn is_too_old(flavour: Flavour, version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match flavour {
        Flavour::MariaDb => found < (10, 4),
        Flavour::MySql => found < (8, 0),
    }
}

const STRICT: &str = "STRICT_ALL_TABLES,";
/// Zero dates and zero keys are values like any other.
const SQL_MODE: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_told_by_its_numbers() {
        for (version, told) in [
            ("10.11.14-MariaDB-0+deb12u2", "10.11.14"),
            ("5.5.5-10.6.1-MariaDB", "10.6.1"),
            ("9.7.0", "9.7.0"),
            ("8.0.36-0ubuntu0.22.04.1", "8.0.36"),
        ] {
            assert_eq!(numbers(version), told);
        }
    }

    #[test]
    fn servers_that_are_too_old_are_told_by_their_version() {
        assert!(is_too_old(Flavour::MySql, "5.7.44-log"));
        assert!(!is_too_old(Flavour::MySql, "8.0.36"));
        assert!(!is_too_old(Flavour::MySql, "9.7.4-2"));
        assert!(is_too_old(Flavour::MariaDb, "10.3.39-MariaDB"));
        assert!(!is_too_old(Flavour::MariaDb, "10.11.6-MariaDB-0+deb12u1"));
    }
}
