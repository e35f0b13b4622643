//! What `export` and `import` say on each leg of a stick's way, and what `doctor` and `history` say of it afterwards.

use crate::harness::{Fault, Round, SCHEMA, TestSite, bundles_in};

const TABLES: &[&str] = &["shelves", "items"];
const OUT: &str = "You can take the stick out now.";

/// The results that a command prints, line by line.
#[track_caller]
fn lines(site: &TestSite<'_>, arguments: &[&str]) -> Vec<String> {
    site.run(arguments).ok().stdout.lines().map(str::to_owned).collect()
}

#[test]
fn every_leg_of_the_first_round_says_what_was_done_and_what_comes_next() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let stick = round.stick("lab-a");
    let stick = stick.to_str().unwrap();
    central.sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    // Nothing to say yet, and the stick is prepared all the same.
    assert_eq!(
        lines(lab, &["export", stick]),
        [
            "Nothing has changed yet; the stick is ready for the centre to put its rows on it.",
            OUT,
            "Do next: bring the stick to the centre; when it is back: packmule import",
        ]
    );
    lab.sql("INSERT INTO shelves VALUES (3, 'three')");
    assert_eq!(
        lines(lab, &["export", stick]),
        [
            "Bundle 1 for central is on the stick: insert 1, update 0, delete 0.",
            OUT,
            "These changes stay \"not confirmed\" until central's receipt comes back.",
            "Do next: bring the stick to the centre; when it is back: packmule import",
        ]
    );
    // The stick has not been anywhere yet.
    assert_eq!(
        lines(lab, &["import", stick, "--no-reply"]),
        [&format!("There are no bundles for lab-a in {stick}; nothing was changed."), "Do next: nothing"]
    );
    assert_eq!(
        lines(central, &["import", stick]),
        [
            &format!("{stick}: 1 bundle from 1 lab."),
            "lab-a 1  applied 1 change",
            "Written to the stick for lab-a: a receipt and all 3 rows, to start from.",
            OUT,
            "Do next: give the stick back to lab-a",
        ]
    );
    assert_eq!(
        lines(lab, &["import", stick]),
        [
            &format!("{stick}: 1 bundle from central."),
            "central 1  applied 3 changes; 1 was there already; our bundles up to 1 are confirmed",
            "Written to the stick for central: a receipt.",
            OUT,
            "Do next: nothing; take the stick along when somebody next goes to the centre",
        ]
    );
}

#[test]
fn a_receipt_is_carried_along_and_nobody_waits_for_it() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let stick = round.stick("lab-a");
    let stick = stick.to_str().unwrap();
    lab.sql("INSERT INTO shelves VALUES (3, 'three')");
    round.go_round("lab-a");
    // Only a receipt is on it, and it was there before.
    assert_eq!(
        lines(lab, &["export", stick]),
        [
            "Nothing has changed since bundle 2.",
            "Bundle 2 for central is on the stick: a receipt.",
            OUT,
            "Do next: nothing; take the stick along when somebody next goes to the centre",
        ]
    );
    assert_eq!(
        lines(central, &["import", stick]),
        [
            &format!("{stick}: 2 bundles from 1 lab."),
            "lab-a 1  already applied, skipped",
            "lab-a 2  a receipt; our bundles up to 1 are confirmed",
            OUT,
            "Do next: nothing",
        ]
    );
    assert_eq!(
        lines(central, &["export", stick]),
        ["Nothing waits for any lab: nothing was written.", "Do next: nothing"]
    );
    lab.run(&["import", stick, "--clean"]).ok().says("1 confirmed bundle was removed from the stick.");
}

