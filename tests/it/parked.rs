//! Rows that were set aside because they did not fit, and fit later: they are tried again by themselves, and all labs hear of it.

use crate::harness::{Met, Round, TestSite};

const SCHEMA: &str = "
    CREATE TABLE rooms (id INT PRIMARY KEY, name VARCHAR(20));
    CREATE TABLE shelves (id INT PRIMARY KEY, room INT NOT NULL, code VARCHAR(20) UNIQUE, note VARCHAR(20), amount INT,
      FOREIGN KEY (room) REFERENCES rooms (id));
    CREATE TABLE items (id INT PRIMARY KEY, shelf INT NOT NULL, name VARCHAR(20), FOREIGN KEY (shelf) REFERENCES shelves (id));";
const TABLES: &[&str] = &["rooms", "shelves", "items"];

/// Two labs and a centre with room 1, and shelf 1 in it.
fn round(settings: &str) -> Round {
    let round = Round::with_settings(SCHEMA, &["lab-a", "lab-b"], TABLES, settings);
    round
        .central()
        .sql("INSERT INTO rooms VALUES (1, 'old'); INSERT INTO shelves VALUES (1, 1, 's1', 'old', 10)");
    round.settle();
    round
}

/// A room that only this lab has, and that the centre never hears of.
fn hidden_room(lab: &TestSite<'_>, id: u32) {
    lab.sql(&format!("SET @packmule_silent = 1; INSERT INTO rooms VALUES ({id}, 'room {id}')"));
}

/// One column of every line, in their order.
fn lines(round: &Round, column: &str) -> String {
    round
        .central()
        .value(&format!("SELECT GROUP_CONCAT({column} ORDER BY id SEPARATOR '; ') FROM conflict_log"))
}

/// Rounds after which everybody has heard of everything; a room that only one lab has does not count.
fn go_rounds(round: &Round) {
    for _ in 0..3 {
        round.go_round_all();
    }
}

const ENDS: &str = "CONCAT_WS(' ', table_name, record_id, status, outcome, decided_by)";

/// A statement some seconds away from now.
fn at(site: &TestSite<'_>, seconds: i64, statements: &str) {
    site.sql(&format!("SET timestamp = UNIX_TIMESTAMP(NOW(6)) + {seconds}; {statements}"));
}

#[test]
fn a_row_fits_when_another_lab_brings_its_parent_and_all_labs_hear_of_it() {
    let round = round("");
    let lab = round.lab("lab-a");
    hidden_room(lab, 9);
    lab.sql("INSERT INTO shelves VALUES (5, 9, 's5', 'of a', 1)");
    round.export("lab-a").ok();
    round.visit("lab-a").ok().says("1 set aside").never_says("fits now");
    round.bring_home("lab-a").ok();
    assert_eq!(round.family.conflicts(), [Met::parked("shelves", "5", "orphan")]);
    assert_eq!((lab.count("shelves"), lines(&round, "note")), (1, "rooms has no row with id 9".to_owned()));
    // Until then nothing comes of it, however often.
    round.central().run(&["export", round.stick("lab-a").to_str().unwrap()]).ok().never_says("set aside");
    round.lab("lab-b").sql("INSERT INTO rooms VALUES (9, 'room 9')");
    round.export("lab-b").ok();
    round.visit("lab-b").ok().says("1 row that was set aside fits now.");
    assert_eq!(lines(&round, ENDS), "shelves 5 decided lab rule: it fits now");
    let kept = "CONCAT(central_row IS NULL, decided_at IS NOT NULL, written_row = lab_row)";
    assert_eq!(lines(&round, kept), "111");
    round.settle();
    assert_eq!(round.lab("lab-b").value("SELECT note FROM shelves WHERE id = 5"), "of a");
}

