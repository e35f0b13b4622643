//! Sticks that are plugged in while the agent runs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::mailbox;

/// How often the drives are looked at.
const EVERY: Duration = Duration::from_secs(3);

/// Remembers which sticks were there.
#[derive(Debug, Default)]
pub(super) struct Sticks {
    there: BTreeSet<PathBuf>,
    next: Option<Instant>,
}

impl Sticks {
    /// The prepared sticks that were not there the last time. A stick is prepared when it has a folder `packmule`: a person put it
    /// there, by `export`.
    pub(super) fn new_ones(&mut self, now: Instant) -> Vec<PathBuf> {
        if self.next.is_some_and(|next| now < next) {
            return Vec::new();
        }
        self.next = Some(now + EVERY);
        let mounts = mailbox::mounts().unwrap_or_default();
        self.appeared(mailbox::prepared(&mounts).map(|mount| mount.point.clone()).collect())
    }

    fn appeared(&mut self, there: BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let new = there.difference(&self.there).cloned().collect();
        self.there = there;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stick_is_dealt_with_each_time_that_it_is_plugged_in() {
        let mut sticks = Sticks::default();
        let mut appeared = |points: &[&str]| sticks.appeared(points.iter().map(PathBuf::from).collect());
        assert_eq!(appeared(&["/a"]), [PathBuf::from("/a")]);
        assert_eq!(appeared(&["/a", "/b"]), [PathBuf::from("/b")]);
        assert_eq!(appeared(&["/b"]), [] as [PathBuf; 0]);
        assert_eq!(appeared(&["/a", "/b"]), [PathBuf::from("/a")]);
    }
}
