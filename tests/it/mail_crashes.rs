//! The process killed at every place where something sent, fetched or removed by network is half done, and the same
//! command run again.

use packmule::monitor::Step;

use crate::harness::{Pair, Ran, TestSite, files};
use crate::mail::{json, noise};

#[test]
fn after_a_crash_anywhere_in_a_push_the_same_command_sends_what_is_missing() {
    for step in steps(&["send", "seal.renamed"]) {
        let pair = pair();
        kill(pair.lab(), "push", step);
        let rest = sent_bytes(&pair.lab().run(&["push", "--json"]).ok());
        let whole = size(&pair);
        match step {
            "send.half-sent" => assert!(rest > 0 && rest < whole, "{rest} of {whole} bytes were sent"),
            "send.complete" => assert_eq!(rest, 0, "{step}"),
            _ => assert_eq!(rest, whole, "{step}"),
        }
        assert_eq!(pair.lab().value("SELECT way FROM packmule_bundle"), "online", "{step}");
        pair.central().run(&["pull"]).ok();
        pair.assert_exactly_once();
    }
}

#[test]
fn after_a_crash_anywhere_in_a_pull_the_same_command_completes_it() {
    for step in steps(&["fetch", "apply.committed", "clear"]) {
        let pair = pair();
        pair.lab().run(&["push"]).ok();
        kill(pair.central(), "pull", step);
        let again = json(&pair.central().run(&["pull", "--json"]).ok());
        let (fetched, whole) = (again["fetched"][0]["fetched_bytes"].as_u64().unwrap_or(0), size(&pair));
        match step {
            "fetch.half-fetched" => assert!(fetched > 0 && fetched < whole, "{fetched} of {whole} bytes"),
            _ => assert_eq!(fetched, 0, "{step}"),
        }
        pair.assert_exactly_once();
        assert_eq!(pair.central().value("SELECT state FROM packmule_mail"), "taken", "{step}");
        assert_eq!(pair.central().count("packmule_mail_part"), 0, "{step}");
        assert_eq!(sent_bytes(&pair.lab().run(&["push", "--json"]).ok()), 0, "{step}: sent a second time");
    }
}

#[test]
fn a_crash_on_the_way_back_costs_nothing() {
    let pair = pair();
    let (central, lab) = (pair.central(), pair.lab());
    let first = ["push", "pull", "push", "pull"];
    for (at, command) in first.iter().enumerate() {
        [lab, central, central, lab][at].run(&[command]).ok();
    }
    for step in steps(&["send", "fetch", "clear", "retry"]) {
        central.sql(&format!(
            "UPDATE items SET name = '{step}' LIMIT 1; UPDATE items SET photo = x'{}' ORDER BY id DESC LIMIT 1",
            noise(600 << 10)
        ));
        kill_or_done(central, "push", step);
        central.run(&["push"]).ok();
        kill_or_done(lab, "pull", step);
        lab.run(&["sync"]).ok();
        crate::harness::assert_equal(lab, central, &["shelves", "items"]);
        central.run(&["pull"]).ok();
    }
    // The lab's receipts have let everything go.
    lab.run(&["sync"]).ok();
    central.run(&["sync"]).ok();
    let left =
        "SELECT COUNT(*) FROM packmule_mail_part JOIN packmule_mail ON id = mail WHERE size_bytes > 100000";
    assert_eq!(central.value(left), "0");
    let none: [std::path::PathBuf; 0] = [];
    assert_eq!(files(&lab.state().join("arriving")), none);
    assert_eq!(files(&lab.state().join("inbox")), none);
}

#[test]
fn a_seal_that_was_killed_at_the_centre_holds_up_no_pull() {
    let pair = Pair::new();
    pair.go_online();
    for (turn, step) in steps(&["seal"]).into_iter().enumerate() {
        pair.edit();
        pair.lab().run(&["push"]).ok();
        pair.central().sql(&format!("INSERT INTO shelves VALUES ({}, 'of the centre')", 9_000 + turn));
        kill(pair.central(), "push", step);
        pair.central().run(&["pull"]).ok();
        pair.central().run(&["push"]).ok();
        pair.lab().run(&["sync"]).ok();
        crate::harness::assert_equal(pair.lab(), pair.central(), &["shelves", "items"]);
    }
}

/// A lab with edits for a bundle of several parts, that can reach its centre.
fn pair() -> Pair {
    let pair = Pair::new();
    pair.go_online();
    pair.edit();
    pair.lab().sql(&format!("UPDATE items SET photo = x'{}' LIMIT 1", noise(900 << 10)));
    pair
}

fn steps(sides: &[&str]) -> Vec<&'static str> {
    let is_meant =
        |name: &&str| sides.iter().any(|side| name == side || name.split('.').next() == Some(side));
    Step::ALL.iter().map(|step| step.name()).filter(is_meant).collect()
}

/// The size of the only bundle.
fn size(pair: &Pair) -> u64 {
    let outbox = files(&pair.lab().state().join("outbox"));
    assert_eq!(outbox.len(), 1, "{outbox:?}");
    outbox[0].metadata().unwrap().len()
}

fn sent_bytes(ran: &Ran) -> u64 {
    json(ran)["bundles"].as_array().unwrap().iter().map(|one| one["sent_bytes"].as_u64().unwrap()).sum()
}

#[track_caller]
fn kill(site: &TestSite<'_>, command: &str, step: &str) {
    run_to(site, command, step).killed();
}

#[track_caller]
fn kill_or_done(site: &TestSite<'_>, command: &str, step: &str) {
    let ran = run_to(site, command, step);
    assert!(matches!(ran.code, None | Some(0)), "{ran:?}");
}

fn run_to(site: &TestSite<'_>, command: &str, step: &str) -> Ran {
    let mut program = site.command(&[command]);
    let output = program.env("PACKMULE_CRASH_AT", step).output().unwrap();
    Ran::new(format!("PACKMULE_CRASH_AT={step} packmule {command}"), &output)
}
