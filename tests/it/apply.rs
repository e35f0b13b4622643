//! What the database at the centre has to say: unique values, values that do not fit, triggers of its own.

use crate::harness::{Delivered, Family, Met, Role, TestSite, assert_equal, server};

const UNIQUE: &str = "CREATE TABLE tags (id INT PRIMARY KEY, tag VARCHAR(20) UNIQUE, note VARCHAR(20))";

fn tags() -> Family<'static> {
    let family = Family::new(server(), UNIQUE, &["lab-a"]);
    family.lab("lab-a").sql("INSERT INTO tags VALUES (1, 'red', 'a'), (2, 'green', 'b'), (3, 'blue', 'c')");
    family.deliver("lab-a");
    family
}

#[test]
fn a_unique_value_moves_from_a_row_that_is_gone_to_a_new_one() {
    let family = tags();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("DELETE FROM tags WHERE id = 3; INSERT INTO tags VALUES (0, 'blue', 'new')");
    assert_eq!(family.deliver("lab-a").parked, 0);
    assert_equal(lab, central, &["tags"]);
}

#[test]
fn a_unique_value_moves_down_a_chain_of_rows_whatever_their_order() {
    let family = tags();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql(
        "UPDATE tags SET tag = 'white' WHERE id = 3; UPDATE tags SET tag = 'blue' WHERE id = 2;
         UPDATE tags SET tag = 'green' WHERE id = 1; INSERT INTO tags VALUES (-1, 'red', 'new')",
    );
    assert_eq!(family.deliver("lab-a"), Delivered::clean(1, 3, 0));
    assert_equal(lab, central, &["tags"]);
    lab.sql(
        "UPDATE tags SET tag = NULL WHERE id = -1; UPDATE tags SET tag = 'red' WHERE id = 1;
         UPDATE tags SET tag = 'green' WHERE id = 2; UPDATE tags SET tag = 'blue' WHERE id = 3",
    );
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 4, 0));
    assert_equal(lab, central, &["tags"]);
}

#[test]
fn rows_that_change_places_do_so_at_the_centre() {
    let family = tags();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let third = "SELECT CONCAT(tag, note) FROM tags WHERE id = 3";
    lab.sql(
        "UPDATE tags SET tag = 'x' WHERE id = 1; UPDATE tags SET tag = 'red' WHERE id = 2; UPDATE tags SET tag = 'green' WHERE id = 1",
    );
    lab.sql("INSERT INTO tags VALUES (9, 'other', 'goes on')");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (0, 0), "{:?}", family.conflicts());
    assert_equal(lab, central, &["tags"]);
    assert_eq!(central.value(third), "bluec");
    assert_eq!(central.value("SELECT note FROM tags WHERE id = 9"), "goes on");
    assert_eq!(central.count("tags"), 4);
}

#[test]
fn a_clash_with_a_third_row_is_set_aside_and_stops_nothing() {
    let family = tags();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("INSERT INTO tags VALUES (500, 'taken', 'of the centre'), (501, 'gone', '')");
    // The row at fault comes first in the bundle, and one stands in the middle.
    lab.sql("INSERT INTO tags VALUES (-9, 'taken', 'lab')");
    for id in 10..200 {
        lab.sql(&format!("INSERT INTO tags VALUES ({id}, 't{id}', 'fine')"));
    }
    lab.sql("UPDATE tags SET tag = 'Gone' WHERE id = 2; UPDATE tags SET note = 'edited' WHERE id = 3");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (0, 2));
    assert_eq!(family.conflicts(), [Met::parked("tags", "-9", "unique"), Met::parked("tags", "2", "unique")]);
    assert_eq!(central.value("SELECT CONCAT(id, note) FROM tags WHERE tag = 'taken'"), "500of the centre");
    assert_eq!(central.value("SELECT COUNT(*) FROM tags WHERE note = 'fine'"), "190");
    assert_eq!(central.value("SELECT tag FROM tags WHERE id = 2"), "green");
    assert_eq!(central.value("SELECT note FROM tags WHERE id = 3"), "edited");
    let note = central.value("SELECT note FROM conflict_log WHERE record_id = '-9'");
    assert_eq!(note, "tag taken belongs to row 500 of tags here");
}

