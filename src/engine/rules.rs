//! Whether what the settings say of tables and columns suits the database. A rule that cannot be followed is an error, never
//! one that is passed over.

use std::collections::BTreeMap;

use crate::config::{Settings, TableRules, nearest};
use crate::conflict::{Limits, Rules};
use crate::db::{Catalog, ColumnDetail, Table};
use crate::engine::doctor::{Check, bad, good};
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::model::{Role, TableName};

/// A rule that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} cannot be: {why}")]
pub struct RuleFault {
    /// Where it stands, such as `tables.stock.counters`.
    pub setting: String,
    /// What is wrong.
    pub why: RuleProblem,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblem {
    /// The table is not there.
    #[error("there is no table {table} in the database")]
    NoTable {
        /// The table.
        table: String,
        /// One with nearly the same name.
        near: Option<String>,
    },
    /// The column is not there.
    #[error("there is no column {column} in table {table}")]
    NoColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// One with nearly the same name.
        near: Option<String>,
    },
    /// Its differences cannot be added exactly.
    #[error("column {column} is {column_type}, and only whole numbers and DECIMAL can be added exactly")]
    NoNumber {
        /// The column.
        column: String,
        /// Its type.
        column_type: String,
    },
    /// It is no moment.
    #[error("column {column} is {column_type}, and the time of an edit is a DATETIME or TIMESTAMP")]
    NoTime {
        /// The column.
        column: String,
        /// Its type.
        column_type: String,
    },
    /// Rows are told apart by it.
    #[error("column {column} is part of the primary key: rows are told apart by it")]
    InKey {
        /// The column.
        column: String,
    },
    /// The server makes it.
    #[error("column {column} is computed by the server, and nobody edits it")]
    Computed {
        /// The column.
        column: String,
    },
    /// Two rules for one column.
    #[error("column {column} is a counter: differences are added, and nobody wins")]
    IsCounter {
        /// The column.
        column: String,
    },
}

/// The rules of the tables that are here, or why they cannot be followed. At a lab there are none.
pub(super) fn checked_rules(
    settings: &Settings,
    catalog: &Catalog,
) -> Result<BTreeMap<TableName, Rules>, Error> {
    // A table that was dropped since must not stop all others; `doctor` names it.
    let is_here = |fault: &RuleFault| !matches!(fault.why, RuleProblem::NoTable { .. });
    let faults: Vec<RuleFault> = rule_faults(settings, catalog).into_iter().filter(is_here).collect();
    if !faults.is_empty() {
        return Err(Error::Rules { faults });
    }
    let known = settings
        .rules
        .iter()
        .filter_map(|(name, rules)| Some((catalog.shareable(name)?.clone(), rules.of_conflicts())));
    Ok(known.collect())
}

/// The same where a table that is not there is a mistake, too.
pub(super) fn expect_rules(settings: &Settings, catalog: &Catalog) -> Result<(), Error> {
    let faults = rule_faults(settings, catalog);
    if faults.is_empty() { Ok(()) } else { Err(Error::Rules { faults }) }
}

/// Every rule of the settings that cannot be followed.
fn rule_faults(settings: &Settings, catalog: &Catalog) -> Vec<RuleFault> {
    let mut faults = Vec::new();
    for (name, rules) in &settings.rules {
        match catalog.shareable(name).and_then(|here| catalog.tables.get(here)) {
            Some(table) => faults.extend(faults_of(&format!("tables.{name}"), table, rules)),
            None if catalog.unshareable.contains_key(name) => {}
            None => {
                let near = near(name.as_str(), catalog.tables.keys().map(TableName::as_str));
                let why = RuleProblem::NoTable { table: name.to_string(), near };
                faults.push(RuleFault { setting: format!("tables.{name}"), why });
            }
        }
    }
    faults
}

