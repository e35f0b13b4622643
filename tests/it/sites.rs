//! Which labs take part: suspended and back, revoked for good, given all rows anew.

use std::fs;
use std::time::Duration;

use crate::harness::{Round, SCHEMA, TestSite, assert_equal, bundles_in, contents, files};

const TABLES: &[&str] = &["shelves", "items"];

/// A centre with some rows and two labs that have them.
fn scene() -> Round {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    let rows: Vec<String> = (1..=30).map(|id| format!("({id}, 'shelf {id}')")).collect();
    round.central().sql(&format!("INSERT INTO shelves VALUES {}", rows.join(", ")));
    round.settle();
    round
}

/// Confirmed bundles and log rows are kept for a second from now on.
fn keep_a_second(site: &TestSite<'_>) {
    let text = fs::read_to_string(site.config()).unwrap();
    fs::write(site.config(), format!("keep = \"1s\"\n{text}")).unwrap();
}

fn log_rows(site: &TestSite<'_>) -> u64 {
    site.count("sync_log")
}

#[test]
fn a_suspended_lab_no_longer_holds_pruning_back() {
    let round = scene();
    let central = round.central();
    keep_a_second(central);
    central.sql("UPDATE shelves SET name = 'new' WHERE id <= 5");
    // lab-a is away; lab-b confirms everything.
    round.go_round("lab-b");
    std::thread::sleep(Duration::from_millis(1_500));
    round.go_round("lab-b");
    assert_eq!(log_rows(central), 5, "lab-a has not confirmed these");
    central.run(&["sites", "suspend", "lab-a"]).ok().says("lab-a is suspended.").says("sites resume lab-a");
    round.go_round("lab-b");
    assert_eq!(log_rows(central), 0);
    let for_a = || central.value("SELECT COUNT(*) FROM packmule_bundle WHERE to_site = 'lab-a'");
    let before = for_a();
    central.sql("UPDATE shelves SET name = 'newer' WHERE id <= 5");
    round.go_round("lab-b");
    assert_eq!(for_a(), before, "nothing is sealed for a suspended lab");
}

#[test]
fn a_lab_that_comes_back_gets_all_rows_and_keeps_what_it_had_not_sent() {
    let round = scene();
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    keep_a_second(central);
    central.run(&["sites", "suspend", "lab-a"]).ok();
    a.sql("INSERT INTO shelves VALUES (100, 'of a'); UPDATE shelves SET name = 'of a' WHERE id = 1");
    round.export("lab-a").ok();
    let before = central.rows("shelves");
    round.visit("lab-a").code(14).says("lab-a is suspended here").says("sites resume lab-a");
    assert_eq!(central.rows("shelves"), before);
    // What happens in the meantime is sealed for lab-b alone, and pruned.
    b.sql("DELETE FROM shelves WHERE id BETWEEN 2 AND 4; INSERT INTO shelves VALUES (200, 'of b')");
    central.sql("UPDATE shelves SET name = 'of the centre' WHERE id = 5");
    round.go_round("lab-b");
    round.go_round("lab-b");
    std::thread::sleep(Duration::from_millis(1_500));
    round.go_round("lab-b");
    assert_eq!(log_rows(central), 0, "pruned");
    // And the lab goes on, offline.
    a.sql("UPDATE shelves SET name = 'unsent' WHERE id = 6; DELETE FROM shelves WHERE id = 7");
    let ran = central.run(&["sites", "resume", "lab-a"]).ok();
    ran.says("lab-a takes part again.")
        .says("all rows, as a snapshot")
        .says("then at lab-a: packmule import");
    central.run(&["status"]).ok().says("all rows are due, with its next stick");
    // The stick that waited is taken in now, and the rows go back on it.
    round.visit("lab-a").ok().says("applied 2 changes").says("all 29 rows, to start from");
    round.bring_home("lab-a").ok();
    assert_eq!(a.value("SELECT COUNT(*) FROM packmule_bundle WHERE kind = 'snapshot' AND seq > 1"), "1");
    assert_eq!(a.value("SELECT name FROM shelves WHERE id = 6"), "unsent");
    assert_eq!(a.value("SELECT COUNT(*) FROM shelves WHERE id IN (2, 3, 4, 7)"), "0");
    round.settle();
    for (id, name) in [(1, "of a"), (5, "of the centre"), (6, "unsent"), (100, "of a"), (200, "of b")] {
        assert_eq!(central.value(&format!("SELECT name FROM shelves WHERE id = {id}")), name);
    }
    assert_eq!(central.value("SELECT COUNT(*) FROM shelves WHERE id = 7"), "0", "its own delete was sent");
}

