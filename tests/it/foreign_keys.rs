//! Rows that point to each other: their order, their cascades, their circles.

use crate::harness::{Delivered, Family, Met, assert_equal, server};

const SCHEMA: &str = "
    CREATE TABLE rooms (id INT PRIMARY KEY, name VARCHAR(20));
    CREATE TABLE items (id INT PRIMARY KEY, room INT NOT NULL, name VARCHAR(20),
      FOREIGN KEY (room) REFERENCES rooms (id));
    CREATE TABLE loans (id INT PRIMARY KEY, item INT NOT NULL, note VARCHAR(20),
      FOREIGN KEY (item) REFERENCES items (id) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE repairs (id INT PRIMARY KEY, item INT NULL, loan INT NULL, note VARCHAR(20),
      FOREIGN KEY (item) REFERENCES items (id) ON DELETE SET NULL ON UPDATE CASCADE,
      FOREIGN KEY (loan) REFERENCES loans (id) ON DELETE CASCADE)";
const TABLES: [&str; 4] = ["rooms", "items", "loans", "repairs"];
const ROWS: &str = "
    INSERT INTO rooms VALUES (1, 'physics'), (2, 'chemistry');
    INSERT INTO items VALUES (10, 1, 'scale'), (11, 1, 'laser'), (12, 2, 'hood');
    INSERT INTO loans VALUES (100, 10, 'a'), (101, 11, 'b'), (102, 11, 'c');
    INSERT INTO repairs VALUES (1000, 11, NULL, 'x'), (1001, NULL, 101, 'y'), (1002, 12, 102, 'z')";

fn family() -> Family<'static> {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    family.lab("lab-a").sql(ROWS);
    assert_eq!(family.deliver("lab-a"), Delivered::clean(11, 0, 0));
    assert_equal(family.lab("lab-a"), &family.central, &TABLES);
    family
}

#[test]
fn parents_go_after_their_children_have_gone_or_point_elsewhere() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql(
        "UPDATE items SET room = 2; DELETE FROM rooms WHERE id = 1;
         INSERT INTO rooms VALUES (3, 'new'); INSERT INTO items VALUES (13, 3, 'lamp'); INSERT INTO loans VALUES (103, 13, 'd')",
    );
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (0, 0));
    assert_equal(lab, central, &TABLES);
    lab.sql("DELETE FROM repairs; DELETE FROM loans; DELETE FROM items; DELETE FROM rooms");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.deletes, delivered.conflicts, delivered.parked), (13, 0, 0));
    assert_equal(lab, central, &TABLES);
}

#[test]
fn rows_that_a_cascade_takes_or_changes_are_sent_with_their_parent() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    // Takes loans 101 and 102, and with them repairs 1001 and 1002; makes repair 1000 point nowhere.
    lab.sql("DELETE FROM items WHERE id = 11");
    assert_eq!((lab.count("loans"), lab.count("repairs")), (1, 1));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 5));
    assert_equal(lab, central, &TABLES);
    assert_eq!(central.value("SELECT item FROM repairs WHERE id = 1000"), "NULL");
}

#[test]
fn children_that_follow_the_key_of_their_parent_are_sent_with_it() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE items SET id = 77 WHERE id = 11");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (0, 0));
    assert_equal(lab, central, &TABLES);
    assert_eq!(central.value("SELECT COUNT(*) FROM loans WHERE item = 77"), "2");
}

#[test]
fn a_cascade_that_would_take_a_row_which_the_lab_has_not_seen_is_a_conflict() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("INSERT INTO loans VALUES (900, 10, 'of the centre')");
    lab.sql("DELETE FROM items WHERE id = 10; UPDATE items SET name = 'others go on' WHERE id = 12");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.parked, delivered.conflicts), (1, 0));
    assert_eq!(family.conflicts(), [Met::parked("items", "10", "orphan")]);
    assert_eq!(central.value("SELECT GROUP_CONCAT(id) FROM loans WHERE item = 10"), "900");
    assert_eq!(central.value("SELECT name FROM items WHERE id = 12"), "others go on");
    assert!(central.value("SELECT note FROM conflict_log").contains("loans"));
    // The same where the child would only lose its parent.
    central.sql("INSERT INTO repairs VALUES (9000, 12, NULL, 'of the centre')");
    lab.sql("DELETE FROM repairs WHERE item = 12; DELETE FROM items WHERE id = 12");
    assert_eq!(family.deliver("lab-a").parked, 1);
    assert_eq!(central.value("SELECT item FROM repairs WHERE id = 9000"), "12");
}

