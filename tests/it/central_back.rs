//! A centre whose database was put back from a backup goes on by `recover`, and no row of either side is lost.

use std::fs;

use crate::harness::{Ran, Round, SCHEMA, Saved};

const TABLES: &[&str] = &["shelves", "items"];

/// Three labs with different knowledge of two lost days: lab-a has made changes in them, lab-b has heard of everything but the last
/// change, lab-c of nothing.
struct Lost {
    round: Round,
}

impl Lost {
    /// What is in the tables in the end: `(id, name)`, in whatever way the centre was put back.
    fn new() -> (Lost, Vec<(u32, Option<&'static str>)>) {
        let round = Round::new(SCHEMA, &["lab-a", "lab-b", "lab-c"], TABLES);
        let central = round.central();
        central.sql(
            "INSERT INTO shelves VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four'), (5, 'five'), (6, 'six')",
        );
        round.settle();
        let wanted = vec![
            (1, Some("of the lost days, by the centre")),
            (2, Some("of the lost days, by lab-a")),
            (3, None),
            (4, Some("after the recovery")),
            (5, Some("second thoughts")),
            (6, Some("six")),
            (10, Some("new at the centre")),
            (20, Some("new at lab-a")),
            (30, Some("unsent at lab-b")),
            (40, Some("sealed, and on no stick")),
        ];
        (Lost { round }, wanted)
    }

    /// What happens in the two days.
    fn lose_two_days(&self) {
        let round = &self.round;
        let (central, lab) = (round.central(), round.lab("lab-a"));
        central.sql(
            "UPDATE shelves SET name = 'of the lost days, by the centre' WHERE id = 1; DELETE FROM shelves WHERE id = 3; \
             INSERT INTO shelves VALUES (10, 'new at the centre'); UPDATE shelves SET name = 'first thoughts' WHERE id = 5",
        );
        lab.sql(
            "UPDATE shelves SET name = 'of the lost days, by lab-a' WHERE id = 2; INSERT INTO shelves VALUES (20, 'new at lab-a')",
        );
        for name in ["lab-a", "lab-b", "lab-a", "lab-b"] {
            round.go_round(name);
        }
        lab.sql("UPDATE shelves SET name = 'second thoughts' WHERE id = 5");
        round.go_round("lab-a");
        round.go_round("lab-a");
        round.lab("lab-b").sql("INSERT INTO shelves VALUES (30, 'unsent at lab-b')");
        // The centre seals this for all, and no stick takes it.
        central.sql("INSERT INTO shelves VALUES (40, 'sealed, and on no stick')");
        central.run(&["export", central.stick("elsewhere").to_str().unwrap()]).ok();
        fs::remove_dir_all(central.stick("elsewhere")).unwrap();
    }

    /// All sites exchange until nobody has anything to say.
    fn come_back(&self, wanted: &[(u32, Option<&str>)]) {
        let round = &self.round;
        let central = round.central();
        central.sql("UPDATE shelves SET name = 'after the recovery' WHERE id = 4");
        round.settle();
        for (id, name) in wanted {
            let found = central.query(&format!("SELECT name FROM shelves WHERE id = {id}"));
            let expected: Vec<Vec<Option<String>>> =
                name.iter().map(|name| vec![Some((*name).to_owned())]).collect();
            assert_eq!(found, expected, "shelf {id}");
        }
        assert_eq!(central.value("SELECT COUNT(*) FROM conflict_log WHERE status = 'open'"), "0");
    }
}

#[test]
fn a_centre_put_back_by_two_days_gets_back_what_it_lost_from_its_labs() {
    let (lost, wanted) = Lost::new();
    let round = &lost.round;
    let central = round.central();
    let backup = Saved::new(central);
    lost.lose_two_days();
    backup.restore_rows();
    // Seen before anything is sealed or applied.
    round.export("lab-b").ok();
    let before = central.value("SELECT COUNT(*) FROM shelves");
    round.visit("lab-b").code(1).says("has gone back in time").says("packmule recover");
    assert_eq!(central.value("SELECT COUNT(*) FROM shelves"), before);
    central.run(&["recover", "-n"]).ok().says("was put back").says("lab-a").says("nothing was changed");
    central.run(&["recover", "--no-input"]).code(18);
    central.run(&["recover", "--yes"]).ok().says("new history");
    lost.come_back(&wanted);
}

#[test]
fn a_centre_whose_whole_disk_was_put_back_learns_of_it_from_a_lab() {
    let (lost, mut wanted) = Lost::new();
    let round = &lost.round;
    let central = round.central();
    let backup = Saved::new(central);
    lost.lose_two_days();
    backup.restore();
    round.export("lab-b").ok();
    round.visit("lab-b").ok().says("never sealed here: NOT believed").says("packmule recover");
    central.run(&["recover", "--yes"]).ok().says("new history");
    // Its only copy was on the disk.
    wanted.retain(|(id, _)| *id != 40);
    lost.come_back(&wanted);
}

#[test]
fn a_stock_is_never_summed_twice_when_labs_send_their_sales_again() {
    const STOCK: &str = "CREATE TABLE stock (id INT PRIMARY KEY, pieces INT NOT NULL) ENGINE=InnoDB";
    let rules = "[tables]\nstock = { counters = [\"pieces\"] }\n";
    let round = Round::with_settings(STOCK, &["lab-a", "lab-b"], &["stock"], rules);
    let central = round.central();
    central.sql("INSERT INTO stock VALUES (1, 10), (2, 10), (3, 10)");
    round.settle();
    let backup = Saved::new(central);
    round.lab("lab-a").sql("UPDATE stock SET pieces = pieces - 3");
    round.go_round_all();
    round.lab("lab-b").sql("UPDATE stock SET pieces = pieces - 2 WHERE id < 3");
    round.go_round_all();
    round.go_round_all();
    round.lab("lab-b").sql("UPDATE stock SET pieces = pieces - 1 WHERE id = 1");
    backup.restore_rows();
    central.run(&["recover", "--yes"]).ok();
    // lab-b knows all sales and comes first; what lab-a sends again is in its numbers already.
    round.go_round("lab-b");
    round.settle();
    let pieces = central.query("SELECT pieces FROM stock ORDER BY id");
    assert_eq!(pieces.into_iter().flatten().flatten().collect::<Vec<_>>(), ["4", "5", "7"]);
    // What came in an order in which nobody can tell is for a person to look at; the numbers above stand meanwhile.
    let notes =
        central.query("SELECT DISTINCT note FROM conflict_log WHERE status = 'open' AND note LIKE '%twice%'");
    assert_eq!(notes.len(), 1, "{notes:?}");
}

#[test]
fn a_lab_that_has_lost_what_the_centre_forgot_is_told_so_and_its_rows_stay() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    round.settle();
    let backup = Saved::new(central);
    lab.sql("INSERT INTO shelves VALUES (1, 'confirmed, then forgotten')");
    round.settle();
    let outbox = lab.state().join("outbox");
    let kept = lab.path("kept");
    fs::rename(&outbox, &kept).unwrap();
    fs::create_dir(&outbox).unwrap();
    backup.restore_rows();
    central.run(&["recover", "--yes"]).ok();
    fs::remove_dir_all(round.stick("lab-a")).unwrap();
    let stick = round.stick("lab-a");
    central.run(&["export", stick.to_str().unwrap()]).ok();
    round
        .bring_home("lab-a")
        .code(1)
        .says("has forgotten bundle")
        .says("put")
        .says("back into the folder outbox");
    assert_eq!(lab.value("SELECT name FROM shelves WHERE id = 1"), "confirmed, then forgotten");
    // A backup of the outbox brings it back.
    fs::remove_dir(&outbox).unwrap();
    fs::rename(&kept, &outbox).unwrap();
    round.bring_home("lab-a").ok();
    round.settle();
    assert_eq!(central.value("SELECT name FROM shelves WHERE id = 1"), "confirmed, then forgotten");
}

