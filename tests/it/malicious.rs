//! A lab that is enrolled and means harm: bundles that only a program of its own makes, signed with its real key.

use std::fs;
use std::path::Path;

use packmule::model::{BundleKind, Change, ColumnKind, RowKey, TableShape, Value};

use crate::harness::{Pair, Ran, Round, SCHEMA, TestSite, Villain, contents, inserted, row, table};

use ColumnKind::{Integer, Json, Text};

const TABLES: &[&str] = &["shelves", "items"];

fn shelves() -> TableShape {
    table("shelves", &[("id", Integer), ("name", Text)])
}

fn import(central: &TestSite<'_>, place: &Path) -> Ran {
    central.run(&["import", "--no-reply", place.to_str().unwrap()])
}

/// The other lab's bundle goes in whatever the villain has done.
#[track_caller]
fn others_go_on(pair: &Pair, id: u32) {
    let other = pair.other("lab-b");
    other.sql(&format!("INSERT INTO shelves VALUES ({id}, 'of lab-b')"));
    let stick = other.stick("good");
    other.run(&["export", stick.to_str().unwrap()]).ok();
    let ran = import(pair.central(), &stick);
    // What the villain has left in the inbox is told again.
    ran.says("applied 1 change");
    assert_eq!(pair.central().value(&format!("SELECT name FROM shelves WHERE id = {id}")), "of lab-b");
}

#[test]
fn tables_and_columns_that_are_not_shared_are_never_written_whatever_their_names() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    let central = pair.central();
    central.sql(
        "CREATE TABLE secrets (id INT PRIMARY KEY, word VARCHAR(40)); INSERT INTO secrets VALUES (1, 'x');",
    );
    let mut villain = Villain::new(pair.lab(), central);
    let long = "x".repeat(256);
    let names = [
        "secrets",
        "packmule_site",
        "packmule_here",
        "sync_log",
        "conflict_log",
        "packmule_untold_key",
        "mysql.user",
        "shelves`; DROP TABLE items; -- ",
        "shelves\0",
        "SHELVES ",
        "../shelves",
        "information_schema.tables",
        "\u{1b}[2J\n",
        &long,
    ];
    for (at, name) in names.iter().enumerate() {
        let shape = table(name, &[("id", Integer), ("word", Text)]);
        let delete = Change::Delete {
            key: RowKey(vec![Value::Text("1".into())]),
            before: None,
            time: "2026-11-08T12:00:00.000000Z".parse().unwrap(),
        };
        let good = (shelves(), vec![inserted(&["7", "in front"])]);
        let stick = villain.put(&[good, (shape, vec![inserted(&["2", "y"]), delete])]);
        let before = contents(central);
        let ran = import(central, &stick).code(16).says("HELD").says("not applied");
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
        // The word on the stream is all that is new.
        let changed: Vec<String> = contents(central)
            .into_iter()
            .zip(before)
            .filter(|(after, before)| after != before)
            .map(|(after, _)| after.0)
            .collect();
        assert!(changed.iter().all(|table| table == "packmule_stream"), "{name}: {changed:?}");
        fs::remove_dir_all(central.state().join("inbox")).unwrap();
        others_go_on(&pair, 100 + at as u32);
    }
    for column in ["name` = (SELECT 1); -- ", "no", "", "id`,`name"] {
        if column.is_empty() {
            continue;
        }
        let shape = table("shelves", &[("id", Integer), ("name", Text), (column, Text)]);
        let stick = villain.put(&[(shape, vec![inserted(&["7", "x", "y"])])]);
        import(central, &stick).code(16).says("HELD");
        fs::remove_dir_all(central.state().join("inbox")).unwrap();
    }
    assert_eq!(central.value("SELECT COUNT(*) FROM shelves WHERE id = 7"), "0");
    assert_eq!(central.value("SELECT word FROM secrets"), "x");
}

