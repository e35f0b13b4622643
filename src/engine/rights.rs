//! Whether packmule's own account may do all that it has to, and the statements that give it what is missing.

use std::collections::BTreeMap;

use crate::config::Settings;
use crate::db::{Grants, Pattern, Session};
use crate::engine::doctor::{Check, bad, good};
use crate::engine::error::Error;
use crate::engine::home::connect;
use crate::engine::own_account::DATA_RIGHTS;
use crate::ledger::{self, OwnNames};
use crate::model::Role;

/// Names each right that is missing.
pub(super) fn check_rights(session: &mut Session, settings: &Settings) -> Result<Vec<Check>, Error> {
    let database = &settings.database.name;
    let grants = Grants::load(session)?;
    let needed = needed(session, settings.role);
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for right in DATA_RIGHTS {
        let lacking: Vec<&str> = needed
            .iter()
            .filter(|(_, watched)| *watched || right != "TRIGGER")
            .map(|(table, _)| table.as_str())
            .filter(|table| !grants.allow(right, database, table))
            .collect();
        if !lacking.is_empty() {
            missing.insert(right, lacking);
        }
    }
    if missing.is_empty() {
        let words = format!("{} may do all that is needed in {database}", grants.account());
        return Ok(vec![good("rights", words)]);
    }
    let pattern = Pattern::of(session, database)?;
    let some = |(right, tables): (&str, Vec<&str>)| {
        let all = needed.iter().filter(|(_, watched)| *watched || right != "TRIGGER").count() == tables.len();
        let (place, tables) = match all {
            true => (format!("in {database}"), vec![None]),
            false => (format!("on {}", tables.join(", ")), tables.into_iter().map(Some).collect()),
        };
        let statements = tables.into_iter().map(|table| {
            format!(
                "as an administrator of the server: {}",
                grants.account().grant_sql(right, &pattern, table)
            )
        });
        let words = format!("the right {right} {place} is missing: {}", purpose(right));
        bad("rights", words, &statements.collect::<Vec<_>>().join("\n"))
    };
    Ok(missing.into_iter().map(some).collect())
}

/// The same, where the site itself cannot be opened, which may be for want of a right.
pub(super) fn check_rights_alone(settings: &Settings) -> Option<Vec<Check>> {
    let mut session = connect(&settings.database).ok()?;
    let checks = check_rights(&mut session, settings).ok()?;
    checks.iter().any(|check| check.remedy.is_some()).then_some(checks)
}

/// The tables that packmule reads and writes, each with whether triggers stand on it.
fn needed(session: &mut Session, role: Role) -> Vec<(String, bool)> {
    // Without the right to read even the list there is only the database as a whole to speak of.
    let shared = ledger::shared_tables(session).unwrap_or_default();
    let own = OwnNames::of(role).tables.into_iter().map(|name| {
        let watched = name.starts_with("packmule_mail");
        (name, watched)
    });
    let mut tables: Vec<(String, bool)> =
        shared.iter().map(|name| (name.to_string(), true)).chain(own).collect();
    if shared.is_empty() {
        tables.push(("*".to_owned(), true));
    }
    tables
}

fn purpose(right: &str) -> &'static str {
    match right {
        "SELECT" => "nothing can be read",
        "INSERT" => "no new row can be written, nor can the triggers log",
        "UPDATE" => "no row can be changed, nor can what was sealed be marked",
        "DELETE" => "no row can be deleted, nor can the log be pruned",
        _ => "the triggers fail, and with them the application's own writes",
    }
}
