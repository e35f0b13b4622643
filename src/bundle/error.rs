//! Why a bundle was refused. Each text is a predicate, to be put behind the file's name: "X is damaged: ...".
//!
//! A bundle knows no paths, so the caller adds the name. Every refusal has its own variant, because the
//! person with the stick must do different things: copy again, ask the sender, call the centre.

use std::{fmt, io};

use crate::bundle::{KeyError, KeyId, LineFault, ManifestFault};
use crate::model::Site;

/// Why a bundle was refused, or could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is something else, or a tar file that packmule has not made.
    #[error("is not a bundle: {why}")]
    NotABundle {
        /// What gives it away.
        why: Layout,
    },
    /// The file ends early: the copy was cut short.
    #[error("is damaged: {}", Shortfall(*.have_bytes, *.need_bytes))]
    Incomplete {
        /// How much is there.
        have_bytes: u64,
        /// How much there should be; unknown where even the head is cut.
        need_bytes: Option<u64>,
    },
    /// Bytes are not the ones that were written.
    #[error("is damaged: {what}")]
    Damaged {
        /// Which part.
        what: Part,
    },
    /// The manifest or the signature is not what the site signed.
    #[error("is damaged or was altered: its signature does not fit")]
    BadSignature,
    /// Nobody whose key is enrolled here has signed it.
    #[error("is signed with key {key}, which belongs to no enrolled site")]
    UnknownSigner {
        /// The key that the signature names.
        key: KeyId,
    },
    /// One enrolled site has signed what says that it is another's.
    #[error("says that it is from {claimed}, but {signer} has signed it")]
    WrongSigner {
        /// Whose bundle it claims to be.
        claimed: Site,
        /// Whose key has signed it.
        signer: Site,
    },
    /// A site has signed it with a key that it has replaced, or does not have yet at this place of its stream.
    #[error("is signed with key {key}, which {signer} does not use at this place")]
    NotInForce {
        /// The key that has signed it.
        key: KeyId,
        /// Whose key it is.
        signer: Site,
    },
    /// The manifest breaks a rule, although its signature is good: the sender's program has a fault.
    #[error("has a manifest that breaks the rules: {fault}")]
    Manifest {
        /// Which rule.
        fault: ManifestFault,
    },
    /// The sender's program is newer than this one.
    #[error("needs a newer packmule: {needs}")]
    TooNew {
        /// The format or feature that this program does not know.
        needs: String,
    },
    /// The payload was made for another bundle than the one it lies in.
    #[error("holds the content of another bundle: its {field} is another one inside")]
    Foreign {
        /// What differs.
        field: &'static str,
    },
    /// The payload was not encrypted for this site's key.
    #[error("cannot be opened with this site's encryption key")]
    CannotDecrypt,
    /// The signed payload breaks a rule: the sender's program has a fault.
    #[error("has wrong content in line {line}: {fault}")]
    Payload {
        /// The line, counted from 1.
        line: u64,
        /// Which rule.
        fault: LineFault,
    },
    /// A part is larger than the format allows.
    #[error("is too large: {what} would have {}", Excess(*.bytes, *.limit))]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The most that is allowed.
        limit: u64,
    },
    /// Reading stopped part-way; the file itself may be fine.
    #[error("cannot be read")]
    Read {
        /// What the system says.
        source: io::Error,
    },
    /// Writing stopped part-way.
    #[error("cannot be written")]
    Write {
        /// What the system says.
        source: io::Error,
    },
    /// The signing key does not work.
    #[error("cannot be signed")]
    Sign {
        /// What is wrong with it.
        source: KeyError,
    },
}

impl Error {
    /// Whether copying the file again from where it came may help.
    pub fn new_copy_may_help(&self) -> bool {
        match self {
            Error::Incomplete { .. } | Error::Damaged { .. } | Error::BadSignature | Error::Read { .. } => {
                true
            }
            Error::NotABundle { .. }
            | Error::UnknownSigner { .. }
            | Error::WrongSigner { .. }
            | Error::NotInForce { .. }
            | Error::Manifest { .. }
            | Error::TooNew { .. }
            | Error::Foreign { .. }
            | Error::CannotDecrypt
            | Error::Payload { .. }
            | Error::TooLarge { .. }
            | Error::Write { .. }
            | Error::Sign { .. } => false,
        }
    }
}

