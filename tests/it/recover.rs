//! A lab whose database was put back from a backup goes on by `recover`, and no row of either side is lost.

use crate::harness::{Ran, Round, SCHEMA, Saved};

const TABLES: &[&str] = &["shelves", "items"];

/// A lab put back by `bundles` bundles, of which the centre has had all but the last `unseen`.
fn put_back(bundles: u32, unseen: u32) {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    round.settle();
    lab.sql("INSERT INTO shelves VALUES (10, 'sealed before the backup')");
    round.export("lab-a").ok();
    let backup = Saved::new(lab);
    for number in 1..=bundles {
        lab.sql(&format!("INSERT INTO shelves VALUES ({}, 'after the backup')", 100 + number));
        lab.sql(&format!("UPDATE shelves SET name = 'edited {number}' WHERE id = 1"));
        round.export("lab-a").ok();
        if number + unseen <= bundles {
            round.visit("lab-a").ok();
            round.bring_home("lab-a").ok();
        }
    }
    central.sql("UPDATE shelves SET name = 'of the centre' WHERE id = 2");
    round.go_round("lab-b");
    backup.restore_rows();
    lab.sql("INSERT INTO shelves VALUES (200, 'unsent'); UPDATE shelves SET name = 'unsent' WHERE id = 10");
    round.export("lab-a").code(1).says("has gone back in time").says("packmule recover");
    lab.run(&["recover", "-n"]).ok().says("it was put back").says("nothing was changed");
    lab.run(&["recover", "--no-input"]).code(18);
    let (card, answer) = (lab.path("new.card"), lab.path("new.answer"));
    let words = [card.to_str().unwrap(), answer.to_str().unwrap()];
    for step in ["recover.committed", "recover.witnessed"] {
        let killed =
            lab.command(&["recover", "--yes", "--card", words[0]]).env("PACKMULE_CRASH_AT", step).output();
        Ran::new(format!("recover killed at {step}"), &killed.unwrap()).killed();
    }
    lab.run(&["recover", "--yes", "--card", words[0]]).ok().says("new history");
    round.export("lab-a").ok();
    // Nobody has told the centre yet.
    round.visit("lab-a").code(14).says("a history of lab-a that is not known here");
    central.run(&["enrol", words[0], "--answer", words[1], "--yes"]).ok().says("lab-a");
    lab.run(&["join", words[1], "--yes"]).ok();
    round.settle();
    for number in 1..=bundles {
        assert_eq!(
            central.value(&format!("SELECT name FROM shelves WHERE id = {}", 100 + number)),
            "after the backup"
        );
    }
    assert_eq!(central.value("SELECT name FROM shelves WHERE id = 1"), format!("edited {bundles}"));
    assert_eq!(central.value("SELECT name FROM shelves WHERE id = 2"), "of the centre");
    assert_eq!(central.value("SELECT name FROM shelves WHERE id = 10"), "unsent");
    assert_eq!(central.value("SELECT name FROM shelves WHERE id = 200"), "unsent");
    // The card of the history that is over tells nothing new.
    let old = lab.path("lab.card");
    central
        .run(&["enrol", old.to_str().unwrap(), "--answer", words[1], "--yes"])
        .code(19)
        .says("not its newest");
}

#[test]
fn a_lab_put_back_by_one_bundle_comes_back_with_nothing_lost() {
    put_back(1, 0);
}

#[test]
fn a_lab_put_back_by_five_bundles_comes_back_with_nothing_lost() {
    put_back(5, 0);
}

#[test]
fn bundles_that_the_database_has_forgotten_are_carried_out_of_the_outbox() {
    put_back(3, 2);
}
