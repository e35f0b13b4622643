//! What a bundle says about itself on the outside, before it is written.

use crate::bundle::PublicKeys;
use crate::model::{BundleKind, Digest, Incarnation, Seq, Stamp, StreamId};

/// Everything about a bundle that its sender decides; the rest of the manifest follows from the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What the bundle is for.
    pub kind: BundleKind,
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
    /// The keys that the sender has from the next bundle on, where this is the last one that the old key signs.
    pub keys: Option<PublicKeys>,
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
