//! How often a name may be tried with wrong passwords, and from where. Pure but for the clock that it is handed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::console::app::lock;

/// The wrong tries of the last while.
///
/// They count for a name *and* an address: else anybody could lock an administrator out by guessing. An address may try many
/// names only so often as well.
#[derive(Default)]
pub(super) struct Tries {
    wrong: Mutex<HashMap<(IpAddr, String), Wrong>>,
}

struct Wrong {
    count: u32,
    last: Instant,
}

impl Tries {
    /// How long this name may not be tried from there; `None`: it may be tried now.
    pub(super) fn wait(&self, address: IpAddr, name: &str, now: Instant) -> Option<Duration> {
        let mut wrong = lock(&self.wrong);
        wrong.retain(|_, one| now.duration_since(one.last) < FORGOTTEN_AFTER);
        let of_address = (address, String::new());
        let waits = [((address, name.to_owned()), NAME_FREE), (of_address, ADDRESS_FREE)];
        waits.into_iter().filter_map(|(key, free)| wrong.get(&key)?.wait(free, now)).max()
    }

    /// A wrong password.
    pub(super) fn was_wrong(&self, address: IpAddr, name: &str, now: Instant) {
        let mut wrong = lock(&self.wrong);
        // Whoever has so many addresses is not kept out by counting; memory must not be what they take instead.
        if wrong.len() > NAMES_MAX {
            wrong.clear();
        }
        for key in [(address, name.to_owned()), (address, String::new())] {
            let one = wrong.entry(key).or_insert(Wrong { count: 0, last: now });
            one.count += 1;
            one.last = now;
        }
    }

    /// The right one: the name starts anew there.
    pub(super) fn was_right(&self, address: IpAddr, name: &str) {
        lock(&self.wrong).remove(&(address, name.to_owned()));
    }
}

impl Wrong {
    /// Twice as long after each try more, a quarter of an hour at most.
    fn wait(&self, free: u32, now: Instant) -> Option<Duration> {
        let beyond = self.count.checked_sub(free)?;
        let wait = Duration::from_secs(15).saturating_mul(1 << beyond.min(10)).min(WAIT_MAX);
        wait.checked_sub(now.duration_since(self.last)).filter(|left| !left.is_zero())
    }
}

const NAME_FREE: u32 = 5;
const ADDRESS_FREE: u32 = 30;
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
const NAMES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_five_wrong_tries_a_name_waits_there_and_nowhere_else() {
        let (tries, now) = (Tries::default(), Instant::now());
        let (here, there): (IpAddr, IpAddr) = ("127.0.0.1".parse().unwrap(), "10.0.0.7".parse().unwrap());
        for _ in 0..4 {
            tries.was_wrong(here, "grace", now);
        }
        assert_eq!(tries.wait(here, "grace", now), None);
        tries.was_wrong(here, "grace", now);
        assert_eq!(tries.wait(here, "grace", now), Some(Duration::from_secs(15)));
        tries.was_wrong(here, "grace", now);
        assert_eq!(tries.wait(here, "grace", now), Some(Duration::from_secs(30)));
        assert_eq!(tries.wait(there, "grace", now), None);
        assert_eq!(tries.wait(here, "ada", now), None);
        assert_eq!(tries.wait(here, "grace", now + Duration::from_secs(31)), None);
        tries.was_right(here, "grace");
        assert_eq!(tries.wait(here, "grace", now), None);
    }

    #[test]
    fn an_address_that_tries_many_names_waits_with_each() {
        let (tries, now) = (Tries::default(), Instant::now());
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        for number in 0..30 {
            tries.was_wrong(here, &format!("name{number}"), now);
        }
        assert!(tries.wait(here, "another", now).is_some());
        assert!(tries.wait(here, "another", now + WAIT_MAX).is_none());
    }
}
