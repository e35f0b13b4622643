//! What has waited for too long: a lab that is not heard of, bundles without a receipt, changes that are kept. Pure.

use crate::engine::doctor::{Check, notice};
use crate::engine::peers::PeerStatus;
use crate::ledger::{KeptRows, SiteState, Why};
use crate::model::{Role, Stamp};

/// Everything that has waited for too long, each with what to do about it.
pub(super) fn overdue(role: Role, peers: &[PeerStatus], kept: &[KeptRows], now: Stamp) -> Vec<Check> {
    let mut checks = Vec::new();
    for peer in peers.iter().filter(|peer| peer.state == SiteState::Active) {
        if role == Role::Central {
            checks.extend(not_heard_of(peer, now));
        }
        checks.extend(unconfirmed(role, peer, now));
    }
    checks.extend(kept.iter().filter_map(|one| kept_long(one, now)));
    checks
}

/// For how many days nothing has come from a site, where that is too long.
pub(super) fn silent_days(peer: &PeerStatus, now: Stamp) -> Option<i64> {
    days_between(heard_at(peer), now).filter(|days| *days >= LATE_DAYS)
}

/// For how many days the oldest bundle for a site has had no receipt, where that is too long.
pub(super) fn unconfirmed_days(peer: &PeerStatus, now: Stamp) -> Option<i64> {
    let sealed_at = [peer.at_home.sealed_at, peer.under_way.sealed_at].into_iter().flatten().min()?;
    days_between(sealed_at, now).filter(|days| *days >= CONFIRMED_DAYS)
}

/// When a site was heard of last; one from which nothing has come, when it was enrolled.
fn heard_at(peer: &PeerStatus) -> Stamp {
    peer.last_applied.map_or(peer.enrolled_at, |(_, when)| when)
}

fn not_heard_of(peer: &PeerStatus, now: Stamp) -> Option<Check> {
    let days = silent_days(peer, now)?;
    let what = if peer.last_applied.is_some() { "nothing has come" } else { "nothing has come at all" };
    let (site, heard) = (&peer.site, heard_at(peer));
    let words = format!("{site}: {what} for {days} days, since {}", heard.to_day());
    let remedy = format!("ask {site}; if it takes no part for a while: packmule sites suspend {site}");
    Some(notice("labs", words, &remedy))
}

fn unconfirmed(role: Role, peer: &PeerStatus, now: Stamp) -> Option<Check> {
    let days = unconfirmed_days(peer, now)?;
    let (site, count) = (&peer.site, peer.unconfirmed());
    let bundles = if count == 1 { "1 bundle".to_owned() } else { format!("{count} bundles") };
    let words = format!("{bundles} for {site} not confirmed, the oldest for {days} days");
    let remedy = match role {
        Role::Central => format!(
            "packmule export, and bring it to {site}; if its rows are in doubt: packmule sites resend {site}"
        ),
        Role::Lab => format!("packmule export, and bring the stick to {site} and back"),
    };
    Some(notice("receipts", words, &remedy))
}

fn kept_long(kept: &KeptRows, now: Stamp) -> Option<Check> {
    let days = days_between(kept.since, now).filter(|days| *days >= KEPT_DAYS)?;
    let rows = if kept.rows == 1 { "1 change".to_owned() } else { format!("{} changes", kept.rows) };
    let words = format!("{rows} of {} kept until the lab can follow, the oldest for {days} days", kept.table);
    let remedy = match kept.why {
        Why::OwnChanges => {
            "packmule export, and bring the stick to the centre and back: its answer settles them"
        }
        Why::Misfit(_) => {
            "packmule status says why; mend the rows in the way, here or at the centre, then: packmule import"
        }
    };
    Some(notice("kept", words, remedy))
}

/// How many whole days lie between two moments; `None` where the second is not the later one.
fn days_between(from: Stamp, to: Stamp) -> Option<i64> {
    const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
    (to >= from).then(|| (to.micros() - from.micros()) / DAY_MICROS)
}

/// After how many days without a word the centre should ask.
/// A lab of which nothing was heard for so many days is late.
pub const LATE_DAYS: i64 = 30;
/// After how many days without a receipt somebody should look where the stick is.
const CONFIRMED_DAYS: i64 = 30;
/// After how many days a change that is kept is not going to settle by itself.
const KEPT_DAYS: i64 = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::OnTheWay;
    use crate::model::TableName;

    fn at(day: u32) -> Stamp {
        Stamp::from_sql(&format!("2026-{:02}-{:02} 10:00:00", 10 + day / 31, day % 31 + 1)).unwrap()
    }

    fn lab() -> PeerStatus {
        PeerStatus::stranger("lab-a", at(0))
    }

    fn words(role: Role, peer: &PeerStatus, day: u32) -> Vec<String> {
        overdue(role, std::slice::from_ref(peer), &[], at(day)).into_iter().map(|check| check.words).collect()
    }

    #[test]
    fn a_lab_is_asked_after_thirty_days_and_not_before_and_not_while_it_is_suspended() {
        assert_eq!(words(Role::Central, &lab(), 29), [] as [String; 0]);
        assert_eq!(
            words(Role::Central, &lab(), 30),
            ["lab-a: nothing has come at all for 30 days, since 1 Oct 2026"]
        );
        let heard = PeerStatus { last_applied: Some((7, at(9))), ..lab() };
        assert_eq!(words(Role::Central, &heard, 38), [] as [String; 0]);
        assert_eq!(
            words(Role::Central, &heard, 39),
            ["lab-a: nothing has come for 30 days, since 10 Oct 2026"]
        );
        let suspended = PeerStatus { state: SiteState::Suspended, ..lab() };
        assert_eq!(words(Role::Central, &suspended, 59), [] as [String; 0]);
        assert_eq!(words(Role::Lab, &lab(), 59), [] as [String; 0]);
    }

    #[test]
    fn the_oldest_bundle_without_a_receipt_counts_wherever_it_is() {
        let way = |day| OnTheWay { bundles: vec![1], sealed_at: Some(at(day)), ..OnTheWay::default() };
        let peer = PeerStatus { at_home: way(20), under_way: way(5), ..lab() };
        assert_eq!(words(Role::Lab, &peer, 34), [] as [String; 0]);
        assert_eq!(
            words(Role::Lab, &peer, 35),
            ["2 bundles for lab-a not confirmed, the oldest for 30 days"]
        );
    }

    #[test]
    fn what_is_kept_for_a_week_is_told() {
        let kept = KeptRows {
            table: TableName::new("items"),
            why: Why::OwnChanges,
            rows: 1,
            note: None,
            since: at(10),
        };
        let told = |day| overdue(Role::Lab, &[], std::slice::from_ref(&kept), at(day)).len();
        assert_eq!((told(16), told(17)), (0, 1));
    }
}