#[test]
fn a_parent_that_the_centre_still_needs_and_a_child_without_one_are_set_aside() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("INSERT INTO rooms VALUES (8, 'empty'), (9, 'gone')");
    lab.sql("INSERT INTO rooms VALUES (8, 'empty'), (9, 'gone')");
    family.deliver("lab-a");
    central.sql("INSERT INTO items VALUES (90, 8, 'of the centre'); DELETE FROM rooms WHERE id = 9");
    lab.sql("DELETE FROM rooms WHERE id = 8; INSERT INTO items VALUES (91, 9, 'orphan'), (92, 1, 'fine')");
    let delivered = family.deliver("lab-a");
    assert_eq!(delivered.parked, 2);
    let mut met = family.conflicts();
    met.sort_by(|a, b| a.table.cmp(&b.table));
    assert_eq!(met, [Met::parked("items", "91", "orphan"), Met::parked("rooms", "8", "orphan")]);
    assert_eq!(central.value("SELECT COUNT(*) FROM items WHERE id IN (90, 92)"), "2");
    assert_eq!(
        central.value("SELECT lab_row FROM conflict_log WHERE table_name = 'items'"),
        r#"{"id":"91","name":"orphan","room":"9"}"#
    );
}

const CIRCLE: &str = "
    CREATE TABLE stores (id INT PRIMARY KEY, manager INT NOT NULL, UNIQUE KEY (manager));
    CREATE TABLE staff (id INT PRIMARY KEY, store INT NOT NULL, name VARCHAR(20), FOREIGN KEY (store) REFERENCES stores (id));
    ALTER TABLE stores ADD FOREIGN KEY (manager) REFERENCES staff (id)";

#[test]
fn rows_that_point_to_each_other_in_a_circle_are_written_together() {
    let family = Family::new(server(), CIRCLE, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql(
        "SET foreign_key_checks = 0; INSERT INTO stores VALUES (1, 10), (2, 20);
         INSERT INTO staff VALUES (10, 1, 'a'), (20, 2, 'b'), (11, 1, 'c')",
    );
    assert_eq!(family.deliver("lab-a"), Delivered::clean(5, 0, 0));
    assert_equal(lab, central, &["stores", "staff"]);
    // Managers change places, and one store goes with its people.
    lab.sql(
        "UPDATE staff SET store = 1; UPDATE stores SET manager = 11 WHERE id = 1; UPDATE stores SET manager = 10 WHERE id = 2;
         SET foreign_key_checks = 0; INSERT INTO stores VALUES (3, 30); INSERT INTO staff VALUES (30, 3, 'd')",
    );
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (0, 0));
    assert_equal(lab, central, &["stores", "staff"]);
    lab.sql("SET foreign_key_checks = 0; DELETE FROM stores; DELETE FROM staff");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (0, 0), "{:?}", family.conflicts());
    assert_equal(lab, central, &["stores", "staff"]);
    assert_eq!(central.value("SELECT @@foreign_key_checks"), "1");
}

const HANDED_OVER: &str = "
    CREATE TABLE stores (id INT PRIMARY KEY, manager INT NOT NULL UNIQUE);
    CREATE TABLE shelves (id INT PRIMARY KEY, store INT NOT NULL, FOREIGN KEY (store) REFERENCES stores (id) ON UPDATE CASCADE)";

