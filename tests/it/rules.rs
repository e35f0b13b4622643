//! The centre's rules at work: columns that come together, stocks that add up, policies, clocks, and rows that wait.

use crate::harness::{Met, Round, TestSite};

const SCHEMA: &str = "
    CREATE TABLE stock (id INT PRIMARY KEY, amount INT UNSIGNED, note VARCHAR(20), place VARCHAR(20), seen DATETIME(3));
    CREATE TABLE spans (id INT PRIMARY KEY, low INT, high INT, CONSTRAINT span CHECK (low <= high));
    CREATE TABLE rooms (id INT PRIMARY KEY, code VARCHAR(10) UNIQUE);
    CREATE TABLE loans (id INT PRIMARY KEY, room INT NOT NULL, note VARCHAR(20), FOREIGN KEY (room) REFERENCES rooms (id))";
const TABLES: &[&str] = &["stock", "spans", "rooms", "loans"];
const COUNTED: &str = "[tables.stock]\ncounters = [\"amount\"]\n";

/// A centre and two labs that hold the same rows.
fn round(rules: &str) -> Round {
    let round = Round::with_settings(SCHEMA, &["lab-a", "lab-b"], TABLES, rules);
    round.central().sql(
        "INSERT INTO stock VALUES (1, 10, 'old', 'old', NULL), (2, 20, 'old', 'old', NULL); INSERT INTO spans VALUES (1, 1, 10); \
         INSERT INTO rooms VALUES (1, 'r1')",
    );
    round.go_round_all();
    round.go_round_all();
    round
}

/// Runs statements at a time of day that is some seconds away from now.
fn at(site: &TestSite<'_>, seconds: i64, statements: &str) {
    site.sql(&format!("SET timestamp = UNIX_TIMESTAMP(NOW(6)) + {seconds}; {statements}"));
}

fn row(site: &TestSite<'_>, id: u32) -> String {
    site.value(&format!("SELECT CONCAT_WS(' ', amount, note, place) FROM stock WHERE id = {id}"))
}

/// One column of the newest row of `conflict_log`.
fn met(round: &Round, column: &str) -> String {
    round.central().value(&format!("SELECT {column} FROM conflict_log ORDER BY id DESC LIMIT 1"))
}

#[test]
fn two_labs_that_take_from_one_stock_while_offline_leave_what_is_left() {
    let round = round(COUNTED);
    for lab in ["lab-a", "lab-b"] {
        round.lab(lab).sql("UPDATE stock SET amount = amount - 3 WHERE id = 1");
    }
    // Before it hears of it, a lab takes more, and the centre brings some.
    round.export("lab-b").ok();
    round.lab("lab-b").sql("UPDATE stock SET amount = amount - 1 WHERE id = 1");
    round.central().sql("UPDATE stock SET amount = amount + 4 WHERE id = 1");
    round.settle();
    assert_eq!(row(round.central(), 1), "7 old old");
    assert_eq!(met(&round, "decided_by"), "rule: counters");
    let rows = "SELECT CONCAT_WS(' ', site, status, outcome, JSON_EXTRACT(before_row, '$.amount'), JSON_EXTRACT(central_row, \
                '$.amount'), JSON_EXTRACT(lab_row, '$.amount'), JSON_EXTRACT(written_row, '$.amount')) FROM conflict_log ORDER BY id";
    let rows: Vec<String> = round.central().query(rows).into_iter().flatten().flatten().collect();
    assert_eq!(
        rows,
        [
            r#"lab-a decided merged "10" "14" "7" "11""#,
            r#"lab-b decided merged "10" "11" "7" "8""#,
            r#"lab-b decided merged "7" "8" "6" "7""#,
        ]
    );
}

#[test]
fn a_technicians_and_an_administrators_edit_of_other_columns_both_survive() {
    let round = round("");
    at(round.lab("lab-a"), -60, "UPDATE stock SET note = 'technician' WHERE id = 1");
    at(round.central(), -30, "UPDATE stock SET place = 'administrator' WHERE id = 1");
    // Nobody's clock matters for that.
    at(round.lab("lab-b"), 86_400, "UPDATE stock SET amount = 5 WHERE id = 1");
    round.settle();
    assert_eq!(row(round.lab("lab-a"), 1), "5 technician administrator");
    let merged = ["1", "1"].map(|id| Met::new("stock", id, "changed", "decided", "merged"));
    assert_eq!(round.family.conflicts(), merged);
    assert_eq!(met(&round, "decided_by"), "rule: merge");
    assert_eq!(met(&round, "JSON_UNQUOTE(JSON_EXTRACT(written_row, '$.place'))"), "administrator");
}

