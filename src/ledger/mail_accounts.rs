//! Which lab may send and fetch mail at the centre, with which account.

use crate::db::{Session, sql};
use crate::ledger::error::Error;
use crate::model::Site;

/// The account of a lab, as it was written down: `'packmule_lab-a'@'%'`.
pub fn mail_account(session: &mut Session, site: &Site) -> Result<Option<String>, Error> {
    let site = sql::text(site.as_str());
    let row = session.first(&format!("SELECT account FROM packmule_mail_account WHERE site = {site}"))?;
    Ok(match row {
        Some(row) => Some(row.text(0)?.to_owned()),
        None => None,
    })
}

/// Writes a lab's account and quota down, open or closed.
pub fn write_mail_account(
    session: &mut Session,
    site: &Site,
    account: &str,
    quota_bytes: u64,
    quota_count: u64,
    open: bool,
) -> Result<(), Error> {
    let (site, account, open) = (sql::text(site.as_str()), sql::text(account), u8::from(open));
    session.execute(&format!(
        "INSERT INTO packmule_mail_account (site, account, quota_bytes, quota_count, is_open) \
         VALUES ({site}, {account}, {quota_bytes}, {quota_count}, {open}) \
         ON DUPLICATE KEY UPDATE account = {account}, quota_bytes = {quota_bytes}, quota_count = {quota_count}, is_open = {open}"
    ))?;
    Ok(())
}

/// Opens or closes the mail of a lab.
pub fn turn_mail(session: &mut Session, site: &Site, open: bool) -> Result<(), Error> {
    let (site, open) = (sql::text(site.as_str()), u8::from(open));
    session.execute(&format!("UPDATE packmule_mail_account SET is_open = {open} WHERE site = {site}"))?;
    Ok(())
}
