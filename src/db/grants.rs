//! What an account may do, read from what the server shows of it.

use std::collections::BTreeSet;

use crate::db::account::Account;
use crate::db::error::Error;
use crate::db::session::{Flavour, Session};

/// The rights of the account of a session, with those of the roles that are switched on.
#[derive(Debug)]
pub struct Grants {
    account: Account,
    grants: Vec<Grant>,
}

#[derive(Debug, PartialEq, Eq)]
struct Grant {
    rights: BTreeSet<String>,
    scope: Scope,
}

#[derive(Debug, PartialEq, Eq)]
enum Scope {
    Everything,
    /// A pattern as behind LIKE: `ive\_ims`.
    Database(String),
    Table(String, String),
}

impl Grants {
    /// Asks the server. Needs no right.
    pub fn load(session: &mut Session) -> Result<Self, Error> {
        let account = session.first("SELECT CURRENT_USER()")?;
        let account = account.map_or(Ok(String::new()), |row| row.text(0).map(str::to_owned))?;
        let role = session.first("SELECT CURRENT_ROLE()")?;
        let role = role.and_then(|row| row.optional(0).map(str::to_owned)).filter(|role| role != "NONE");
        let mut lines = match (&role, session.flavour()) {
            (Some(roles), Flavour::MySql) => {
                session.rows(&format!("SHOW GRANTS FOR CURRENT_USER() USING {roles}"))?
            }
            (Some(_) | None, Flavour::MySql | Flavour::MariaDb) => session.rows("SHOW GRANTS")?,
        };
        if role.is_some() && session.flavour() == Flavour::MariaDb {
            lines.extend(session.rows("SHOW GRANTS FOR CURRENT_ROLE")?);
        }
        let grants = lines.iter().filter_map(|row| Grant::parse(row.optional(0)?)).collect();
        Ok(Grants { account: read_account(&account), grants })
    }

    /// The account, with the pattern of hosts that let it in.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Whether the account has this right for a table.
    pub fn allow(&self, right: &str, database: &str, table: &str) -> bool {
        self.grants.iter().any(|grant| {
            let here = match &grant.scope {
                Scope::Everything => true,
                Scope::Database(pattern) => is_like(database, pattern),
                Scope::Table(its_database, its_table) => its_database == database && its_table == table,
            };
            here && (grant.rights.contains(right) || grant.rights.contains("ALL PRIVILEGES"))
        })
    }
}

impl Grant {
    /// Reads a line such as ``GRANT SELECT, INSERT ON `ive\_ims`.* TO `packmule`@`localhost` ``. `None`: it is about
    /// something else, such as a role.
    fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("GRANT ")?;
        let (rights, rest) = rest.split_once(" ON ")?;
        // A right for some columns only is not the right for the table.
        let rights = rights.split(", ").filter(|right| !right.contains(['(', ')', '`']));
        let (database, rest) = part(rest)?;
        let (table, _) = part(rest.strip_prefix('.')?)?;
        let scope = match (database, table) {
            (None, None) => Scope::Everything,
            (Some(database), None) => Scope::Database(database),
            (Some(database), Some(table)) => Scope::Table(database, table),
            (None, Some(_)) => return None,
        };
        Some(Grant { rights: rights.map(str::to_owned).collect(), scope })
    }
}

/// Reads a name between backquotes, or `*`, which is `None`.
fn part(text: &str) -> Option<(Option<String>, &str)> {
    if let Some(rest) = text.strip_prefix('*') {
        return Some((None, rest));
    }
    let (mut name, mut rest) = (String::new(), text.strip_prefix('`')?);
    loop {
        let (before, after) = rest.split_once('`')?;
        name += before;
        match after.strip_prefix('`') {
            Some(more) => {
                name.push('`');
                rest = more;
            }
            None => return Some((Some(name), after)),
        }
    }
}

/// Whether a name fits a pattern, as LIKE compares them.
fn is_like(name: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('%') => name
            .char_indices()
            .map(|(at, _)| at)
            .chain([name.len()])
            .any(|at| is_like(name.get(at..).unwrap_or_default(), rest.as_str())),
        Some('_') => {
            let mut name = name.chars();
            name.next().is_some() && is_like(name.as_str(), rest.as_str())
        }
        Some(first) => {
            let first = if first == '\\' { rest.next().unwrap_or(first) } else { first };
            name.strip_prefix(first).is_some_and(|name| is_like(name, rest.as_str()))
        }
    }
}

/// Reads `packmule@localhost`.
fn read_account(text: &str) -> Account {
    let (user, host) = text.rsplit_once('@').unwrap_or((text, "%"));
    Account { user: user.to_owned(), host: host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str]) -> Grants {
        let grants = lines.iter().filter_map(|line| Grant::parse(line)).collect();
        Grants { account: read_account("packmule@localhost"), grants }
    }

    #[test]
    fn rights_are_found_for_everything_a_database_or_a_table() {
        let grants = grants(&[
            "GRANT USAGE ON *.* TO `p`@`localhost` IDENTIFIED BY PASSWORD '*1'",
            r"GRANT SELECT, TRIGGER ON `ive\_ims`.* TO `p`@`localhost`",
            "GRANT CREATE, ALTER ON `ive_ims`.`sync_``log` TO `p`@`localhost`",
            "GRANT UPDATE (`a`, `b`), DELETE ON `ive_ims`.`items` TO `p`@`localhost`",
            "GRANT `reader`@`%` TO `p`@`localhost`",
            "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
        ]);
        assert_eq!(grants.account().to_string(), "'packmule'@'localhost'");
        assert!(grants.allow("SELECT", "ive_ims", "items") && grants.allow("TRIGGER", "ive_ims", "x"));
        assert!(!grants.allow("SELECT", "iveXims", "items") && !grants.allow("INSERT", "ive_ims", "items"));
        assert!(grants.allow("CREATE", "ive_ims", "sync_`log") && !grants.allow("CREATE", "ive_ims", "x"));
        assert!(grants.allow("DELETE", "ive_ims", "items") && !grants.allow("UPDATE", "ive_ims", "items"));
    }

    #[test]
    fn all_privileges_and_patterns_count() {
        let grants = grants(&["GRANT ALL PRIVILEGES ON `ive%`.* TO `p`@`%` WITH GRANT OPTION"]);
        assert!(grants.allow("TRIGGER", "ive_ims", "x") && !grants.allow("TRIGGER", "other", "x"));
        assert!(
            super::is_like("a_b", r"a\_b") && !super::is_like("axb", r"a\_b") && super::is_like("axb", "a_b")
        );
    }
}
