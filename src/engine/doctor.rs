//! Looks for what would go wrong later, and says what to do about it.

use std::collections::BTreeSet;

use crate::config::{KeyFolder, Settings, Witness};
use crate::db::{Catalog, Session, sql};
use crate::engine::centre_line::check_line;
use crate::engine::error::Error;
use crate::engine::follow::readable;
use crate::engine::home::{Home, now};
use crate::engine::overdue::overdue;
use crate::engine::peers::overview;
use crate::engine::rights::{check_rights, check_rights_alone};
use crate::engine::rules::check_rules;
use crate::engine::series::check_series;
use crate::engine::tables::{Remark, TableState, check_tables};
use crate::ledger;
use crate::model::{Role, Site, TableName};
use crate::monitor::Monitor;

/// One thing that was looked at.
#[derive(Debug)]
pub struct Check {
    /// What.
    pub subject: &'static str,
    /// How it is.
    pub health: Health,
    /// In words.
    pub words: String,
    /// What to do, where something is to be done; a line for each step.
    pub remedy: Option<String>,
    /// The error, where one came up; its own words say more.
    pub error: Option<Error>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// Worth knowing.
    Notice,
    /// Changes would be missed, or nothing works.
    Bad,
}

/// Looks at everything that packmule needs. A check that fails does not stop the others.
pub fn doctor(settings: &Settings, monitor: &dyn Monitor) -> Vec<Check> {
    let mut home = match Home::look(settings, monitor) {
        Ok(home) => home,
        Err(error) => {
            let words = "this site cannot be opened".to_owned();
            let mut checks =
                vec![Check { subject: "site", health: Health::Bad, words, remedy: None, error: Some(error) }];
            checks.extend(check_rights_alone(settings).into_iter().flatten());
            return checks;
        }
    };
    let mut checks =
        vec![good("site", format!("{} {}, keys and database are there", home.role(), home.site()))];
    let server = format!("{}, database {}", home.session.version(), settings.database.name);
    checks.push(good("database", server));
    collect(&mut checks, "rights", check_rights(&mut home.session, settings));
    collect(&mut checks, "triggers", triggers(&mut home));
    collect(&mut checks, "tables", tables(&mut home));
    collect(&mut checks, "rules", check_rules(&mut home));
    collect(&mut checks, "outbox", outbox(&mut home));
    collect(&mut checks, "history", history(&mut home));
    collect(&mut checks, "series", check_series(&mut home));
    collect(&mut checks, "line", check_line(&home));
    collect(&mut checks, "waiting", waiting(&mut home));
    collect(&mut checks, "server", server_settings(&mut home.session));
    checks
}

fn collect(checks: &mut Vec<Check>, subject: &'static str, found: Result<Vec<Check>, Error>) {
    match found {
        Ok(found) => checks.extend(found),
        Err(error) => {
            let words = "could not be looked at".to_owned();
            checks.push(Check { subject, health: Health::Bad, words, remedy: None, error: Some(error) });
        }
    }
}

pub(super) fn good(subject: &'static str, words: String) -> Check {
    Check { subject, health: Health::Good, words, remedy: None, error: None }
}

pub(super) fn bad(subject: &'static str, words: String, remedy: &str) -> Check {
    Check { subject, health: Health::Bad, words, remedy: Some(remedy.to_owned()), error: None }
}

pub(super) fn notice(subject: &'static str, words: String, remedy: &str) -> Check {
    Check { subject, health: Health::Notice, words, remedy: Some(remedy.to_owned()), error: None }
}

fn triggers(home: &mut Home<'_>) -> Result<Vec<Check>, Error> {
    let reports = check_tables(home)?;
    let count = reports.len();
    let mut checks = Vec::new();
    for report in reports {
        for remark in report.remarks {
            let words = format!("{}: {remark}", report.table);
            if remark.loses_edits() {
                checks.push(bad(
                    "triggers",
                    words,
                    "run `packmule init` again with the same words as the first time",
                ));
            } else {
                let remedy = match remark {
                    Remark::TriggerStale { .. } => "the next packmule export or import renews it",
                    Remark::TriggerMissing { .. }
                    | Remark::TriggerChanged { .. }
                    | Remark::UnloggedCascade { .. } => {
                        "delete the lower levels first, or check them at the other sites"
                    }
                };
                checks.push(notice("triggers", words, remedy));
            }
        }
        if let TableState::Gone { now } = report.state {
            let table = report.table;
            checks.push(match now {
                None => bad(
                    "tables",
                    format!("{table}: the table is not in the database any more"),
                    "put it back, or at the centre: packmule tables remove",
                ),
                Some(now) => bad(
                    "tables",
                    format!("{table}: the table is called {now} now, and what is edited there is not sent"),
                    &format!(
                        "RENAME TABLE {} TO {}; or rename it at every site, then at the centre: packmule tables add {now}",
                        sql::name(now.as_str()),
                        sql::name(table.as_str())
                    ),
                ),
            });
        }
    }
    if checks.is_empty() {
        checks.push(good("triggers", format!("{count} tables are watched")));
    }
    Ok(checks)
}

