//! Labs that were used alone for years: their keys are moved into series of their own, with all that points to them.

use std::path::Path;
use std::thread;
use std::time::Duration;

use packmule::demo::{PrivateServer, ServerOptions};
use packmule::monitor::Step;
use serde_json::Value;

use crate::harness::{Family, Ran, Role, TestSite, contents, server, server_options};

/// Foreign keys that are declared and others that are not, to the same table and to oneself, as parts of keys; keys that
/// are no primary key; unique keys that no single order of rows suits; columns that the server writes by itself; and a
/// table without a key, which cannot be synced and points to one that is.
const SCHEMA: &str = "
    CREATE TABLE locations (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) NOT NULL UNIQUE, within INT);
    CREATE TABLE items (
      id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) NOT NULL, location_id INT UNSIGNED NOT NULL, spare_for BIGINT,
      updated_at TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP,
      twice BIGINT AS (location_id * 2) VIRTUAL,
      FOREIGN KEY (location_id) REFERENCES locations (id) ON UPDATE CASCADE,
      FOREIGN KEY (spare_for) REFERENCES items (id) ON DELETE SET NULL);
    CREATE TABLE stock (
      item_id BIGINT, location_id INT UNSIGNED, n INT, PRIMARY KEY (location_id, item_id),
      FOREIGN KEY (item_id) REFERENCES items (id) ON UPDATE CASCADE ON DELETE CASCADE);
    CREATE TABLE notes (u CHAR(36) PRIMARY KEY, seq INT UNSIGNED NOT NULL AUTO_INCREMENT, item_id BIGINT, KEY (seq));
    CREATE TABLE trips (
      id SMALLINT AUTO_INCREMENT PRIMARY KEY, source INT, target INT, way BIGINT AS (source * 1000 + target) STORED,
      CHECK (source <> target));
    CREATE TABLE swaps (code VARCHAR(20) PRIMARY KEY, a BIGINT UNIQUE, b BIGINT UNIQUE);
    CREATE TABLE visits (item_id BIGINT, day DATE, FOREIGN KEY (item_id) REFERENCES items (id));";

const REFERENCES: &str = r#"
    [tables.locations]
    references = { within = "locations.id" }
    [tables.stock]
    references = { location_id = "locations.id" }
    [tables.notes]
    references = { item_id = "items.id" }
    [tables.trips]
    references = { source = "locations.id", target = "locations.id" }
    [tables.swaps]
    references = { a = "items.id", b = "items.id" }
"#;

/// Rows with the same keys in every lab, and names of its own. 0 and -1 mean that there is none; 77 is gone for long.
fn rows(lab: &str) -> String {
    let text = "
        INSERT INTO locations (id, name, within) VALUES
          (1, 'LAB hall', NULL), (2, 'LAB room', 1), (3, 'LAB shelf', 2), (4, 'LAB box', 3), (5, 'LAB yard', 0);
        INSERT INTO items (id, name, location_id, spare_for) VALUES
          (1, 'LAB scale', 1, NULL), (2, 'LAB flask', 3, NULL), (3, 'LAB lens', 4, 1), (5, 'LAB lamp', 4, 3);
        INSERT INTO stock VALUES (1, 2, 10), (2, 1, 20), (2, 2, 30), (5, 3, 40), (3, 5, 50);
        INSERT INTO notes VALUES ('LAB-n1', 1, 1), ('LAB-n2', 2, 5), ('LAB-n3', 3, 77), ('LAB-n4', 4, 0), ('LAB-n5', 5, -1);
        INSERT INTO trips (id, source, target) VALUES (1, 1, 2), (2, 2, 1), (3, 5, 3);
        INSERT INTO swaps VALUES ('LAB-x', 5, 1), ('LAB-y', 1, 2), ('LAB-z', NULL, 3);
        INSERT INTO visits VALUES (1, '2020-01-01'), (3, '2020-01-02'), (3, '2020-01-02');";
    text.replace("LAB", lab)
}

