//! Rows that were there before packmule: sent, and never taken for edits of a known time.

use crate::harness::{Delivered, Family, Met, Role, TestSite, server};

const SCHEMA: &str = "CREATE TABLE stock (id INT PRIMARY KEY, amount INT, note VARCHAR(20))";
const UNKNOWN: &str = "1970-01-01 00:00:00.000000";

/// A lab with these rows of its own from before packmule.
fn lab(name: &str, rows: &str) -> TestSite<'static> {
    let lab = TestSite::new(server(), Role::Lab, name);
    lab.sql(&format!("{SCHEMA}; INSERT INTO stock VALUES {rows}"));
    lab
}

fn note(family: &Family<'_>, record: &str) -> String {
    family.central.value(&format!("SELECT clock_note FROM conflict_log WHERE record_id = '{record}'"))
}

#[test]
fn adopted_rows_that_are_equal_are_no_conflict_and_different_ones_are_for_a_person() {
    let mut family = Family::new(server(), SCHEMA, &[]);
    family.central.sql("INSERT INTO stock VALUES (1, 1, 'same'), (2, 2, 'centre'), (3, 3, 'centre')");
    family.add(lab("lab-a", "(1, 1, 'same'), (2, 7, 'lab'), (3, 7, 'lab'), (4, 4, 'new')"), &["--adopt"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    assert_eq!(
        lab.value("SELECT GROUP_CONCAT(DISTINCT changed_at) FROM sync_log WHERE origin IS NULL"),
        UNKNOWN
    );
    // An edit that was made since then has a time, and wins by it.
    lab.sql("UPDATE stock SET amount = 8 WHERE id = 3");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.inserts, delivered.conflicts, delivered.parked), (4, 1, 1));
    assert_eq!(
        family.conflicts(),
        [
            Met::new("stock", "2", "exists", "open", "central"),
            Met::new("stock", "3", "exists", "decided", "lab")
        ]
    );
    let rows = "SELECT GROUP_CONCAT(id, ':', amount, ' ', note ORDER BY id) FROM stock";
    assert_eq!(central.value(rows), "1:1 same,2:2 centre,3:8 lab,4:4 new");
    assert_eq!(
        note(&family, "2"),
        "nobody knows when lab-a edited this row: it was there before packmule, or the clock was wrong"
    );
    assert_eq!(central.value("SELECT lab_time FROM conflict_log WHERE record_id = '2'"), "NULL");
    assert_eq!(central.value("SELECT central_time IS NULL FROM conflict_log WHERE record_id = '2'"), "0");
    // The centre passes the row on with the time that it came with.
    assert_eq!(central.value("SELECT changed_at FROM sync_log WHERE record_id = '4'"), UNKNOWN);
}

#[test]
fn an_edit_that_meets_another_labs_adopted_row_is_for_a_person_and_one_that_meets_the_centres_own_goes_by_time()
 {
    let central = TestSite::new(server(), Role::Central, "central");
    central.sql(&format!("{SCHEMA}; INSERT INTO stock VALUES (1, 1, 'centre'), (2, 2, 'centre')"));
    let url = central.url();
    let init = [
        "init",
        "--role",
        "central",
        "--site",
        "central",
        "--tables",
        "all",
        "--adopt",
        "--no-series",
        "--database",
    ];
    central.run(&[&init[..], &[&url]].concat()).ok().says("2 rows that were there already");
    let mut family = Family { central, labs: Vec::new() };
    family.add(lab("lab-a", "(5, 5, 'of a')"), &["--adopt"]);
    family.add(lab("lab-b", "(1, 7, 'of b')"), &[]);
    assert_eq!(family.deliver("lab-a"), Delivered::clean(1, 0, 0));
    let lab_b = family.lab("lab-b");
    lab_b.sql("UPDATE stock SET amount = 8; INSERT INTO stock VALUES (5, 8, 'of b')");
    // Before the centre's log began there was this row; lab-b has edited its own since then.
    lab_b.sql("SET timestamp = UNIX_TIMESTAMP() - 86400; INSERT INTO stock VALUES (2, 8, 'of b')");
    let delivered = family.deliver("lab-b");
    assert_eq!((delivered.conflicts, delivered.parked), (1, 2));
    assert_eq!(
        family.conflicts(),
        [
            Met::new("stock", "1", "changed", "decided", "merged"),
            Met::new("stock", "2", "exists", "open", "central"),
            Met::new("stock", "5", "exists", "open", "central"),
        ]
    );
    assert_eq!(
        note(&family, "5"),
        "nobody knows when lab-a edited this row: it was there before packmule, or the clock was wrong"
    );
    assert!(note(&family, "2").starts_with("edits here are logged since "), "{}", note(&family, "2"));
    let times = "SELECT COUNT(central_time), COUNT(lab_time) FROM conflict_log";
    assert_eq!(family.central.query(times), [["0", "3"].map(|count| Some(count.to_owned())).to_vec()]);
}
