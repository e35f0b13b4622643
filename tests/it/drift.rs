//! The tables at the centre are changed while bundles are on the way: what fits is mapped, the rest is held and goes on
//! by itself after the migration.

use crate::harness::{Delivered, Family, Met, Ran, assert_equal, server};

const SCHEMA: &str = "
    CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(40), colour VARCHAR(20), quantity INT NOT NULL DEFAULT 0);
    CREATE TABLE stock (shelf INT, item INT, amount INT, PRIMARY KEY (shelf, item))";

/// Two labs and three rows of lab-a at the centre.
fn family() -> Family<'static> {
    let family = Family::new(server(), SCHEMA, &["lab-a", "lab-b"]);
    family
        .lab("lab-a")
        .sql("INSERT INTO items VALUES (1, 'scale', 'red', 1), (2, 'rule', NULL, 2), (3, 'lamp', NULL, 3)");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(3, 0, 0));
    family
}

/// Exports at lab-a and imports at the centre, whatever comes of it.
#[track_caller]
fn send(family: &Family<'_>) -> Ran {
    family.export("lab-a");
    import(family, &[])
}

fn import(family: &Family<'_>, more: &[&str]) -> Ran {
    let stick = family.lab("lab-a").stick("stick");
    family.central.run(&[&["import", stick.to_str().unwrap()], more].concat())
}

/// The other lab is not held up by what holds lab-a.
#[track_caller]
fn lab_b_goes_on(family: &Family<'_>, table: &str) {
    let lab = family.lab("lab-b");
    let columns = if table == "items" { "id, quantity" } else { "shelf, item" };
    let key = columns.split(',').next().unwrap_or_default();
    lab.sql(&format!("INSERT INTO {table} ({columns}) VALUES (900, 1)"));
    family.export("lab-b");
    let ran = family.central.run(&["import", lab.stick("stick").to_str().unwrap()]).code(16);
    ran.says("lab-b 1  applied 1 change");
    assert_eq!(family.central.value(&format!("SELECT COUNT(*) FROM {table} WHERE {key} = 900")), "1");
    family.central.sql(&format!("SET @packmule_silent = 1; DELETE FROM {table} WHERE {key} = 900"));
}

/// After the migration, a plain import without a stick goes on, and all rows are equal.
#[track_caller]
fn goes_on(family: &Family<'_>, migration: &str) {
    family.central.sql(migration);
    family.central.run(&["import"]).ok().says("that waited here").says("applied");
    family.central.run(&["status"]).ok().never_says("HELD");
    assert_equal(family.lab("lab-a"), &family.central, &["items"]);
    assert_eq!(family.central.value("SELECT COUNT(*) FROM conflict_log"), "0");
    import(family, &[]).ok();
}

#[test]
fn a_column_added_at_a_lab_holds_the_bundle_once_it_has_a_value_and_not_before() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("ALTER TABLE items ADD COLUMN weight DECIMAL(8,3), ADD COLUMN place VARCHAR(20)");
    lab.sql("UPDATE items SET quantity = 9 WHERE id = 1; DELETE FROM items WHERE id = 2");
    lab.sql("INSERT INTO items VALUES (4, 'desk', NULL, 4, NULL, NULL)");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(1, 1, 1));
    assert_eq!(
        central.value("SELECT GROUP_CONCAT(id, name, quantity ORDER BY id) FROM items"),
        "1scale9,3lamp3,4desk4"
    );

    lab.sql("UPDATE items SET weight = 1.5, place = 'top' WHERE id = 1; INSERT INTO stock VALUES (1, 1, 1)");
    let ran = send(&family).code(16);
    let ran = ran.says("bundle 3 of lab-a was not applied: table items is another one here");
    let ran = ran.says("HELD");
    let ran = ran.says("table items: column weight is not here; table items: column place is not here");
    let ran = ran.says("hint: ALTER TABLE `items` ADD COLUMN `weight` DECIMAL(65,30)");
    ran.says("packmule import --without items.weight --without items.place");
    assert_eq!(central.count("stock"), 0);
    lab_b_goes_on(&family, "stock");
    lab.sql("UPDATE items SET name = 'after' WHERE id = 3");
    send(&family).code(16).says("waits: bundle 3 of lab-a is here and not applied");
    let status = central.run(&["status"]).ok();
    let status = status.says("bundle 3 is HELD: table items: column weight is not here");
    status.says("bundle 4 waits here").says("Do next: packmule import");
    central.run(&["status", "--check"]).code(3);
    goes_on(&family, "ALTER TABLE items ADD COLUMN weight DECIMAL(8,3), ADD COLUMN place VARCHAR(20)");
    assert_equal(family.lab("lab-a"), central, &["items"]);
    central.run(&["status", "--check"]).ok();
}

