//! Edits that hardly show, and values that hardly fit: sent to the last bit, or told of in plain words.

use packmule::db::Flavour;

use crate::harness::{Delivered, Family, Met, TestSite, assert_equal, server};

fn flavour() -> Flavour {
    let version = server().query("", "SELECT VERSION()").unwrap().remove(0).remove(0).unwrap();
    if version.contains("MariaDB") { Flavour::MariaDb } else { Flavour::MySql }
}

/// A centre and `lab-a` on the shared server, with tables that were not made alike.
fn between(central: &str, lab: &str) -> Family<'static> {
    Family::between((server(), central), (server(), lab))
}

#[test]
fn the_second_of_two_equal_hours_is_another_time() {
    // Half past two comes twice on 25 October 2026, by a clock as in Berlin.
    server()
        .sql(
            "mysql",
            "SET time_zone = '+00:00';
             REPLACE INTO time_zone (time_zone_id, use_leap_seconds) VALUES (9001, 'N');
             REPLACE INTO time_zone_name (name, time_zone_id) VALUES ('Test/Autumn', 9001);
             REPLACE INTO time_zone_transition_type (time_zone_id, transition_type_id, `offset`, is_dst, abbreviation)
               VALUES (9001, 0, 3600, 0, 'CET'), (9001, 1, 7200, 1, 'CEST');
             REPLACE INTO time_zone_transition (time_zone_id, transition_time, transition_type_id)
               VALUES (9001, UNIX_TIMESTAMP('2026-03-29 01:00:00'), 1), (9001, UNIX_TIMESTAMP('2026-10-25 01:00:00'), 0)",
        )
        .unwrap();
    let family = Family::new(server(), "CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP NULL)", &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("SET time_zone = '+00:00'; INSERT INTO t VALUES (1, '2026-10-25 00:30:00'), (2, '2026-10-25 01:30:00')");
    family.deliver("lab-a");
    assert_equal(lab, central, &["t"]);
    let local = "SET time_zone = 'Test/Autumn'; SELECT COUNT(DISTINCT CONCAT(at)) FROM t";
    assert_eq!(lab.value(local), "1", "both are half past two");
    // FROM_UNIXTIME would come back as the first of the two on MySQL, so the session that writes lives by UTC.
    lab.sql("SET time_zone = '+00:00'; UPDATE t SET at = '2026-10-25 01:30:00' WHERE id = 1");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 0));
    lab.sql("SET time_zone = 'Test/Autumn'; UPDATE t SET at = '2026-10-25 02:30:00'");
    family.deliver("lab-a");
    assert_eq!(family.conflicts(), []);
    assert_equal(lab, central, &["t"]);
}

#[test]
fn the_sign_of_a_zero_is_sent_where_the_server_keeps_it() {
    let schema = "CREATE TABLE t (id INT PRIMARY KEY, d DOUBLE, f FLOAT)";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let signs = "SELECT CONCAT_WS(' ', CAST(d AS CHAR), CAST(f AS CHAR)) FROM t";
    lab.sql("INSERT INTO t VALUES (1, 0, 0)");
    family.deliver("lab-a");
    lab.sql("UPDATE t SET d = '-0', f = '-0'");
    let kept = lab.value(signs);
    assert_eq!(kept, if flavour() == Flavour::MySql { "-0 -0" } else { "0 0" });
    family.deliver("lab-a");
    assert_eq!(central.value(signs), kept);
    lab.sql("UPDATE t SET f = 0");
    family.deliver("lab-a");
    assert_eq!(central.value(signs), lab.value(signs));
    assert_eq!(family.conflicts(), []);
}

