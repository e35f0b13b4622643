//! Accounts of the server: made, given rights, locked and dropped. A statement with a password in it is never shown.

use std::fmt;

use crate::db::error::Error;
use crate::db::session::Session;
use crate::db::sql;
use crate::db::target::Password;

/// An account: a user and the host that it comes from, as a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: String,
    /// Where it comes from: a name, an address, or `%` for anywhere.
    pub host: String,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", sql::text(&self.user), sql::text(&self.host))
    }
}

/// Whether an account is let in by an encrypted line only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// It must be encrypted.
    Encrypted,
    /// It may be in the clear.
    Any,
}

impl Line {
    /// What `CREATE USER` says of it.
    pub fn clause(self) -> &'static str {
        match self {
            Line::Encrypted => " REQUIRE SSL",
            Line::Any => "",
        }
    }
}

impl Account {
    /// Makes the account. One that is there is an error with the number 1396.
    pub fn create(&self, session: &mut Session, password: &Password, line: Line) -> Result<(), Error> {
        let sql =
            format!("CREATE USER {self} IDENTIFIED BY {}{}", sql::text(password.expose()), line.clause());
        session.execute_hidden(&sql, &format!("CREATE USER {self}"))
    }

    /// Takes the account away, with all its rights, if it is there.
    pub fn drop(&self, session: &mut Session) -> Result<(), Error> {
        session.execute(&format!("DROP USER IF EXISTS {self}")).map(drop)
    }

    /// The statement that gives these rights on a table, a view or, as `None`, the whole database.
    pub fn grant_sql(&self, rights: &str, database: &Pattern, table: Option<&str>) -> String {
        match table {
            Some(table) => {
                format!("GRANT {rights} ON {}.{} TO {self}", sql::name(&database.name), sql::name(table))
            }
            None => format!("GRANT {rights} ON {database}.* TO {self}"),
        }
    }
}

/// A database as `GRANT ... ON` names it, where `_` would stand for any character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    name: String,
    escaped: bool,
}

impl Pattern {
    /// The database's pattern for this server: with MySQL's partial_revokes, names are no patterns.
    pub fn of(session: &mut Session, database: &str) -> Result<Self, Error> {
        let literal = session.first("SHOW VARIABLES LIKE 'partial_revokes'")?;
        let literal = literal.is_some_and(|row| row.optional(1) == Some("ON"));
        Ok(Pattern { name: database.to_owned(), escaped: !literal })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
        f.write_str(&sql::name(if self.escaped { &escaped } else { &self.name }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_exactly_one_database_and_account() {
        let account = Account { user: "packmule_lab-a".into(), host: "%".into() };
        let pattern = Pattern { name: "ive_ims".into(), escaped: true };
        assert_eq!(
            account.grant_sql("SELECT", &pattern, None),
            r"GRANT SELECT ON `ive\_ims`.* TO 'packmule_lab-a'@'%'"
        );
        assert_eq!(
            account.grant_sql("SELECT", &pattern, Some("packmule_sent")),
            "GRANT SELECT ON `ive_ims`.`packmule_sent` TO 'packmule_lab-a'@'%'"
        );
    }
}
