//! Keys that are replaced while bundles are on the way: nothing is lost, nobody compares words, and the old key says no more.

use std::fs;
use std::path::PathBuf;

use packmule::bundle::SigningKey;
use packmule::monitor::Step;

use crate::harness::{Ran, Round, SCHEMA, Saved, TestSite, bundles_in, resigned, signing_key};

const TABLES: &[&str] = &["shelves", "items"];

/// A centre and two labs that have exchanged everything there was.
fn scene() -> Round {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round.central().sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    round.settle();
    round
}

fn rotate(site: &TestSite<'_>) -> Ran {
    site.run(&["keys", "rotate", "--yes"])
}

fn edit(site: &TestSite<'_>, id: u32) {
    site.sql(&format!("INSERT INTO shelves VALUES ({id}, 'of {}')", site.name()));
}

/// The public keys of a site, as it has them and as the other one knows them.
#[track_caller]
fn assert_known(round: &Round, of: &TestSite<'_>, at: &TestSite<'_>) {
    let keys = packmule::config::KeyFolder::new(&of.state()).open().unwrap();
    let query =
        format!("SELECT CONCAT(verifying_key, recipient) FROM packmule_site WHERE name = '{}'", of.name());
    let own = format!("{}{}", keys.signing.verifying_key(), keys.identity.recipient());
    assert_eq!(at.value(&query), own, "{} at {}", of.name(), at.name());
    assert_eq!(of.count("packmule_untold_key"), 0);
    assert!(round.family.labs.iter().all(|lab| lab.count("packmule_kept") == 0));
}

/// The signing keys that a site has replaced.
fn retired(site: &TestSite<'_>) -> Vec<SigningKey> {
    let folders = fs::read_dir(site.state().join("keys/retired")).unwrap();
    let texts = folders.map(|one| fs::read_to_string(one.unwrap().path().join("sign.key")).unwrap());
    texts.map(|text| SigningKey::from_text(&text).unwrap()).collect()
}

/// The bundles of lab-a that lie on its stick and were not there at the beginning, by number.
fn on_stick(round: &Round) -> Vec<PathBuf> {
    let all = bundles_in(&round.stick("lab-a").join("packmule/lab-a-to-central"));
    all.into_iter().filter(|path| !path.to_str().unwrap().ends_with("0000000001.mule")).collect()
}

#[test]
fn new_keys_of_a_lab_are_known_after_one_round_and_old_bundles_still_open() {
    let round = scene();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    // Sealed for the old key, and fetched after the change.
    edit(central, 10);
    central.run(&["export", round.stick("lab-a").to_str().unwrap()]).ok();
    let before = signing_key(lab).verifying_key().clone();
    lab.run(&["keys", "rotate", "-n"]).ok().says("central would hear of them");
    lab.run(&["keys", "rotate", "--no-input"]).code(18);
    assert_eq!(*signing_key(lab).verifying_key(), before);
    rotate(lab).ok().says("lab-a has new keys").says("central hears of them").never_says("SECRET");
    assert_ne!(*signing_key(lab).verifying_key(), before);
    round.bring_home("lab-a").ok().says("applied 1 change");
    edit(lab, 11);
    round.go_round("lab-a");
    assert_known(&round, lab, central);
    round.settle();
    lab.run(&["keys", "show"]).ok().says(&before.id().to_string()).says("not used any more");
    // The ledger of both knows up to which bundle the old key was good.
    let turn = "SELECT verifying_key, last_seq FROM packmule_retired_key WHERE from_site = 'lab-a'";
    assert_eq!(central.query(turn), lab.query(turn));
    assert_eq!(central.query(turn)[0][0], Some(before.to_string()));
    // A round in which nobody has anything to say makes no bundle, as before.
    let sealed = round.sealed(lab);
    round.go_round("lab-a");
    assert_eq!(round.sealed(lab), sealed);
}

#[test]
fn new_keys_of_the_centre_reach_every_lab_even_one_that_was_suspended() {
    let round = scene();
    let central = round.central();
    central.run(&["sites", "suspend", "lab-b"]).ok();
    rotate(central).ok().says("each of 2 sites hears of them");
    edit(central, 10);
    round.go_round("lab-a");
    assert_known(&round, round.lab("lab-a"), central);
    assert_eq!(central.value("SELECT GROUP_CONCAT(site) FROM packmule_untold_key"), "lab-b");
    // Once more, before lab-b has heard of the first change.
    rotate(central).ok();
    edit(central, 11);
    central.run(&["sites", "resume", "lab-b"]).ok();
    round.settle();
    for lab in &round.family.labs {
        assert_known(&round, central, lab);
    }
}