#[test]
fn each_policy_decides_what_is_left_and_every_lab_hears_of_it() {
    for (rules, row_then, status, outcome) in [
        ("policy = \"central-wins\"\n", "10 central old", "decided", "central"),
        ("policy = \"lab-wins\"\n", "10 lab old", "decided", "lab"),
        ("policy = \"review\"\n", "10 central old", "open", "central"),
        ("policy = \"review\"\ncolumns = { NOTE = \"lab-wins\" }\n", "10 lab old", "decided", "lab"),
        ("always_review = true\n", "10 central old", "open", "central"),
    ] {
        let round = round(&format!("[tables.stock]\n{rules}"));
        at(round.lab("lab-a"), -60, "UPDATE stock SET note = 'lab' WHERE id = 1");
        at(round.central(), -30, "UPDATE stock SET note = 'central' WHERE id = 1");
        round.settle();
        assert_eq!(round.family.conflicts(), [Met::new("stock", "1", "changed", status, outcome)], "{rules}");
        assert_eq!(row(round.lab("lab-a"), 1), row_then, "{rules}");
    }
}

#[test]
fn a_row_of_both_sides_columns_that_breaks_a_constraint_waits_and_touches_no_third_row() {
    let round = round("");
    at(
        round.lab("lab-a"),
        -60,
        "UPDATE spans SET low = 8 WHERE id = 1; UPDATE stock SET note = 'lab' WHERE id = 1",
    );
    at(
        round.central(),
        -30,
        "UPDATE spans SET high = 5 WHERE id = 1; UPDATE stock SET place = 'central' WHERE id = 1",
    );
    round.settle();
    let wanted = [
        Met::new("spans", "1", "value", "open", "central"),
        Met::new("stock", "1", "changed", "decided", "merged"),
    ];
    let mut conflicts = round.family.conflicts();
    conflicts.sort_by(|a, b| a.table.cmp(&b.table));
    assert_eq!(conflicts, wanted);
    assert_eq!(round.central().value("SELECT CONCAT_WS(' ', low, high) FROM spans"), "1 5");
    let lost = "SELECT CONCAT_WS(' ', JSON_EXTRACT(lab_row, '$.low'), note) FROM conflict_log WHERE table_name = 'spans'";
    let lost = round.central().value(lost);
    assert!(lost.starts_with("\"8\" the row made of both: ") && lost.contains("span"), "{lost}");
}

#[test]
fn what_a_stock_cannot_hold_waits_with_a_word_and_is_never_wrapped() {
    let round = round(COUNTED);
    at(
        round.central(),
        -60,
        "UPDATE stock SET amount = 2 WHERE id = 1; UPDATE stock SET amount = 4294967295 WHERE id = 2",
    );
    at(
        round.lab("lab-a"),
        -30,
        "UPDATE stock SET amount = 1 WHERE id = 1; UPDATE stock SET amount = 30 WHERE id = 2",
    );
    round.settle();
    let parked = ["1", "2"].map(|id| Met::parked("stock", id, "changed"));
    assert_eq!(round.family.conflicts(), parked);
    assert_eq!(
        (row(round.lab("lab-b"), 1), row(round.central(), 2)),
        ("2 old old".into(), "4294967295 old old".into())
    );
    let notes = "GROUP_CONCAT(note ORDER BY id SEPARATOR '; ')";
    assert_eq!(
        round.central().value(&format!("SELECT {notes} FROM conflict_log")),
        "amount would become -7, and its column ends at 0; \
         amount would become 4294967305, and its column ends at 4294967295"
    );
}

#[test]
fn later_edits_of_a_row_that_waits_join_it_and_no_state_is_lost() {
    let round = round("[tables.stock]\npolicy = \"review\"\n");
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("UPDATE stock SET note = 'central' WHERE id = 1");
    for note in ["first", "second", "third"] {
        lab.sql(&format!("UPDATE stock SET note = '{note}' WHERE id = 1"));
        round.family.deliver("lab-a");
    }
    assert_eq!(round.family.conflicts(), [Met::parked("stock", "1", "changed")]);
    let note = |name: &str| met(&round, &format!("JSON_UNQUOTE(JSON_EXTRACT({name}_row, '$.note'))"));
    assert_eq!(
        (note("before"), note("central"), note("lab")),
        ("old".into(), "central".into(), "third".into())
    );
    let earlier =
        "SELECT GROUP_CONCAT(JSON_UNQUOTE(JSON_EXTRACT(lab_row, '$.note')) ORDER BY id) FROM packmule_joined";
    assert_eq!(central.value(earlier), "first,second");
    // What was edited on the centre's own row is an edit like any other, and the rest still waits.
    round.settle();
    lab.sql("UPDATE stock SET place = 'fourth' WHERE id = 1");
    round.settle();
    assert_eq!(row(central, 1), "10 central fourth");
    assert_eq!(note("lab"), "third");
}

