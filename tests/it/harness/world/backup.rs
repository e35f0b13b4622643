//! A lab of a rough world whose database is put back from a backup, and which goes on by `recover` under a new history.

use super::World;
use super::sticks::text;
use super::strikes::told;
use crate::harness::saved::Saved;

/// What comes of a lab's database in a world.
pub(super) struct Backup<'f> {
    lab: usize,
    /// At which steps the backup is made, and put back.
    made_at: usize,
    put_back_at: usize,
    saved: Option<Saved<'f>>,
}

impl<'f> Backup<'f> {
    /// One in a world of so many steps.
    pub(super) fn new(rng: &mut fastrand::Rng, labs: usize, steps: usize) -> Backup<'f> {
        let made_at = rng.usize(..steps.max(4) / 2);
        let put_back_at = rng.usize(made_at + 1..steps.max(4));
        Backup { lab: rng.usize(1..=labs), made_at, put_back_at, saved: None }
    }
}

impl World<'_> {
    /// Makes the backup, or puts it back, where it is time for it.
    pub(super) fn keep_backup(&mut self, step: usize) {
        let Some(mut backup) = self.backup.take() else {
            return;
        };
        let lab = backup.lab;
        if step == backup.made_at {
            // It would wait for the rows that are locked.
            self.release(lab);
            self.wait_until_quiet(lab);
            self.tell(format!("{}: a backup of the database is made", self.site(lab).name()));
            backup.saved = Some(Saved::new(self.site(lab)));
        }
        if step < backup.put_back_at {
            self.backup = Some(backup);
        } else if let Some(saved) = backup.saved {
            self.put_back = Some(lab);
            self.put_back(lab, &saved);
        }
    }

    /// All that the lab has not sealed would be lost with its database, so it is sealed first. The outbox stays.
    fn put_back(&mut self, lab: usize, saved: &Saved<'_>) {
        let site = self.site(lab);
        self.release(lab);
        let stick = self.sticks[lab - 1][0].clone();
        self.until_done(lab, &["export", text(&stick)]);
        self.wait_until_quiet(lab);
        saved.restore_rows();
        self.tell(format!("{}: the database is put back from the backup", site.name()));
        self.tally.borrow_mut().fault("databases of labs put back, and recovered");
        let (card, answer) = (site.path("new.card"), site.path("new.answer"));
        self.until_done(lab, &["recover", "--yes", "--card", text(&card)]);
        self.until_done(0, &["enrol", text(&card), "--answer", text(&answer), "--yes"]);
        self.until_done(lab, &["join", text(&answer), "--yes", "--no-series"]);
    }

    /// Runs a command again until it goes through, as a person does whom something struck.
    fn until_done(&mut self, at: usize, arguments: &[&str]) {
        for _ in 0..ATTEMPTS_MAX {
            let (ran, strike) = self.launch(at, arguments, None);
            let shown = format!("{}{}", self.shown(&ran), told(strike.as_ref()));
            self.tell(format!("{}: {shown}", self.site(at).name()));
            match ran.code {
                Some(0) => return,
                code => assert!(
                    code.is_none() || strike.is_some_and(|strike| strike.explains(at, code)),
                    "{ran:?}"
                ),
            }
        }
        panic!("{arguments:?} has not gone through in {ATTEMPTS_MAX} attempts");
    }
}

const ATTEMPTS_MAX: u32 = 20;
