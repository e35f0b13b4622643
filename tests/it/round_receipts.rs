//! Receipts: what they let go, and that a false one lets nothing go.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use packmule::bundle::Unverified;

use crate::harness::{Round, SCHEMA, TestSite, bundles_in, contents, resigned, signing_key};

const TABLES: &[&str] = &["shelves", "items"];

/// A round in which everybody forgets after a second what is confirmed.
fn forgetful_round(labs: &[&str]) -> Round {
    let round = Round::new(SCHEMA, labs, TABLES);
    for site in std::iter::once(round.central()).chain(&round.family.labs) {
        let settings = fs::read_to_string(site.config()).unwrap();
        fs::write(site.config(), format!("keep = \"1s\"\n{settings}")).unwrap();
    }
    round.go_round_all();
    round.go_round_all();
    round
}

/// What a site still has of its own: rows of its log, and bundles in its outbox.
fn left(site: &TestSite<'_>) -> (u64, usize) {
    (site.count("sync_log"), bundles_in(&site.state().join("outbox")).len())
}

#[test]
fn log_and_outbox_shrink_to_what_is_not_confirmed() {
    let round = forgetful_round(&["lab-a", "lab-b"]);
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    for number in 1..=4 {
        a.sql(&format!("INSERT INTO shelves VALUES ({number}, 'of a')"));
        central.sql(&format!("INSERT INTO shelves VALUES (10{number}, 'of the centre')"));
        b.sql(&format!("INSERT INTO shelves VALUES (20{number}, 'of b')"));
        round.go_round_all();
    }
    round.settle();
    sleep(Duration::from_millis(1200));
    round.go_round_all();
    // What nobody answers is the last receipt of each stream alone.
    for site in [central, a, b] {
        let (log, outbox) = left(site);
        assert_eq!(log, 0, "{}", site.name());
        assert!(outbox <= 2, "{}: {outbox} bundles", site.name());
    }
    // And everything goes on from there: a later edit of an old row is no conflict.
    a.sql("UPDATE shelves SET name = 'of a again' WHERE id = 203");
    round.settle();
    assert_eq!(central.count("conflict_log"), 0);
    assert_eq!(b.value("SELECT name FROM shelves WHERE id = 203"), "of a again");
}

#[test]
fn nothing_goes_that_a_silent_lab_has_not_confirmed_and_it_gets_all_of_it_when_it_comes_back() {
    let round = forgetful_round(&["lab-a", "lab-b"]);
    let (central, b) = (round.central(), round.lab("lab-b"));
    let unconfirmed = |lab: &str| -> u64 {
        let count = format!(
            "SELECT COUNT(*) FROM packmule_bundle b JOIN packmule_stream s USING (from_site, incarnation, to_site) \
             WHERE to_site = '{lab}' AND state = 'sealed' AND seq > confirmed_seq"
        );
        central.value(&count.replace("state =", "b.state =")).parse().unwrap()
    };
    let before = unconfirmed("lab-b");
    for number in 1..=3 {
        round.lab("lab-a").sql(&format!("INSERT INTO shelves VALUES ({number}, 'of a')"));
        central.sql(&format!(
            "UPDATE shelves SET name = 'round {number}'; INSERT INTO shelves VALUES (10{number}, 'x')"
        ));
        round.go_round("lab-a");
        sleep(Duration::from_millis(1100));
        round.go_round("lab-a");
    }
    // The log of what lab-b was not given is there, and its bundles; lab-a's bundles are gone.
    let (log, outbox) = left(central);
    assert!(log >= 9, "{log} log rows");
    assert_eq!(unconfirmed("lab-b"), before + 3);
    assert!(outbox as u64 <= unconfirmed("lab-b") + unconfirmed("lab-a"), "{outbox}");
    round.settle();
    assert_eq!(b.count("shelves"), 6);
    sleep(Duration::from_millis(1200));
    round.go_round_all();
    assert_eq!(left(central).0, 0);
}

