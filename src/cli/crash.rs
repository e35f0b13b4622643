//! Ends the process at a named step, for tests that ask what a crash leaves behind. Not in release builds.

#[cfg(debug_assertions)]
pub(super) use armed::Crash;
#[cfg(not(debug_assertions))]
pub(super) use disarmed::Crash;

#[cfg(debug_assertions)]
mod armed {
    use std::sync::atomic::{AtomicU32, Ordering};

    use crate::monitor::Step;
    use crate::report::Exit;
    use crate::report::Report;

    /// Where to crash, from `PACKMULE_CRASH_AT`: `seal.committed`, or `seal.committed#3` for the third time.
    #[derive(Debug)]
    pub(in crate::cli) struct Crash {
        at: Option<Step>,
        visits_left: AtomicU32,
    }

    impl Crash {
        /// Reads the environment. A step that is not there is an error: a test would pass without having crashed.
        pub(in crate::cli) fn from_env() -> Result<Self, Report> {
            match std::env::var("PACKMULE_CRASH_AT") {
                Ok(text) => Self::read(&text).ok_or_else(|| {
                    Report::new(Exit::WrongUse, format!("PACKMULE_CRASH_AT names no step: \"{text}\""))
                }),
                Err(_) => Ok(Crash { at: None, visits_left: AtomicU32::new(0) }),
            }
        }

        pub(super) fn read(text: &str) -> Option<Self> {
            let (name, visits) = text.split_once('#').unwrap_or((text, "1"));
            let at = Step::ALL.iter().copied().find(|step| step.name() == name)?;
            let visits: u32 = visits.parse().ok().filter(|visits| *visits > 0)?;
            Some(Crash { at: Some(at), visits_left: AtomicU32::new(visits) })
        }

        /// Ends the process when this is the step and the time.
        pub(in crate::cli) fn visit(&self, step: Step) {
            if self.is_due(step) {
                // No destructor runs and no buffer is flushed: as if the power had gone.
                std::process::abort();
            }
        }

        pub(super) fn is_due(&self, step: Step) -> bool {
            self.at == Some(step) && self.visits_left.fetch_sub(1, Ordering::Relaxed) == 1
        }
    }
}

#[cfg(not(debug_assertions))]
mod disarmed {
    use crate::monitor::Step;
    use crate::report::Report;

    /// Nothing: a program that people use never crashes on purpose.
    #[derive(Debug)]
    pub(in crate::cli) struct Crash;

    impl Crash {
        pub(in crate::cli) fn from_env() -> Result<Self, Report> {
            Ok(Crash)
        }

        pub(in crate::cli) fn visit(&self, _step: Step) {}
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;
    use crate::monitor::Step;

    #[test]
    fn the_third_visit_is_the_one() {
        let crash = Crash::read("seal.committed#3").unwrap();
        let visits = [Step::SealCommitted, Step::SealRenamed, Step::SealCommitted, Step::SealCommitted];
        assert_eq!(visits.map(|step| crash.is_due(step)), [false, false, false, true]);
        assert!(!crash.is_due(Step::SealCommitted));
        for step in Step::ALL {
            assert!(Crash::read(step.name()).unwrap().is_due(*step));
        }
    }

    #[test]
    fn a_step_that_is_not_there_is_no_step() {
        for text in ["", "seal", "seal.committed#0", "seal.committed#x"] {
            assert!(Crash::read(text).is_none(), "{text:?}");
        }
    }
}
