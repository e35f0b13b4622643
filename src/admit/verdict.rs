//! Decides what to do with a bundle that has arrived. Pure: headers in, a verdict out.
//!
//! A stick can bring a bundle twice, out of order, or from a site whose database was put back from an old
//! copy. By name alone the three look the same, so the verdict is reached here, once, before any row is read.
//! A wrong "next" does no harm: apply's transaction compares number and digest once more under a lock.

use std::ops::RangeInclusive;

use crate::model::{BundleKind, Digest, Incarnation, Seq, Site, StreamId};

/// What a verified bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its stream.
    pub stream: StreamId,
    /// Its number there.
    pub seq: Seq,
    /// Its digest.
    pub digest: Digest,
    /// The digest of the one before.
    pub previous: Option<Digest>,
    /// What it is for.
    pub kind: BundleKind,
}

/// What the ledger knows about a bundle's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// This site.
    pub here: Site,
    /// The history under which the sender was enrolled.
    pub incarnation: Incarnation,
    /// The last bundle that was applied, with its digest.
    pub last: Option<(Seq, Digest)>,
    /// The digest of the applied bundle with the arrival's number, where there is one.
    pub applied: Option<Digest>,
    /// Whether the stream was stopped.
    pub frozen: bool,
    /// Whether the sender has begun another history since, and said that it follows this one.
    pub ended: bool,
}

/// What to do with a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Apply it now.
    Next,
    /// It was applied; skip it.
    Duplicate,
    /// It waits for these, which have not been applied.
    Gap {
        /// The numbers that come first.
        missing: RangeInclusive<u64>,
    },
    /// The stream has two continuations; apply neither.
    Fork(Fork),
    /// It belongs to a history of the centre that is over: the one that followed it says everything anew.
    Over,
    /// It is for another site; leave it alone.
    NotOurs,
}

/// How a second continuation showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// Another bundle of the same number was applied.
    SameNumber,
    /// It does not follow the last bundle that was applied.
    OtherChain,
    /// It belongs to a history of the site that nobody here knows.
    OtherHistory,
    /// The stream was stopped before.
    Frozen,
}

/// Compares a bundle with what the ledger knows of its stream.
pub fn admit(arrival: &Arrival, facts: &Facts) -> Verdict {
    if arrival.stream.to != facts.here {
        return Verdict::NotOurs;
    }
    if facts.ended {
        return Verdict::Over;
    }
    if arrival.stream.incarnation != facts.incarnation {
        return Verdict::Fork(Fork::OtherHistory);
    }
    let last = facts.last.map_or(0, |(seq, _)| seq.number());
    let seq = arrival.seq.number();
    if seq <= last {
        return match facts.applied {
            Some(applied) if applied != arrival.digest => Verdict::Fork(Fork::SameNumber),
            // None: a snapshot that was applied stands for it.
            Some(_) | None => Verdict::Duplicate,
        };
    }
    if facts.frozen {
        return Verdict::Fork(Fork::Frozen);
    }
    // A snapshot says everything anew, so it need not wait for what came before it.
    if arrival.kind == BundleKind::Snapshot && seq > last {
        let follows = seq > last + 1 || arrival.previous == facts.last.map(|(_, digest)| digest);
        return if follows { Verdict::Next } else { Verdict::Fork(Fork::OtherChain) };
    }
    if seq > last + 1 {
        return Verdict::Gap { missing: last + 1..=seq - 1 };
    }
    if arrival.previous != facts.last.map(|(_, digest)| digest) {
        return Verdict::Fork(Fork::OtherChain);
    }
    Verdict::Next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(of: u8) -> Digest {
        Digest::from_bytes([of; 32])
    }

    fn arrival(seq: u64, own: u8, previous: Option<u8>) -> Arrival {
        Arrival {
            stream: StreamId {
                from: "lab-a".parse().unwrap(),
                incarnation: Incarnation::from_bytes([7; 16]),
                to: "central".parse().unwrap(),
            },
            seq: Seq::new(seq).unwrap(),
            digest: digest(own),
            previous: previous.map(digest),
            kind: BundleKind::Changes,
        }
    }

    fn facts(last: Option<(u64, u8)>, applied: Option<u8>) -> Facts {
        Facts {
            here: "central".parse().unwrap(),
            incarnation: Incarnation::from_bytes([7; 16]),
            last: last.map(|(seq, of)| (Seq::new(seq).unwrap(), digest(of))),
            applied: applied.map(digest),
            frozen: false,
            ended: false,
        }
    }

    #[test]
    fn the_next_bundle_is_applied_and_the_same_again_is_skipped() {
        assert_eq!(admit(&arrival(1, 1, None), &facts(None, None)), Verdict::Next);
        assert_eq!(admit(&arrival(2, 2, Some(1)), &facts(Some((1, 1)), None)), Verdict::Next);
        assert_eq!(admit(&arrival(1, 1, None), &facts(Some((5, 5)), Some(1))), Verdict::Duplicate);
    }

    #[test]
    fn a_gap_names_exactly_what_is_missing() {
        assert_eq!(
            admit(&arrival(4, 4, Some(3)), &facts(Some((1, 1)), None)),
            Verdict::Gap { missing: 2..=3 }
        );
        assert_eq!(admit(&arrival(2, 2, Some(1)), &facts(None, None)), Verdict::Gap { missing: 1..=1 });
    }

    #[test]
    fn a_snapshot_stands_for_all_that_came_before_it() {
        let snapshot = Arrival { kind: BundleKind::Snapshot, ..arrival(7, 7, Some(6)) };
        assert_eq!(admit(&snapshot, &facts(Some((2, 2)), None)), Verdict::Next);
        assert_eq!(admit(&snapshot, &facts(None, None)), Verdict::Next);
        assert_eq!(admit(&snapshot, &facts(Some((7, 7)), Some(7))), Verdict::Duplicate);
        assert_eq!(admit(&snapshot, &facts(Some((6, 9)), None)), Verdict::Fork(Fork::OtherChain));
        // What it stood for comes late.
        assert_eq!(admit(&arrival(4, 4, Some(3)), &facts(Some((7, 7)), None)), Verdict::Duplicate);
    }

    #[test]
    fn a_second_history_is_seen_whichever_comes_first() {
        let fork = |fork| Verdict::Fork(fork);
        assert_eq!(admit(&arrival(3, 9, Some(2)), &facts(Some((3, 3)), Some(3))), fork(Fork::SameNumber));
        assert_eq!(admit(&arrival(4, 4, Some(9)), &facts(Some((3, 3)), None)), fork(Fork::OtherChain));
        let other = Facts { incarnation: Incarnation::from_bytes([8; 16]), ..facts(None, None) };
        assert_eq!(admit(&arrival(1, 1, None), &other), fork(Fork::OtherHistory));
        let frozen = Facts { frozen: true, ..facts(Some((3, 3)), None) };
        assert_eq!(admit(&arrival(4, 4, Some(3)), &frozen), fork(Fork::Frozen));
    }

    #[test]
    fn a_history_that_another_one_follows_is_over() {
        let over = Facts { ended: true, ..facts(Some((3, 3)), None) };
        assert_eq!(admit(&arrival(4, 4, Some(3)), &over), Verdict::Over);
    }

    #[test]
    fn a_bundle_for_another_site_is_left_alone() {
        let there = Facts { here: "lab-b".parse().unwrap(), ..facts(None, None) };
        assert_eq!(admit(&arrival(1, 1, None), &there), Verdict::NotOurs);
    }
}
