//! What a bundle says about itself on the outside, before it is written.

use std::fmt;
use std::str::FromStr;

use crate::model::{Digest, Incarnation, Seq, Stamp, StreamId};

/// Everything about a bundle that its sender decides; the rest of the manifest follows from the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What the bundle is for.
    pub kind: Kind,
    /// Whose bundle it is, and for whom.
    pub stream: StreamId,
    /// Its number in the stream.
    pub seq: Seq,
    /// The digest of the bundle before it; `None` exactly for the first.
    pub previous: Option<Digest>,
    /// Whether the next bundle belongs to the same snapshot: all of them are applied in one transaction.
    pub continues: bool,
    /// When it was sealed. Only the day is readable by anyone.
    pub sealed_at: Stamp,
    /// What the sender has applied of the receiver's bundles.
    pub receipt: Option<Receipt>,
}

/// What a bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The changes since the bundle before it.
    Changes,
    /// Whole tables, for a site that joins or has lost its place.
    Snapshot,
    /// A receipt and nothing else.
    Receipt,
}

impl Kind {
    const NAMES: [(Kind, &'static str); 3] =
        [(Kind::Changes, "changes"), (Kind::Snapshot, "snapshot"), (Kind::Receipt, "receipt")];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Changes => "changes",
            Kind::Snapshot => "snapshot",
            Kind::Receipt => "receipt",
        })
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind).ok_or(())
    }
}

/// "I have applied your bundles of `incarnation` up to `seq`, whose digest is `digest`."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// Which history of the receiver's.
    pub incarnation: Incarnation,
    /// The last bundle that was applied.
    pub seq: Seq,
    /// Its digest; proves that both mean the same bundle.
    pub digest: Digest,
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
        assert_eq!("Changes".parse::<Kind>(), Err(()));
    }
}
