//! Which keys a site gives to its new rows, so that two sites that cannot see each other never give the same.

use std::fmt;
use std::ops::RangeInclusive;

/// A site's own numbers among the keys that count up: its number, and from there on in steps as wide as there may be
/// sites. Of five sites, number 2 has 2, 7, 12, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    step: u16,
    number: u16,
}

impl Series {
    /// How many sites there may be where nobody says otherwise. More sites use up the keys of a small type sooner.
    pub const SITES_DEFAULT: u16 = 100;
    /// How many sites there may be: the servers take no more.
    pub const SITES: RangeInclusive<u16> = 2..=65_535;

    /// The series of site `number` where there may be `sites`. `None` where it would not be a series of its own: the
    /// servers ignore an offset that is larger than the increment.
    pub fn new(sites: u16, number: u16) -> Option<Self> {
        let fits = Series::SITES.contains(&sites) && (1..=sites).contains(&number);
        fits.then_some(Series { step: sites, number })
    }

    /// How far its numbers are apart: as far as there may be sites.
    pub fn step(self) -> u16 {
        self.step
    }

    /// Its first number, which is the site's.
    pub fn number(self) -> u16 {
        self.number
    }

    /// The two lines of a server's settings that make it give these numbers to new rows.
    pub fn my_cnf(self) -> [String; 2] {
        let Series { step, number } = self;
        [format!("auto_increment_increment = {step}"), format!("auto_increment_offset = {number}")]
    }

    /// The number that takes the place of `key`, counted from 1. A higher key has a higher place, none has the same
    /// as another, and none is lower than the key itself.
    pub fn place(self, key: u64) -> u128 {
        u128::from(key.saturating_sub(1)) * u128::from(self.step) + u128::from(self.number)
    }

    /// How many rows there is room for above the key `highest` in a column that holds numbers up to `max`.
    pub fn room(self, highest: u64, max: u64) -> u64 {
        max.saturating_sub(highest) / u64::from(self.step)
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}, ...", self.place(1), self.place(2), self.place(3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_sites_have_a_number_in_common() {
        let sites: Vec<Series> = (1..=5).map(|number| Series::new(5, number).unwrap()).collect();
        let mut numbers: Vec<u128> =
            sites.iter().flat_map(|site| (1..=20).map(|key| site.place(key))).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
        assert_eq!(sites[1].to_string(), "2, 7, 12, ...");
    }

    #[test]
    fn a_place_is_never_below_its_key_and_does_not_overflow() {
        let widest = Series::new(65_535, 65_535).unwrap();
        assert!(widest.place(u64::MAX) > u128::from(u64::MAX));
        for (sites, number) in [(2, 1), (2, 2), (100, 7)] {
            let series = Series::new(sites, number).unwrap();
            assert!((1..1000).all(|key| series.place(key) >= u128::from(key)), "{series}");
        }
    }

    #[test]
    fn a_number_above_the_number_of_sites_is_no_series() {
        for (sites, number) in [(100, 101), (100, 0), (1, 1), (0, 0)] {
            assert_eq!(Series::new(sites, number), None);
        }
    }

    #[test]
    fn room_is_counted_in_rows() {
        let series = Series::new(100, 2).unwrap();
        assert_eq!((series.room(0, 127), series.room(102, 127), series.room(200, 127)), (1, 0, 0));
        assert_eq!(series.room(1, u64::MAX), (u64::MAX - 1) / 100);
    }
}
