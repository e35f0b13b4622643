//! The way back: the centre's changes and every lab's reach all other labs by sticks alone, and nothing echoes.

use crate::harness::{Round, SCHEMA};

const TABLES: &[&str] = &["shelves", "items"];

#[test]
fn a_change_of_one_lab_reaches_the_centre_and_the_other_lab() {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round.go_round_all();
    let (a, b) = (round.lab("lab-a"), round.lab("lab-b"));
    a.sql(
        "INSERT INTO shelves VALUES (1, 'of a'); INSERT INTO items (id, shelf, name) VALUES (1, 1, 'scale')",
    );
    round.go_round("lab-a");
    round.go_round("lab-b");
    assert_eq!(b.value("SELECT name FROM items WHERE id = 1"), "scale");
    b.sql("UPDATE items SET quantity = 5 WHERE id = 1");
    round.central().sql("INSERT INTO shelves VALUES (2, 'of the centre')");
    round.go_round("lab-b");
    round.go_round("lab-a");
    assert_eq!(a.value("SELECT quantity FROM items WHERE id = 1"), "5");
    a.sql("DELETE FROM items WHERE id = 1; UPDATE shelves SET name = 'again' WHERE id = 2");
    round.settle();
    assert_eq!(round.central().count("items"), 0);
    assert_eq!(round.central().count("conflict_log"), 0);
    // Nobody was told of what he did himself: after the first snapshot, lab-a got one insert and one update.
    let heard = "SELECT SUM(inserts), SUM(updates), SUM(deletes) FROM packmule_bundle WHERE state = 'applied' AND kind = 'changes'";
    assert_eq!(a.query(heard), [[Some("0".to_owned()), Some("2".to_owned()), Some("0".to_owned())]]);
}

#[test]
fn rounds_with_no_edit_make_no_bundles_after_the_first() {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round.lab("lab-a").sql("INSERT INTO shelves VALUES (1, 'one')");
    round.go_round_all();
    round.go_round_all();
    round.go_round_all();
    let sealed = |site: &crate::harness::TestSite<'_>| round.sealed(site);
    let before = [sealed(round.central()), sealed(round.lab("lab-a")), sealed(round.lab("lab-b"))];
    for _ in 0..4 {
        round.go_round_all();
    }
    let after = [sealed(round.central()), sealed(round.lab("lab-a")), sealed(round.lab("lab-b"))];
    assert_eq!(before, after);
    round.assert_all_equal();
}

#[test]
fn two_labs_that_edit_the_same_row_end_equal_and_the_loser_is_in_the_log() {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round.central().sql("INSERT INTO shelves VALUES (1, 'first')");
    round.go_round_all();
    round.lab("lab-a").sql("UPDATE shelves SET name = 'a says' WHERE id = 1");
    round.lab("lab-b").sql("UPDATE shelves SET name = 'b says' WHERE id = 1");
    round.settle();
    assert_eq!(round.central().value("SELECT name FROM shelves WHERE id = 1"), "b says");
    assert_eq!(round.central().count("conflict_log"), 1);
}

#[test]
fn a_row_with_changes_of_its_own_is_left_until_the_centre_has_answered_them() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (1, 'first'), (2, 'second')");
    round.go_round_all();
    round.go_round_all();
    round.export("lab-a").ok();
    central.sql("UPDATE shelves SET name = CONCAT(name, ' of the centre')");
    round.visit("lab-a").ok();
    // Edited after the export: the centre's words of these rows do not take that into account.
    lab.sql(
        "UPDATE shelves SET name = 'of the lab' WHERE id = 1; UPDATE shelves SET name = 'x' WHERE id = 2",
    );
    // Taken back before it is sealed: nobody will ever answer it.
    lab.sql("UPDATE shelves SET name = 'second' WHERE id = 2");
    round.bring_home("lab-a").ok().says("2 kept for later");
    assert_eq!(lab.value("SELECT name FROM shelves WHERE id = 1"), "of the lab");
    round.settle();
    assert_eq!(lab.value("SELECT name FROM shelves WHERE id = 2"), "second of the centre");
    assert_eq!(lab.value("SELECT name FROM shelves WHERE id = 1"), "of the lab");
    assert_eq!(central.count("conflict_log"), 1);
}

#[test]
fn a_table_that_the_centre_shares_later_reaches_the_labs_with_its_rows() {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], &["shelves", "items", "notes"]);
    const NOTES: &str = "CREATE TABLE notes (id INT PRIMARY KEY, body VARCHAR(40))";
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    [central, a, b].iter().for_each(|site| site.sql(NOTES));
    round.go_round_all();
    central.sql("INSERT INTO notes VALUES (1, 'of the centre'), (2, 'of the centre')");
    // Rows that nobody knows of: the centre's must not take their place unseen.
    b.sql("INSERT INTO notes VALUES (2, 'of b'), (3, 'of b alone')");
    central.run(&["tables", "add", "notes"]).ok();
    round.go_round("lab-a");
    assert_eq!(a.count("notes"), 2);
    a.sql("UPDATE notes SET body = 'of a' WHERE id = 1");
    round.export("lab-b").ok();
    round.visit("lab-b").ok();
    round.bring_home("lab-b").code(18).says("notes").says("--adopt");
    assert_eq!(b.count("notes"), 2);
    let (url, card) = (b.url(), b.path("lab.card"));
    let init = [
        "init",
        "--role",
        "lab",
        "--site",
        "lab-b",
        "--database",
        &url,
        "--card",
        card.to_str().unwrap(),
        "--adopt",
    ];
    b.run(&init).ok();
    round.settle();
    assert_eq!(central.value("SELECT body FROM notes WHERE id = 3"), "of b alone");
    assert_eq!(central.value("SELECT body FROM notes WHERE id = 1"), "of a");
    let lost = "SELECT COUNT(*) FROM conflict_log WHERE table_name = 'notes' AND CONCAT(central_row, lab_row) LIKE '%of b%'";
    assert_eq!(central.value(lost), "1");
    central.run(&["tables", "remove", "notes"]).ok();
    central.sql("INSERT INTO shelves VALUES (77, 'last')");
    round.go_round_all();
    round.go_round_all();
    assert_eq!(a.value("SELECT COUNT(*) FROM packmule_table"), "2");
    let triggers = "SELECT COUNT(*) FROM information_schema.triggers WHERE event_object_table = 'notes' AND trigger_schema = DATABASE()";
    assert_eq!(a.value(triggers), "0");
}
