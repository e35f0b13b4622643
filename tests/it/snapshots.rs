//! Snapshots: all rows of the centre for a lab that is new or comes back, and what becomes of the rows that it has.

use std::fs;
use std::path::{Path, PathBuf};

use packmule::monitor::Step;

use crate::harness::{Met, Ran, Role, Round, SCHEMA, TestSite, bundles_in, contents, server};

const TABLES: &[&str] = &["shelves", "items"];

/// The centre is to give a lab all rows anew, as when it comes back after a long time.
fn start_anew(round: &Round, lab: &str) {
    round.central().sql(&format!("UPDATE packmule_site SET wants_snapshot = 1 WHERE name = '{lab}'"));
}

fn round() -> Round {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round.central().sql(
        "INSERT INTO shelves VALUES (1, 'one'), (2, 'two'), (3, 'three');
         INSERT INTO items (id, shelf, name) VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')",
    );
    round.go_round_all();
    round.go_round_all();
    round
}

/// A lab that joins later, with rows of its own before `init` is run with these options.
fn late_lab(round: &mut Round, rows: &str, options: &[&str]) {
    let lab = TestSite::new(server(), Role::Lab, "lab-c");
    lab.sql(SCHEMA);
    lab.sql(rows);
    round.family.add(lab, options);
}

#[test]
fn a_new_lab_starts_with_all_rows_and_tells_nobody_of_them() {
    let mut round = round();
    late_lab(&mut round, "DO 1", &[]);
    round.go_round("lab-c");
    let lab = round.lab("lab-c");
    assert_eq!((lab.count("shelves"), lab.count("items"), lab.count("sync_log")), (3, 3, 0));
    round.settle();
    assert_eq!(round.central().value("SELECT COUNT(*) FROM sync_log WHERE origin = 'lab-c'"), "0");
}

#[test]
fn a_new_lab_whose_first_bundle_never_came_starts_with_the_next_snapshot() {
    let mut round = round();
    late_lab(&mut round, "DO 1", &[]);
    let stick = round.stick("lab-c");
    let stick = stick.to_str().unwrap();
    round.central().run(&["export", stick, "--to", "lab-c"]).ok();
    for bundle in bundles_in(Path::new(stick)) {
        fs::remove_file(bundle).unwrap();
    }
    start_anew(&round, "lab-c");
    round.central().run(&["export", stick, "--to", "lab-c"]).ok();
    round.lab("lab-c").run(&["import", stick]).ok();
    assert_eq!(round.lab("lab-c").count("items"), 3);
    round.settle();
}

const OWN_ROWS: &str = "INSERT INTO shelves VALUES (1, 'one'), (2, 'TWO of c'), (7, 'seven of c');
     INSERT INTO items (id, shelf, name) VALUES (1, 1, 'a'), (2, 7, 'b of c'), (9, 2, 'of c alone')";

#[test]
fn a_lab_with_rows_of_its_own_is_refused_and_left_as_it_was() {
    let mut round = round();
    late_lab(&mut round, OWN_ROWS, &[]);
    round.export("lab-c").ok();
    round.visit("lab-c").ok();
    let lab = round.lab("lab-c");
    let before = contents(lab);
    for _ in 0..2 {
        round.bring_home("lab-c").code(18).says("--adopt");
        assert_eq!(contents(lab), before);
    }
}

#[test]
fn adopted_rows_that_differ_from_the_centre_s_are_all_in_the_log_and_none_is_lost() {
    for exports_first in [true, false] {
        let mut round = round();
        late_lab(&mut round, OWN_ROWS, &["--adopt"]);
        if exports_first {
            round.export("lab-c").ok();
        } else {
            // The stick is made ready elsewhere: the snapshot knows nothing of the lab's rows.
            fs::create_dir_all(round.stick("lab-c").join("packmule/lab-c-to-central")).unwrap();
        }
        round.visit("lab-c").ok();
        round.bring_home("lab-c").ok();
        round.settle();
        let central = round.central();
        // Made by both sides: shelf 2 and item 2. Nobody knows when, so a person decides.
        let met = central
            .query("SELECT table_name, record_id, kind, status, outcome FROM conflict_log ORDER BY id");
        let wanted = ["shelves", "items"].map(|table| Met::new(table, "2", "exists", "open", "central"));
        let wanted =
            wanted.map(|met| [met.table, met.record, met.kind, met.status, met.outcome].map(Some).to_vec());
        assert_eq!(met, wanted);
        let kept =
            central.value("SELECT GROUP_CONCAT(JSON_VALUE(lab_row, '$.name') ORDER BY id) FROM conflict_log");
        assert_eq!(kept, "TWO of c,b of c");
        assert_eq!(
            central.value("SELECT GROUP_CONCAT(name ORDER BY id) FROM shelves"),
            "one,two,three,seven of c"
        );
        assert_eq!(central.value("SELECT GROUP_CONCAT(name ORDER BY id) FROM items"), "a,b,c,of c alone");
    }
}