#[test]
fn what_holds_a_bundle_is_told_to_programs_too() {
    let family = family();
    family.central.sql("ALTER TABLE items DROP COLUMN colour");
    family.lab("lab-a").sql("UPDATE items SET colour = 'blue'; INSERT INTO stock VALUES (1, 2, 3)");
    family.central.sql("DROP TABLE stock");
    family.export("lab-a");
    let ran = import(&family, &["--json"]).code(16);
    let ran = ran.says(r#""outcome":"held""#).says(r#""exit":16"#);
    let ran = ran.says(r#"{"column":"colour","reason":"column-missing","table":"items","words":"column colour is not here"}"#);
    ran.says(r#"{"column":null,"reason":"table-missing","table":"stock""#);
    let status = family.central.run(&["status", "--json"]).ok();
    status.says(r#""held":{"bundle":2,"why":"table "#);
}

#[test]
fn a_column_dropped_at_the_centre_holds_its_values_until_it_is_back() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE items SET colour = 'blue' WHERE id = 1; INSERT INTO items VALUES (4, 'desk', 'oak', 1)");
    central.sql("ALTER TABLE items DROP COLUMN colour");
    send(&family).code(16).says("table items: column colour is not here");
    lab_b_goes_on(&family, "stock");
    // The row that is there loses nothing: the centre made its column anew from what it knew.
    central.sql("ALTER TABLE items ADD COLUMN colour VARCHAR(20) AFTER name; SET @packmule_silent = 1; UPDATE items SET colour = 'red' WHERE id = 1");
    goes_on(&family, "SELECT 1");
    assert_eq!(central.value("SELECT GROUP_CONCAT(colour ORDER BY id) FROM items"), "blue,oak");
}

#[test]
fn a_row_that_would_be_made_anew_without_a_value_holds_the_bundle() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("ALTER TABLE items DROP COLUMN colour");
    lab.sql("UPDATE items SET quantity = 7 WHERE id = 1");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 0));
    // The row is gone here, and the later edit at the lab would bring it back: without its colour.
    central.sql("SET timestamp = UNIX_TIMESTAMP() - 3600; DELETE FROM items WHERE id = 1");
    lab.sql("UPDATE items SET quantity = 8 WHERE id = 1");
    send(&family).code(16).says("column colour is not here");
    central.sql("ALTER TABLE items ADD COLUMN colour VARCHAR(20) AFTER name");
    central.run(&["import"]).ok();
    assert_equal(lab, central, &["items"]);
}

#[test]
fn a_column_dropped_on_purpose_is_left_out_and_its_values_are_kept() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("ALTER TABLE items DROP COLUMN colour");
    lab.sql("UPDATE items SET colour = 'blue', quantity = 5 WHERE id = 1; UPDATE items SET colour = NULL, quantity = 6 WHERE id = 2");
    lab.sql("INSERT INTO items VALUES (4, 'desk', 'oak', 1), (5, 'door', NULL, 2); DELETE FROM items WHERE id = 3");
    send(&family)
        .code(16)
        .says("ALTER TABLE `items` ADD COLUMN `colour` LONGTEXT")
        .says("--without items.colour");
    // Nobody is here to be asked.
    import(&family, &["--without", "items.colour"]).code(18).says("--yes");
    import(&family, &["--without", "items.name", "--yes"]).code(16);
    import(&family, &["--without", "items.colour", "-n"]).ok();
    assert_eq!(central.value("SELECT COUNT(*) FROM conflict_log"), "0");
    import(&family, &["--without", "ITEMS.Colour", "--yes"]).ok().says("applied 5 changes");
    let rows = "SELECT GROUP_CONCAT(id, name, quantity ORDER BY id) FROM items";
    assert_eq!(central.value(rows), "1scale5,2rule6,4desk1,5door2");
    assert_eq!(lab.value(rows), central.value(rows));
    assert_eq!(
        family.conflicts(),
        ["4", "1"]
            .map(|id| Met::new("items", id, "value", "decided", "central"))
            .iter()
            .rev()
            .cloned()
            .collect::<Vec<_>>()
    );
    let kept =
        central.query("SELECT lab_row, before_row, note, decided_by FROM conflict_log ORDER BY record_id");
    let text = |row: usize, cell: usize| kept[row][cell].clone().unwrap_or_default();
    assert_eq!(text(0, 0), r#"{"colour":"blue","id":"1","name":"scale","quantity":"5"}"#);
    assert_eq!(text(0, 1), r#"{"colour":"red","id":"1","name":"scale","quantity":"1"}"#);
    assert_eq!(text(1, 0), r#"{"colour":"oak","id":"4","name":"desk","quantity":"1"}"#);
    assert_eq!(
        (text(1, 2), text(1, 3)),
        ("column colour was left out".to_owned(), "person: --without".to_owned())
    );
    // The stream goes on, and once the lab has dropped the column too, without the flag.
    lab.sql("ALTER TABLE items DROP COLUMN colour; UPDATE items SET quantity = 10");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 4, 0));
    assert_equal(lab, central, &["items"]);
}

