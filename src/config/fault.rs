//! What is wrong in the settings file, and on which line.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::config::url::UrlError;
use crate::model::ParseSiteError;
use crate::model::Role;

/// One thing that is wrong in the settings file.
#[derive(Debug)]
pub struct Fault {
    /// The file, as the user named it.
    pub path: PathBuf,
    /// Where in the file, unless something is missing from the whole of it.
    pub excerpt: Option<Excerpt>,
    /// What is wrong there.
    pub problem: Problem,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, " line {}", excerpt.line)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.problem)
    }
}

/// A line of the settings file with the place to point at. Values are left out: one may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line's number, from 1.
    pub line: usize,
    /// The line up to the end of the name.
    pub text: String,
    /// How many characters stand before the place.
    pub column: usize,
    /// How many characters wide the place is, at least 1.
    pub width: usize,
}

/// What can be wrong with a name or its value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A name that packmule does not know, probably a slip.
    #[error("unknown name \"{name}\"")]
    UnknownName {
        /// The name as written.
        name: String,
        /// The known name closest to it.
        near: Option<&'static str>,
    },
    /// A word that is not one of those that the name can have.
    #[error("{name} cannot be \"{value}\"")]
    UnknownValue {
        /// The name.
        name: String,
        /// The value as written.
        value: String,
        /// All that it can be.
        allowed: &'static [&'static str],
        /// The allowed word closest to it.
        near: Option<&'static str>,
    },
    /// A number where a text belongs, and so on.
    #[error("{name} must be {wanted}, not {found}")]
    WrongType {
        /// The name.
        name: String,
        /// What belongs there.
        wanted: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A name that must be there is not.
    #[error("{name} is missing")]
    Missing {
        /// The name.
        name: String,
    },
    /// Two names that say the same thing.
    #[error("{first} and {second} cannot both be given")]
    Both {
        /// The one to point at.
        first: String,
        /// The other.
        second: String,
    },
    /// A section that belongs in the settings of the other role.
    #[error("[{section}] is not for a {role}")]
    OtherRole {
        /// The section.
        section: &'static str,
        /// The role that these settings are for.
        role: Role,
    },
    /// A name that no site can have.
    #[error("site is not a site's name")]
    Site {
        /// Why not.
        source: ParseSiteError,
    },
    /// A database address that cannot be read.
    #[error("{name} is not a database address")]
    Url {
        /// The name.
        name: String,
        /// What is wrong in it.
        source: UrlError,
    },
    /// A number that is too small or too large.
    #[error("{name} must be from {} to {}", range.start(), range.end())]
    OutOfRange {
        /// The name.
        name: String,
        /// What it can be.
        range: RangeInclusive<u16>,
    },
    /// A name that belongs in the centre's settings.
    #[error("{name} is for the centre")]
    OnlyAtCentral {
        /// The name.
        name: String,
    },
    /// Not the name of a column with its table before it.
    #[error("{name} is not a column of a table")]
    NotAColumn {
        /// The name.
        name: String,
    },
    /// Not a length of time.
    #[error("{name} is not a length of time")]
    Every {
        /// The name.
        name: String,
    },
    /// A size of a bundle that is no size, or out of bounds.
    #[error("{name} is not a size from 1MiB to 4GiB")]
    Size {
        /// The setting.
        name: String,
    },
    /// An address for labs that says too much or too little.
    #[error("{name} cannot be given to labs: {why}")]
    NotForLabs {
        /// The name.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// A quota that is no size, or out of bounds.
    #[error("{name} is not a size from 1MiB to 1024TiB")]
    Quota {
        /// The setting.
        name: String,
    },
    /// A rate that is no size, or out of bounds.
    #[error("{name} is not a size a second, from 1KiB to 4GiB")]
    Rate {
        /// The setting.
        name: String,
    },
    /// A password stands in a file that others may read.
    #[error("{name} holds a password, and others may read this file")]
    OpenPassword {
        /// The name.
        name: String,
    },
    /// Not TOML at all.
    #[error("this line cannot be read")]
    Syntax {
        /// What the TOML reader expected. Never quotes the line.
        source: SyntaxError,
    },
}

/// What the TOML reader says about a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    pub(super) message: String,
}
