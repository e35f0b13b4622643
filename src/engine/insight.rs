//! What the centre can show of its labs: what each works with, how far behind it was, what it brought.
//!
//! All of it is only read, and each thing is asked once for all labs.

use std::collections::BTreeMap;

use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::sites::{expect_central, find};
use crate::ledger::{self, HeardDay, LabWords};
use crate::model::{ChangeCounts, Site, Stamp, TableName};

/// What a lab works with, as its newest applied bundle says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabFacts {
    /// Its program, such as `packmule 0.1.0`. Only the lab's word.
    pub program: Option<String>,
    /// The server of its database, such as `MariaDB 10.11.14`. Only the lab's word.
    pub server: Option<String>,
    /// How far its clock is ahead of the centre's, in milliseconds; less than 0 where it is behind.
    pub clock_ahead_ms: Option<i64>,
    /// When the centre applied the bundle that says so.
    pub told_at: Stamp,
}

/// How far behind the centre was with a lab on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayLag {
    /// Midnight UTC, when the day began.
    pub day: Stamp,
    /// How old the newest thing was, at the day's end, that had come from the lab; `None` before anything had.
    pub lag_hours: Option<u32>,
    /// How many bundles of the lab were applied on that day.
    pub bundles: u64,
}

/// What a lab's bundles brought of a table on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDay {
    /// Midnight UTC, when the day began.
    pub day: Stamp,
    /// The table.
    pub table: TableName,
    /// How many changes of each kind.
    pub counts: ChangeCounts,
}

/// What the labs work with. A lab from which nothing was applied since the centre has asked is not among them.
pub fn lab_facts(home: &mut Home<'_>) -> Result<BTreeMap<Site, LabFacts>, Error> {
    expect_central(home)?;
    if !ledger::knows_console(&mut home.session)? {
        return Ok(BTreeMap::new());
    }
    let facts = ledger::lab_words(&mut home.session)?.into_iter().map(|(site, words, told_at)| {
        let LabWords { program, server, clock_ahead_ms } = words;
        (site, LabFacts { program, server, clock_ahead_ms, told_at })
    });
    Ok(facts.collect())
}

/// How far behind the centre was with each enrolled lab on the last `days` days, the oldest first and today last.
pub fn lag_by_day(home: &mut Home<'_>, days: u32, now: Stamp) -> Result<BTreeMap<Site, Vec<DayLag>>, Error> {
    expect_central(home)?;
    let first = first_day(days, now);
    let here = home.here.site.clone();
    let before = ledger::heard_before(&mut home.session, &here, first)?;
    let heard = ledger::heard_by_day(&mut home.session, &here, first)?;
    let sites = home.sites.iter().map(|known| known.site.clone());
    Ok(lags(sites, &before, &heard, first, now))
}

/// What came from a lab on the last `days` days, by table; days on which nothing came are left out. The oldest day first.
pub fn rows_by_day(home: &mut Home<'_>, site: &Site, days: u32, now: Stamp) -> Result<Vec<TableDay>, Error> {
    expect_central(home)?;
    let site = find(home, site)?.site;
    if !ledger::knows_console(&mut home.session)? {
        return Ok(Vec::new());
    }
    let rows = ledger::day_counts(&mut home.session, &site, first_day(days, now))?;
    Ok(rows.into_iter().map(|(day, table, counts)| TableDay { day, table, counts }).collect())
}

/// Lays what was heard out over the days. What came once stays the newest thing until something newer comes, whatever a
/// lab's clock said in between.
fn lags(
    sites: impl Iterator<Item = Site>,
    before: &[(Site, Stamp)],
    heard: &[HeardDay],
    first: Stamp,
    now: Stamp,
) -> BTreeMap<Site, Vec<DayLag>> {
    let mut lags: BTreeMap<Site, (Option<Stamp>, Vec<DayLag>)> =
        sites.map(|site| (site, (None, Vec::new()))).collect();
    for (site, newest) in before {
        lags.entry(site.clone()).and_modify(|(known, _)| *known = Some(*newest));
    }
    let mut by_place: BTreeMap<(&Site, Stamp), &HeardDay> = BTreeMap::new();
    by_place.extend(heard.iter().map(|one| ((&one.site, one.day), one)));
    let days = (0..).map(|at| later(first, at)).take_while(|day| *day <= now);
    for day in days {
        let end = later(day, 1).min(now);
        for (site, (newest, lags)) in &mut lags {
            let today = by_place.get(&(site, day));
            *newest = (*newest).max(today.map(|one| one.newest));
            let lag_hours = newest.map(|newest| hours_between(newest, end));
            lags.push(DayLag { day, lag_hours, bundles: today.map_or(0, |one| one.bundles) });
        }
    }
    lags.into_iter().map(|(site, (_, lags))| (site, lags)).collect()
}

