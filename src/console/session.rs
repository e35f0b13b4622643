//! Who has signed in. Sessions live in memory: who starts the console anew signs in anew.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::console::app::lock;
use crate::console::trouble::Trouble;
use crate::engine::{Choice, Pick};
use crate::ledger::User;
use crate::model::{Stamp, UserName, UserRole, hex_from_bytes};

/// Names a session in memory; the cookie holds what hashes to it, so that nothing here opens anything.
pub(super) type SessionKey = [u8; 32];

/// A person who has signed in.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// The name under which decisions are remembered.
    pub(super) name: UserName,
    /// What they may do.
    pub(super) role: UserRole,
    /// When their role or password last changed: a session from before is over.
    pub(super) changed_at: Stamp,
    /// Their session.
    pub(super) key: SessionKey,
}

impl Person {
    /// Refuses what the role does not allow before anything else is looked at; the database is asked once more when it is done.
    pub(super) fn expect(&self, least: UserRole) -> Result<(), Trouble> {
        if self.role < least { Err(Trouble::NotAllowed { least }) } else { Ok(()) }
    }
}

/// Many decisions that a person has looked at and not yet made.
#[derive(Debug, Clone)]
pub(super) struct Proposal {
    pub(super) token: String,
    pub(super) picks: Vec<Pick>,
    pub(super) choice: Choice,
}

struct Session {
    person: Person,
    began: Instant,
    used: Instant,
    /// What the next page says first, once.
    note: Option<String>,
    proposal: Option<Proposal>,
}

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions {
    open: Mutex<HashMap<SessionKey, Session>>,
}

impl Sessions {
    /// Begins a session. Returns what the cookie is to hold.
    pub(super) fn begin(&self, user: &User) -> String {
        let token = random_word();
        let key = key_of(&token);
        let now = Instant::now();
        let person = Person { name: user.name.clone(), role: user.role, changed_at: user.changed_at, key };
        let mut open = lock(&self.open);
        open.retain(|_, session| !session.is_over(now));
        while open.len() >= SESSIONS_MAX {
            let oldest = open.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
            oldest.and_then(|key| open.remove(&key));
        }
        open.insert(key, Session { person, began: now, used: now, note: None, proposal: None });
        token
    }

    /// Who holds a cookie with this word.
    pub(super) fn person(&self, token: &str) -> Option<Person> {
        let now = Instant::now();
        let mut open = lock(&self.open);
        let session = open.get_mut(&key_of(token)).filter(|session| !session.is_over(now))?;
        session.used = now;
        Some(session.person.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, key: &SessionKey) {
        lock(&self.open).remove(key);
    }

    /// Leaves a note for the next page.
    pub(super) fn leave_note(&self, key: &SessionKey, note: String) {
        if let Some(session) = lock(&self.open).get_mut(key) {
            session.note = Some(note);
        }
    }

    /// The note that was left; it is said once.
    pub(super) fn take_note(&self, key: &SessionKey) -> Option<String> {
        lock(&self.open).get_mut(key)?.note.take()
    }

    /// Keeps what a person has looked at until they say yes. It takes the place of what they looked at before.
    pub(super) fn propose(&self, key: &SessionKey, picks: Vec<Pick>, choice: Choice) -> String {
        let token = random_word();
        if let Some(session) = lock(&self.open).get_mut(key) {
            session.proposal = Some(Proposal { token: token.clone(), picks, choice });
        }
        token
    }

    /// What the person looked at under this name. It is given out once.
    pub(super) fn take_proposal(&self, key: &SessionKey, token: &str) -> Option<Proposal> {
        let mut open = lock(&self.open);
        let session = open.get_mut(key)?;
        session.proposal.take_if(|proposal| proposal.token == token)
    }
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.used) > IDLE_MAX || now.duration_since(self.began) > WHOLE_MAX
    }
}

fn key_of(token: &str) -> SessionKey {
    Sha256::digest(token.as_bytes()).into()
}

/// 256 random bits in hexadecimal digits.
fn random_word() -> String {
    let mut bytes = [0; 32];
    getrandom::getrandom(&mut bytes).expect("the system has random bytes: the keys were made of them");
    hex_from_bytes(&bytes)
}

const SESSIONS_MAX: usize = 1000;
const IDLE_MAX: Duration = Duration::from_secs(60 * 60);
const WHOLE_MAX: Duration = Duration::from_secs(12 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> User {
        let at = Stamp::from_micros(0);
        User {
            name: name.parse().unwrap(),
            role: UserRole::Reviewer,
            made_at: at,
            changed_at: at,
            signed_in_at: None,
        }
    }

    #[test]
    fn a_session_is_known_by_its_word_until_it_ends() {
        let sessions = Sessions::default();
        let token = sessions.begin(&user("grace"));
        let person = sessions.person(&token).unwrap();
        assert_eq!(person.name.to_string(), "grace");
        assert!(sessions.person("something else").is_none());
        sessions.end(&person.key);
        assert!(sessions.person(&token).is_none());
    }

    #[test]
    fn a_note_is_said_once_and_a_proposal_is_given_out_once_under_its_own_name() {
        let sessions = Sessions::default();
        let key = sessions.person(&sessions.begin(&user("grace"))).unwrap().key;
        sessions.leave_note(&key, "done".to_owned());
        assert_eq!(sessions.take_note(&key).as_deref(), Some("done"));
        assert_eq!(sessions.take_note(&key), None);
        let token = sessions.propose(&key, Vec::new(), Choice::Approve);
        assert!(sessions.take_proposal(&key, "another").is_none());
        assert!(sessions.take_proposal(&key, &token).is_some());
        assert!(sessions.take_proposal(&key, &token).is_none());
    }

    #[test]
    fn of_too_many_sessions_the_one_that_was_used_longest_ago_ends() {
        let sessions = Sessions::default();
        let first = sessions.begin(&user("grace"));
        let second = sessions.begin(&user("grace"));
        for _ in 2..SESSIONS_MAX {
            sessions.begin(&user("grace"));
        }
        assert!(sessions.person(&first).is_some());
        sessions.begin(&user("grace"));
        assert!(sessions.person(&first).is_some());
        assert!(sessions.person(&second).is_none());
    }
}