#[test]
fn a_suspended_lab_holds_nothing_back() {
    let round = forgetful_round(&["lab-a", "lab-b"]);
    let central = round.central();
    central.sql("UPDATE packmule_site SET state = 'suspended' WHERE name = 'lab-b'");
    central.sql("INSERT INTO shelves VALUES (1, 'x')");
    round.go_round("lab-a");
    round.go_round("lab-a");
    sleep(Duration::from_millis(1200));
    round.go_round("lab-a");
    assert_eq!(left(central).0, 0);
}

/// The newest bundle on a lab's stick, from this site.
fn newest(round: &Round, from: &str, to: &str) -> PathBuf {
    bundles_in(
        &round.stick(if from == "central" { to } else { from }).join(format!("packmule/{from}-to-{to}")),
    )
    .pop()
    .unwrap()
}

/// Sets the receipt of a bundle to something else and signs it with its site's own key.
fn with_receipt(bundle: &PathBuf, forge: impl Fn(u64, &str) -> (u64, String), site: &TestSite<'_>) {
    let bytes = fs::read(bundle).unwrap();
    let manifest = Unverified::read(&mut bytes.as_slice(), bytes.len() as u64).unwrap().claims().unwrap();
    let receipt = manifest.receipt().expect("a bundle with a receipt");
    let digest = receipt.digest.to_string();
    let (seq, other) = forge(receipt.seq.number(), &digest);
    let words = |seq: u64, digest: &str| format!("\"seq\":{seq},\"digest\":\"{digest}\"");
    let forged =
        resigned(&bytes, &words(receipt.seq.number(), &digest), &words(seq, &other), &signing_key(site));
    fs::write(bundle, forged).unwrap();
}

/// Makes the number and digest of a false receipt from those of a true one.
type Forgery = fn(u64, &str) -> (u64, String);

/// The same digest with another last digit.
fn other_digest(digest: &str) -> String {
    let (head, last) = digest.split_at(digest.len() - 1);
    format!("{head}{}", if last == "0" { "1" } else { "0" })
}

/// A lab that has taken in three bundles of the centre, and has a bundle of its own with a receipt on its stick.
fn after_three_bundles() -> Round {
    let round = forgetful_round(&["lab-a"]);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    for number in 1..=3 {
        central.sql(&format!("INSERT INTO shelves VALUES ({number}, 'x')"));
        central.run(&["export", round.stick("lab-a").to_str().unwrap()]).ok();
    }
    lab.run(&["import", "--no-reply", round.stick("lab-a").to_str().unwrap()]).ok();
    lab.sql("INSERT INTO shelves VALUES (10, 'of a')");
    round.export("lab-a").ok();
    round
}

#[test]
fn a_false_receipt_at_the_centre_is_told_and_not_believed_and_the_changes_are_applied() {
    let forgeries: [Forgery; 3] = [
        // The right number with the wrong digest; a number that never was; another bundle's digest.
        |seq, digest| (seq, other_digest(digest)),
        |_, digest| (9, digest.to_owned()),
        |seq, digest| (seq - 1, digest.to_owned()),
    ];
    for forgery in forgeries {
        let round = after_three_bundles();
        let (central, lab) = (round.central(), round.lab("lab-a"));
        with_receipt(&newest(&round, "lab-a", "central"), forgery, lab);
        sleep(Duration::from_millis(1200));
        let confirmed = "SELECT confirmed_seq FROM packmule_stream WHERE to_site = 'lab-a'";
        let before = (central.value(confirmed), left(central).0);
        round.visit("lab-a").ok().says("that was never sealed here: NOT believed");
        assert_eq!(central.value("SELECT name FROM shelves WHERE id = 10"), "of a");
        // The lab's own change is logged now, and nothing else went.
        assert_eq!((central.value(confirmed), left(central).0), (before.0, before.1 + 1));
    }
}