#[test]
fn a_row_fits_when_the_administrator_makes_its_parent_and_the_next_export_tells_it() {
    let round = round("");
    hidden_room(round.lab("lab-a"), 9);
    round.lab("lab-a").sql("INSERT INTO shelves VALUES (5, 9, 's5', 'of a', 1)");
    go_rounds(&round);
    round.central().sql("INSERT INTO rooms VALUES (9, 'room 9')");
    let stick = round.stick("lab-b");
    let stick = stick.to_str().unwrap();
    round.central().run(&["export", "--json", stick]).ok().says("\"fit\":1");
    round.bring_home("lab-b").ok();
    assert_eq!(round.lab("lab-b").value("SELECT note FROM shelves WHERE id = 5"), "of a");
    round.settle();
    assert_eq!(lines(&round, ENDS), "shelves 5 decided lab rule: it fits now");
}

#[test]
fn a_row_fits_when_the_holder_of_its_unique_value_is_gone_or_called_otherwise() {
    let round = round("");
    round.central().sql("INSERT INTO shelves VALUES (2, 1, 'x', 'central', 0), (3, 1, 'y', 'central', 0)");
    round.lab("lab-a").sql("INSERT INTO shelves VALUES (12, 1, 'x', 'lab', 0), (13, 1, 'y', 'lab', 0)");
    round.settle();
    assert_eq!(
        lines(&round, "note"),
        "code x belongs to row 2 of shelves here; code y belongs to row 3 of shelves here"
    );
    round.central().sql("DELETE FROM shelves WHERE id = 2");
    round.settle();
    round.lab("lab-b").sql("UPDATE shelves SET code = 'z' WHERE id = 3");
    round.settle();
    let one = |id| format!("shelves {id} decided lab rule: it fits now");
    assert_eq!(lines(&round, ENDS), format!("{}; {}", one(12), one(13)));
    let codes = "SELECT GROUP_CONCAT(id, code ORDER BY id) FROM shelves";
    assert_eq!(round.lab("lab-a").value(codes), "1s1,3z,12x,13y");
}

#[test]
fn a_value_fits_when_its_table_is_altered_and_is_not_tried_before() {
    let round = round("");
    let central = round.central();
    central.sql("ALTER TABLE shelves MODIFY note VARCHAR(5), ADD CONSTRAINT few CHECK (amount < 100)");
    round
        .lab("lab-a")
        .sql("INSERT INTO shelves VALUES (5, 1, 's5', 'a long note', 1), (6, 1, 's6', 'old', 200)");
    round.settle();
    let kinds = [Met::parked("shelves", "5", "value"), Met::parked("shelves", "6", "value")];
    assert_eq!(round.family.conflicts(), kinds);
    central.sql("ALTER TABLE shelves MODIFY note VARCHAR(20)");
    round.settle();
    assert_eq!(lines(&round, "status"), "decided; open");
    central.sql(match central.server().binary().flavour() {
        packmule::demo::Flavour::MariaDb => "ALTER TABLE shelves DROP CONSTRAINT few",
        packmule::demo::Flavour::MySql => "ALTER TABLE shelves DROP CHECK few",
    });
    round.settle();
    assert_eq!(lines(&round, "status"), "decided; decided");
    assert_eq!(
        round.lab("lab-b").value("SELECT GROUP_CONCAT(note ORDER BY id) FROM shelves"),
        "old,a long note,old"
    );
}

#[test]
fn what_is_tried_is_the_latest_that_the_lab_made_of_the_row() {
    let round = round("");
    let lab = round.lab("lab-a");
    hidden_room(lab, 9);
    lab.sql("INSERT INTO shelves VALUES (5, 9, 's5', 'first', 1)");
    round.family.deliver("lab-a");
    lab.sql("UPDATE shelves SET note = 'second', amount = 2 WHERE id = 5");
    round.family.deliver("lab-a");
    assert_eq!(round.family.conflicts(), [Met::parked("shelves", "5", "orphan")]);
    round.central().sql("INSERT INTO rooms VALUES (9, 'room 9')");
    round.settle();
    assert_eq!(lines(&round, ENDS), "shelves 5 decided lab rule: it fits now");
    assert_eq!(round.lab("lab-b").value("SELECT CONCAT(note, amount) FROM shelves WHERE id = 5"), "second2");
}

