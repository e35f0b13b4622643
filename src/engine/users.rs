//! The people who may sign in to the console: added, changed, removed, and let in. At the centre only.
//!
//! A password is known here for as long as it takes to hash it; what is kept is argon2id with a salt of its own.

use argon2::password_hash::{PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::config::nearest;
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::sites::expect_central;
use crate::ledger::{self, PasswordHash, User};
use crate::model::{UserName, UserRole};

/// Why a user cannot be added, changed or removed so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserFault {
    /// The name is given already.
    #[error("there is a user {name} already")]
    Taken {
        /// The name.
        name: UserName,
    },
    /// Nobody has this name.
    #[error("there is no user {name}")]
    Unknown {
        /// The name.
        name: UserName,
        /// A user with nearly the same name.
        near: Option<UserName>,
    },
    /// Nobody would be left who may do everything.
    #[error("{name} is the last admin")]
    LastAdmin {
        /// The name.
        name: UserName,
    },
    /// The password is too short.
    #[error("a password has at least {PASSWORD_CHARS_MIN} characters")]
    PasswordTooShort,
    /// The password is too long.
    #[error("a password has at most {PASSWORD_BYTES_MAX} bytes")]
    PasswordTooLong,
    /// The password is the name.
    #[error("a password is not the user's name")]
    PasswordIsName,
}

/// Everybody who may sign in, by name.
pub fn users(home: &mut Home<'_>) -> Result<Vec<User>, Error> {
    expect_central(home)?;
    match ledger::knows_console(&mut home.session)? {
        true => Ok(ledger::users(&mut home.session)?),
        false => Ok(Vec::new()),
    }
}

/// The user of this name.
pub fn find_user(home: &mut Home<'_>, name: &UserName) -> Result<Option<User>, Error> {
    expect_central(home)?;
    match ledger::knows_console(&mut home.session)? {
        true => Ok(ledger::find_user(&mut home.session, name)?.map(|(user, _)| user)),
        false => Ok(None),
    }
}

/// Lets somebody in who was not before.
pub fn add_user(home: &mut Home<'_>, name: &UserName, role: UserRole, password: &str) -> Result<User, Error> {
    expect_central(home)?;
    check_password(name, password)?;
    // Before the slow part.
    if find_user(home, name)?.is_some() {
        return Err(UserFault::Taken { name: name.clone() }.into());
    }
    let hash = hash(home, password)?;
    match ledger::add_user(&mut home.session, name, role, &hash, now())? {
        true => known(home, name),
        false => Err(UserFault::Taken { name: name.clone() }.into()),
    }
}

/// Gives a user another password. Whoever is signed in under this name must sign in again.
pub fn change_password(home: &mut Home<'_>, name: &UserName, password: &str) -> Result<User, Error> {
    expect_central(home)?;
    check_password(name, password)?;
    known(home, name)?;
    let hash = hash(home, password)?;
    ledger::set_password(&mut home.session, name, &hash, now())?;
    known(home, name)
}

/// Gives a user another role; the same one again changes nothing.
pub fn set_user_role(home: &mut Home<'_>, name: &UserName, role: UserRole) -> Result<User, Error> {
    expect_central(home)?;
    if known(home, name)?.role == role {
        return known(home, name);
    }
    among_admins(home, |home, admins| {
        if role != UserRole::Admin {
            keep_an_admin(name, admins)?;
        }
        ledger::set_user_role(&mut home.session, name, role, now())?;
        Ok(())
    })?;
    known(home, name)
}

/// Lets somebody in no more.
pub fn remove_user(home: &mut Home<'_>, name: &UserName) -> Result<(), Error> {
    expect_central(home)?;
    known(home, name)?;
    among_admins(home, |home, admins| {
        keep_an_admin(name, admins)?;
        ledger::remove_user(&mut home.session, name)?;
        Ok(())
    })
}

/// Compares a password. `None` where the name or the password is wrong: nobody learns which of the two, not even by how long it takes.
pub fn sign_in(home: &mut Home<'_>, name: &str, password: &str) -> Result<Option<User>, Error> {
    expect_central(home)?;
    let found = match name.parse::<UserName>() {
        Ok(name) if ledger::knows_console(&mut home.session)? => ledger::find_user(&mut home.session, &name)?,
        Ok(_) | Err(_) => None,
    };
    // A password that nobody can have is not even read: but something is hashed all the same.
    let is_possible = password.len() <= PASSWORD_BYTES_MAX;
    let password = if is_possible { password } else { "" };
    let stored = found.as_ref().map_or(NOBODYS_HASH, |(_, hash)| hash.expose());
    let fits = is_right(stored, password);
    match found {
        Some((user, _)) if fits && is_possible => {
            let signed_in_at = now();
            ledger::record_sign_in(&mut home.session, &user.name, signed_in_at)?;
            Ok(Some(User { signed_in_at: Some(signed_in_at), ..user }))
        }
        Some(_) | None => Ok(None),
    }
}

