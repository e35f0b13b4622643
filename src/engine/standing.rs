//! In one word, how things stand with a lab. Pure.

use crate::engine::overdue::{silent_days, unconfirmed_days};
use crate::engine::peers::PeerStatus;
use crate::ledger::SiteState;
use crate::model::Stamp;

/// How things stand with a lab, as the centre sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It is enrolled, and nothing has come from it yet.
    New,
    /// Nothing is wrong: what has come is applied, and nobody has waited for long.
    UpToDate,
    /// A bundle before one that waits has not come, or it has not been heard of or has confirmed nothing for too long.
    Late,
    /// Its bundles are not applied any more until a person has looked.
    Stopped,
    /// It takes no part for a while.
    Suspended,
    /// It takes no part any more.
    Revoked,
}

/// Decides how things stand with a lab. What is too long is what `doctor` says of it.
pub fn standing(peer: &PeerStatus, now: Stamp) -> Standing {
    match peer.state {
        SiteState::Revoked => return Standing::Revoked,
        SiteState::Suspended => return Standing::Suspended,
        SiteState::Active => {}
    }
    let is_late = peer.has_gap() || silent_days(peer, now).is_some() || unconfirmed_days(peer, now).is_some();
    // A bundle that is held waits in the inbox, as one behind a gap does: the graver word comes first.
    match (peer.frozen.is_some() || peer.held.is_some(), is_late, peer.last_applied) {
        (true, _, _) => Standing::Stopped,
        (false, true, _) => Standing::Late,
        (false, false, None) => Standing::New,
        (false, false, Some(_)) => Standing::UpToDate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Held, OnTheWay};

    fn at(day: i64) -> Stamp {
        Stamp::from_micros(1_790_000_000_000_000 + day * 24 * 60 * 60 * 1_000_000)
    }

    #[test]
    fn every_lab_stands_in_one_word() {
        use Standing::{Late, New, Revoked, Stopped, Suspended, UpToDate};
        let peer = || PeerStatus::stranger("lab-a", at(0));
        let heard = |day| PeerStatus { last_applied: Some((7, at(day))), ..peer() };
        let sealed = |day| OnTheWay { bundles: vec![1], sealed_at: Some(at(day)), ..OnTheWay::default() };
        let held = || Some(Held { bundle: 8, why: "column place is missing".to_owned() });
        let cases = [
            (peer(), 29, New),
            (peer(), 30, Late),
            (heard(5), 34, UpToDate),
            (heard(5), 35, Late),
            // A clock that was set back makes nobody late.
            (heard(5), 0, UpToDate),
            (PeerStatus { at_home: sealed(1), ..heard(20) }, 30, UpToDate),
            (PeerStatus { at_home: sealed(1), ..heard(20) }, 31, Late),
            (PeerStatus { under_way: sealed(1), ..heard(20) }, 31, Late),
            (PeerStatus { under_way: sealed(1), ..peer() }, 29, New),
            (PeerStatus { waiting: vec![9], ..heard(5) }, 6, Late),
            (PeerStatus { waiting: vec![9], ..peer() }, 6, Late),
            (PeerStatus { waiting: vec![8], held: held(), ..heard(5) }, 6, Stopped),
            (PeerStatus { frozen: Some("two histories".to_owned()), ..heard(5) }, 99, Stopped),
            (PeerStatus { state: SiteState::Suspended, waiting: vec![9], ..heard(5) }, 99, Suspended),
            (PeerStatus { state: SiteState::Revoked, frozen: Some("x".to_owned()), ..heard(5) }, 6, Revoked),
        ];
        for (peer, day, wanted) in cases {
            assert_eq!(standing(&peer, at(day)), wanted, "day {day}: {peer:?}");
        }
    }
}