#[test]
fn without_a_reply_it_is_said_how_the_receipt_gets_to_the_lab() {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    let (central, stick) = (round.central(), round.stick("lab-a"));
    let stick = stick.to_str().unwrap();
    round.settle();
    round.lab("lab-a").sql("INSERT INTO shelves VALUES (1, 'one')");
    round.export("lab-a").ok();
    let told = lines(central, &["import", "--no-reply", stick]);
    assert_eq!(told.last().unwrap(), "Do next: packmule export, which puts the receipt on a stick");
    let told = lines(central, &["export", "-n"]);
    assert_eq!(told[..2], ["For lab-a: no new edits.", "For lab-b: 1 new edit."]);
    assert_eq!(
        lines(central, &["export", stick, "--to", "lab-b"]),
        [
            "Bundle 2 for lab-b is on the stick: insert 0, update 1, delete 0.",
            OUT,
            "These changes stay \"not confirmed\" until lab-b's receipt comes back.",
            "Do next: bring the stick to lab-b; there: packmule import",
        ]
    );
    let told = lines(central, &["export", stick]);
    assert_eq!(
        told,
        [
            "Nothing has changed for lab-a since bundle 2.",
            "Bundle 2 for lab-a is on the stick: a receipt.",
            "Nothing has changed for lab-b since bundle 2.",
            "Bundle 2 for lab-b is on the stick, not confirmed yet.",
            OUT,
            "These changes stay \"not confirmed\" until lab-b's receipt comes back.",
            "Do next: bring the stick to each of lab-a, lab-b; there: packmule import",
        ]
    );
}

#[test]
fn a_stick_that_takes_no_answer_is_told_of_and_the_import_stands() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    lab.sql("INSERT INTO shelves VALUES (1, 'one')");
    round.export("lab-a").ok();
    let stick = round.stick("lab-a");
    let answers = stick.join("packmule/central-to-lab-a");
    let fault = Fault { calls: "mkdir", how: "error=EROFS" };
    let ran = fault.strike_at(central, &["import", stick.to_str().unwrap()], &answers).code(13);
    let ran = ran.says("receipts and changes could not be written back to the stick");
    let ran = ran.says("the import itself is done, and what goes back is kept here").never_says(OUT);
    assert!(ran.stdout.contains("lab-a 1  applied 1 change\n"), "{ran:?}");
    assert!(ran.stdout.ends_with("then run the same command again\n"), "{ran:?}");
    assert_eq!(central.count("shelves"), 1);
    central
        .run(&["export", stick.to_str().unwrap()])
        .ok()
        .says("Bundle 1 for lab-a is on the stick, not confirmed yet.");
    round.settle();
}

#[test]
fn two_sticks_are_told_apart() {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    for (id, name) in [(1, "lab-a"), (2, "lab-b")] {
        round.lab(name).sql(&format!("INSERT INTO shelves VALUES ({id}, '{name}')"));
        round.export(name).ok();
    }
    let (a, b) = (round.stick("lab-a"), round.stick("lab-b"));
    let (a, b) = (a.to_str().unwrap(), b.to_str().unwrap());
    assert_eq!(
        lines(round.central(), &["import", a, b]),
        [
            &format!("{a}, {b}: 2 bundles from 2 labs."),
            "lab-a 1  applied 1 change",
            "lab-b 1  applied 1 change",
            &format!("Written to {a} for lab-a: a receipt and all 2 rows, to start from."),
            &format!("Written to {b} for lab-b: a receipt and all 2 rows, to start from."),
            "You can take the sticks out now.",
            "Do next: give the stick back to lab-a, lab-b",
        ]
    );
    // Two bundles with the number 1 from the same sender are two bundles.
    round.central().run(&["export", a]).ok();
    for told in [
        ["central 1  left alone: for lab-b", "central 1  applied 2 changes"],
        ["left alone: for lab-b", "already applied"],
    ] {
        let ran = round.lab("lab-a").run(&["import", "--no-reply", a]).ok();
        ran.says(told[0]).says(told[1]).says("1 bundle from central; 1 bundle for another site");
    }
    // One snapshot for each, not one more for each stick.
    assert_eq!(round.sealed(round.central()), 2);
    round.settle();
}

#[test]
fn what_is_refused_or_waits_is_said_once() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    for id in 1..=4 {
        lab.sql(&format!("INSERT INTO shelves VALUES ({id}, 'shelf')"));
        round.export("lab-a").ok();
    }
    let stick = round.stick("lab-a");
    let bundles = bundles_in(&stick);
    let whole = std::fs::read(&bundles[1]).unwrap();
    std::fs::write(&bundles[1], &whole[..whole.len() / 2]).unwrap();
    let ran = central.run(&["import", "--no-reply", stick.to_str().unwrap()]).code(14);
    let both = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(both.matches("is damaged").count(), 1, "{ran:?}");
    assert!(ran.stdout.contains("lab-a 2  refused\n"), "{ran:?}");
    for number in [3, 4] {
        let waits = format!("lab-a {number}  waits: bundle 2 of lab-a has not arrived\n");
        assert!(ran.stdout.contains(&waits), "{ran:?}");
    }
    assert!(!ran.stderr.contains("has not arrived"), "{ran:?}");
    assert_eq!(ran.stderr.matches("packmule: error: ").count(), 2, "{ran:?}");
    assert!(ran.stdout.ends_with("Do next: ask lab-a to export again\n"), "{ran:?}");
}