#[test]
fn a_value_that_does_not_fit_at_the_centre_is_set_aside_and_stops_nothing() {
    let at_the_lab = "CREATE TABLE facts (id INT PRIMARY KEY, price INT, word VARCHAR(40), name VARCHAR(20), sort VARCHAR(9), at DATETIME)";
    let family = Family::new(server(), at_the_lab, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql(
        "ALTER TABLE facts MODIFY word VARCHAR(5), MODIFY name VARCHAR(20) CHARACTER SET latin1, MODIFY price TINYINT UNSIGNED,
         MODIFY sort ENUM('a', 'b'), ADD CHECK (price <> 13)",
    );
    lab.sql(
        "INSERT INTO facts VALUES (1, 13, '', '', 'a', NULL), (2, 1, 'too long', '', 'a', NULL), (3, 1, '', '\u{1F40E}', 'a', NULL),
         (4, 300, '', '', 'a', NULL), (5, -1, '', '', 'a', NULL), (6, 1, '', '', 'c', NULL), (7, 7, 'fits', '\u{e9}', 'b', NULL)",
    );
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.inserts, delivered.conflicts, delivered.parked), (7, 0, 6));
    let expected: Vec<Met> = (1..=6).map(|id| Met::parked("facts", &id.to_string(), "value")).collect();
    assert_eq!(family.conflicts(), expected);
    assert_eq!(central.rows("facts"), [lab.rows("facts").remove(6)]);
    assert_eq!(
        central.value("SELECT COUNT(*) FROM conflict_log WHERE note <> '' AND lab_row LIKE '{%}'"),
        "6"
    );
    // A row that is there already stays as it is.
    lab.sql("UPDATE facts SET price = 13 WHERE id = 7");
    assert_eq!(family.deliver("lab-a").parked, 1);
    assert_eq!(central.value("SELECT price FROM facts"), "7");
}

#[test]
fn a_row_numbered_zero_stays_zero() {
    let schema = "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(9))";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; INSERT INTO t VALUES (0, 'zero'), (-1, 'below'), (5, 'five')");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(3, 0, 0));
    assert_equal(lab, central, &["t"]);
    lab.sql("UPDATE t SET word = 'edited' WHERE id = 0");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 0));
    assert_equal(lab, central, &["t"]);
}

#[test]
fn a_delete_that_has_to_wait_for_others_counts_once_towards_the_limit() {
    let schema =
        "CREATE TABLE tree (id INT PRIMARY KEY, parent INT NULL, FOREIGN KEY (parent) REFERENCES tree (id))";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    // 600 parents have the lower numbers, so each waits for its child to be deleted.
    let rows = |from: u32, parent: &dyn Fn(u32) -> String| {
        let rows: Vec<String> = (from..from + 600).map(|id| format!("({id}, {})", parent(id))).collect();
        lab.sql(&format!("INSERT INTO tree VALUES {}", rows.join(", ")));
    };
    rows(1, &|_| "NULL".to_owned());
    rows(1001, &|id| (id - 1000).to_string());
    for from in [2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000] {
        rows(from, &|_| "NULL".to_owned());
    }
    family.deliver("lab-a");
    lab.sql("DELETE FROM tree WHERE id BETWEEN 1001 AND 1600; DELETE FROM tree WHERE id <= 400");
    lab.sql("DELETE FROM tree WHERE id BETWEEN 2000 AND 2150");
    // 1151 of 6000 rows: under a fifth, and only so when no try is counted twice.
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 0, 1151));
    assert_equal(lab, central, &["tree"]);
}

