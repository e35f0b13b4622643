//! What has gone wrong in the field with other systems that do this work, and must not here: wrong clocks that win, losers that
//! vanish, repairs that take a third row, counts and edits that are lost between two people.

use std::fs;

use crate::harness::{Family, Met, TestSite, contents, server};

/// Runs statements so many seconds from now, by the clock that dates edits.
fn at(site: &TestSite<'_>, seconds: i64, statements: &str) {
    site.sql(&format!("SET timestamp = UNIX_TIMESTAMP(SYSDATE(6)) + ({seconds}); {statements}"));
}

/// Labs with the centre's rows.
fn family(schema: &str, labs: &[&str], rows: &str, rules: &str) -> Family<'static> {
    let family = Family::new(server(), schema, labs);
    let known = fs::read_to_string(family.central.config()).unwrap();
    fs::write(family.central.config(), format!("{known}\n{rules}")).unwrap();
    family.central.sql(rows);
    for lab in labs {
        go_round(&family, lab, false);
    }
    family
}

/// A lab's changes go to the centre, and what the centre has for it comes back, by its stick or by network.
fn go_round(family: &Family<'_>, lab: &str, online: bool) {
    let (central, lab) = (&family.central, family.lab(lab));
    let stick = lab.stick("stick");
    let stick = stick.to_str().unwrap();
    if online {
        lab.run(&["push"]).ok();
        central.run(&["sync"]).ok();
        lab.run(&["pull"]).ok();
    } else {
        lab.run(&["export", stick]).ok();
        central.run(&["import", stick]).ok();
        lab.run(&["import", stick]).ok();
    }
}

#[test]
fn clocks_in_1970_two_hours_ahead_and_in_2035_win_nothing_wrongly_and_are_shown() {
    const STOCK: &str = "CREATE TABLE stock (id INT PRIMARY KEY, note VARCHAR(20))";
    let labs = ["lab-a", "lab-b", "lab-c"];
    let family = family(STOCK, &labs, "INSERT INTO stock VALUES (1, 'old'), (2, 'old'), (3, 'old')", "");
    let central = &family.central;
    // The fall of a clock shows by the bundle that was sealed before.
    for lab in labs {
        family.lab(lab).sql("INSERT INTO stock VALUES (10 + ASCII(RIGHT(DATABASE(), 1)), 'before')");
        go_round(&family, lab, false);
    }
    for (id, (lab, clock)) in
        labs.iter().zip(["60", "UNIX_TIMESTAMP() + 7200", "UNIX_TIMESTAMP('2035-01-01')"]).enumerate()
    {
        let edit = format!("UPDATE stock SET note = 'of {lab}' WHERE id = {}", id + 1);
        family.lab(lab).sql(&format!("SET timestamp = {clock}; {edit}"));
    }
    // Later than all of them in truth.
    central.sql("UPDATE stock SET note = 'of the centre' WHERE id <= 3");
    labs.iter().for_each(|lab| go_round(&family, lab, false));
    assert_eq!(family.conflicts(), ["1", "2", "3"].map(|id| Met::parked("stock", id, "changed")));
    for (lab, words) in labs.iter().zip(["fallen back: it dates the edit 1 Jan 1970", "ahead", "Jan 2035"]) {
        let line = "SELECT CONCAT(clock_note, ' / ', JSON_UNQUOTE(JSON_EXTRACT(lab_row, '$.note'))) FROM conflict_log";
        let told = central.value(&format!("{line} WHERE site = '{lab}'"));
        assert!(told.contains(words) && told.ends_with(&format!(" / of {lab}")), "{told}");
        let notes = family.lab(lab).value("SELECT GROUP_CONCAT(DISTINCT note) FROM stock WHERE id <= 3");
        assert_eq!(notes, "of the centre", "{lab}");
    }
    // And where the clocks were compared, how far off each is stands in its status.
    for (seconds, words) in [
        (7200, "2 h ahead of central's"),
        (260_000_000, "3009 days ahead of central's"),
        (-1_700_000_000, "19675 days behind central's"),
    ] {
        family.lab("lab-a").sql(&format!(
            "REPLACE INTO packmule_clock VALUES (1, {seconds} * 1000000, 1000, UTC_TIMESTAMP(6) - INTERVAL 1 SECOND)"
        ));
        family.lab("lab-a").run(&["status"]).ok().says(words);
    }
}

/// A table of awkward types.
const PAPERS: &str = "CREATE TABLE papers (id INT PRIMARY KEY, line VARCHAR(80), body TEXT, price DECIMAL(14,4), big BIGINT UNSIGNED, \
                      moment DATETIME(6), bytes VARBINARY(20), sort ENUM('one', 'it''s two'), flags BIT(3))";