#[test]
fn a_table_dropped_on_purpose_is_left_out_and_every_change_is_kept() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("DROP TABLE items");
    lab.sql("UPDATE items SET quantity = 5 WHERE id = 1; DELETE FROM items WHERE id = 2; INSERT INTO items VALUES (4, 'desk', 'oak', 1)");
    lab.sql("INSERT INTO stock VALUES (1, 1, 1)");
    let ran = send(&family).code(16).says("table items: there is no such table here");
    ran.says("SHOW CREATE TABLE `items`").says("packmule import --without items");
    lab_b_goes_on(&family, "stock");
    import(&family, &["--without", "items", "--yes"]).ok();
    assert_eq!(central.value("SELECT amount FROM stock WHERE shelf = 1"), "1");
    let kept = "SELECT GROUP_CONCAT(action, record_id, lab_row IS NULL, before_row IS NULL ORDER BY record_id) FROM conflict_log \
                WHERE kind = 'value' AND status = 'decided' AND note = 'table items was left out'";
    assert_eq!(central.value(kept), "UPDATE100,DELETE210,INSERT401");
}

#[test]
fn a_table_that_is_missing_holds_the_bundle_until_it_is_made() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("RENAME TABLE stock TO stock_old");
    lab.sql("INSERT INTO stock VALUES (1, 1, 1); UPDATE items SET quantity = 5");
    send(&family).code(16).says("table stock: there is no such table here");
    assert_eq!(central.value("SELECT SUM(quantity) FROM items"), "6");
    goes_on(&family, "RENAME TABLE stock_old TO stock");
    assert_equal(lab, central, &["stock"]);
}

#[test]
fn a_table_that_is_synced_no_more_or_cannot_be_holds_the_bundle() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.run(&["tables", "remove", "stock"]).ok();
    lab.sql("INSERT INTO stock VALUES (1, 1, 1)");
    let ran = send(&family).code(16).says("table stock: it is not among the synced tables here");
    ran.says("at the centre: packmule tables add stock");
    central.run(&["tables", "add", "stock"]).ok();
    central.sql("ALTER TABLE stock ENGINE = MyISAM");
    let ran = import(&family, &[]).code(16).says("its engine is MyISAM, not InnoDB");
    ran.says("ALTER TABLE `stock` ENGINE = InnoDB");
    central.sql("ALTER TABLE stock ENGINE = InnoDB, DROP PRIMARY KEY");
    let ran = import(&family, &[]).code(16).says("it has no primary key");
    ran.says("ALTER TABLE `stock` ADD PRIMARY KEY (`shelf`, `item`)");
    lab_b_goes_on(&family, "items");
    central.sql("ALTER TABLE stock ADD PRIMARY KEY (item)");
    let ran =
        import(&family, &[]).code(16).says("its primary key is (shelf, item) in the bundle, and (item) here");
    ran.says("ALTER TABLE `stock` DROP PRIMARY KEY, ADD PRIMARY KEY (`shelf`, `item`)");
    // The same columns in another order are the same key.
    goes_on(&family, "ALTER TABLE stock DROP PRIMARY KEY, ADD PRIMARY KEY (item, shelf)");
    lab.sql(
        "UPDATE stock SET amount = 5; INSERT INTO stock VALUES (1, 2, 3); DELETE FROM stock WHERE item = 1",
    );
    assert_eq!(family.deliver("lab-a"), Delivered::clean(1, 0, 1));
    assert_eq!(central.value("SELECT GROUP_CONCAT(shelf, item, amount) FROM stock"), "123");
    let log = "SELECT record_id FROM sync_log WHERE table_name = 'stock' ORDER BY id DESC LIMIT 1";
    assert_eq!(central.value(log), r#"["2", "1"]"#);
}

