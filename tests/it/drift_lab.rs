//! A lab's own tables are changed under packmule's triggers: the application goes on, no edit is missed, and what is in
//! the log already is read.

use crate::harness::{Delivered, Family, Ran, Role, TestSite, assert_equal, server};

const SCHEMA: &str = "
    CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(40), colour VARCHAR(20), quantity INT NOT NULL DEFAULT 0);
    CREATE TABLE parts (id INT PRIMARY KEY, item INT, word VARCHAR(20),
                        FOREIGN KEY (item) REFERENCES items (id) ON DELETE CASCADE)";

fn family() -> Family<'static> {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    family.lab("lab-a").sql(
        "INSERT INTO items VALUES (1, 'scale', 'red', 1), (2, 'rule', 'blue', 2), (3, 'lamp', NULL, 3);
         INSERT INTO parts VALUES (10, 1, 'pan'), (20, 2, 'edge'), (30, 3, 'bulb')",
    );
    family.deliver("lab-a");
    family
}

/// The same statements at both ends: a migration.
fn migrate(family: &Family<'_>, statements: &str) {
    family.lab("lab-a").sql(statements);
    family.central.sql(statements);
}

/// Triggers as the database keeps them: their text, without the spaces.
fn triggers(site: &TestSite<'_>) -> Vec<Vec<Option<String>>> {
    site.query(
        "SELECT trigger_name, event_object_table, REPLACE(action_statement, ' ', '') FROM information_schema.triggers \
         WHERE trigger_schema = DATABASE() ORDER BY 1",
    )
}

/// What a site's triggers are when `init` makes them for the tables as they are now.
fn fresh(site: &TestSite<'_>) -> Vec<Vec<Option<String>>> {
    let other = TestSite::new(server(), site.role(), site.name());
    for table in site.query("SELECT name FROM packmule_table").into_iter().flatten().flatten() {
        let shown = site.query(&format!("SHOW CREATE TABLE {table}")).remove(0).remove(1).unwrap();
        other.sql(&format!("SET foreign_key_checks = 0; {shown}"));
    }
    let (url, card) = (other.url(), other.path("card"));
    let mut arguments = vec!["init", "--role", site.role().word(), "--site", site.name(), "--database", &url];
    if site.role() == Role::Lab {
        arguments.extend(["--card", card.to_str().unwrap()]);
    }
    other.run(&arguments).ok();
    triggers(&other)
}

#[test]
fn an_edit_of_a_new_column_alone_is_seen_by_triggers_that_do_not_know_it() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    migrate(
        &family,
        "ALTER TABLE items ADD COLUMN weight INT, ADD COLUMN place VARCHAR(9) DEFAULT 'none' AFTER id",
    );
    lab.sql("UPDATE items SET weight = 5 WHERE id = 1; UPDATE items SET place = 'top' WHERE id = 2; UPDATE items SET name = name");
    lab.sql("UPDATE items SET weight = 7, quantity = 9 WHERE id = 3; INSERT INTO items (id, weight) VALUES (4, 4)");
    let ran = family.export("lab-a").says("table items was changed; its triggers were made anew");
    ran.never_says("Unreadable");
    let stick = lab.stick("stick");
    central.run(&["import", stick.to_str().unwrap()]).ok();
    assert_equal(lab, central, &["items", "parts"]);
    assert_eq!(central.count("conflict_log"), 0);
    assert_eq!(triggers(lab), fresh(lab));
    assert_eq!(triggers(central), fresh(central));
    // From now on they know it: nothing is logged that changes nothing.
    lab.sql("UPDATE items SET weight = weight; UPDATE items SET weight = 50 WHERE id = 1");
    assert_eq!(lab.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "1");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 0));
    assert_equal(lab, central, &["items"]);
}