/// What points to what, by names: it must be the same wherever and however often keys move.
const BY_NAMES: [&str; 6] = [
    "SELECT i.name, l.name, s.name, i.twice = i.location_id * 2, i.updated_at FROM items i
     JOIN locations l ON l.id = i.location_id LEFT JOIN items s ON s.id = i.spare_for ORDER BY i.name",
    "SELECT l.name, w.name, IF(l.within > 0, NULL, l.within) FROM locations l
     LEFT JOIN locations w ON w.id = l.within ORDER BY l.name",
    "SELECT i.name, l.name, n FROM stock s JOIN items i ON i.id = s.item_id JOIN locations l ON l.id = s.location_id
     ORDER BY 1, 2",
    "SELECT u, i.name, IF(item_id > 0, item_id IS NULL, item_id) FROM notes n LEFT JOIN items i ON i.id = n.item_id ORDER BY u",
    "SELECT a.name, b.name, way = source * 1000 + target FROM trips t JOIN locations a ON a.id = t.source JOIN locations b ON b.id = t.target
     ORDER BY 1, 2",
    "SELECT code, x.name, y.name FROM swaps LEFT JOIN items x ON x.id = a LEFT JOIN items y ON y.id = b ORDER BY code",
];
const TABLES: [&str; 6] = ["locations", "items", "stock", "notes", "trips", "swaps"];
const VISITS: &str = "SELECT i.name, day FROM visits v JOIN items i ON i.id = v.item_id ORDER BY 1, 2";

const KEYS: &str = "SELECT GROUP_CONCAT(id ORDER BY id) FROM items";

type Rows = Vec<Vec<Option<String>>>;

fn by_names(site: &TestSite<'_>) -> Vec<Rows> {
    BY_NAMES.iter().map(|query| site.query(query)).collect()
}

/// A lab with its rows, before `init`.
fn lab<'s>(server: &'s PrivateServer, name: &str) -> TestSite<'s> {
    let lab = TestSite::new(server, Role::Lab, name);
    lab.sql(SCHEMA);
    lab.sql(&rows(name));
    lab
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Sets a lab up and enrols it; only `join` is missing.
fn enrol(central: &TestSite<'_>, lab: &TestSite<'_>, url: &str) {
    let (card, answer) = (lab.path("lab.card"), lab.path("lab.answer"));
    lab.run(&["init", "--role", "lab", "--site", lab.name(), "--database", url, "--card", word(&card)]).ok();
    central.run(&["enrol", word(&card), "--answer", word(&answer), "--yes"]).ok();
    let text = std::fs::read_to_string(lab.config()).unwrap();
    std::fs::write(lab.config(), text + REFERENCES).unwrap();
}

/// A centre on the shared server, and a lab there that has only to join.
fn pair() -> (Family<'static>, TestSite<'static>) {
    let family = Family::new(server(), SCHEMA, &[]);
    let lab = lab(server(), "lab-a");
    enrol(&family.central, &lab, &lab.url());
    (family, lab)
}

fn join(lab: &TestSite<'_>, options: &[&str]) -> Ran {
    let answer = lab.path("lab.answer");
    lab.run(&[&["join", word(&answer), "--adopt", "--rekey"], options].concat())
}

/// The columns that a `join --json` says have moved or would move.
fn columns(ran: &Ran) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    answer["rekey"]["columns"].as_array().unwrap().clone()
}

fn deliver(lab: &TestSite<'_>, central: &TestSite<'_>) {
    let stick = lab.stick("stick");
    lab.run(&["export", word(&stick)]).ok();
    central.run(&["import", word(&stick)]).ok().never_says("conflict").never_says("set aside");
}