#[test]
fn everything_that_a_lab_wants_of_a_row_waits_in_one_line() {
    let round = round("[tables.stock]\nalways_review = true\ncounters = [\"amount\"]\n");
    let lab = round.lab("lab-a");
    lab.sql("UPDATE stock SET note = 'lab', amount = amount - 2 WHERE id = 1; INSERT INTO stock (id, note) VALUES (7, 'new')");
    round.settle();
    assert_eq!((row(lab, 1), lab.count("stock")), ("10 old old".to_owned(), 2));
    // The lab has heard that it waits, and goes on from the centre's row.
    lab.sql("UPDATE stock SET place = 'lab', amount = amount - 3 WHERE id = 1");
    round.settle();
    let mut conflicts = round.family.conflicts();
    conflicts.sort_by(|a, b| a.record.cmp(&b.record));
    assert_eq!(conflicts, ["1", "7"].map(|id| Met::parked("stock", id, "changed")));
    let wish = "SELECT CONCAT_WS(' ', action, JSON_EXTRACT(lab_row, '$.amount'), JSON_EXTRACT(lab_row, '$.note'), JSON_EXTRACT(lab_row, '$.place')) FROM conflict_log WHERE record_id = '1'";
    assert_eq!(round.central().value(wish), r#"UPDATE "5" "lab" "lab""#);
}

#[test]
fn a_row_that_did_not_fit_is_over_when_a_later_edit_of_it_does() {
    let round = round("");
    let lab = round.lab("lab-a");
    // The centre's room of that code is another one, and the lab's loan needs it.
    round.central().sql("INSERT INTO rooms VALUES (5, 'r9')");
    lab.sql("INSERT INTO rooms VALUES (2, 'r9'); INSERT INTO loans VALUES (1, 2, 'loan')");
    round.family.deliver("lab-a");
    let mut conflicts = round.family.conflicts();
    conflicts.sort_by(|a, b| a.table.cmp(&b.table));
    assert_eq!(conflicts, [Met::parked("loans", "1", "orphan"), Met::parked("rooms", "2", "unique")]);
    lab.sql("UPDATE rooms SET code = 'r2' WHERE id = 2; UPDATE loans SET note = 'again' WHERE id = 1");
    round.family.deliver("lab-a");
    let ended = "SELECT GROUP_CONCAT(status, ' ', outcome, ' ', decided_by ORDER BY id) FROM conflict_log";
    let one = "decided lab rule: a later edit of the row fits";
    assert_eq!(round.central().value(ended), format!("{one},{one}"));
    assert_eq!(round.central().value("SELECT CONCAT(note, room) FROM loans"), "again2");
    round.settle();
}

#[test]
fn the_applications_own_time_of_an_edit_decides_where_it_is_named() {
    let round = round("[tables.stock]\nupdated_at = \"seen\"\n");
    // East Africa's time of day: three hours ahead of UTC, which says nothing of the clock.
    let seen = |seconds: i64| format!("seen = SYSDATE(3) + INTERVAL {} SECOND", 3 * 3600 + seconds);
    let (earlier, middle, later) = (seen(-50), seen(-40), seen(-30));
    at(round.central(), 0, &format!("UPDATE stock SET note = 'central', {middle} WHERE id IN (1, 2)"));
    at(round.lab("lab-a"), -60, &format!("UPDATE stock SET note = 'lab', {later} WHERE id = 1"));
    at(round.lab("lab-a"), 60, &format!("UPDATE stock SET note = 'lab', {earlier} WHERE id = 2"));
    round.settle();
    assert_eq!(
        (row(round.lab("lab-b"), 1), row(round.lab("lab-a"), 2)),
        ("10 lab old".into(), "20 central old".into())
    );
}

#[test]
fn what_only_an_application_logged_is_no_conflict_once_the_lab_has_seen_the_others_edit() {
    let round = round(COUNTED);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let edit = |what: &str| {
        lab.sql(&format!(
            "SET @packmule_silent = 1; UPDATE stock SET {what} WHERE id = 1; \
             INSERT INTO sync_log (table_name, record_id, action) VALUES ('stock', '1', 'UPDATE')"
        ));
    };
    central.sql("UPDATE stock SET note = 'central' WHERE id = 1");
    round.go_round_all();
    edit("note = 'seen', amount = 9");
    round.settle();
    assert_eq!((row(central, 1), round.family.conflicts()), ("9 seen old".to_owned(), Vec::new()));
    // Unseen: the later edit wins, and no difference can be told.
    at(central, -60, "UPDATE stock SET note = 'central' WHERE id = 1");
    edit("note = 'unseen'");
    round.settle();
    at(central, -60, "UPDATE stock SET note = 'again' WHERE id = 1");
    edit("amount = 5");
    round.settle();
    let wanted = [Met::new("stock", "1", "changed", "decided", "lab"), Met::parked("stock", "1", "changed")];
    assert_eq!((row(central, 1), round.family.conflicts()), ("9 again old".to_owned(), wanted.into()));
    assert!(met(&round, "note").starts_with("amount cannot be added"), "{}", met(&round, "note"));
    // A word that the lab keeps is one that it has not followed, though it has the bundle.
    at(central, -60, "UPDATE stock SET note = 'kept' WHERE id = 1");
    edit("place = 'first'");
    round.bring_home("lab-a");
    central.run(&["export", round.stick("lab-a").to_str().unwrap()]).ok();
    round.bring_home("lab-a").ok();
    assert_eq!(lab.count("packmule_kept"), 1);
    round.settle();
    assert_eq!(round.family.conflicts().len(), 3);
}

#[test]
fn a_rule_that_cannot_be_followed_is_refused_by_name_before_anything_is_changed() {
    let round = round("");
    let central = round.central();
    let known = std::fs::read_to_string(central.config()).unwrap();
    round.lab("lab-a").sql("UPDATE stock SET note = 'lab' WHERE id = 1");
    round.export("lab-a").ok();
    let stick = round.stick("lab-a");
    for (rules, cause, hint) in [
        ("counters = [\"amonut\"]", "there is no column amonut in table stock", "did you mean \"amount\"?"),
        (
            "counters = [\"note\"]",
            "column note is varchar(20), and only whole numbers and DECIMAL",
            "out of `counters`",
        ),
        ("counters = [\"id\"]", "column id is part of the primary key", "out of this setting"),
        (
            "updated_at = \"place\"",
            "column place is varchar(20), and the time of an edit",
            "the log's own times",
        ),
        ("columns = { colour = \"review\" }", "there is no column colour", "out of this setting"),
        (
            "counters = [\"amount\"]\ncolumns = { amount = \"review\" }",
            "column amount is a counter",
            "out of this setting",
        ),
    ] {
        std::fs::write(central.config(), format!("{known}\n[tables.stock]\n{rules}\n")).unwrap();
        for arguments in [&["import", stick.to_str().unwrap()][..], &["tables"]] {
            central.run(arguments).code(10).says("tables.stock.").says(cause).says(hint);
        }
        central.run(&["doctor"]).code(20).says(cause).says(hint);
    }
    assert_eq!(row(central, 1), "10 old old");
    // A table that is not there stops no import; who sets it up is told.
    std::fs::write(central.config(), format!("{known}\n[tables.stocks]\npolicy = \"review\"\n")).unwrap();
    central.run(&["tables"]).code(10).says("there is no table stocks").says("did you mean \"stock\"?");
    central.run(&["import", stick.to_str().unwrap()]).ok();
    assert_eq!(row(central, 1), "10 lab old");
}

#[test]
fn an_edit_that_goes_on_from_one_that_waits_waits_with_it_whatever_it_is_of() {
    let round = round("[tables.stock]\npolicy = \"review\"\n");
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("UPDATE stock SET note = 'central' WHERE id = 1");
    lab.sql("UPDATE stock SET note = 'lab' WHERE id = 1");
    round.family.deliver("lab-a");
    // Nobody else has touched this column; but it was edited by somebody who saw the note that waits.
    lab.sql("UPDATE stock SET place = 'where the note says' WHERE id = 1");
    round.family.deliver("lab-a");
    assert_eq!(round.family.conflicts(), [Met::parked("stock", "1", "changed")]);
    assert_eq!(row(central, 1), "10 central old");
    let wish = "CONCAT_WS(' ', JSON_UNQUOTE(JSON_EXTRACT(lab_row, '$.note')), JSON_UNQUOTE(JSON_EXTRACT(lab_row, '$.place')))";
    assert_eq!(met(&round, wish), "lab where the note says");
    let id = met(&round, "id");
    central.run(&["conflicts", "approve", &id, "--by", "grace"]).ok();
    assert_eq!(row(central, 1), "10 lab where the note says");
    round.settle();
}
