//! Tables are changed while the centre's changes are on their way to the labs.

use crate::harness::{Ran, Role, Round, TestSite, assert_equal, server};

const SCHEMA: &str = "
    CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(40), colour VARCHAR(20), quantity INT NOT NULL DEFAULT 0);
    CREATE TABLE stock (shelf INT, item INT, amount DECIMAL(8,3), PRIMARY KEY (shelf, item))";
const TABLES: &[&str] = &["items", "stock"];

fn round() -> Round {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round
        .central()
        .sql("INSERT INTO items VALUES (1, 'scale', 'red', 1), (2, 'rule', NULL, 2), (3, 'lamp', 'blue', 3)");
    round.go_round_all();
    round
}

/// A round of one lab's stick, whatever comes of it at the lab.
fn bring(round: &Round, lab: &str) -> Ran {
    round.export(lab).ok();
    round.visit(lab).ok();
    round.bring_home(lab)
}

#[test]
fn a_column_added_at_the_centre_holds_a_lab_once_it_has_a_value_and_not_before() {
    let round = round();
    let (central, a) = (round.central(), round.lab("lab-a"));
    central.sql("ALTER TABLE items ADD COLUMN weight INT; UPDATE items SET quantity = 7 WHERE id = 1");
    bring(&round, "lab-a").ok();
    assert_eq!(a.value("SELECT quantity FROM items WHERE id = 1"), "7");
    central.sql("UPDATE items SET weight = 5 WHERE id = 2; INSERT INTO stock VALUES (1, 1, 1)");
    let ran = bring(&round, "lab-a").code(16).says("table items: column weight is not here");
    ran.says("ALTER TABLE `items` ADD COLUMN `weight` BIGINT    -- or the type that it has at central");
    assert_eq!(a.count("stock"), 0);
    a.run(&["status"]).ok().says("HELD: table items: column weight is not here");
    // What the lab does meanwhile arrives, and the other lab goes on.
    a.sql("UPDATE items SET name = 'of the lab' WHERE id = 3");
    round.export("lab-a").ok();
    round.visit("lab-a").ok();
    assert_eq!(central.value("SELECT name FROM items WHERE id = 3"), "of the lab");
    round.lab("lab-b").sql("ALTER TABLE items ADD COLUMN weight INT");
    round.go_round("lab-b");
    a.sql("ALTER TABLE items ADD COLUMN weight INT");
    a.run(&["import"]).ok().says("applied");
    a.run(&["status"]).ok().never_says("HELD");
    round.settle();
}

#[test]
fn a_column_dropped_at_a_lab_on_purpose_is_left_out_there() {
    let round = round();
    let (central, a) = (round.central(), round.lab("lab-a"));
    a.sql("ALTER TABLE items DROP COLUMN colour");
    central.sql("UPDATE items SET colour = 'green', quantity = 8 WHERE id = 1; INSERT INTO items VALUES (4, 'desk', 'oak', 4)");
    bring(&round, "lab-a").code(16).says("--without items.colour");
    a.run(&["import", "--without", "items.colour", "--yes"]).ok();
    assert_eq!(a.value("SELECT GROUP_CONCAT(id, quantity ORDER BY id) FROM items"), "18,22,33,44");
    let kept = "SELECT GROUP_CONCAT(record_id, outcome, site, lab_row IS NULL, JSON_UNQUOTE(JSON_EXTRACT(central_row, '$.colour')) ORDER BY record_id) \
                FROM conflict_log WHERE kind = 'value' AND status = 'decided' AND decided_by = 'person: --without'";
    assert_eq!(a.value(kept), "1labcentral1green,4labcentral1oak");
    // The lab's own edits go up without the column, and take nothing away at the centre.
    a.sql("UPDATE items SET quantity = 9 WHERE id = 1");
    bring(&round, "lab-a").ok();
    assert_eq!(central.value("SELECT CONCAT(colour, quantity) FROM items WHERE id = 1"), "green9");
}

