//! People who edit rows of a world, in transactions that are over at once or stay open.

use mysql::Conn;
use mysql::prelude::Queryable;

use super::World;
use crate::harness::people::{Seen, Traces};

/// A transaction that is open for longer.
pub(super) struct Held {
    conn: Conn,
    traces: Traces,
}

impl World<'_> {
    pub(super) fn edit(&mut self) {
        let at = self.rng.usize(..self.held.len());
        let mut conn = self.session(at);
        // Nobody else is at work here meanwhile.
        let mut seen = self.people.look(&mut conn);
        for _ in 0..self.rng.u32(1..=3) {
            conn.query_drop("START TRANSACTION").unwrap();
            let mut traces = Traces::default();
            let (mut now, mut refused) = (seen.clone(), false);
            for _ in 0..self.rng.u32(1..=2) {
                refused |= !self.act(at, &mut conn, &mut traces, &mut now);
                if refused {
                    break;
                }
            }
            conn.query_drop(if refused { "ROLLBACK" } else { "COMMIT" }).unwrap();
            if !refused {
                seen = now;
                self.tally.borrow_mut().edits += 1;
                self.people.committed(traces);
            }
        }
    }

    /// Does something in an open transaction. Returns whether it went through.
    pub(super) fn act(&mut self, at: usize, conn: &mut Conn, traces: &mut Traces, seen: &mut Seen) -> bool {
        let (deed, done) = self.people.act(conn, seen);
        let word = if done.is_some() { "" } else { " (refused)" };
        self.tell(format!("{}: {deed}{word}", self.site(at).name()));
        match done {
            Some((more, after)) => {
                traces.extend(more);
                *seen = after;
                true
            }
            None => false,
        }
    }

    /// A session of a person; now and then of one whose clock is wrong.
    pub(super) fn session(&mut self, at: usize) -> Conn {
        self.wait_until_quiet(at);
        let site = self.site(at);
        let mut conn = site.server().connect(site.database()).unwrap();
        conn.query_drop("SET innodb_lock_wait_timeout = 1, time_zone = '+00:00'").unwrap();
        conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").unwrap();
        if self.rng.u32(..12) == 0 {
            let seconds = [-86_400, -5, 5, 86_400, 200_000_000][self.rng.usize(..5)];
            self.tell(format!("{}: the clock is wrong by {seconds} s", site.name()));
            self.tally.borrow_mut().fault("wrong clocks");
            conn.query_drop(format!("SET timestamp = UNIX_TIMESTAMP(NOW(6)) + {seconds}")).unwrap();
        }
        conn
    }

    /// Begins a transaction that stays open, or goes on in one.
    pub(super) fn hold(&mut self) {
        let at = self.rng.usize(..self.held.len());
        self.wait_until_quiet(at);
        let mut held = match self.held[at].take() {
            Some(held) => held,
            None => {
                self.tell(format!("{}: a transaction begins", self.site(at).name()));
                let mut conn = self.session(at);
                conn.query_drop("START TRANSACTION").unwrap();
                Held { conn, traces: Traces::default() }
            }
        };
        let mut seen = self.people.look(&mut held.conn);
        match self.act(at, &mut held.conn, &mut held.traces, &mut seen) {
            true => self.held[at] = Some(held),
            false => held.conn.query_drop("ROLLBACK").unwrap(),
        }
    }

    pub(super) fn release_one(&mut self) {
        let at = self.rng.usize(..self.held.len());
        self.release(at);
    }

    pub(super) fn release(&mut self, at: usize) {
        let Some(mut held) = self.held[at].take() else {
            return;
        };
        let commits = self.rng.u32(..4) > 0;
        self.tell(format!(
            "{}: the transaction is {}",
            self.site(at).name(),
            if commits { "committed" } else { "rolled back" }
        ));
        held.conn.query_drop(if commits { "COMMIT" } else { "ROLLBACK" }).unwrap();
        if commits {
            self.tally.borrow_mut().edits += 1;
            self.people.committed(held.traces);
        }
    }
}
