//! Log rows that an application writes itself: `INSERT INTO sync_log (table_name, record_id, action)`.

use crate::harness::{Delivered, Family, Met, TestSite, assert_equal, server};

const SCHEMA: &str = "
    CREATE TABLE plain (id INT PRIMARY KEY, word VARCHAR(40));
    CREATE TABLE days (id DATE PRIMARY KEY, word VARCHAR(40));
    CREATE TABLE pair (a INT, b DATE, word VARCHAR(40), PRIMARY KEY (a, b))";
const TABLES: [&str; 3] = ["plain", "days", "pair"];

/// A family whose lab has no triggers at all: what its application logs is all there is.
fn without_triggers() -> Family<'static> {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let lab = family.lab("lab-a");
    lab.sql(
        "INSERT INTO plain VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO days VALUES ('2026-01-01', 'a');
         INSERT INTO pair VALUES (1, '2026-01-01', 'a')",
    );
    family.deliver("lab-a");
    let names =
        lab.query("SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()");
    for name in names.into_iter().flatten().flatten() {
        lab.sql(&format!("DROP TRIGGER {name}"));
    }
    family
}

fn log(lab: &TestSite<'_>, table: &str, record: &str, action: &str) {
    lab.sql(&format!(
        "INSERT INTO sync_log (table_name, record_id, action) VALUES ('{table}', '{record}', '{action}')"
    ));
}

#[test]
fn edits_that_only_an_application_logs_are_sent_and_are_clean() {
    let family = without_triggers();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE plain SET word = 'x' WHERE id = 1; DELETE FROM plain WHERE id = 2; INSERT INTO plain VALUES (4, 'd')");
    log(lab, "plain", "1", "UPDATE");
    log(lab, "plain", "2", "DELETE");
    log(lab, "plain", "4", "INSERT");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked, delivered.deletes), (0, 0, 1));
    assert_equal(lab, central, &TABLES);
}

#[test]
fn an_application_may_write_the_actions_in_lower_case() {
    let family = without_triggers();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE plain SET word = 'x' WHERE id = 1; DELETE FROM plain WHERE id = 2");
    log(lab, "plain", "1", "update");
    log(lab, "plain", "2", "Delete");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 1));
    assert_equal(lab, central, &TABLES);
}

#[test]
fn a_row_that_both_a_trigger_and_an_application_log_is_one_change() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    for (statement, record, action) in [
        ("INSERT INTO plain VALUES (1, 'a')", "1", "INSERT"),
        ("INSERT INTO plain VALUES (2, 'b')", "2", "INSERT"),
    ] {
        lab.sql(statement);
        log(lab, "plain", record, action);
    }
    assert_eq!(family.deliver("lab-a"), Delivered::clean(2, 0, 0));
    lab.sql("UPDATE plain SET word = 'x' WHERE id = 1");
    log(lab, "plain", "1", "UPDATE");
    log(lab, "plain", "2", "DELETE");
    lab.sql("DELETE FROM plain WHERE id = 2");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 1));
    assert_equal(lab, central, &TABLES);
}

#[test]
fn a_key_may_be_spelt_in_another_way_than_the_database_does() {
    let family = without_triggers();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE plain SET word = 'x'; UPDATE days SET word = 'x'; UPDATE pair SET word = 'x'");
    log(lab, "plain", "001", "UPDATE");
    log(lab, "plain", " 2", "UPDATE");
    log(lab, "plain", "+3", "UPDATE");
    log(lab, "days", "2026-1-1", "UPDATE");
    log(lab, "pair", "[1,\"2026-1-1\"]", "UPDATE");
    assert_eq!(family.deliver("lab-a").parked, 0);
    assert_equal(lab, central, &TABLES);
    lab.sql("DELETE FROM plain WHERE id = 1; DELETE FROM days; DELETE FROM pair");
    log(lab, "plain", "01", "DELETE");
    log(lab, "days", "2026-01-1", "DELETE");
    log(lab, "pair", "[\"1\", \"2026-01-1\"]", "DELETE");
    assert_eq!(family.deliver("lab-a").parked, 0);
    assert_equal(lab, central, &TABLES);
    assert_eq!(family.conflicts(), []);
}

