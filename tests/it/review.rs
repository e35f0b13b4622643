//! A conflict that waits is looked at and decided by a person; every lab hears of it.

use crate::harness::{ALL_WAIT, Met, Round, stock};

/// Both have edited the note of row 1; the lab its place, too.
fn met() -> Round {
    let round = Round::to_review(ALL_WAIT);
    round.meet(
        "UPDATE stock SET note = 'central' WHERE id = 1",
        "UPDATE stock SET note = 'lab', place = 'shelf B' WHERE id = 1",
    );
    assert_eq!(round.family.conflicts(), [Met::parked("stock", "1", "changed")]);
    round
}

#[test]
fn what_waits_is_listed_and_shown_with_what_each_decision_would_do() {
    let round = met();
    round
        .conflicts(&[])
        .ok()
        .says("no  lab    table  row  kind")
        .says("1   lab-a  stock  1    changed")
        .says("open");
    round.conflicts(&["list"]).ok().says("Do next: packmule conflicts show 1");
    let shown = round.conflicts(&["show", "1"]).ok();
    let shown = shown
        .says("Conflict 1: stock 1, kind changed; lab-a changed it; it waits for a person.")
        .says("column  before  central  lab-a")
        .says("!  note    old     central  lab")
        .says("   place   old     old      shelf B")
        .says("2 columns are the same everywhere; -v shows them.")
        .says("its policy is review")
        .says("note lab, place shelf B")
        .says("packmule conflicts approve 1")
        .says("note central, place old")
        .says("packmule conflicts merge 1 --lab place");
    assert!(shown.stdout.find("note").unwrap() < shown.stdout.find("place").unwrap());
    round.central().run(&["-v", "conflicts", "show", "1"]).ok().says("   amount  10      10       10");
    round.conflicts(&["show", "9"]).code(2).says("there is no conflict 9");
    round.central().run(&["status"]).ok().says("Do next: packmule conflicts list");
}

#[test]
fn approving_puts_what_the_lab_has_changed_onto_the_row_and_every_lab_hears_of_it() {
    let round = met();
    round.decide(&["approve", "1", "-m", "seen on the shelf", "-n"]).ok().says("This was a dry run");
    assert_eq!(
        (stock(round.central(), 1), round.line(1)),
        ("10 central old".to_owned(), "changed open central".to_owned())
    );
    round.decide(&["approve", "1", "-m", "seen on the shelf"]).ok().says("note lab, place shelf B");
    assert_eq!(stock(round.central(), 1), "10 lab shelf B");
    assert_eq!(round.line(1), "changed decided lab grace");
    assert_eq!(round.central().value("SELECT decision_note FROM conflict_log"), "seen on the shelf");
    round.settle();
    assert_eq!(stock(round.lab("lab-b"), 1), "10 lab shelf B");
    // The same again is no error, and another decision must be taken back first.
    round.decide(&["approve", "1"]).ok().says("You decided the same");
    round.decide(&["reject", "1"]).code(2).says("grace decided it").says("packmule conflicts reopen 1");
    round.conflicts(&["approve", "1", "--by", "otieno"]).code(2).says("grace decided it");
    assert_eq!(round.central().count("packmule_decision"), 1);
    round.conflicts(&["list"]).ok().says("No conflict waits for a person.");
    round.conflicts(&["list", "--status", "decided"]).ok().says("lab-a, by grace");
}

#[test]
fn rejecting_changes_no_row_and_the_lab_ends_with_the_centre_s_even_where_it_has_edited_since() {
    let round = met();
    // The lab has not heard that its edit waits, and makes another one of the row.
    round.lab("lab-a").sql("UPDATE stock SET amount = 9 WHERE id = 1");
    let open = || round.central().value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL");
    let before = open();
    round.decide(&["reject", "1"]).ok().says("the row stays as it is");
    assert_eq!(open(), before, "nothing needs to travel");
    assert_eq!(round.line(1), "changed decided central grace");
    round.settle();
    // Of the later edit, what only the lab changed comes together with the centre's row.
    assert_eq!(stock(round.lab("lab-a"), 1), "9 central old");
    assert_eq!(stock(round.lab("lab-b"), 1), "9 central old");
}

