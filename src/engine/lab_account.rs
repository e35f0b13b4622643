//! A lab's account in the centre's database: made by `enrol`, closed and opened by `sites`.
//!
//! It may read and add its own mail through views, and nothing else. Making accounts is a right on the whole server,
//! which packmule's own account need not have: then an administrator signs in, or is told what to run.

use crate::config::{Administrator, CentralAccess, MailAccess, Secret, new_password};
use crate::db::{self, Account, Class, Line, Pattern, Session};
use crate::engine::error::Error;
use crate::engine::home::{Home, connect};
use crate::engine::sites::SiteOrder;
use crate::ledger::{self, SiteState};
use crate::model::Site;

/// What became of a lab's way by network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabAccount {
    /// The centre's settings give labs no address.
    None,
    /// The account was made, or made anew with another password.
    Made {
        /// The account.
        account: String,
    },
    /// Nobody was there who may make accounts. These statements make it.
    NotAllowed {
        /// What an administrator of the server may run instead.
        statements: Vec<String>,
    },
}

/// What became of an account when its lab's part changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountDoor {
    /// The lab has none.
    None,
    /// It is let in, and its mail goes.
    Open,
    /// It is not let in.
    Closed,
    /// It is let in, and sees and gives nothing, or it is not let in and should be: this statement is for an administrator.
    Half {
        /// The statement.
        statement: String,
    },
}

/// Makes the account of `lab` anew, with a new password. Returns what the lab is told of it, if it was made.
pub(super) fn make(
    home: &mut Home<'_>,
    lab: &Site,
    host: &str,
    administrator: Option<&Administrator>,
) -> Result<(LabAccount, Option<CentralAccess>), Error> {
    let settings = home.settings;
    let Some(address) = &settings.mail_access.url_for_labs else {
        return Ok((LabAccount::None, None));
    };
    // Read first: an account without what the lab needs to know would be of no use.
    let ca = settings.mail_access.read_ca()?;
    let account = Account { user: format!("{PREFIX}{lab}"), host: host.to_owned() };
    let before = ledger::mail_account(&mut home.session, lab)?.and_then(|name| read_account(&name));
    let database = &settings.database;
    let mut admin = match administrator {
        Some(administrator) => Some(connect(&administrator.database(database)?.database)?),
        None => None,
    };
    let session = admin.as_mut().unwrap_or(&mut home.session);
    let password = new_password().map_err(|source| Error::File { path: settings.state.clone(), source })?;
    let pattern = Pattern::of(session, &database.name)?;
    match make_with(session, before.as_ref(), &account, &password, &settings.mail_access, &pattern) {
        Ok(()) => {}
        Err(error) if error.class() == Some(Class::Rights) && administrator.is_none() => {
            let create =
                format!("CREATE USER {account} IDENTIFIED BY '...'{}", line(&settings.mail_access).clause());
            let statements = [vec![create], grants(&account, &pattern)].concat();
            return Ok((LabAccount::NotAllowed { statements }, None));
        }
        Err(other) => return Err(other.into()),
    }
    // The account first: an open row without an account behind it lets nobody in.
    let (bytes, count) = (settings.mail.bytes, settings.mail.bundles);
    let open = !home.sites.iter().any(|known| known.site == *lab && known.state == SiteState::Suspended);
    ledger::write_mail_account(&mut home.session, lab, &account.to_string(), bytes, count, open)?;
    let url = match address.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}@{rest}", account.user),
        None => address.clone(),
    };
    Ok((LabAccount::Made { account: account.to_string() }, Some(CentralAccess { url, password, ca })))
}

fn make_with(
    session: &mut Session,
    before: Option<&Account>,
    account: &Account,
    password: &Secret,
    mail: &MailAccess,
    pattern: &Pattern,
) -> Result<(), db::Error> {
    // Whoever signs in with the old password is out, and whatever was granted by hand is gone.
    for old in before.into_iter().filter(|old| *old != account).chain([account]) {
        old.drop(session)?;
    }
    account.create(session, &db::Password::new(password.expose().to_owned()), line(mail))?;
    for statement in grants(account, pattern) {
        if let Err(error) = session.execute(&statement) {
            // Half an account would only look like one.
            let _ = account.drop(session);
            return Err(error);
        }
    }
    Ok(())
}

