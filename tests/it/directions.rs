//! Tables whose changes go one way only: up to the centre, or down to the labs.

use crate::harness::{Met, Role, Round, TestSite, server};

const SCHEMA: &str = "
    CREATE TABLE sorts (id INT PRIMARY KEY, name VARCHAR(20));
    CREATE TABLE visits (id INT PRIMARY KEY, note VARCHAR(20));
    CREATE TABLE items (id INT PRIMARY KEY, sort INT NOT NULL, name VARCHAR(20),
      FOREIGN KEY (sort) REFERENCES sorts (id))";
const SETTINGS: &str = "[tables.sorts]\ndirection = \"down\"\n[tables.visits]\ndirection = \"up\"\n";

/// The centre says what sorts there are, the labs send their visits, and items go both ways.
fn round() -> Round {
    let round = Round::with_settings(SCHEMA, &["lab-a", "lab-b"], &["sorts", "items"], SETTINGS);
    round.central().sql(
        "INSERT INTO sorts VALUES (1, 'scale'), (2, 'lamp'); INSERT INTO visits VALUES (1, 'of the centre');
         INSERT INTO items VALUES (1, 1, 'one')",
    );
    round.go_round_all();
    round.go_round_all();
    round
}

/// A column of all rows of a table, in the order of the key.
fn all(site: &TestSite<'_>, table: &str, column: &str) -> String {
    site.value(&format!("SELECT GROUP_CONCAT({column} ORDER BY id) FROM {table}"))
}