#[test]
fn a_lab_without_that_copy_goes_on_under_a_new_history_too() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (2, 'two')");
    round.settle();
    let backup = Saved::new(central);
    lab.sql("INSERT INTO shelves VALUES (1, 'confirmed, then forgotten')");
    round.settle();
    fs::remove_dir_all(lab.state().join("outbox")).unwrap();
    backup.restore_rows();
    central.run(&["recover", "--yes"]).ok();
    fs::remove_dir_all(round.stick("lab-a")).unwrap();
    round.stick("lab-a");
    let (card, answer) = (lab.path("new.card"), lab.path("new.answer"));
    let words = [card.to_str().unwrap(), answer.to_str().unwrap()];
    lab.run(&["recover", "--yes", "--card", words[0]]).ok();
    central.run(&["enrol", words[0], "--answer", words[1], "--yes"]).ok();
    lab.run(&["join", words[1], "--yes"]).ok();
    round.settle();
    assert_eq!(central.value("SELECT name FROM shelves WHERE id = 1"), "confirmed, then forgotten");
    assert_eq!(central.value("SELECT name FROM shelves WHERE id = 2"), "two");
}

#[test]
fn a_recovery_that_is_killed_at_any_step_is_done_by_the_same_command() {
    for step in ["recover.committed", "recover.witnessed"] {
        let (lost, wanted) = Lost::new();
        let central = lost.round.central();
        let backup = Saved::new(central);
        lost.lose_two_days();
        backup.restore_rows();
        let killed = central.command(&["recover", "--yes"]).env("PACKMULE_CRASH_AT", step).output().unwrap();
        Ran::new(format!("recover killed at {step}"), &killed).killed();
        central.run(&["recover", "--yes"]).ok();
        lost.come_back(&wanted);
    }
}

#[test]
fn a_recovery_done_twice_and_bundles_of_before_that_come_late_harm_nothing() {
    let (lost, wanted) = Lost::new();
    let round = &lost.round;
    let central = round.central();
    let backup = Saved::new(central);
    lost.lose_two_days();
    // A stick with the centre's newest bundles is still on its way to lab-c.
    let late = central.stick("late");
    central.run(&["export", late.to_str().unwrap()]).ok();
    backup.restore_rows();
    central.run(&["recover", "--yes"]).ok();
    round.go_round("lab-a");
    central.run(&["recover", "--yes"]).ok();
    lost.come_back(&wanted);
    round.lab("lab-c").run(&["import", late.to_str().unwrap()]).ok().says("not needed");
    lost.come_back(&wanted);
}