#[test]
fn a_column_that_is_dropped_or_renamed_does_not_break_the_application() {
    for (change, name) in [
        ("ALTER TABLE items DROP COLUMN colour", "quantity"),
        ("ALTER TABLE items RENAME COLUMN colour TO color", "color"),
        ("ALTER TABLE items DROP COLUMN colour, ADD COLUMN shade INT", "shade"),
    ] {
        let family = family();
        let (central, lab) = (&family.central, family.lab("lab-a"));
        lab.sql("UPDATE items SET quantity = 50 WHERE id = 2");
        migrate(&family, change);
        // Every sort of write, at both ends, before packmule has been run again.
        lab.sql(&format!(
            "UPDATE items SET {name} = 7 WHERE id = 1; DELETE FROM parts WHERE id = 30; UPDATE items SET name = 'z', id = 9 WHERE id = 3"
        ));
        lab.sql("INSERT INTO items (id, name) VALUES (4, 'desk'); DELETE FROM items WHERE id = 2");
        central.sql("INSERT INTO items (id, name) VALUES (500, 'x'); UPDATE items SET name = 'y' WHERE id = 500; DELETE FROM items WHERE id = 500");
        assert_eq!(central.value("SELECT COUNT(*) FROM sync_log WHERE record_id = '500'"), "3");
        lab.run(&["doctor"]).ok().says("was made for the table as it was before");
        family.export("lab-a");
        central.run(&["import", lab.stick("stick").to_str().unwrap()]).ok();
        assert_equal(lab, central, &["items", "parts"]);
        assert_eq!(triggers(lab), fresh(lab), "{change}");
        assert_eq!(triggers(central), fresh(central), "{change}");
        lab.run(&["doctor"]).ok().never_says("as it was before");
        lab.sql("UPDATE items SET name = 'again'; DELETE FROM items WHERE id = 4");
        family.deliver("lab-a");
        assert_equal(lab, central, &["items", "parts"]);
    }
}

#[test]
fn a_child_table_that_is_changed_or_gone_does_not_break_deletes_of_its_parent() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    migrate(&family, "ALTER TABLE parts DROP COLUMN word");
    lab.sql("DELETE FROM items WHERE id = 1");
    assert_eq!(
        lab.value("SELECT GROUP_CONCAT(table_name, record_id ORDER BY id) FROM sync_log WHERE batch IS NULL"),
        "parts10,items1"
    );
    assert_eq!(family.deliver("lab-a").conflicts, 0);
    assert_equal(lab, central, &["items", "parts"]);
    lab.sql("UPDATE parts SET item = NULL WHERE id = 20");
    family.deliver("lab-a");
    lab.sql("DROP TABLE parts; DELETE FROM items WHERE id = 2; UPDATE items SET id = 5 WHERE id = 3");
    let ran = family.export("lab-a");
    ran.says("table parts was left out: there is no such table here");
    central.run(&["import", lab.stick("stick").to_str().unwrap()]).ok();
    lab.run(&["status"])
        .ok()
        .says("Left out      table parts: there is no such table here")
        .says("packmule doctor");
    assert_eq!(central.value("SELECT COUNT(*) FROM items WHERE id = 2"), "0");
}

#[test]
fn log_rows_from_before_a_column_was_added_dropped_or_renamed_keep_their_row_before() {
    for (change, edit) in [
        ("ALTER TABLE items ADD COLUMN weight DECIMAL(6,2) NOT NULL DEFAULT 1.5 FIRST", "weight = 2.5"),
        ("ALTER TABLE items ADD COLUMN weight INT NULL, ADD COLUMN place VARCHAR(9) NOT NULL", "weight = 2"),
        ("ALTER TABLE items DROP COLUMN colour", "quantity = 7"),
        ("ALTER TABLE items RENAME COLUMN colour TO color", "color = 'green'"),
        ("ALTER TABLE items CHANGE colour COLOUR VARCHAR(50)", "colour = 'green'"),
        ("ALTER TABLE items MODIFY quantity BIGINT, MODIFY colour LONGTEXT", "colour = 'green'"),
    ] {
        let family = family();
        let (central, lab) = (&family.central, family.lab("lab-a"));
        lab.sql("UPDATE items SET quantity = 10 WHERE id = 1; UPDATE items SET name = 'first' WHERE id = 2; DELETE FROM items WHERE id = 3");
        migrate(&family, change);
        lab.sql(&format!("UPDATE items SET {edit} WHERE id < 3"));
        // The centre edits one of them, too: only by the row before can that be told from what the lab knew.
        central.sql("SET timestamp = UNIX_TIMESTAMP() - 3600; UPDATE items SET name = 'centre' WHERE id = 2");
        family.export("lab-a").never_says("could not be read");
        central.run(&["import", lab.stick("stick").to_str().unwrap()]).ok();
        assert_equal(lab, central, &["items"]);
        let kept =
            central.query("SELECT record_id, kind, before_row LIKE '%\"name\":\"rule\"%' FROM conflict_log");
        assert_eq!(
            kept,
            [[Some("2".to_owned()), Some("changed".to_owned()), Some("1".to_owned())]],
            "{change}"
        );
    }
}

