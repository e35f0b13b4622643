//! The same row edited at both ends: who wins, and that the loser is never lost.

use crate::harness::{Delivered, Family, Met, TestSite, server};

const SCHEMA: &str = "CREATE TABLE stock (id INT PRIMARY KEY, amount INT, note VARCHAR(20))";

fn family() -> Family<'static> {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let rows = "INSERT INTO stock VALUES (1, 10, 'old'), (2, 20, 'old'), (3, 30, 'old')";
    at(family.lab("lab-a"), -3600, rows);
    assert_eq!(family.deliver("lab-a"), Delivered::clean(3, 0, 0));
    family
}

/// Runs statements at a time of day that is some seconds away from now.
fn at(site: &TestSite<'_>, seconds: i64, statements: &str) {
    site.sql(&format!("SET timestamp = UNIX_TIMESTAMP(NOW(6)) + {seconds}; {statements}"));
}

fn row(site: &TestSite<'_>, id: u32) -> String {
    let row = site.query(&format!("SELECT id, amount, note FROM stock WHERE id = {id}"));
    row.into_iter().flatten().map(|cell| cell.unwrap_or("NULL".to_owned())).collect::<Vec<_>>().join(" ")
}

/// One column of the newest row of `conflict_log`.
fn met(family: &Family<'_>, column: &str) -> String {
    family.central.value(&format!("SELECT {column} FROM conflict_log ORDER BY id DESC LIMIT 1"))
}

#[test]
fn the_later_edit_wins_and_the_earlier_one_is_kept_whole() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    // The lab is later with row 1, the centre with row 2.
    at(central, -60, "UPDATE stock SET amount = 8 WHERE id = 1");
    at(lab, -30, "UPDATE stock SET amount = 7, note = 'lab' WHERE id = 1");
    at(lab, -60, "UPDATE stock SET note = 'lab' WHERE id = 2");
    at(central, -30, "UPDATE stock SET note = 'central' WHERE id = 2");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.updates, delivered.conflicts, delivered.parked), (2, 2, 0));
    assert_eq!((row(central, 1), row(central, 2)), ("1 7 lab".to_owned(), "2 20 central".to_owned()));
    assert_eq!(
        family.conflicts(),
        [
            Met::new("stock", "1", "changed", "decided", "lab"),
            Met::new("stock", "2", "changed", "decided", "central")
        ]
    );
    let rows = "SELECT before_row, central_row, lab_row FROM conflict_log ORDER BY id";
    let rows: Vec<String> = central.query(rows).into_iter().flatten().flatten().collect();
    let json =
        |id: u32, amount: u32, note: &str| format!(r#"{{"amount":"{amount}","id":"{id}","note":"{note}"}}"#);
    assert_eq!(
        rows,
        [
            json(1, 10, "old"),
            json(1, 8, "old"),
            json(1, 7, "lab"),
            json(2, 20, "old"),
            json(2, 20, "central"),
            json(2, 20, "lab")
        ]
    );
    assert_eq!(met(&family, "decided_by"), "rule: last-edit-wins");
    assert_eq!(met(&family, "site"), "lab-a");
    let name = met(&family, "bundle");
    assert!(name.starts_with("lab-a.central.") && name.ends_with(".0000000002.mule"), "{name}");
    let apart = "TIMESTAMPDIFF(SECOND, lab_time, central_time) BETWEEN 29 AND 31 AND decided_at IS NOT NULL";
    assert_eq!(met(&family, apart), "1");
}

#[test]
fn the_row_that_lost_can_be_written_back_from_the_log() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    at(lab, -60, "UPDATE stock SET amount = 5, note = 'it''s \u{1F40E}' WHERE id = 1");
    at(central, -30, "UPDATE stock SET amount = 6 WHERE id = 1");
    family.deliver("lab-a");
    central.sql(
        "UPDATE stock JOIN conflict_log ON record_id = stock.id SET
           amount = JSON_UNQUOTE(JSON_EXTRACT(lab_row, '$.amount')), stock.note = JSON_UNQUOTE(JSON_EXTRACT(lab_row, '$.note'))",
    );
    assert_eq!(row(central, 1), row(lab, 1));
}

