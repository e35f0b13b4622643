//! Who takes part, and the three numbers that place a bundle: stream, incarnation, sequence.

use std::fmt;
use std::str::FromStr;

use crate::model::{bytes_from_hex, hex_from_bytes};

/// The name of a participant: 1 to 20 of `a-z 0-9 -`, so that it is a safe file name on every system. Names that Windows keeps for
/// devices are none: `con.central.7f3a9c21.0000000001.mule` is the console there, and no file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site(String);

impl Site {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Site {
    type Err = ParseSiteError;

    fn from_str(text: &str) -> Result<Self, ParseSiteError> {
        let fits = (1..=20).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !is_device(text);
        if fits { Ok(Site(text.to_owned())) } else { Err(ParseSiteError { text: text.to_owned() }) }
    }
}

/// Whether Windows takes a file of this name for a device, whatever follows behind a dot.
fn is_device(text: &str) -> bool {
    let is_port = |name: &str| {
        text.strip_prefix(name)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    ["con", "prn", "aux", "nul"].contains(&text) || is_port("com") || is_port("lpt")
}

/// A text that cannot be a site's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a site name: 1 to 20 of a-z, 0-9 and -, not starting with -, and not con, aux or another device of Windows"
)]
pub struct ParseSiteError {
    text: String,
}

/// What a site is: there is one centre, and there are labs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Decides conflicts and passes changes on.
    Central,
    /// Works on its own and exchanges changes with the centre.
    Lab,
}

impl Role {
    /// Every word for a role.
    pub const WORDS: &'static [&'static str] = &["lab", "central"];

    /// The word for it, the same in settings, cards, flags and messages.
    pub fn word(self) -> &'static str {
        match self {
            Role::Central => "central",
            Role::Lab => "lab",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, ParseRoleError> {
        match text {
            "central" => Ok(Role::Central),
            "lab" => Ok(Role::Lab),
            _ => Err(ParseRoleError),
        }
    }
}

/// A text that is neither `lab` nor `central`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a site is a lab or central")]
pub struct ParseRoleError;

/// The random id of one history of a site's database. A database put back from a backup goes on
/// under a new one, so that its numbers never meet those it has already used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation([u8; 16]);

impl Incarnation {
    /// Wraps 16 random bytes; the caller draws them.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Incarnation(bytes)
    }

    /// The first 8 hexadecimal digits, as file names show them.
    pub fn short(&self) -> String {
        hex_from_bytes(&self.0[..4])
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_from_bytes(&self.0))
    }
}

impl FromStr for Incarnation {
    type Err = ParseIncarnationError;

    fn from_str(text: &str) -> Result<Self, ParseIncarnationError> {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(ParseIncarnationError);
        }
        let bytes = bytes_from_hex(text).ok_or(ParseIncarnationError)?;
        Ok(Incarnation(bytes.try_into().map_err(|_| ParseIncarnationError)?))
    }
}

/// A text that is not 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an incarnation is 32 lower-case hexadecimal digits")]
pub struct ParseIncarnationError;

/// A bundle's place in its stream. Starts at 1 and never repeats within one incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// The first number of every stream.
    pub const FIRST: Seq = Seq(1);
    /// The highest number: it still fits the ten digits of a file name.
    pub const MAX: Seq = Seq(9_999_999_999);

    /// Returns the number, or `None` where it is 0 or beyond [`Seq::MAX`].
    pub fn new(number: u64) -> Option<Self> {
        (1..=Self::MAX.0).contains(&number).then_some(Seq(number))
    }

    /// The bare number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The number after this one, or `None` at the end of the series.
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Seq {
    type Err = ParseSeqError;

    fn from_str(text: &str) -> Result<Self, ParseSeqError> {
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseSeqError);
        }
        text.parse().ok().and_then(Seq::new).ok_or(ParseSeqError)
    }
}

/// A text that is not a number from 1 to 9999999999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a bundle's number is from 1 to 9999999999")]
pub struct ParseSeqError;

/// One stream: the ordered bundles from one history of a site to one other site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Who seals its bundles.
    pub from: Site,
    /// Which history of `from` they belong to.
    pub incarnation: Incarnation,
    /// Who applies them.
    pub to: Site,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_name_is_read_back_as_written() {
        for text in ["lab-a", "central", "0", "abcdefghijklmnopqrst"] {
            assert_eq!(text.parse::<Site>().unwrap().to_string(), text);
        }
        for text in ["", "Lab", "lab_a", "-lab", "abcdefghijklmnopqrstu", "lab a", "läb"] {
            assert!(text.parse::<Site>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_site_is_not_called_like_a_device_of_windows() {
        for text in ["con", "prn", "aux", "nul", "com0", "com9", "lpt1"] {
            assert!(text.parse::<Site>().is_err(), "{text}");
        }
        for text in ["cons", "con-1", "com", "com10", "comx", "lpt", "auxiliary"] {
            assert!(text.parse::<Site>().is_ok(), "{text}");
        }
    }

    #[test]
    fn an_incarnation_is_read_back_as_written() {
        let text = "7f3a9c21000102030405060708090a0b";
        let incarnation: Incarnation = text.parse().unwrap();
        assert_eq!(incarnation.to_string(), text);
        assert_eq!(incarnation.short(), "7f3a9c21");
        assert!("7F3a9c21000102030405060708090a0b".parse::<Incarnation>().is_err());
        assert!("7f3a".parse::<Incarnation>().is_err());
    }

    #[test]
    fn a_sequence_number_is_never_zero_and_never_signed() {
        assert_eq!("42".parse::<Seq>().unwrap().to_string(), "42");
        for text in ["0", "+1", "-1", "", "10000000000", "18446744073709551616"] {
            assert!(text.parse::<Seq>().is_err(), "{text:?}");
        }
        assert_eq!(Seq::MAX.next(), None);
    }
}
