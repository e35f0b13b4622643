//! A centre and its labs by network: rounds without a stick, rounds with both, and what a person is told.

use fastrand::Rng;

use crate::harness::{Ran, Round, SCHEMA, TestSite, set_central};

const TABLES: &[&str] = &["shelves", "items"];

/// A centre and two labs that have exchanged everything there was, by network alone.
fn online(settings: &str) -> Round {
    let round = Round::with_settings(SCHEMA, &["lab-a", "lab-b"], TABLES, settings);
    round.central().sql("INSERT INTO shelves VALUES (1, 'north'), (2, 'south')");
    round.family.go_online();
    settle(&round);
    round
}

fn sync(site: &TestSite<'_>) -> Ran {
    site.run(&["sync"])
}

/// Enough rounds for every word to go there and back.
#[track_caller]
fn settle(round: &Round) {
    for _ in 0..4 {
        for site in [round.central(), round.lab("lab-a"), round.lab("lab-b")] {
            sync(site).ok();
        }
    }
    round.assert_all_equal();
}

#[test]
fn edits_reach_every_site_by_network_alone_and_then_the_line_is_quiet() {
    let round = online("");
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    a.sql("INSERT INTO items VALUES (1, 1, 'scale', 3, NULL)");
    b.sql("UPDATE shelves SET name = 'south wall' WHERE id = 2");
    sync(a)
        .ok()
        .says("Bundle 2 for central is at the centre: insert 1")
        .says("Do next: nothing; the centre's receipt");
    sync(b).ok();
    sync(central).ok().says("Fetched 2 bundles from lab-a, lab-b").says("applied 1 change");
    sync(a).ok().says("Fetched 1 bundle from central").says("applied 1 change");
    sync(b).ok();
    round.assert_all_equal();
    assert_eq!(b.value("SELECT name FROM items WHERE id = 1"), "scale");
    settle(&round);
    let bundles = |site: &TestSite<'_>| site.count("packmule_bundle");
    let before = [bundles(central), bundles(a), bundles(b)];
    settle(&round);
    assert_eq!([bundles(central), bundles(a), bundles(b)], before, "receipts answer receipts");
    let ways = "SELECT COUNT(*) FROM packmule_bundle WHERE COALESCE(way, '') <> 'online'";
    assert_eq!([central.value(ways), a.value(ways), b.value(ways)], ["0", "0", "0"]);
    a.run(&["history"]).ok().says("online");
    a.run(&["status"]).ok().says("Up to date").says("Do next: nothing");
    a.sql("UPDATE items SET quantity = 4 WHERE id = 1");
    a.run(&["status"]).ok().says("Do next: packmule sync");
    sync(a).ok();
    a.run(&["status"]).ok().says("sent ").says("once central has taken in what is on its way");
    settle(&round);
    // Receipts make room: what is left are the heads of what the centre has applied.
    assert_eq!(central.value("SELECT COUNT(*) FROM packmule_mail_part WHERE mail IN (SELECT id FROM packmule_mail WHERE to_site = 'central')"), "0");
    assert_eq!(central.value("SELECT MAX(used_bytes) FROM packmule_mail_use WHERE site <> 'central'"), "0");
    assert_eq!(
        central.value("SELECT COUNT(*) FROM packmule_mail WHERE to_site = 'central' AND state <> 'taken'"),
        "0"
    );
}

#[test]
fn sticks_and_the_line_in_any_order_apply_each_bundle_once() {
    let round = online("");
    let mut rng = Rng::with_seed(20);
    for step in 0..40 {
        let lab = ["lab-a", "lab-b"][rng.usize(..2)];
        let stick = round.stick(lab);
        let (site, stick) = (round.lab(lab), stick.to_str().unwrap());
        let ran = match rng.u32(..12) {
            0 | 1 => {
                site.sql(&format!(
                    "INSERT INTO items (shelf, name, quantity) VALUES (1, '{lab} {step}', 1); \
                     UPDATE shelves SET name = '{lab} {step}' WHERE id = {}",
                    rng.u32(1..=2)
                ));
                continue;
            }
            2 => {
                round.central().sql(&format!("UPDATE shelves SET name = 'central {step}' WHERE id = 1"));
                continue;
            }
            3 => site.run(&["export", stick]),
            4 => round.central().run(&["import", stick]),
            5 => site.run(&["import", stick]),
            6 => site.run(&["push"]),
            7 => site.run(&["pull"]),
            8 => sync(site),
            9 => round.central().run(&["push"]),
            10 => round.central().run(&["pull"]),
            _ => sync(round.central()),
        };
        // What waits for a bundle that goes another way is no fault.
        assert!(matches!(ran.code, Some(0 | 13 | 15)), "{ran:?}");
    }
    settle(&round);
    assert_eq!(round.central().count("items"), round.lab("lab-a").count("items"));
    let twice = "SELECT COUNT(*) FROM (SELECT name FROM items GROUP BY name HAVING COUNT(*) > 1) AS twice";
    assert_eq!(round.central().value(twice), "0");
}

