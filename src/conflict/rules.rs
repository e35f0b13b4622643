//! What the centre's settings say of a table, and the same in terms of the columns that a bundle brings. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::conflict::counter::Limits;
use crate::model::{ColumnKind, TableShape};

/// Who wins where a lab and the centre changed the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// The later edit.
    LastEditWins,
    /// The centre's row stands until an administrator has decided.
    Review,
    /// The centre's.
    CentralWins,
    /// The lab's.
    LabWins,
}

impl Policy {
    /// Every word that may stand here.
    pub const WORDS: &'static [&'static str] = &["last-edit-wins", "review", "central-wins", "lab-wins"];

    /// The word for it, the same in settings, cards and messages.
    pub fn word(self) -> &'static str {
        match self {
            Policy::LastEditWins => "last-edit-wins",
            Policy::Review => "review",
            Policy::CentralWins => "central-wins",
            Policy::LabWins => "lab-wins",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Policy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "last-edit-wins" => Ok(Policy::LastEditWins),
            "review" => Ok(Policy::Review),
            "central-wins" => Ok(Policy::CentralWins),
            "lab-wins" => Ok(Policy::LabWins),
            _ => Err(()),
        }
    }
}

/// How disagreements about the rows of one table are decided, by the names of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Who wins, where nothing else is said of a column.
    pub policy: Policy,
    /// Whether columns that only one side changed come together in one row.
    pub merge: bool,
    /// Columns that hold a stock: both sides' differences are added.
    pub counters: Vec<String>,
    /// Columns that have a policy of their own.
    pub columns: BTreeMap<String, Policy>,
    /// The column in which the application says when it edited the row.
    pub updated_at: Option<String>,
    /// Whether every change of a lab waits for approval.
    pub always_review: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            policy: Policy::LastEditWins,
            merge: true,
            counters: Vec::new(),
            columns: BTreeMap::new(),
            updated_at: None,
            always_review: false,
        }
    }
}

/// The same in terms of the places of columns. Columns that the bundle does not have are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub(super) policy: Policy,
    pub(super) merge: bool,
    pub(super) counters: Vec<(usize, Limits)>,
    pub(super) columns: Vec<(usize, Policy)>,
    pub(super) updated_at: Option<usize>,
    pub(super) always_review: bool,
}

impl Rules {
    /// Finds the columns of `shape` that these rules name. `types` are the columns' types here, in the order of the shape.
    ///
    /// A counter whose column is no number here is none: settings that say otherwise are refused long before.
    pub fn place(&self, shape: &TableShape, types: &[&str]) -> Placed {
        let place = |name: &String| {
            shape.columns.iter().position(|column| column.name.to_lowercase() == name.to_lowercase())
        };
        let counter =
            |name: &String| place(name).and_then(|at| Some((at, Limits::of(types.get(at).copied()?)?)));
        let columns = self.columns.iter();
        Placed {
            policy: self.policy,
            merge: self.merge,
            counters: self.counters.iter().filter_map(counter).collect(),
            columns: columns.filter_map(|(name, policy)| Some((place(name)?, *policy))).collect(),
            updated_at: self.updated_at.as_ref().and_then(place),
            always_review: self.always_review,
        }
    }
}

impl Placed {
    /// Who wins where both sides changed this column.
    pub(super) fn policy_of(&self, at: usize) -> Policy {
        self.columns.iter().find(|(place, _)| *place == at).map_or(self.policy, |(_, policy)| *policy)
    }

    pub(super) fn limits_of(&self, at: usize) -> Option<Limits> {
        self.counters.iter().find(|(place, _)| *place == at).map(|(_, limits)| *limits)
    }

    /// Whether every change of a lab waits for approval.
    pub fn always_review(&self) -> bool {
        self.always_review
    }

    /// Whether differences of some column are added.
    pub fn counts(&self) -> bool {
        !self.counters.is_empty()
    }

    /// How far the application's own times may be ahead of UTC without saying anything of the clock, in microseconds: a
    /// DATETIME does not say in which zone it is.
    pub(super) fn slack_micros(&self, shape: &TableShape) -> i64 {
        const FARTHEST_ZONE: i64 = 14 * 3_600_000_000;
        match self.updated_at.and_then(|at| shape.columns.get(at)).map(|column| column.kind) {
            Some(ColumnKind::Timestamp) | None => 0,
            Some(_) => FARTHEST_ZONE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_read_back_as_written() {
        for word in Policy::WORDS {
            assert_eq!(word.parse::<Policy>().unwrap().to_string(), *word);
        }
        assert_eq!("newest".parse::<Policy>(), Err(()));
    }
}
