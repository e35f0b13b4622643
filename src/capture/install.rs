//! Puts the triggers on the shared tables, takes them off, and tells whether they are as they should be.

use crate::capture::cascade::unlogged;
use crate::capture::error::Error;
use crate::capture::image::LogDepth;
use crate::capture::trigger::{TriggerText, triggers};
use crate::db::{Catalog, Session, Table, sql};
use crate::model::TableName;

/// How one trigger was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerState {
    /// As it should be.
    Present,
    /// Not there: edits of this sort are not logged.
    Missing,
    /// There, but with another text: the table or packmule changed since.
    Changed,
}

/// Makes the triggers of `tables` what they should be. Returns how many were made or made anew.
///
/// An application that writes in the middle of this is logged by the old trigger or the new one; a table
/// whose trigger has to be replaced is unwatched for the moment between DROP and CREATE, so only those
/// that differ are touched.
pub fn install_triggers(
    session: &mut Session,
    catalog: &Catalog,
    tables: &[TableName],
    depth: LogDepth,
) -> Result<usize, Error> {
    // Under a strict sql_mode a warning in a trigger would become an error of the application's own write.
    session.execute("SET @packmule_mode = @@SESSION.sql_mode, SESSION sql_mode = ''")?;
    let made = install_all(session, catalog, tables, depth);
    session.execute("SET SESSION sql_mode = @packmule_mode")?;
    made
}

fn install_all(
    session: &mut Session,
    catalog: &Catalog,
    tables: &[TableName],
    depth: LogDepth,
) -> Result<usize, Error> {
    let mut made = 0;
    for table in tables.iter().filter_map(|name| catalog.tables.get(name)) {
        let wanted = triggers(catalog, table, depth);
        let fault = |source| Error::Trigger { table: table.shape.name.clone(), source };
        let ours = table.triggers.iter().filter(|trigger| trigger.is_ours());
        for odd in ours.filter(|trigger| wanted.iter().all(|one| one.name != trigger.name)) {
            session.execute(&drop_sql(&odd.name)).map_err(fault)?;
        }
        for trigger in &wanted {
            if state(table, trigger) == TriggerState::Present {
                continue;
            }
            // Where the right is missing, MariaDB refuses the DROP already, though there is nothing to drop.
            session.execute(&drop_sql(&trigger.name)).map_err(fault)?;
            session.execute(&trigger.create_sql(table)).map_err(fault)?;
            made += 1;
        }
    }
    Ok(made)
}

/// Takes packmule's triggers off `tables`. Returns how many there were.
pub fn remove_triggers(
    session: &mut Session,
    catalog: &Catalog,
    tables: &[TableName],
) -> Result<usize, Error> {
    let mut count = 0;
    for table in tables.iter().filter_map(|name| catalog.tables.get(name)) {
        let fault = |source| Error::Trigger { table: table.shape.name.clone(), source };
        for trigger in table.triggers.iter().filter(|trigger| trigger.is_ours()) {
            session.execute(&drop_sql(&trigger.name)).map_err(fault)?;
            count += 1;
        }
    }
    Ok(count)
}

fn drop_sql(trigger: &str) -> String {
    format!("DROP TRIGGER IF EXISTS {}", sql::name(trigger))
}

/// The state of every trigger that `tables` should have.
pub fn check_triggers(
    catalog: &Catalog,
    tables: &[TableName],
    depth: LogDepth,
) -> Vec<(TableName, String, TriggerState)> {
    let tables = tables.iter().filter_map(|name| catalog.tables.get(name));
    tables
        .flat_map(|table| {
            triggers(catalog, table, depth).into_iter().map(|trigger| {
                let found = state(table, &trigger);
                (table.shape.name.clone(), trigger.name, found)
            })
        })
        .collect()
}

/// The names of foreign keys of `table` whose cascades no trigger can log in full.
pub fn unlogged_cascades(catalog: &Catalog, table: &TableName) -> Vec<String> {
    let table = catalog.tables.get(table);
    table.map(|table| unlogged(catalog, table).map(|key| key.name.clone()).collect()).unwrap_or_default()
}

fn state(table: &Table, wanted: &TriggerText) -> TriggerState {
    let bare = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    match table.triggers.iter().find(|trigger| trigger.name == wanted.name) {
        None => TriggerState::Missing,
        Some(found) if bare(&found.body) == bare(&wanted.body) => TriggerState::Present,
        Some(_) => TriggerState::Changed,
    }
}