#[test]
fn a_column_renamed_at_the_centre_is_held_and_the_way_back_is_named() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("ALTER TABLE items RENAME COLUMN colour TO color");
    lab.sql("UPDATE items SET colour = NULL WHERE id = 1");
    let ran = send(&family).code(16);
    ran.says("if it was only renamed here: ALTER TABLE `items` RENAME COLUMN `color` TO `colour`");
    goes_on(&family, "ALTER TABLE items RENAME COLUMN color TO colour");
    // Renamed at both ends, it fits again.
    central.sql("ALTER TABLE items RENAME COLUMN colour TO color");
    lab.sql("ALTER TABLE items RENAME COLUMN colour TO color; UPDATE items SET color = 'green'");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 3, 0));
    assert_equal(lab, central, &["items"]);
}

#[test]
fn another_order_other_letter_case_further_columns_and_wider_types_are_mapped() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql(
        "ALTER TABLE items MODIFY quantity BIGINT NOT NULL DEFAULT 0 FIRST, CHANGE colour Colour LONGTEXT, MODIFY name VARCHAR(200) AFTER Colour,
         ADD COLUMN shelf VARCHAR(9) NOT NULL DEFAULT 'none', ADD COLUMN seen INT, ADD COLUMN twice INT AS (quantity * 2)",
    );
    central.sql("UPDATE items SET shelf = 'top', seen = 5 WHERE id = 1");
    lab.sql("UPDATE items SET name = 'balance' WHERE id = 1; INSERT INTO items VALUES (4, 'desk', 'oak', 4)");
    family.deliver("lab-a");
    let rows = "SELECT GROUP_CONCAT(id, name, Colour, quantity, shelf, COALESCE(seen, '-'), twice ORDER BY id) FROM items WHERE Colour <> ''";
    assert_eq!(central.value(rows), "1balancered1top52,4deskoak4none-8");
    assert_eq!(lab.value("SELECT COUNT(*) FROM items"), central.value("SELECT COUNT(*) FROM items"));
}

#[test]
fn a_column_here_that_must_be_given_a_value_holds_the_bundle() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("ALTER TABLE items ADD COLUMN code CHAR(4) NOT NULL");
    lab.sql("INSERT INTO items VALUES (4, 'desk', 'oak', 4)");
    let ran = send(&family)
        .code(16)
        .says("column code is only here, and a row cannot be made without a value for it");
    let ran = ran.says("ALTER TABLE `items` ALTER COLUMN `code` SET DEFAULT ''");
    ran.never_says("--without");
    lab_b_goes_on(&family, "stock");
    central.sql("ALTER TABLE `items` ALTER COLUMN `code` SET DEFAULT ''");
    central.run(&["import"]).ok();
    assert_eq!(central.value("SELECT CONCAT(name, code, '.') FROM items WHERE id = 4"), "desk.");
}

#[test]
fn a_column_that_holds_something_else_here_holds_the_bundle() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("ALTER TABLE items MODIFY colour BLOB");
    lab.sql("UPDATE items SET colour = 'blue' WHERE id = 1");
    let ran = send(&family).code(16).says("column colour holds text in the bundle, and is blob here");
    ran.says("ALTER TABLE `items` MODIFY COLUMN `colour` LONGTEXT").says("--without items.colour");
    lab_b_goes_on(&family, "stock");
    goes_on(&family, "ALTER TABLE items MODIFY colour VARCHAR(20)");
    // The other way out.
    central.sql("ALTER TABLE items MODIFY colour BLOB");
    lab.sql("UPDATE items SET colour = 'green', quantity = 50 WHERE id = 1");
    send(&family).code(16);
    central.run(&["import", "--without", "items.colour", "--yes"]).ok();
    assert_eq!(central.value("SELECT CONCAT(colour, quantity) FROM items WHERE id = 1"), "blue50");
    assert_eq!(family.conflicts(), [Met::new("items", "1", "value", "decided", "central")]);
}