#[test]
fn history_lists_both_directions_with_kind_way_and_confirmation() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let lab = round.lab("lab-a");
    lab.sql("INSERT INTO shelves VALUES (1, 'one')");
    round.go_round("lab-a");
    lab.sql("INSERT INTO shelves VALUES (2, 'two')");
    round.export("lab-a").ok();
    let told = lines(lab, &["history"]);
    let cells: Vec<Vec<&str>> =
        told.iter().map(|line| line.get(19..).unwrap().split_whitespace().collect()).collect();
    assert_eq!(cells[0], ["bundle", "kind", "changes", "way", "confirmed"]);
    assert_eq!(cells[1], ["3", "to", "central", "changes", "1", "stick", "not", "yet"]);
    assert_eq!(cells[2], ["2", "to", "central", "receipt", "0", "stick", "-"]);
    assert_eq!(cells[3], ["1", "from", "central", "snapshot", "1", "stick", "-"]);
    assert_eq!(cells[4][..6], ["1", "to", "central", "changes", "1", "stick"]);
    assert_eq!(cells[4].len(), 9, "the day of the receipt: {told:?}");
    lab.run(&["history", "-v"]).ok().says("digest").says("set aside");
    let json: serde_json::Value = serde_json::from_str(&lab.run(&["history", "--json"]).ok().stdout).unwrap();
    let kinds: Vec<&serde_json::Value> =
        json["bundles"].as_array().unwrap().iter().map(|bundle| &bundle["kind"]).collect();
    assert_eq!(kinds, ["changes", "receipt", "snapshot", "changes"]);
    assert!(json["bundles"][3]["confirmed_at"].is_string());
    let only = round.central().run(&["history", "--site", "lab-x"]).ok();
    only.says("No bundle");
}

#[test]
fn doctor_tells_of_what_has_waited_for_too_long() {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (1, 'one')");
    round.settle();
    let outbox = "no bundle waits for a receipt";
    central.run(&["doctor"]).ok().says("the database knows every bundle").never_says("note  labs");
    // Kept: the word of the centre on a row that is edited here too.
    central.sql("UPDATE shelves SET name = 'of the centre'");
    central.run(&["export", round.stick("lab-a").to_str().unwrap()]).ok();
    lab.sql("UPDATE shelves SET name = 'of the lab'");
    lab.run(&["import", "--no-reply", round.stick("lab-a").to_str().unwrap()]).ok();
    central
        .run(&["doctor"])
        .ok()
        .says("2 bundles without a receipt, for lab-a, lab-b; all are there")
        .never_says(outbox);
    lab.run(&["doctor"]).ok().never_says("note  kept");
    let back = |site: &TestSite<'_>, table: &str, columns: &[&str], days: u32| {
        for column in columns {
            site.sql(&format!("UPDATE {table} SET {column} = {column} - INTERVAL {days} DAY"));
        }
    };
    back(lab, "packmule_kept", &["kept_at"], 8);
    lab.run(&["doctor"]).ok().says("note  kept      1 change of shelves kept").says("do: packmule export");
    back(central, "packmule_bundle", &["recorded_at"], 31);
    let ran = central.run(&["doctor"]).ok();
    let ran = ran.says("note  labs      lab-a: nothing has come for 31 days");
    let ran = ran.says("note  receipts  1 bundle for lab-b not confirmed, the oldest for 31 days");
    ran.says("packmule sites suspend lab-a").says("packmule sites resend lab-b");
    central.run(&["sites", "suspend", "lab-a"]).ok();
    central.run(&["doctor"]).ok().never_says("lab-a: nothing has come");
}