#[test]
fn a_revoked_lab_is_refused_for_good_and_the_others_go_on() {
    let round = scene();
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    a.sql("INSERT INTO shelves VALUES (100, 'of a')");
    let stick = round.stick("lab-a");
    round.export("lab-a").ok();
    central.sql("UPDATE shelves SET name = 'not for a thief' WHERE id = 1");
    round.go_round("lab-b");
    let outbox = central.state().join("outbox");
    let for_a = || {
        bundles_in(&outbox).iter().filter(|path| path.to_str().unwrap().contains("central.lab-a.")).count()
    };
    assert!(for_a() > 0);
    let before = (contents(central), files(&central.state()));
    central.run(&["sites", "revoke", "lab-a"]).code(18).says("answer it beforehand with `--yes`");
    central.run(&["sites", "revoke", "lab-a", "-n"]).ok().says("would be revoked").says("dry run");
    assert_eq!((contents(central), files(&central.state())), before);
    central.run(&["sites", "revoke", "lab-a", "--yes"]).ok().says("lab-a is revoked, for good.");
    assert_eq!(for_a(), 0, "what waited for it is gone from the outbox");
    central.run(&["sites", "revoke", "lab-a"]).ok().says("revoked already");
    for order in ["resume", "suspend", "resend"] {
        central.run(&["sites", order, "lab-a"]).code(2).says("that is for good").says("another name");
    }
    // One stick with bundles of both.
    b.sql("INSERT INTO shelves VALUES (200, 'of b')");
    b.run(&["export", stick.to_str().unwrap()]).ok();
    let ran = round.visit("lab-a").code(14).says("lab-a is revoked here").says("applied 1 change");
    ran.never_says("for lab-a");
    assert_eq!(central.value("SELECT COUNT(*) FROM shelves WHERE id IN (100, 200)"), "1");
    // Not by its old card either.
    let (card, answer) = (a.path("lab.card"), a.path("again.answer"));
    let enrol = ["enrol", card.to_str().unwrap(), "--answer", answer.to_str().unwrap(), "--yes"];
    central.run(&enrol).code(2).says("lab-a is revoked");
    assert!(!answer.exists());
    central.run(&["export", "--to", "lab-a", "--", stick.to_str().unwrap()]).code(2).says("lab-a is revoked");
    central.run(&["status"]).ok().says("1 lab takes part; lab-a is revoked.");
}

#[test]
fn a_lab_that_distrusts_its_rows_is_given_all_of_them_anew() {
    let round = scene();
    let (central, a) = (round.central(), round.lab("lab-a"));
    // What no trigger sees: rows spoilt, lost and made up.
    a.sql(
        "SET @packmule_silent = 1; UPDATE shelves SET name = 'spoilt' WHERE id < 3; DELETE FROM shelves WHERE id = 3; \
         INSERT INTO shelves VALUES (999, 'from nowhere')",
    );
    round.go_round("lab-a");
    assert_eq!(a.count("shelves"), 30);
    central.run(&["sites", "resend", "lab-a", "-n"]).ok().says("would be given all rows anew");
    assert_eq!(central.value("SELECT SUM(wants_snapshot) FROM packmule_site"), "0");
    central.run(&["sites", "resend", "lab-a"]).ok().says("will be given all rows anew");
    central.run(&["sites", "resend", "lab-a"]).ok().says("already");
    round.go_round("lab-a");
    assert_equal(a, central, TABLES);
    round.settle();
    assert_eq!(central.value("SELECT SUM(wants_snapshot) FROM packmule_site"), "0");
}

#[test]
fn a_bundle_lost_from_the_outbox_is_made_up_for_by_sending_all_rows_anew() {
    let round = scene();
    let (central, a) = (round.central(), round.lab("lab-a"));
    central.sql("DELETE FROM shelves WHERE id = 30");
    round.go_round("lab-b");
    central.sql("UPDATE shelves SET name = 'later' WHERE id = 1");
    round.go_round("lab-b");
    let outbox = bundles_in(&central.state().join("outbox"));
    let for_a = outbox.iter().filter(|path| path.to_str().unwrap().contains("central.lab-a."));
    let newest_but_one = for_a.rev().nth(1).unwrap();
    fs::remove_file(newest_but_one).unwrap();
    let stick = round.stick("lab-a");
    let export = ["export", stick.to_str().unwrap()];
    central.run(&export).code(1).says("is missing from the outbox").says("packmule sites resend lab-a");
    central.run(&["doctor"]).code(20).says("is missing from the outbox");
    central.run(&["sites", "resend", "lab-a"]).ok();
    central.run(&export).ok().says("all 29 rows, to start from");
    round.bring_home("lab-a").ok();
    assert_equal(a, central, TABLES);
    round.settle();
}