/// Does something in one transaction in which nobody else takes an admin away.
fn among_admins(
    home: &mut Home<'_>,
    work: impl FnOnce(&mut Home<'_>, &[UserName]) -> Result<(), Error>,
) -> Result<(), Error> {
    home.session.execute("START TRANSACTION")?;
    let done = ledger::lock_admins(&mut home.session).map_err(Error::from);
    let done = done.and_then(|admins| work(home, &admins));
    // What was refused has written nothing; the server does the same when the line is gone.
    let ended = home.session.execute(if done.is_ok() { "COMMIT" } else { "ROLLBACK" });
    done?;
    ended?;
    Ok(())
}

fn keep_an_admin(name: &UserName, admins: &[UserName]) -> Result<(), UserFault> {
    match admins {
        [last] if last == name => Err(UserFault::LastAdmin { name: name.clone() }),
        _ => Ok(()),
    }
}

fn known(home: &mut Home<'_>, name: &UserName) -> Result<User, Error> {
    if let Some(user) = find_user(home, name)? {
        return Ok(user);
    }
    let users = users(home)?;
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    let near = nearest(name.as_str(), &names).and_then(|near| near.parse().ok());
    Err(UserFault::Unknown { name: name.clone(), near }.into())
}

/// Refuses passwords that are guessed at once, and those that are longer than anybody types.
fn check_password(name: &UserName, password: &str) -> Result<(), UserFault> {
    if password.len() > PASSWORD_BYTES_MAX {
        Err(UserFault::PasswordTooLong)
    } else if password.trim().eq_ignore_ascii_case(name.as_str()) {
        Err(UserFault::PasswordIsName)
    } else if password.chars().count() < PASSWORD_CHARS_MIN {
        Err(UserFault::PasswordTooShort)
    } else {
        Ok(())
    }
}

fn hash(home: &Home<'_>, password: &str) -> Result<PasswordHash, Error> {
    let mut random = [0; 16];
    getrandom::getrandom(&mut random).map_err(|error| Error::File {
        path: home.settings.state.clone(),
        source: std::io::Error::other(error),
    })?;
    let salt = SaltString::encode_b64(&random).expect("16 bytes are a salt");
    let hash = argon2().hash_password(password.as_bytes(), &salt);
    Ok(PasswordHash::new(hash.expect("a password of 1000 bytes can be hashed").to_string()))
}

/// Whether this is the password of which `stored` is the hash. One that cannot be read fits none.
fn is_right(stored: &str, password: &str) -> bool {
    argon2::PasswordHash::new(stored)
        .is_ok_and(|stored| argon2().verify_password(password.as_bytes(), &stored).is_ok())
}

/// argon2id with 19 MiB, two passes and one lane: the least that OWASP's cheat sheet on password storage asks for.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("these are within what argon2 allows");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// How short a password may be, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// How long a password may be, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1000;
/// A hash of the same costs as all others, of a password that was drawn at random and that nobody knows.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$J2azXJIfG/feyNPEeDcDkQ$y8egjcIdmR3SBz3fDAvxPu1G66aciTxA0CjCDvUZJAw";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_guessed_at_once_is_refused() {
        let name: UserName = "grace.wanjiru".parse().unwrap();
        let told = |password: &str| check_password(&name, password).map_err(|fault| fault.to_string());
        assert_eq!(told("four words in rain"), Ok(()));
        assert_eq!(told(&"é".repeat(10)), Ok(()));
        assert_eq!(told("123456789"), Err("a password has at least 10 characters".to_owned()));
        assert_eq!(told(""), Err("a password has at least 10 characters".to_owned()));
        assert_eq!(told("Grace.Wanjiru "), Err("a password is not the user's name".to_owned()));
        assert_eq!(told(&"x".repeat(1000)), Ok(()));
        assert_eq!(told(&"x".repeat(1001)), Err("a password has at most 1000 bytes".to_owned()));
    }

    #[test]
    fn the_last_admin_stays_and_others_may_go() {
        let name = |text: &str| -> UserName { text.parse().unwrap() };
        assert!(keep_an_admin(&name("grace"), &[name("grace")]).is_err());
        assert!(keep_an_admin(&name("grace"), &[name("grace"), name("john")]).is_ok());
        assert!(keep_an_admin(&name("john"), &[name("grace")]).is_ok());
        assert!(keep_an_admin(&name("john"), &[]).is_ok());
    }

    #[test]
    fn whom_nobody_knows_costs_as_much_as_anybody_else() {
        let nobody = argon2::PasswordHash::new(NOBODYS_HASH).unwrap();
        let salt = SaltString::encode_b64(&[7; 16]).unwrap();
        let somebody = argon2().hash_password(b"four words in rain", &salt).unwrap();
        assert_eq!((nobody.algorithm, nobody.version), (somebody.algorithm, somebody.version));
        assert_eq!(nobody.params, somebody.params);
        assert_eq!(nobody.hash.unwrap().len(), somebody.hash.unwrap().len());
        assert_eq!(nobody.salt.unwrap().len(), somebody.salt.unwrap().len());
        assert!(is_right(&somebody.to_string(), "four words in rain"));
        assert!(!is_right(&somebody.to_string(), "four words in rain "));
        assert!(!is_right(NOBODYS_HASH, "") && !is_right("", "") && !is_right("$argon2id$", "x"));
    }
}