fn tables(home: &mut Home<'_>) -> Result<Vec<Check>, Error> {
    let catalog = Catalog::load(&mut home.session)?;
    let shared = ledger::shared_tables(&mut home.session)?;
    let mut checks: Vec<Check> = Vec::new();
    for (table, reason) in &catalog.unshareable {
        let words = format!("{table} is not synced: {reason}");
        checks.push(match shared.contains(table) {
            true => bad("tables", words, "change the table back, or at the centre: packmule tables remove"),
            false => notice("tables", words, "nothing, if it need not be synced"),
        });
    }
    let (_, waiting) = readable(home, &catalog, shared.clone())?;
    for (table, why) in waiting.into_iter().filter(|(table, _)| catalog.tables.contains_key(table)) {
        checks.push(bad("tables", format!("{table} is not sent: {why}"), "packmule export, after that"));
    }
    let free: Vec<&TableName> = catalog.tables.keys().filter(|table| !shared.contains(table)).collect();
    if !free.is_empty() {
        let names = free.iter().map(|table| table.to_string()).collect::<Vec<_>>().join(", ");
        checks.push(notice(
            "tables",
            format!("not synced: {names}"),
            "at the centre: packmule tables add NAME",
        ));
    }
    if checks.is_empty() {
        checks.push(good("tables", format!("all {} tables are synced", shared.len())));
    }
    Ok(checks)
}

fn outbox(home: &mut Home<'_>) -> Result<Vec<Check>, Error> {
    let mut checks = Vec::new();
    if home.role() == Role::Central || home.central().is_ok() {
        let unconfirmed = home.unconfirmed()?;
        let sites: BTreeSet<&Site> = unconfirmed.iter().map(|record| &record.stream.to).collect();
        let names = sites.into_iter().map(Site::as_str).collect::<Vec<_>>().join(", ");
        let words = match unconfirmed.len() {
            0 => "no bundle waits for a receipt".to_owned(),
            1 => format!("1 bundle without a receipt, for {names}; it is there"),
            many => format!("{many} bundles without a receipt, for {names}; all are there"),
        };
        checks.push(good("outbox", words));
    }
    let folder = &home.outbox;
    const FREE_BYTES_MIN: u64 = 200 << 20;
    let free = folder.free_bytes()?;
    if free < FREE_BYTES_MIN {
        let words = format!("only {} MiB are free on the disk of {}", free >> 20, folder.path().display());
        checks.push(bad("disk", words, "make room on that disk"));
    }
    Ok(checks)
}

/// Whether the database knows every bundle that was sealed, for whomever it was.
fn history(home: &mut Home<'_>) -> Result<Vec<Check>, Error> {
    if home.role() == Role::Lab && home.central().is_err() {
        let words = "this lab has not joined a centre yet".to_owned();
        return Ok(vec![notice("centre", words, "send the card to the centre, then: packmule join ANSWER")]);
    }
    let witness = Witness::open(&KeyFolder::new(&home.settings.state))?;
    for id in home.streams_out()? {
        let stream = ledger::open_stream(&mut home.session, &id)?;
        crate::engine::seal::check_witness(&stream, witness.last(&id.to))?;
    }
    Ok(vec![good("history", "the database knows every bundle that was sealed".to_owned())])
}

/// What has waited for too long.
fn waiting(home: &mut Home<'_>) -> Result<Vec<Check>, Error> {
    let peers = overview(home)?.peers;
    let kept = ledger::kept_summary(&mut home.session)?;
    Ok(overdue(home.role(), &peers, &kept, now()))
}

fn server_settings(session: &mut Session) -> Result<Vec<Check>, Error> {
    let row = session.first(
        "SELECT @@innodb_flush_log_at_trx_commit, @@max_allowed_packet, @@foreign_key_checks, @@innodb_doublewrite",
    )?;
    let mut checks = Vec::new();
    let Some(row) = row else {
        return Ok(checks);
    };
    if row.text(0)? != "1" {
        let words = format!("innodb_flush_log_at_trx_commit is {}", row.text(0)?);
        checks.push(notice("server", words, "set it to 1: a power cut can lose the last second of work"));
    }
    const PACKET_BYTES_MIN: u64 = 4 << 20;
    if row.parse::<u64>(1)? < PACKET_BYTES_MIN {
        let words = format!("max_allowed_packet is {} bytes", row.text(1)?);
        checks.push(notice("server", words, "set it to 16M or more: large rows cannot be written"));
    }
    // SHOW, because newer servers may not have the variables at all.
    let shown = session.rows("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format')")?;
    let is = |name: &str, value: &str| {
        shown.iter().any(|row| row.optional(0) == Some(name) && row.optional(1) == Some(value))
    };
    if is("log_bin", "ON") && is("binlog_format", "STATEMENT") {
        let words = "the binary log is written as statements (binlog_format)".to_owned();
        checks.push(bad("server", words, BINLOG_REMEDY));
    }
    Ok(checks)
}

/// Seal and apply lock no gaps (READ COMMITTED); InnoDB cannot write that as statements.
const BINLOG_REMEDY: &str = "as an administrator of the server: SET GLOBAL binlog_format = 'MIXED', and the same in its my.cnf; \
                             then start anew what uses this database";
