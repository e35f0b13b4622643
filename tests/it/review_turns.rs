//! Decisions that are overturned, taken back, or cut short by a crash.

use mysql::prelude::Queryable;
use packmule::monitor::Step;

use crate::harness::{ALL_WAIT, Ran, Round, TestSite, stock};

/// Both have edited the note of row 1; the lab its place, too.
fn met(rules: &str) -> Round {
    let round = Round::to_review(rules);
    round.meet(
        "UPDATE stock SET note = 'central' WHERE id = 1",
        "UPDATE stock SET note = 'lab', place = 'b' WHERE id = 1",
    );
    round
}

#[test]
fn what_a_rule_has_decided_can_be_decided_otherwise() {
    for (policy, by_rule, action, row) in [
        ("lab-wins", "10 lab b", "reject", "10 central old"),
        ("lab-wins", "10 lab b", "approve", "10 lab b"),
        ("central-wins", "10 central b", "approve", "10 lab b"),
        // What came together by the rule goes as well.
        ("central-wins", "10 central b", "reject", "10 central old"),
    ] {
        let round = met(&format!("[tables.stock]\npolicy = \"{policy}\"\n"));
        assert_eq!(stock(round.central(), 1), by_rule);
        round.go_round_all();
        round.decide(&[action, "1"]).ok();
        round.settle();
        assert_eq!(stock(round.lab("lab-a"), 1), row, "{policy} {action}");
        assert_eq!(stock(round.lab("lab-b"), 1), row, "{policy} {action}");
    }
    // A row that was deleted by a rule comes back.
    let round = Round::to_review("[tables.stock]\npolicy = \"lab-wins\"\n");
    round.meet("UPDATE stock SET note = 'central' WHERE id = 1", "DELETE FROM stock WHERE id = 1");
    assert_eq!(stock(round.central(), 1), "-");
    round.decide(&["reject", "1"]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-a"), 1), "10 central old");
}

#[test]
fn a_decision_is_taken_back_until_a_bundle_carries_it() {
    let round = met(ALL_WAIT);
    round.decide(&["reopen", "1"]).code(2).says("there is nothing to take back");
    round.decide(&["approve", "1"]).ok();
    round.conflicts(&["show", "1"]).ok().says("packmule conflicts reopen 1").says("approve by grace");
    round.decide(&["reopen", "1", "-m", "too soon"]).ok();
    assert_eq!(
        (stock(round.central(), 1), round.line(1)),
        ("10 central old".to_owned(), "changed open central".to_owned())
    );
    round.settle();
    assert_eq!(stock(round.lab("lab-a"), 1), "10 central old");
    round
        .conflicts(&["show", "1"])
        .ok()
        .says("reopen by grace: too soon")
        .says("packmule conflicts approve 1");
    round.decide(&["approve", "1"]).ok();
    round.visit("lab-b").ok();
    let told = round
        .decide(&["reopen", "1"])
        .code(1)
        .says("it is in central.lab-")
        .says("edit the row in the application");
    assert!(told.stderr.contains(".mule"), "{told:?}");
    assert_eq!(
        (stock(round.central(), 1), round.line(1)),
        ("10 lab b".to_owned(), "changed decided lab grace".to_owned())
    );
    round.settle();
    assert_eq!(round.central().count("packmule_decision"), 3);
}

#[test]
fn a_row_that_was_edited_since_the_decision_is_not_put_back() {
    let round = met(ALL_WAIT);
    round.decide(&["approve", "1"]).ok();
    round.central().sql("UPDATE stock SET amount = 1 WHERE id = 1");
    round.decide(&["reopen", "1"]).code(1).says("that edit would be lost");
    assert_eq!(stock(round.central(), 1), "1 lab b");
}

#[test]
fn what_was_rejected_deleted_or_made_is_taken_back_as_well() {
    let round = met(ALL_WAIT);
    round.decide(&["reject", "1"]).ok();
    // Nothing was written, so it does not matter who carries what.
    round.go_round_all();
    round.decide(&["reopen", "1"]).ok();
    assert_eq!(round.line(1), "changed open central");

    let round = Round::to_review(ALL_WAIT);
    round.meet("UPDATE stock SET note = 'central' WHERE id = 1", "DELETE FROM stock WHERE id = 1");
    round.decide(&["approve", "1"]).ok();
    assert_eq!(stock(round.central(), 1), "-");
    round.decide(&["reopen", "1"]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-a"), 1), "10 central old");

    let round = Round::to_review("[tables.stock]\npolicy = \"lab-wins\"\n");
    round.meet(
        "INSERT INTO stock VALUES (7, 1, 'central', 'a')",
        "INSERT INTO stock VALUES (7, 2, 'lab', 'b')",
    );
    round.decide(&["reopen", "1"]).code(2).says("was decided by a rule");
    round.decide(&["merge", "1", "--set", "id=8"]).ok();
    round.decide(&["reopen", "1"]).ok();
    assert_eq!([7, 8].map(|id| stock(round.central(), id)), ["2 lab b", "-"]);
    // It is as it was when the rule had decided it, and waits: the centre's row can still be had.
    round.decide(&["reject", "1"]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-a"), 7), "1 central a");
}

#[test]
fn a_later_edit_of_the_lab_meets_the_decision_by_the_usual_rules() {
    let round = met("[tables.stock]\ncolumns = { note = \"review\" }\n");
    assert_eq!(round.line(1), "changed open central");
    // Before it hears of the decision, the lab edits the row again.
    round.lab("lab-a").sql("UPDATE stock SET amount = 9 WHERE id = 1");
    round.decide(&["merge", "1", "--set", "note=person"]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-b"), 1), "9 person old");
}

#[test]
fn a_rejection_is_the_centre_s_newest_word_though_no_row_changes() {
    let round = Round::to_review("");
    let at = |site: &TestSite<'_>, seconds: i64, statement: &str| {
        site.sql(&format!("SET timestamp = UNIX_TIMESTAMP(NOW(6)) + ({seconds}); {statement}"));
    };
    at(round.central(), -60, "UPDATE stock SET note = 'central' WHERE id = 1");
    // A clock that is ahead decides nothing.
    at(round.lab("lab-a"), 86_400, "UPDATE stock SET note = 'lab' WHERE id = 1");
    round.export("lab-a").ok();
    round.visit("lab-a").ok();
    assert_eq!(round.line(1), "changed open central");
    // Later than the centre's edit, and before the person looks.
    at(round.lab("lab-a"), -30, "UPDATE stock SET note = 'lab again' WHERE id = 1");
    round.decide(&["reject", "1"]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-b"), 1), "10 central old");
    assert_eq!(round.line(2), "changed decided central rule: last-edit-wins");
}

#[test]
fn an_edit_that_arrives_while_a_person_decides_does_not_join_what_is_decided() {
    let round = Round::to_review(ALL_WAIT);
    // There is no row that both could lock.
    round.meet("DELETE FROM stock WHERE id = 1", "UPDATE stock SET note = 'lab' WHERE id = 1");
    round.lab("lab-a").sql("UPDATE stock SET note = 'lab again' WHERE id = 1");
    round.export("lab-a").ok();
    let mut person = round.central().server().connect(round.central().database()).unwrap();
    person.query_drop("START TRANSACTION").unwrap();
    person
        .query_drop("UPDATE conflict_log SET status = 'decided', decided_by = 'grace' WHERE id = 1")
        .unwrap();
    let stick = round.stick("lab-a");
    let import = round.central().command(&["import", stick.to_str().unwrap()]).spawn().unwrap();
    let waits = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";
    for _ in 0..200 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        if round.central().value(waits) != "0" {
            break;
        }
    }
    person.query_drop("COMMIT").unwrap();
    assert!(import.wait_with_output().unwrap().status.success());
    assert_eq!(round.central().count("packmule_joined"), 0);
    assert_eq!(round.line(2), "missing open central");
}

#[test]
fn after_a_crash_anywhere_the_same_decision_is_made_once() {
    let steps = Step::ALL.iter().map(|step| step.name()).filter(|name| name.starts_with("decide."));
    for step in steps {
        let round = met(ALL_WAIT);
        for (action, row) in [("approve", "10 lab b"), ("reopen", "10 central old")] {
            let arguments = ["conflicts", action, "1", "--by", "grace"];
            let output = round.central().command(&arguments).env("PACKMULE_CRASH_AT", step).output().unwrap();
            Ran::new(format!("{arguments:?} killed at {step}"), &output).killed();
            // The server ends the transaction of a line that broke a moment later.
            let again = round.central().run(&arguments);
            let is_done = step == "decide.committed";
            match (action, is_done) {
                ("reopen", true) => drop(again.code(2).says("there is nothing to take back")),
                (_, true) => drop(again.ok().says("You decided the same")),
                (_, false) => drop(again.ok()),
            }
            assert_eq!(stock(round.central(), 1), row, "{action} {step}");
        }
        assert_eq!(round.central().count("packmule_decision"), 2, "{step}");
        round.settle();
        assert_eq!(stock(round.lab("lab-a"), 1), "10 central old", "{step}");
    }
}
