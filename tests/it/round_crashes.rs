//! The way back, killed at every place where a crash leaves something half done, and the same command run again.

use packmule::monitor::Step;

use crate::harness::{Ran, Round, SCHEMA, TestSite};

const TABLES: &[&str] = &["shelves", "items"];

fn steps(prefixes: &[&str]) -> Vec<&'static str> {
    let names = Step::ALL.iter().map(|step| step.name());
    names.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix))).collect()
}

fn kill(site: &TestSite<'_>, arguments: &[&str], step: &str) {
    let output = site.command(arguments).env("PACKMULE_CRASH_AT", step).output().unwrap();
    Ran::new(format!("{arguments:?} killed at {step}"), &output).killed();
}

/// A lab whose stick comes back to the centre with a change, while other changes wait for both labs there, and a
/// word is kept at the lab.
fn scene() -> Round {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round.central().sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    round.go_round_all();
    round.go_round_all();
    round.export("lab-a").ok();
    round.central().sql("UPDATE shelves SET name = CONCAT(name, ' of the centre')");
    round.visit("lab-a").ok();
    // Edited and taken back: left alone when the centre's words of it come; the seal that follows finds nothing to
    // send, and the word is due.
    round.lab("lab-a").sql("UPDATE shelves SET name = 'x' WHERE id = 1");
    round.lab("lab-a").sql("UPDATE shelves SET name = 'one' WHERE id = 1");
    round.bring_home("lab-a").ok().says("1 kept for later");
    round.lab("lab-a").sql("INSERT INTO shelves VALUES (3, 'three')");
    round
}

#[test]
fn a_crash_anywhere_in_the_centre_s_answer_is_made_good_by_the_same_command() {
    for step in steps(&["seal.", "carry."]) {
        let round = scene();
        round.export("lab-a").ok();
        let stick = round.stick("lab-a");
        kill(round.central(), &["import", stick.to_str().unwrap()], step);
        round.central().sql("INSERT INTO shelves VALUES (4, 'four')");
        kill(round.central(), &["export", stick.to_str().unwrap()], step);
        round.visit("lab-a").ok();
        round.settle();
        assert_eq!(round.lab("lab-b").count("shelves"), 4, "{step}");
    }
}

#[test]
fn a_crash_anywhere_in_a_lab_s_import_is_made_good_by_the_same_command() {
    for step in steps(&["admit.", "apply.", "retry."]) {
        let round = scene();
        round.export("lab-a").ok();
        round.visit("lab-a").ok();
        let stick = round.stick("lab-a");
        kill(round.lab("lab-a"), &["import", stick.to_str().unwrap()], step);
        round.bring_home("lab-a").ok();
        round.settle();
        let name = round.lab("lab-a").value("SELECT name FROM shelves WHERE id = 1");
        assert_eq!(name, "one of the centre", "{step}");
    }
}
