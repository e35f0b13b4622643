//! Labs whose clocks are wrong: what is known of them decides nothing wrongly, and a person can see it.

use crate::harness::{Family, Met, TestSite, server};

const SCHEMA: &str = "CREATE TABLE stock (id INT PRIMARY KEY, amount INT)";

fn family() -> Family<'static> {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    family.lab("lab-a").sql("INSERT INTO stock VALUES (1, 10), (2, 20), (3, 30)");
    family.deliver("lab-a");
    family
}

/// Runs statements so many seconds from now, by the clock that dates edits.
fn at(site: &TestSite<'_>, seconds: i64, statements: &str) {
    site.sql(&format!("SET timestamp = UNIX_TIMESTAMP(SYSDATE(6)) + ({seconds}); {statements}"));
}

/// What a contact with the centre leaves behind: the lab's clock is so many seconds ahead.
fn compared(lab: &TestSite<'_>, seconds: i64, measured: &str) {
    lab.sql(&format!(
        "REPLACE INTO packmule_clock VALUES (1, {seconds} * 1000000, 1000, UTC_TIMESTAMP(6) + INTERVAL {measured})"
    ));
}

fn amounts(family: &Family<'_>) -> String {
    family.central.value("SELECT GROUP_CONCAT(amount ORDER BY id) FROM stock")
}

#[test]
fn edits_of_a_clock_that_was_compared_are_dated_right_whether_it_is_ahead_or_behind() {
    const OFF: i64 = 7200;
    for (off, side, than) in [(OFF, "2 h ahead", "of central's"), (-OFF, "2 h behind", "central's")] {
        let family = family();
        let (central, lab) = (&family.central, family.lab("lab-a"));
        compared(lab, off, "-1 SECOND");
        // The lab edits first the one, then the other row of those that the centre edits ten minutes ago.
        at(lab, off - 1200, "UPDATE stock SET amount = 7 WHERE id = 1");
        at(lab, off - 300, "UPDATE stock SET amount = 7 WHERE id = 2");
        at(central, -600, "UPDATE stock SET amount = 8 WHERE id IN (1, 2)");
        lab.run(&["status"]).ok().says(&format!("{side} {than}, corrected"));
        assert_eq!(family.deliver("lab-a").conflicts, 2);
        assert_eq!(amounts(&family), "8,7,30", "{side}");
        let wanted = [("1", "central"), ("2", "lab")];
        assert_eq!(
            family.conflicts(),
            wanted.map(|(id, outcome)| Met::new("stock", id, "changed", "decided", outcome))
        );
        let note = central.value("SELECT GROUP_CONCAT(DISTINCT clock_note) FROM conflict_log");
        assert_eq!(note, format!("lab-a's clock is {side}; its times are corrected"));
        // What other labs and later conflicts are told is the centre's time.
        let logged = "SELECT ABS(TIMESTAMPDIFF(SECOND, changed_at, UTC_TIMESTAMP(6))) FROM sync_log WHERE origin = 'lab-a' AND record_id = '2' ORDER BY id DESC LIMIT 1";
        let seconds: u64 = central.value(logged).parse().unwrap();
        assert!((295..400).contains(&seconds), "{seconds}");
    }
}

#[test]
fn a_clock_that_was_put_back_since_it_was_compared_is_not_corrected() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    compared(lab, 7200, "2 HOUR");
    at(lab, -300, "UPDATE stock SET amount = 7 WHERE id = 1");
    at(central, -600, "UPDATE stock SET amount = 8 WHERE id = 1");
    family.deliver("lab-a");
    assert_eq!(amounts(&family), "7,20,30");
    assert_eq!(central.value("SELECT COUNT(clock_note) FROM conflict_log"), "0");
}

#[test]
fn a_clock_that_is_ahead_after_all_corrections_still_wins_nothing() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    compared(lab, -7200, "-1 SECOND");
    at(lab, 0, "UPDATE stock SET amount = 7 WHERE id = 1");
    at(central, -600, "UPDATE stock SET amount = 8 WHERE id = 1");
    assert_eq!(family.deliver("lab-a").parked, 1);
    assert_eq!(amounts(&family), "8,20,30");
    let note = central.value("SELECT clock_note FROM conflict_log");
    assert!(note.contains("lab-a's clock is ahead"), "{note}");
}