#[test]
fn a_word_that_is_kept_over_a_migration_is_followed_after_it() {
    for (change, without) in [
        ("ALTER TABLE items ADD COLUMN weight INT NULL", None),
        ("ALTER TABLE items MODIFY quantity BIGINT, MODIFY colour LONGTEXT", None),
        ("ALTER TABLE items DROP COLUMN colour", Some("items.colour")),
    ] {
        let round = round();
        let (central, a) = (round.central(), round.lab("lab-a"));
        // The centre's word on the row comes while the lab has an edit of its own that is not sent yet.
        central.sql("SET timestamp = UNIX_TIMESTAMP() + 5; UPDATE items SET quantity = 70 WHERE id = 1");
        round.export("lab-a").ok();
        round.visit("lab-a").ok();
        a.sql("SET timestamp = UNIX_TIMESTAMP() - 60; UPDATE items SET quantity = 71 WHERE id = 1");
        let stick = round.stick("lab-a");
        let stick = stick.to_str().unwrap();
        a.run(&["import", stick, "--no-reply"]).ok();
        assert_eq!(a.count("packmule_kept"), 1);
        // The edit is taken back, so the word may be followed, by a table that is another one now.
        a.sql(&format!("UPDATE items SET quantity = 1 WHERE id = 1; {change}"));
        central.sql(change);
        round.export("lab-a").ok();
        if let Some(column) = without {
            a.run(&["import", stick]).ok();
            assert_eq!(a.count("packmule_kept"), 1, "{change}");
            a.run(&["import", stick, "--without", column, "--yes"]).ok();
            assert_eq!(
                a.value("SELECT COUNT(*) FROM conflict_log WHERE note = 'column colour was left out'"),
                "1"
            );
        } else {
            a.run(&["import", stick]).ok();
        }
        assert_eq!(a.count("packmule_kept"), 0, "{change}");
        assert_eq!(a.value("SELECT quantity FROM items WHERE id = 1"), "70", "{change}");
        // What the centre sealed before it dropped a column does not say what of it is new.
        round.lab("lab-b").sql(change);
        if let Some(column) = without {
            bring(&round, "lab-b").code(16);
            round.lab("lab-b").run(&["import", "--without", column, "--yes"]).ok();
        }
        round.settle();
    }
}

#[test]
fn a_value_that_a_lab_would_round_is_kept_until_it_fits() {
    let round = round();
    let (central, a) = (round.central(), round.lab("lab-a"));
    a.sql("ALTER TABLE stock MODIFY amount DECIMAL(8,1)");
    central.sql("INSERT INTO stock VALUES (1, 1, 0.125), (1, 2, 0.5)");
    bring(&round, "lab-a").ok();
    assert_eq!(a.value("SELECT GROUP_CONCAT(item, amount) FROM stock"), "20.5");
    assert_eq!(
        a.value("SELECT CONCAT(why, ' ', note) FROM packmule_kept"),
        "value column amount is decimal(8,1) here and would hold '0.1' instead of '0.125'"
    );
    a.sql("ALTER TABLE stock MODIFY amount DECIMAL(8,3)");
    round.settle();
}

#[test]
fn a_snapshot_without_a_table_that_cannot_be_read_deletes_nothing_and_is_followed_by_a_whole_one() {
    let mut round = round();
    let central = round.central();
    central.sql("RENAME TABLE stock TO shelved; CREATE TABLE fresh (id INT PRIMARY KEY)");
    for lab in ["lab-a", "lab-b"] {
        round.lab(lab).sql("INSERT INTO stock VALUES (9, 9, 9); CREATE TABLE fresh (id INT PRIMARY KEY)");
    }
    // A new table makes a snapshot for every lab, in which the rows of stock cannot be.
    central.run(&["tables", "add", "fresh"]).ok();
    round.export("lab-a").ok();
    round
        .visit("lab-a")
        .code(16)
        .says("table stock: there is no such table here")
        .says("it is called shelved now");
    round.bring_home("lab-a").ok();
    assert_eq!(round.lab("lab-a").count("stock"), 1);
    assert_eq!(round.lab("lab-a").value("SELECT COUNT(*) FROM packmule_table WHERE name = 'stock'"), "1");
    let lab = TestSite::new(server(), Role::Lab, "lab-c");
    lab.sql(SCHEMA);
    lab.sql("CREATE TABLE fresh (id INT PRIMARY KEY)");
    round.family.add(lab, &[]);
    round.export("lab-c").ok();
    round.visit("lab-c").code(16);
    round.bring_home("lab-c").ok();
    let central = round.central();
    central.sql("RENAME TABLE shelved TO stock; INSERT INTO stock VALUES (5, 5, 5)");
    round.settle();
    assert_eq!(round.lab("lab-c").count("stock"), 2);
}

