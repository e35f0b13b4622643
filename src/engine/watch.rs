//! Whether there is something to do, asked often and cheaply, without a lock and without a change.

use crate::config::Settings;
use crate::db::Session;
use crate::engine::error::Error;
use crate::engine::home::connect;
use crate::ledger::{self, OpenEdits};

/// Looks at the log of this site, now and then.
pub struct Watch {
    session: Session,
}

impl Watch {
    /// Connects to this site's database.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        Ok(Watch { session: connect(&settings.database)? })
    }

    /// The edits that no bundle carries. What differs from the last answer is new; what stays may be held back for a reason.
    pub fn open_edits(&mut self) -> Result<OpenEdits, Error> {
        Ok(ledger::open_edits(&mut self.session)?)
    }
}