#[test]
fn both_change_their_keys_at_once_twice_and_bundles_are_lost_and_repeated_in_between() {
    let round = scene();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    for turn in 0..2 {
        rotate(lab).ok();
        rotate(central).ok();
        edit(lab, 20 + turn);
        edit(central, 30 + turn);
        // Both have sealed for the other's old key, and neither stick arrives.
        round.export("lab-a").ok();
        central.run(&["export", central.stick("lost").to_str().unwrap()]).ok();
        fs::remove_dir_all(round.stick("lab-a")).unwrap();
    }
    edit(lab, 40);
    round.export("lab-a").ok();
    assert!(on_stick(&round).len() >= 3, "the change of keys, and bundles with the keys after it");
    let copies: Vec<Vec<u8>> = on_stick(&round).iter().map(|path| fs::read(path).unwrap()).collect();
    round.visit("lab-a").ok();
    round.bring_home("lab-a").ok();
    // The same files again, under other names.
    for (at, copy) in copies.iter().enumerate() {
        fs::write(round.stick("lab-a").join(format!("copy{at}.mule")), copy).unwrap();
    }
    round.visit("lab-a").ok();
    round.settle();
    assert_known(&round, lab, central);
    for lab in &round.family.labs {
        assert_known(&round, central, lab);
    }
    assert_eq!(central.count("packmule_retired_key"), 2 + 4);
}

#[test]
fn a_retired_key_says_nothing_after_the_bundle_that_names_its_successor() {
    let round = scene();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    rotate(lab).ok();
    round.export("lab-a").ok();
    edit(lab, 11);
    round.export("lab-a").ok();
    let [turn, after] = on_stick(&round).try_into().unwrap();
    let old = retired(lab).remove(0);
    let (turn, after) = (fs::read(turn).unwrap(), fs::read(after).unwrap());
    let ids = [signing_key(lab), retired(lab).remove(0)].map(|key| key.verifying_key().id().to_string());
    let forged = resigned(&after, &ids[0], &ids[1], &old);
    let thief = SigningKey::generate().unwrap();
    let keys = [signing_key(lab).verifying_key().to_string(), thief.verifying_key().to_string()];
    let second_turn = resigned(&turn, &keys[0], &keys[1], &old);
    round.visit("lab-a").ok();
    let bad = central.stick("bad");
    let ledger = "SELECT * FROM packmule_site; ";
    let before = central.query(ledger);
    for (forged, words) in [
        (&forged, "which lab-a does not use at this place"),
        // The place is taken: it neither brings other keys nor stops the stream.
        (&second_turn, "STOPPED, NOT applied"),
    ] {
        fs::write(bad.join("forged.mule"), forged).unwrap();
        let ran = central.run(&["import", "--no-reply", bad.to_str().unwrap()]);
        let ran = ran.code(14);
        ran.says(words);
        assert_eq!(central.query(ledger), before);
    }
    // Before it has come, too, the new key alone makes nobody known.
    let stranger = resigned(&after, &ids[0], &thief.verifying_key().id().to_string(), &thief);
    fs::write(bad.join("forged.mule"), stranger).unwrap();
    central
        .run(&["import", "--no-reply", bad.to_str().unwrap()])
        .code(14)
        .says("belongs to no enrolled site");
    assert_eq!(central.value("SELECT COUNT(*) FROM packmule_stream WHERE state = 'frozen'"), "0");
    fs::remove_dir_all(&bad).unwrap();
    edit(lab, 12);
    round.settle();
}

#[test]
fn bundles_of_new_keys_that_come_too_early_wait_for_the_one_that_names_them() {
    let round = scene();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    for id in [11, 12] {
        rotate(lab).ok();
        edit(lab, id);
        round.export("lab-a").ok();
        edit(lab, id + 10);
        round.export("lab-a").ok();
    }
    let mut paths = on_stick(&round);
    let away = lab.stick("away");
    let first = paths.remove(0);
    fs::rename(&first, away.join("first.mule")).unwrap();
    round.visit("lab-a").code(14).says("belongs to no enrolled site");
    // A dry run believes for once, and changes nothing.
    let all = [round.stick("lab-a"), away.clone()].map(|path| path.to_str().unwrap().to_owned());
    central.run(&["import", "-n", "--no-reply", &all[0], &all[1]]).ok().says("would");
    assert_eq!(central.value("SELECT COUNT(*) FROM packmule_retired_key"), "0");
    central.run(&["import", &all[0], &all[1]]).ok();
    assert_eq!(central.value("SELECT COUNT(*) FROM shelves"), "6");
    round.settle();
    assert_known(&round, lab, central);
}

#[test]
fn a_snapshot_signed_with_new_keys_is_taken_in_though_what_came_before_it_is_lost() {
    let round = scene();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    edit(central, 10);
    let lost = central.stick("lost");
    central.run(&["export", lost.to_str().unwrap()]).ok();
    rotate(central).ok();
    edit(central, 11);
    central.run(&["export", lost.to_str().unwrap()]).ok();
    central.run(&["sites", "resend", "lab-a"]).ok();
    round.go_round("lab-a");
    assert_known(&round, central, lab);
    round.settle();
}

