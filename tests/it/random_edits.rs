//! Hundreds of random edits on a small database that has all that is awkward at once.

use crate::harness::{Delivered, Editor, Edits, Family, assert_equal, server};

const SCHEMA: &str = "
    CREATE TABLE stores (id SMALLINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, manager SMALLINT UNSIGNED NOT NULL, name VARCHAR(20),
      place GEOMETRY NOT NULL);
    CREATE TABLE staff (id SMALLINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, store SMALLINT UNSIGNED NOT NULL, name VARCHAR(30) NOT NULL,
      picture BLOB, stamp TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
      FOREIGN KEY (store) REFERENCES stores (id) ON UPDATE CASCADE);
    CREATE TABLE items (id MEDIUMINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, store SMALLINT UNSIGNED NULL, title VARCHAR(60) NOT NULL,
      about TEXT, price DECIMAL(8,2), weight FLOAT, sort ENUM('new', 'used', 'it''s odd'), colours SET('red', 'green'), bought YEAR,
      created DATETIME NOT NULL, FOREIGN KEY (store) REFERENCES stores (id) ON DELETE SET NULL ON UPDATE CASCADE);
    CREATE TABLE item_text (id INT PRIMARY KEY, title VARCHAR(60) NOT NULL, about TEXT, FULLTEXT KEY (title, about));
    CREATE TABLE tags (item MEDIUMINT UNSIGNED, tag VARCHAR(20), note VARCHAR(20), PRIMARY KEY (item, tag),
      FOREIGN KEY (item) REFERENCES items (id) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE loans (id BINARY(8) PRIMARY KEY, item MEDIUMINT UNSIGNED NOT NULL, staff SMALLINT UNSIGNED, day DATE, data JSON,
      FOREIGN KEY (item) REFERENCES items (id) ON DELETE CASCADE ON UPDATE CASCADE,
      FOREIGN KEY (staff) REFERENCES staff (id) ON DELETE SET NULL ON UPDATE CASCADE);
    ALTER TABLE stores ADD FOREIGN KEY (manager) REFERENCES staff (id) ON UPDATE CASCADE;
    CREATE TRIGGER items_bi BEFORE INSERT ON items FOR EACH ROW SET NEW.created = NOW();
    CREATE TRIGGER items_ai AFTER INSERT ON items FOR EACH ROW
      INSERT INTO item_text VALUES (NEW.id, NEW.title, NEW.about);
    CREATE TRIGGER items_au AFTER UPDATE ON items FOR EACH ROW
      UPDATE item_text SET id = NEW.id, title = NEW.title, about = NEW.about WHERE id = OLD.id;
    CREATE TRIGGER items_ad AFTER DELETE ON items FOR EACH ROW DELETE FROM item_text WHERE id = OLD.id";

const SEED_ROWS: &str = "
    SET foreign_key_checks = 0;
    INSERT INTO stores VALUES (1, 1, 'north', ST_GeomFromText('POINT(1 1)')), (2, 2, 'south', ST_GeomFromText('POINT(2 2)'));
    INSERT INTO staff (id, store, name) VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 1, 'c');
    SET foreign_key_checks = 1;
    INSERT INTO items (id, store, title) VALUES (1, 1, 'scale'), (2, 2, 'laser'), (3, NULL, 'hood');
    INSERT INTO tags VALUES (1, 'x', ''), (2, 'y', ''); INSERT INTO loans (id, item) VALUES ('abcdefgh', 1)";

const TABLES: [&str; 6] = ["stores", "staff", "items", "item_text", "tags", "loans"];

fn edits_go_over(seed: u64) {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql(SEED_ROWS);
    assert_eq!(family.deliver("lab-a").parked, 0);
    let mut editor = Editor::new(lab, &TABLES, &["item_text"], seed);
    let mut all = Edits::default();
    // Bundles of one edit, of a few, of many.
    for count in [1, 1, 5, 20, 80, 1, 200, 192] {
        let edits = editor.edit(count);
        let delivered = family.deliver("lab-a");
        assert_eq!(
            (delivered.conflicts, delivered.parked),
            (0, 0),
            "seed {seed}, {edits:?}: {:?}",
            central.query("SELECT table_name, record_id, kind, action, note, before_row, central_row, lab_row FROM conflict_log")
        );
        let found: Vec<String> =
            TABLES.iter().flat_map(|table| crate::harness::differences(lab, central, table)).collect();
        assert!(found.is_empty(), "seed {seed}, {edits:?}: {found:#?}");
        all.inserts += edits.inserts;
        all.updates += edits.updates;
        all.deletes += edits.deletes;
        all.key_changes += edits.key_changes;
    }
    assert_eq!(all.all(), 500);
    assert!(all.inserts > 50 && all.updates > 50 && all.deletes > 20 && all.key_changes > 20, "{all:?}");
    assert_equal(lab, central, &TABLES);
    assert_eq!(family.deliver("lab-a"), Delivered::default());
}

#[test]
fn random_edits_end_equal_with_seed_1() {
    edits_go_over(1);
}

#[test]
fn random_edits_end_equal_with_seed_2() {
    edits_go_over(2);
}

#[test]
fn random_edits_end_equal_with_seed_3() {
    edits_go_over(3);
}
