//! The end of a world: rounds of all sites after the last edit, until nobody has anything more to say.

use std::path::PathBuf;

use super::World;
use super::sticks::{new_folder, text};

impl World<'_> {
    /// Rounds until nobody has anything more to say.
    pub(super) fn settle(&mut self) {
        const ROUNDS_MAX: u32 = 12;
        (0..self.held.len()).for_each(|at| self.release(at));
        self.tell("no more edits".to_owned());
        let labs: Vec<usize> = (1..=self.family.labs.len()).collect();
        let sticks: Vec<PathBuf> = labs
            .iter()
            .map(|lab| new_folder(self.folder.path(), &format!("last-{}", self.site(*lab).name())))
            .collect();
        for round in 0.. {
            assert!(
                round < ROUNDS_MAX,
                "the sites still exchange bundles after {ROUNDS_MAX} rounds with no edit"
            );
            let before = self.sealed();
            match self.plan.one_stick_at_the_end {
                true => self.round_of_all(round, &labs, text(&sticks[0])),
                false => self.rounds_one_by_one(round, &labs, &sticks),
            }
            self.tally.borrow_mut().rounds += 1;
            if self.sealed() == before {
                break;
            }
        }
    }

    /// First all labs, then the centre, then all labs. From the second round on the labs' answers are there already.
    pub(super) fn round_of_all(&self, round: u32, labs: &[usize], stick: &str) {
        let (out, home): (&[&str], &[&str]) = match self.plan.online {
            true => (&["sync"], &["sync"]),
            false => (&["export", stick], &["import", stick]),
        };
        if round == 0 {
            labs.iter().for_each(|lab| self.go(round, *lab, out));
        }
        self.go(round, 0, home);
        labs.iter().for_each(|lab| self.go(round, *lab, home));
    }

    pub(super) fn rounds_one_by_one(&self, round: u32, labs: &[usize], sticks: &[PathBuf]) {
        for (lab, stick) in labs.iter().zip(sticks) {
            if self.plan.online {
                [*lab, 0, *lab].iter().for_each(|at| self.go(round, *at, &["sync"]));
                continue;
            }
            self.go(round, *lab, &["export", text(stick)]);
            self.go(round, 0, &["import", text(stick)]);
            self.go(round, *lab, &["import", text(stick)]);
        }
    }

    #[track_caller]
    pub(super) fn go(&self, round: u32, at: usize, arguments: &[&str]) {
        let ran = self.site(at).run(arguments);
        self.tell(format!("{}: {}", self.site(at).name(), self.shown(&ran)));
        // What waits for another stick still to come may wait in the first round, and what is damaged is sent again.
        let is_fine = ran.code == Some(0) || (matches!(ran.code, Some(14 | 15 | 17)) && round == 0);
        assert!(is_fine, "{ran:?}");
    }

    pub(super) fn sealed(&self) -> Vec<String> {
        let sealed = |at| self.site(at).value("SELECT COUNT(*) FROM packmule_bundle WHERE state = 'sealed'");
        (0..self.held.len()).map(sealed).collect()
    }
}