#[test]
fn a_lab_that_comes_back_keeps_its_own_changes_until_they_are_answered_and_loses_what_is_gone() {
    let round = round();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    // Away: neither side hears of the other.
    central.sql(
        "DELETE FROM items WHERE id IN (1, 3); DELETE FROM shelves WHERE id IN (1, 3);
         UPDATE shelves SET name = 'two of the centre' WHERE id = 2; INSERT INTO shelves VALUES (4, 'four')",
    );
    round.go_round("lab-b");
    lab.sql(
        "UPDATE items SET name = 'c of a' WHERE id = 3; INSERT INTO shelves VALUES (5, 'five of a');
         INSERT INTO items (id, shelf, name) VALUES (5, 5, 'of a'), (6, 1, 'on a shelf that is gone')",
    );
    start_anew(&round, "lab-a");
    let stick = round.stick("lab-a");
    central.run(&["export", stick.to_str().unwrap(), "--to", "lab-a"]).ok().says("to start from");
    lab.run(&["import", "--no-reply", stick.to_str().unwrap()]).ok();
    assert_eq!(lab.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM items"), "2,3,5,6");
    assert_eq!(lab.value("SELECT name FROM items WHERE id = 3"), "c of a");
    assert_eq!(lab.value("SELECT name FROM shelves WHERE id = 2"), "two of the centre");
    round.settle();
    assert_eq!(central.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM shelves"), "2,4,5");
    assert_eq!(central.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM items"), "2,5");
    // What stood on shelves that are gone could not be written; it is all in the log.
    let met = "SELECT GROUP_CONCAT(record_id, ' ', kind, ' ', JSON_VALUE(lab_row, '$.name') ORDER BY record_id SEPARATOR '; ') FROM conflict_log";
    assert_eq!(central.value(met), "3 orphan c of a; 6 orphan on a shelf that is gone");
}

#[test]
fn a_snapshot_stands_for_bundles_that_were_lost_and_for_words_that_were_kept() {
    let round = round();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let stick = round.stick("lab-a");
    lab.sql("UPDATE shelves SET name = 'of a' WHERE id = 1");
    for name in ["first", "second", "third"] {
        central.sql(&format!("UPDATE shelves SET name = '{name}' WHERE id IN (1, 2)"));
        central.run(&["export", stick.to_str().unwrap()]).ok();
        if name == "first" {
            lab.run(&["import", "--no-reply", stick.to_str().unwrap()]).ok().says("1 kept for later");
        }
    }
    start_anew(&round, "lab-a");
    central.run(&["export", stick.to_str().unwrap()]).ok();
    let bundles = from_central(&stick, "lab-a");
    let (snapshot, lost) = bundles.split_last().unwrap();
    let last = lost.last().unwrap().clone();
    let keep = lab.path("last.mule");
    fs::copy(&last, &keep).unwrap();
    lost.iter().for_each(|path| fs::remove_file(path).unwrap());
    // One of those that it stands for waits already.
    lab.run(&["import", "--no-reply", keep.to_str().unwrap()]).code(15);
    lab.run(&["import", "--no-reply", snapshot.to_str().unwrap()]).ok();
    assert_eq!(lab.value("SELECT name FROM shelves WHERE id = 2"), "third");
    assert_eq!(lab.value("SELECT COUNT(*), MIN(why) FROM packmule_kept"), "1");
    lab.run(&["import", "--no-reply", keep.to_str().unwrap()]).ok().says("already applied");
    assert_eq!(bundles_in(&lab.state().join("inbox")), [] as [PathBuf; 0]);
    round.settle();
}

#[test]
fn a_snapshot_in_several_bundles_is_taken_in_whole_or_not_at_all() {
    let (round, _) = large();
    let lab = round.lab("lab-a");
    let stick = round.stick("lab-a");
    empty(&stick);
    start_anew(&round, "lab-a");
    round.central().sql("DELETE FROM reports WHERE id % 10 = 0");
    round.central().run(&["export", stick.to_str().unwrap(), "--to", "lab-a"]).ok();
    let bundles = from_central(&stick, "lab-a");
    assert!(bundles.len() >= 3, "{bundles:?}");
    for missing in &bundles {
        let aside = lab.path("aside.mule");
        fs::rename(missing, &aside).unwrap();
        let before = lab.rows("reports");
        lab.run(&["import", "--no-reply", stick.to_str().unwrap()]).code(15);
        assert_eq!(lab.rows("reports"), before);
        bundles_in(&lab.state().join("inbox")).iter().for_each(|path| fs::remove_file(path).unwrap());
        fs::rename(&aside, missing).unwrap();
    }
    round.settle();
}

#[test]
fn a_snapshot_takes_the_place_of_bundles_that_are_not_complete() {
    let (round, noise) = large();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let stick = round.stick("lab-a");
    // Changes in several bundles, or a snapshot, whose last one is lost; rows of it are gone at the centre since.
    for (first, is_snapshot) in [(5000, false), (9000, true)] {
        round.settle();
        empty(&stick);
        if is_snapshot {
            start_anew(&round, "lab-a");
        }
        central.sql(&noise.replace("SELECT id", &format!("SELECT {first} + id")));
        central.run(&["export", stick.to_str().unwrap()]).ok();
        let incomplete = from_central(&stick, "lab-a");
        assert!(incomplete.len() >= 3, "{incomplete:?}");
        fs::remove_file(incomplete.last().unwrap()).unwrap();
        central.sql(&format!("DELETE FROM reports WHERE id = {first}"));
        start_anew(&round, "lab-a");
        let other = lab.stick("other");
        empty(&other);
        central.run(&["export", other.to_str().unwrap(), "--to", "lab-a"]).ok();
        let mut newest = from_central(&other, "lab-a");
        newest.retain(|path| incomplete.iter().all(|old| old.file_name() != path.file_name()));
        for (at, path) in newest.iter().enumerate() {
            fs::copy(path, stick.join(format!("{at}.mule"))).unwrap();
        }
        lab.run(&["import", "--no-reply", stick.to_str().unwrap()]).ok();
        assert_eq!(lab.rows("reports"), central.rows("reports"), "snapshot before: {is_snapshot}");
        empty(&stick);
    }
    round.settle();
}

fn empty(stick: &Path) {
    fs::remove_dir_all(stick).unwrap();
    fs::create_dir(stick).unwrap();
}

#[test]
fn a_snapshot_that_is_cut_off_anywhere_is_made_good_by_the_same_command() {
    // What these two commands do happens only there.
    let is_elsewhere = |name: &str| {
        ["retry.", "rekey.", "recover.", "send.", "fetch.", "clear.", "decide.", "parked.", "rotate."]
            .iter()
            .any(|stage| name.starts_with(stage))
    };
    for step in Step::ALL.iter().map(|step| step.name()).filter(|name| !is_elsewhere(name)) {
        let round = round();
        let (central, lab) = (round.central(), round.lab("lab-a"));
        let stick = round.stick("lab-a");
        central.sql("DELETE FROM items WHERE id = 1; UPDATE shelves SET name = 'other' WHERE id = 2");
        lab.sql("UPDATE items SET name = 'of a' WHERE id = 2; INSERT INTO shelves VALUES (8, 'of a')");
        start_anew(&round, "lab-a");
        let is_export = ["seal.", "carry."].iter().any(|stage| step.starts_with(stage));
        let export = ["export", stick.to_str().unwrap(), "--to", "lab-a"];
        let import = ["import", "--no-reply", stick.to_str().unwrap()];
        if is_export {
            kill(central, &export, step);
            central.sql("INSERT INTO shelves VALUES (9, 'after the crash')");
        }
        central.run(&export).ok();
        if !is_export {
            kill(lab, &import, step);
        }
        lab.run(&import).ok();
        round.settle();
        let applied =
            "SELECT COUNT(*) FROM packmule_bundle WHERE from_site = 'central' AND kind = 'snapshot'";
        assert_eq!(lab.value(applied), "2", "{step}");
    }
}

/// Many large rows at the centre, and bundles of 1 MiB; with the statement that makes the rows.
fn large() -> (Round, String) {
    const LARGE: &str = "CREATE TABLE reports (id INT PRIMARY KEY, body VARCHAR(2000) NOT NULL)";
    let round = Round::new(LARGE, &["lab-a"], &["reports"]);
    let central = round.central();
    let settings = fs::read_to_string(central.config()).unwrap();
    fs::write(central.config(), format!("{settings}\n[stick]\nbundle_max = \"1MiB\"\n")).unwrap();
    let mut random = fastrand::Rng::with_seed(5);
    let rows = (0..2000).map(|id| {
        let body: String = (0..1800).map(|_| random.alphanumeric()).collect();
        format!("({id}, '{body}')")
    });
    let rows = rows.collect::<Vec<_>>().join(",");
    central.sql(&format!(
        "CREATE TABLE noise (id INT PRIMARY KEY, body VARCHAR(2000)); INSERT INTO noise VALUES {rows}"
    ));
    let insert = "INSERT INTO reports SELECT id, body FROM noise".to_owned();
    central.sql(&insert);
    round.go_round_all();
    round.settle();
    (round, insert)
}

/// The centre's bundles for a lab on a stick, in order.
fn from_central(stick: &Path, lab: &str) -> Vec<PathBuf> {
    bundles_in(&stick.join(format!("packmule/central-to-{lab}")))
}

fn kill(site: &TestSite<'_>, arguments: &[&str], step: &str) {
    let output = site.command(arguments).env("PACKMULE_CRASH_AT", step).output().unwrap();
    Ran::new(format!("{arguments:?} killed at {step}"), &output).killed();
}
