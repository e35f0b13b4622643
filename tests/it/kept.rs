//! Words of the centre that a lab keeps until it can follow them, and when they are out of date.

use std::thread::sleep;
use std::time::Duration;

use crate::harness::{Ran, Round, SCHEMA, TestSite};

#[test]
fn a_kept_word_that_was_answered_is_not_followed_after_the_log_was_pruned() {
    let round = Round::new(SCHEMA, &["lab-a"], &["shelves", "items"]);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (1, 'first')");
    round.go_round_all();
    round.go_round_all();
    forget_at_once(lab);
    // The centre's edit and the lab's later one cross; the lab's wins.
    central.sql("UPDATE shelves SET name = 'central'");
    central.run(&["export", round.stick("lab-a").to_str().unwrap()]).ok();
    lab.sql("UPDATE shelves SET name = 'of the lab'");
    round.bring_home("lab-a").ok().says("1 kept for later");
    round.visit("lab-a").ok();
    assert_eq!(central.value("SELECT name FROM shelves"), "of the lab");
    // Killed when the receipt is taken in, and before the word is looked at.
    kill(lab, &["import", round.stick("lab-a").to_str().unwrap()], "apply.committed");
    assert_eq!(lab.count("packmule_kept"), 1);
    sleep(Duration::from_millis(1100));
    round.export("lab-a").ok();
    round.settle();
    assert_eq!(lab.value("SELECT name FROM shelves"), "of the lab");
}

#[test]
fn a_kept_word_is_answered_by_a_change_that_spells_its_key_in_another_way() {
    const WORDS: &str =
        "CREATE TABLE words (word VARCHAR(10) COLLATE utf8mb4_general_ci PRIMARY KEY, code INT UNIQUE)";
    let round = Round::new(WORDS, &["lab-a"], &["words"]);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    round.go_round_all();
    round.go_round_all();
    central.sql("INSERT INTO words VALUES ('ape', 1)");
    central.run(&["export", round.stick("lab-a").to_str().unwrap()]).ok();
    lab.sql("INSERT INTO words VALUES ('bee', 1)");
    lab.run(&["import", "--no-reply", round.stick("lab-a").to_str().unwrap()]).ok().says("1 kept for later");
    // Made here under another spelling; the later edit wins at the centre.
    lab.sql("INSERT INTO words VALUES ('Ape', 9)");
    round.settle();
    let words = "SELECT GROUP_CONCAT(word, code ORDER BY code) FROM words";
    assert_eq!(lab.value(words), "bee1,Ape9");
}

#[test]
fn a_word_on_a_row_that_was_deleted_here_waits_for_the_answer_however_its_key_is_spelt() {
    const WORDS: &str =
        "CREATE TABLE words (word VARCHAR(10) COLLATE utf8mb4_general_ci PRIMARY KEY, code INT)";
    let round = Round::new(WORDS, &["lab-a"], &["words"]);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO words VALUES ('ape', 1)");
    round.settle();
    central.sql("UPDATE words SET word = 'APE', code = 2");
    central.run(&["export", round.stick("lab-a").to_str().unwrap()]).ok();
    lab.sql("DELETE FROM words");
    lab.run(&["import", "--no-reply", round.stick("lab-a").to_str().unwrap()]).ok().says("1 kept for later");
    assert_eq!(lab.count("words"), 0);
    round.settle();
}

/// What is confirmed is removed after a second.
fn forget_at_once(site: &TestSite<'_>) {
    let settings = std::fs::read_to_string(site.config()).unwrap();
    std::fs::write(site.config(), format!("keep = \"1s\"\n{settings}")).unwrap();
}

fn kill(site: &TestSite<'_>, arguments: &[&str], step: &str) {
    let output = site.command(arguments).env("PACKMULE_CRASH_AT", step).output().unwrap();
    Ran::new(format!("{arguments:?} killed at {step}"), &output).killed();
}