/// Each column with what somebody types, as SQL and as `conflict_log` must have it.
fn typed(who: &str) -> Vec<(&'static str, String, Option<String>)> {
    let text = format!("{who}: it's \"quoted\" \\ back, \u{1F40E}, tab\tand end  ");
    let sql = text.replace('\\', "\\\\").replace('\'', "''");
    let body = format!("{who}\nsecond line; <b>%_'\n\n");
    let number = if who == "lab" { "7" } else { "8" };
    vec![
        ("line", format!("'{sql}'"), Some(text)),
        ("body", format!("'{}'", body.replace('\'', "''")), Some(body)),
        ("price", format!("-123456789.000{number}"), Some(format!("-123456789.000{number}"))),
        ("big", format!("1844674407370955160{number}"), Some(format!("1844674407370955160{number}"))),
        (
            "moment",
            format!("'2026-11-09 11:20:30.00000{number}'"),
            Some(format!("2026-11-09 11:20:30.00000{number}")),
        ),
        ("bytes", format!("x'00ff1b0{number}'"), Some(format!("00FF1B0{number}"))),
        ("sort", "'it''s two'".to_owned(), Some("it's two".to_owned())),
        ("flags", if who == "lab" { "5" } else { "NULL" }.to_owned(), (who == "lab").then(|| "5".to_owned())),
    ]
}

fn sets(who: &str) -> String {
    typed(who).iter().map(|(column, sql, _)| format!("{column} = {sql}")).collect::<Vec<_>>().join(", ")
}