#[test]
fn what_waited_for_a_gap_when_a_lab_was_suspended_is_no_news_until_it_is_back() {
    let round = scene();
    let (central, a) = (round.central(), round.lab("lab-a"));
    a.sql("INSERT INTO shelves VALUES (100, 'first')");
    round.export("lab-a").ok();
    a.sql("INSERT INTO shelves VALUES (101, 'second')");
    round.export("lab-a").ok();
    let stick = round.stick("lab-a").join("packmule/lab-a-to-central");
    let bundles = bundles_in(&stick);
    let first = bundles.get(bundles.len() - 2).unwrap();
    let aside = a.path("aside.mule");
    fs::rename(first, &aside).unwrap();
    round.visit("lab-a").code(15).says("has not arrived");
    central.run(&["status", "--check"]).code(3).says("waits here").says("ask lab-a to export again");
    central.run(&["sites", "list"]).ok().says("Do next: packmule sites show lab-a");
    central.run(&["sites", "suspend", "lab-a"]).ok();
    central.run(&["status", "--check"]).ok().says("lab-a is suspended");
    round.go_round("lab-b");
    central.run(&["sites", "resume", "lab-a"]).ok();
    central.run(&["status", "--check"]).code(3);
    fs::rename(&aside, first).unwrap();
    round.visit("lab-a").ok();
    assert_eq!(central.value("SELECT COUNT(*) FROM shelves WHERE id IN (100, 101)"), "2");
    round.settle();
}

#[test]
fn an_order_that_cannot_be_is_refused_in_plain_words_and_changes_nothing() {
    let round = scene();
    let (central, a) = (round.central(), round.lab("lab-a"));
    let before = (contents(central), files(&central.state()));
    for order in ["show", "suspend", "resume", "revoke", "resend"] {
        central.run(&["sites", order, "lab-aa"]).code(2).says("did you mean \"lab-a\"?");
        central.run(&["sites", order, "elephant"]).code(2).says("packmule sites list");
        a.run(&["sites", order, "lab-b"]).code(2).says("lab-a is a lab, and this is done at the centre");
    }
    a.run(&["sites"]).code(2).says("this is done at the centre");
    central.run(&["export", "--to", "lab-bb", "--", "."]).code(2).says("did you mean \"lab-b\"?");
    central.run(&["sites", "resume", "lab-a"]).ok().says("lab-a takes part already").says("Do next: nothing");
    central.run(&["sites", "suspend", "lab-a", "-n"]).ok().says("would be suspended").says("dry run");
    assert_eq!((contents(central), files(&central.state())), before);
    central.run(&["sites", "suspend", "lab-a"]).ok();
    central.run(&["sites", "suspend", "lab-a"]).ok().says("suspended already");
    central.run(&["sites", "resend", "lab-a"]).code(2).says("lab-a is suspended").says("sites resume lab-a");
}

#[test]
fn the_list_and_one_lab_in_full_say_how_far_each_is() {
    let round = scene();
    let (central, a) = (round.central(), round.lab("lab-a"));
    central.sql("UPDATE shelves SET name = 'new' WHERE id = 1");
    round.go_round("lab-b");
    let keys = a.run(&["keys"]).ok().stdout;
    let words = keys.lines().next().and_then(|line| line.strip_prefix("Six words of lab-a: ")).unwrap();
    central.run(&["sites", "show", "lab-a"]).ok().says(words).says("number 2, active").says("In the outbox");
    let list = central.run(&["sites"]).ok();
    assert_eq!(list.stdout.lines().count(), 4, "{list:?}");
    assert!(list.stdout.lines().all(|line| line.chars().count() <= 80), "{list:?}");
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&central.run(arguments).ok().stdout).unwrap()
    };
    let all = json(&["sites", "--json"]);
    assert_eq!(all["format"], "packmule.sites.v1");
    let (in_a, in_b) = (&all["sites"][0], &all["sites"][1]);
    assert_eq!((&in_a["site"], &in_a["state"]), (&"lab-a".into(), &"active".into()));
    assert_eq!(in_a["not_carried"]["changes"], 1);
    assert_eq!(in_b["not_carried"]["changes"], 0);
    let one = json(&["sites", "show", "lab-a", "--json"]);
    assert_eq!(one["sites"][0]["words"], words);
    let change = json(&["sites", "suspend", "lab-a", "--json"]);
    assert_eq!(change["format"], "packmule.site-changed.v1");
    assert_eq!((&change["before"], &change["state"]), (&"active".into(), &"suspended".into()));
    let error: serde_json::Value =
        serde_json::from_str(&central.run(&["sites", "show", "lab-x", "--json"]).code(2).stdout).unwrap();
    assert_eq!(error["format"], "packmule.error.v1");
}
