//! How far this site's clock was ahead of the centre's at the last contact.

use crate::db::{Session, sql};
use crate::ledger::error::Error;
use crate::ledger::here::stamp;
use crate::model::Stamp;

/// What a contact with the centre told of this site's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockState {
    /// How far it is ahead of the centre's, in microseconds; less than 0 where it is behind.
    pub ahead_micros: i64,
    /// How much the measurement may be wrong at most, in microseconds: half of the time that the question took.
    pub error_micros: i64,
    /// When, by this site's clock.
    pub measured_at: Stamp,
}

/// Reads what is known of this site's clock. `None`: there was no contact yet.
pub fn load_clock(session: &mut Session) -> Result<Option<ClockState>, Error> {
    let row = session.first("SELECT ahead_us, error_us, measured_at FROM packmule_clock WHERE id = 1")?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(Some(ClockState {
        ahead_micros: row.parse(0)?,
        error_micros: row.parse(1)?,
        measured_at: stamp(row.text(2)?)?,
    }))
}

/// Remembers what a contact told of this site's clock, instead of what was known before.
pub fn remember_clock(session: &mut Session, clock: ClockState) -> Result<(), Error> {
    let ClockState { ahead_micros, error_micros, measured_at } = clock;
    let measured_at = sql::text(&measured_at.to_sql());
    session.execute(&format!(
        "INSERT INTO packmule_clock (id, ahead_us, error_us, measured_at) \
         VALUES (1, {ahead_micros}, {error_micros}, {measured_at}) \
         ON DUPLICATE KEY UPDATE ahead_us = {ahead_micros}, error_us = {error_micros}, measured_at = {measured_at}"
    ))?;
    Ok(())
}