fn faults_of(setting: &str, table: &Table, rules: &TableRules) -> Vec<RuleFault> {
    let mut faults = Vec::new();
    let mut check =
        |setting: String, name: &str, suits: &dyn Fn(&ColumnDetail) -> Result<(), RuleProblem>| {
            if let Err(why) = column(table, name).and_then(suits) {
                faults.push(RuleFault { setting, why });
            }
        };
    let free = |detail: &ColumnDetail| match table.key_details().any(|key| key.name == detail.name) {
        true => Err(RuleProblem::InKey { column: detail.name.clone() }),
        false => Ok(()),
    };
    for name in &rules.counters {
        check(format!("{setting}.counters"), name, &|detail| {
            free(detail)?;
            let (column, column_type) = (detail.name.clone(), detail.column_type.clone());
            Limits::of(&column_type).map(|_| ()).ok_or(RuleProblem::NoNumber { column, column_type })
        });
    }
    for name in rules.columns.keys() {
        check(format!("{setting}.columns.{name}"), name, &|detail| {
            free(detail)?;
            match rules.counters.iter().any(|counter| counter.eq_ignore_ascii_case(name)) {
                true => Err(RuleProblem::IsCounter { column: detail.name.clone() }),
                false => Ok(()),
            }
        });
    }
    if let Some(name) = &rules.updated_at {
        check(format!("{setting}.updated_at"), name, &|detail| {
            let (column, column_type) = (detail.name.clone(), detail.column_type.clone());
            match matches!(detail.data_type.as_str(), "datetime" | "timestamp") {
                true => free(detail),
                false => Err(RuleProblem::NoTime { column, column_type }),
            }
        });
    }
    faults
}

fn column<'t>(table: &'t Table, name: &str) -> Result<&'t ColumnDetail, RuleProblem> {
    let is_it = |detail: &&ColumnDetail| detail.name.to_lowercase() == name.to_lowercase();
    if let Some(found) = table.details.iter().find(is_it) {
        return Ok(found);
    }
    if table.generated.iter().any(|detail| is_it(&detail)) {
        return Err(RuleProblem::Computed { column: name.to_owned() });
    }
    let near = near(name, table.details.iter().map(|detail| detail.name.as_str()));
    Err(RuleProblem::NoColumn { table: table.shape.name.clone(), column: name.to_owned(), near })
}

fn near<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    let known: Vec<&str> = known.collect();
    nearest(name, &known).map(str::to_owned)
}

/// What `doctor` says of the rules.
pub(super) fn check_rules(home: &mut Home<'_>) -> Result<Vec<Check>, Error> {
    if home.role() != Role::Central || home.settings.rules.is_empty() {
        return Ok(Vec::new());
    }
    let catalog = Catalog::load(&mut home.session)?;
    let faults = rule_faults(home.settings, &catalog);
    if faults.is_empty() {
        let count = home.settings.rules.len();
        return Ok(vec![good("rules", format!("the rules of {count} tables suit the database"))]);
    }
    let remedy = |fault: &RuleFault| fault.remedy();
    Ok(faults.iter().map(|fault| bad("rules", fault.to_string(), &remedy(fault))).collect())
}

impl RuleFault {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match &self.why {
            RuleProblem::NoTable { near: Some(near), .. }
            | RuleProblem::NoColumn { near: Some(near), .. } => {
                format!("did you mean \"{near}\"?")
            }
            RuleProblem::NoTable { near: None, .. } => "take the section out of the settings".to_owned(),
            RuleProblem::NoNumber { .. } => {
                "take the column out of `counters`, or make it an integer or a DECIMAL at every site"
                    .to_owned()
            }
            RuleProblem::NoTime { .. } => {
                "take `updated_at` out of the section: the log's own times are used then".to_owned()
            }
            RuleProblem::NoColumn { near: None, .. }
            | RuleProblem::InKey { .. }
            | RuleProblem::Computed { .. }
            | RuleProblem::IsCounter { .. } => "take the column out of this setting".to_owned(),
        }
    }
}