#[test]
fn two_labs_with_the_same_keys_meet_at_the_centre_and_every_reference_points_where_it_did() {
    let start = || PrivateServer::start(&server_options()).unwrap();
    let (at_centre, at_a, at_b) = (start(), start(), start());
    let central = TestSite::new(&at_centre, Role::Central, "central");
    central.sql(SCHEMA);
    central.run(&["init", "--role", "central", "--site", "central", "--database", &central.url()]).ok();
    let labs = [lab(&at_a, "lab-a"), lab(&at_b, "lab-b")];
    // An account that may do nothing but what README.md names; making tables and changing them is over after init.
    let (all, kept) = ("SELECT, INSERT, UPDATE, DELETE, TRIGGER, CREATE, ALTER", "CREATE, ALTER");
    let database = labs[1].database();
    labs[1].sql(&format!("CREATE USER keeper@localhost; GRANT {all} ON {database}.* TO keeper@localhost"));
    enrol(&central, &labs[0], &labs[0].url());
    enrol(&central, &labs[1], &labs[1].url().replace("root@", "keeper@"));
    labs[1].sql(&format!("REVOKE {kept} ON {database}.* FROM keeper@localhost"));
    let before: Vec<Vec<Rows>> = labs.iter().map(by_names).collect();
    let visits: Vec<Rows> = labs.iter().map(|lab| lab.query(VISITS)).collect();
    assert_ne!(before[0], before[1]);

    for lab in &labs {
        let untouched = contents(lab);
        let planned = columns(&join(lab, &["-n", "--json"]).ok());
        assert_eq!(contents(lab), untouched);
        let moved = join(lab, &["--yes", "--json"]).ok();
        assert_eq!(columns(&moved), planned);
        assert_true(lab, &planned);
    }
    // The second was not allowed to set its server, and says what to write where.
    assert_eq!(labs[0].value("SELECT @@GLOBAL.auto_increment_offset"), "2");
    assert_eq!(labs[1].value("SELECT @@GLOBAL.auto_increment_offset"), "1");
    join(&labs[1], &["--yes"])
        .ok()
        .says("  auto_increment_increment = 100\n")
        .says("  auto_increment_offset = 3\n");
    labs[1].sql("SET GLOBAL auto_increment_increment = 100, GLOBAL auto_increment_offset = 3");

    for ((lab, before), visits) in labs.iter().zip(&before).zip(&visits) {
        assert_eq!(&by_names(lab), before, "{}", lab.name());
        assert_eq!(&lab.query(VISITS), visits);
        deliver(lab, &central);
    }
    // New rows, whose keys the servers give.
    let next = "INSERT INTO items (name, location_id) VALUES ('LAB new', (SELECT MAX(id) FROM locations));
                INSERT INTO notes (u, item_id) VALUES ('LAB-new', LAST_INSERT_ID())";
    for (lab, key) in labs.iter().zip(["502", "503"]) {
        lab.sql(&next.replace("LAB", lab.name()));
        assert_eq!(lab.value("SELECT MAX(id) FROM items"), key);
        assert_eq!(lab.value("SELECT MAX(seq) FROM notes"), key);
        deliver(lab, &central);
    }
    assert_eq!(central.count("conflict_log"), 0);
    let both: Vec<Vec<Rows>> = labs.iter().map(by_names).collect();
    for (at, found) in by_names(&central).into_iter().enumerate() {
        // The name begins with the lab's, so the rows of one lab stand before the other's.
        let mut expected = [both[0][at].clone(), both[1][at].clone()].concat();
        expected.sort();
        assert_eq!(sorted(found), expected, "{}", BY_NAMES[at]);
    }
    for table in TABLES {
        let rows = labs.iter().flat_map(|lab| lab.rows(table)).collect();
        assert_eq!(sorted(central.rows(table)), sorted(rows), "{table}");
    }
}

fn sorted(mut rows: Rows) -> Rows {
    rows.sort();
    rows
}

/// Fails the test unless the columns hold now what the plan says.
fn assert_true(lab: &TestSite<'_>, planned: &[Value]) {
    assert_eq!(planned.len(), 15, "{planned:?}");
    for one in planned {
        let text = |name: &str| one[name].as_str().unwrap();
        let (table, column) = (text("table"), text("column"));
        let found = lab.query(&format!(
            "SELECT SUM({column} > 0), MIN(IF({column} > 0, {column}, NULL)), MAX({column}) FROM {table}"
        ));
        let expected = [&one["count"], &one["to"][0], &one["to"][1]].map(|number| Some(number.to_string()));
        assert_eq!(found, [expected.to_vec()], "{one}");
    }
}

