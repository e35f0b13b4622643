//! Why settings, keys or cards cannot be used.

use std::io;
use std::path::PathBuf;

use crate::bundle::KeyError;
use crate::config::fault::Fault;
use crate::model::Site;

/// Why settings, keys or cards cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no settings file in any of the usual places.
    #[error("no settings file found")]
    NoSettings {
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// A settings file is there already and is never overwritten.
    #[error("{} is already there", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Something in the settings file is wrong.
    #[error("{0}")]
    Settings(Box<Fault>),
    /// A file that must be read cannot be.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is far larger than anything that belongs there.
    #[error("{} is too large", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read, in bytes.
        limit_bytes: u64,
    },
    /// A file that packmule wrote itself no longer reads as it should.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// This site has no such key yet, or lost it.
    #[error("key file {} is missing", path.display())]
    KeyMissing {
        /// The file.
        path: PathBuf,
    },
    /// Other users of this computer may read a secret key.
    #[error("key file {} can be read by others", path.display())]
    KeyOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A key file does not hold a key.
    #[error("key file {} does not hold a key", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A passphrase protects the keys, and nobody has said it.
    #[error("the keys of this site are behind a passphrase")]
    KeysLocked {
        /// The file that it opens.
        path: PathBuf,
    },
    /// It is not the passphrase.
    #[error("this is not the passphrase of {}", path.display())]
    WrongPassphrase {
        /// The file that it should open.
        path: PathBuf,
    },
    /// Everybody on this computer may read the database password.
    #[error("password file {} can be read by everybody", path.display())]
    PasswordOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The command that should print the password did not.
    #[error("password_command gave no password")]
    PasswordCommand {
        /// What the system says.
        source: io::Error,
    },
    /// A card was refused.
    #[error("{} is not a card to trust", path.display())]
    Card {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CardError,
    },
}

impl Error {
    /// Whether waiting can help: never; settings, keys and cards are mended by a person.
    pub fn may_pass(&self) -> bool {
        false
    }
}

/// Why a card is refused. Nothing in a refused card is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// Longer than any card.
    #[error("it is too large for a card")]
    TooLarge,
    /// Not a line of JSON with a signature below it.
    #[error("it is not a packmule card")]
    NotACard,
    /// A card of a later packmule.
    #[error("it was made by a newer packmule, in the form {format}")]
    TooNew {
        /// The form it names.
        format: String,
    },
    /// A lab's card where the centre's answer is needed, or the other way round.
    #[error("it is {found}, and {wanted} is needed here")]
    OtherKind {
        /// What was needed.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The form is right, but not what packmule would have written.
    #[error("its text is not the one that packmule writes")]
    Malformed,
    /// The words are not the ones that were signed.
    #[error("it was changed after it was signed")]
    BadSignature,
    /// What is sealed in the answer cannot be opened with this site's key.
    #[error("what is sealed in it is for another key")]
    NotForThisKey,
    /// The answer is for another lab.
    #[error("it is for {wanted}, not for this site")]
    OtherSite {
        /// The lab that it names.
        wanted: Site,
    },
    /// The answer is to an older card of this lab.
    #[error("it answers another card of this site")]
    OtherCard,
}
