//! Makes packmule's own account at a site, when an administrator signs in for it once.
//!
//! It gets what README.md names and nothing more: the application's tables to read, write and watch, and packmule's own
//! tables, by their names, to make and to change. Nothing of the rest of the server.

use std::net::IpAddr;

use crate::config::{self, AdminDatabase, Administrator, Settings};
use crate::db::{self, Account, Grants, Line, Pattern, Session};
use crate::engine::error::{Cause, Error};
use crate::engine::home::connect;
use crate::ledger::OwnNames;

/// What the account needs on the whole database.
pub(super) const DATA_RIGHTS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRIGGER"];

/// Makes the account that the settings name, or completes its rights. Returns the administrator's session.
pub(super) fn make(administrator: &Administrator, settings: &Settings) -> Result<Session, Error> {
    let own = &settings.database;
    let AdminDatabase { database, same_way } = administrator.database(own)?;
    if database.user == own.user {
        return Err(Cause::OwnIsAdministrator { user: own.user.clone() }.into());
    }
    let mut admin = connect(&database)?;
    let account = match connect(own) {
        Ok(mut session) => Grants::load(&mut session)?.account().clone(),
        Err(Error::Database(refused @ db::Error::SignIn { .. })) => {
            let host = host_of(&mut admin, own, same_way)?;
            let account = Account { user: own.user.clone(), host };
            // 1044: the password is right, and the account may not use this database yet.
            if refused.code() != Some(1044) {
                create(&mut admin, &account, settings)?;
            }
            account
        }
        Err(other) => return Err(other),
    };
    for statement in statements(&mut admin, &account, settings)? {
        admin.execute(&statement)?;
    }
    Ok(admin)
}

/// The administrator's session, to look with, when the account is not there yet.
pub(super) fn look(administrator: &Administrator, settings: &Settings) -> Result<Session, Error> {
    connect(&administrator.database(&settings.database)?.database)
}

/// Every statement that gives the account its rights.
fn statements(session: &mut Session, account: &Account, settings: &Settings) -> Result<Vec<String>, Error> {
    let pattern = Pattern::of(session, &settings.database.name)?;
    let own = OwnNames::of(settings.role);
    let mut statements = vec![account.grant_sql(&DATA_RIGHTS.join(", "), &pattern, None)];
    statements
        .extend(own.tables.iter().map(|table| account.grant_sql("CREATE, ALTER", &pattern, Some(table))));
    statements
        .extend(own.views.iter().map(|view| account.grant_sql("CREATE, CREATE VIEW", &pattern, Some(view))));
    Ok(statements)
}

fn create(admin: &mut Session, account: &Account, settings: &Settings) -> Result<(), Error> {
    const IS_THERE: u16 = 1396;
    let password = settings.database.password.read()?;
    let password = password.ok_or_else(|| Cause::NoPassword { user: account.user.clone() })?;
    let line = match settings.database.tls {
        config::Tls::Required => Line::Encrypted,
        config::Tls::Off | config::Tls::Preferred => Line::Any,
    };
    match account.create(admin, &db::Password::new(password.as_str().to_owned()), line) {
        Err(error) if error.code() == Some(IS_THERE) => {
            Err(Cause::AccountTaken { account: account.to_string() }.into())
        }
        other => Ok(other?),
    }
}

/// Where the account comes from: this computer, where the server is on it, else anywhere. Addresses change; its
/// password is long, and the line is encrypted.
fn host_of(admin: &mut Session, own: &config::Database, same_way: bool) -> Result<String, Error> {
    let row = admin.first("SELECT SUBSTRING_INDEX(USER(), '@', -1), @@skip_name_resolve")?;
    let (seen, numbers_only) = match &row {
        Some(row) => (row.text(0)?, row.text(1)? == "1"),
        None => ("", false),
    };
    let is_near = |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let host = match (own.socket.is_some(), is_near(&own.host)) {
        _ if same_way && is_near(seen) => seen,
        _ if same_way => "%",
        (true, _) => "localhost",
        (false, true) if numbers_only => "127.0.0.1",
        (false, true) => "localhost",
        (false, false) => "%",
    };
    Ok(host.to_owned())
}