#[test]
fn a_plan_is_shown_before_anything_moves_and_somebody_must_agree() {
    let (_family, lab) = pair();
    let before = contents(&lab);
    let said = join(&lab, &["-n", "--no-series"]).ok();
    let said = said.says("The keys of lab-a move into its series 2, 102, 202, ...");
    for line in [
        ["locations", "id", "5 keys", "1 to 5", "2 to 402"],
        ["locations", "within", "3 references", "1 to 3", "2 to 202"],
        ["items", "id", "4 keys", "1 to 5", "2 to 402"],
        ["notes", "seq", "5 keys", "1 to 5", "2 to 402"],
        ["notes", "item_id", "3 references", "1 to 77", "2 to 7602"],
        ["visits", "item_id", "3 references", "1 to 3", "2 to 202"],
    ] {
        let is_there = said.stdout.lines().any(|shown| line.iter().all(|word| shown.contains(word)));
        assert!(is_there, "no {line:?} in {}", said.stdout);
    }
    said.says("The application must be stopped").says("This was a dry run");
    join(&lab, &["--no-series"]).code(18);
    let answer = lab.path("lab.answer");
    lab.run(&["join", word(&answer), "--rekey", "--yes"]).code(2).says("--adopt");
    assert_eq!(contents(&lab), before);
}

#[test]
fn a_crash_anywhere_leaves_all_keys_or_none_moved_and_the_same_command_completes_it() {
    let steps: Vec<Step> =
        Step::ALL.iter().copied().filter(|step| step.name().starts_with("rekey.")).collect();
    assert_eq!(steps.len(), 5);
    for step in steps {
        let (family, lab) = pair();
        let central = &family.central;
        // Edits since init: the log names keys of before.
        lab.sql(
            "UPDATE items SET name = 'lab-a lamp' WHERE id = 5; DELETE FROM swaps WHERE code = 'lab-a-z'",
        );
        let (names, log) = (by_names(&lab), lab.query("SELECT * FROM sync_log ORDER BY id"));
        assert!(!log.is_empty());
        let is_done = step == Step::RekeyCommitted;
        for _ in 0..if is_done { 1 } else { 2 } {
            let answer = lab.path("lab.answer");
            let mut command =
                lab.command(&["join", word(&answer), "--adopt", "--rekey", "--yes", "--no-series"]);
            let output = command.env("PACKMULE_CRASH_AT", step.name()).output().unwrap();
            Ran::new(format!("join, killed at {}", step.name()), &output).killed();
            let found = (lab.value(KEYS), lab.query("SELECT * FROM sync_log ORDER BY id") == log);
            let marks =
                lab.value("SELECT COUNT(number) + COUNT(rekeyed_at) FROM packmule_here JOIN packmule_series");
            let expected = if is_done { ("2,102,202,402", false, "2") } else { ("1,2,3,5", true, "0") };
            assert_eq!((found.0.as_str(), found.1, marks.as_str()), expected, "{step:?}");
        }
        assert_eq!(by_names(&lab), names, "{step:?}");
        let said = join(&lab, &["--yes", "--no-series"]).ok();
        said.says(if is_done { "none moves twice" } else { "  Moved     17 keys and 35 references to them" });
        assert_eq!(lab.value(KEYS), "2,102,202,402", "{step:?}");
        assert_eq!(by_names(&lab), names, "{step:?}");
        assert_eq!(lab.value("SELECT COUNT(*) FROM sync_log"), "24");
        deliver(&lab, central);
        assert_eq!(by_names(central), names, "{step:?}");
        // Never twice, even before anything has left the lab; and after that, not at all.
        join(&lab, &["--yes", "--no-series"]).ok().says("none moves twice").never_says("will be sent");
        assert_eq!(by_names(&lab), names, "{step:?}");
    }
}

#[test]
fn the_server_gives_the_next_key_of_the_series_even_when_it_is_killed_right_after_the_move() {
    let arguments = vec!["--innodb-flush-log-at-trx-commit=1".to_owned()];
    let server = PrivateServer::start(&ServerOptions { arguments, ..server_options() }).unwrap();
    let central = TestSite::new(crate::harness::server(), Role::Central, "central");
    central.sql(SCHEMA);
    let init = ["init", "--role", "central", "--site", "central", "--no-series", "--database"];
    central.run(&[&init[..], &[&central.url()]].concat()).ok();
    let lab = lab(&server, "lab-a");
    enrol(&central, &lab, &lab.url());
    join(&lab, &["--yes", "--no-series"]).ok();
    let (database, folder) = (lab.database().to_owned(), lab.path(""));
    // Its database is to be looked at after the server was killed, for which nobody may hold on to the server.
    std::mem::forget(lab);
    server.kill().unwrap();
    server.restart().unwrap();
    let keys = "SET SESSION auto_increment_increment = 100, SESSION auto_increment_offset = 2;
                INSERT INTO items (name, location_id) VALUES ('new', 2); INSERT INTO notes (u) VALUES ('new');
                INSERT INTO trips (source, target) VALUES (2, 102);
                SELECT (SELECT MAX(id) FROM items), (SELECT MAX(seq) FROM notes), (SELECT MAX(id) FROM trips)";
    let found = server.query(&database, keys).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    assert_eq!(found, [["502", "502", "302"].map(|key| Some(key.to_owned()))]);
}