/// Opens or closes the account of a lab. The account first: its own row a lab can hold locked, for as long as it is in.
pub(super) fn turn(home: &mut Home<'_>, lab: &Site, order: SiteOrder) -> Result<AccountDoor, Error> {
    let Some(account) = ledger::mail_account(&mut home.session, lab)? else {
        return Ok(AccountDoor::None);
    };
    let open = match order {
        SiteOrder::Resend => return Ok(AccountDoor::None),
        SiteOrder::Resume => true,
        SiteOrder::Suspend | SiteOrder::Revoke => false,
    };
    let door = match read_account(&account) {
        Some(account) => turn_account(home, &account, order)?,
        // One that somebody else made is somebody else's to lock; what it sees is ours.
        None if open => AccountDoor::Open,
        None => AccountDoor::Closed,
    };
    home.session.execute("SET SESSION innodb_lock_wait_timeout = 5")?;
    ledger::turn_mail(&mut home.session, lab, open)?;
    Ok(door)
}

fn turn_account(home: &mut Home<'_>, account: &Account, order: SiteOrder) -> Result<AccountDoor, Error> {
    let (door, statement) = match order {
        SiteOrder::Resume | SiteOrder::Resend => {
            (AccountDoor::Open, format!("ALTER USER {account} ACCOUNT UNLOCK"))
        }
        SiteOrder::Suspend => (AccountDoor::Closed, format!("ALTER USER {account} ACCOUNT LOCK")),
        SiteOrder::Revoke => (AccountDoor::Closed, format!("DROP USER IF EXISTS {account}")),
    };
    match home.session.execute(&statement) {
        Ok(_) => Ok(door),
        Err(error) if error.class() == Some(Class::Rights) => Ok(AccountDoor::Half { statement }),
        Err(other) => Err(other.into()),
    }
}

fn line(mail: &MailAccess) -> Line {
    if mail.require_tls { Line::Encrypted } else { Line::Any }
}

/// All that a lab's account may do. schema/README.md has the same list.
fn grants(account: &Account, database: &Pattern) -> Vec<String> {
    let of = |(view, rights): (&str, &str)| account.grant_sql(rights, database, Some(view));
    VIEWS.map(of).into()
}

/// Reads `'packmule_lab-a'@'%'`, as it was written down.
fn read_account(name: &str) -> Option<Account> {
    let (user, host) = name.split_once('@')?;
    let bare = |text: &str| text.strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned);
    let account = Account { user: bare(user)?, host: bare(host)? };
    // Nothing but what was written by this program is ever dropped.
    (account.user.starts_with(PREFIX) && account.to_string() == name).then_some(account)
}

/// What a lab's account is called, before the lab's name: the views cut it off again.
const PREFIX: &str = "packmule_";
const VIEWS: [(&str, &str); 5] = [
    (
        "packmule_sent",
        "SELECT, INSERT (from_site, to_site, name, digest, sha256, size_bytes, part_bytes, parts)",
    ),
    ("packmule_sent_part", "SELECT (mail, part, sha256), INSERT (mail, part, sha256, body)"),
    ("packmule_waiting", "SELECT"),
    ("packmule_waiting_part", "SELECT"),
    ("packmule_centre", "SELECT"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_account_that_enrol_made_is_read_back() {
        let account = Account { user: "packmule_lab-a".into(), host: "10.0.%".into() };
        assert_eq!(read_account(&account.to_string()), Some(account));
        for other in ["'root'@'localhost'", "packmule_lab-a", "'packmule_a'@'%'; DROP", "''@''"] {
            assert_eq!(read_account(other), None, "{other}");
        }
    }
}