#[test]
fn a_table_that_a_lab_has_renamed_stays_on_its_list_and_keeps_its_edits() {
    let round = round();
    let (central, a) = (round.central(), round.lab("lab-a"));
    a.sql("RENAME TABLE items TO things; UPDATE things SET quantity = 50 WHERE id = 1");
    central.sql("INSERT INTO stock VALUES (1, 1, 1)");
    round.export("lab-a").ok().says("it is called things now");
    round.visit("lab-a").ok();
    round.bring_home("lab-a").ok();
    central.sql("UPDATE items SET quantity = 60 WHERE id = 2");
    bring(&round, "lab-a")
        .code(16)
        .says("table items: there is no such table here")
        .never_says("packmule tables add");
    a.run(&["status"]).ok().says("it is called things now");
    a.sql("RENAME TABLE things TO items");
    a.run(&["import"]).ok();
    round.settle();
    assert_eq!(central.value("SELECT GROUP_CONCAT(quantity ORDER BY id) FROM items"), "50,60,3");
}

#[test]
fn sites_whose_servers_spell_a_table_in_other_letter_case_exchange_it() {
    let mut round = Round::new("CREATE TABLE Items (Id INT PRIMARY KEY, Name VARCHAR(9))", &[], &[]);
    // As on a server with lower_case_table_names = 1.
    for name in ["lab-a", "lab-b"] {
        let lab = TestSite::new(server(), Role::Lab, name);
        lab.sql("CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(9))");
        lab.sql("INSERT INTO items VALUES (7, 'adopted')");
        round.family.add(lab, &["--adopt"]);
    }
    round.central().sql("INSERT INTO Items VALUES (1, 'centre')");
    round.go_round_all();
    round
        .lab("lab-a")
        .sql("INSERT INTO items VALUES (2, 'a'); UPDATE items SET name = 'edited' WHERE id = 1");
    round.lab("lab-b").sql("DELETE FROM items WHERE id = 7");
    round.go_round_all();
    round.go_round_all();
    for site in [round.lab("lab-a"), round.lab("lab-b")] {
        assert_eq!(site.value("SELECT GROUP_CONCAT(id, name ORDER BY id) FROM items"), "1edited,2a");
        assert_eq!(site.value("SELECT name FROM packmule_table"), "items");
        site.run(&["doctor"]).ok();
    }
    assert_eq!(round.central().value("SELECT GROUP_CONCAT(Id, Name ORDER BY Id) FROM Items"), "1edited,2a");
}

#[test]
fn a_migration_that_reaches_the_sites_one_after_the_other_ends_with_equal_rows() {
    let round = round();
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    let migration = "ALTER TABLE items DROP COLUMN colour, ADD COLUMN weight INT NULL AFTER id, MODIFY quantity BIGINT NOT NULL DEFAULT 0";
    let edit = |site: &TestSite<'_>, id: u32| {
        site.sql(&format!("UPDATE items SET quantity = quantity + 10 WHERE id = {id}; INSERT INTO items (id, name) VALUES ({id}00, 'new')"));
    };
    edit(a, 1);
    a.sql(migration);
    edit(b, 2);
    a.sql("UPDATE items SET name = 'edited' WHERE id = 1");
    round.go_round("lab-a");
    round.export("lab-b").ok();
    round.visit("lab-b").ok();
    central.sql(migration);
    edit(central, 3);
    round.bring_home("lab-b").ok();
    // From now on a value stands in the new column, and lab-b does not have it yet.
    a.sql("UPDATE items SET weight = 7 WHERE id = 1");
    round.go_round("lab-a");
    bring(&round, "lab-b").code(16);
    b.sql(migration);
    b.run(&["import"]).ok();
    round.settle();
    assert_eq!(
        central.value("SELECT GROUP_CONCAT(id, COALESCE(weight, '-'), quantity ORDER BY id) FROM items"),
        "1711,2-12,3-13,100-0,200-0,300-0"
    );
    assert_equal(a, b, TABLES);
}