#[test]
fn rows_that_are_being_written_move_too() {
    let (family, lab) = pair();
    let mut writer = server().connect(lab.database()).unwrap();
    let write = |writer: &mut mysql::Conn, statement: &str| {
        mysql::prelude::Queryable::query_drop(writer, statement).unwrap()
    };
    write(&mut writer, "START TRANSACTION");
    write(&mut writer, "INSERT INTO items (id, name, location_id) VALUES (9, 'lab-a late', 5)");
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_secs(2));
            write(&mut writer, "INSERT INTO stock VALUES (9, 5, 90)");
            write(&mut writer, "COMMIT");
        });
        join(&lab, &["--yes", "--no-series"]).ok().says("  Moved     18 keys and 39 references to them");
    });
    assert_eq!(lab.value("SELECT id FROM items WHERE name = 'lab-a late'"), "802");
    assert_eq!(lab.value("SELECT CONCAT(item_id, ' ', location_id) FROM stock WHERE n = 90"), "802 402");
    deliver(&lab, &family.central);
    assert_eq!(by_names(&family.central), by_names(&lab));
}

/// What stands in the way: how it comes there, how it goes away, the exit code, and what is said.
const IN_THE_WAY: &[(&str, &str, i32, &[&str])] = &[
    (
        "CREATE TRIGGER stamp BEFORE UPDATE ON items FOR EACH ROW SET NEW.name = UPPER(NEW.name)",
        "DROP TRIGGER stamp",
        16,
        &["trigger stamp of table items would run for every row that moves", "SHOW CREATE TRIGGER `stamp`"],
    ),
    (
        "UPDATE notes SET seq = 42949674 WHERE seq = 5",
        "UPDATE notes SET seq = 5 WHERE seq = 42949674",
        16,
        &["notes.seq is too small: 42949674 would become 4294967302", "holds 4294967295 at most", "BIGINT"],
    ),
    (
        "UPDATE trips SET source = 30000000 WHERE id = 1",
        "UPDATE trips SET source = 1 WHERE id = 1",
        16,
        &["trips.source is too small: 30000000 would become 2999999902"],
    ),
    (
        "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; INSERT INTO trips (id, source) VALUES (-3, 1), (0, 1)",
        "DELETE FROM trips WHERE id < 1",
        16,
        &["trips.id holds the key -3, and only keys from 1 on can be moved"],
    ),
    (
        "ALTER TABLE swaps DROP KEY a, MODIFY a VARCHAR(20)",
        "ALTER TABLE swaps MODIFY a BIGINT, ADD UNIQUE KEY a (a)",
        16,
        &["swaps.a cannot be moved: it is varchar(20), and keys are whole numbers"],
    ),
    (
        "ALTER TABLE swaps ENGINE=MyISAM",
        "ALTER TABLE swaps ENGINE=InnoDB",
        16,
        &["table swaps cannot be changed together with the others", "ALTER TABLE `swaps` ENGINE=InnoDB"],
    ),
    (
        "CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY);
         ALTER TABLE trips ADD CONSTRAINT own FOREIGN KEY (source) REFERENCES users (id), ADD KEY (source)",
        "ALTER TABLE trips DROP FOREIGN KEY own; DROP TABLE users",
        16,
        &["trips.source points to keys that move, and to users.id, which stays", "packmule tables add users"],
    ),
    (
        "CREATE DATABASE OTHER; CREATE TABLE OTHER.desks (item BIGINT, FOREIGN KEY (item) REFERENCES items (id))",
        "DROP DATABASE OTHER",
        16,
        &["table desks of database OTHER points to items.id, which would move"],
    ),
];

