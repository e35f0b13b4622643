//! How many sites share the keys that count up, and whether this site's own keys were moved to its place among them.

use crate::db::{Session, sql};
use crate::ledger::error::Error;
use crate::ledger::here::stamp;
use crate::model::Stamp;

/// What this site remembers of its series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeriesState {
    /// How many sites there may be. `None`: nobody has said yet, or the keys of this server are not packmule's business.
    pub sites: Option<u16>,
    /// When the keys that were there already were moved; `None`: they were not.
    pub rekeyed_at: Option<Stamp>,
}

/// Reads what this site remembers of its series.
pub fn load_series(session: &mut Session) -> Result<SeriesState, Error> {
    let row = session.first("SELECT series, rekeyed_at FROM packmule_series WHERE id = 1")?;
    let Some(row) = row else {
        return Ok(SeriesState::default());
    };
    let rekeyed_at = row.optional(1).map(stamp).transpose()?;
    Ok(SeriesState { sites: row.parse_optional(0)?, rekeyed_at })
}

/// Remembers how many sites there may be; `None`: the keys of this server are not packmule's business.
pub fn remember_series(session: &mut Session, sites: Option<u16>) -> Result<(), Error> {
    let sites = sites.map_or("NULL".to_owned(), |sites| sites.to_string());
    session.execute(&format!(
        "INSERT INTO packmule_series (id, series) VALUES (1, {sites}) ON DUPLICATE KEY UPDATE series = {sites}"
    ))?;
    Ok(())
}

/// Remembers that this site's keys were moved, in the transaction that moved them.
pub fn remember_rekeyed(session: &mut Session, now: Stamp) -> Result<(), Error> {
    let now = sql::text(&now.to_sql());
    session.execute(&format!(
        "INSERT INTO packmule_series (id, rekeyed_at) VALUES (1, {now}) ON DUPLICATE KEY UPDATE rekeyed_at = {now}"
    ))?;
    Ok(())
}
