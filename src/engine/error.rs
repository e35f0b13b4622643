//! Every way in which a piece of work can fail, with the stage in which it did.

use std::io;
use std::path::PathBuf;

use crate::engine::rekey::Refusal;
use crate::engine::review::ReviewFault;
use crate::engine::rules::RuleFault;
use crate::engine::users::UserFault;
use crate::model::{BundleName, Seq, Site, TableName};
use crate::{apply, bundle, capture, config, db, ledger, mailbox, seal};

/// Why the work failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Settings, keys or cards.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The database.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Reading the log.
    #[error(transparent)]
    Capture(#[from] capture::Error),
    /// Making a bundle.
    #[error(transparent)]
    Seal(#[from] seal::Error),
    /// A folder or a stick.
    #[error(transparent)]
    Mailbox(#[from] mailbox::Error),
    /// The mail in the centre's database, or the line to it.
    #[error(transparent)]
    Mail(#[from] mailbox::MailError),
    /// Writing a bundle to the tables.
    #[error("bundle {name} was not applied")]
    Apply {
        /// The bundle.
        name: BundleName,
        /// Why.
        source: apply::Error,
    },
    /// Trying again what was kept.
    #[error("what was kept of the centre's changes could not be tried again")]
    Retry {
        /// Why.
        source: apply::Error,
    },
    /// Trying again what does not fit.
    #[error("what waits because it did not fit could not be tried again")]
    Parked {
        /// Why.
        source: apply::Error,
    },
    /// A key does not work.
    #[error(transparent)]
    Key(#[from] bundle::KeyError),
    /// A file is not a bundle that can be used here.
    #[error("{} cannot be used", path.display())]
    Bundle {
        /// The file.
        path: PathBuf,
        /// Why.
        source: bundle::Error,
    },
    /// The system refused a file of packmule's own.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was asked for cannot be done as things are.
    #[error(transparent)]
    State(#[from] Cause),
    /// The keys of a lab cannot be moved.
    #[error(transparent)]
    Rekey(#[from] Refusal),
    /// A conflict cannot be decided so.
    #[error(transparent)]
    Review(#[from] ReviewFault),
    /// A user of the console cannot be added, changed or removed so.
    #[error(transparent)]
    User(#[from] UserFault),
    /// Rules of the settings do not suit the database.
    #[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rules {
        /// Which; at least one.
        faults: Vec<RuleFault>,
    },
}

/// Why something cannot be done as things are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// Another packmule works with the same state folder.
    #[error("another packmule is at work here")]
    AtWork,
    /// Another agent runs for the same site.
    #[error("the agent of this site is running already")]
    AgentAtWork,
    /// `init` was not run, or for another database.
    #[error("the database {database} is not set up for packmule")]
    NotSetUp {
        /// The database.
        database: String,
    },
    /// The database belongs to another site.
    #[error("the database belongs to site {found}, and the settings are those of {wanted}")]
    OtherSite {
        /// Whose the database is.
        found: Site,
        /// Whose the settings are.
        wanted: Site,
    },
    /// A lab that the centre does not know yet.
    #[error("{site} has not joined a centre yet")]
    NotJoined {
        /// The lab.
        site: Site,
    },
    /// A site is to hear of new keys from a key that is not here any more.
    #[error("{site} knows this site by signing key {key}, and that key is not here any more")]
    KeyNotKept {
        /// The public key.
        key: String,
        /// The site.
        site: Site,
    },
    /// Somebody altered a table while a seal began to read it.
    #[error("table {table} was altered just when its changes were to be read")]
    TableAltered {
        /// The table.
        table: TableName,
    },
    /// A copy of keys that names no site.
    #[error("the backup names no site")]
    BackupOfNobody,
    /// A copy of another site's keys.
    #[error("these are the keys of {found}, and the settings are those of {wanted}")]
    BackupOfOther {
        /// Whose keys they are.
        found: Site,
        /// Whose the settings are.
        wanted: Site,
    },
    /// The keys were put back, and the database goes on as if nothing had happened.
    #[error("the keys of {site} were put back from a backup")]
    KeysRestored {
        /// This site.
        site: Site,
    },
    /// A lab whose settings do not say where the centre can be reached.
    #[error("the settings of {site} do not say where the centre can be reached by network")]
    NoCentralAddress {
        /// The lab.
        site: Site,
    },
    /// Something that only the centre can do.
    #[error("{site} is a lab, and this is done at the centre")]
    OnlyAtCentral {
        /// The lab.
        site: Site,
    },
    /// Something that only a lab can do.
    #[error("{site} is the centre, and this is done at a lab")]
    OnlyAtLab {
        /// The centre.
        site: Site,
    },
    /// A site of this name is enrolled with other keys.
    #[error("a site named {site} is enrolled already, with other keys")]
    SiteTaken {
        /// The name.
        site: Site,
    },
    /// The card is of a history that has ended, or of a site that was revoked.
    #[error("the card of {site} is not its newest, or {site} was revoked")]
    OldCard {
        /// The site.
        site: Site,
    },
    /// No lab of this name is enrolled.
    #[error("no lab named {site} is enrolled here")]
    UnknownLab {
        /// The name.
        site: Site,
        /// An enrolled lab with nearly the same name.
        near: Option<Site>,
    },
    /// The lab is suspended, so nothing is exchanged with it.
    #[error("{site} is suspended")]
    Suspended {
        /// The lab.
        site: Site,
    },
    /// The lab is revoked, and that is for good.
    #[error("{site} is revoked, and that is for good")]
    Revoked {
        /// The lab.
        site: Site,
    },
    /// The card is not a lab's.
    #[error("the card of {site} is not a lab's card")]
    NotALab {
        /// Whose card it is.
        site: Site,
    },
    /// The centre has said that there are fewer sites.
    #[error("there is no series of keys for site number {number}: the settings allow {sites} sites")]
    SeriesFull {
        /// The number that a site has or would get.
        number: u32,
        /// How many sites there may be.
        sites: u16,
    },
    /// The database has forgotten bundles that it sealed.
    #[error(
        "the database has gone back: it knows bundles up to {known}, and bundle {sealed} was sealed already"
    )]
    WentBack {
        /// The last bundle that the database knows; 0: none.
        known: u64,
        /// The last bundle that was sealed.
        sealed: Seq,
    },
    /// The centre's database was put back to before this bundle, and it is not in the outbox any more.
    #[error("the centre has forgotten bundle {name}, and it is not here any more")]
    ForgottenAndGone {
        /// The bundle.
        name: BundleName,
    },
    /// A bundle that has no receipt yet is not in the outbox any more.
    #[error("bundle {name} is missing from the outbox")]
    OutboxIncomplete {
        /// The bundle.
        name: BundleName,
    },
    /// Tables that somebody named are not there, or cannot be shared.
    #[error("table {table} cannot be synced: {why}")]
    Unshareable {
        /// The table.
        table: TableName,
        /// Why.
        why: String,
    },
    /// The account that was named for packmule is the administrator's.
    #[error("'{user}' is the administrator's account, and packmule needs one of its own")]
    OwnIsAdministrator {
        /// The account.
        user: String,
    },
    /// An account of that name is there, with another password.
    #[error("the account {account} is there already, with another password")]
    AccountTaken {
        /// The account.
        account: String,
    },
    /// The settings name no password for the account that is to be made.
    #[error("the settings name no password for '{user}'")]
    NoPassword {
        /// The account.
        user: String,
    },
    /// The inbox's disk has no room for a bundle's private copy.
    #[error("no room for bundle {name} in the inbox: it needs {need_bytes} bytes, and {free_bytes} are free")]
    InboxFull {
        /// The bundle.
        name: BundleName,
        /// What it needs.
        need_bytes: u64,
        /// What there is.
        free_bytes: u64,
    },
}

impl Error {
    /// Whether the server has broken a transaction off in favour of another one.
    pub(super) fn is_deadlock(&self) -> bool {
        if let Error::Database(error)
        | Error::Ledger(ledger::Error::Database(error))
        | Error::Capture(capture::Error::Database(error)) = self
        {
            return error.class() == Some(db::Class::TryAgain);
        }
        false
    }

    /// Whether the same again, later, may succeed without anybody's help.
    pub fn may_pass(&self) -> bool {
        match self {
            Error::Config(error) => error.may_pass(),
            Error::Database(error) => error.may_pass(),
            Error::Ledger(error) => error.may_pass(),
            Error::Capture(error) => error.may_pass(),
            Error::Seal(error) => error.may_pass(),
            Error::Mailbox(error) => error.may_pass(),
            Error::Mail(error) => error.may_pass(),
            Error::Apply { source, .. } | Error::Retry { source } | Error::Parked { source } => {
                source.may_pass()
            }
            Error::State(cause) => matches!(cause, Cause::AtWork | Cause::TableAltered { .. }),
            Error::Key(_) | Error::Bundle { .. } | Error::File { .. } => false,
            Error::Rekey(_) | Error::Review(_) | Error::User(_) | Error::Rules { .. } => false,
        }
    }
}
