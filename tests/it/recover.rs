//! A lab whose database was put back from a backup goes on by `recover`, and no row of either side is lost.

use std::fs;
use std::path::Path;

use crate::harness::{Ran, Round, SCHEMA, Saved, bundles_in};

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

#[test]
fn the_end_of_the_old_history_that_comes_after_the_new_one_has_begun_is_neither_lost_nor_kept_from_the_lab() {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two'), (3, 'three')");
    round.settle();
    let backup = Saved::new(lab);
    for (id, name) in [(10, "first"), (11, "second")] {
        lab.sql(&format!(
            "INSERT INTO shelves VALUES ({id}, '{name}'); UPDATE shelves SET name = '{name}' WHERE id = 1"
        ));
        round.export("lab-a").ok();
    }
    lab.sql("DELETE FROM shelves WHERE id = 3");
    round.export("lab-a").ok();
    // Nobody has brought the stick to the centre yet.
    fs::remove_dir_all(round.stick("lab-a")).unwrap();
    backup.restore_rows();
    let (card, answer) = (lab.path("new.card"), lab.path("new.answer"));
    let words = [card.to_str().unwrap(), answer.to_str().unwrap()];
    lab.run(&["recover", "--yes", "--card", words[0]]).ok().says("carried along");
    central.run(&["enrol", words[0], "--answer", words[1], "--yes"]).ok();
    lab.run(&["join", words[1], "--yes"]).ok();
    lab.sql("INSERT INTO shelves VALUES (20, 'under the new history')");
    let new = lab.value("SELECT LEFT(incarnation, 8) FROM packmule_here");
    let is_old = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("lab-a.central.") && !name.contains(&new)
    };
    round.export("lab-a").ok();
    // All of the old history but its last are damaged on their way, and the lab hears of the new one meanwhile.
    let (old, new): (Vec<_>, Vec<_>) =
        bundles_in(&round.stick("lab-a")).into_iter().partition(|path| is_old(path));
    assert!(old.len() >= 3 && new.len() == 1, "{old:?} {new:?}");
    for path in &old[..old.len() - 1] {
        fs::write(path, b"no bundle").unwrap();
    }
    round.visit("lab-a").code(14);
    for path in &old {
        fs::remove_file(path).unwrap();
    }
    round.bring_home("lab-a").ok();
    assert_eq!(lab.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM shelves"), "1,2,3,20");
    round.export("lab-a").ok();
    assert_eq!(bundles_in(&round.stick("lab-a")).iter().filter(|path| is_old(path)).count(), 3);
    round.settle();
    for site in [central, lab] {
        assert_eq!(
            site.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM shelves"),
            "1,2,10,11,20",
            "{}",
            site.name()
        );
        assert_eq!(site.value("SELECT name FROM shelves WHERE id = 1"), "second");
    }
    // The centre has told the lab that it has them.
    fs::remove_dir_all(round.stick("lab-a")).unwrap();
    round.export("lab-a").ok();
    assert_eq!(bundles_in(&round.stick("lab-a")).iter().filter(|path| is_old(path)).count(), 0);
}

#[test]
fn a_stock_is_not_summed_twice_when_a_lab_goes_on_editing_it_after_it_was_put_back() {
    const STOCK: &str = "CREATE TABLE stock (id INT PRIMARY KEY, pieces INT NOT NULL) ENGINE=InnoDB";
    let rules = "[tables]\nstock = { counters = [\"pieces\"] }\n";
    let round = Round::with_settings(STOCK, &["lab-a", "lab-b"], &["stock"], rules);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO stock VALUES (1, 10)");
    round.settle();
    lab.sql("UPDATE stock SET pieces = pieces - 3");
    let backup = Saved::new(lab);
    round.go_round("lab-a");
    round.lab("lab-b").sql("UPDATE stock SET pieces = pieces - 2");
    round.go_round("lab-b");
    assert_eq!(central.value("SELECT pieces FROM stock"), "5");
    backup.restore_rows();
    let (card, answer) = (lab.path("new.card"), lab.path("new.answer"));
    let words = [card.to_str().unwrap(), answer.to_str().unwrap()];
    lab.run(&["recover", "--yes", "--card", words[0]]).ok();
    central.run(&["enrol", words[0], "--answer", words[1], "--yes"]).ok();
    lab.run(&["join", words[1], "--yes"]).ok();
    // With what was taken before, and sent before, this is one change.
    lab.sql("UPDATE stock SET pieces = pieces - 1");
    round.settle();
    assert_eq!(central.value("SELECT pieces FROM stock"), "5");
    let waiting =
        central.query("SELECT note FROM conflict_log WHERE status = 'open' AND note LIKE '%made twice%'");
    assert_eq!(waiting.len(), 1, "{waiting:?}");
}
