//! What random worlds have met, counted.

use std::collections::BTreeMap;
use std::fmt;

/// Counts that add up over worlds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Worlds that were tried to their end.
    pub(crate) worlds: u64,
    /// Rounds of all sites after the last edit, until nobody had anything to say.
    pub(crate) rounds: u64,
    /// Transactions of people that were committed.
    pub(crate) edits: u64,
    /// Bundles that were applied.
    pub(crate) bundles: u64,
    /// Changes of rows in them.
    pub(crate) rows: u64,
    /// What went wrong on purpose, by sort.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// Rows of `conflict_log`, by kind, status and outcome.
    pub(crate) conflicts: BTreeMap<String, u64>,
    /// Decisions of a person.
    pub(crate) decisions: u64,
    /// What should not be: a row that differs, a word or a stock that is lost, a message without end.
    pub(crate) losses: u64,
}

impl Tally {
    /// Counts a fault that was made on purpose.
    pub(super) fn fault(&mut self, sort: &'static str) {
        *self.faults.entry(sort).or_default() += 1;
    }

    /// Adds another's counts.
    pub(crate) fn extend(&mut self, other: &Tally) {
        self.worlds += other.worlds;
        self.rounds += other.rounds;
        self.edits += other.edits;
        self.bundles += other.bundles;
        self.rows += other.rows;
        self.decisions += other.decisions;
        self.losses += other.losses;
        other.faults.iter().for_each(|(sort, count)| *self.faults.entry(sort).or_default() += count);
        for (kind, count) in &other.conflicts {
            *self.conflicts.entry(kind.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { worlds, rounds, edits, bundles, rows, decisions, losses, .. } = self;
        writeln!(f, "worlds      {worlds}")?;
        writeln!(f, "edits       {edits} transactions")?;
        writeln!(f, "bundles     {bundles} applied, with {rows} changes of rows")?;
        writeln!(f, "last rounds {rounds}")?;
        writeln!(f, "faults      {}", self.faults.values().sum::<u64>())?;
        self.faults.iter().try_for_each(|(sort, count)| writeln!(f, "  {count:>7}  {sort}"))?;
        writeln!(f, "conflicts   {}", self.conflicts.values().sum::<u64>())?;
        self.conflicts.iter().try_for_each(|(kind, count)| writeln!(f, "  {count:>7}  {kind}"))?;
        writeln!(f, "decisions   {decisions} of a person")?;
        write!(f, "losses      {losses}")
    }
}
