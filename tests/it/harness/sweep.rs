//! A command whose line to the database breaks at its statements, one after the other, each time from the same start.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::program::Ran;
use super::wire::{Cut, Wire};

/// What is done at each statement.
pub(crate) struct Sweep<'a> {
    /// The line that breaks.
    pub(crate) wire: &'a Wire,
    /// Puts everything back to the start.
    pub(crate) restore: &'a dyn Fn(),
    /// The command.
    pub(crate) strike: &'a dyn Fn() -> Ran,
    /// The same command again, and what follows it. Returns what must be the same each time.
    pub(crate) after: &'a dyn Fn() -> Vec<String>,
    /// Words of statements that the command must send, so that it is known to do what it is meant to.
    pub(crate) sends: &'a [&'a str],
}

impl Sweep<'_> {
    /// Runs the command with a good line first, and notes its statements; then with a line that breaks at each of some of
    /// them, or, with `PACKMULE_ALL_CUTS=1`, of all.
    #[track_caller]
    pub(crate) fn run(&self) {
        (self.restore)();
        self.wire.mend(None);
        (self.strike)().ok();
        let heard = self.wire.heard();
        for words in self.sends {
            assert!(heard.iter().any(|one| one.contains(words)), "it never sends {words:?}: {heard:#?}");
        }
        let wanted = (self.after)();
        let chosen = chosen(&heard);
        let (mut struck, mut failures) = (0, Vec::new());
        for (number, how) in &chosen {
            (self.restore)();
            self.wire.mend(Some((*number, *how)));
            let ran = (self.strike)();
            let at = self.wire.struck();
            self.wire.mend(None);
            struck += usize::from(at.is_some());
            let cut = format!("{how:?} at {number} of {}: {}", heard.len(), at.unwrap_or_default());
            if !is_well_told(&ran) {
                failures.push(format!("{cut}: {ran:?}"));
            }
            match catch_unwind(AssertUnwindSafe(|| (self.after)())) {
                Ok(found) if found == wanted => {}
                Ok(found) => failures.push(format!("{cut}: {found:#?}\n  wanted {wanted:#?}")),
                Err(_) => {
                    failures.push(format!("{cut}: it ended in the middle, as told above, after {ran:?}"))
                }
            }
        }
        assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), chosen.len(), failures.join("\n"));
        // Which statement is which may differ a little from run to run, at the end.
        assert!(struck + 3 >= chosen.len(), "the line broke {struck} times of {}", chosen.len());
    }
}

/// Whether the program has ended as it must when its line breaks: with its work done, or with what happened and what to do.
fn is_well_told(ran: &Ran) -> bool {
    let is_told = ran.stderr.contains("packmule: error: ") && ran.stderr.contains("  hint: ");
    match ran.code {
        Some(0) => true,
        Some(12 | 17) => is_told && !ran.stderr.contains("Error"),
        Some(_) | None => false,
    }
}

/// Where and how the line breaks: at each COMMIT in both ways, and at some others, from a seed.
fn chosen(heard: &[String]) -> Vec<(usize, Cut)> {
    const OTHERS: usize = 3;
    let both = |number: usize| [(number, Cut::Unheard), (number, Cut::Unanswered)];
    let all: Vec<(usize, Cut)> = (1..=heard.len()).flat_map(both).collect();
    if env::var_os("PACKMULE_ALL_CUTS").is_some() {
        return all;
    }
    let is_commit = |(number, how): &(usize, Cut)| heard[number - 1] == "COMMIT" && *how == Cut::Unanswered;
    let (mut chosen, mut others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_commit);
    let mut random = fastrand::Rng::with_seed(heard.len() as u64);
    random.shuffle(&mut others);
    chosen.extend(others.into_iter().take(OTHERS));
    chosen
}
