//! Puts the triggers on the shared tables, takes them off, and tells whether they are as they should be.

use crate::capture::cascade::unlogged;
use crate::capture::error::Error;
use crate::capture::image::LogDepth;
use crate::capture::stale::{is_of_packmule, logged_as};
use crate::capture::trigger::{TriggerText, triggers};
use crate::db::{self, Catalog, Session, Table, Trigger, sql};
use crate::model::TableName;

/// How one trigger was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerState {
    /// As it should be.
    Present,
    /// Not there: edits of this sort are not logged.
    Missing,
    /// There as packmule made it for the table as it was before: it goes on logging, and is to be renewed.
    Stale,
    /// There, but with a text that is not packmule's.
    Changed,
}

/// Makes the triggers of `tables` what they should be. Returns how many were made or made anew.
///
/// An application that writes in the middle of this is logged by the old trigger, the new one, or both: a trigger
/// that is replaced has a twin until its successor is there, and a change that is logged twice is sent once.
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
        for trigger in &wanted {
            match state(table, trigger) {
                TriggerState::Present => continue,
                TriggerState::Missing => {
                    // Where the right is missing, MariaDB refuses the DROP already, though there is nothing to drop.
                    session.execute(&drop_sql(&trigger.name)).map_err(fault)?;
                    session.execute(&trigger.create_sql(table)).map_err(fault)?;
                }
                TriggerState::Stale | TriggerState::Changed => {
                    replace(session, table, trigger).map_err(fault)?;
                }
            }
            made += 1;
        }
        // Last: until here they may be all that watches the table, after a crash or under a name that it had before.
        for odd in odd(table, &wanted) {
            session.execute(&drop_sql(&odd.name)).map_err(fault)?;
        }
        if let Some(before) = logged_as(table).filter(|name| !catalog.tables.contains_key(name)) {
            rename_log_rows(session, &before, &table.shape.name)?;
        }
    }
    Ok(made)
}

/// Replaces a trigger so that no write goes unwatched: its twin stands in between.
fn replace(session: &mut Session, table: &Table, trigger: &TriggerText) -> Result<(), db::Error> {
    session.execute(&drop_sql(&trigger.twin))?;
    session.execute(&trigger.create_sql_as(&trigger.twin, table))?;
    session.execute(&drop_sql(&trigger.name))?;
    session.execute(&trigger.create_sql(table))?;
    session.execute(&drop_sql(&trigger.twin)).map(drop)
}

/// Triggers of packmule's that the table does not need: twins that a crash left, and those of a name that it had before.
fn odd<'t>(table: &'t Table, wanted: &[TriggerText]) -> impl Iterator<Item = &'t Trigger> {
    let ours = table.triggers.iter().filter(|trigger| trigger.is_ours());
    ours.filter(|trigger| wanted.iter().all(|one| one.name != trigger.name))
}

/// What was logged of a table before it was renamed is of the table as it is called now.
fn rename_log_rows(session: &mut Session, before: &TableName, now: &TableName) -> Result<(), Error> {
    session.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    session.execute(&format!(
        "UPDATE sync_log SET table_name = {} WHERE table_name = {}",
        sql::text(now.as_str()),
        sql::text(before.as_str())
    ))?;
    Ok(())
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

/// Whether the triggers of a table were made for another shape or name of it, or are left over.
pub fn is_stale(catalog: &Catalog, table: &TableName, depth: LogDepth) -> bool {
    catalog.tables.get(table).is_some_and(|table| {
        let wanted = triggers(catalog, table, depth);
        let is = |trigger: &TriggerText, wanted| state(table, trigger) == wanted;
        let (after, before): (Vec<&TriggerText>, Vec<&TriggerText>) =
            wanted.iter().partition(|trigger| trigger.when.starts_with("AFTER"));
        odd(table, &wanted).next().is_some()
            || wanted.iter().any(|trigger| is(trigger, TriggerState::Stale))
            // A foreign key that came later needs a trigger more.
            || (before.iter().any(|trigger| is(trigger, TriggerState::Missing))
                && !after.iter().any(|trigger| is(trigger, TriggerState::Missing)))
    })
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
    // Nearly always equal to the byte, and each command asks this of every trigger.
    let same = |one: &str, other: &str| one == other || one.split_whitespace().eq(other.split_whitespace());
    match table.triggers.iter().find(|trigger| trigger.name == wanted.name) {
        None => TriggerState::Missing,
        Some(found) if same(&found.body, &wanted.body) => TriggerState::Present,
        Some(found) if is_of_packmule(&found.body) => TriggerState::Stale,
        Some(_) => TriggerState::Changed,
    }
}
