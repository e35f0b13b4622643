//! What the agent tells whoever runs it. Values only: words are made in `cli`.

use std::path::PathBuf;

use crate::engine::{Error, Import, ItemOutcome, Pull, Push, SealReport};
use crate::model::{Role, Site};

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The agent is at work.
    Began {
        /// Of which site.
        site: Site,
        /// Centre or lab.
        role: Role,
    },
    /// An exchange over the line came to its end; what stopped it, if anything did, stands in it.
    Exchanged(Box<Exchange>),
    /// The centre cannot be reached. Told once, until it can be again.
    Away(Error),
    /// The centre can be reached again.
    Back,
    /// Something else stood in the way; it is tried again by itself.
    Failed(Error),
    /// A stick was there, and this was done with it.
    Stick {
        /// The stick.
        path: PathBuf,
        /// What was taken from it.
        import: Box<Import>,
        /// What was sealed.
        sealed: SealReport,
        /// How many bundles lie on it now for others.
        carried: usize,
    },
    /// The agent has stopped, because it was told to.
    Stopped,
}

/// What went over the line, both ways.
#[derive(Debug, Default)]
pub struct Exchange {
    /// What came.
    pub pull: Pull,
    /// What went.
    pub push: Push,
}

impl Exchange {
    /// Whether nothing went over the line and nothing was applied.
    pub fn is_idle(&self) -> bool {
        let Pull { fetched, unfetched, odd, import, .. } = &self.pull;
        let nothing_came = fetched.is_empty() && unfetched.is_empty() && odd.is_empty();
        let nothing_went = self.push.bundles.iter().all(|one| one.sent_bytes == 0);
        nothing_came
            && nothing_went
            && !import.items.iter().any(|item| matches!(item.outcome, ItemOutcome::Applied(_)))
    }
}