#[test]
fn a_parent_gets_another_key_and_keeps_a_unique_value_while_its_children_follow() {
    let family = Family::new(server(), HANDED_OVER, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO stores VALUES (1, 10), (2, 20); INSERT INTO shelves VALUES (5, 1), (6, 1), (7, 2)");
    family.deliver("lab-a");
    // Store 100 waits for the manager of store 1, store 1 for its shelves to go, and these for store 100.
    lab.sql("UPDATE stores SET id = 100 WHERE id = 1");
    assert_eq!(family.deliver("lab-a").parked, 0, "{:?}", family.conflicts());
    assert_equal(lab, central, &["stores", "shelves"]);
}

#[test]
fn such_a_parent_waits_while_the_centre_has_a_child_of_its_own_and_comes_over_afterwards() {
    let family = Family::new(server(), HANDED_OVER, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO stores VALUES (1, 10), (2, 20); INSERT INTO shelves VALUES (5, 1), (6, 1), (7, 2)");
    family.deliver("lab-a");
    central.sql("INSERT INTO shelves VALUES (90, 1)");
    lab.sql("UPDATE stores SET id = 100 WHERE id = 1; INSERT INTO shelves VALUES (8, 2)");
    assert_eq!(family.deliver("lab-a").parked, 4);
    assert_eq!(central.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM shelves WHERE store = 1"), "5,6,90");
    assert_eq!(central.count("shelves"), 5);
    central.sql("UPDATE shelves SET store = 2 WHERE id = 90");
    assert_eq!(family.deliver("lab-a").parked, 0);
    assert_eq!(central.value("SELECT COUNT(*) FROM conflict_log WHERE status = 'open'"), "0");
    assert_eq!(central.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM shelves WHERE store = 100"), "5,6");
    assert_eq!(central.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM stores"), "2,100");
}

#[test]
fn what_waits_for_each_other_is_known_by_its_collation() {
    let schema = "
        CREATE TABLE stores (code VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, manager INT NOT NULL UNIQUE);
        CREATE TABLE shelves (id INT PRIMARY KEY, store VARCHAR(9) COLLATE utf8mb4_general_ci NOT NULL,
          FOREIGN KEY (store) REFERENCES stores (code))";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO stores VALUES ('North', 10), ('South', 20); INSERT INTO shelves VALUES (5, 'NORTH'), (6, 'north'), (7, 'south')");
    family.deliver("lab-a");
    let moved = "SET foreign_key_checks = 0; UPDATE stores SET code = 'East' WHERE code = 'north'; SET foreign_key_checks = 1;
         UPDATE shelves SET store = 'EAST' WHERE id IN (5, 6)";
    central.sql("INSERT INTO shelves VALUES (90, 'nORTH')");
    lab.sql(moved);
    assert_eq!(family.deliver("lab-a").parked, 4);
    assert_eq!(central.value("SELECT GROUP_CONCAT(code ORDER BY code) FROM stores"), "North,South");
    central.sql("UPDATE shelves SET store = 'south' WHERE id = 90");
    assert_eq!(family.deliver("lab-a").parked, 0);
    assert_eq!(central.value("SELECT COUNT(*) FROM conflict_log WHERE status = 'open'"), "0");
    assert_eq!(central.value("SELECT GROUP_CONCAT(code ORDER BY code) FROM stores"), "East,South");
    assert_eq!(central.value("SELECT GROUP_CONCAT(store ORDER BY id) FROM shelves"), "EAST,EAST,south,south");
}

#[test]
fn a_circle_that_lacks_a_parent_is_set_aside_and_the_others_are_written() {
    let family = Family::new(server(), CIRCLE, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql(
        "SET foreign_key_checks = 0; INSERT INTO stores VALUES (1, 10), (2, 99);
         INSERT INTO staff VALUES (10, 1, 'a'), (20, 2, 'b')",
    );
    assert_eq!(family.deliver("lab-a").parked, 2);
    assert_eq!((central.count("stores"), central.count("staff")), (1, 1));
    let kinds: Vec<String> = family.conflicts().into_iter().map(|met| met.kind + " " + &met.status).collect();
    assert_eq!(kinds, ["orphan open", "orphan open"]);
}

#[test]
fn a_tree_in_one_table_comes_over_in_whatever_order_its_rows_are() {
    let schema =
        "CREATE TABLE tree (id INT PRIMARY KEY, parent INT NULL, FOREIGN KEY (parent) REFERENCES tree (id))";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    // Each parent has a higher number than its child, and one points to itself.
    lab.sql("SET foreign_key_checks = 0; INSERT INTO tree VALUES (500, NULL), (7, 7)");
    for id in (1..500).rev().filter(|id| *id != 7) {
        lab.sql(&format!("INSERT INTO tree VALUES ({id}, {})", if id % 3 == 0 { 500 } else { id + 1 }));
    }
    assert_eq!(family.deliver("lab-a").parked, 0);
    assert_equal(lab, central, &["tree"]);
    lab.sql("UPDATE tree SET parent = NULL WHERE id < 250; DELETE FROM tree WHERE id < 250");
    lab.sql("SET foreign_key_checks = 0; DELETE FROM tree WHERE id BETWEEN 300 AND 400; UPDATE tree SET parent = 500 WHERE parent BETWEEN 300 AND 400");
    assert_eq!(family.deliver("lab-a").parked, 0, "{:?}", family.conflicts());
    assert_equal(lab, central, &["tree"]);
}
