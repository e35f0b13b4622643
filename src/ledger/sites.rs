//! The other sites: their keys, and whether they may still speak.

use std::fmt;
use std::str::FromStr;

use crate::db::{Row, Session, sql};
use crate::ledger::error::Error;
use crate::model::{Incarnation, Role, Site, Stamp};

/// A site that was enrolled here, or, at a lab, the centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSite {
    /// Its name.
    pub site: Site,
    /// Centre or lab.
    pub role: Role,
    /// A lab's number.
    pub number: Option<u32>,
    /// The history under which it was enrolled.
    pub incarnation: Incarnation,
    /// Its public signing key, as one line of base64.
    pub verifying_key: String,
    /// Its public encryption key.
    pub recipient: String,
    /// Whether it may still speak.
    pub state: SiteState,
    /// Whether the next seal gives it all rows anew: it is new, or comes back.
    pub wants_snapshot: bool,
    /// Since when it is known.
    pub enrolled_at: Stamp,
}

/// Whether a site may still speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteState {
    /// Its bundles are applied.
    Active,
    /// Its bundles wait, and nothing is sealed for it.
    Suspended,
    /// Its bundles are refused for good.
    Revoked,
}

impl fmt::Display for SiteState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SiteState::Active => "active",
            SiteState::Suspended => "suspended",
            SiteState::Revoked => "revoked",
        })
    }
}

impl FromStr for SiteState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "active" => Ok(SiteState::Active),
            "suspended" => Ok(SiteState::Suspended),
            "revoked" => Ok(SiteState::Revoked),
            _ => Err(()),
        }
    }
}

/// Every known site, by name.
pub fn sites(session: &mut Session) -> Result<Vec<KnownSite>, Error> {
    session.rows(&format!("{SELECT} ORDER BY name"))?.iter().map(read).collect()
}

/// One known site.
pub fn find_site(session: &mut Session, site: &Site) -> Result<Option<KnownSite>, Error> {
    let query = format!("{SELECT} WHERE name = {}", sql::text(site.as_str()));
    session.first(&query)?.as_ref().map(read).transpose()
}

/// The number that the next lab gets. The centre itself has number 1.
pub fn next_number(session: &mut Session) -> Result<u32, Error> {
    let row =
        session.first("SELECT COALESCE(MAX(number), 1) + 1 FROM packmule_site")?.ok_or(Error::NotSetUp)?;
    Ok(row.parse(0)?)
}

/// Adds a site. A name or number that is taken is refused by the table's keys.
pub fn add_site(session: &mut Session, known: &KnownSite) -> Result<(), Error> {
    session.execute(&format!(
        "INSERT INTO packmule_site (name, role, number, incarnation, verifying_key, recipient, state, \
           wants_snapshot, enrolled_at) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {})",
        sql::text(known.site.as_str()),
        sql::text(&known.role.to_string()),
        known.number.map_or("NULL".to_owned(), |number| number.to_string()),
        sql::text(&known.incarnation.to_string()),
        sql::text(&known.verifying_key),
        sql::text(&known.recipient),
        sql::text(&known.state.to_string()),
        u8::from(known.wants_snapshot),
        sql::text(&known.enrolled_at.to_sql()),
    ))?;
    Ok(())
}

/// Takes in that a site goes on under another history. It gets all rows anew.
pub fn renew_site(session: &mut Session, site: &Site, incarnation: Incarnation) -> Result<(), Error> {
    let (incarnation, site) = (sql::text(&incarnation.to_string()), sql::text(site.as_str()));
    session.execute(&format!(
        "UPDATE packmule_site SET incarnation = {incarnation}, wants_snapshot = 1 WHERE name = {site}"
    ))?;
    Ok(())
}

/// Says whether a site may speak.
pub fn set_site_state(session: &mut Session, site: &Site, state: SiteState) -> Result<(), Error> {
    let (state, site) = (sql::text(&state.to_string()), sql::text(site.as_str()));
    session.execute(&format!("UPDATE packmule_site SET state = {state} WHERE name = {site}"))?;
    Ok(())
}

/// Says whether the next seal gives a site all rows anew.
pub fn want_snapshot(session: &mut Session, site: &Site, wanted: bool) -> Result<(), Error> {
    let (wanted, site) = (u8::from(wanted), sql::text(site.as_str()));
    session.execute(&format!("UPDATE packmule_site SET wants_snapshot = {wanted} WHERE name = {site}"))?;
    Ok(())
}

const SELECT: &str = "SELECT name, role, number, incarnation, verifying_key, recipient, state, wants_snapshot, \
                        enrolled_at FROM packmule_site";

fn read(row: &Row) -> Result<KnownSite, Error> {
    Ok(KnownSite {
        site: row.parse(0)?,
        role: row.parse(1)?,
        number: row.parse_optional(2)?,
        incarnation: row.parse(3)?,
        verifying_key: row.text(4)?.to_owned(),
        recipient: row.text(5)?.to_owned(),
        state: row.parse(6)?,
        wants_snapshot: row.text(7)? == "1",
        enrolled_at: super::here::stamp(row.text(8)?)?,
    })
}
