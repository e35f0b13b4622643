//! What the centre can show of its labs: what they say of themselves, how far behind they were, what they brought, and their bundles.

use std::collections::BTreeSet;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use packmule::config::Settings;
use packmule::engine::{
    self, BundleFilter, Heading, Home, SlotState, bundle_page, lab_facts, lag_by_day, rows_by_day, timeline,
};
use packmule::model::{ColumnKind, Site, Stamp};
use packmule::monitor::Silent;

use crate::harness::{Pair, TestSite, Villain, bundles_in, inserted, table};

/// Opens a site to look at it, and asks it something.
fn look<T>(site: &TestSite<'_>, ask: impl FnOnce(&mut Home<'_>) -> T) -> T {
    let settings = Settings::open(&site.config()).unwrap();
    let mut home = Home::look(&settings, &Silent).unwrap();
    ask(&mut home)
}

fn lab(name: &str) -> Site {
    name.parse().unwrap()
}

fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Stamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

/// The counts of a table over all days, as `insert update delete`.
fn sums(central: &TestSite<'_>, table: &str) -> String {
    central.value(&format!(
        "SELECT CONCAT_WS(' ', SUM(inserts), SUM(updates), SUM(deletes)) FROM packmule_day WHERE table_name = '{table}'"
    ))
}

#[test]
fn a_lab_says_what_it_works_with_and_what_it_brings_is_added_up_by_day() {
    let pair = Pair::new();
    let (central, a) = (pair.central(), pair.lab());
    assert_eq!(look(central, lab_facts).unwrap().len(), 0);
    a.sql("INSERT INTO shelves VALUES (1, 'a'), (2, 'b'); INSERT INTO items (shelf, name) VALUES (1, 'x')");
    pair.export().ok();
    central.run(&["import", "-n", pair.stick()]).ok();
    assert_eq!((central.count("packmule_day"), central.count("packmule_lab")), (0, 0), "a dry run");
    pair.import().ok();
    assert_eq!((sums(central, "shelves"), sums(central, "items")), ("2 0 0".into(), "1 0 0".into()));
    a.sql("DELETE FROM items; UPDATE shelves SET name = 'c' WHERE id = 1; DELETE FROM shelves WHERE id = 2");
    pair.exchange();
    pair.import().ok();
    assert_eq!((sums(central, "shelves"), sums(central, "items")), ("2 1 1".into(), "1 0 1".into()));
    let days = look(central, |home| rows_by_day(home, &lab("lab-a"), 2, now())).unwrap();
    assert!((2..=4).contains(&days.len()), "{days:?}");
    assert!(days.iter().all(|one| one.day.to_sql().ends_with(" 00:00:00.000000")), "{days:?}");
    let inserts: u64 = days.iter().map(|one| one.counts.inserts).sum();
    assert_eq!(inserts, 3);
    assert!(look(central, |home| rows_by_day(home, &lab("lab-z"), 2, now())).is_err(), "nobody of that name");
    let facts = look(central, lab_facts).unwrap().remove(&lab("lab-a")).unwrap();
    assert_eq!(facts.program.as_deref(), Some(concat!("packmule ", env!("CARGO_PKG_VERSION"))));
    let version = central.value("SELECT VERSION()");
    let (kind, number) =
        (if version.contains("MariaDB") { "MariaDB" } else { "MySQL" }, version.split('-').next());
    assert_eq!(facts.server, Some(format!("{kind} {}", number.unwrap())));
    assert_eq!(facts.clock_ahead_ms, None, "nobody has compared the clocks");
    assert!(facts.told_at <= now() && facts.told_at.micros() > now().micros() - 600_000_000);
    // Only the centre keeps such things.
    let refused = look(a, lab_facts).unwrap_err().to_string();
    assert_eq!(refused, "lab-a is a lab, and this is done at the centre");
}

