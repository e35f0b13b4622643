//! Which tables are synced, and whether their triggers are as they should be.

use std::collections::BTreeMap;

use crate::capture::{self, LogDepth, TriggerState};
use crate::config::{self, Tables};
use crate::db::Catalog;
use crate::engine::error::{Cause, Error};
use crate::engine::home::{Home, now};
use crate::engine::rules::expect_rules;
use crate::ledger;
use crate::model::{Direction, Role, Site, TableName};

/// One table or view of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// Its name.
    pub table: TableName,
    /// Whether it is synced.
    pub state: TableState,
    /// What a database administrator should know of it.
    pub remarks: Vec<Remark>,
}

/// What a database administrator should know of a synced table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// Edits of one sort are lost.
    #[error("trigger {trigger} is missing: edits are not logged")]
    TriggerMissing {
        /// Its name.
        trigger: String,
    },
    /// Edits of one sort may be lost.
    #[error("trigger {trigger} is not as packmule made it")]
    TriggerChanged {
        /// Its name.
        trigger: String,
    },
    /// The table was changed since; edits are logged all the same.
    #[error("trigger {trigger} was made for the table as it was before")]
    TriggerStale {
        /// Its name.
        trigger: String,
    },
    /// A cascade comes back to its own table on a detour.
    #[error("foreign key {key} deletes rows in a circle of tables: not all of them are logged")]
    UnloggedCascade {
        /// The foreign key's name.
        key: String,
    },
}

impl Remark {
    /// Whether edits of the application are lost until something is done.
    pub fn loses_edits(&self) -> bool {
        match self {
            Remark::TriggerMissing { .. } | Remark::TriggerChanged { .. } => true,
            Remark::TriggerStale { .. } | Remark::UnloggedCascade { .. } => false,
        }
    }
}

/// Whether a table is synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableState {
    /// It is.
    Synced,
    /// It is not, and could be.
    Free,
    /// It cannot be, and why.
    Unshareable(String),
    /// It should be, and is not in the database any more.
    Gone {
        /// What it is called now, where it was only renamed.
        now: Option<TableName>,
    },
}

/// Every table and view of the database, with its state.
pub fn list_tables(home: &mut Home<'_>) -> Result<Vec<TableReport>, Error> {
    let catalog = Catalog::load(&mut home.session)?;
    expect_rules(home.settings, &catalog)?;
    reports(home, &catalog)
}

fn reports(home: &mut Home<'_>, catalog: &Catalog) -> Result<Vec<TableReport>, Error> {
    let shared = ledger::shared_tables(&mut home.session)?;
    let mut reports: Vec<TableReport> = Vec::new();
    for table in catalog.tables.keys() {
        let state = if shared.contains(table) { TableState::Synced } else { TableState::Free };
        reports.push(TableReport { table: table.clone(), state, remarks: Vec::new() });
    }
    for (table, reason) in &catalog.unshareable {
        let state = TableState::Unshareable(reason.to_string());
        reports.push(TableReport { table: table.clone(), state, remarks: Vec::new() });
    }
    let known =
        |table: &TableName| catalog.tables.contains_key(table) || catalog.unshareable.contains_key(table);
    for table in shared.iter().filter(|table| !known(table)) {
        reports.push(TableReport {
            table: table.clone(),
            state: TableState::Gone { now: capture::renamed_to(catalog, table) },
            remarks: Vec::new(),
        });
    }
    reports.sort_by(|a, b| a.table.cmp(&b.table));
    Ok(reports)
}

/// The synced tables with everything that a database administrator should know of them; none when all is well.
pub fn check_tables(home: &mut Home<'_>) -> Result<Vec<TableReport>, Error> {
    let catalog = Catalog::load(&mut home.session)?;
    let shared: Vec<TableName> = ledger::shared_tables(&mut home.session)?.into_iter().collect();
    let states = capture::check_triggers(&catalog, &shared, LogDepth::of(home.role()));
    let mut reports = reports(home, &catalog)?;
    reports.retain(|report| shared.contains(&report.table));
    for report in &mut reports {
        for (_, trigger, state) in states.iter().filter(|(table, ..)| *table == report.table) {
            let trigger = trigger.clone();
            match state {
                TriggerState::Present => {}
                TriggerState::Stale => report.remarks.push(Remark::TriggerStale { trigger }),
                TriggerState::Missing => report.remarks.push(Remark::TriggerMissing { trigger }),
                TriggerState::Changed => report.remarks.push(Remark::TriggerChanged { trigger }),
            }
        }
        let keys = capture::unlogged_cascades(&catalog, &report.table).into_iter();
        report.remarks.extend(keys.map(|key| Remark::UnloggedCascade { key }));
    }
    Ok(reports)
}