#[test]
fn a_row_that_the_centre_has_edited_since_is_judged_like_one_that_comes() {
    for (settings, edit, ends, row) in [
        ("", "amount = 7", "open central", "1 old 7"),
        ("", "amount = 7", "decided merged rule: it fits now, merge", "9 lab 7"),
        ("", "note = 'central'", "decided merged rule: it fits now, last-edit-wins", "9 central 10"),
        (
            "[tables.shelves]\nmerge = false\n",
            "note = 'central'",
            "decided central rule: last-edit-wins",
            "1 central 10",
        ),
        ("[tables.shelves]\npolicy = \"review\"\n", "note = 'central'", "open central", "1 central 10"),
    ] {
        let round = round(settings);
        let (central, lab) = (round.central(), round.lab("lab-a"));
        hidden_room(lab, 9);
        at(lab, -60, "UPDATE shelves SET room = 9, note = 'lab' WHERE id = 1");
        go_rounds(&round);
        central.sql(&format!("UPDATE shelves SET {edit} WHERE id = 1"));
        if ends != "open central" || settings.contains("review") {
            central.sql("INSERT INTO rooms VALUES (9, 'room 9')");
            round.settle();
        } else {
            go_rounds(&round);
        }
        assert_eq!(lines(&round, "CONCAT_WS(' ', status, outcome, decided_by)"), ends, "{settings} {edit}");
        let kind = if settings.contains("review") { "changed" } else { "orphan" };
        assert_eq!(lines(&round, "kind"), kind);
        let found = "SELECT CONCAT_WS(' ', room, note, amount) FROM shelves WHERE id = 1";
        assert_eq!((central.value(found), lab.value(found)), (row.to_owned(), row.to_owned()));
    }
}

#[test]
fn what_waits_for_what_waits_fits_in_one_go() {
    let round = round("");
    let (lab_a, lab_b) = (round.lab("lab-a"), round.lab("lab-b"));
    hidden_room(lab_a, 9);
    lab_a.sql("INSERT INTO shelves VALUES (5, 9, 's5', 'of a', 1); INSERT INTO items VALUES (1, 5, 'of a')");
    // Another lab has got hold of the shelf in another way, and its item waits for it, too.
    lab_b.sql("SET @packmule_silent = 1; INSERT INTO shelves VALUES (5, 1, 's5', 'x', 1)");
    lab_b.sql("INSERT INTO items VALUES (2, 5, 'of b')");
    round.go_round("lab-b");
    round.go_round("lab-a");
    assert_eq!(lines(&round, "CONCAT(site, ' ', table_name)"), "lab-b items; lab-a shelves; lab-a items");
    lab_b.sql("SET @packmule_silent = 1; DELETE FROM shelves WHERE id = 5");
    round.central().sql("INSERT INTO rooms VALUES (9, 'room 9')");
    round
        .central()
        .run(&["import", round.stick("lab-a").to_str().unwrap()])
        .ok()
        .says("3 rows that were set aside fit now.");
    assert_eq!(lines(&round, "status"), "decided; decided; decided");
    round.settle();
    assert_eq!(lab_b.value("SELECT GROUP_CONCAT(name ORDER BY id) FROM items"), "of a,of b");
}

#[test]
fn a_row_is_deleted_when_those_that_belong_to_it_are_gone() {
    let round = round("");
    round.central().sql("INSERT INTO items VALUES (1, 1, 'central')");
    round.lab("lab-a").sql("DELETE FROM shelves WHERE id = 1");
    round.settle();
    assert_eq!(round.family.conflicts(), [Met::parked("shelves", "1", "orphan")]);
    assert_eq!(round.lab("lab-a").count("shelves"), 1);
    round.lab("lab-b").sql("DELETE FROM items");
    round.settle();
    assert_eq!(lines(&round, ENDS), "shelves 1 decided lab rule: it fits now");
    assert_eq!(round.lab("lab-a").count("shelves") + round.central().count("shelves"), 0);
}