#[test]
fn a_table_that_goes_down_only_keeps_the_rows_of_the_centre() {
    let settings = "[tables.shelves]\ndirection = \"down\"\n";
    let round = Round::with_settings(SCHEMA, &["lab-a", "lab-b"], TABLES, settings);
    let central = round.central();
    central.sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    let mut villain = Villain::new(round.lab("lab-a"), central);
    let time = "2026-11-08T12:00:00.000000Z".parse().unwrap();
    let stick = villain.put(&[(
        shelves(),
        vec![
            inserted(&["3", "three"]),
            Change::Update { before: Some(row(&["1", "one"])), after: row(&["1", "mine"]), time },
            Change::Delete { key: RowKey(vec![Value::Text("2".into())]), before: None, time },
        ],
    )]);
    import(central, &stick).ok();
    assert_eq!(central.value("SELECT GROUP_CONCAT(id, name ORDER BY id) FROM shelves"), "1one,2two");
    assert_eq!(
        central.value("SELECT COUNT(*) FROM conflict_log WHERE decided_by = 'rule: direction = down'"),
        "3"
    );
}

#[test]
fn a_snapshot_of_a_lab_empties_no_table_and_skips_no_number() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    let central = pair.central();
    central.sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    let mut villain = Villain::new(pair.lab(), central);
    villain.kind = BundleKind::Snapshot;
    let tables =
        "[{\"table\":\"shelves\",\"direction\":\"both\"},{\"table\":\"items\",\"direction\":\"both\"}]";
    villain.settings.insert("tables".into(), tables.into());
    for number in [1, 50] {
        villain.jump_to(number);
        let stick = villain.put(&[]);
        let before = contents(central);
        import(central, &stick).code(14).says("breaks the rules");
        assert_eq!(contents(central), before);
    }
    others_go_on(&pair, 100);
}

/// Texts that mean something to a shell, a terminal, SQL or a log.
const WORDS: [&str; 7] = ["', 1); -- ", "\\", "\u{1b}]0;x\u{7}", "\0", "\u{202e}", "%s%n", "${jndi:x}"];

/// Numbers at the ends of what columns hold, and texts that are none.
const NUMBERS: [&str; 21] = [
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "-1",
    "1e400",
    "NaN",
    "inf",
    "0x41",
    "1; DROP TABLE odd",
    "",
    " ",
    "--1",
    "+1",
    "1.5",
    "\u{661}",
    "1_000",
    "'",
    "\\",
    "\0",
];

fn odd_changes() -> Vec<Change> {
    let deep = "[".repeat(10_000);
    let mut changes = Vec::new();
    for (at, number) in NUMBERS.iter().enumerate() {
        let id = (100 + at).to_string();
        let word = WORDS[at % WORDS.len()];
        changes.push(inserted(&[&id, number, "1", "1", word, "{}"]));
        changes.push(inserted(&[&format!("2{id}"), "1", number, number, word, &deep]));
        changes.push(inserted(&[number, "1", "1", "1", word, "{}"]));
    }
    let stock = |before: &str, after: &str| Change::Update {
        before: Some(row(&["1", before, before, before, "a", "[]"])),
        after: row(&["1", after, after, after, "a", "[]"]),
        time: "2026-11-08T12:00:00.000000Z".parse().unwrap(),
    };
    let long = "9".repeat(70);
    changes.extend([
        stock("-9223372036854775808", "9223372036854775807"),
        stock(&long, "-1"),
        stock("x", "y"),
    ]);
    changes
}

