//! Marks the log rows that a bundle carries: exactly those that the snapshot showed, never `id <= max`.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::capture::error::Error;
use crate::db::Session;

/// Ids in ascending order, kept as runs: ids of the same distance, as AUTO_INCREMENT gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdRuns {
    runs: Vec<Run>,
    count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u64,
    /// How far the ids are apart; 0 while there is only one.
    stride: u64,
    count: u64,
}

impl IdRuns {
    /// Adds an id that is higher than all before it.
    pub fn push(&mut self, id: u64) {
        self.count += 1;
        if let Some(run) = self.runs.last_mut() {
            let last = run.first + run.stride * (run.count - 1);
            if run.count == 1 || id - last == run.stride {
                run.stride = id - last;
                run.count += 1;
                return;
            }
        }
        self.runs.push(Run { first: id, stride: 0, count: 1 });
    }

    /// Puts several lists, each in its own order, one after the other.
    pub(super) fn merge(lists: Vec<IdRuns>) -> Self {
        let count = lists.iter().map(|list| list.count).sum();
        IdRuns { runs: lists.into_iter().flat_map(|list| list.runs).collect(), count }
    }

    /// The same ids less some.
    pub(super) fn without(self, some: &HashSet<u64>) -> Self {
        if some.is_empty() {
            return self;
        }
        let lists = self.runs.iter().map(|&run| {
            let mut list = IdRuns::default();
            let ids = (0..run.count).map(|at| run.first + run.stride * at);
            ids.filter(|id| !some.contains(id)).for_each(|id| list.push(id));
            list
        });
        IdRuns::merge(lists.collect())
    }

    /// How many ids there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Every id, run after run.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.runs.iter().flat_map(|run| (0..run.count).map(|at| run.first + run.stride * at))
    }
}

/// Stamps these log rows with `batch`, in the transaction that is open on `session`; those of `vanished`, which are
/// among them, with 0: no bundle speaks of them, and nobody will ever answer them.
///
/// Rows are found by their primary key alone, so under READ COMMITTED no gap of the log is locked and an
/// application's new log row never waits. A row that is stamped already stops everything: somebody else sealed.
pub fn stamp(session: &mut Session, ids: &IdRuns, vanished: &IdRuns, batch: u64) -> Result<(), Error> {
    let cancelled = stamp_runs(session, vanished, 0)?;
    let carried = stamp_runs(session, ids, batch)?;
    if cancelled == vanished.count && cancelled + carried == ids.count {
        Ok(())
    } else {
        Err(Error::StampedElsewhere)
    }
}

/// Stamps those of these log rows that are still open. Returns how many were.
fn stamp_runs(session: &mut Session, ids: &IdRuns, batch: u64) -> Result<u64, Error> {
    const NEIGHBOURS_MIN: u64 = 64;
    const IDS_A_STATEMENT: usize = 1000;
    let (long, short): (Vec<Run>, Vec<Run>) =
        ids.runs.iter().partition(|run| run.stride == 1 && run.count >= NEIGHBOURS_MIN);
    let mut stamped = 0;
    for run in long {
        let last = run.first + run.count - 1;
        stamped += session.execute(&format!(
            "{} WHERE id BETWEEN {} AND {last} AND batch IS NULL",
            update(batch),
            run.first
        ))?;
    }
    let short = IdRuns { count: 0, runs: short };
    let mut ids_left = short.ids().peekable();
    while ids_left.peek().is_some() {
        let mut query = format!("{} WHERE batch IS NULL AND id IN (", update(batch));
        for (at, id) in ids_left.by_ref().take(IDS_A_STATEMENT).enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let _ = write!(query, "{comma}{id}");
        }
        query.push(')');
        stamped += session.execute(&query)?;
    }
    Ok(stamped)
}

fn update(batch: u64) -> String {
    format!("UPDATE sync_log FORCE INDEX (PRIMARY) SET batch = {batch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_as_runs_and_come_back_one_by_one() {
        let ids = [1, 2, 3, 7, 12, 22, 32, 42, 43, 44, 100];
        let mut runs = IdRuns::default();
        ids.iter().for_each(|&id| runs.push(id));
        assert_eq!(runs.ids().collect::<Vec<_>>(), ids);
        assert_eq!(runs.count(), 11);
        assert!(runs.runs.len() < ids.len());
    }

    #[test]
    fn ids_that_are_taken_out_are_gone_and_all_others_stay() {
        let mut runs = IdRuns::default();
        (1..=10).for_each(|id| runs.push(id));
        let later =
            IdRuns::merge(vec![runs, IdRuns { runs: vec![Run { first: 3, stride: 0, count: 1 }], count: 1 }]);
        let kept = later.without(&HashSet::from([3, 4, 10]));
        assert_eq!(kept.ids().collect::<Vec<_>>(), [1, 2, 5, 6, 7, 8, 9]);
        assert_eq!(kept.count(), 7);
    }

    #[test]
    fn a_million_ids_of_a_cluster_of_three_take_one_run() {
        let mut runs = IdRuns::default();
        (0..1_000_000).for_each(|at| runs.push(at * 3 + 1));
        assert_eq!(runs.runs.len(), 1);
    }
}
