//! The time of an edit, exact to the microsecond, always UTC.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime};

/// A moment in UTC, in microseconds since 1970. Covers every year that a `DATETIME` column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(i64);

impl Stamp {
    /// The time of an edit that nobody knows: the row was there before packmule. No log row has it by a clock.
    pub const UNKNOWN: Stamp = Stamp(0);

    /// The time itself, or `None` where nobody knows it.
    pub fn known(self) -> Option<Stamp> {
        (self != Stamp::UNKNOWN).then_some(self)
    }

    /// The same moment by a clock that is right, where the one that gave it was `ahead_micros` ahead.
    ///
    /// Stays within what a `DATETIME` column can hold, whatever a stranger says of a clock.
    pub fn corrected(self, ahead_micros: i64) -> Stamp {
        const END_OF_9999: i64 = 253_402_300_799_999_999;
        match self.known() {
            Some(Stamp(micros)) if ahead_micros != 0 => {
                Stamp(micros.saturating_sub(ahead_micros).clamp(1, END_OF_9999))
            }
            _ => self,
        }
    }

    /// The moment this many microseconds after 1970-01-01 00:00 UTC.
    pub fn from_micros(micros: i64) -> Self {
        Stamp(micros)
    }

    /// Microseconds since 1970-01-01 00:00 UTC.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Reads `2026-11-08 16:40:00.123456`, as a `DATETIME(6)` column prints it.
    pub fn from_sql(text: &str) -> Result<Self, ParseStampError> {
        let time =
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").map_err(|_| ParseStampError)?;
        Ok(Stamp(time.and_utc().timestamp_micros()))
    }

    /// Writes `2026-11-08 16:40:00.123456`, as a `DATETIME(6)` column takes it.
    pub fn to_sql(self) -> String {
        self.render("%Y-%m-%d %H:%M:%S%.6f")
    }

    /// Writes `8 Nov 2026 16:40`, for people.
    pub fn to_words(self) -> String {
        self.render("%-d %b %Y %H:%M")
    }

    /// Writes `8 Nov 2026`, for people who need no more.
    pub fn to_day(self) -> String {
        self.render("%-d %b %Y")
    }

    fn render(self, form: &str) -> String {
        match DateTime::from_timestamp_micros(self.0) {
            Some(time) => time.naive_utc().format(form).to_string(),
            None => "0000-00-00 00:00:00".to_owned(),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render("%Y-%m-%dT%H:%M:%S%.6fZ"))
    }
}

impl FromStr for Stamp {
    type Err = ParseStampError;

    fn from_str(text: &str) -> Result<Self, ParseStampError> {
        let bare = text.strip_suffix('Z').ok_or(ParseStampError)?;
        let time =
            NaiveDateTime::parse_from_str(bare, "%Y-%m-%dT%H:%M:%S%.f").map_err(|_| ParseStampError)?;
        Ok(Stamp(time.and_utc().timestamp_micros()))
    }
}

/// Says how far a clock is ahead, such as `2 h ahead` or `3 days behind`.
pub fn ahead_words(ahead_micros: i64) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "days"), (3600, "h"), (60, "min")];
    let seconds = ahead_micros.unsigned_abs() / 1_000_000;
    // Nobody sets a clock more exactly than that, and 2 h are not 119 min.
    let seconds = if seconds < 120 { seconds } else { (seconds + 30) / 60 * 60 };
    // Two of a unit at least: 90 min says more than 1 h.
    let unit = UNITS.iter().find(|(length, _)| seconds >= 2 * length).copied();
    let (length, unit) = unit.unwrap_or((1, "s"));
    let side = if ahead_micros < 0 { "behind" } else { "ahead" };
    format!("{} {unit} {side}", seconds / length)
}

/// A text that is not a UTC time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is written 2026-11-08T16:40:00.123456Z")]
pub struct ParseStampError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_back_as_written() {
        for text in
            ["1970-01-01T00:00:00.000000Z", "2035-06-30T23:59:59.999999Z", "1000-01-01T00:00:00.000001Z"]
        {
            let stamp: Stamp = text.parse().unwrap();
            assert_eq!(stamp.to_string(), text);
            assert_eq!(Stamp::from_sql(&stamp.to_sql()).unwrap(), stamp);
        }
        assert!("2026-11-08 16:40:00".parse::<Stamp>().is_err());
    }

    #[test]
    fn the_time_that_nobody_knows_is_no_time() {
        assert_eq!(Stamp::UNKNOWN.to_sql(), "1970-01-01 00:00:00.000000");
        assert_eq!(Stamp::from_sql("1970-01-01 00:00:00").unwrap().known(), None);
        assert_eq!(Stamp::from_micros(1).known(), Some(Stamp::from_micros(1)));
    }

    #[test]
    fn a_clock_that_was_off_is_set_right_and_stays_a_time() {
        let time = Stamp::from_sql("2026-11-08 16:40:00").unwrap();
        let hour = 3_600_000_000;
        assert_eq!(time.corrected(hour).to_sql(), "2026-11-08 15:40:00.000000");
        assert_eq!(time.corrected(-hour).to_sql(), "2026-11-08 17:40:00.000000");
        assert_eq!(Stamp::UNKNOWN.corrected(hour), Stamp::UNKNOWN);
        assert_eq!(time.corrected(i64::MAX).to_sql(), "1970-01-01 00:00:00.000001");
        assert_eq!(time.corrected(i64::MIN).to_sql(), "9999-12-31 23:59:59.999999");
    }

    #[test]
    fn how_far_a_clock_is_off_is_said_in_the_largest_unit_that_fits_twice() {
        let words = |seconds: i64| ahead_words(seconds * 1_000_000);
        assert_eq!(words(7199), "2 h ahead");
        assert_eq!((words(7250), words(-90)), ("2 h ahead".to_owned(), "90 s behind".to_owned()));
        assert_eq!((words(5400), words(-300_000)), ("90 min ahead".to_owned(), "3 days behind".to_owned()));
    }
}