/// Midnight of the first of the last `days` days; today is one of them.
fn first_day(days: u32, now: Stamp) -> Stamp {
    let today = Stamp::from_micros(now.micros() - now.micros().rem_euclid(DAY_MICROS));
    later(today, 1 - i64::from(days.clamp(1, DAYS_MAX)))
}

fn later(day: Stamp, days: i64) -> Stamp {
    Stamp::from_micros(day.micros().saturating_add(days.saturating_mul(DAY_MICROS)))
}

/// How many whole hours lie between two moments; 0 where the second is not the later one.
fn hours_between(from: Stamp, to: Stamp) -> u32 {
    const HOUR_MICROS: i64 = 60 * 60 * 1_000_000;
    u32::try_from((to.micros().saturating_sub(from.micros()) / HOUR_MICROS).max(0)).unwrap_or(u32::MAX)
}

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
/// How many days can be asked for at once; no more is kept.
const DAYS_MAX: u32 = 400;

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60 * 1_000_000;

    fn at(text: &str) -> Stamp {
        Stamp::from_sql(text).unwrap()
    }

    fn lab(name: &str) -> Site {
        name.parse().unwrap()
    }

    #[test]
    fn the_lag_grows_day_by_day_and_falls_with_what_comes() {
        let now = at("2026-11-10 06:00:00");
        let first = first_day(4, now);
        assert_eq!(first, at("2026-11-07 00:00:00"));
        let heard = |site: &str, day: &str, newest: &str| HeardDay {
            site: lab(site),
            day: at(day),
            bundles: 2,
            newest: at(newest),
        };
        let heard = [
            heard("lab-a", "2026-11-08 00:00:00", "2026-11-08 20:30:00"),
            // Its clock had fallen back: what had come before is not older for that.
            heard("lab-a", "2026-11-09 00:00:00", "1970-01-01 00:00:01"),
            heard("lab-b", "2026-11-10 00:00:00", "2026-11-10 06:00:00"),
            // Nobody knows this one any more.
            heard("lab-x", "2026-11-10 00:00:00", "2026-11-10 06:00:00"),
        ];
        let before = [(lab("lab-a"), at("2026-11-06 12:00:00"))];
        let sites = ["lab-a", "lab-b", "lab-c"].map(lab).into_iter();
        let lags = lags(sites, &before, &heard, first, now);
        let told = |name: &str| -> Vec<(Option<u32>, u64)> {
            lags[&lab(name)].iter().map(|one| (one.lag_hours, one.bundles)).collect()
        };
        assert_eq!(told("lab-a"), [(Some(36), 0), (Some(3), 2), (Some(27), 2), (Some(33), 0)]);
        assert_eq!(told("lab-b"), [(None, 0), (None, 0), (None, 0), (Some(0), 2)]);
        assert_eq!(told("lab-c"), [(None, 0); 4]);
        assert_eq!(lags.len(), 3);
        assert_eq!(lags[&lab("lab-a")][3].day, at("2026-11-10 00:00:00"));
    }

    #[test]
    fn the_days_that_are_asked_for_are_those_that_are_kept_at_most() {
        let now = at("2026-11-10 00:00:00");
        assert_eq!((first_day(0, now), first_day(1, now)), (now, now));
        assert_eq!(first_day(u32::MAX, now), later(now, -399));
        assert_eq!(hours_between(now, Stamp::from_micros(now.micros() - 5 * HOUR)), 0);
        assert_eq!(hours_between(Stamp::from_micros(i64::MIN), Stamp::from_micros(i64::MAX)), 2_562_047_788);
    }
}