#[test]
fn a_crash_anywhere_in_a_rotation_leaves_keys_that_work_and_the_same_command_completes_it() {
    let steps = Step::ALL.iter().map(|step| step.name()).filter(|name| name.starts_with("rotate."));
    for (at, step) in steps.enumerate() {
        let round = scene();
        let (central, lab) = (round.central(), round.lab("lab-a"));
        for (site, id) in [(lab, 10), (central, 20)] {
            let before = signing_key(site).verifying_key().to_string();
            let mut command = site.command(&["keys", "rotate", "--yes"]);
            let output = command.env("PACKMULE_CRASH_AT", step).output().unwrap();
            Ran::new(format!("keys rotate killed at {step}"), &output).killed();
            // Whatever was done, others hear of edits.
            edit(site, id);
            if at % 2 == 0 {
                round.go_round("lab-a");
                let is_committed = !["rotate.made", "rotate.ledger-written"].contains(&step);
                assert_eq!(signing_key(site).verifying_key().to_string() != before, is_committed, "{step}");
            }
            rotate(site).ok();
            edit(site, id + 1);
            round.go_round("lab-a");
        }
        round.settle();
        assert_known(&round, lab, central);
        assert_known(&round, central, lab);
    }
}

#[test]
fn a_crash_anywhere_in_the_seal_that_names_new_keys_loses_and_doubles_nothing() {
    let steps = Step::ALL.iter().map(|step| step.name());
    for step in steps.filter(|name| name.starts_with("seal.") || *name == "carry.half-written") {
        let round = scene();
        let (central, lab) = (round.central(), round.lab("lab-a"));
        rotate(lab).ok();
        edit(lab, 10);
        let stick = round.stick("lab-a");
        let mut command = lab.command(&["export", stick.to_str().unwrap()]);
        let output = command.env("PACKMULE_CRASH_AT", step).output().unwrap();
        Ran::new(format!("export killed at {step}"), &output).killed();
        round.go_round("lab-a");
        assert_known(&round, lab, central);
        assert_eq!(central.value("SELECT COUNT(*) FROM packmule_retired_key"), "1");
        edit(lab, 11);
        round.settle();
    }
}

#[test]
fn new_keys_go_by_network_in_one_pull() {
    let round = scene();
    round.family.go_online();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    for id in [11, 12] {
        rotate(lab).ok();
        edit(lab, id);
        lab.run(&["push"]).ok();
        edit(lab, id + 10);
        lab.run(&["push"]).ok();
    }
    central.run(&["sync"]).ok().says("Fetched 4 bundles from lab-a");
    assert_known(&round, lab, central);
    rotate(central).ok();
    central.run(&["sync"]).ok();
    edit(central, 30);
    central.run(&["sync"]).ok();
    for lab in &round.family.labs {
        lab.run(&["sync"]).ok();
        assert_known(&round, central, lab);
    }
    central.run(&["sync"]).ok();
    round.family.labs.iter().for_each(|lab| drop(lab.run(&["sync"]).ok()));
    round.assert_all_equal();
}

#[test]
fn a_lab_put_back_to_before_its_new_keys_comes_back_by_a_card_that_the_old_key_vouches_for() {
    for heard in [true, false] {
        let round = scene();
        let (central, lab) = (round.central(), round.lab("lab-a"));
        let backup = Saved::new(lab);
        let old_card = lab.path("lab.card");
        rotate(lab).ok();
        edit(lab, 10);
        round.export("lab-a").ok();
        edit(lab, 11);
        round.export("lab-a").ok();
        // The centre has other keys as well; the lab has heard of them, and forgets it.
        rotate(central).ok();
        if heard {
            round.visit("lab-a").ok();
            round.bring_home("lab-a").ok();
        }
        backup.restore_rows();
        round.export("lab-a").code(1).says("has gone back in time");
        let (card, answer) = (lab.path("new.card"), lab.path("new.answer"));
        let words = [card.to_str().unwrap(), answer.to_str().unwrap()];
        lab.run(&["recover", "--yes", "--card", words[0]]).ok();
        round.export("lab-a").ok();
        central.run(&["enrol", words[0], "--answer", words[1], "--yes"]).ok();
        lab.run(&["join", words[1], "--yes"]).ok();
        round.settle();
        assert_known(&round, lab, central);
        round.family.labs.iter().for_each(|lab| assert_known(&round, central, lab));
        assert_eq!(central.value("SELECT COUNT(*) FROM shelves WHERE id IN (10, 11)"), "2");
        // The card with the keys of before counts for nothing any more.
        let old = ["enrol", old_card.to_str().unwrap(), "--answer", words[1], "--yes"];
        central.run(&old).code(19).says("other keys");
    }
}

#[test]
fn a_lab_that_has_not_joined_makes_no_second_keys() {
    let lab = TestSite::new(crate::harness::server(), crate::harness::Role::Lab, "lab-z");
    lab.sql(SCHEMA);
    let url = lab.url();
    lab.run(&["init", "--role", "lab", "--site", "lab-z", "--database", &url]).ok();
    rotate(&lab).code(1).says("has not joined a centre yet");
}
