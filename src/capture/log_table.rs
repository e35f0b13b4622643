//! The table `sync_log`: made anew, or an application's own one extended with all its rows kept.

use crate::capture::error::Error;
use crate::db::{Ensured, Session, blocked_table, ensure_table};

/// Makes sure that `sync_log` is there with all of packmule's columns and keys. Returns what it found.
///
/// Everything that could stand in the way is looked at before the first change: a log that is refused is as it was.
pub fn ensure_log(session: &mut Session) -> Result<Ensured, Error> {
    if let Some(Ensured::Blocked { why, remedy }) = blocked_table(session, "sync_log", SCRIPT)? {
        return Err(Error::ForeignLog { why, remedy });
    }
    check_rows(session)?;
    bring_actions_into_upper_case(session)?;
    match ensure_table(session, "sync_log", SCRIPT)? {
        Ensured::Blocked { why, remedy } => Err(Error::ForeignLog { why, remedy }),
        ensured @ (Ensured::Created | Ensured::Extended | Ensured::Complete) => Ok(ensured),
    }
}

/// An application may allow NULL where packmule cannot, and words that are no action.
fn check_rows(session: &mut Session) -> Result<(), Error> {
    let rows = session.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'sync_log' \
         AND (column_name IN ('table_name', 'record_id') AND is_nullable = 'YES' \
              OR column_name = 'action' AND column_type <> 'enum(''INSERT'',''UPDATE'',''DELETE'')')",
    )?;
    for row in rows {
        let column = row.text(0)?;
        if column == "action" {
            check_actions(session)?;
        } else if session.first(&format!("SELECT 1 FROM sync_log WHERE {column} IS NULL LIMIT 1"))?.is_some()
        {
            return Err(Error::ForeignLog {
                why: format!("a row of it has no {column}"),
                remedy: format!("DELETE FROM sync_log WHERE {column} IS NULL"),
            });
        }
    }
    Ok(())
}

fn check_actions(session: &mut Session) -> Result<(), Error> {
    let odd = session.first(
        "SELECT action FROM sync_log WHERE action IS NULL OR UPPER(TRIM(action)) NOT IN ('INSERT', 'UPDATE', 'DELETE') LIMIT 1",
    )?;
    odd.map_or(Ok(()), |row| {
        Err(Error::ForeignLog {
            why: format!("a row of it has the action {:?}", row.optional(0).unwrap_or("NULL")),
            remedy:
                "UPDATE sync_log SET action = 'UPDATE' WHERE action NOT IN ('INSERT', 'UPDATE', 'DELETE')"
                    .to_owned(),
        })
    })
}

/// An application's `action` may be free text; ours is one of three words.
fn bring_actions_into_upper_case(session: &mut Session) -> Result<(), Error> {
    let free_text = session.first(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'sync_log' \
         AND column_name = 'action' AND LOWER(data_type) <> 'enum'",
    )?;
    if free_text.is_some() {
        session.execute(
            "UPDATE sync_log SET action = UPPER(TRIM(action)) \
             WHERE BINARY action NOT IN ('INSERT', 'UPDATE', 'DELETE')",
        )?;
    }
    Ok(())
}

const SCRIPT: &str = include_str!("../../schema/site/sync_log.sql");