#[test]
fn what_stands_in_the_way_is_named_before_anything_is_changed() {
    let (_family, lab) = pair();
    lab.sql("SET foreign_key_checks = 0; UPDATE trips SET id = id");
    let other = format!("{}_other", lab.database());
    for (before, after, code, words) in IN_THE_WAY {
        let own = |text: &str| {
            text.replace("OTHER", &other)
                .replace("REFERENCES items", &format!("REFERENCES {}.items", lab.database()))
        };
        lab.sql(&format!("SET foreign_key_checks = 0; {}", own(before)));
        let found = contents(&lab);
        for options in [&["-n", "--no-series"][..], &["--yes", "--no-series"]] {
            let mut said = join(&lab, options).code(*code);
            for words in *words {
                said = said.says(&own(words));
            }
            assert_eq!(contents(&lab), found, "{before}");
        }
        lab.sql(&own(after));
    }
    // A trigger that an UPDATE does not run is no reason, and packmule's own are none.
    lab.sql("CREATE TRIGGER hello AFTER INSERT ON items FOR EACH ROW SET @hello = 1");
    join(&lab, &["-n", "--no-series"]).ok();
}

#[test]
fn settings_that_name_what_is_not_there_are_refused() {
    let (_family, lab) = pair();
    let (before, text) = (contents(&lab), std::fs::read_to_string(lab.config()).unwrap());
    for (from, to, words) in [
        (
            "\"items.id\"",
            "\"itmes.id\"",
            &["the settings name table itmes, which is not", "did you mean \"items\"?"][..],
        ),
        (
            "within =",
            "witin =",
            &["the settings name column locations.witin, which is not", "did you mean \"within\"?"],
        ),
        (
            "\"items.id\"",
            "\"items.name\"",
            &["notes.item_id cannot point to items.name, which does not move"],
        ),
        (
            "    references",
            "    policy = \"review\" #",
            &["tables.locations.policy is for the centre", "take the line out"],
        ),
        ("\"items.id\"", "\"items\"", &["is not a column of a table", "\"locations.id\""]),
    ] {
        std::fs::write(lab.config(), text.replacen(from, to, 1)).unwrap();
        let mut said = join(&lab, &["--yes", "--no-series"]).code(10);
        for words in words {
            said = said.says(words);
        }
        assert_eq!(contents(&lab), before);
    }
}

#[test]
fn keys_that_other_sites_know_do_not_move_any_more() {
    let (family, lab) = pair();
    let answer = lab.path("lab.answer");
    lab.run(&["join", word(&answer), "--yes", "--no-series"]).ok();
    // Joined, but nothing has left the lab: there is still time.
    join(&lab, &["-n", "--no-series"]).ok().says("move into its series");
    lab.sql("INSERT INTO locations (name) VALUES ('lab-a new')");
    deliver(&lab, &family.central);
    let before = contents(&lab);
    join(&lab, &["--yes", "--no-series"]).code(1).says("the keys of lab-a cannot be moved any more");
    assert_eq!(contents(&lab), before);
    // As after a backup of before the export: the ledger knows of no bundle.
    lab.sql("DELETE FROM packmule_bundle; DELETE FROM packmule_stream");
    join(&lab, &["--yes", "--no-series"]).code(1).says("the keys of lab-a cannot be moved any more");
}

#[test]
fn what_only_the_database_knows_rolls_everything_back() {
    let (family, lab) = pair();
    // Distinct for the keys of before, and not for those that they become.
    lab.sql("ALTER TABLE swaps ADD last_digit INT AS (b % 10) STORED, ADD UNIQUE KEY (last_digit)");
    let (names, keys) = (by_names(&lab), lab.value(KEYS));
    let log = lab.count("sync_log");
    let said =
        join(&lab, &["--yes", "--no-series"]).code(12).says("the keys of table swaps could not be moved");
    said.says("Duplicate entry").says("no key was moved");
    assert_eq!((by_names(&lab), lab.value(KEYS), lab.count("sync_log")), (names.clone(), keys, log));
    lab.sql("ALTER TABLE swaps DROP COLUMN last_digit");
    join(&lab, &["--yes", "--no-series"]).ok().says("  Moved     17 keys and 36 references to them");
    deliver(&lab, &family.central);
    assert_eq!(by_names(&family.central), names);
}
