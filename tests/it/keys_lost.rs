//! A centre that was put back to before its new keys, after some labs have heard of them: with a copy of the new keys, and without.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::{Round, SCHEMA, Saved, TestSite};

const TABLES: &[&str] = &["shelves", "items"];

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn edit(site: &TestSite<'_>, id: u32) {
    site.sql(&format!("INSERT INTO shelves VALUES ({id}, 'of {}')", site.name()));
}

/// A centre put back to before its new keys. Of these lab-a has heard, and has sealed for them; lab-b has not.
struct Scene {
    round: Round,
    /// A copy of the new keys, and its passphrase.
    copy: PathBuf,
    passphrase: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
        let central = round.central();
        central.sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
        round.settle();
        let backup = Saved::new(central);
        central.run(&["keys", "rotate", "--yes"]).ok();
        let (copy, passphrase) = (central.path("central.keys"), central.path("words"));
        fs::write(&passphrase, "twelve and more\n").unwrap();
        fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).unwrap();
        central.run(&["keys", "backup", word(&copy), "--passphrase-file", word(&passphrase)]).ok();
        edit(central, 10);
        round.go_round("lab-a");
        edit(round.lab("lab-a"), 11);
        round.go_round("lab-a");
        edit(round.lab("lab-a"), 12);
        round.export("lab-a").ok();
        edit(round.lab("lab-b"), 13);
        backup.restore();
        drop(backup);
        Scene { round, copy, passphrase }
    }

    /// Writes an answer for a lab's card at the centre, and takes it in at the lab.
    fn answer(&self, lab: &TestSite<'_>, card: &Path) {
        let answer = lab.path("again.answer");
        self.round.central().run(&["enrol", word(card), "--answer", word(&answer), "--yes"]).ok();
        lab.run(&["join", word(&answer), "--yes"]).ok();
    }

    /// What the centre had made, what lab-a had sent, and what it had not, are everywhere.
    fn is_whole(&self) {
        self.round.settle();
        let central = self.round.central();
        assert_eq!(central.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM shelves"), "1,2,10,11,12,13");
        assert_eq!(central.value("SELECT COUNT(*) FROM conflict_log WHERE status = 'open'"), "0");
        assert_eq!(fs::read_dir(central.state().join("inbox")).unwrap().count(), 0);
        for lab in ["lab-a", "lab-b"] {
            edit(self.round.lab(lab), if lab == "lab-a" { 20 } else { 21 });
            self.round.settle();
        }
    }
}

#[test]
fn with_a_copy_of_the_new_keys_the_centre_recovers_and_a_lab_that_had_not_heard_of_them_joins_again() {
    let scene = Scene::new();
    let (round, central, lab) = (&scene.round, scene.round.central(), scene.round.lab("lab-b"));
    fs::remove_dir_all(central.state()).unwrap();
    let restore = ["keys", "restore", word(&scene.copy), "--passphrase-file", word(&scene.passphrase)];
    central.run(&restore).ok();
    central.run(&["recover", "--yes"]).ok();
    round.export("lab-b").ok();
    round.visit("lab-b").ok();
    round.bring_home("lab-b").code(14).says("belongs to no enrolled site");
    scene.answer(lab, &lab.path("lab.card"));
    scene.is_whole();
}

#[test]
fn without_one_the_labs_that_had_heard_of_them_go_on_under_a_new_history_and_nothing_is_lost() {
    let scene = Scene::new();
    let (round, central, lab) = (&scene.round, scene.round.central(), scene.round.lab("lab-a"));
    let before = central.query("SELECT * FROM shelves");
    round.visit("lab-a").code(14).says("it was sealed for other keys").says("\"Lost keys\" in README.md");
    assert_eq!(central.query("SELECT * FROM shelves"), before);
    // Before the centre has said that it begins anew nobody takes its old keys.
    let answer = lab.path("too-early.answer");
    central.run(&["enrol", word(&lab.path("lab.card")), "--answer", word(&answer), "--yes"]).ok();
    lab.run(&["join", word(&answer), "--yes"]).code(19).says("with other keys");
    central.run(&["recover", "--yes"]).ok();
    central.run(&["export", word(&round.stick("lab-a"))]).ok();
    let ran = round.bring_home("lab-a").code(14).says("which central does not use at this place");
    ran.says("\"Lost keys\" in README.md");
    // A lab that had not heard of the keys notices nothing.
    round.export("lab-b").ok();
    round.visit("lab-b").code(15).says("bundle 2 of lab-a has not arrived");
    round.bring_home("lab-b").ok();
    let card = lab.path("new.card");
    lab.run(&["recover", "--yes", "--card", word(&card)]).ok();
    scene.answer(lab, &card);
    scene.is_whole();
}

#[test]
fn keys_that_the_centre_never_had_are_taken_from_no_answer() {
    let scene = Scene::new();
    let lab = scene.round.lab("lab-a");
    let other = Round::new(SCHEMA, &[], TABLES);
    let answer = lab.path("other.answer");
    other.central().run(&["enrol", word(&lab.path("lab.card")), "--answer", word(&answer), "--yes"]).ok();
    lab.run(&["join", word(&answer), "--yes"]).code(19).says("with other keys");
}
