//! Keys behind a passphrase, and keys that come back from a copy on a new computer.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::{Role, Round, SCHEMA, Saved, TestSite, bundles_in, files, server};

const TABLES: &[&str] = &["shelves", "items"];

fn scene() -> Round {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round.central().sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    round.settle();
    round
}

/// A file with a passphrase that its owner alone can read.
fn passphrase(site: &TestSite<'_>, name: &str, words: &str) -> PathBuf {
    let path = site.path(name);
    fs::write(&path, format!("{words}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn add_settings(site: &TestSite<'_>, lines: &str) {
    let known = fs::read_to_string(site.config()).unwrap();
    fs::write(site.config(), format!("{known}\n{lines}\n")).unwrap();
}

#[test]
fn protected_keys_work_for_whoever_has_the_passphrase_and_for_nobody_else() {
    let round = scene();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    let (first, second) =
        (passphrase(lab, "first", "four words of mine"), passphrase(lab, "second", "other words of mine"));
    let short = passphrase(lab, "short", "short");
    lab.run(&["keys", "protect", "--passphrase-file", word(&short)]).code(2).says("at least 12 characters");
    lab.run(&["keys", "protect", "--no-input"]).code(18);
    lab.run(&["keys", "protect", "--passphrase-file", word(&first)]).ok().never_says("four words");
    for key in ["sign.key", "encrypt.key"] {
        let text = fs::read(lab.state().join("keys").join(key)).unwrap();
        assert!(text.starts_with(b"age-encryption.org/v1"), "{key} lies open");
    }
    lab.sql("INSERT INTO shelves VALUES (10, 'of lab-a')");
    round.export("lab-a").code(19).says("behind a passphrase").says("passphrase_file");
    assert_eq!(lab.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "1");
    let settings = fs::read_to_string(lab.config()).unwrap();
    add_settings(lab, "[keys]\npassphrase_file = \"second\"");
    round.export("lab-a").code(19).says("this is not the passphrase").never_says("other words");
    fs::set_permissions(&second, fs::Permissions::from_mode(0o644)).unwrap();
    round.export("lab-a").code(10).says("can be read by everybody");
    fs::write(lab.config(), format!("{settings}\n[keys]\npassphrase_file = \"first\"\n")).unwrap();
    round.settle();
    // What a service gets from systemd.
    fs::write(lab.config(), format!("{settings}\n[keys]\ncredential = \"first\"\n")).unwrap();
    round.export("lab-a").code(19);
    let folder = lab.stick("credentials");
    fs::copy(&first, folder.join("first")).unwrap();
    let mut command = lab.command(&["keys", "rotate", "--yes"]);
    let output = command.env("CREDENTIALS_DIRECTORY", &folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // The keys of before and those of now lie behind it.
    let open = files(&lab.state().join("keys")).into_iter().filter(|path| {
        let text = fs::read(path).unwrap();
        [&b"AGE-SECRET-KEY"[..], b"secret key"]
            .iter()
            .any(|words| text.windows(words.len()).any(|one| one == *words))
    });
    assert_eq!(open.collect::<Vec<_>>(), [] as [PathBuf; 0]);
    fs::write(lab.config(), format!("{settings}\n[keys]\npassphrase_file = \"first\"\n")).unwrap();
    lab.run(&["keys", "unprotect"]).ok();
    fs::write(lab.config(), settings).unwrap();
    lab.sql("INSERT INTO shelves VALUES (11, 'of lab-a')");
    round.settle();
    assert_eq!(central.value("SELECT COUNT(*) FROM packmule_retired_key"), "1");
}

#[test]
fn a_lab_whose_computer_is_lost_goes_on_with_its_keys_and_a_database_of_before() {
    let round = scene();
    let (central, lab) = (round.central(), round.lab("lab-a"));
    lab.run(&["keys", "rotate", "--yes"]).ok();
    round.settle();
    let words = passphrase(lab, "words", "twelve and more");
    let copy = lab.path("lab-a.keys");
    let backup = ["keys", "backup", word(&copy), "--passphrase-file", word(&words)];
    let said = lab.run(&backup).ok();
    lab.run(&backup).code(10).says("is already there");
    let text = fs::read(&copy).unwrap();
    assert!(text.starts_with(b"age-encryption.org/v1"));
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let database = Saved::new(lab);
    // Sealed for the old keys, and not there yet; and bundles whose numbers the copy of the database does not know.
    lab.sql("INSERT INTO shelves VALUES (10, 'seen by the centre')");
    round.export("lab-a").ok();
    round.visit("lab-a").ok();
    let stick = round.stick("lab-a");
    let settings = lab.config();
    fs::remove_dir_all(lab.state()).unwrap();
    fs::remove_file(&settings).unwrap();
    database.restore_rows();
    let restore = ["keys", "restore", word(&copy), "--passphrase-file", word(&words)];
    let wrong = passphrase(lab, "wrong", "twelve and less");
    lab.run(&["keys", "restore", word(&copy), "--passphrase-file", word(&wrong)])
        .code(19)
        .says("not the passphrase");
    assert!(!settings.exists() && !lab.state().exists());
    let again = lab.run(&restore).ok().says("packmule recover");
    let six = |text: &str| text.lines().find_map(|line| Some(line.split_once(": ")?.1.to_owned()));
    assert_eq!(six(&again.stdout.replace("Settings", "")), six(&said.stdout));
    lab.run(&restore).code(10).says("sign.key is already there");
    lab.sql("INSERT INTO shelves VALUES (11, 'after the loss')");
    round.export("lab-a").code(1).says("were put back from a backup").says("packmule recover");
    assert_eq!(bundles_in(&lab.state()), [] as [PathBuf; 0]);
    let (card, answer) = (lab.path("new.card"), lab.path("new.answer"));
    lab.run(&["recover", "--yes", "--card", word(&card)]).ok();
    lab.run(&["export", word(&stick)]).ok();
    central.run(&["enrol", word(&card), "--answer", word(&answer), "--yes"]).ok();
    lab.run(&["join", word(&answer), "--yes"]).ok();
    round.settle();
    assert_eq!(central.value("SELECT COUNT(*) FROM shelves WHERE id IN (10, 11)"), "2");
    assert_eq!(lab.value("SELECT COUNT(*) FROM shelves WHERE id IN (10, 11)"), "2");
}

#[test]
fn a_lab_whose_computer_and_database_are_lost_begins_anew_under_its_old_keys() {
    let mut round = scene();
    let words = passphrase(round.lab("lab-a"), "words", "twelve and more");
    let copy = round.lab("lab-a").path("lab-a.keys");
    let lab = round.lab("lab-a");
    lab.run(&["keys", "backup", word(&copy), "--passphrase-file", word(&words)]).ok();
    lab.sql("INSERT INTO shelves VALUES (10, 'seen by the centre')");
    round.go_round("lab-a");
    // Another computer, with an empty database.
    let twin = TestSite::new(server(), Role::Lab, "lab-a");
    twin.sql(SCHEMA);
    let restore = ["keys", "restore", word(&copy), "--passphrase-file", word(&words)];
    round.lab("lab-b").run(&restore).code(19).says("these are the keys of lab-a");
    twin.run(&restore).ok().says("packmule init");
    let url = (round.lab("lab-a").database().to_owned(), twin.database().to_owned());
    let settings = fs::read_to_string(twin.config()).unwrap();
    assert!(settings.contains(&url.0), "{settings}");
    fs::write(twin.config(), settings.replace(&url.0, &url.1)).unwrap();
    let (card, answer) = (twin.path("lab.card"), twin.path("lab.answer"));
    let address = twin.url();
    let init = ["init", "--role", "lab", "--site", "lab-a", "--database", &address, "--card", word(&card)];
    twin.run(&init).ok();
    round.central().run(&["enrol", word(&card), "--answer", word(&answer), "--yes"]).ok();
    twin.run(&["join", word(&answer), "--yes"]).ok();
    twin.sql("INSERT INTO shelves VALUES (11, 'of the new computer')");
    round.family.labs.remove(0);
    round.family.labs.insert(0, twin);
    round.settle();
    assert_eq!(round.lab("lab-b").value("SELECT COUNT(*) FROM shelves WHERE id IN (10, 11)"), "2");
}

#[test]
fn a_centre_whose_keys_were_put_back_seals_nothing_before_a_person_has_looked() {
    let round = scene();
    let central = round.central();
    let words = passphrase(central, "words", "twelve and more");
    let copy = central.path("central.keys");
    central.run(&["keys", "backup", word(&copy), "--passphrase-file", word(&words)]).ok();
    fs::remove_dir_all(central.state().join("keys")).unwrap();
    round.export("lab-a").ok();
    round.visit("lab-a").code(19).says("is missing");
    central.run(&["keys", "restore", word(&copy), "--passphrase-file", word(&words)]).ok();
    central.sql("INSERT INTO shelves VALUES (20, 'of the centre')");
    central.run(&["export", word(&round.stick("lab-a"))]).code(1).says("packmule keys restored");
    round.lab("lab-a").run(&["keys", "restored", "--yes"]).code(2).says("packmule recover");
    central.run(&["keys", "restored", "--yes"]).ok();
    round.settle();
}

#[test]
fn a_centre_whose_keys_and_database_were_put_back_recovers_what_its_labs_know() {
    let round = scene();
    let central = round.central();
    let words = passphrase(central, "words", "twelve and more");
    let copy = central.path("central.keys");
    central.run(&["keys", "backup", word(&copy), "--passphrase-file", word(&words)]).ok();
    let backup = Saved::new(central);
    central.sql("UPDATE shelves SET name = 'after the backup' WHERE id = 1");
    round.settle();
    backup.restore_rows();
    fs::remove_dir_all(central.state()).unwrap();
    central.run(&["keys", "restore", word(&copy), "--passphrase-file", word(&words)]).ok();
    central.run(&["export", word(&round.stick("lab-a"))]).code(1).says("packmule recover");
    central.run(&["recover", "--yes"]).ok();
    round.settle();
    assert_eq!(central.value("SELECT name FROM shelves WHERE id = 1"), "after the backup");
}