#[test]
fn a_table_that_goes_up_never_comes_down_not_even_by_a_snapshot() {
    let round = round();
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    assert_eq!((a.count("visits"), b.count("visits")), (0, 0));
    a.sql("INSERT INTO visits VALUES (2, 'of a')");
    b.sql("INSERT INTO visits VALUES (3, 'of b'), (1, 'one of b')");
    round.settle();
    // Made by the centre too: the later one wins there, and nobody else is told.
    assert_eq!(all(central, "visits", "note"), "one of b,of a,of b");
    assert_eq!(
        round.central().value("SELECT JSON_VALUE(central_row, '$.note') FROM conflict_log"),
        "of the centre"
    );
    central.sql("UPDATE visits SET note = 'corrected' WHERE id = 2; DELETE FROM visits WHERE id = 3");
    central.sql("UPDATE packmule_site SET wants_snapshot = 1");
    round.settle();
    assert_eq!(
        (all(a, "visits", "note"), all(b, "visits", "note")),
        ("of a".to_owned(), "one of b,of b".to_owned())
    );
    // Against the centre's correction the lab's edit is a conflict, and its own row stays whoever wins.
    a.sql("SET timestamp = 1000000000; UPDATE visits SET note = 'again' WHERE id = 2");
    round.settle();
    assert_eq!(
        (all(central, "visits", "note"), all(a, "visits", "note")),
        ("one of b,corrected".to_owned(), "again".to_owned())
    );
    assert_eq!(central.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL OR origin LIKE '>%'"), "0");
}

#[test]
fn what_a_lab_edits_in_a_table_that_comes_down_is_not_sent_and_blocks_nothing() {
    let round = round();
    let (central, a) = (round.central(), round.lab("lab-a"));
    a.sql("UPDATE sorts SET name = 'of a' WHERE id = 1; UPDATE items SET name = 'of a'; INSERT INTO sorts VALUES (9, 'of a')");
    round.go_round_all();
    assert_eq!(
        (all(central, "sorts", "name"), all(central, "items", "name")),
        ("scale,lamp".to_owned(), "of a".to_owned())
    );
    // Edited here, sealed or not: the centre's word is followed at once.
    a.sql("UPDATE sorts SET name = 'of a too' WHERE id = 2");
    central
        .sql("UPDATE sorts SET name = CONCAT(name, ' of the centre'); INSERT INTO sorts VALUES (9, 'nine')");
    round.export("lab-b").ok();
    round.visit("lab-a").ok();
    round.bring_home("lab-a").ok().never_says("kept");
    round.settle();
    assert_eq!(all(a, "sorts", "name"), "scale of the centre,lamp of the centre,nine");
    assert_eq!(central.count("conflict_log"), 0);
}

#[test]
fn an_item_of_a_sort_that_the_centre_does_not_know_comes_back_and_is_in_the_log() {
    let round = round();
    let (central, a) = (round.central(), round.lab("lab-a"));
    a.sql("INSERT INTO sorts VALUES (9, 'of a'); INSERT INTO items VALUES (9, 9, 'of a'), (2, 1, 'of a')");
    round.go_round_all();
    round.go_round_all();
    assert_eq!((all(central, "items", "id"), all(a, "items", "id")), ("1,2".to_owned(), "1,2".to_owned()));
    let met = central.query("SELECT table_name, record_id, kind, status, outcome FROM conflict_log");
    let wanted = Met::parked("items", "9", "orphan");
    assert_eq!(met, [[wanted.table, wanted.record, wanted.kind, wanted.status, wanted.outcome].map(Some)]);
}

#[test]
fn a_change_of_a_table_that_comes_down_is_answered_with_the_centre_s_row() {
    let round = round();
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    // The lab has not heard yet that this table comes down only.
    a.sql("UPDATE packmule_table SET direction = 'both'");
    a.sql("UPDATE sorts SET name = 'of a' WHERE id = 1; DELETE FROM sorts WHERE id = 2; INSERT INTO sorts VALUES (3, 'of a')");
    round.export("lab-a").ok();
    round.visit("lab-a").ok();
    round.bring_home("lab-a").ok();
    round.settle();
    for site in [central, a, b] {
        assert_eq!(all(site, "sorts", "name"), "scale,lamp", "{}", site.name());
    }
    let met = "SELECT GROUP_CONCAT(record_id, ' ', action, ' ', decided_by, ' ', outcome ORDER BY record_id SEPARATOR '; ') FROM conflict_log";
    let rule = "rule: direction = down central";
    assert_eq!(central.value(met), format!("1 UPDATE {rule}; 2 DELETE {rule}; 3 INSERT {rule}"));
    let kept = "SELECT COUNT(*) FROM conflict_log WHERE JSON_VALUE(lab_row, '$.name') = 'of a'";
    assert_eq!(central.value(kept), "2");
}

#[test]
fn adopted_rows_of_a_table_that_comes_down_make_way_and_are_in_the_lab_s_own_log() {
    const OWN: &str = "INSERT INTO sorts VALUES (1, 'scale'), (2, 'other'), (8, 'own'); INSERT INTO items VALUES (7, 2, 'of c')";
    for (options, adopts) in [(&[][..], false), (&["--adopt"][..], true)] {
        for exports_first in [false, true] {
            let mut round = round();
            let lab = TestSite::new(server(), Role::Lab, "lab-c");
            lab.sql(SCHEMA);
            lab.sql(OWN);
            round.family.add(lab, options);
            let lab = round.lab("lab-c");
            if exports_first {
                round.export("lab-c").ok();
            }
            let stick = round.stick("lab-c");
            round.central().run(&["export", stick.to_str().unwrap()]).ok();
            if !adopts {
                round.bring_home("lab-c").code(18).says("--adopt");
                assert_eq!(all(lab, "sorts", "name"), "scale,other,own");
                continue;
            }
            round.bring_home("lab-c").ok();
            assert_eq!(all(lab, "sorts", "name"), "scale,lamp");
            let met = "SELECT GROUP_CONCAT(record_id, ' ', action, ' ', lab_row, ' ', decided_by ORDER BY record_id SEPARATOR '; ') FROM conflict_log";
            let rule = "rule: direction = down";
            let wanted = format!(
                r#"2 INSERT {{"id":"2","name":"other"}} {rule}; 8 DELETE {{"id":"8","name":"own"}} {rule}"#
            );
            assert_eq!(lab.value(met), wanted);
            round.settle();
            assert_eq!(all(round.central(), "items", "name"), "one,of c");
        }
    }
}
