//! The mail in the centre's database: bundles as rows of at most 1 MiB, seen by each side as far as it concerns it.
//!
//! A lab signs in with an account of its own and sees views; the centre works on the tables beneath them
//! (`schema/central/`). What is sent appears at the other side only when its last part is there. A line may break
//! anywhere: what arrived stays, and the same call goes on at the first part that is missing.
//!
//! Nothing here opens a bundle, and no name from the database is believed before it has been read as one.

mod error;
mod fetch;
mod list;
mod pace;
mod remove;
mod send;

use std::time::Duration;

use crate::db::Session;
use crate::model::{BundleName, Site, Stamp};

pub use error::MailError;
pub use list::{Listed, Mail, MailState, Odd, SentMail};
pub use pace::Pace;
pub use remove::Cleared;
pub use send::{Parcel, Sent};

/// The mail in the centre's database, as one site sees it.
pub struct Central {
    session: Session,
    side: Side,
    own: Site,
    /// What was being sent or fetched when a call failed.
    under_way: Option<UnderWay>,
}

/// What the centre says to a lab that has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The centre's name.
    pub centre: Site,
    /// The lab whose account it is.
    pub site: Site,
    /// Now, by the centre's clock.
    pub now: Stamp,
    /// How many bytes of the lab's may wait there, and how many do.
    pub bytes: Share,
    /// How many bundles of the lab's may wait there, and how many do.
    pub bundles: Share,
}

/// So much of so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// What is used.
    pub used: u64,
    /// What there is.
    pub quota: u64,
}

/// A bundle that is partly sent or fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// Which.
    pub name: BundleName,
    /// How much of it is at the other end, in bytes.
    pub done_bytes: u64,
    /// Its size.
    pub size_bytes: u64,
}

/// Which end of the line this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Lab,
    Centre,
}

impl Central {
    /// Looks at the centre from a lab. `session` has signed in there with the lab's account.
    pub fn at_lab(session: Session, own: &Site, timeout: Duration) -> Result<(Self, Standing), MailError> {
        let mut central = Central { session, side: Side::Lab, own: own.clone(), under_way: None };
        // A line that broke without a word must not hold a place at the centre for hours.
        let seconds = timeout.as_secs().clamp(60, 3600);
        let timeouts = format!(
            "SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}, wait_timeout = {}, net_read_timeout = {seconds}, \
             net_write_timeout = {seconds}",
            10 * seconds
        );
        central.session.execute(&timeouts).map_err(MailError::of)?;
        let standing = central.standing()?;
        Ok((central, standing))
    }

    /// The centre's own mail, in its own database. No lab that holds a row is waited for long.
    pub fn at_centre(mut session: Session, own: &Site) -> Result<Self, MailError> {
        let wait = format!("SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}");
        session.execute(&wait).map_err(MailError::of)?;
        Ok(Central { session, side: Side::Centre, own: own.clone(), under_way: None })
    }

    /// What the centre says to this lab.
    pub fn standing(&mut self) -> Result<Standing, MailError> {
        const PROTOCOL: u32 = 1;
        let query = "SELECT protocol, centre, site, CAST(utc_now AS CHAR), used_bytes, quota_bytes, used_count, quota_count \
                     FROM packmule_centre";
        let row = self.session.first(query).map_err(MailError::of)?;
        let row = row.ok_or_else(|| MailError::Closed { site: self.own.clone() })?;
        let protocol = row.parse(0).map_err(MailError::of)?;
        if protocol != PROTOCOL {
            return Err(MailError::OtherProtocol { protocol });
        }
        let site: Site = row.parse(2).map_err(MailError::of)?;
        if site != self.own {
            return Err(MailError::OtherSite { found: site, own: self.own.clone() });
        }
        let read = || -> Result<Standing, crate::db::Error> {
            let now = row.text(3)?;
            let now = Stamp::from_sql(now)
                .map_err(|_| crate::db::Error::Unexpected { what: format!("{now:?} for a time") })?;
            Ok(Standing {
                centre: row.parse(1)?,
                site,
                now,
                bytes: Share { used: row.parse(4)?, quota: row.parse(5)? },
                bundles: Share { used: row.parse(6)?, quota: row.parse(7)? },
            })
        };
        read().map_err(MailError::of)
    }

    /// Whether the line still stands, after something else was done for a while.
    pub fn is_alive(&mut self) -> bool {
        self.session.execute("DO 0").is_ok()
    }

    /// What was being sent or fetched when the last call failed.
    pub fn under_way(&self) -> Option<&UnderWay> {
        self.under_way.as_ref()
    }

    fn began(&mut self, name: &BundleName, size_bytes: u64) {
        self.under_way = Some(UnderWay { name: name.clone(), done_bytes: 0, size_bytes });
    }

    fn came_to(&mut self, done_bytes: u64) {
        if let Some(under_way) = &mut self.under_way {
            under_way.done_bytes = done_bytes;
        }
    }
}

/// Nobody who is honest holds a row of the mail for longer.
const LOCK_WAIT_SECONDS: u64 = 2;

/// Does something in the database again where a deadlock or a cluster's certification asks for it.
fn again<T>(mut attempt: impl FnMut() -> Result<T, crate::db::Error>) -> Result<T, crate::db::Error> {
    const ATTEMPTS_MAX: u32 = 4;
    let mut attempts = 1;
    loop {
        match attempt() {
            Err(error) if error.class() == Some(crate::db::Class::TryAgain) && attempts < ATTEMPTS_MAX => {
                std::thread::sleep(Duration::from_millis(20 << attempts));
                attempts += 1;
            }
            other => return other,
        }
    }
}