#[test]
fn a_column_that_is_computed_here_must_come_to_the_same() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql(
        "ALTER TABLE items DROP COLUMN colour, ADD COLUMN colour VARCHAR(20) AS (CONCAT('c', quantity))",
    );
    lab.sql("UPDATE items SET colour = CONCAT('c', quantity)");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.updates, delivered.parked), (3, 0));
    lab.sql("INSERT INTO items VALUES (4, 'desk', 'c4', 4), (5, 'door', 'oak', 5); UPDATE items SET quantity = 9, colour = 'c9' WHERE id = 1");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.inserts, delivered.updates, delivered.parked), (2, 1, 1));
    assert_eq!(central.value("SELECT GROUP_CONCAT(id, colour ORDER BY id) FROM items"), "1c9,2c2,3c3,4c4");
    let note = "SELECT note FROM conflict_log WHERE record_id = '5' AND status = 'open'";
    assert_eq!(central.value(note), "column colour is computed here and would be 'c5' instead of 'oak'");
}

#[test]
fn tables_whose_names_differ_in_letter_case_are_one_where_only_one_can_be_meant() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("RENAME TABLE items TO Items");
    lab.sql("UPDATE items SET quantity = 9");
    send(&family).code(16).says("it is not among the synced tables here").says("packmule tables add Items");
    central.run(&["tables", "add", "Items"]).ok();
    central.run(&["import"]).ok();
    assert_eq!(central.value("SELECT SUM(quantity) FROM Items"), "27");
    assert_eq!(central.value("SELECT table_name FROM sync_log ORDER BY id DESC LIMIT 1"), "Items");
    central.sql("CREATE TABLE ITEMS LIKE Items");
    lab.sql("UPDATE items SET quantity = 1");
    send(&family).code(16).says("it could be each of ITEMS, Items");
    central.sql("DROP TABLE ITEMS");
    central.run(&["import"]).ok();
    assert_eq!(central.value("SELECT SUM(quantity) FROM Items"), "3");
}

#[test]
fn a_crash_while_a_column_is_left_out_leaves_nothing_and_the_same_again_does_it() {
    for step in ["apply.half-written", "apply.ledger-written", "apply.committed"] {
        let family = family();
        family.central.sql("ALTER TABLE items DROP COLUMN colour");
        family.lab("lab-a").sql("UPDATE items SET colour = 'blue' WHERE id = 1");
        family.export("lab-a");
        let stick = family.lab("lab-a").stick("stick");
        let arguments = ["import", stick.to_str().unwrap(), "--without", "items.colour", "--yes"];
        let output = family.central.command(&arguments).env("PACKMULE_CRASH_AT", step).output().unwrap();
        Ran::new(step.to_owned(), &output).killed();
        family.central.run(&arguments).ok();
        assert_eq!(family.conflicts(), [Met::new("items", "1", "value", "decided", "central")], "{step}");
    }
}

#[test]
fn a_dry_run_over_a_migration_is_true() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    // What is set aside of the first bundle is tried again with the columns that it came with.
    central.sql("ALTER TABLE items ADD UNIQUE (name)");
    lab.sql(
        "UPDATE items SET colour = 'blue', quantity = 5; INSERT INTO items VALUES (4, 'scale', 'oak', 4)",
    );
    family.export("lab-a");
    lab.sql("ALTER TABLE items DROP COLUMN colour, ADD COLUMN place VARCHAR(9) AFTER id; UPDATE items SET quantity = 6 WHERE id < 4");
    family.export("lab-a");
    central.sql("ALTER TABLE items ADD COLUMN place VARCHAR(9)");
    import(&family, &["-n"])
        .ok()
        .says("lab-a 3  would apply 7 changes; 1 set aside (insert 1, update 6, delete 0)");
    assert_eq!(central.value("SELECT COUNT(*) FROM conflict_log"), "0");
    import(&family, &[]).ok();
    assert_eq!(central.value("SELECT GROUP_CONCAT(colour, quantity) FROM items"), "blue6,blue6,blue6");
    assert_eq!(family.conflicts(), [Met::parked("items", "4", "unique")]);
}
