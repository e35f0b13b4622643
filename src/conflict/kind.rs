//! The sorts of conflict.

use std::fmt;
use std::str::FromStr;

/// What stands in the way of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The row was changed here too.
    Changed,
    /// The row that was changed or deleted there is gone here.
    Missing,
    /// The row that is new there is here already, with another content.
    Exists,
    /// Another row here has the same unique value.
    Unique,
    /// A parent is missing here, or children are still here.
    Orphan,
    /// The value does not fit here.
    Value,
}

impl Kind {
    const NAMES: [(Kind, &'static str); 6] = [
        (Kind::Changed, "changed"),
        (Kind::Missing, "missing"),
        (Kind::Exists, "exists"),
        (Kind::Unique, "unique"),
        (Kind::Orphan, "orphan"),
        (Kind::Value, "value"),
    ];

    /// Whether the row waits because it does not fit here, and is tried again by itself.
    pub fn is_parked(self) -> bool {
        match self {
            Kind::Unique | Kind::Orphan | Kind::Value => true,
            Kind::Changed | Kind::Missing | Kind::Exists => false,
        }
    }

    /// The word for it, the same in the table and on the screen.
    pub fn word(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_as_written() {
        for (kind, name) in Kind::NAMES {
            assert_eq!(kind.to_string(), name);
            assert_eq!(name.parse(), Ok(kind));
        }
    }
}
