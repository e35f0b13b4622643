//! The bundles of the centre's ledger, page by page, the newest first.

use std::fmt;
use std::str::FromStr;

use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::sites::expect_central;
use crate::ledger::{self, BundlePlace, BundleRange, BundleRecord};
use crate::model::{Incarnation, Seq, Site, Stamp, StreamId};

/// Which way a bundle goes, as the centre sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading {
    /// From a lab to the centre.
    FromLab,
    /// From the centre to a lab.
    ToLab,
}

/// Which bundles are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BundleFilter {
    /// Only those from or for this lab.
    pub site: Option<Site>,
    /// Only those that go this way.
    pub heading: Option<Heading>,
}

/// A place between two pages of bundles. It stays where it is, whatever is sealed or applied meanwhile.
///
/// Its text goes into addresses and comes back from there: nobody who alters it sees more than the next page would show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleCursor(BundlePlace);

/// Some bundles, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundlePage {
    /// The bundles.
    pub bundles: Vec<BundleRecord>,
    /// Where the next page begins; `None` where there is nothing more.
    pub next: Option<BundleCursor>,
}

/// The bundles that the ledger knows, the newest first, behind `before` where there is one.
pub fn bundle_page(
    home: &mut Home<'_>,
    filter: &BundleFilter,
    before: Option<&BundleCursor>,
    limit: u64,
) -> Result<BundlePage, Error> {
    expect_central(home)?;
    let (here, lab) = (Some(home.here.site.clone()), filter.site.clone());
    let from_lab = BundleRange { from: lab.clone(), to: here.clone() };
    let to_lab = BundleRange { from: here, to: lab };
    let ranges = match (filter.heading, &filter.site) {
        (Some(Heading::FromLab), _) => vec![from_lab],
        (Some(Heading::ToLab), _) => vec![to_lab],
        (None, Some(_)) => vec![from_lab, to_lab],
        (None, None) => vec![BundleRange::default()],
    };
    let limit = limit.clamp(1, PAGE_MAX);
    // One more than is shown tells whether there is a next page.
    let mut bundles =
        ledger::bundles_before(&mut home.session, &ranges, before.map(|cursor| &cursor.0), limit + 1)?;
    let is_more = bundles.len() as u64 > limit;
    bundles.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = bundles.last().filter(|_| is_more).map(BundleCursor::behind);
    Ok(BundlePage { bundles, next })
}

impl BundleCursor {
    /// The place right behind a bundle.
    pub fn behind(record: &BundleRecord) -> Self {
        let BundleRecord { recorded_at, stream, seq, .. } = record;
        BundleCursor(BundlePlace { recorded_at: *recorded_at, stream: stream.clone(), seq: *seq })
    }
}

impl fmt::Display for BundleCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BundlePlace { recorded_at, stream, seq } = &self.0;
        let StreamId { from, incarnation, to } = stream;
        write!(f, "{}.{from}.{incarnation}.{to}.{seq}", recorded_at.micros())
    }
}

impl FromStr for BundleCursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let parts: Vec<&str> = text.split('.').collect();
        let &[micros, from, incarnation, to, seq] = parts.as_slice() else {
            return Err(ParseCursorError);
        };
        let micros: i64 = micros.parse().map_err(|_| ParseCursorError)?;
        // What no clock of a database says would not be a time there, either.
        if !(0..YEAR_10000_MICROS).contains(&micros) {
            return Err(ParseCursorError);
        }
        let stream = StreamId {
            from: from.parse().map_err(|_| ParseCursorError)?,
            incarnation: incarnation.parse::<Incarnation>().map_err(|_| ParseCursorError)?,
            to: to.parse().map_err(|_| ParseCursorError)?,
        };
        let seq: Seq = seq.parse().map_err(|_| ParseCursorError)?;
        Ok(BundleCursor(BundlePlace { recorded_at: Stamp::from_micros(micros), stream, seq }))
    }
}

/// A text that is no place between two pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the list of bundles")]
pub struct ParseCursorError;

/// How many bundles a page has at most.
const PAGE_MAX: u64 = 1000;
const YEAR_10000_MICROS: i64 = 253_402_300_800_000_000;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ledger::BundleState;
    use crate::model::{BundleKind, ChangeCounts, Digest};

    fn at(text: &str) -> Stamp {
        Stamp::from_sql(text).unwrap()
    }

    fn lab(name: &str) -> Site {
        name.parse().unwrap()
    }

    /// What is remembered of a bundle of lab-a.
    pub(in crate::engine) fn record(seq: u64) -> BundleRecord {
        let stream = StreamId {
            from: lab("lab-a"),
            incarnation: Incarnation::from_bytes([7; 16]),
            to: lab("central"),
        };
        BundleRecord {
            stream,
            seq: Seq::new(seq).unwrap(),
            digest: Digest::from_bytes([1; 32]),
            previous: None,
            continues: false,
            kind: BundleKind::Changes,
            state: BundleState::Applied,
            batch: None,
            size_bytes: 1,
            counts: ChangeCounts::default(),
            conflicts: 0,
            parked: 0,
            deferred: 0,
            sealed_at: at("2026-11-08 16:40:00"),
            recorded_at: at("2026-11-08 16:40:00.000001"),
            way: None,
            carried_at: None,
            confirmed_at: None,
        }
    }

    #[test]
    fn a_place_between_pages_is_read_back_as_written() {
        let cursor = BundleCursor::behind(&record(42));
        let text = cursor.to_string();
        assert_eq!(text, format!("1794156000000001.lab-a.{}.central.42", "07".repeat(16)));
        assert_eq!(text.parse(), Ok(cursor));
        for odd in [
            "",
            "1.lab-a",
            &text.replace("lab-a", "LAB"),
            &text.replace("179", "-179"),
            &format!("{text}.1"),
            &text.replace("1794", "999991794"),
        ] {
            assert_eq!(odd.parse::<BundleCursor>(), Err(ParseCursorError), "{odd}");
        }
    }
}