#[test]
fn two_spellings_of_one_key_are_one_row() {
    let family = without_triggers();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE plain SET word = 'x'; UPDATE days SET word = 'y'");
    for record in ["1", "01", "001"] {
        log(lab, "plain", record, "UPDATE");
    }
    for record in ["2026-01-01", "2026-1-1", "20260101"] {
        log(lab, "days", record, "UPDATE");
    }
    log(lab, "plain", "2", "UPDATE");
    log(lab, "plain", "3", "UPDATE");
    assert_eq!(family.deliver("lab-a").parked, 0);
    assert_equal(lab, central, &TABLES);
    assert_eq!(family.conflicts(), []);
}

#[test]
fn a_log_row_that_means_nothing_stops_no_other() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    for (table, record) in [
        ("plain", "abc"),
        ("plain", ""),
        ("plain", "99999999999999999999"),
        ("plain", "12345"),
        ("days", "no day"),
        ("pair", "1"),
        ("pair", "[1]"),
        ("pair", "[1, \"2026-01-01\", 3]"),
        ("pair", "{}"),
    ] {
        log(lab, table, record, "UPDATE");
    }
    lab.sql("INSERT INTO plain VALUES (1, 'a')");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.inserts, delivered.conflicts, delivered.parked), (1, 0, 0));
    assert_equal(lab, central, &TABLES);
    assert_eq!(lab.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "0");
}

#[test]
fn a_log_row_of_a_table_that_is_not_synced_stays_where_it_is() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let lab = family.lab("lab-a");
    log(lab, "users", "1", "UPDATE");
    log(lab, "Plain", "1", "UPDATE");
    lab.sql("INSERT INTO plain VALUES (1, 'a')");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(1, 0, 0));
    assert_eq!(
        lab.value("SELECT GROUP_CONCAT(table_name ORDER BY id) FROM sync_log WHERE batch IS NULL"),
        "users,Plain"
    );
}

#[test]
fn an_edit_without_a_row_before_meets_an_edit_of_the_centre_as_a_conflict() {
    let family = without_triggers();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE plain SET word = 'lab' WHERE id = 1");
    log(lab, "plain", "1", "UPDATE");
    central.sql("UPDATE plain SET word = 'central' WHERE id = 1");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (1, 0));
    assert_eq!(family.conflicts(), [Met::new("plain", "1", "changed", "decided", "central")]);
    assert_eq!(central.value("SELECT word FROM plain WHERE id = 1"), "central");
    assert_eq!(central.value("SELECT lab_row FROM conflict_log"), r#"{"id":"1","word":"lab"}"#);
}

#[test]
fn a_row_that_a_lab_never_had_from_the_centre_is_not_overwritten_without_a_conflict() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    // Both had a row of this key before packmule came, and only the lab's application logged an edit of its own.
    central.sql("SET @packmule_silent = 1; INSERT INTO plain VALUES (5, 'of the centre')");
    lab.sql("SET @packmule_silent = 1; INSERT INTO plain VALUES (5, 'of the lab')");
    log(lab, "plain", "5", "UPDATE");
    assert_eq!(family.deliver("lab-a").conflicts, 1);
    assert_eq!(family.conflicts(), [Met::new("plain", "5", "changed", "decided", "lab")]);
    let kept = central.value("SELECT central_row FROM conflict_log");
    assert_eq!(kept, r#"{"id":"5","word":"of the centre"}"#);
}

#[test]
fn the_newest_edit_is_the_one_that_was_logged_last_whatever_its_clock_said() {
    let family = without_triggers();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql(
        "SET timestamp = UNIX_TIMESTAMP('2035-01-01'); UPDATE plain SET word = 'of 2035' WHERE id = 1;
         INSERT INTO sync_log (table_name, record_id, action) VALUES ('plain', '1', 'UPDATE')",
    );
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 0));
    central.sql("UPDATE plain SET word = 'of the centre' WHERE id = 1");
    // Not made on top of the centre's edit, which the lab has not seen.
    lab.sql("UPDATE plain SET word = 'of the lab' WHERE id = 1");
    log(lab, "plain", "1", "UPDATE");
    assert_eq!(family.deliver("lab-a").conflicts, 1);
    assert_eq!(central.value("SELECT central_row FROM conflict_log"), r#"{"id":"1","word":"of the centre"}"#);
}