const TRIGGERED: &str = "
    CREATE TABLE goods (id INT PRIMARY KEY, name VARCHAR(20), stock INT NOT NULL, edited DATETIME(3),
      stamp TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3));
    CREATE TABLE sales (id INT PRIMARY KEY, goods INT NOT NULL, amount INT, sold DATETIME(3),
      FOREIGN KEY (goods) REFERENCES goods (id));
    CREATE TABLE words (id INT PRIMARY KEY, word VARCHAR(40));
    CREATE TRIGGER goods_bi BEFORE INSERT ON goods FOR EACH ROW SET NEW.edited = NOW(3);
    CREATE TRIGGER goods_ai AFTER INSERT ON goods FOR EACH ROW INSERT INTO words VALUES (NEW.id, NEW.name);
    CREATE TRIGGER goods_au AFTER UPDATE ON goods FOR EACH ROW UPDATE words SET word = NEW.name, id = NEW.id WHERE id = OLD.id;
    CREATE TRIGGER goods_ad AFTER DELETE ON goods FOR EACH ROW DELETE FROM words WHERE id = OLD.id;
    CREATE TRIGGER sales_bi BEFORE INSERT ON sales FOR EACH ROW SET NEW.sold = NOW(3);
    CREATE TRIGGER sales_ai AFTER INSERT ON sales FOR EACH ROW UPDATE goods SET stock = stock - NEW.amount WHERE id = NEW.goods;
    CREATE TRIGGER sales_ad AFTER DELETE ON sales FOR EACH ROW UPDATE goods SET stock = stock + OLD.amount WHERE id = OLD.goods";

#[test]
fn what_triggers_of_the_application_do_at_the_centre_is_set_right() {
    let family = Family::new(server(), TRIGGERED, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let tables = ["goods", "sales", "words"];
    let later = "SET timestamp = UNIX_TIMESTAMP('2026-02-03 04:05:06')";
    lab.sql(&format!(
        "{later}; INSERT INTO goods (id, name, stock) VALUES (1, 'scale', 10), (2, 'laser', 5), (3, 'hood', 1)"
    ));
    lab.sql("UPDATE words SET word = 'by hand' WHERE id = 2");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(6, 0, 0));
    assert_equal(lab, central, &tables);

    lab.sql(&format!(
        "{later}; INSERT INTO sales (id, goods, amount) VALUES (1, 1, 3), (2, 1, 2), (3, 2, 1)"
    ));
    assert_eq!(family.deliver("lab-a").conflicts, 0);
    assert_equal(lab, central, &tables);
    assert_eq!(central.value("SELECT stock FROM goods WHERE id = 1"), "5");

    // All at once: sold and taken back, renumbered, deleted.
    lab.sql(&format!(
        "{later}; DELETE FROM sales WHERE id = 2; INSERT INTO sales (id, goods, amount) VALUES (4, 2, 1);
         UPDATE goods SET id = 30, name = 'renamed' WHERE id = 3; INSERT INTO goods (id, name, stock) VALUES (4, 'new', 4);
         DELETE FROM sales WHERE goods = 1; DELETE FROM goods WHERE id = 1"
    ));
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (0, 0), "{:?}", family.conflicts());
    assert_equal(lab, central, &tables);
    assert_eq!(lab.value("SELECT stock FROM goods WHERE id = 2"), "3");
}

#[test]
fn an_edit_of_the_centre_that_a_trigger_overwrites_on_the_way_is_a_conflict_like_any_other() {
    let family = Family::new(server(), TRIGGERED, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO goods (id, name, stock) VALUES (1, 'scale', 10), (2, 'laser', 5)");
    family.deliver("lab-a");
    // At the lab the trigger renames the words, too. The centre's own words are younger: they stand.
    lab.sql("UPDATE goods SET name = 'balance' WHERE id = 1; DELETE FROM goods WHERE id = 2");
    central.sql("UPDATE words SET word = 'of the centre'");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (2, 0));
    let met = ["2", "1"].map(|record| Met::new("words", record, "changed", "decided", "central"));
    assert_eq!(family.conflicts(), met);
    assert_eq!(
        central.value("SELECT GROUP_CONCAT(id, word ORDER BY id) FROM words"),
        "1of the centre,2of the centre"
    );
    assert_eq!(central.value("SELECT GROUP_CONCAT(id, name) FROM goods"), "1balance");
}