#[test]
fn whatever_a_lab_says_of_itself_is_cut_and_takes_nothing_along() {
    let pair = Pair::new();
    let (central, a) = (pair.central(), pair.lab());
    let shelves = || table("shelves", &[("id", ColumnKind::Integer), ("name", ColumnKind::Text)]);
    let mut villain = Villain::new(a, central);
    villain.clock_offset_ms = Some(i64::MIN);
    villain.settings.insert("program".into(), format!("\u{1b}[2J{}", "\u{1F40E}".repeat(500_000)));
    villain.settings.insert("server".into(), "'); DROP TABLE shelves; -- \\".into());
    let stick = villain.put(&[(shelves(), vec![inserted(&["1", "of a"])])]);
    central.run(&["import", "--no-reply", stick.to_str().unwrap()]).ok();
    let facts = look(central, lab_facts).unwrap().remove(&lab("lab-a")).unwrap();
    assert_eq!(facts.program, Some(format!("?[2J{}", "?".repeat(36))));
    assert_eq!(facts.server.as_deref(), Some("'); DROP TABLE shelves; -- \\"));
    assert_eq!(facts.clock_ahead_ms, Some(i64::MIN));
    assert_eq!((central.count("shelves"), sums(central, "shelves")), (1, "1 0 0".to_owned()));
    // A clock that says anything makes no lag that is none.
    let lags = look(central, |home| lag_by_day(home, 1, now())).unwrap();
    assert_eq!(lags[&lab("lab-a")].last().unwrap().lag_hours, Some(0));
}

#[test]
fn the_lag_of_each_day_is_that_of_the_newest_thing_that_had_come() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    let (central, a) = (pair.central(), pair.lab());
    for number in 1..=3 {
        a.sql(&format!("INSERT INTO shelves VALUES ({number}, 'x')"));
        pair.exchange();
    }
    // As if they had come so.
    for (seq, sealed, came) in [
        (1, "2026-10-01 08:00:00", "2026-10-03 12:00:00"),
        (2, "2026-11-08 20:30:00", "2026-11-08 21:00:00"),
        // A clock that is ahead says nothing newer than now.
        (3, "2035-01-01 00:00:00", "2026-11-09 23:59:59.999999"),
    ] {
        central.sql(&format!(
            "UPDATE packmule_bundle SET sealed_at = '{sealed}', recorded_at = '{came}' WHERE seq = {seq} AND from_site = 'lab-a'"
        ));
    }
    let noon = Stamp::from_sql("2026-11-10 12:00:00").unwrap();
    let told = |days| -> Vec<(Option<u32>, u64)> {
        let lags = look(central, |home| lag_by_day(home, days, noon)).unwrap();
        assert_eq!(lags.len(), 2);
        assert!(lags[&lab("lab-b")].iter().all(|one| (one.lag_hours, one.bundles) == (None, 0)));
        lags[&lab("lab-a")].iter().map(|one| (one.lag_hours, one.bundles)).collect()
    };
    // From 1 October 8:00 to the end of 7 November: 37 days and 16 hours.
    assert_eq!(told(4), [(Some(37 * 24 + 16), 0), (Some(3), 1), (Some(0), 1), (Some(12), 0)]);
    assert_eq!(told(1), [(Some(12), 0)]);
    let all = told(40);
    assert_eq!((all[0], all[1]), ((None, 0), (Some(64), 1)), "2 October, and 3 October");
}