#[test]
fn a_delete_meets_an_edit_and_an_edit_meets_a_delete() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    at(central, -60, "UPDATE stock SET amount = 1 WHERE id = 1; DELETE FROM stock WHERE id = 3");
    at(lab, -30, "DELETE FROM stock WHERE id = 1; UPDATE stock SET amount = 3 WHERE id = 3");
    at(lab, -60, "DELETE FROM stock WHERE id = 2");
    at(central, -30, "UPDATE stock SET amount = 2 WHERE id = 2");
    assert_eq!(family.deliver("lab-a").conflicts, 3);
    let mut conflicts = family.conflicts();
    conflicts.sort_by(|a, b| a.record.cmp(&b.record));
    assert_eq!(
        conflicts,
        [
            Met::new("stock", "1", "changed", "decided", "lab"),
            Met::new("stock", "2", "changed", "decided", "central"),
            Met::new("stock", "3", "missing", "decided", "lab"),
        ]
    );
    assert_eq!(central.value("SELECT GROUP_CONCAT(id, ':', amount ORDER BY id) FROM stock"), "2:2,3:3");
    // The deleted row is in the log: nothing is lost.
    let lost = central.value("SELECT central_row FROM conflict_log WHERE record_id = '1'");
    assert_eq!(lost, r#"{"amount":"1","id":"1","note":"old"}"#);
}

#[test]
fn an_edit_of_a_row_that_the_centre_deleted_later_stays_deleted_and_kept() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    at(lab, -60, "UPDATE stock SET amount = 3 WHERE id = 3");
    at(central, -30, "DELETE FROM stock WHERE id = 3");
    family.deliver("lab-a");
    assert_eq!(family.conflicts(), [Met::new("stock", "3", "missing", "decided", "central")]);
    assert_eq!(central.count("stock"), 2);
    assert_eq!(met(&family, "lab_row"), r#"{"amount":"3","id":"3","note":"old"}"#);
}

#[test]
fn two_sites_that_make_the_same_key_are_a_conflict_and_both_rows_are_kept() {
    let mut family = family();
    let lab_b = TestSite::new(server(), crate::harness::Role::Lab, "lab-b");
    lab_b.sql(SCHEMA);
    family.add(lab_b, &[]);
    let (central, lab_a, lab_b) = (&family.central, family.lab("lab-a"), family.lab("lab-b"));
    at(lab_a, -60, "INSERT INTO stock VALUES (7, 1, 'of a')");
    at(lab_b, -30, "INSERT INTO stock VALUES (7, 2, 'of b'), (8, 8, 'of b')");
    family.deliver("lab-a");
    assert_eq!(family.deliver("lab-b").conflicts, 1);
    assert_eq!(family.conflicts(), [Met::new("stock", "7", "exists", "decided", "lab")]);
    assert_eq!(row(central, 7), "7 2 of b");
    assert_eq!(met(&family, "CONCAT(site, central_row)"), r#"lab-b{"amount":"1","id":"7","note":"of a"}"#);
    // The same row made at both ends is no conflict.
    at(lab_a, -20, "INSERT INTO stock VALUES (8, 8, 'of b')");
    assert_eq!(family.deliver("lab-a").conflicts, 0);
}

#[test]
fn the_same_edit_at_both_ends_is_no_conflict() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("UPDATE stock SET amount = 5 WHERE id = 1; DELETE FROM stock WHERE id = 2");
    lab.sql("UPDATE stock SET amount = 5 WHERE id = 1; DELETE FROM stock WHERE id = 2");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 1));
    assert_eq!(family.conflicts(), []);
}

#[test]
fn a_clock_that_is_ahead_wins_nothing_and_waits_for_a_person() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("UPDATE stock SET amount = 8 WHERE id IN (1, 2)");
    at(lab, 7200, "UPDATE stock SET amount = 7 WHERE id = 1");
    lab.sql("SET timestamp = UNIX_TIMESTAMP('2035-01-01'); UPDATE stock SET amount = 7 WHERE id IN (2, 3)");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (0, 2));
    let expected = ["1", "2"].map(|id| Met::new("stock", id, "changed", "open", "central"));
    assert_eq!(family.conflicts(), expected);
    assert!(met(&family, "clock_note").contains("lab-a's clock is ahead"), "{}", met(&family, "clock_note"));
    assert_eq!(met(&family, "COALESCE(decided_by, decided_at)"), "NULL");
    // Where nobody else edited the row the clock does not matter.
    assert_eq!((row(central, 1), row(central, 3)), ("1 8 old".to_owned(), "3 7 old".to_owned()));
}

#[test]
fn a_row_with_a_date_of_2035_does_not_win_for_ever() {
    let mut family = family();
    let lab_b = TestSite::new(server(), crate::harness::Role::Lab, "lab-b");
    lab_b.sql(SCHEMA);
    family.add(lab_b, &[]);
    let (lab_a, lab_b) = (family.lab("lab-a"), family.lab("lab-b"));
    // lab-b has the same rows, as after a snapshot.
    lab_b.sql(
        "SET @packmule_silent = 1; INSERT INTO stock VALUES (1, 10, 'old'), (2, 20, 'old'), (3, 30, 'old')",
    );
    lab_a.sql("SET timestamp = UNIX_TIMESTAMP('2035-01-01'); UPDATE stock SET note = 'of 2035' WHERE id = 1");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 0));
    lab_b.sql("UPDATE stock SET note = 'of today' WHERE id = 1");
    assert_eq!(family.deliver("lab-b").parked, 1);
    assert_eq!(family.conflicts(), [Met::new("stock", "1", "changed", "open", "central")]);
    assert!(met(&family, "clock_note").contains("2035"), "{}", met(&family, "clock_note"));
}