#[test]
fn a_stamp_that_the_server_keeps_itself_is_the_labs() {
    let schema = "CREATE TABLE t (id INT PRIMARY KEY, v INT,
        a TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
        b DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("SET timestamp = 1000000000.5; INSERT INTO t (id, v) VALUES (1, 1), (2, 2)");
    family.deliver("lab-a");
    assert_equal(lab, central, &["t"]);
    lab.sql("SET timestamp = 1100000000.5; UPDATE t SET v = 9");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 2, 0));
    assert_equal(lab, central, &["t"]);
    assert_eq!(central.value("SELECT UNIX_TIMESTAMP(a) FROM t WHERE id = 1"), "1100000000");
}

#[test]
fn a_trigger_that_refuses_a_row_sets_it_aside() {
    let schema = "CREATE TABLE t (id INT PRIMARY KEY, v INT)";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql(
        "CREATE TRIGGER never BEFORE INSERT ON t FOR EACH ROW BEGIN
           IF NEW.v = 13 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'thirteen is not sold here'; END IF; END",
    );
    lab.sql("INSERT INTO t VALUES (1, 13), (2, 2)");
    assert_eq!(family.deliver("lab-a").parked, 1);
    assert_eq!(family.conflicts(), [Met::parked("t", "1", "value")]);
    assert!(central.value("SELECT note FROM conflict_log").contains("thirteen is not sold here"));
    assert_eq!(central.value("SELECT GROUP_CONCAT(id) FROM t"), "2");
}

#[test]
fn a_trigger_that_overwrites_every_write_is_named() {
    let schema = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("CREATE TRIGGER bi BEFORE INSERT ON t FOR EACH ROW SET NEW.v = UPPER(NEW.v)");
    central.sql("CREATE TRIGGER bu BEFORE UPDATE ON t FOR EACH ROW SET NEW.v = UPPER(NEW.v)");
    lab.sql("INSERT INTO t VALUES (1, 'a'), (2, 'B')");
    family.export("lab-a");
    let ran = central.run(&["import", "--no-reply", lab.path("stick").to_str().unwrap()]).ok();
    ran.says("trigger").says("table t");
    assert_eq!(central.value("SELECT GROUP_CONCAT(v ORDER BY id) FROM t"), "A,B");
}

#[test]
fn tables_that_cannot_be_synced_are_named_with_the_reason() {
    let central = TestSite::new(server(), Role::Central, "central");
    central.sql(
        "CREATE TABLE good (id INT PRIMARY KEY); CREATE TABLE keyless (id INT); CREATE VIEW seen AS SELECT id FROM good;
         CREATE TABLE old (id INT PRIMARY KEY) ENGINE=MyISAM; CREATE TABLE inexact (f FLOAT PRIMARY KEY)",
    );
    let url = central.url();
    let init =
        ["init", "--role", "central", "--site", "central", "--no-series", "--database", &url, "--tables"];
    let all = central.run(&[&init[..], &["all"]].concat()).ok();
    all.says("keyless: it has no primary key")
        .says("seen: it is a view")
        .says("old: its engine is MyISAM, not InnoDB")
        .says("inexact: its primary key has the float column f");
    let other = TestSite::new(server(), Role::Central, "central");
    other.sql("CREATE TABLE keyless (id INT)");
    let url = other.url();
    let init = ["init", "--role", "central", "--site", "central", "--database", &url, "--tables", "keyless"];
    let ran = other.run(&init).says("keyless").says("it has no primary key");
    assert_ne!(ran.code, Some(0));
}