#[test]
fn a_timeline_shows_what_is_missing_and_how_far_each_answer_has_come() {
    let pair = Pair::new();
    let (central, a) = (pair.central(), pair.lab());
    let export = |number: u32| {
        a.sql(&format!("INSERT INTO shelves VALUES ({number}, 'x')"));
        let stick = a.stick(&format!("stick-{number}"));
        a.run(&["export", stick.to_str().unwrap()]).ok();
    };
    // Each stick holds all that has no receipt; the second one's second bundle is lost.
    export(1);
    pair.import();
    let first = a.stick("stick-1");
    central.run(&["import", "--no-reply", first.to_str().unwrap()]).ok();
    export(2);
    export(3);
    let third = a.stick("stick-3");
    for path in bundles_in(&third) {
        if path.to_str().unwrap().contains("0000000002") {
            fs::remove_file(path).unwrap();
        }
    }
    central.run(&["import", "--no-reply", third.to_str().unwrap()]).code(15);
    let states = |limit| -> Vec<(u64, SlotState, bool)> {
        let line = look(central, |home| timeline(home, &lab("lab-a"), limit)).unwrap();
        line.from_lab.iter().map(|slot| (slot.seq, slot.state, slot.record.is_some())).collect()
    };
    let (applied, missing, waiting) = (SlotState::Applied, SlotState::Missing, SlotState::Waiting);
    assert_eq!(states(9), [(1, applied, true), (2, missing, false), (3, waiting, false)]);
    assert_eq!(states(2), [(2, missing, false), (3, waiting, false)]);
    let answers = || -> Vec<(u64, SlotState)> {
        let line = look(central, |home| timeline(home, &lab("lab-a"), 9)).unwrap();
        line.to_lab.iter().map(|slot| (slot.seq, slot.state)).collect()
    };
    let before = answers();
    central.sql("INSERT INTO shelves VALUES (50, 'of the centre')");
    let (stick, last) = (central.stick("answer"), before.len() as u64 + 1);
    let settings = Settings::open(&central.config()).unwrap();
    engine::seal(&mut Home::work(&settings, &Silent).unwrap()).unwrap();
    assert_eq!(answers().last(), Some(&(last, SlotState::Sealed)));
    central.run(&["export", stick.to_str().unwrap()]).ok();
    assert_eq!(answers().last(), Some(&(last, SlotState::Carried)));
    a.run(&["import", stick.to_str().unwrap()]).ok();
    central.run(&["import", stick.to_str().unwrap()]).ok();
    assert_eq!(answers().iter().find(|(seq, _)| *seq == last), Some(&(last, SlotState::Confirmed)));
    assert_eq!(states(9).last(), Some(&(4, applied, true)), "the gap is closed");
    assert!(look(central, |home| timeline(home, &lab("lab-z"), 9)).is_err());
}

#[test]
fn pages_of_bundles_neither_skip_nor_repeat_whatever_is_sealed_meanwhile() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    let (central, a) = (pair.central(), pair.lab());
    let round = |number: u32| {
        a.sql(&format!("INSERT INTO shelves VALUES ({number}, 'x')"));
        pair.export().ok();
        central.run(&["import", pair.stick()]).ok();
    };
    (1..=3).for_each(round);
    // All at one moment: the key alone tells them apart.
    central.sql("UPDATE packmule_bundle SET recorded_at = '2026-11-08 12:00:00'");
    let filter = |site: Option<&str>, heading| BundleFilter { site: site.map(lab), heading };
    let walk = |filter: &BundleFilter, limit, meanwhile: &dyn Fn()| {
        let (mut names, mut before, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = look(central, |home| bundle_page(home, filter, before.as_ref(), limit)).unwrap();
            assert!(page.bundles.len() as u64 <= limit);
            names.extend(page.bundles.iter().map(|one| one.name().to_string()));
            pages += 1;
            meanwhile();
            let Some(next) = page.next else { return (names, pages) };
            // Through an address and back.
            before = Some(next.to_string().parse().unwrap());
        }
    };
    let all: u64 = central.count("packmule_bundle");
    assert!(all >= 7, "{all}");
    let (whole, pages) = walk(&filter(None, None), 1000, &|| ());
    assert_eq!((whole.len() as u64, pages), (all, 1));
    for limit in 1..=4 {
        let number = std::cell::Cell::new(100 * limit as u32);
        let meanwhile = || {
            number.set(number.get() + 1);
            if number.get() % 100 <= 2 {
                round(number.get());
            }
        };
        let (names, _) = walk(&filter(None, None), limit, &meanwhile);
        let (seen, before): (BTreeSet<_>, BTreeSet<_>) = (names.iter().collect(), whole.iter().collect());
        assert_eq!(seen.len(), names.len(), "twice in pages of {limit}: {names:?}");
        assert!(before.is_subset(&seen), "left out in pages of {limit}: {names:?}");
    }
    let count = |condition: &str| -> usize {
        central.value(&format!("SELECT COUNT(*) FROM packmule_bundle WHERE {condition}")).parse().unwrap()
    };
    for (site, heading, condition) in [
        (None, Some(Heading::FromLab), "to_site = 'central'"),
        (None, Some(Heading::ToLab), "from_site = 'central'"),
        (Some("lab-a"), None, "'lab-a' IN (from_site, to_site)"),
        (Some("lab-a"), Some(Heading::FromLab), "from_site = 'lab-a'"),
        (Some("lab-b"), Some(Heading::ToLab), "to_site = 'lab-b'"),
        (Some("lab-b"), Some(Heading::FromLab), "FALSE"),
    ] {
        let (names, _) = walk(&filter(site, heading), 2, &|| ());
        assert_eq!(names.len(), count(condition), "{condition}");
    }
    let (newest_first, _) = walk(&filter(Some("lab-a"), Some(Heading::FromLab)), 3, &|| ());
    assert!(newest_first.is_sorted_by(|one, next| one > next), "{newest_first:?}");
}

