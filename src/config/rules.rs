//! The choices that settings and cards offer: role, tables, and how one table is synced.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use crate::conflict::Policy;
use crate::conflict::Rules;
use crate::model::{Direction, TableName};

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every word that may stand here.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The word for it, the same in settings, cards, flags and messages.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::config::rules::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok($name::$variant),)*
                    _ => Err(crate::config::rules::UnknownWord { allowed: $name::WORDS }),
                }
            }
        }
    };
}

pub(super) use choice;

/// A word that is none of those that may stand here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it can be {}", allowed.join(", "))]
pub struct UnknownWord {
    pub(super) allowed: &'static [&'static str],
}

/// Which tables are synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tables {
    /// Every table of the database that can be.
    All,
    /// These, in this order.
    Some(Vec<TableName>),
}

impl FromStr for Tables {
    type Err = UnknownWord;

    /// Reads what a flag gives: `all`, or names with commas between them.
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        if text == "all" {
            return Ok(Tables::All);
        }
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        if names.iter().any(|name| name.is_empty()) {
            return Err(UnknownWord { allowed: &["all", "names with commas between them"] });
        }
        Ok(Tables::Some(names.into_iter().map(TableName::new).collect()))
    }
}

impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tables::All => f.write_str("all"),
            Tables::Some(names) => {
                let names: Vec<&str> = names.iter().map(TableName::as_str).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

/// How one table is synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRules {
    /// Who wins when both sides changed a row.
    pub policy: Policy,
    /// Columns that hold a stock: both sides' differences are added.
    pub counters: Vec<String>,
    /// Which way its changes travel.
    pub direction: Direction,
    /// Whether columns that only one side changed come together in one row.
    pub merge: bool,
    /// Columns that have a policy of their own.
    pub columns: BTreeMap<String, Policy>,
    /// The column in which the application says when it edited the row.
    pub updated_at: Option<String>,
    /// Whether every change of a lab waits for approval.
    pub always_review: bool,
}

impl TableRules {
    /// What of it decides disagreements.
    pub fn of_conflicts(&self) -> Rules {
        Rules {
            policy: self.policy,
            merge: self.merge,
            counters: self.counters.clone(),
            columns: self.columns.clone(),
            updated_at: self.updated_at.clone(),
            always_review: self.always_review,
        }
    }
}

impl Default for TableRules {
    fn default() -> Self {
        let Rules { policy, merge, counters, columns, updated_at, always_review } = Rules::default();
        let direction = Direction::Both;
        TableRules { policy, counters, direction, merge, columns, updated_at, always_review }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    #[test]
    fn every_word_is_read_back_as_written() {
        for word in Role::WORDS {
            assert_eq!(word.parse::<Role>().unwrap().to_string(), *word);
        }
        assert!("Lab".parse::<Role>().is_err());
    }

    #[test]
    fn tables_are_read_back_as_written() {
        for text in ["all", "inventory", "inventory,items"] {
            assert_eq!(text.parse::<Tables>().unwrap().to_string(), text);
        }
        assert!("".parse::<Tables>().is_err());
        assert!("a,,b".parse::<Tables>().is_err());
    }
}