impl From<KeyError> for Error {
    fn from(source: KeyError) -> Self {
        Error::Sign { source }
    }
}

/// What shows that a file is not a bundle. Members are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Layout {
    /// Not even a tar file.
    #[error("it is not a tar file")]
    NotTar,
    /// Another name than the one at this place.
    #[error("member {0} has a wrong name")]
    Name(u8),
    /// A link, a folder, a sparse file, a PAX or GNU header.
    #[error("member {0} is not a plain file")]
    Type(u8),
    /// A size that is not eleven octal digits.
    #[error("member {0} has no plain size")]
    Size(u8),
    /// Another mode, owner, time or magic than the one allowed.
    #[error("member {0} has a header that packmule does not write")]
    Form(u8),
}

/// The part of a bundle whose bytes have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Part {
    /// The file begins with zeros: its content never reached the medium.
    #[error("it holds only zeros where it should begin")]
    Blank,
    /// The header of a tar member, counted from 1.
    #[error("the header of member {0} has changed")]
    Header(u8),
    /// The zeros behind a tar member, counted from 1.
    #[error("the padding of member {0} has changed")]
    Padding(u8),
    /// The two zero blocks at the end.
    #[error("the end of the file has changed")]
    End,
    /// There are bytes after the end.
    #[error("it has {} more than it should", Bytes(*.0))]
    TooLong(u64),
    /// One chunk of the payload, and how many there are.
    #[error("chunk {0} of {1} is not the one that was signed")]
    Chunk(usize, usize),
    /// The payload has another size than was signed.
    #[error("its content has another size than the one that was signed")]
    PayloadSize,
    /// The chunks are right, the whole is not.
    #[error("its content is not the one that was signed")]
    Payload,
    /// The file is not the one that was verified a moment ago.
    #[error("it changed while it was being read")]
    Changed,
}

/// A size for people: `61 KiB`. Rounded down, so that a part never looks like the whole.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bytes(bytes) = *self;
        match bytes {
            1 => f.write_str("1 byte"),
            0..10_240 => write!(f, "{bytes} bytes"),
            10_240..10_485_760 => write!(f, "{} KiB", bytes / 1024),
            10_485_760.. => write!(f, "{} MiB", bytes / (1024 * 1024)),
        }
    }
}

/// `61 KiB of 96 KiB are there`; in bytes where both would round to the same.
struct Shortfall(u64, Option<u64>);

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shortfall(have, need) = *self;
        match need {
            None => write!(f, "only {} are there", Bytes(have)),
            Some(need) if Bytes(have).to_string() == Bytes(need).to_string() => {
                write!(f, "{have} of {need} bytes are there")
            }
            Some(need) => write!(f, "{} of {} are there", Bytes(have), Bytes(need)),
        }
    }
}

/// `40 MiB, the limit is 32 MiB`; in bytes where both would round to the same.
struct Excess(u64, u64);

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Excess(have, limit) = *self;
        if Bytes(have).to_string() == Bytes(limit).to_string() {
            return write!(f, "{have} bytes, the limit is {limit} bytes");
        }
        write!(f, "{}, the limit is {}", Bytes(have), Bytes(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_copy_is_described_by_what_is_there_and_what_is_missing() {
        let text = |have_bytes, need_bytes| Error::Incomplete { have_bytes, need_bytes }.to_string();
        assert_eq!(text(62_500, Some(98_304)), "is damaged: 61 KiB of 96 KiB are there");
        assert_eq!(text(98_303, Some(98_304)), "is damaged: 95 KiB of 96 KiB are there");
        assert_eq!(text(98_304, Some(98_305)), "is damaged: 98304 of 98305 bytes are there");
        assert_eq!(text(100, None), "is damaged: only 100 bytes are there");
    }
}