#[test]
fn a_table_that_is_renamed_is_told_of_and_goes_on_under_its_old_name() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE items SET quantity = 5 WHERE id = 1; RENAME TABLE items TO things");
    lab.sql("UPDATE things SET quantity = 6 WHERE id = 2; UPDATE things SET name = name; INSERT INTO things (id) VALUES (4); DELETE FROM things WHERE id = 3");
    lab.sql("UPDATE parts SET word = 'edited' WHERE id = 10");
    let words = "it is called things now; this gives it its old name again: RENAME TABLE `things` TO `items`";
    family.export("lab-a").says("table items was left out").says(words);
    lab.run(&["export", lab.stick("stick").to_str().unwrap(), "-n"]).ok().says(words);
    lab.run(&["status"]).ok().says(words);
    lab.run(&["status", "--check"]).code(3);
    lab.run(&["doctor"]).code(20).says("items: the table is called things now");
    lab.run(&["tables"]).ok().says("the table is called things now");
    central.run(&["import", lab.stick("stick").to_str().unwrap()]).ok();
    assert_equal(lab, central, &["parts"]);
    lab.sql("RENAME TABLE `things` TO `items`");
    family.deliver("lab-a");
    assert_equal(lab, central, &["items", "parts"]);
    assert_eq!(central.count("conflict_log"), 0);
    lab.run(&["doctor"]).ok();
}

#[test]
fn a_table_that_is_renamed_at_every_site_takes_its_log_with_it() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE items SET quantity = 5 WHERE id = 1; RENAME TABLE items TO things; UPDATE things SET quantity = 6 WHERE id = 2");
    central.sql("RENAME TABLE items TO things");
    central.run(&["tables", "add", "things"]).ok();
    central.run(&["tables", "remove", "items"]).ok();
    let (card, answer) = (lab.path("lab.card"), lab.path("lab.answer"));
    central.run(&["enrol", card.to_str().unwrap(), "--answer", answer.to_str().unwrap(), "--yes"]).ok();
    lab.run(&["join", answer.to_str().unwrap(), "--yes"]).ok();
    lab.sql("UPDATE things SET quantity = 7 WHERE id = 3");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 3, 0));
    assert_equal(lab, central, &["things", "parts"]);
    for site in [lab, central] {
        assert_eq!(site.value("SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND trigger_name LIKE 'packmule%items'"), "0");
        site.run(&["doctor"]).ok();
    }
}

#[test]
fn a_table_that_cannot_be_synced_any_more_keeps_its_edits_until_it_can() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("ALTER TABLE parts DROP FOREIGN KEY parts_ibfk_1; ALTER TABLE parts ENGINE = MyISAM");
    lab.sql("UPDATE parts SET word = 'edited' WHERE id = 10; UPDATE items SET quantity = 7");
    family
        .export("lab-a")
        .says("table parts was left out: its engine is MyISAM, not InnoDB; its changes stay in the log");
    central.run(&["import", lab.stick("stick").to_str().unwrap()]).ok();
    assert_equal(lab, central, &["items"]);
    lab.sql("ALTER TABLE parts ENGINE = InnoDB, DROP PRIMARY KEY");
    lab.sql("UPDATE parts SET word = 'twice' WHERE id = 20");
    family.export("lab-a").says("table parts was left out: it has no primary key");
    lab.run(&["status"]).ok().says("Left out      table parts: it has no primary key");
    lab.sql("ALTER TABLE parts ADD PRIMARY KEY (id)");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 2, 0));
    assert_equal(lab, central, &["items", "parts"]);
}