#[test]
fn a_mix_takes_the_columns_that_are_named_from_the_lab_and_values_from_the_person() {
    let round = met();
    round.decide(&["merge", "1"]).code(2);
    round.decide(&["merge", "1", "--lab", "plaice"]).code(2).says("did you mean \"place\"?");
    round.decide(&["merge", "1", "--lab", "PLACE", "--set", "amount=7", "note=a = b"]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-b"), 1), "7 a = b shelf B");
    assert_eq!(round.line(1), "changed decided merged grace");
    let round = met();
    round.decide(&["merge", "1", "--null", "note", "--set", "place="]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-a"), 1), "10 NULL ");
}

#[test]
fn a_value_that_the_column_would_keep_as_something_else_is_refused() {
    let round = met();
    round.decide(&["merge", "1", "--set", "amount=ten"]).code(1).says("the database refuses the row");
    round.decide(&["merge", "1", "--set", "amount=-1"]).code(1).says("the database refuses the row");
    round
        .decide(&["merge", "1", "--set", "amount=1.6"])
        .code(1)
        .says("would not hold what was asked for")
        .says("'2'");
    round.decide(&["merge", "1", "--set", &format!("note={}", "x".repeat(21))]).code(1).says("refuses");
    round.decide(&["merge", "1", "--set", "id=5"]).code(2).says("the lab did not make this row");
    assert_eq!(
        (stock(round.central(), 1), round.line(1)),
        ("10 central old".to_owned(), "changed open central".to_owned())
    );
    assert_eq!(round.central().count("packmule_decision"), 0);
}

#[test]
fn a_row_that_was_edited_since_is_not_decided_but_shown_anew_and_can_be_decided_by_its_name() {
    let round = met();
    round.central().sql("UPDATE stock SET amount = 8 WHERE id = 1");
    let stale = round.decide(&["approve", "1"]).code(3);
    let stale = stale.says("Nothing was decided").says("now").says("amount  10      10       10       8");
    assert_eq!(round.line(1), "changed open central");
    let name = stale.stdout.split("approve 1 --row ").nth(1).unwrap().split_whitespace().next().unwrap();
    // Somebody is faster again.
    round.central().sql("UPDATE stock SET place = 'door' WHERE id = 1");
    round.decide(&["approve", "1", "--row", name]).code(3);
    let shown = round.conflicts(&["show", "1"]).ok().stdout;
    let name = shown.split("approve 1 --row ").nth(1).unwrap().split_whitespace().next().unwrap();
    // What others did stays, as far as the lab did not change it.
    round.decide(&["approve", "1", "--row", name]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-b"), 1), "8 lab shelf B");
}

#[test]
fn a_later_edit_that_joined_the_conflict_is_part_of_what_was_seen() {
    let round = met();
    let name = |round: &Round| {
        let json = round.central().run(&["--json", "conflicts", "show", "1"]).ok().stdout;
        json.split("\"row\":\"").nth(1).unwrap()[..8].to_owned()
    };
    let seen = name(&round);
    round.lab("lab-a").sql("UPDATE stock SET note = 'lab again' WHERE id = 1");
    round.export("lab-a").ok();
    round.visit("lab-a").ok();
    round.decide(&["approve", "1", "--row", &seen]).code(3).says("Before that");
    round.decide(&["approve", "1", "--row", &name(&round)]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-b"), 1), "10 lab again shelf B");
}

#[test]
fn of_two_who_decide_at_once_one_does() {
    let round = met();
    let run = |action: &str, by: &str| {
        let mut command = round.central().command(&["conflicts", action, "1", "--by", by]);
        command.spawn().unwrap()
    };
    let both = [run("approve", "grace"), run("reject", "otieno")];
    let codes: Vec<i32> = both.map(|child| child.wait_with_output().unwrap().status.code().unwrap()).into();
    assert!(codes == [0, 2] || codes == [2, 0], "{codes:?}");
    assert_eq!(round.central().count("packmule_decision"), 1);
    round.settle();
}

#[test]
fn only_the_centre_decides() {
    let round = met();
    let lab = round.lab("lab-a");
    for arguments in
        [&["list"][..], &["show", "1"], &["approve", "1", "--by", "grace"], &["export", "--format", "csv"]]
    {
        lab.run(&[&["conflicts"], arguments].concat()).code(2).says("this is done at the centre");
    }
    round.conflicts(&["approve", "1"]).code(2).says("nobody knows who decides").says("--by NAME");
}

#[test]
fn an_edit_that_no_trigger_sees_is_no_decision() {
    let round = met();
    round.central().sql("DROP TRIGGER packmule_au_stock");
    round.decide(&["approve", "1"]).code(1).says("no lab would hear of it").says("packmule doctor");
    assert_eq!(
        (stock(round.central(), 1), round.line(1)),
        ("10 central old".to_owned(), "changed open central".to_owned())
    );
}

#[test]
fn what_a_trigger_of_the_application_insists_on_stands_and_is_told() {
    let round = met();
    round
        .central()
        .sql("CREATE TRIGGER stamps BEFORE UPDATE ON stock FOR EACH ROW SET NEW.place = 'stamped'");
    round
        .decide(&["approve", "1"])
        .ok()
        .says("A trigger of the application insists on its own value of place.");
    round.decide(&["reopen", "1"]).ok();
    let shown = round.conflicts(&["show", "1"]).ok().stdout;
    let name = shown.split("approve 1 --row ").nth(1).unwrap().split_whitespace().next().unwrap();
    round.decide(&["approve", "1", "--row", name]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-a"), 1), "10 lab stamped");
}
