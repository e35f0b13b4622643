//! Children that follow when their parent is called something else, and those that must not follow unseen.

use crate::harness::{Met, Round};

const SCHEMA: &str = "
    CREATE TABLE words (word VARCHAR(10) COLLATE utf8mb4_general_ci PRIMARY KEY, name VARCHAR(20),
      code VARCHAR(10) COLLATE utf8mb4_general_ci UNIQUE);
    CREATE TABLE uses (id INT PRIMARY KEY, word VARCHAR(10) COLLATE utf8mb4_general_ci, name VARCHAR(20),
      FOREIGN KEY (word) REFERENCES words (word) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE lets_go (id INT PRIMARY KEY, word VARCHAR(10) COLLATE utf8mb4_general_ci,
      FOREIGN KEY (word) REFERENCES words (word) ON UPDATE SET NULL);
    CREATE TABLE codes (id INT PRIMARY KEY, code VARCHAR(10) COLLATE utf8mb4_general_ci, name VARCHAR(20),
      FOREIGN KEY (code) REFERENCES words (code) ON UPDATE CASCADE)";
const TABLES: &[&str] = &["words", "uses", "lets_go", "codes"];

fn round() -> Round {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round.central().sql(
        "INSERT INTO words VALUES ('ape', 'x', 'c1'), ('bee', 'y', 'c2');
         INSERT INTO uses VALUES (1, 'ape', 'one'); INSERT INTO lets_go VALUES (1, 'ape');
         INSERT INTO codes VALUES (1, 'c1', 'one'), (2, 'c2', 'two')",
    );
    round.go_round_all();
    round.go_round_all();
    round
}

#[test]
fn children_that_follow_a_change_of_letters_are_logged_and_end_equal() {
    let round = round();
    for (site, word) in [(round.central(), "Ape"), (round.lab("lab-a"), "APE")] {
        site.sql(&format!("UPDATE words SET word = '{word}' WHERE word = 'ape'"));
        let log =
            "SELECT COUNT(*) FROM sync_log WHERE batch IS NULL AND table_name = 'uses' AND action = 'UPDATE'";
        assert_eq!((site.value("SELECT word FROM uses"), site.value(log)), (word.to_owned(), "1".to_owned()));
        assert_eq!(site.value("SELECT word FROM lets_go"), "NULL");
        round.settle();
        for other in [round.central(), round.lab("lab-a"), round.lab("lab-b")] {
            assert_eq!(other.value("SELECT word FROM uses"), word);
        }
    }
    assert_eq!(round.central().count("conflict_log"), 0);
}

#[test]
fn a_child_that_the_sender_has_not_seen_keeps_its_own_letters() {
    let round = round();
    let lab = round.lab("lab-a");
    lab.sql("INSERT INTO uses VALUES (2, 'APE', 'two'); INSERT INTO lets_go VALUES (2, 'APE')");
    round.central().sql("DELETE FROM lets_go WHERE id = 1; UPDATE words SET word = 'Ape' WHERE word = 'ape'");
    round.settle();
    assert_eq!(lab.value("SELECT GROUP_CONCAT(word ORDER BY id) FROM uses"), "Ape,APE");
    assert_eq!(lab.value("SELECT word FROM lets_go"), "APE");
    assert_eq!(lab.value("SELECT word FROM words WHERE name = 'x'"), "Ape");
}

#[test]
fn children_that_follow_another_column_than_the_key_come_with_their_parent() {
    let round = round();
    round.lab("lab-a").sql("UPDATE words SET code = 'new' WHERE word = 'ape'");
    // Edited in the same bundle as it followed: its base is the row before both.
    round.lab("lab-a").sql("UPDATE codes SET name = 'renamed' WHERE id = 1");
    round.settle();
    assert_eq!(round.lab("lab-b").value("SELECT CONCAT(code, name) FROM codes WHERE id = 1"), "newrenamed");
    assert_eq!(round.central().count("conflict_log"), 0);
}

#[test]
fn a_child_that_would_follow_unseen_stops_its_parent_s_change_and_all_end_equal() {
    let round = round();
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    a.sql("UPDATE words SET code = 'new' WHERE word = 'ape'");
    central.sql("INSERT INTO codes VALUES (3, 'c1', 'unseen')");
    b.sql("INSERT INTO codes VALUES (4, 'c2', 'of b')");
    round.go_round("lab-a");
    central.sql("UPDATE words SET code = 'other' WHERE word = 'bee'");
    round.settle();
    let conflicts =
        central.query("SELECT table_name, record_id, kind, status, outcome FROM conflict_log ORDER BY id");
    // With the parent's change the known child that had followed it is set aside, too.
    let met = [("words", "ape"), ("codes", "1"), ("codes", "4")];
    let met = met.map(|(table, record)| Met::parked(table, record, "orphan"));
    let met = met.map(|met| [met.table, met.record, met.kind, met.status, met.outcome].map(Some).to_vec());
    assert_eq!(conflicts, met);
    let codes = "SELECT GROUP_CONCAT(id, code ORDER BY id) FROM codes";
    assert_eq!(central.value(codes), "1c1,2other,3c1");
}