#[test]
fn a_json_document_keeps_its_spelling_where_the_server_does_and_every_digit_everywhere() {
    let family = Family::new(server(), "CREATE TABLE t (id INT PRIMARY KEY, doc JSON, n INT)", &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let documents = [
        r#"{"a":1}"#,
        r#"{ "a" : 1 }"#,
        r#"{"n": [12345678901234567890123, 3.14159265358979323846, 1.10, 1e2], "": 18446744073709551616}"#,
        r#"{"n": [12345678901234567890124, 3.14159265358979323846, 1.10, 1e2], "": 18446744073709551616}"#,
        "98765432109876543210.5",
    ];
    lab.sql("INSERT INTO t VALUES (1, NULL, 0)");
    family.deliver("lab-a");
    for document in documents {
        lab.sql(&format!("UPDATE t SET doc = '{document}'"));
        family.deliver("lab-a");
        assert_equal(lab, central, &["t"]);
        lab.sql("UPDATE t SET n = n + 1");
        assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 0), "{document} {:?}", family.conflicts());
        assert_equal(lab, central, &["t"]);
    }
    // MySQL rounds numbers in JSON text, but an application can have it keep a DECIMAL.
    if flavour() == Flavour::MySql {
        lab.sql("UPDATE t SET doc = JSON_ARRAY(CAST('12345678901234567890.1230' AS DECIMAL(40,4)), CAST('1.10' AS DECIMAL(5,2)))");
        assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 0));
        assert_equal(lab, central, &["t"]);
        assert_eq!(central.value("SELECT doc FROM t"), "[12345678901234567890.1230, 1.10]");
    }
}

#[test]
fn an_enum_that_is_none_of_its_members_comes_over_as_such() {
    let schema = "CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a', 'b'), must ENUM('x', 'y') NOT NULL, n INT);
                  CREATE TABLE watched (id INT PRIMARY KEY, e ENUM('a', 'b'), n INT)";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("CREATE TRIGGER own BEFORE UPDATE ON watched FOR EACH ROW SET NEW.n = NEW.n");
    let lenient = "SET sql_mode = '';";
    lab.sql(&format!(
        "{lenient} INSERT INTO t (id, e, must, n) VALUES (1, 'nonsense', 'x', 1), (2, 'b', 'nonsense', 2), (3, 'no', 'no', 3), (4, 'a', 'y', 4);
         INSERT INTO watched VALUES (1, 'a', 1), (2, 'nonsense', 2)"
    ));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(6, 0, 0), "{:?}", family.conflicts());
    assert_equal(lab, central, &["t", "watched"]);
    assert_eq!(
        central.value("SELECT GROUP_CONCAT(e + 0, ':', must + 0 ORDER BY id) FROM t"),
        "0:1,2:0,0:0,1:2"
    );
    lab.sql(&format!("{lenient} UPDATE t SET n = n + 10, e = IF(id = 4, 'nonsense', e); UPDATE watched SET e = 'nonsense', n = 7"));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 6, 0), "{:?}", family.conflicts());
    assert_equal(lab, central, &["t", "watched"]);
    // The lenient statement lets nothing else through.
    central.sql("ALTER TABLE t MODIFY n TINYINT");
    let before = central.rows("t");
    lab.sql("UPDATE t SET n = 300");
    assert_eq!(family.deliver("lab-a").parked, 4);
    assert_eq!(central.rows("t"), before);
    let note = central.value("SELECT note FROM conflict_log WHERE record_id = '1'");
    assert!(note.contains("Out of range value"), "{note}");
}

#[test]
fn a_text_that_would_come_back_otherwise_is_held_back_and_all_else_goes() {
    let schema = "CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(20) CHARACTER SET cp1251, word VARCHAR(20) CHARACTER SET ucs2, \
                  kind ENUM('a', ''), n INT);
                  CREATE TABLE k (k VARCHAR(20) CHARACTER SET cp1251 PRIMARY KEY, n INT)";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    // 98 is no character of cp1251, D800 is half of one, and 0 is not the member ''.
    let filled = "SET sql_mode = ''; INSERT INTO t VALUES (1, _cp1251 x'98', 'a', 'a', 1), (2, _cp1251 x'C0', _ucs2 x'D800', 'a', 2), \
                  (3, _cp1251 x'C0E0', 'a', 'nonsense', 3), (4, _cp1251 x'C0E0', 'a', '', 4)";
    lab.sql(filled);
    let said = family.export("lab-a");
    let said = said.says("table t: 1 row is held back here and not sent, the first \"1\": column note");
    said.says("the first \"2\": column word").says("the first \"3\": column kind");
    family.central.run(&["import", lab.path("stick").to_str().unwrap()]).ok();
    assert_eq!(central.value("SELECT GROUP_CONCAT(id) FROM t"), "4");

    lab.sql("INSERT INTO k VALUES (_cp1251 x'98', 1), (_cp1251 x'C0', 2), ('?!', 3)");
    family.export("lab-a").says("table k: 1 row is held back here and not sent, the first \"?\": column k");
    family.central.run(&["import", lab.path("stick").to_str().unwrap()]).ok();
    assert_eq!(central.value("SELECT GROUP_CONCAT(n ORDER BY n) FROM k"), "2,3");
    lab.sql("DELETE FROM k WHERE n = 1");
    assert_eq!(family.deliver("lab-a"), Delivered::default());

    // Edited elsewhere they still stay; corrected they go, with what happened before.
    lab.sql("UPDATE t SET n = n + 10");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 0));
    lab.sql("UPDATE t SET note = 'a', word = 'a', kind = 'a'");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(3, 1, 0), "{:?}", family.conflicts());
    assert_equal(lab, central, &["t"]);
    lab.sql("UPDATE t SET note = _cp1251 x'98' WHERE id = 1");
    assert_eq!(family.deliver("lab-a"), Delivered::default());
    lab.sql("DELETE FROM t");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 0, 4), "{:?}", family.conflicts());
    assert_eq!(central.count("t"), 0);
}

