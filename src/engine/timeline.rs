//! The newest bundles between the centre and one lab, one by one: what was applied, what waits, what is missing, what is on its way.

use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::sites::{expect_central, find};
use crate::ledger::{self, BundleRecord};
use crate::model::{BundleName, Site};

/// Where a bundle stands on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// From the lab: it is in the tables.
    Applied,
    /// From the lab: it is in the inbox, and not applied yet.
    Waiting,
    /// From the lab: it has not come, and a later one has.
    Missing,
    /// For the lab: it is in the outbox, and was not copied out yet.
    Sealed,
    /// For the lab: it was copied to a stick or sent, and is not confirmed yet.
    Carried,
    /// For the lab: its receipt has come.
    Confirmed,
}

/// One bundle of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its number.
    pub seq: u64,
    /// Where it stands.
    pub state: SlotState,
    /// What is remembered of it; `None` of one that waits or is missing.
    pub record: Option<BundleRecord>,
}

/// The newest bundles between the centre and a lab, both ways, the newest last. Of the lab's and the centre's histories of now alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// From the lab.
    pub from_lab: Vec<Slot>,
    /// For the lab.
    pub to_lab: Vec<Slot>,
}

/// The newest bundles between the centre and a lab, at most `limit` each way.
pub fn timeline(home: &mut Home<'_>, site: &Site, limit: u64) -> Result<Timeline, Error> {
    expect_central(home)?;
    let known = find(home, site)?;
    let (incoming, outgoing) = (home.stream_from(&known), home.stream_to(&known.site));
    let applied = ledger::newest_of_stream(&mut home.session, &incoming, limit)?;
    let sealed = ledger::newest_of_stream(&mut home.session, &outgoing, limit)?;
    let confirmed = ledger::open_stream(&mut home.session, &outgoing)?.confirmed;
    let in_inbox = home.inbox.list()?.into_iter().map(|stored| stored.name);
    let waiting: Vec<u64> = in_inbox
        .filter(|name| *name == BundleName::new(&incoming, name.seq))
        .map(|name| name.seq.number())
        .collect();
    let to_lab = sealed.into_iter().rev().map(|record| {
        let state = match (confirmed.is_some_and(|seq| record.seq <= seq), record.carried_at) {
            (true, _) => SlotState::Confirmed,
            (false, Some(_)) => SlotState::Carried,
            (false, None) => SlotState::Sealed,
        };
        Slot { seq: record.seq.number(), state, record: Some(record) }
    });
    Ok(Timeline { from_lab: arrivals(applied, waiting, limit), to_lab: to_lab.collect() })
}

/// Lays what waits and what is missing behind what was applied, the newest first. Whoever has signed a bundle may give it any
/// number, so no more is counted than is shown.
fn arrivals(applied: Vec<BundleRecord>, mut waiting: Vec<u64>, limit: u64) -> Vec<Slot> {
    let last = applied.first().map_or(0, |record| record.seq.number());
    waiting.retain(|seq| *seq > last);
    let newest = waiting.iter().copied().max().unwrap_or(last);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let not_applied = (last.saturating_add(1)..=newest).rev().map(|seq| {
        let state = if waiting.contains(&seq) { SlotState::Waiting } else { SlotState::Missing };
        Slot { seq, state, record: None }
    });
    let applied = applied.into_iter().map(|record| Slot {
        seq: record.seq.number(),
        state: SlotState::Applied,
        record: Some(record),
    });
    let mut slots: Vec<Slot> = not_applied.chain(applied).take(limit).collect();
    slots.reverse();
    slots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pages::tests::record;

    #[test]
    fn what_waits_and_what_is_missing_stands_behind_what_was_applied() {
        use SlotState::{Applied, Missing, Waiting};
        let slots = |applied: &[u64], waiting: &[u64], limit| -> Vec<(u64, SlotState)> {
            let applied = applied.iter().map(|seq| record(*seq)).collect();
            arrivals(applied, waiting.to_vec(), limit).iter().map(|slot| (slot.seq, slot.state)).collect()
        };
        assert_eq!(slots(&[], &[], 9), []);
        assert_eq!(slots(&[2, 1], &[], 9), [(1, Applied), (2, Applied)]);
        assert_eq!(
            slots(&[2, 1], &[6, 4], 9),
            [(1, Applied), (2, Applied), (3, Missing), (4, Waiting), (5, Missing), (6, Waiting)]
        );
        // A copy of what was applied, which the next import takes away.
        assert_eq!(slots(&[2], &[2, 1], 9), [(2, Applied)]);
        let far = 9_000_000_000;
        assert_eq!(slots(&[1], &[far], 3), [(far - 2, Missing), (far - 1, Missing), (far, Waiting)]);
    }
}
