//! Whether a lab can reach its centre by network, and with a line and an account that will do.

use std::time::Duration;

use crate::db;
use crate::engine::doctor::{Check, good, notice};
use crate::engine::error::Error;
use crate::engine::home::{Home, connect_within};

/// Looks at the way to the centre, where the settings name one. That nobody answers is no fault: labs are often offline.
pub(super) fn check_line(home: &Home<'_>) -> Result<Vec<Check>, Error> {
    let Some(central) = &home.settings.central else {
        return Ok(Vec::new());
    };
    let place = central.database.place();
    let mut session = match connect_within(&central.database, Some(PATIENCE)) {
        Ok(session) => session,
        Err(Error::Database(error @ db::Error::Unreachable { .. })) => {
            let cause = error.cause().map(|cause| format!(": {cause}")).unwrap_or_default();
            let words = format!("the centre cannot be reached at {place} just now{cause}");
            let remedy = "nothing; what is to be sent is kept, and sticks work as always";
            return Ok(vec![notice("line", words, remedy)]);
        }
        Err(other) => return Err(other),
    };
    let open = session.first("SELECT 1 FROM packmule_centre")?;
    Ok(vec![match open {
        Some(_) => good("line", format!("the centre answers at {place}, and this lab's mail is open")),
        None => notice(
            "line",
            format!("the centre answers at {place}, and this lab's mail is closed there"),
            "ask the centre; sticks work as before",
        ),
    }])
}

const PATIENCE: Duration = Duration::from_secs(10);
