//! What has happened between the sites: real edits, real sticks, and conflicts of every kind.

use std::fs;
use std::path::Path;

use crate::cells;
use crate::harness::{Round, bundles_in, mail_url, open_mail, set_central};

/// The labs, each with a fate of its own.
pub(crate) const LABS: [&str; 7] = ["lab-a", "lab-b", "lab-c", "lab-d", "lab-e", "lab-f", "lab-g"];
const TABLES: [&str; 5] = ["shelves", "items", "prices", "spans", "loans"];
const RULES: &str = "[tables.items]\npolicy = \"review\"\n[tables.prices]\npolicy = \"review\"\n";

/// All of it, from the enrolment to now.
pub(crate) fn all() -> Round {
    let round = Round::with_settings(&cells::schema(), &LABS, &TABLES, RULES);
    start(&round);
    days(&round);
    on_one_row(&round);
    cells(&round);
    of_each_kind(&round);
    by_rule(&round);
    many(&round);
    decided(&round);
    line(&round);
    gap(&round);
    round.central().run(&["sites", "suspend", "lab-c"]).ok();
    as_old_as_their_numbers(&round);
    round
}

/// Rows that every lab but lab-d has; of that one nobody has ever heard.
fn start(round: &Round) {
    let items = (1..=90).map(|id| format!("({id}, 1, 'scale {id}', 10, 'old', 'old')"));
    let prices = (1..=60).map(|id| format!("({id}, 'glass {id}', {id}.50)"));
    let loans = (1..=9).map(|id| format!("({id}, 'Wanjiru', '2026-11-0{id}')"));
    let rows = |rows: Vec<String>| rows.join(",");
    round.central().sql(&format!(
        "INSERT INTO shelves VALUES (1, 'A1', 'chemistry'), (2, 'B1', 'physics'), (3, 'C1', NULL);
         INSERT INTO items (id, shelf, name, quantity, note, label) VALUES {};
         INSERT INTO prices VALUES {}; INSERT INTO spans VALUES (1, 1, 10), (2, 1, 10); INSERT INTO loans VALUES {}",
        rows(items.collect()),
        rows(prices.collect()),
        rows(loans.collect())
    ));
    for lab in LABS.into_iter().filter(|lab| *lab != "lab-d") {
        round.go_round(lab);
        round.go_round(lab);
    }
}

/// Days with nothing special.
fn days(round: &Round) {
    for day in 1..=8 {
        round
            .lab("lab-a")
            .sql(&format!("UPDATE items SET quantity = {day} WHERE id > 60 AND id < 60 + {day}"));
        round.go_round("lab-a");
    }
    round.lab("lab-b").sql("UPDATE items SET label = 'physics' WHERE id BETWEEN 70 AND 75");
    round.go_round("lab-b");
    round.lab("lab-c").sql("INSERT INTO items (id, shelf, name) VALUES (300, 1, 'microscope')");
    round.go_round("lab-c");
    for (lab, id) in [("lab-f", 310), ("lab-g", 320)] {
        round.lab(lab).sql(&format!("INSERT INTO items (id, shelf, name) VALUES ({id}, 2, 'lamp')"));
        round.go_round(lab);
    }
}

/// Items 1 to 9 and 20 to 39 are for the tests that decide, one for each: the centre has 8, lab-a has 7 and a note.
fn on_one_row(round: &Round) {
    let ids = "(id BETWEEN 1 AND 9 OR id BETWEEN 20 AND 39)";
    round.lab("lab-b").sql("UPDATE items SET quantity = 5, label = 'physics' WHERE id IN (1, 18)");
    meet(
        round,
        &format!("UPDATE items SET quantity = 8 WHERE {ids} OR id = 18"),
        &format!("UPDATE items SET quantity = 7, note = 'shelf B' WHERE {ids} OR id = 18"),
    );
    round.export("lab-b").ok();
    round.visit("lab-b").ok();
}

fn cells(round: &Round) {
    for (id, central, lab) in cells::hostile() {
        round.central().sql(&format!("UPDATE items SET {central} WHERE id = {id}"));
        round.lab("lab-a").sql(&format!("UPDATE items SET {lab} WHERE id = {id}"));
    }
    meet(round, "", "");
}