#[test]
fn rows_that_wait_for_each_other_and_a_third_fit_when_that_comes() {
    const CIRCLE: &str = "
        CREATE TABLE towns (id INT PRIMARY KEY);
        CREATE TABLE staff (id INT PRIMARY KEY, store INT, town INT, FOREIGN KEY (town) REFERENCES towns (id));
        CREATE TABLE stores (id INT PRIMARY KEY, chief INT NOT NULL, FOREIGN KEY (chief) REFERENCES staff (id));
        ALTER TABLE staff ADD FOREIGN KEY (store) REFERENCES stores (id)";
    let round = Round::new(CIRCLE, &["lab-a", "lab-b"], &["towns", "staff", "stores"]);
    round.settle();
    let lab = round.lab("lab-a");
    lab.sql("SET @packmule_silent = 1; INSERT INTO towns VALUES (3)");
    lab.sql(
        "INSERT INTO staff VALUES (1, NULL, 3); INSERT INTO stores VALUES (1, 1); UPDATE staff SET store = 1 WHERE id = 1",
    );
    round.go_round("lab-a");
    assert_eq!(round.family.conflicts().len(), 2);
    round.central().sql("INSERT INTO towns VALUES (3)");
    round.settle();
    assert_eq!(lines(&round, "status"), "decided; decided");
    assert_eq!(round.lab("lab-b").value("SELECT store FROM staff"), "1");
}

#[test]
fn a_line_says_what_is_still_in_the_way() {
    let round = round("");
    hidden_room(round.lab("lab-a"), 9);
    round.central().sql("INSERT INTO shelves VALUES (2, 1, 'x', 'central', 0)");
    round.lab("lab-a").sql("INSERT INTO shelves VALUES (12, 9, 'x', 'lab', 0)");
    round.go_round("lab-a");
    assert_eq!(lines(&round, "CONCAT(kind, ': ', note)"), "orphan: rooms has no row with id 9");
    round.central().sql("INSERT INTO rooms VALUES (9, 'room 9')");
    round.settle();
    assert_eq!(lines(&round, "CONCAT(kind, ': ', note)"), "unique: code x belongs to row 2 of shelves here");
    round.central().sql("UPDATE shelves SET code = NULL WHERE id = 2");
    round.settle();
    assert_eq!(lines(&round, ENDS), "shelves 12 decided lab rule: it fits now");
}

#[test]
fn a_decision_lets_what_waited_for_it_fit_and_a_person_may_have_all_tried() {
    let round = round("[tables]\nrooms = { always_review = true }\n");
    let (central, lab) = (round.central(), round.lab("lab-a"));
    lab.sql("INSERT INTO rooms VALUES (9, 'room 9'); INSERT INTO shelves VALUES (5, 9, 's5', 'of a', 1)");
    go_rounds(&round);
    assert_eq!(
        lines(&round, "CONCAT_WS(' ', table_name, kind, status)"),
        "rooms changed open; shelves orphan open"
    );
    central
        .run(&["conflicts", "retry", "-n"])
        .ok()
        .says("Nothing more fits.")
        .says("1 row that does not fit");
    let room = central.value("SELECT id FROM conflict_log WHERE table_name = 'rooms'");
    central
        .run(&["conflicts", "approve", &room, "--by", "grace"])
        .ok()
        .says("1 row that was set aside fits now.");
    assert_eq!(central.value("SELECT note FROM shelves WHERE id = 5"), "of a");
    central.run(&["conflicts", "retry"]).ok().says("Nothing waits because it did not fit.");
    lab.run(&["conflicts", "retry"]).code(2).says("this is done at the centre");
    round.settle();
}

#[test]
fn what_no_log_has_seen_is_tried_when_a_person_says_so() {
    let round = round("");
    let (central, lab) = (round.central(), round.lab("lab-a"));
    hidden_room(lab, 9);
    lab.sql("INSERT INTO shelves VALUES (5, 9, 's5', 'of a', 1)");
    go_rounds(&round);
    hidden_room(central, 9);
    hidden_room(round.lab("lab-b"), 9);
    central.run(&["conflicts", "retry", "--table", "items"]).ok().says("Nothing waits");
    central.run(&["conflicts", "retry", "--json"]).ok().says("\"fit\":1").says("packmule.conflicts-tried.v1");
    round.settle();
    assert_eq!(round.lab("lab-b").value("SELECT note FROM shelves WHERE id = 5"), "of a");
}
