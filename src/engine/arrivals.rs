//! The bundles that wait to be looked at, in the order in which they must be: by stream, then by number. Pure.

use std::path::PathBuf;

use crate::admit::Arrival;
use crate::bundle::Verified;
use crate::model::{BundleName, StreamId};

/// One verified bundle, and where it lies.
pub(super) struct Waiting {
    pub(super) path: PathBuf,
    /// Whether it is our own private copy already.
    pub(super) in_inbox: bool,
    pub(super) verified: Verified,
}

impl Waiting {
    pub(super) fn arrival(&self) -> Arrival {
        let manifest = self.verified.manifest();
        Arrival {
            stream: manifest.stream().clone(),
            seq: manifest.seq(),
            digest: self.verified.digest(),
            previous: manifest.previous(),
            kind: manifest.kind(),
        }
    }

    pub(super) fn name(&self) -> BundleName {
        self.verified.manifest().name()
    }
}

/// Groups bundles by stream, each group in the order of its numbers; of one number the private copy comes first.
pub(super) fn by_stream(mut waiting: Vec<Waiting>) -> Vec<(StreamId, Vec<Waiting>)> {
    waiting.sort_by_key(|one| {
        let arrival = one.arrival();
        (arrival.stream, arrival.seq, !one.in_inbox, arrival.digest, one.path.clone())
    });
    let mut streams: Vec<(StreamId, Vec<Waiting>)> = Vec::new();
    for one in waiting {
        let stream = one.verified.manifest().stream().clone();
        match streams.last_mut() {
            Some((open, group)) if *open == stream => group.push(one),
            _ => streams.push((stream, vec![one])),
        }
    }
    streams
}