#[test]
fn edits_that_were_logged_under_another_key_wait_for_it() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE items SET name = 'edited' WHERE id = 1");
    lab.sql("ALTER TABLE parts DROP FOREIGN KEY parts_ibfk_1; ALTER TABLE items MODIFY name VARCHAR(40) NOT NULL, DROP PRIMARY KEY, ADD PRIMARY KEY (name)");
    lab.sql("UPDATE items SET quantity = 8 WHERE id = 2");
    let words = "its primary key was (id) when its last edits were logged";
    family.export("lab-a").says("table items was left out").says(words);
    lab.run(&["doctor"]).code(20).says(words);
    lab.sql("ALTER TABLE items DROP PRIMARY KEY, ADD PRIMARY KEY (`id`)");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 2, 0));
    assert_equal(lab, central, &["items"]);
    // With nothing left to send, the key can be another one; so it must be at the centre, too.
    lab.sql("ALTER TABLE items DROP PRIMARY KEY, ADD PRIMARY KEY (name)");
    family.export("lab-a").says("its triggers were made anew");
    lab.sql("UPDATE items SET quantity = 9 WHERE id = 2");
    family.export("lab-a");
    let stick = lab.stick("stick");
    central
        .run(&["import", stick.to_str().unwrap()])
        .code(16)
        .says("its primary key is (name) in the bundle, and (id) here");
    central.sql("ALTER TABLE parts DROP FOREIGN KEY parts_ibfk_1; ALTER TABLE items MODIFY name VARCHAR(40) NOT NULL, DROP PRIMARY KEY, ADD PRIMARY KEY (name)");
    central.run(&["import"]).ok();
    assert_equal(lab, central, &["items"]);
}

#[test]
fn a_key_column_may_be_renamed() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("UPDATE items SET quantity = 5 WHERE id = 1");
    migrate(&family, "ALTER TABLE items RENAME COLUMN id TO number");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 1, 0));
    lab.sql("INSERT INTO items (number) VALUES (4); UPDATE items SET quantity = 7 WHERE number = 2; DELETE FROM items WHERE number = 3");
    family.deliver("lab-a");
    assert_equal(lab, central, &["items", "parts"]);
    assert_eq!(triggers(lab), fresh(lab));
}

#[test]
fn a_write_in_a_long_transaction_does_not_hold_up_the_export_nor_other_writers() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    migrate(&family, "ALTER TABLE items ADD COLUMN weight INT");
    let mut open = lab.server().connect(lab.database()).unwrap();
    mysql::prelude::Queryable::query_drop(&mut open, "START TRANSACTION").unwrap();
    mysql::prelude::Queryable::query_drop(&mut open, "UPDATE items SET weight = 1 WHERE id = 1").unwrap();
    let before = std::time::Instant::now();
    let ran = family.export("lab-a");
    assert!(before.elapsed().as_secs() < 20, "{:?}", before.elapsed());
    ran.says("its triggers could not be made anew yet").says("(1205)");
    mysql::prelude::Queryable::query_drop(&mut open, "COMMIT").unwrap();
    lab.sql("UPDATE items SET weight = 2 WHERE id = 2");
    family.export("lab-a").says("its triggers were made anew");
    central.run(&["import", lab.stick("stick").to_str().unwrap()]).ok();
    assert_equal(lab, central, &["items"]);
    assert_eq!(triggers(lab), fresh(lab));
}

#[test]
fn a_trigger_is_never_away_while_it_is_renewed() {
    let family = family();
    let lab = family.lab("lab-a");
    lab.sql("ALTER TABLE items ADD COLUMN weight INT");
    // A crash between the new trigger's twin and its own: the twin watches, and the next export clears up.
    let body = lab.query("SELECT action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND trigger_name = 'packmule_au_items'").remove(0).remove(0).unwrap();
    lab.sql(&format!("CREATE TRIGGER packmule_xau_items AFTER UPDATE ON items FOR EACH ROW {body}"));
    lab.sql("DROP TRIGGER packmule_au_items");
    lab.sql("UPDATE items SET weight = 5 WHERE id = 1");
    assert_eq!(lab.value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "1");
    family.export("lab-a").says("its triggers were made anew");
    assert_eq!(triggers(lab), fresh(lab));
    // What another hand took away is told of, and not put back in silence.
    lab.sql("DROP TRIGGER packmule_au_items");
    family.export("lab-a").says("edits are LOST");
    lab.run(&["status"]).ok().says("1 trigger is missing or changed");
    lab.run(&["doctor"]).code(20).says("packmule init");
}

