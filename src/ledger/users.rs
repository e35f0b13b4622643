//! Who may sign in to the console, with the hashes of their passwords. Nothing of a hash leaves the engine.

use std::fmt;

use crate::db::{Row, Session, sql};
use crate::ledger::error::Error;
use crate::ledger::here::stamp;
use crate::model::{Stamp, UserName, UserRole};

/// A person who may sign in to the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: UserName,
    /// What this person may do.
    pub role: UserRole,
    /// Since when.
    pub made_at: Stamp,
    /// When password or role were changed last. Whoever signed in before that must sign in again; no two changes have the same time.
    pub changed_at: Stamp,
    /// When this person signed in last.
    pub signed_in_at: Option<Stamp>,
}

/// The hash of a password, with its salt and costs. Nothing shows it.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a hash in the PHC form: `$argon2id$v=19$...`.
    pub fn new(text: String) -> Self {
        PasswordHash(text)
    }

    /// The hash itself, for the one call that compares a password with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

/// Everybody who may sign in, by name.
pub fn users(session: &mut Session) -> Result<Vec<User>, Error> {
    session.rows(&format!("{SELECT} ORDER BY name"))?.iter().map(read).collect()
}

/// One person, with the hash of the password.
pub fn find_user(session: &mut Session, name: &UserName) -> Result<Option<(User, PasswordHash)>, Error> {
    let query = format!("{SELECT} WHERE name = {}", sql::text(name.as_str()));
    let row = session.first(&query)?;
    row.map(|row| Ok((read(&row)?, PasswordHash::new(row.text(5)?.to_owned())))).transpose()
}

/// The names of those who may do everything, locked until the transaction ends: of two commands that would each leave the other
/// one's, the second waits and then sees that there is no other.
pub fn lock_admins(session: &mut Session) -> Result<Vec<UserName>, Error> {
    let rows = session.rows("SELECT name FROM packmule_user WHERE role = 'admin' FOR UPDATE")?;
    rows.iter().map(|row| Ok(row.parse(0)?)).collect()
}

/// Adds a person. Returns whether the name was free.
pub fn add_user(
    session: &mut Session,
    name: &UserName,
    role: UserRole,
    hash: &PasswordHash,
    now: Stamp,
) -> Result<bool, Error> {
    let (name, now) = (sql::text(name.as_str()), sql::text(&now.to_sql()));
    let added = session.execute(&format!(
        "INSERT INTO packmule_user (name, role, password, made_at, changed_at) \
         VALUES ({name}, '{role}', {}, {now}, {now})",
        sql::text(hash.expose())
    ));
    match added {
        Err(error) if error.code() == Some(DUPLICATE) => Ok(false),
        other => Ok(other? > 0),
    }
}

/// Gives a person another password. Returns whether the name is there.
pub fn set_password(
    session: &mut Session,
    name: &UserName,
    hash: &PasswordHash,
    now: Stamp,
) -> Result<bool, Error> {
    change(session, name, &format!("password = {}", sql::text(hash.expose())), now)
}

/// Gives a person another role. Returns whether the name is there.
pub fn set_user_role(
    session: &mut Session,
    name: &UserName,
    role: UserRole,
    now: Stamp,
) -> Result<bool, Error> {
    change(session, name, &format!("role = '{role}'"), now)
}

fn change(session: &mut Session, name: &UserName, what: &str, now: Stamp) -> Result<bool, Error> {
    // Later than the change before, whatever the clock says: it tells sessions of before from those of after.
    let changed = session.execute(&format!(
        "UPDATE packmule_user SET {what}, changed_at = GREATEST({}, changed_at + INTERVAL 1 MICROSECOND) \
         WHERE name = {}",
        sql::text(&now.to_sql()),
        sql::text(name.as_str())
    ))?;
    Ok(changed > 0)
}

/// Takes a person out. Returns whether the name was there.
pub fn remove_user(session: &mut Session, name: &UserName) -> Result<bool, Error> {
    let name = sql::text(name.as_str());
    Ok(session.execute(&format!("DELETE FROM packmule_user WHERE name = {name}"))? > 0)
}

/// Writes that a person has signed in.
pub fn record_sign_in(session: &mut Session, name: &UserName, now: Stamp) -> Result<(), Error> {
    let (name, now) = (sql::text(name.as_str()), sql::text(&now.to_sql()));
    session.execute(&format!("UPDATE packmule_user SET signed_in_at = {now} WHERE name = {name}"))?;
    Ok(())
}

const SELECT: &str = "SELECT name, role, made_at, changed_at, signed_in_at, password FROM packmule_user";
const DUPLICATE: u16 = 1062;

fn read(row: &Row) -> Result<User, Error> {
    Ok(User {
        name: row.parse(0)?,
        role: row.parse(1)?,
        made_at: stamp(row.text(2)?)?,
        changed_at: stamp(row.text(3)?)?,
        signed_in_at: row.optional(4).map(stamp).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_never_shown() {
        let hash = PasswordHash::new("$argon2id$v=19$secret".to_owned());
        assert!(!format!("{:?}", Some(hash)).contains("secret"));
    }
}