/// Syncs more tables: triggers, ledger, settings. The labs learn of them, and get their rows, by a snapshot.
pub fn add_tables(home: &mut Home<'_>, tables: &[TableName]) -> Result<Vec<TableName>, Error> {
    let site = home.site().clone();
    if home.role() != Role::Central {
        return Err(Cause::OnlyAtCentral { site }.into());
    }
    let catalog = Catalog::load(&mut home.session)?;
    expect_rules(home.settings, &catalog)?;
    let (wanted, _) = wanted_tables(&catalog, &Tables::Some(tables.to_vec()))?;
    capture::install_triggers(&mut home.session, &catalog, &wanted, LogDepth::of(Role::Central))?;
    ledger::add_tables(&mut home.session, &wanted, now())?;
    let labs: Vec<Site> = home.active_labs().map(|known| known.site.clone()).collect();
    for lab in labs {
        ledger::want_snapshot(&mut home.session, &lab, true)?;
    }
    write_settings(home)
}

/// Makes a lab's list of tables what the centre's is. Returns whether anything had to be done.
///
/// A table that is not here stays off the list: its changes are held when they come, and the message names it.
pub(super) fn follow_tables(
    home: &mut Home<'_>,
    catalog: &Catalog,
    listed: &[(TableName, Direction)],
) -> Result<bool, Error> {
    let known = ledger::table_directions(&mut home.session)?;
    // One that was here stays on the list while it is renamed or cannot be synced: its edits wait in the log.
    let name_here = |table: &TableName| {
        let here = catalog.shareable(table).cloned();
        here.or_else(|| known.keys().find(|name| *name == table).cloned())
    };
    let wanted: BTreeMap<TableName, Direction> =
        listed.iter().filter_map(|(table, direction)| Some((name_here(table)?, *direction))).collect();
    if listed.is_empty() || wanted == known {
        return Ok(false);
    }
    let new: Vec<TableName> = wanted.keys().filter(|table| !known.contains_key(table)).cloned().collect();
    let gone: Vec<TableName> = known.keys().filter(|table| !wanted.contains_key(table)).cloned().collect();
    // Triggers first, then the list: a table on the list is always watched.
    capture::install_triggers(&mut home.session, catalog, &new, LogDepth::of(Role::Lab))?;
    ledger::add_tables(&mut home.session, &new, now())?;
    for (table, direction) in &wanted {
        ledger::set_direction(&mut home.session, table, *direction)?;
    }
    ledger::remove_tables(&mut home.session, &gone)?;
    capture::remove_triggers(&mut home.session, catalog, &gone)?;
    Ok(true)
}

/// Syncs these tables no more. Their rows and their log stay.
pub fn remove_tables(home: &mut Home<'_>, tables: &[TableName]) -> Result<Vec<TableName>, Error> {
    let site = home.site().clone();
    if home.role() != Role::Central {
        return Err(Cause::OnlyAtCentral { site }.into());
    }
    let shared = ledger::shared_tables(&mut home.session)?;
    if let Some(table) = tables.iter().find(|table| !shared.contains(table)) {
        return Err(Cause::Unshareable { table: table.clone(), why: "it is not synced".to_owned() }.into());
    }
    let catalog = Catalog::load(&mut home.session)?;
    ledger::remove_tables(&mut home.session, tables)?;
    capture::remove_triggers(&mut home.session, &catalog, tables)?;
    write_settings(home)
}

/// Writes the list of the ledger into the settings; returns it.
fn write_settings(home: &mut Home<'_>) -> Result<Vec<TableName>, Error> {
    let tables: Vec<TableName> = ledger::shared_tables(&mut home.session)?.into_iter().collect();
    config::set_tables(&home.settings.path, &Tables::Some(tables.clone()))?;
    Ok(tables)
}

/// Tables to sync, and tables that cannot be, with the reason.
pub(super) type Wanted = (Vec<TableName>, Vec<(TableName, String)>);

/// The tables that `wanted` means, and those that cannot be shared. A table that was named and cannot be is an error.
pub(super) fn wanted_tables(catalog: &Catalog, wanted: &Tables) -> Result<Wanted, Error> {
    let unshareable = catalog.unshareable.iter().map(|(table, why)| (table.clone(), why.to_string()));
    match wanted {
        Tables::All => Ok((catalog.tables.keys().cloned().collect(), unshareable.collect())),
        Tables::Some(names) => {
            let mut found = Vec::new();
            for table in names {
                let why = match (catalog.shareable(table), catalog.unshareable.get(table)) {
                    (Some(here), _) => {
                        found.push(here.clone());
                        continue;
                    }
                    (None, Some(reason)) => reason.to_string(),
                    (None, None) => "there is no such table in the database".to_owned(),
                };
                return Err(Cause::Unshareable { table: table.clone(), why }.into());
            }
            Ok((found, Vec::new()))
        }
    }
}
