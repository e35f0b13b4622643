//! Why mail could not be sent, fetched or removed.

use std::io;

use crate::db::{self, Class};
use crate::mailbox;
use crate::model::{BundleName, Site};

/// Why mail could not be sent, fetched or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// Nobody answers at the centre's address, or not in time.
    #[error("the centre cannot be reached")]
    Unreachable {
        /// What the driver or the system said.
        source: db::Error,
    },
    /// The line broke after it had stood.
    #[error("the line to the centre broke")]
    Dropped {
        /// What the driver or the system said.
        source: db::Error,
    },
    /// Others hold what is needed there for longer than it is waited for.
    #[error("the centre's database is busy")]
    Busy {
        /// What the server said.
        source: db::Error,
    },
    /// The centre's server lets nobody in with this account and password.
    #[error("the centre does not let this lab in")]
    NotLetIn {
        /// What the server said.
        source: db::Error,
    },
    /// The database has no mail, or none for this account.
    #[error("the database at the centre's address keeps no mail for this lab")]
    NoMail {
        /// What the server said.
        source: db::Error,
    },
    /// The centre has closed the lab's mail: it is suspended, revoked, or was never given any.
    #[error("the centre takes and gives no mail of {site} now")]
    Closed {
        /// The lab.
        site: Site,
    },
    /// The account is another lab's.
    #[error("the account at the centre is {found}'s, and this is {own}")]
    OtherSite {
        /// Whose it is.
        found: Site,
        /// Who this is.
        own: Site,
    },
    /// The centre at this address is not the one that the lab has joined.
    #[error("the centre at this address is {found}, and this lab has joined {wanted}")]
    OtherCentre {
        /// Who is there.
        found: Site,
        /// Who should be.
        wanted: Site,
    },
    /// The centre runs a packmule that keeps mail in another way.
    #[error("the centre keeps its mail in a way that this packmule does not know ({protocol})")]
    OtherProtocol {
        /// The number of that way.
        protocol: u32,
    },
    /// The lab has as much mail at the centre as it may have.
    #[error("the centre has no more room for this lab's bundles")]
    Quota {
        /// How much there would be, of how much, in the centre's words.
        words: String,
    },
    /// What came is not what was sent.
    #[error("bundle {name} is damaged at the centre")]
    Damaged {
        /// The bundle.
        name: BundleName,
        /// The part that is not what its hash says, counted from 1; `None`: all parts are, and the file is not.
        part: Option<u32>,
    },
    /// Another upload of the same file has put other bytes there.
    #[error("part {part} of bundle {name} is at the centre already, with other bytes")]
    Differs {
        /// The bundle.
        name: BundleName,
        /// The part, counted from 1.
        part: u32,
    },
    /// It was taken away while it was fetched.
    #[error("bundle {name} is not at the centre any more")]
    Gone {
        /// The bundle.
        name: BundleName,
    },
    /// It was fetched before, and its content can never be used here.
    #[error("bundle {name} still waits at the centre, and cannot be used here")]
    Useless {
        /// The bundle.
        name: BundleName,
    },
    /// The bundle that is to be sent cannot be read, or is shorter than it was.
    #[error("cannot read the bundle {name} that is to be sent")]
    Source {
        /// The bundle.
        name: BundleName,
        /// What the system said.
        source: io::Error,
    },
    /// The folder for what is fetched cannot be used.
    #[error(transparent)]
    Folder(#[from] mailbox::Error),
    /// The line to the centre cannot be encrypted as the settings want it.
    #[error("there is no safe line to the centre")]
    Insecure {
        /// Why.
        source: db::Error,
    },
    /// The centre's database refused something else.
    #[error("the centre's database refused the mail")]
    Refused {
        /// What the server said.
        source: db::Error,
    },
}

impl MailError {
    /// What an error of the database means for the mail.
    pub fn of(source: db::Error) -> Self {
        const NO_SUCH_TABLE: u16 = 1146;
        const DENIED: [u16; 3] = [1142, 1143, 1370];
        match &source {
            db::Error::Unreachable { .. } => return MailError::Unreachable { source },
            db::Error::Insecure { .. } => return MailError::Insecure { source },
            db::Error::SignIn { .. } | db::Error::NoDatabase { .. } => return MailError::NotLetIn { source },
            db::Error::Refused { class: Class::LineLost, .. } => return MailError::Dropped { source },
            db::Error::Refused { class: Class::TryAgain, .. } => return MailError::Busy { source },
            db::Error::TooOld { .. }
            | db::Error::Refused { .. }
            | db::Error::TooLong { .. }
            | db::Error::Misfit { .. }
            | db::Error::Unexpected { .. } => {}
        }
        let words = source.cause().unwrap_or_default();
        if words.starts_with(QUOTA) {
            let words = words.trim_start_matches(QUOTA).trim_start_matches(':').trim();
            let words = words.rsplit_once(" (").map_or(words, |(words, _)| words).to_owned();
            return MailError::Quota { words };
        }
        match source.code() {
            Some(NO_SUCH_TABLE) => MailError::NoMail { source },
            Some(code) if DENIED.contains(&code) => MailError::NoMail { source },
            Some(_) | None => MailError::Refused { source },
        }
    }

    /// Whether the same call may go well later without a change of mind by anyone.
    pub fn may_pass(&self) -> bool {
        match self {
            MailError::Unreachable { .. }
            // The certificate is mended at the centre, and the clock by the network.
            | MailError::Insecure { .. }
            | MailError::Dropped { .. }
            | MailError::Busy { .. }
            | MailError::Quota { .. }
            | MailError::Gone { .. } => true,
            MailError::Refused { source } => source.may_pass(),
            MailError::Folder(error) => error.may_pass(),
            MailError::NotLetIn { .. }
            | MailError::NoMail { .. }
            | MailError::Closed { .. }
            | MailError::OtherSite { .. }
            | MailError::OtherCentre { .. }
            | MailError::OtherProtocol { .. }
            | MailError::Damaged { .. }
            | MailError::Differs { .. }
            | MailError::Useless { .. }
            | MailError::Source { .. } => false,
        }
    }

    /// Whether it is about one bundle only, so that the next may go well.
    pub fn is_about_one(&self) -> bool {
        match self {
            MailError::Damaged { .. }
            | MailError::Differs { .. }
            | MailError::Gone { .. }
            | MailError::Useless { .. } => true,
            MailError::Unreachable { .. }
            | MailError::Insecure { .. }
            | MailError::Dropped { .. }
            | MailError::Busy { .. }
            | MailError::NotLetIn { .. }
            | MailError::NoMail { .. }
            | MailError::Closed { .. }
            | MailError::OtherSite { .. }
            | MailError::OtherCentre { .. }
            | MailError::OtherProtocol { .. }
            | MailError::Quota { .. }
            | MailError::Source { .. }
            | MailError::Folder(_)
            | MailError::Refused { .. } => false,
        }
    }
}

/// How the triggers of the mail begin what they say about a quota.
const QUOTA: &str = "packmule quota";
