//! Who this site is, as its own database tells.

use crate::db::{self, Migration, Session, sql};
use crate::ledger::error::Error;
use crate::model::{Incarnation, Role, Site, Stamp};

/// Who this site is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// Centre or lab.
    pub role: Role,
    /// The site's name.
    pub site: Site,
    /// The lab's number, once the centre has given one.
    pub number: Option<u32>,
    /// The history that this database continues.
    pub incarnation: Incarnation,
    /// Since when edits are logged, or, where the log was pruned since, up to when: an older edit's time is not known.
    pub logged_since: Stamp,
}

/// Makes packmule's own tables, except the two that an application may have made already, and brings those of an older
/// packmule to the form of this one. The tables of the mail are made at the centre only.
pub fn prepare(session: &mut Session, role: Role) -> Result<(), Error> {
    db::migrate(session, "packmule_migration", MIGRATIONS)?;
    if role == Role::Central {
        db::migrate(session, "packmule_central_migration", CENTRAL_MIGRATIONS)?;
    }
    Ok(())
}

/// Reads who this site is. `None` when the database has not been set up.
pub fn load_here(session: &mut Session) -> Result<Option<Here>, Error> {
    let prepared = session.first(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'packmule_here'",
    )?;
    if prepared.is_none() {
        return Ok(None);
    }
    let row = session.first(
        "SELECT role, site, number, incarnation, GREATEST(installed_at, COALESCE(pruned_to, installed_at)) \
         FROM packmule_here WHERE id = 1",
    )?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(Some(Here {
        role: row.parse(0)?,
        site: row.parse(1)?,
        number: row.parse_optional(2)?,
        incarnation: row.parse(3)?,
        logged_since: stamp(row.text(4)?)?,
    }))
}

/// Writes who this site is, once. A second site in the same database is refused by the primary key.
pub fn create_here(session: &mut Session, here: &Here) -> Result<(), Error> {
    session.execute(&format!(
        "INSERT INTO packmule_here (id, role, site, number, incarnation, installed_at) \
         VALUES (1, {}, {}, {}, {}, {})",
        sql::text(&here.role.to_string()),
        sql::text(here.site.as_str()),
        here.number.map_or("NULL".to_owned(), |number| number.to_string()),
        sql::text(&here.incarnation.to_string()),
        sql::text(&here.logged_since.to_sql()),
    ))?;
    if here.role == Role::Central {
        session.execute("INSERT IGNORE INTO packmule_mail_centre SELECT id, site FROM packmule_here")?;
    }
    Ok(())
}

/// Writes the number that the centre gave this lab: from then on it has joined.
pub fn join_here(session: &mut Session, site: &Site, number: u32) -> Result<(), Error> {
    let site = sql::text(site.as_str());
    session.execute(&format!("UPDATE packmule_here SET number = {number} WHERE id = 1 AND site = {site}"))?;
    Ok(())
}

/// Gives the next batch number, in the transaction that is open: a seal that fails burns none.
pub fn next_batch(session: &mut Session) -> Result<u64, Error> {
    session.execute("UPDATE packmule_here SET last_batch = last_batch + 1 WHERE id = 1")?;
    let row = session.first("SELECT last_batch FROM packmule_here WHERE id = 1")?.ok_or(Error::NotSetUp)?;
    Ok(row.parse(0)?)
}

/// Reads a `DATETIME(6)` of the ledger.
pub(super) fn stamp(text: &str) -> Result<Stamp, db::Error> {
    Stamp::from_sql(text).map_err(|_| db::Error::Unexpected { what: format!("{text:?} for a time") })
}

pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "ledger", sql: include_str!("../../schema/site/0001_ledger.sql") },
    Migration { number: 2, name: "series", sql: include_str!("../../schema/site/0002_series.sql") },
    Migration { number: 3, name: "clock", sql: include_str!("../../schema/site/0003_clock.sql") },
    Migration { number: 4, name: "joined", sql: include_str!("../../schema/site/0004_joined.sql") },
    Migration { number: 5, name: "keys", sql: include_str!("../../schema/site/0005_keys.sql") },
];

pub(super) const CENTRAL_MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "mail", sql: include_str!("../../schema/central/0001_mail.sql") },
    Migration { number: 2, name: "review", sql: include_str!("../../schema/central/0002_review.sql") },
    Migration { number: 3, name: "parked", sql: include_str!("../../schema/central/0003_parked.sql") },
    Migration { number: 4, name: "console", sql: include_str!("../../schema/central/0004_console.sql") },
];