#[test]
fn a_foreign_key_that_came_later_gets_its_trigger() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    migrate(&family, "ALTER TABLE parts DROP FOREIGN KEY parts_ibfk_1");
    family.deliver("lab-a");
    assert_eq!(triggers(lab), fresh(lab));
    migrate(&family, "ALTER TABLE parts ADD FOREIGN KEY (item) REFERENCES items (id) ON DELETE CASCADE");
    family.deliver("lab-a");
    assert_eq!(triggers(lab), fresh(lab));
    lab.sql("DELETE FROM items WHERE id = 1");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 0, 2));
    assert_equal(lab, central, &["items", "parts"]);
}

#[test]
fn an_account_that_may_not_make_triggers_still_exports() {
    let family = family();
    let (central, lab) = (&family.central, family.lab("lab-a"));
    migrate(&family, "ALTER TABLE items ADD COLUMN weight INT");
    lab.sql("UPDATE items SET weight = 5 WHERE id = 1");
    let user = format!("pm_{}", lab.database());
    lab.sql(&format!("CREATE USER '{user}'@'localhost'; GRANT SELECT, INSERT, UPDATE, DELETE ON {}.* TO '{user}'@'localhost'", lab.database()));
    let settings = std::fs::read_to_string(lab.config()).unwrap();
    std::fs::write(lab.config(), settings.replace("root@", &format!("{user}@"))).unwrap();
    let ran: Ran = family.export("lab-a");
    ran.never_says("made anew for what it is now");
    central.run(&["import", lab.stick("stick").to_str().unwrap()]).ok();
    assert_equal(lab, central, &["items"]);
}

#[test]
fn an_update_that_changes_nothing_is_checked_for_new_columns_whatever_the_types() {
    let types = "GEOMETRY LONGBLOB JSON BIT(5) ENUM('a') SET('a') YEAR TIMESTAMP(6) DOUBLE TIME";
    let mut types: Vec<&str> = types.split(' ').collect();
    for (more, version) in [("VECTOR(3)", "9."), ("UUID", "10.11"), ("INET6", "10.11")] {
        if server().query("", "SELECT VERSION()").unwrap()[0][0].as_deref().unwrap().starts_with(version) {
            types.push(more);
        }
    }
    let table =
        |(at, column): (usize, &&str)| format!("CREATE TABLE t{at} (id INT PRIMARY KEY, v {column} NULL);");
    let schema: String = types.iter().enumerate().map(table).collect();
    let family = Family::new(server(), &schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let open = "SELECT COUNT(*) FROM sync_log WHERE batch IS NULL";
    for at in 0..types.len() {
        lab.sql(&format!("INSERT INTO t{at} (id) VALUES (1)"));
    }
    family.deliver("lab-a");
    for (at, column) in types.iter().enumerate() {
        lab.sql(&format!("UPDATE t{at} SET id = id"));
        assert_eq!(lab.value(open), at.to_string(), "{column}");
        migrate(&family, &format!("ALTER TABLE t{at} ADD COLUMN w INT"));
        lab.sql(&format!(
            "UPDATE t{at} SET w = 1; ALTER TABLE t{at} ADD COLUMN x {column} NULL; UPDATE t{at} SET id = id"
        ));
        lab.sql(&format!("ALTER TABLE t{at} DROP COLUMN x; DELETE FROM sync_log WHERE table_name = 't{at}' AND batch IS NULL AND id < (SELECT * FROM (SELECT MAX(id) FROM sync_log) m)"));
    }
    family.deliver("lab-a");
    let tables: Vec<String> = (0..types.len()).map(|at| format!("t{at}")).collect();
    assert_equal(lab, central, &tables.iter().map(String::as_str).collect::<Vec<_>>());
}
