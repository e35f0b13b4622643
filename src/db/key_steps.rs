//! Which keys the server gives to new rows: `auto_increment_increment` and `auto_increment_offset`.

use std::fmt;

use crate::db::error::Error;
use crate::db::session::{Flavour, Session};
use crate::model::Series;

/// Which keys the server gives to the new rows of a session that begins now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySteps {
    /// `auto_increment_increment`.
    pub increment: u64,
    /// `auto_increment_offset`.
    pub offset: u64,
    /// Whether a cluster chooses both anew whenever a node comes or goes.
    pub by_cluster: bool,
    /// Whether they are lost when the server starts anew, as far as the server says it.
    pub is_fleeting: bool,
}

/// How long what was set stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// For good.
    ForGood,
    /// Until the server starts anew.
    UntilRestart,
}

impl KeySteps {
    /// Reads what the server does.
    pub fn load(session: &mut Session) -> Result<Self, Error> {
        // SHOW, because servers without a cluster need not have its variables.
        let shown = session.rows(
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('auto_increment_increment', 'auto_increment_offset', \
             'wsrep_on', 'wsrep_auto_increment_control')",
        )?;
        let value = |name: &str| {
            shown.iter().find(|row| row.optional(0) == Some(name)).and_then(|row| row.optional(1))
        };
        let number = |name: &str| value(name).and_then(|text| text.parse().ok()).unwrap_or(1);
        Ok(KeySteps {
            increment: number("auto_increment_increment"),
            offset: number("auto_increment_offset"),
            by_cluster: ["wsrep_on", "wsrep_auto_increment_control"]
                .iter()
                .all(|name| value(name) == Some("ON")),
            is_fleeting: is_fleeting(session)?,
        })
    }

    /// Whether these are the keys of `series`.
    pub fn are(&self, series: Series) -> bool {
        (self.increment, self.offset) == (u64::from(series.step()), u64::from(series.number()))
    }

    /// Makes the server give the keys of `series`, for as long as it can be made to last.
    ///
    /// Sessions that are open keep what they began with.
    pub fn set(session: &mut Session, series: Series) -> Result<Kept, Error> {
        let (increment, offset) = (series.step(), series.number());
        let set = |how: &str| {
            format!(
                "SET {how} auto_increment_increment = {increment}, {how} auto_increment_offset = {offset}"
            )
        };
        // A server that does not read at its start what was persisted would forget it in silence.
        let persists = session.flavour() == Flavour::MySql
            && session
                .first("SELECT @@GLOBAL.persisted_globals_load")?
                .is_some_and(|row| row.optional(0) == Some("1"));
        if persists && session.execute(&set("PERSIST")).is_ok() {
            return Ok(Kept::ForGood);
        }
        session.execute(&set("GLOBAL"))?;
        Ok(Kept::UntilRestart)
    }
}

impl fmt::Display for KeySteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeySteps { increment, offset, .. } = *self;
        // The servers ignore an offset that is larger than the increment.
        let first = if offset > increment { 1 } else { offset };
        write!(f, "{first}, {}, {}, ...", first + increment, first + 2 * increment)
    }
}

/// MariaDB says where a value came from; what SET GLOBAL made is gone at the next start.
fn is_fleeting(session: &mut Session) -> Result<bool, Error> {
    match session.flavour() {
        Flavour::MySql => Ok(false),
        Flavour::MariaDb => {
            let by_statement = session.first(
                "SELECT 1 FROM information_schema.system_variables WHERE global_value_origin = 'SQL' \
                 AND variable_name IN ('AUTO_INCREMENT_INCREMENT', 'AUTO_INCREMENT_OFFSET')",
            )?;
            Ok(by_statement.is_some())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_beyond_the_increment_is_ignored_as_the_servers_do() {
        let steps = |increment, offset| KeySteps { increment, offset, by_cluster: false, is_fleeting: false };
        assert_eq!(steps(1, 1).to_string(), "1, 2, 3, ...");
        assert_eq!(steps(1, 2).to_string(), "1, 2, 3, ...");
        assert_eq!(steps(100, 2).to_string(), "2, 102, 202, ...");
        let series = Series::new(100, 2).unwrap();
        assert!(steps(100, 2).are(series) && !steps(100, 1).are(series) && !steps(10, 2).are(series));
    }
}
