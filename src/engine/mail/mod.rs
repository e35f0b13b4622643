//! Bundles by network: the line to the mail in the centre's database, and what goes over it either way.
//!
//! At a lab the line leads to the centre; at the centre to its own database. Nothing here prints, waits for a time to come
//! or tries again later: whoever calls it, a person's command or the agent, decides that.

mod check;
mod pull;
mod push;
mod tidy;
mod useless;

use std::time::Duration;

use crate::engine::clock::measure_clock;
use crate::engine::error::{Cause, Error};
use crate::engine::home::{Home, connect_within};
use crate::mailbox::{Central, MailError, Pace};
use crate::model::{Role, Site};

pub use pull::{FetchedBundle, Pull, PullPreview, Unfetched, preview_pull, pull};
pub use push::{Push, PushPreview, Pushed, PushedBundle, preview_push, push};

/// How the line to the centre is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineOptions {
    /// How long to wait for the other end each time before the line is given up.
    pub timeout: Duration,
    /// How many bytes a second may go over it; `None`: what the settings say.
    pub limit_rate: Option<u64>,
}

/// The line to the mail in the centre's database.
pub struct MailLine {
    central: Central,
    pace: Pace,
    timeout: Duration,
}

impl MailLine {
    /// Connects, signs in, and makes sure that it is our own centre, where this is a lab.
    pub fn open(home: &Home<'_>, options: LineOptions) -> Result<Self, Error> {
        let LineOptions { timeout, limit_rate } = options;
        let central = connect(home, timeout)?;
        let rate = home.settings.central.as_ref().and_then(|central| central.limit_rate);
        Ok(MailLine { central, pace: Pace::new(limit_rate.or(rate)), timeout })
    }

    /// The number of the newest bundle that waits for this site; `None`: nothing waits. Fetches nothing.
    pub fn newest(&mut self) -> Result<Option<u64>, Error> {
        Ok(self.central.newest()?)
    }

    /// Compares a lab's clock with the centre's, while the line stands anyway.
    fn compare_clocks(&mut self, home: &mut Home<'_>) -> Result<(), Error> {
        match home.role() {
            Role::Lab => measure_clock(home, &mut || Ok(self.central.utc_now()?)).map(drop),
            Role::Central => Ok(()),
        }
    }

    /// Connects again where the line has broken since: sealing or applying may have taken a while.
    fn ensure(&mut self, home: &Home<'_>) -> Result<(), Error> {
        if !self.central.is_alive() {
            self.central = connect(home, self.timeout)?;
        }
        Ok(())
    }
}

fn connect(home: &Home<'_>, timeout: Duration) -> Result<Central, Error> {
    let own = &home.here.site;
    if home.here.role == Role::Central {
        return Ok(Central::at_centre(home.connect()?, own)?);
    }
    let wanted: Site = home.central()?.site.clone();
    let central = home.settings.central.as_ref();
    let central = central.ok_or_else(|| Cause::NoCentralAddress { site: own.clone() })?;
    let session = match connect_within(&central.database, Some(timeout)) {
        Err(Error::Database(error)) => return Err(MailError::of(error).into()),
        other => other?,
    };
    let (central, standing) = Central::at_lab(session, own, timeout)?;
    if standing.centre != wanted {
        return Err(MailError::OtherCentre { found: standing.centre, wanted }.into());
    }
    Ok(central)
}