#[test]
fn a_centre_that_cannot_be_reached_costs_nothing() {
    let round = online("");
    let lab = round.lab("lab-a");
    let there = crate::harness::mail_url(round.central(), "lab-a");
    lab.sql("INSERT INTO items VALUES (1, 1, 'scale', 3, NULL)");
    // A port where nobody listens: it was given to this test and closed again.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    set_central(lab, &format!("mysql://packmule_lab-a:x@127.0.0.1:{port}/c"));
    for command in ["push", "pull", "sync"] {
        let ran = lab
            .run(&[command])
            .code(17)
            .says("the centre cannot be reached")
            .says("kept here and will be sent next time");
        assert!(
            ran.stderr.contains("  hint: run the same command again when there is a connection"),
            "{ran:?}"
        );
    }
    // Somebody listens and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    set_central(lab, &format!("mysql://packmule_lab-a:x@{}/c", silent.local_addr().unwrap()));
    lab.run(&["push", "--timeout", "1s"]).code(17).says("no answer came in time");
    assert_eq!(lab.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "1", "sealed without a line");
    // A wrong password, a database without mail, another lab's account.
    set_central(lab, &there.replace("s3cret", "wrong"));
    lab.run(&["push"]).code(12).says("the centre does not let this lab in").never_says("wrong");
    set_central(lab, &lab.url());
    lab.run(&["push"]).code(12).says("keeps no mail for this lab");
    set_central(lab, &crate::harness::mail_url(round.central(), "lab-b"));
    lab.run(&["push"]).code(10).says("the account at the centre is lab-b's, and this is lab-a");
    set_central(lab, &there);
    round.central().sql("UPDATE packmule_mail_account SET is_open = 0 WHERE site = 'lab-a'");
    lab.run(&["push"]).code(17).says("the centre takes and gives no mail of lab-a now");
    round.central().sql("UPDATE packmule_mail_account SET is_open = 1");
    sync(lab).ok();
    settle(&round);
    assert_eq!(round.lab("lab-b").count("items"), 1);
}

#[test]
fn a_lab_without_an_address_of_its_centre_is_told_so() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    round.lab("lab-a").run(&["push"]).code(10).says("do not say where the centre can be reached");
    // At the centre there is nothing to be reached, and nobody to send to but by stick.
    round.central().sql("INSERT INTO shelves VALUES (1, 'north')");
    round.central().run(&["sync"]).ok().says("Only by stick, because there is no mail for them: lab-a");
}

#[test]
fn a_quota_that_is_used_up_is_said_and_what_is_left_goes_later() {
    let round = online("[mail]\nquota = \"1MiB\"\nquota_bundles = 3\n");
    let (central, lab) = (round.central(), round.lab("lab-a"));
    lab.sql(&format!("INSERT INTO items VALUES (1, 1, 'large', 1, x'{}')", noise(600 << 10)));
    lab.run(&["push"]).ok();
    lab.sql(&format!("INSERT INTO items VALUES (2, 1, 'large too', 1, x'{}')", noise(600 << 10)));
    let ran = lab
        .run(&["push"])
        .code(17)
        .says("the centre has no more room for this lab's bundles")
        .says("of 1048576 bytes");
    ran.says("Bundle 2 for central is at the centre already")
        .says("bundle 3 is kept here and will be sent next time");
    // Another lab's quota is its own.
    round.lab("lab-b").sql("INSERT INTO items VALUES (3, 1, 'small', 1, NULL)");
    round.lab("lab-b").run(&["push"]).ok();
    sync(central).ok();
    lab.run(&["push"]).ok();
    settle(&round);
    for id in 10..15 {
        lab.sql(&format!("INSERT INTO items VALUES ({id}, 1, 'one', 1, NULL)"));
        let ran = lab.run(&["push"]);
        match id {
            10..=12 => ran.ok(),
            _ => ran.code(17).says("of 3 bundles"),
        };
    }
    settle(&round);
    assert_eq!(central.count("items"), 8);
}