#[test]
fn odd_values_times_and_heads_are_kept_exactly_or_set_aside_and_crash_nothing() {
    let schema = format!(
        "{SCHEMA} CREATE TABLE odd (id BIGINT PRIMARY KEY, small INT, big BIGINT UNSIGNED, exact DECIMAL(20,2), \
           word VARCHAR(40), doc JSON);"
    );
    let settings = "[tables.odd]\ncounters = [\"small\", \"big\", \"exact\"]\n";
    let round = Round::with_settings(&schema, &["lab-a", "lab-b"], TABLES, settings);
    let central = round.central();
    central.sql("INSERT INTO odd VALUES (1, 5, 5, 5, 'a', '[]')");
    let mut villain = Villain::new(round.lab("lab-a"), central);
    let (exact, word) = (("exact", ColumnKind::Decimal), ("word", Text));
    let shape =
        table("odd", &[("id", Integer), ("small", Integer), ("big", Integer), exact, word, ("doc", Json)]);
    let heads = [("kept", "18446744073709551616"), ("tables", "[["), ("tables-left-out", "{}")];
    for (name, text) in heads {
        villain.settings.insert(name.into(), text.into());
    }
    for offset in [None, Some(0), Some(i64::MAX), Some(i64::MIN), Some(-1)] {
        villain.clock_offset_ms = offset;
        let stick = villain.put(&[(shape.clone(), odd_changes())]);
        let ran = import(central, &stick).ok();
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
        villain.went_in();
    }
    // Nothing was cut, rounded or wrapped: what is there is what was sent.
    let stored = central.query("SELECT id, word, small FROM odd WHERE id BETWEEN 100 AND 999 ORDER BY id");
    assert!(!stored.is_empty());
    for row in stored {
        let at: usize = row[0].as_ref().unwrap().parse::<usize>().unwrap() - 100;
        assert_eq!(row[1].as_deref(), Some(WORDS[at % WORDS.len()]));
        let sent: Option<i64> = NUMBERS[at].parse().ok();
        assert_eq!(row[2].as_ref().map(|text| text.parse().unwrap()), sent, "{}", NUMBERS[at]);
    }
    assert_eq!(central.value("SELECT CONCAT(small, big, exact) FROM odd WHERE id = 1"), "555.00");
    assert_ne!(
        central.value("SELECT COUNT(*) FROM conflict_log WHERE status = 'open' AND kind = 'value'"),
        "0"
    );
    central.run(&["status"]).ok();
    central.run(&["history"]).ok();
}

#[test]
fn bundles_that_wait_for_others_take_no_more_room_than_a_lab_has() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    let central = pair.central();
    let settings = fs::read_to_string(central.config()).unwrap();
    fs::write(central.config(), format!("{settings}\n[mail]\nquota_bundles = 5\n")).unwrap();
    let mut villain = Villain::new(pair.lab(), central);
    for number in 2..12 {
        villain.jump_to(number);
        let stick = villain.put(&[(shelves(), vec![inserted(&["7", "x"])])]);
        import(central, &stick).code(15).says("waits");
    }
    let inbox = fs::read_dir(central.state().join("inbox")).unwrap().count();
    assert_eq!(inbox, 5);
    others_go_on(&pair, 100);
    // What was not kept is still on its stick; the ones that it waited for free the room.
    fs::remove_dir_all(central.state().join("inbox")).unwrap();
}

#[test]
fn a_lab_speaks_neither_as_another_nor_as_the_centre_nor_for_another() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    let central = pair.central();
    let rows = [(shelves(), vec![inserted(&["7", "x"])])];
    let incarnation = pair.other("lab-b").value("SELECT incarnation FROM packmule_here");
    for (from, words) in
        [("lab-b", "says that it is from lab-b, but lab-a has signed it"), ("central", "central")]
    {
        let mut villain = Villain::speaking_as(pair.lab(), central, from, &incarnation);
        let stick = villain.put(&rows);
        let before = contents(central);
        import(central, &stick).code(14).says(words);
        assert_eq!(contents(central), before);
    }
    // To the other lab, as if it were the centre.
    let mut villain = Villain::new(pair.lab(), pair.other("lab-b"));
    let stick = villain.put(&rows);
    let before = contents(pair.other("lab-b"));
    let ran = import(pair.other("lab-b"), &stick).code(14);
    ran.says("belongs to no enrolled site");
    assert_eq!(contents(pair.other("lab-b")), before);
}

#[test]
fn a_huge_transaction_goes_in_whole_or_not_at_all() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    let central = pair.central();
    let mut villain = Villain::new(pair.lab(), central);
    let rows: Vec<Change> = (1..=60_000).map(|id| inserted(&[&id.to_string(), &"x".repeat(40)])).collect();
    let stick = villain.put(&[(shelves(), rows)]);
    // Killed in the middle, nothing of it is there.
    let mut command = central.command(&["import", "--no-reply", stick.to_str().unwrap()]);
    let output = command.env("PACKMULE_CRASH_AT", "apply.half-written#20").output().unwrap();
    Ran::new("import of 60 000 rows, killed".to_owned(), &output).killed();
    assert_eq!(central.count("shelves"), 0);
    import(central, &stick).ok().says("applied 60 000 changes");
    assert_eq!(central.count("shelves"), 60_000);
    others_go_on(&pair, 70_000);
}
