//! Sakila, MySQL's sample database, from a lab to a centre, and 10 000 random edits on it.
//!
//! Needs the file that `PACKMULE_SAKILA` names (`sakila.sql.zst`), which is not part of this repository; so it is a
//! test of its own that runs only when it is named: `cargo test --test sakila`. Without the file it fails.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

use std::path::PathBuf;

use crate::harness::{Delivered, Editor, Family, Role, TestSite, differences, server};

#[path = "../it/harness/mod.rs"]
mod harness;

const TABLES: [&str; 16] = [
    "actor",
    "address",
    "category",
    "city",
    "country",
    "customer",
    "film",
    "film_actor",
    "film_category",
    "film_text",
    "inventory",
    "language",
    "payment",
    "rental",
    "staff",
    "store",
];

/// The statements that make the tables, and those that fill them.
fn sakila() -> (String, String) {
    let named = std::env::var_os("PACKMULE_SAKILA");
    let path = PathBuf::from(named.expect("PACKMULE_SAKILA must name the file sakila.sql.zst"));
    let packed = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = String::from_utf8(zstd::decode_all(&packed[..]).unwrap()).unwrap();
    // DELIMITER is a word of the command line client, not of the server.
    let lines = text.lines().filter(|line| !line.starts_with("DELIMITER"));
    let lines =
        lines.map(|line| line.strip_suffix(";;").map_or_else(|| line.to_owned(), |line| format!("{line};")));
    let text = lines.collect::<Vec<_>>().join("\n");
    let (schema, rows) = text.split_at(text.find("-- Sakila Spatial Sample Database Data").unwrap());
    (schema.to_owned(), rows.to_owned())
}

/// A lab with all of Sakila that has joined an empty centre.
fn family() -> Family<'static> {
    let (schema, rows) = sakila();
    let lab = TestSite::new(server(), Role::Lab, "lab-a");
    lab.sql(&schema);
    lab.sql(&rows);
    // The file's own triggers come with its rows, and the centre's application has them, too.
    let triggers = lab.query(
        "SELECT CONCAT('CREATE TRIGGER ', trigger_name, ' ', action_timing, ' ', event_manipulation, ' ON ', event_object_table, \
         ' FOR EACH ROW ', TRIM(TRAILING ';' FROM TRIM(action_statement)), ';') FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
         AND event_object_table <> 'film'",
    );
    let triggers: String = triggers.into_iter().flatten().flatten().collect();
    assert_eq!(triggers.matches("CREATE TRIGGER").count(), 3, "{triggers}");
    let mut family = Family::new(server(), &format!("{schema}\n{triggers}"), &[]);
    family.add(lab, &["--adopt"]);
    family
}

#[track_caller]
fn assert_all_equal(family: &Family<'_>, about: &str) {
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let found: Vec<String> = TABLES.iter().flat_map(|table| differences(lab, central, table)).collect();
    assert!(found.is_empty(), "{about}:\n{}", found.join("\n"));
}

#[test]
fn all_of_sakila_and_ten_thousand_random_edits_end_equal() {
    const SEED: u64 = 20_261_108;
    let seed = std::env::var("PACKMULE_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let family = family();
    let delivered = family.deliver("lab-a");
    assert_eq!(delivered, Delivered::clean(47_273, 0, 0), "{:?}", family.conflicts());
    assert_all_equal(&family, "after the first delivery");

    let lab = family.lab("lab-a");
    let mut editor = Editor::new(lab, &TABLES, &["film_text"], seed);
    for count in [1, 99, 900, 2000, 3000, 4000] {
        let edits = editor.edit(count);
        let delivered = family.deliver("lab-a");
        let about = format!("PACKMULE_SEED={seed} {edits:?} {delivered:?}");
        let conflicts = family.central.query(
            "SELECT table_name, record_id, kind, action, note, before_row, central_row, lab_row FROM conflict_log LIMIT 10",
        );
        assert_eq!((delivered.conflicts, delivered.parked), (0, 0), "{about} {conflicts:#?}");
        assert_all_equal(&family, &about);
    }
    assert_eq!(family.deliver("lab-a"), Delivered::default());
}
