//! What the triggers log, and what one seal makes of it.

use crate::harness::{Delivered, Family, Pair, TestSite, assert_equal, server};

const SCHEMA: &str = "
    CREATE TABLE plain (id INT PRIMARY KEY, word VARCHAR(40), number INT);
    CREATE TABLE pair (a INT, b VARCHAR(20), word VARCHAR(40), PRIMARY KEY (a, b));
    CREATE TABLE bytes (id BINARY(16) PRIMARY KEY, word VARCHAR(40));
    CREATE TABLE uuid (id CHAR(36) PRIMARY KEY, word VARCHAR(40));
    CREATE TABLE word (id VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, number INT)";
const TABLES: [&str; 5] = ["plain", "pair", "bytes", "uuid", "word"];

/// What the lab's log says of a table, less what is sealed: record, action and whether a row before is known.
fn log(lab: &TestSite<'_>, table: &str) -> Vec<String> {
    let rows = lab.query(&format!(
        "SELECT CONCAT(action, ' ', record_id, IF(before_row IS NULL, ' unknown', '')) FROM sync_log \
         WHERE table_name = '{table}' AND batch IS NULL ORDER BY id"
    ));
    rows.into_iter().flatten().flatten().collect()
}

#[test]
fn rows_with_composite_binary_and_text_keys_are_inserted_updated_and_deleted() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql(
        "INSERT INTO plain VALUES (1, 'a', 1), (-5, 'b', NULL);
         INSERT INTO pair VALUES (1, 'x', 'a'), (1, 'y', 'b'), (2, 'x \\' \" \\\\ [', 'c');
         INSERT INTO bytes VALUES (x'00112233445566778899AABBCCDDEEFF', 'a'), (x'00', 'b'), (x'5C275C22', 'c');
         INSERT INTO uuid VALUES ('6ccd780c-baba-1026-9564-5b8c656024db', 'a'), ('', 'b');
         INSERT INTO word VALUES ('abc', 1), ('\u{e9}t\u{e9}', 2), ('\u{1F40E}', 3)",
    );
    assert_eq!(family.deliver("lab-a"), Delivered::clean(13, 0, 0));
    assert_equal(lab, central, &TABLES);

    lab.sql(
        "UPDATE plain SET number = 7; UPDATE pair SET word = CONCAT(word, '!'); UPDATE bytes SET word = NULL;
         UPDATE uuid SET word = 'z'; UPDATE word SET number = number + 1",
    );
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 13, 0));
    assert_equal(lab, central, &TABLES);

    lab.sql("DELETE FROM plain; DELETE FROM pair; DELETE FROM bytes; DELETE FROM uuid; DELETE FROM word");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 0, 13));
    assert_equal(lab, central, &TABLES);
    assert_eq!(central.count("pair"), 0);
}

