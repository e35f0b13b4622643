//! Triggers follow their tables: whoever adds, drops or renames a column need not think of packmule.
//!
//! A trigger that does not fit its table any more goes on logging, only less exactly; so each export and import renews
//! what has become stale, and where that cannot be done now, the next one tries again.

use std::collections::BTreeSet;

use crate::capture::{self, LogDepth, TriggerState};
use crate::db::{Catalog, sql};
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::ledger;
use crate::model::TableName;
use crate::monitor::Notice;

/// Renews the triggers of those of `tables` that were changed since.
pub(super) fn renew_stale(home: &mut Home<'_>, catalog: &Catalog, tables: &[TableName]) -> Result<(), Error> {
    let depth = LogDepth::of(home.here.role);
    for table in tables {
        let states = capture::check_triggers(catalog, std::slice::from_ref(table), depth);
        if capture::is_stale(catalog, table, depth) {
            renew(home, catalog, table, depth)?;
        } else if states.iter().any(|(_, _, state)| loses_edits(*state)) {
            // Not made anew in silence: edits were lost, and somebody should know since when.
            home.monitor.notice(Notice::Unwatched { table: table.clone() });
        }
    }
    Ok(())
}

/// Whether edits are lost while a trigger is so.
pub(super) fn loses_edits(state: TriggerState) -> bool {
    match state {
        TriggerState::Missing | TriggerState::Changed => true,
        TriggerState::Present | TriggerState::Stale => false,
    }
}

fn renew(home: &mut Home<'_>, catalog: &Catalog, table: &TableName, depth: LogDepth) -> Result<(), Error> {
    // A trigger can only be made while no transaction is at work on its table, and while that is waited for, new ones
    // wait behind it: so never for long. The next export or import tries again.
    home.session.execute("SET SESSION lock_wait_timeout = 1")?;
    let made = capture::install_triggers(&mut home.session, catalog, std::slice::from_ref(table), depth);
    home.session.execute("SET SESSION lock_wait_timeout = DEFAULT")?;
    let table = table.clone();
    home.monitor.notice(match made {
        Ok(_) => Notice::TriggersRenewed { table },
        Err(error) => {
            let why = match &error {
                capture::Error::Trigger { source, .. } => source.cause(),
                capture::Error::Database(source) => source.cause(),
                capture::Error::Spool(_)
                | capture::Error::ForeignLog { .. }
                | capture::Error::StampedElsewhere => None,
            };
            Notice::TriggersStale { table, why: why.unwrap_or_else(|| error.to_string()) }
        }
    });
    Ok(())
}

/// Shared tables, and those whose changes stay in the log as things are, with the reason.
pub(super) type Readable = (Vec<TableName>, Vec<(TableName, String)>);

/// Tells the shared tables whose changes can be read from the log from those that must wait.
pub(super) fn readable(
    home: &mut Home<'_>,
    catalog: &Catalog,
    shared: BTreeSet<TableName>,
) -> Result<Readable, Error> {
    let (mut tables, mut waiting) = (Vec::new(), Vec::new());
    let open = ledger::unsealed_rows(&mut home.session)?;
    for table in shared {
        let logged = open.iter().filter(|one| one.table == table).map(|one| one.rows).sum();
        match why_not(catalog, &table, logged) {
            None => tables.push(table),
            Some(why) => waiting.push((table, why)),
        }
    }
    Ok((tables, waiting))
}

fn why_not(catalog: &Catalog, table: &TableName, logged: u64) -> Option<String> {
    let name = |table: &TableName| sql::name(table.as_str());
    if let Some(reason) = catalog.unshareable.get(table) {
        return Some(reason.to_string());
    }
    if !catalog.tables.contains_key(table) {
        return Some(match capture::renamed_to(catalog, table) {
            Some(now) => format!(
                "it is called {now} now; this gives it its old name again: RENAME TABLE {} TO {}",
                name(&now),
                name(table)
            ),
            None => "there is no such table here".to_owned(),
        });
    }
    let before = capture::moved_key(catalog, table).filter(|_| logged > 0)?;
    Some(format!(
        "its primary key was ({before}) when its last edits were logged; they can be sent after: ALTER TABLE {} \
         DROP PRIMARY KEY, ADD PRIMARY KEY ({})",
        name(table),
        sql::names(before.iter().map(String::as_str)),
        before = before.join(", "),
    ))
}