#[test]
fn a_column_that_would_alter_a_value_in_silence_refuses_it_by_its_name() {
    let family = between(
        "CREATE TABLE t (id INT PRIMARY KEY, price DECIMAL(9,1), code CHAR(5), kind ENUM('A'), at TIMESTAMP NOT NULL DEFAULT '2001-01-01')",
        "CREATE TABLE t (id INT PRIMARY KEY, price DECIMAL(9,3), code VARCHAR(5), kind ENUM('a'), at TIMESTAMP NULL)",
    );
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let good = "'2026-01-02 03:04:05'";
    lab.sql(&format!(
        "INSERT INTO t VALUES (1, 1.25, 'a', NULL, {good}), (2, 1.5, 'a ', NULL, {good}), (3, 1.5, 'a', 'a', {good}), \
         (4, 1.5, 'a', NULL, NULL), (5, 1.5, 'a', NULL, {good})"
    ));
    assert_eq!(family.deliver("lab-a").parked, 4);
    let notes = central.query("SELECT record_id, note FROM conflict_log ORDER BY id");
    let of_null = match flavour() {
        Flavour::MySql => "Column 'at' cannot be null",
        Flavour::MariaDb => "column at is timestamp here and would hold '20",
    };
    let words = [
        "column price is decimal(9,1) here and would hold '1.3' instead of '1.250'",
        "column code is char(5) here and would hold 'a' instead of 'a '",
        "column kind is enum('A') here and would hold 'A' instead of 'a'",
        of_null,
    ];
    for (at, words) in words.iter().enumerate() {
        let note = notes[at][1].as_ref().unwrap();
        assert!(note.starts_with(words), "{note}");
        assert_eq!(notes[at][0], Some((at + 1).to_string()));
    }
    assert_eq!(central.value("SELECT GROUP_CONCAT(id) FROM t"), "5");
}

#[test]
fn keys_that_only_one_site_tells_apart_are_two_rows_there_and_overwrite_none_here() {
    let table =
        |collation: &str| format!("CREATE TABLE t (k VARCHAR(9) COLLATE {collation} PRIMARY KEY, v INT)");
    let family = between(&table("utf8mb4_general_ci"), &table("utf8mb4_bin"));
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let rows = |site: &TestSite<'_>| site.value("SELECT GROUP_CONCAT(k, v ORDER BY k) FROM t");
    lab.sql("INSERT INTO t VALUES ('a', 1)");
    family.deliver("lab-a");
    lab.sql("INSERT INTO t VALUES ('A', 2)");
    assert_eq!(family.deliver("lab-a").parked, 1);
    assert_eq!(family.conflicts(), [Met::parked("t", "a", "unique")]);
    lab.sql("UPDATE t SET v = v + 10");
    family.deliver("lab-a");
    assert_eq!(rows(central), "a11");
    lab.sql("DELETE FROM t WHERE k = 'A'");
    family.deliver("lab-a");
    assert_eq!(rows(central), "a11");

    // The other way round: what is one row at the lab leaves none behind at a centre that tells them apart.
    let family = between(&table("utf8mb4_bin"), &table("utf8mb4_general_ci"));
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO t VALUES ('a', 1)");
    family.deliver("lab-a");
    lab.sql("UPDATE t SET k = 'A'");
    family.deliver("lab-a");
    assert_eq!((rows(central), family.conflicts()), ("A1".to_owned(), Vec::new()));
}
