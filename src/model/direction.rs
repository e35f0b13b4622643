//! Which way a table's changes travel.

use std::fmt;
use std::str::FromStr;

/// Which way a table's changes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From labs to the centre and from the centre to labs.
    Both,
    /// From labs to the centre only.
    Up,
    /// From the centre to labs only.
    Down,
}

impl Direction {
    /// Every word for a direction.
    pub const WORDS: &'static [&'static str] = &["both", "up", "down"];

    /// The word for it, the same in settings, cards, tables and messages.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Both => "both",
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Direction {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "both" => Ok(Direction::Both),
            "up" => Ok(Direction::Up),
            "down" => Ok(Direction::Down),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_as_written() {
        for word in Direction::WORDS {
            assert_eq!(word.parse::<Direction>().unwrap().to_string(), *word);
        }
        assert!("Up".parse::<Direction>().is_err());
    }
}