#[test]
fn a_centre_of_before_is_looked_at_as_it_is_and_brought_up_by_the_first_change() {
    let pair = Pair::new();
    let central = pair.central();
    let of_before = "DROP TABLE packmule_user, packmule_lab, packmule_day; \
                     DELETE FROM packmule_central_migration WHERE number = 4;";
    central.sql(of_before);
    central.sql("ALTER TABLE packmule_bundle DROP KEY newest, DROP KEY newest_from, DROP KEY newest_to");
    pair.edit();
    pair.export().ok();
    assert_eq!(look(central, lab_facts).unwrap().len(), 0);
    assert_eq!(look(central, |home| rows_by_day(home, &lab("lab-a"), 7, now())).unwrap(), []);
    assert_eq!(look(central, |home| lag_by_day(home, 7, now())).unwrap()[&lab("lab-a")].len(), 7);
    assert_eq!(look(central, engine::users).unwrap(), []);
    central.run(&["import", "-n", pair.stick()]).ok();
    central.run(&["users"]).ok();
    pair.import().ok();
    assert_eq!(look(central, lab_facts).unwrap().len(), 1);
    // A script that a crash has cut is run again from its beginning: its tables and keys are there.
    central.sql("DROP TABLE packmule_user; DELETE FROM packmule_central_migration WHERE number = 4");
    central.run(&["users", "list"]).ok();
    pair.edit();
    pair.exchange();
    assert_eq!((central.count("packmule_user"), central.count("packmule_lab")), (0, 1));
    central.run(&["doctor"]).ok();
}

#[test]
fn days_go_after_four_hundred_and_not_before() {
    let pair = Pair::new();
    let central = pair.central();
    let day = |ago| format!("('lab-a', DATE(UTC_TIMESTAMP()) - INTERVAL {ago} DAY, 'items', 1, 2, 3)");
    central.sql(&format!("INSERT INTO packmule_day VALUES {}, {}", day(399), day(402)));
    central.run(&["export", pair.stick()]).ok();
    assert_eq!(central.value("SELECT DATEDIFF(UTC_TIMESTAMP(), MIN(day)) FROM packmule_day"), "399");
    let kept = look(central, |home| rows_by_day(home, &lab("lab-a"), 400, now())).unwrap();
    assert_eq!(kept.len(), 1);
}
