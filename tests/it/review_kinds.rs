//! Each sort of conflict, approved, rejected and merged: in the end all sites are equal, and no third row was touched.

use crate::harness::{ALL_WAIT, Met, Round, stock};

#[test]
fn a_row_that_the_centre_has_deleted_comes_back_or_stays_deleted() {
    for (action, row) in [("approve", "11 old old"), ("reject", "-")] {
        let round = Round::to_review(ALL_WAIT);
        round.meet("DELETE FROM stock WHERE id = 1", "UPDATE stock SET amount = 11 WHERE id = 1");
        assert_eq!(round.family.conflicts(), [Met::parked("stock", "1", "missing")]);
        round.conflicts(&["show", "1"]).ok().says("(no row)");
        round.decide(&[action, "1"]).ok();
        round.settle();
        assert_eq!(stock(round.lab("lab-a"), 1), row, "{action}");
        assert_eq!(stock(round.lab("lab-b"), 1), row, "{action}");
    }
    let round = Round::to_review(ALL_WAIT);
    round.meet("DELETE FROM stock WHERE id = 1", "UPDATE stock SET amount = 11 WHERE id = 1");
    round.decide(&["merge", "1", "--set", "note=again"]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-b"), 1), "11 again old");
}

#[test]
fn a_row_that_the_lab_has_deleted_goes_or_stays() {
    for (action, row) in [("approve", "-"), ("reject", "10 central old")] {
        let round = Round::to_review(ALL_WAIT);
        round.meet("UPDATE stock SET note = 'central' WHERE id = 1", "DELETE FROM stock WHERE id = 1");
        round.decide(&[action, "1"]).ok();
        round.settle();
        assert_eq!(stock(round.lab("lab-a"), 1), row, "{action}");
    }
    let round = Round::to_review(ALL_WAIT);
    round.meet("UPDATE stock SET note = 'central' WHERE id = 1", "DELETE FROM stock WHERE id = 1");
    round.decide(&["merge", "1", "--lab", "note"]).code(2).says("the lab has deleted its row");
    round.decide(&["merge", "1", "--set", "note=kept"]).ok();
    round.settle();
    assert_eq!(stock(round.lab("lab-a"), 1), "10 kept old");
}

#[test]
fn of_two_rows_of_one_key_either_stands_or_both_do_under_a_new_key() {
    for (arguments, rows) in [
        (&["approve", "1"][..], ["2 lab b", "-"]),
        (&["reject", "1"], ["1 central a", "-"]),
        (&["merge", "1", "--lab", "note"], ["1 lab a", "-"]),
        (&["merge", "1", "--set", "id=8", "amount=5"], ["1 central a", "5 lab b"]),
    ] {
        let round = Round::to_review(ALL_WAIT);
        round.meet(
            "INSERT INTO stock VALUES (7, 1, 'central', 'a')",
            "INSERT INTO stock VALUES (7, 2, 'lab', 'b')",
        );
        assert_eq!(round.family.conflicts(), [Met::parked("stock", "7", "exists")]);
        round.decide(arguments).ok();
        round.settle();
        for lab in ["lab-a", "lab-b"] {
            assert_eq!([7, 8].map(|id| stock(round.lab(lab), id)), rows, "{arguments:?}");
        }
    }
}

#[test]
fn both_rows_are_kept_where_a_rule_had_taken_the_lab_s_and_a_third_row_is_never_written_over() {
    let round = Round::to_review("[tables.stock]\npolicy = \"lab-wins\"\n");
    round.meet(
        "INSERT INTO stock VALUES (7, 1, 'central', 'a')",
        "INSERT INTO stock VALUES (7, 2, 'lab', 'b')",
    );
    assert_eq!(stock(round.central(), 7), "2 lab b");
    round.decide(&["merge", "1", "--set", "id=2"]).code(2).says("there is a row 2 in table stock already");
    round.decide(&["merge", "1", "--set", "id=8"]).ok();
    round.settle();
    assert_eq!([2, 7, 8].map(|id| stock(round.lab("lab-a"), id)), ["20 old old", "1 central a", "2 lab b"]);
}

#[test]
fn a_unique_value_is_freed_or_another_one_is_given() {
    let scene = || {
        let round = Round::to_review(ALL_WAIT);
        round.meet("INSERT INTO rooms VALUES (3, 'r2')", "INSERT INTO rooms VALUES (2, 'r2')");
        assert_eq!(round.family.conflicts(), [Met::parked("rooms", "2", "unique")]);
        round
    };
    let rooms =
        |round: &Round| round.lab("lab-b").value("SELECT GROUP_CONCAT(id, code ORDER BY id) FROM rooms");
    let round = scene();
    round.conflicts(&["show", "1"]).ok().says("code r2 is that of rooms 3");
    round
        .decide(&["approve", "1"])
        .code(1)
        .says("Duplicate entry")
        .says("packmule conflicts merge 1 --set COLUMN=VALUE");
    assert_eq!(round.line(1), "unique open central");
    round.decide(&["merge", "1", "--set", "code=r9"]).ok();
    round.settle();
    assert_eq!(rooms(&round), "1r1,2r9,3r2");
    let round = scene();
    round.central().sql("UPDATE rooms SET code = 'r3' WHERE id = 3");
    round.decide(&["approve", "1"]).ok();
    round.settle();
    assert_eq!(rooms(&round), "1r1,2r2,3r3");
    let round = scene();
    round.decide(&["reject", "1"]).ok();
    round.settle();
    assert_eq!(rooms(&round), "1r1,3r2");
    let round = scene();
    round.decide(&["merge", "1", "--set", "id=4", "code=r4"]).ok();
    round.settle();
    assert_eq!(rooms(&round), "1r1,3r2,4r4");
}

#[test]
fn a_row_without_its_parent_waits_until_there_is_one() {
    let round = Round::to_review(ALL_WAIT);
    round.meet("DELETE FROM rooms WHERE id = 1", "INSERT INTO loans VALUES (1, 1, 'lab')");
    assert_eq!(round.family.conflicts(), [Met::parked("loans", "1", "orphan")]);
    round.conflicts(&["show", "1"]).ok().says("table rooms has no row for room 1");
    round.decide(&["approve", "1"]).code(1).says("make the row that it needs");
    round.central().sql("INSERT INTO rooms VALUES (1, 'again')");
    round.decide(&["approve", "1"]).ok();
    round.settle();
    assert_eq!(round.lab("lab-b").value("SELECT CONCAT_WS(' ', id, room, note) FROM loans"), "1 1 lab");
}

#[test]
fn a_row_that_others_point_to_is_not_deleted() {
    let round = Round::to_review(ALL_WAIT);
    round.meet("INSERT INTO loans VALUES (1, 1, 'central')", "DELETE FROM rooms WHERE id = 1");
    assert_eq!(round.family.conflicts(), [Met::parked("rooms", "1", "orphan")]);
    round.conflicts(&["show", "1"]).ok().says("1 row of loans; while they are there, it cannot be deleted");
    round.decide(&["approve", "1"]).code(1).says("the database refuses the row");
    assert_eq!((round.central().count("rooms"), round.central().count("loans")), (1, 1));
    round.decide(&["reject", "1"]).ok();
    round.settle();
    assert_eq!(round.lab("lab-a").count("rooms"), 1);
}

#[test]
fn rows_that_follow_are_named_and_taken_along_only_with_a_yes_and_then_it_cannot_be_taken_back() {
    let round = Round::to_review(ALL_WAIT);
    round.meet(
        "UPDATE stock SET note = 'central' WHERE id = 1; INSERT INTO parts VALUES (1, 1, 'p'), (2, 1, 'p')",
        "DELETE FROM stock WHERE id = 1",
    );
    round.conflicts(&["show", "1"]).ok().says("2 rows of parts; they are deleted with it");
    round.decide(&["approve", "1"]).code(18).says("2 of parts");
    assert_eq!((round.central().count("parts"), round.line(1)), (2, "changed open central".to_owned()));
    round.decide(&["approve", "1", "--yes"]).ok().says("with it go 2 of parts");
    round.decide(&["reopen", "1"]).code(1).says("they would not come back: parts 2");
    round.settle();
    assert_eq!((round.lab("lab-b").count("parts"), stock(round.lab("lab-a"), 1)), (0, "-".to_owned()));
}

#[test]
fn a_row_that_breaks_a_constraint_is_mended_by_a_merge() {
    let round = Round::to_review("");
    round.meet("UPDATE spans SET high = 5 WHERE id = 1", "UPDATE spans SET low = 8 WHERE id = 1");
    assert_eq!(round.family.conflicts(), [Met::parked("spans", "1", "value")]);
    round.decide(&["approve", "1"]).code(1).says("span");
    round.decide(&["merge", "1", "--lab", "low", "--set", "high=9"]).ok();
    round.settle();
    assert_eq!(round.lab("lab-b").value("SELECT CONCAT_WS(' ', low, high) FROM spans"), "8 9");
}

#[test]
fn what_two_took_from_a_stock_is_added_once_and_taken_out_once() {
    let rules = "[tables.stock]\ncounters = [\"amount\"]\npolicy = \"review\"\n";
    let both = (
        "UPDATE stock SET amount = 7, note = 'central' WHERE id = 1",
        "UPDATE stock SET amount = 7, note = 'lab' WHERE id = 1",
    );
    for (arguments, row) in [
        (&["approve", "1"][..], "4 lab old"),
        (&["reject", "1"], "7 central old"),
        (&["merge", "1", "--lab", "amount"], "4 central old"),
        (&["merge", "1", "--lab", "note"], "7 lab old"),
    ] {
        let round = Round::to_review(rules);
        round.meet(both.0, both.1);
        round.decide(arguments).ok();
        round.settle();
        assert_eq!(stock(round.lab("lab-a"), 1), row, "{arguments:?}");
    }
    // A rule has added them already: to approve changes nothing, to reject takes only the lab's difference out.
    for (action, row) in [("approve", "3 old old"), ("reject", "6 old old")] {
        let round = Round::to_review("[tables.stock]\ncounters = [\"amount\"]\n");
        round.meet("UPDATE stock SET amount = 7 WHERE id = 1", "UPDATE stock SET amount = 7 WHERE id = 1");
        assert_eq!(round.line(1), "changed decided merged rule: counters");
        round.central().sql("UPDATE stock SET amount = amount - 1 WHERE id = 1");
        let shown = round.conflicts(&["show", "1"]).ok().stdout;
        let name = shown.split(" --row ").nth(1).unwrap().split_whitespace().next().unwrap();
        round.decide(&[action, "1", "--row", name]).ok();
        round.settle();
        assert_eq!(stock(round.lab("lab-b"), 1), row, "{action}");
    }
}

#[test]
fn a_change_that_only_waits_for_approval_is_approved_or_not() {
    for (action, rows) in [("approve", ["11 old old", "40 new new"]), ("reject", ["10 old old", "-"])] {
        let round = Round::to_review("[tables.stock]\nalways_review = true\n");
        round.meet(
            "",
            "UPDATE stock SET amount = 11 WHERE id = 1; INSERT INTO stock VALUES (4, 40, 'new', 'new')",
        );
        assert_eq!(stock(round.central(), 1), "10 old old");
        round.decide(&[action, "all", "--yes"]).ok().says("2 conflicts");
        round.settle();
        assert_eq!([1, 4].map(|id| stock(round.lab("lab-a"), id)), rows, "{action}");
    }
}

#[test]
fn a_row_with_a_key_of_two_columns_is_decided_like_any_other() {
    let round = Round::to_review(ALL_WAIT);
    round.meet(
        "UPDATE pairs SET note = 'central'",
        "UPDATE pairs SET note = 'lab'; INSERT INTO pairs VALUES (2, 'y', 'lab')",
    );
    round.conflicts(&["show", "1"]).ok().says("pairs [\"1\", \"x\"]");
    round.decide(&["approve", "1"]).ok();
    round.decide(&["reopen", "1"]).ok();
    round.decide(&["approve", "1"]).ok();
    round.settle();
    let pairs = "SELECT GROUP_CONCAT(a, b, ' ', note ORDER BY a) FROM pairs";
    assert_eq!(round.lab("lab-b").value(pairs), "1x lab,2y lab");
}

#[test]
fn a_table_that_has_lost_a_column_or_is_gone_can_still_be_closed() {
    let round = Round::to_review(ALL_WAIT);
    round.meet(
        "UPDATE stock SET note = 'central' WHERE id IN (1, 2)",
        "UPDATE stock SET note = 'lab', place = 'b' WHERE id IN (1, 2)",
    );
    round.central().sql("ALTER TABLE stock DROP COLUMN place");
    round.conflicts(&["show", "1"]).ok().says("the table has no column place any more");
    round.decide(&["approve", "1"]).ok();
    assert_eq!(round.central().value("SELECT note FROM stock WHERE id = 1"), "lab");
    round.central().sql("DROP TABLE parts; DROP TABLE stock");
    round.conflicts(&["show", "2"]).ok().says("there is no such table any more");
    round.decide(&["approve", "2"]).code(16).says("there is no such table any more");
    round.decide(&["reject", "2"]).ok();
    assert_eq!(round.line(2), "changed decided central grace");
}

#[test]
fn two_rows_of_a_lab_that_are_one_key_here_are_not_written_over_each_other() {
    let round = Round::to_review(ALL_WAIT);
    round.lab("lab-a").sql("ALTER TABLE tags MODIFY word VARCHAR(10) COLLATE utf8mb4_bin");
    round.meet("", "INSERT INTO tags VALUES ('ape', 'one')");
    round.meet("", "INSERT INTO tags VALUES ('Ape', 'two')");
    assert_eq!(round.family.conflicts(), [Met::parked("tags", "ape", "unique")]);
    round.decide(&["approve", "1"]).code(2).says("are not one row").says("the lab's row is Ape");
    round.decide(&["merge", "1", "--lab", "note"]).code(2).says("are not one row");
    round.decide(&["merge", "1", "--set", "word=apes"]).ok().says("the lab's row is tags apes");
    let tags = "SELECT GROUP_CONCAT(word, ' ', note ORDER BY word) FROM tags";
    assert_eq!(round.central().value(tags), "ape one,apes two");
}
