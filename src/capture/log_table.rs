//! The table `sync_log`: made anew, or an application's own one extended with all its rows kept.

use crate::capture::error::Error;
use crate::db::{Ensured, Session, ensure_table};

/// Makes sure that `sync_log` is there with all of packmule's columns and keys. Returns what it found.
pub fn ensure_log(session: &mut Session) -> Result<Ensured, Error> {
    bring_actions_into_upper_case(session)?;
    match ensure_table(session, "sync_log", SCRIPT)? {
        Ensured::Blocked { why, remedy } => Err(Error::ForeignLog { why, remedy }),
        ensured @ (Ensured::Created | Ensured::Extended | Ensured::Complete) => Ok(ensured),
    }
}

/// An application's `action` may be free text; ours is one of three words.
fn bring_actions_into_upper_case(session: &mut Session) -> Result<(), Error> {
    let free_text = session.first(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'sync_log' \
         AND column_name = 'action' AND LOWER(data_type) <> 'enum'",
    )?;
    if free_text.is_none() {
        return Ok(());
    }
    let odd = session.first(
        "SELECT action FROM sync_log WHERE action IS NULL OR UPPER(TRIM(action)) NOT IN ('INSERT', 'UPDATE', 'DELETE') LIMIT 1",
    )?;
    if let Some(row) = odd {
        return Err(Error::ForeignLog {
            why: format!("a row of it has the action {:?}", row.optional(0).unwrap_or("NULL")),
            remedy:
                "UPDATE sync_log SET action = 'UPDATE' WHERE action NOT IN ('INSERT', 'UPDATE', 'DELETE')"
                    .to_owned(),
        });
    }
    session.execute(
        "UPDATE sync_log SET action = UPPER(TRIM(action)) WHERE BINARY action NOT IN ('INSERT', 'UPDATE', 'DELETE')",
    )?;
    Ok(())
}

const SCRIPT: &str = include_str!("../../schema/site/sync_log.sql");