#[test]
fn a_false_receipt_at_a_lab_stops_its_centre_s_stream_and_nothing_is_applied() {
    let forgeries: [Forgery; 2] =
        [|seq, digest| (seq, other_digest(digest)), |_, digest| (9, digest.to_owned())];
    for forgery in forgeries {
        let round = forgetful_round(&["lab-a"]);
        let (central, lab) = (round.central(), round.lab("lab-a"));
        lab.sql("INSERT INTO shelves VALUES (10, 'of a')");
        round.export("lab-a").ok();
        central.sql("INSERT INTO shelves VALUES (1, 'x')");
        round.visit("lab-a").ok();
        let bundle = newest(&round, "central", "lab-a");
        let good = fs::read(&bundle).unwrap();
        with_receipt(&bundle, forgery, central);
        // Edited since: whether the bundle's rows take that into account cannot be told any more.
        lab.sql("UPDATE shelves SET name = 'of a again' WHERE id = 10");
        sleep(Duration::from_millis(1200));
        let before = contents(lab);
        for _ in 0..2 {
            lab.run(&["import", "--no-reply", round.stick("lab-a").to_str().unwrap()])
                .code(14)
                .says("STOPPED")
                .says("that this database never sealed");
            assert_eq!(contents(lab), before);
        }
        // The lab's own changes still go out. With the true bundle in place of the false one all is well.
        round.export("lab-a").ok();
        fs::write(&bundle, good).unwrap();
        bundles_in(&lab.state().join("inbox")).iter().for_each(|path| fs::remove_file(path).unwrap());
        round.bring_home("lab-a").ok();
        round.settle();
        assert_eq!(central.value("SELECT name FROM shelves WHERE id = 10"), "of a again");
    }
}

#[test]
fn a_receipt_of_another_history_confirms_nothing() {
    let round = after_three_bundles();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    // Number and digest are those of a bundle that was sealed here; the history is not.
    let bundle = newest(&round, "lab-a", "central");
    let bytes = fs::read(&bundle).unwrap();
    let receipt = central.value("SELECT incarnation FROM packmule_here");
    let words = |history: &str| format!("\"receipt\":{{\"incarnation\":\"{history}\"");
    let forged = resigned(&bytes, &words(&receipt), &words(&other_digest(&receipt)), &signing_key(lab));
    fs::write(&bundle, forged).unwrap();
    sleep(Duration::from_millis(1200));
    let confirmed = "SELECT confirmed_seq FROM packmule_stream WHERE to_site = 'lab-a'";
    let own = "SELECT COUNT(*) FROM sync_log WHERE origin IS NULL";
    let before = (central.value(confirmed), central.value(own));
    assert_eq!(before.1, "3");
    round.visit("lab-a").ok().says("not confirmed yet: bundles 2 to 4");
    assert_eq!((central.value(confirmed), central.value(own)), before);
    assert_eq!(central.value("SELECT name FROM shelves WHERE id = 10"), "of a");
}

#[test]
fn an_old_receipt_that_comes_late_takes_nothing_back() {
    let round = Round::new(SCHEMA, &["lab-a"], TABLES);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let confirmed = |site: &TestSite<'_>| {
        site.value(&format!("SELECT confirmed_seq FROM packmule_stream WHERE from_site = '{}'", site.name()))
    };
    for number in 1..=4 {
        central.sql(&format!("INSERT INTO shelves VALUES ({number}, 'x')"));
        lab.sql(&format!("INSERT INTO shelves VALUES (1{number}, 'of a')"));
        round.go_round_all();
    }
    round.settle();
    let before = (confirmed(central), confirmed(lab));
    // Every bundle of the stick once more, oldest receipts and all.
    let copy = central.stick("copy");
    for (at, bundle) in bundles_in(&round.stick("lab-a")).iter().enumerate() {
        fs::copy(bundle, copy.join(format!("{at}.mule"))).unwrap();
    }
    for site in [central, lab] {
        site.run(&["import", "--no-reply", copy.to_str().unwrap()]).ok();
    }
    assert_eq!((confirmed(central), confirmed(lab)), before);
    round.settle();
}