#[test]
fn a_dry_run_says_what_would_go_and_changes_nothing() {
    let round = online("");
    let (central, lab) = (round.central(), round.lab("lab-a"));
    lab.sql("INSERT INTO items VALUES (1, 1, 'scale', 3, NULL)");
    let before = crate::harness::contents(lab);
    lab.run(&["push", "-n"]).ok().says("The next bundle would hold 1 change in 1 table");
    lab.run(&["sync", "--dry-run"]).ok().says("Nothing new waits at the centre");
    assert_eq!(crate::harness::contents(lab), before);
    lab.run(&["push"]).ok();
    central.run(&["pull", "-n"]).ok().says("1 bundle, ").says("would be fetched");
    assert_eq!(central.count("items"), 0);
    central.run(&["pull"]).ok();
    assert_eq!(central.count("items"), 1);
}

#[test]
fn a_program_reads_what_went_over_the_line() {
    let round = online("");
    let (central, lab) = (round.central(), round.lab("lab-a"));
    lab.sql("INSERT INTO items VALUES (1, 1, 'scale', 3, NULL)");
    let push = json(&lab.run(&["push", "--json"]).ok());
    assert_eq!((&push["format"], &push["exit"]), (&"packmule.push.v1".into(), &0.into()));
    // The first bundle was a receipt, which nobody confirms.
    assert_eq!(
        (&push["bundles"][0]["state"], &push["bundles"][0]["kind"]),
        (&"taken".into(), &"receipt".into())
    );
    assert_eq!((&push["bundles"][1]["state"], &push["bundles"][1]["bundle"]), (&"sent".into(), &2.into()));
    assert_eq!(push["bundles"][1]["bytes"], push["bundles"][1]["sent_bytes"]);
    let again = json(&lab.run(&["push", "--json"]).ok());
    assert_eq!(
        (&again["bundles"][1]["state"], &again["bundles"][1]["sent_bytes"]),
        (&"there".into(), &0.into())
    );
    let pull = json(&central.run(&["pull", "--json"]).ok());
    assert_eq!(
        (&pull["format"], &pull["bundles"][0]["outcome"]),
        (&"packmule.pull.v1".into(), &"applied".into())
    );
    assert_eq!(pull["fetched"][0]["name"], push["bundles"][1]["name"]);
    // The centre has applied it, and the lab does not know that yet: it must not be sent again.
    let taken = json(&lab.run(&["push", "--json"]).ok());
    assert_eq!(
        (&taken["bundles"][1]["state"], &taken["bundles"][1]["sent_bytes"]),
        (&"taken".into(), &0.into())
    );
    let sync = json(&central.run(&["sync", "--json"]).ok());
    assert_eq!(
        (&sync["format"], &sync["push"]["bundles"][0]["to"]),
        (&"packmule.sync.v1".into(), &"lab-a".into())
    );
}

#[test]
fn the_rate_is_kept() {
    let round = online("");
    let lab = round.lab("lab-a");
    lab.sql(&format!("INSERT INTO items VALUES (1, 1, 'large', 1, x'{}')", noise(300 << 10)));
    let begun = std::time::Instant::now();
    lab.run(&["push", "--limit-rate", "200KiB"]).ok();
    let seconds = begun.elapsed().as_secs_f64();
    assert!(seconds > 1.3, "300 KiB at 200 KiB/s in {seconds} s");
    assert_ne!(round.central().value("SELECT COUNT(*) FROM packmule_mail_part"), "1", "one part is no pace");
    settle(&round);
}

pub(crate) fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Bytes that cannot be compressed, in hexadecimal.
pub(crate) fn noise(bytes: usize) -> String {
    let mut random = Rng::with_seed(7);
    (0..bytes).map(|_| format!("{:02x}", random.u8(..))).collect()
}