#[test]
fn a_key_is_logged_as_plain_text_as_a_json_array_or_as_hexadecimal_digits() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let lab = family.lab("lab-a");
    lab.sql(
        "INSERT INTO plain VALUES (7, '', 0); INSERT INTO pair VALUES (7, 'x \"y\"', '');
         INSERT INTO bytes VALUES (x'00112233445566778899AABBCCDDEEFF', ''); INSERT INTO word VALUES ('a b', 0)",
    );
    assert_eq!(log(lab, "plain"), ["INSERT 7"]);
    assert_eq!(log(lab, "pair"), [r#"INSERT ["7", "x \"y\""]"#]);
    assert_eq!(log(lab, "bytes"), ["INSERT 00112233445566778899AABBCCDDEEFF"]);
    assert_eq!(log(lab, "word"), ["INSERT a b"]);
}

#[test]
fn an_update_that_changes_the_key_is_a_delete_and_an_insert() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO plain VALUES (1, 'a', 1); INSERT INTO pair VALUES (1, 'x', 'a')");
    family.deliver("lab-a");
    lab.sql("UPDATE plain SET id = 2; UPDATE pair SET b = 'y'");
    assert_eq!(log(lab, "plain"), ["DELETE 1", "INSERT 2"]);
    assert_eq!(log(lab, "pair"), [r#"DELETE ["1", "x"]"#, r#"INSERT ["1", "y"]"#]);
    assert_eq!(family.deliver("lab-a"), Delivered::clean(2, 0, 2));
    assert_equal(lab, central, &TABLES);
}

#[test]
fn an_update_that_changes_nothing_is_not_logged() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let lab = family.lab("lab-a");
    lab.sql("INSERT INTO plain VALUES (1, 'a', 1), (2, NULL, NULL)");
    family.deliver("lab-a");
    lab.sql("UPDATE plain SET word = word, number = number; UPDATE plain SET word = 'a' WHERE id = 1");
    assert!(log(lab, "plain").is_empty());
    assert_eq!(family.deliver("lab-a"), Delivered::default());
}

#[test]
fn a_change_of_case_or_of_a_space_at_the_end_alone_is_a_change() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("ALTER TABLE plain MODIFY word VARCHAR(40) COLLATE utf8mb4_general_ci");
    central.sql("ALTER TABLE plain MODIFY word VARCHAR(40) COLLATE utf8mb4_general_ci");
    lab.sql("INSERT INTO plain VALUES (1, 'abc', 1), (2, 'abc', 2), (3, 'e', 3)");
    family.deliver("lab-a");
    lab.sql("UPDATE plain SET word = 'ABC' WHERE id = 1");
    lab.sql("UPDATE plain SET word = 'abc ' WHERE id = 2");
    lab.sql("UPDATE plain SET word = '\u{e9}' WHERE id = 3");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 3, 0));
    assert_equal(lab, central, &["plain"]);
    assert_eq!(
        central.value("SELECT GROUP_CONCAT(HEX(word) ORDER BY id) FROM plain"),
        "414243,61626320,C3A9"
    );
}

#[test]
fn what_ends_where_it_began_is_not_sent() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO plain VALUES (1, 'a', 1), (2, 'b', 2); INSERT INTO word VALUES ('abc', 1)");
    family.deliver("lab-a");
    lab.sql("INSERT INTO plain VALUES (9, 'short-lived', 0); DELETE FROM plain WHERE id = 9");
    lab.sql("UPDATE plain SET word = 'x' WHERE id = 1; UPDATE plain SET word = 'a' WHERE id = 1");
    lab.sql("DELETE FROM plain WHERE id = 2; INSERT INTO plain VALUES (2, 'b', 2)");
    lab.sql("UPDATE plain SET id = 8 WHERE id = 1; UPDATE plain SET id = 1 WHERE id = 8");
    lab.sql("UPDATE word SET id = 'ABC'; UPDATE word SET id = 'abc'");
    assert!(log(lab, "plain").len() >= 10);
    assert_eq!(family.deliver("lab-a"), Delivered::default());
    // They are done with: the next seal does not read them again.
    assert_eq!(lab.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "0");
    assert_equal(lab, central, &TABLES);
}

#[test]
fn many_edits_of_a_row_are_one_change() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO plain VALUES (1, 'a', 0); UPDATE plain SET number = 1; UPDATE plain SET number = 2");
    lab.sql("INSERT INTO plain VALUES (2, 'b', 0)");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(2, 0, 0));
    lab.sql("UPDATE plain SET number = 3 WHERE id = 1; DELETE FROM plain WHERE id = 1");
    lab.sql("DELETE FROM plain WHERE id = 2; INSERT INTO plain VALUES (2, 'again', 5)");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 1));
    assert_equal(lab, central, &TABLES);
}