#[test]
fn a_clock_that_fell_back_to_1970_loses_nothing_and_waits_for_a_person() {
    let mut family = family();
    let lab_b = TestSite::new(server(), crate::harness::Role::Lab, "lab-b");
    lab_b.sql(SCHEMA);
    family.add(lab_b, &[]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("SET timestamp = 60; UPDATE stock SET amount = 7 WHERE id IN (1, 2)");
    central.sql("UPDATE stock SET amount = 8 WHERE id = 1");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (0, 1));
    assert_eq!((row(central, 1), row(central, 2)), ("1 8 old".to_owned(), "2 7 old".to_owned()));
    assert_eq!(met(&family, "lab_row"), r#"{"amount":"7","id":"1","note":"old"}"#);
    let note = met(&family, "clock_note");
    assert!(note.starts_with("lab-a's clock has fallen back: it dates the edit 1 Jan 1970"), "{note}");
    // Nor does what it wrote lose to another lab, only because it has no date that could be believed.
    let lab_b = family.lab("lab-b");
    lab_b.sql("SET @packmule_silent = 1; INSERT INTO stock VALUES (2, 20, 'old')");
    at(lab_b, -86_400, "UPDATE stock SET amount = 6 WHERE id = 2");
    assert_eq!(family.deliver("lab-b").parked, 1);
    assert_eq!(row(central, 2), "2 7 old");
    let note = met(&family, "clock_note");
    assert!(note.starts_with("nobody knows when lab-a edited this row"), "{note}");
}

#[test]
fn at_the_same_microsecond_the_site_that_is_later_in_the_alphabet_wins() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let second = central.value("SELECT UNIX_TIMESTAMP() - 5");
    for site in [central, lab] {
        site.sql(&format!(
            "SET timestamp = {second}.25; UPDATE stock SET note = '{}' WHERE id = 1",
            site.name()
        ));
    }
    family.deliver("lab-a");
    assert_eq!(met(&family, "central_time = lab_time"), "1");
    assert_eq!(family.conflicts(), [Met::new("stock", "1", "changed", "decided", "lab")]);
    assert_eq!(row(central, 1), "1 20 lab-a".replace("20", "10"));
}

#[test]
fn a_row_that_was_at_the_centre_before_its_log_began_is_not_overwritten_by_an_older_edit() {
    let mut family = Family::new(server(), SCHEMA, &[]);
    let lab = TestSite::new(server(), crate::harness::Role::Lab, "lab-a");
    lab.sql(SCHEMA);
    family.add(lab, &[]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    // As a database put in by hand before packmule was set up.
    central.sql(
        "SET @packmule_silent = 1; INSERT INTO stock VALUES (1, 1, 'of the centre'), (2, 2, 'of the centre')",
    );
    at(lab, -86400, "INSERT INTO stock VALUES (1, 7, 'lab')");
    lab.sql("INSERT INTO stock VALUES (2, 7, 'lab')");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (1, 1));
    assert_eq!(
        family.conflicts(),
        [
            Met::new("stock", "1", "exists", "open", "central"),
            Met::new("stock", "2", "exists", "decided", "lab")
        ]
    );
    assert_eq!((row(central, 1), row(central, 2)), ("1 1 of the centre".to_owned(), "2 7 lab".to_owned()));
}

#[test]
fn import_says_how_many_conflicts_there_are_and_ends_well() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    at(central, -60, "UPDATE stock SET amount = 8 WHERE id IN (1, 2)");
    lab.sql("UPDATE stock SET amount = 7 WHERE id IN (1, 3)");
    at(lab, 3600, "UPDATE stock SET amount = 7 WHERE id = 2");
    family.export("lab-a");
    let stick = lab.path("stick");
    let stick = stick.to_str().unwrap();
    // A dry run meets the same, and leaves nothing.
    central.run(&["import", "--no-reply", "-n", stick]).ok().says("1 conflict").says("1 set aside");
    assert_eq!((family.conflicts().len(), row(central, 3)), (0, "3 30 old".to_owned()));
    central.run(&["import", "--no-reply", stick]).ok().says("1 conflict").says("1 set aside");
    assert_eq!((family.conflicts().len(), row(central, 3)), (2, "3 7 old".to_owned()));
    central.run(&["import", "--no-reply", "--strict", stick]).ok();
}