/// `changed` is there already; these are the others.
fn of_each_kind(round: &Round) {
    meet(
        round,
        "DELETE FROM items WHERE id = 40; UPDATE items SET note = 'central' WHERE id = 41;
         INSERT INTO items (id, shelf, name, quantity) VALUES (100, 1, 'beaker of the centre', 1);
         INSERT INTO shelves VALUES (9, 'D1', 'the centre'); DELETE FROM shelves WHERE id = 3;
         UPDATE spans SET high = 5 WHERE id = 1",
        "UPDATE items SET note = 'still there' WHERE id = 40; DELETE FROM items WHERE id = 41;
         INSERT INTO items (id, shelf, name, quantity) VALUES (100, 2, 'beaker of lab-a', 2);
         INSERT INTO shelves VALUES (8, 'D1', 'lab-a'); INSERT INTO items (id, shelf, name) VALUES (101, 3, 'on shelf 3');
         UPDATE spans SET low = 8 WHERE id = 1",
    );
}

/// Decided by the rule that the last edit wins.
fn by_rule(round: &Round) {
    meet(
        round,
        "UPDATE loans SET due_on = '2026-11-20', who = 'Achieng' WHERE id < 5",
        "UPDATE loans SET due_on = '2026-12-10' WHERE id < 5",
    );
}

/// Fifty that a person decides all at once.
fn many(round: &Round) {
    round.lab("lab-b").sql("UPDATE prices SET price = price + 2 WHERE id <= 50");
    round.central().sql("UPDATE prices SET price = price + 1 WHERE id <= 50");
    round.export("lab-b").ok();
    round.visit("lab-b").ok();
}

/// Two that a person has decided.
fn decided(round: &Round) {
    meet(
        round,
        "UPDATE items SET quantity = 8 WHERE id IN (50, 51)",
        "UPDATE items SET quantity = 7 WHERE id IN (50, 51)",
    );
    let id = |item: u32| {
        let query =
            format!("SELECT id FROM conflict_log WHERE table_name = 'items' AND record_id = '{item}'");
        round.central().value(&query)
    };
    round.decide(&["approve", &id(50), "-m", "counted again"]).ok();
    round.decide(&["reject", &id(51)]).ok();
}

/// A bundle of lab-b is lost with its stick, and the one after it waits.
fn gap(round: &Round) {
    let lab = round.lab("lab-b");
    round.bring_home("lab-b").ok();
    lab.sql("UPDATE items SET label = 'lost' WHERE id = 80");
    round.export("lab-b").ok();
    lab.sql("UPDATE items SET label = 'waits' WHERE id = 81");
    round.export("lab-b").ok();
    let sent = bundles_in(&round.stick("lab-b").join("packmule/lab-b-to-central"));
    let [.., lost, _] = sent.as_slice() else { panic!("two bundles were exported: {sent:?}") };
    fs::remove_file(lost).unwrap();
    round.visit("lab-b").code(15);
}

/// lab-e comes by network.
fn line(round: &Round) {
    let lab = round.lab("lab-e");
    open_mail(round.central(), "lab-e");
    set_central(lab, &mail_url(round.central(), "lab-e"));
    lab.sql("UPDATE items SET label = 'online' WHERE id = 85");
    lab.run(&["sync"]).ok();
    round.central().run(&["sync"]).ok();
    lab.run(&["sync"]).ok();
}

/// All this has taken seconds. In the ledger it has taken days: a bundle is as many days old as there are bundles after it.
fn as_old_as_their_numbers(round: &Round) {
    let aged = |lab: &str, days: u32| {
        format!(
            "UPDATE packmule_bundle AS b JOIN (SELECT MAX(seq) AS top FROM packmule_bundle WHERE from_site = '{lab}') AS t
               SET b.sealed_at = b.sealed_at - INTERVAL (t.top - b.seq) * {days} DAY, b.recorded_at = b.recorded_at - INTERVAL (t.top - b.seq) * {days} DAY
               WHERE b.from_site = '{lab}'"
        )
    };
    for (lab, days) in [("lab-a", 2), ("lab-b", 3), ("lab-c", 4), ("lab-e", 1)] {
        round.central().sql(&aged(lab, days));
    }
    round.central().sql(
        "UPDATE packmule_bundle SET sealed_at = sealed_at - INTERVAL 19 DAY, recorded_at = recorded_at - INTERVAL 19 DAY
         WHERE from_site = 'lab-f'",
    );
    round
        .central()
        .sql("UPDATE conflict_log SET met_at = met_at - INTERVAL (id % 20) DAY WHERE status = 'open'");
}

/// Edits at the centre and at lab-a that meet.
fn meet(round: &Round, central: &str, lab: &str) {
    if !central.is_empty() {
        round.central().sql(central);
    }
    if !lab.is_empty() {
        round.lab("lab-a").sql(lab);
    }
    round.export("lab-a").ok();
    round.visit("lab-a").ok();
}

/// A path as a word of a command.
pub(crate) fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}