#[test]
fn keys_that_are_equal_in_their_collation_are_one_row() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO word VALUES ('abc', 1), ('\u{e9}', 2), ('pad', 3)");
    family.deliver("lab-a");
    lab.sql("DELETE FROM word WHERE id = 'abc'; INSERT INTO word VALUES ('ABC', 9)");
    lab.sql("UPDATE word SET id = 'E' WHERE id = '\u{e9}'; UPDATE word SET id = 'pad ' WHERE id = 'pad'");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 3, 0));
    assert_equal(lab, central, &["word"]);
    lab.sql("UPDATE word SET number = number + 1; DELETE FROM word WHERE id = 'e'");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 2, 1));
    assert_equal(lab, central, &["word"]);
}

#[test]
fn a_transaction_that_is_rolled_back_leaves_no_word_in_the_log() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let lab = family.lab("lab-a");
    lab.sql("BEGIN; INSERT INTO plain VALUES (1, 'a', 1); ROLLBACK");
    assert!(log(lab, "plain").is_empty());
    assert_eq!(family.deliver("lab-a"), Delivered::default());
}

#[test]
fn rows_that_were_there_before_are_sent_when_the_lab_adopts_them_and_only_then() {
    let mut family = Family::new(server(), SCHEMA, &[]);
    let rows = "INSERT INTO plain VALUES (1, 'a', 1), (2, 'b', 2); INSERT INTO pair VALUES (1, 'x', 'c');
                INSERT INTO bytes VALUES (x'00FF', 'd'); INSERT INTO uuid VALUES ('6ccd780c', 'e');
                INSERT INTO word VALUES ('\u{e9}', 5)";
    for (name, options) in [("lab-a", &["--adopt"][..]), ("lab-b", &[])] {
        let lab = TestSite::new(server(), crate::harness::Role::Lab, name);
        lab.sql(SCHEMA);
        lab.sql(rows);
        family.add(lab, options);
    }
    // Logged once, however often init is run.
    let lab = family.lab("lab-a");
    let (url, card) = (lab.url(), lab.path("lab.card"));
    let again = ["init", "--role", "lab", "--site", "lab-a", "--database", &url, "--adopt", "--card"];
    lab.run(&[&again[..], &[card.to_str().unwrap()]].concat()).ok();
    assert_eq!(family.deliver("lab-a"), Delivered::clean(6, 0, 0));
    assert_equal(lab, &family.central, &TABLES);
    let lab = family.lab("lab-b");
    assert_eq!(family.deliver("lab-b"), Delivered::default());
    // It can be said at join, too, and later.
    let (answer, options) = (lab.path("lab.answer"), ["--yes", "--no-series", "--adopt"]);
    let join = [&["join", answer.to_str().unwrap()], &options[..]].concat();
    lab.run(&[&join[..], &["-n"]].concat()).ok().says("6 rows are there already and would be sent");
    lab.run(&join).ok().says("6 rows that were there already will be sent");
    lab.run(&join).ok().never_says("will be sent");
    assert_eq!(family.deliver("lab-b"), Delivered::clean(6, 0, 0));
}

#[test]
fn an_edit_is_logged_whoever_used_the_table_before() {
    let pair = Pair::new();
    let lab = pair.lab();
    // More sessions than the server has caches of open tables: each instance is first used by a silent one.
    const SESSIONS: u32 = 40;
    for number in 1..=SESSIONS {
        let write = format!("INSERT INTO shelves VALUES ({number}, 'x'), ({}, 'x')", 1000 + number);
        lab.sql(&format!(
            "SET @packmule_silent = 1; {write}; UPDATE shelves SET name = 'y' WHERE id = {number}"
        ));
    }
    assert_eq!(lab.count("sync_log"), 0);
    for number in 1..=SESSIONS {
        lab.sql(&format!("INSERT INTO shelves VALUES ({}, 'z')", 2000 + number));
        lab.sql(&format!("UPDATE shelves SET name = 'z' WHERE id = {number}"));
        lab.sql(&format!("DELETE FROM shelves WHERE id = {}", 1000 + number));
    }
    assert_eq!(lab.count("sync_log"), u64::from(3 * SESSIONS));
}
