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
    let mut family = Family::new(server(), &format!("{schema}\n{}", triggers_of(&lab)), &[]);
    family.add(lab, &["--adopt"]);
    family
}

/// The file's own triggers that come with its rows: an application without rows has them, too.
fn triggers_of(site: &TestSite<'_>) -> String {
    let triggers = site.query(
        "SELECT CONCAT('CREATE TRIGGER ', trigger_name, ' ', action_timing, ' ', event_manipulation, ' ON ', event_object_table, \
         ' FOR EACH ROW ', TRIM(TRAILING ';' FROM TRIM(action_statement)), ';') FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
         AND event_object_table <> 'film'",
    );
    let triggers: String = triggers.into_iter().flatten().flatten().collect();
    assert_eq!(triggers.matches("CREATE TRIGGER").count(), 3, "{triggers}");
    triggers
}

#[track_caller]
fn assert_all_equal(family: &Family<'_>, about: &str) {
    assert_lab_equal(family, "lab-a", about);
}

#[track_caller]
fn assert_lab_equal(family: &Family<'_>, lab: &str, about: &str) {
    let (central, lab) = (&family.central, family.lab(lab));
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

#[test]
fn a_new_lab_starts_with_all_of_sakila_and_one_with_half_of_it_changed_is_reviewed() {
    let (schema, rows) = sakila();
    let changed = TestSite::new(server(), Role::Lab, "lab-b");
    changed.sql(&schema);
    changed.sql(&rows);
    let triggers = triggers_of(&changed);
    changed.sql(
        "UPDATE customer SET last_name = CONCAT(last_name, '-B') WHERE customer_id % 2 = 0;
         UPDATE payment SET amount = amount + 1 WHERE payment_id % 2 = 0;
         UPDATE rental SET return_date = NULL WHERE rental_id % 2 = 0 AND return_date IS NOT NULL;",
    );
    let mut family = Family::new(server(), &format!("{schema}\n{rows}"), &[]);
    let empty = TestSite::new(server(), Role::Lab, "lab-a");
    empty.sql(&format!("{schema}\n{triggers}"));
    family.add(empty, &[]);
    family.add(changed, &["--adopt"]);
    let (central, new, old) = (&family.central, family.lab("lab-a"), family.lab("lab-b"));
    let stick = |lab: &TestSite<'_>| lab.stick("stick").to_str().unwrap().to_owned();

    central.run(&["export", "--to", "lab-a", "--", &stick(new)]).ok().says("47 273 rows, to start from");
    new.run(&["import", &stick(new)]).ok();
    assert_lab_equal(&family, "lab-a", "after the snapshot");

    let before: Vec<_> = TABLES.iter().map(|table| central.rows(table)).collect();
    old.run(&["export", &stick(old)]).ok();
    central.run(&["import", &stick(old)]).ok();
    let after: Vec<_> = TABLES.iter().map(|table| central.rows(table)).collect();
    assert!(before == after, "rows of the centre were overwritten");
    let counts = central.query("SELECT status, kind, outcome, COUNT(*) FROM conflict_log GROUP BY 1, 2, 3");
    let differing = "SELECT (SELECT COUNT(*) FROM customer WHERE customer_id % 2 = 0) + (SELECT COUNT(*) FROM payment \
                     WHERE payment_id % 2 = 0) + (SELECT COUNT(*) FROM rental WHERE rental_id % 2 = 0 AND return_date IS NOT NULL)";
    let wanted = ["open", "exists", "central", &central.value(differing)].map(|text| Some(text.to_owned()));
    assert_eq!(counts, [wanted], "equal rows are silent, all others are for a person");
    // Until a person has decided, the centre's rows stand at the lab, too; the lab's own are in conflict_log.
    for _ in 0..2 {
        old.run(&["import", &stick(old)]).ok();
        old.run(&["export", &stick(old)]).ok();
        central.run(&["import", &stick(old)]).ok();
    }
    assert_lab_equal(&family, "lab-b", "after the answers");
    assert_eq!(old.count("packmule_kept"), 0);
}
