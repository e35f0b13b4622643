//! The program run at the sites of a world, by stick and by network, and a person who decides conflicts with it.

use packmule::monitor::Step;

use super::World;
use super::strikes::told;
use crate::harness::program::Ran;

impl World<'_> {
    /// A person decides a conflict, or decides it otherwise, or takes that back; now and then killed at some step. Not of stocks, where
    /// a rejection takes out what was taken, and without a yes to rows that would go along.
    pub(super) fn decide(&mut self) {
        // It would wait for the rows that are locked.
        self.release(0);
        let ids = self.site(0).query("SELECT id FROM conflict_log WHERE table_name <> 'counts' ORDER BY id");
        if ids.is_empty() {
            return;
        }
        let id = ids[self.decider.usize(..ids.len())][0].clone().unwrap();
        let action = ["approve", "approve", "reject", "reject", "reopen"][self.decider.usize(..5)];
        let steps: Vec<&str> =
            Step::ALL.iter().map(|step| step.name()).filter(|name| name.starts_with("decide.")).collect();
        let crash = (self.decider.u32(..6) == 0).then(|| steps[self.decider.usize(..steps.len())]);
        let (ran, strike) = self.launch(0, &["conflicts", action, &id, "--by", "grace"], crash);
        self.tell(format!("central: {}{}", self.shown(&ran), told(strike.as_ref())));
        // Refused by the database, decided before, edited since, or rows would go along.
        let is_fine = matches!(ran.code, None | Some(0 | 1 | 2 | 3 | 18));
        assert!(is_fine || strike.is_some_and(|strike| strike.explains(0, ran.code)), "{ran:?}");
    }

    /// Somebody sends or fetches by network, at a lab or at the centre; now and then a disk there fails.
    pub(super) fn use_line(&mut self, lab: usize) {
        let at = if self.rng.u32(..5) < 2 { 0 } else { lab };
        let command = ["push", "pull", "sync"][self.rng.usize(..3)];
        self.run(at, &[command]);
        if self.rng.u32(..8) == 0 {
            self.tell("a part of a bundle for the centre is damaged".to_owned());
            self.tally.borrow_mut().fault("damages of what goes by network");
            self.site(0).sql(
                "UPDATE packmule_mail_part SET body = CONCAT(SUBSTRING(body, 2), 'x') \
                 WHERE mail IN (SELECT id FROM packmule_mail WHERE to_site = 'central') ORDER BY mail, part LIMIT 1",
            );
        }
    }

    /// Runs a command, now and then killed at some step.
    pub(super) fn run(&mut self, at: usize, arguments: &[&str]) {
        if matches!(arguments.first(), Some(&("import" | "pull" | "sync"))) {
            // It would wait for the rows that are locked.
            self.release(at);
        }
        let crash = (self.rng.u32(..6) == 0).then(|| {
            let step = Step::ALL[self.rng.usize(..Step::ALL.len())].name();
            format!("{step}#{}", self.rng.u32(1..=2))
        });
        let (ran, strike) = self.launch(at, arguments, crash.as_deref());
        let crash = crash.filter(|_| ran.code.is_none());
        if crash.is_some() {
            self.tally.borrow_mut().fault("programs killed");
        }
        self.tell(format!(
            "{}: {}{}{}",
            self.site(at).name(),
            self.shown(&ran),
            told(strike.as_ref()),
            crash.map_or(String::new(), |step| format!(" KILLED at {step}"))
        ));
        // Something is damaged; something waits.
        let is_fine = matches!(ran.code, None | Some(0 | 14 | 15 | 17));
        assert!(is_fine || strike.is_some_and(|strike| strike.explains(at, ran.code)), "{ran:?}");
    }

    pub(super) fn shown(&self, ran: &Ran) -> String {
        let folder = self.folder.path().display().to_string();
        let out = ran.stdout.lines().map(str::trim).collect::<Vec<_>>().join(" | ");
        let code = ran.code.filter(|code| *code != 0).map_or(String::new(), |code| format!(" ({code})"));
        format!("packmule {}{code} -> {out}", ran.command).replace(&folder, "")
    }
}