fn values(who: &str) -> String {
    typed(who).into_iter().map(|(_, sql, _)| sql).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_row_that_loses_is_in_conflict_log_with_each_columns_text_as_it_was_typed() {
    let old = "'old', 'old', 1, 1, '2026-01-01 00:00:00', x'00', 'one', NULL";
    let rows: Vec<String> = (1..=6).map(|id| format!("({id}, {old})")).collect();
    let rows = format!("INSERT INTO papers VALUES {}", rows.join(", "));
    let family = family(PAPERS, &["lab-a"], &rows, "");
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let update = |who: &str, id: u32| format!("UPDATE papers SET {} WHERE id = {id}", sets(who));
    let delete = |id: u32| format!("DELETE FROM papers WHERE id = {id}");
    let insert = |who: &str, id: u32| format!("INSERT INTO papers VALUES ({id}, {})", values(who));
    let (central_typed, lab_typed) = ("central", "lab");
    // Of each pair the first is the earlier one, and loses, but for the last two, which wait.
    at(lab, -60, &update(lab_typed, 1));
    at(central, -30, &update(central_typed, 1));
    at(central, -60, &update(central_typed, 2));
    at(lab, -30, &update(lab_typed, 2));
    at(central, -60, &update(central_typed, 3));
    at(lab, -30, &delete(3));
    at(lab, -60, &update(lab_typed, 4));
    at(central, -30, &delete(4));
    at(lab, -60, &insert(lab_typed, 7));
    at(central, -30, &insert(central_typed, 7));
    at(central, -60, &update(central_typed, 5));
    at(lab, 7200, &update(lab_typed, 5));
    at(central, -60, &delete(6));
    at(lab, 7200, &update(lab_typed, 6));
    go_round(&family, "lab-a", false);
    let lost = [
        (1, "lab", "changed"),
        (2, "central", "changed"),
        (3, "central", "changed"),
        (4, "lab", "missing"),
        (7, "lab", "exists"),
        (5, "lab", "changed"),
        (6, "lab", "missing"),
    ];
    assert_eq!(central.count("conflict_log"), lost.len() as u64);
    for (id, who, kind) in lost {
        let line = |column: &str| {
            central.value(&format!("SELECT {column} FROM conflict_log WHERE record_id = '{id}'"))
        };
        assert_eq!(line("kind"), kind, "row {id}");
        let json = |name: &str| serde_json::from_str::<serde_json::Value>(&line(name)).unwrap();
        let row = json(&format!("{who}_row"));
        for (column, _, text) in typed(who) {
            assert_eq!(row[column].as_str(), text.as_deref(), "{column} of row {id}");
        }
        let before = if kind == "exists" { serde_json::Value::Null } else { json("before_row") };
        assert_eq!(before["line"].as_str(), (kind != "exists").then_some("old"), "row {id}");
    }
    // The rows at both ends are those of the winners.
    let lines = "SELECT GROUP_CONCAT(id, ' ', LEFT(line, 3) ORDER BY id) FROM papers";
    assert_eq!(central.value(lines), "1 cen,2 lab,5 cen,7 cen");
    assert_eq!(lab.value(lines), central.value(lines));
}

#[test]
fn unique_and_foreign_key_clashes_touch_no_third_row() {
    const SCHEMA: &str = "
        CREATE TABLE rooms (id INT PRIMARY KEY, code VARCHAR(10) NOT NULL UNIQUE);
        CREATE TABLE items (id INT PRIMARY KEY, room INT NOT NULL, name VARCHAR(20), FOREIGN KEY (room) REFERENCES rooms (id));
        CREATE TABLE notes (id INT PRIMARY KEY, item INT NOT NULL, text VARCHAR(20),
          FOREIGN KEY (item) REFERENCES items (id) ON DELETE CASCADE)";
    let rows = "INSERT INTO rooms VALUES (1, 'r1'), (2, 'r2'), (3, 'r3'), (4, 'r4'); \
                INSERT INTO items VALUES (1, 1, 'scale'), (2, 2, 'laser'), (3, 3, 'hood'); INSERT INTO notes VALUES (1, 1, 'old')";
    let family = family(SCHEMA, &["lab-a"], rows, "");
    let (central, lab) = (&family.central, family.lab("lab-a"));
    // The centre gives codes away, takes a room away, and writes a note on an item.
    central.sql(
        "INSERT INTO rooms VALUES (5, 'r5'); UPDATE rooms SET code = 'r6' WHERE id = 2; DELETE FROM rooms WHERE id = 4; \
         INSERT INTO notes VALUES (2, 3, 'of the centre'); INSERT INTO items VALUES (4, 1, 'unseen')",
    );
    let before = app_tables(central);
    // The lab does not know of it: a code that is another room's, twice; things in a room that is gone, or that has no place
    // itself; an item that would take the centre's note along; a room in which something unseen stands.
    lab.sql(
        "INSERT INTO rooms VALUES (7, 'r5'); UPDATE rooms SET code = 'r6' WHERE id = 3; INSERT INTO items VALUES (8, 4, 'orphan'), (9, 7, 'orphan'); \
         DELETE FROM items WHERE id = 3; DELETE FROM items WHERE id = 1; DELETE FROM rooms WHERE id = 1",
    );
    family.lab("lab-a").run(&["export", lab.stick("stick").to_str().unwrap()]).ok();
    central.run(&["import", lab.stick("stick").to_str().unwrap()]).ok();
    let mut met = family.conflicts();
    met.sort_by(|a, b| (&a.table, &a.record).cmp(&(&b.table, &b.record)));
    let parked = [
        Met::parked("items", "3", "orphan"),
        Met::parked("items", "8", "orphan"),
        Met::parked("items", "9", "orphan"),
        Met::parked("rooms", "1", "orphan"),
        Met::parked("rooms", "3", "unique"),
        Met::parked("rooms", "7", "unique"),
    ];
    assert_eq!(met, parked);
    // Every other row is what it was, in all tables; of those that the lab has changed only what fits has happened: its scale is gone.
    let mut wanted = before;
    for (table, rows) in &mut wanted {
        match table.as_str() {
            "items" => rows.retain(|row| row[0].as_deref() != Some("1")),
            "notes" => rows.retain(|row| row[1].as_deref() != Some("1")),
            _ => {}
        }
    }
    assert_eq!(app_tables(central), wanted);
    go_round(&family, "lab-a", false);
    go_round(&family, "lab-a", false);
    assert_eq!(app_tables(lab), wanted);
}

/// All rows of the application's tables.
fn app_tables(site: &TestSite<'_>) -> Vec<(String, Vec<Vec<Option<String>>>)> {
    let own = |name: &str| name.starts_with("packmule_") || name == "sync_log" || name == "conflict_log";
    contents(site).into_iter().filter(|(table, _)| !own(table)).collect()
}

#[test]
fn two_labs_that_take_from_one_stock_offline_and_two_people_at_one_row_lose_nothing_by_stick_or_by_network() {
    const STOCK: &str =
        "CREATE TABLE stock (id INT PRIMARY KEY, amount INT UNSIGNED, shelf VARCHAR(20), price DECIMAL(8,2))";
    let rules = "[tables.stock]\ncounters = [\"amount\"]\n";
    for online in [false, true] {
        let rows = "INSERT INTO stock VALUES (1, 10, 'old', 1), (2, 5, 'old', 1)";
        let family = family(STOCK, &["lab-a", "lab-b"], rows, rules);
        family.go_online();
        let (central, a, b) = (&family.central, family.lab("lab-a"), family.lab("lab-b"));
        for lab in [a, b] {
            lab.sql("UPDATE stock SET amount = amount - 3 WHERE id = 1");
        }
        a.sql("UPDATE stock SET shelf = 'of the technician' WHERE id = 2");
        central.sql(
            "UPDATE stock SET price = 2.50 WHERE id = 2; UPDATE stock SET amount = amount + 1 WHERE id = 2",
        );
        for lab in ["lab-a", "lab-b", "lab-a"] {
            go_round(&family, lab, online);
        }
        for site in [central, a, b] {
            let row = |id: u32| {
                site.value(&format!("SELECT CONCAT_WS(' ', amount, shelf, price) FROM stock WHERE id = {id}"))
            };
            assert_eq!(
                (row(1), row(2)),
                ("4 old 1.00".into(), "6 of the technician 2.50".into()),
                "{}",
                site.name()
            );
        }
        let met = [("1", "merged"), ("2", "merged")];
        let mut conflicts = family.conflicts();
        conflicts.sort_by(|a, b| a.record.cmp(&b.record));
        assert_eq!(conflicts, met.map(|(id, outcome)| Met::new("stock", id, "changed", "decided", outcome)));
        let way = central.value("SELECT COUNT(*) FROM packmule_mail WHERE from_site <> 'central'");
        assert_eq!(way != "0", online, "bundles that went by network");
    }
}
