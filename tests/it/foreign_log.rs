//! A `sync_log` that the application made long before packmule came.

use crate::harness::{Delivered, Family, Ran, Role, TestSite, assert_equal, server};

const SCHEMA: &str = "CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(40))";

/// As applications make it, with what it holds after some weeks.
fn typical(engine: &str) -> String {
    format!(
        "CREATE TABLE sync_log (
           id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
           table_name VARCHAR(50) NOT NULL,
           record_id VARCHAR(64) NOT NULL,
           action VARCHAR(10) NOT NULL,
           created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
           synced TINYINT(1) NOT NULL DEFAULT 0,
           KEY record (table_name, record_id),
           KEY waiting (synced)
         ) ENGINE={engine} DEFAULT CHARSET=latin1;
         INSERT INTO items VALUES (1, 'a'), (2, 'b'), (4, 'd');
         INSERT INTO sync_log (table_name, record_id, action, synced) VALUES
           ('items', '1', 'insert', 1), ('items', '2', 'Insert', 0), ('items', '3', 'DELETE', 0),
           ('users', '7', 'update', 0), ('items', '2', 'update ', 0)"
    )
}

fn lab(statements: &str) -> TestSite<'static> {
    let lab = TestSite::new(server(), Role::Lab, "lab-a");
    lab.sql(SCHEMA);
    lab.sql(statements);
    lab
}

fn init(lab: &TestSite<'_>) -> Ran {
    let (url, card) = (lab.url(), lab.path("lab.card"));
    let arguments = ["init", "--role", "lab", "--site", "lab-a", "--database", &url, "--card"];
    lab.run(&[&arguments[..], &[card.to_str().unwrap()]].concat())
}

#[test]
fn a_sync_log_that_is_there_is_extended_its_rows_kept_and_sealed() {
    for engine in ["InnoDB", "MyISAM"] {
        let mut family = Family::new(server(), SCHEMA, &[]);
        family.add(lab(&typical(engine)), &[]);
        let (central, lab) = (&family.central, family.lab("lab-a"));
        let kept = lab.query("SELECT id, table_name, record_id, action, synced FROM sync_log ORDER BY id");
        let kept: Vec<String> =
            kept.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            kept,
            [
                "1 items 1 INSERT 1",
                "2 items 2 INSERT 0",
                "3 items 3 DELETE 0",
                "4 users 7 UPDATE 0",
                "5 items 2 UPDATE 0"
            ]
        );
        // The application's own statements go on working, its flag included.
        lab.sql("INSERT INTO sync_log (table_name, record_id, action) VALUES ('items', '4', 'insert')");
        lab.sql("UPDATE sync_log SET synced = 1 WHERE synced = 0");
        lab.sql("INSERT INTO items VALUES (5, 'e')");
        let delivered = family.deliver("lab-a");
        assert_eq!((delivered.conflicts, delivered.parked), (0, 0), "{engine}");
        assert_equal(lab, central, &["items"]);
        assert_eq!(central.count("items"), 4);
        assert_eq!(lab.value("SELECT GROUP_CONCAT(table_name) FROM sync_log WHERE batch IS NULL"), "users");
    }
}

#[test]
fn words_of_an_own_list_become_the_three_actions() {
    for collation in ["utf8mb4_bin", "utf8mb4_general_ci"] {
        let mut family = Family::new(server(), SCHEMA, &[]);
        family.add(
            lab(&format!(
                "CREATE TABLE sync_log (id INT AUTO_INCREMENT PRIMARY KEY, table_name VARCHAR(50), record_id VARCHAR(64), \
                 action ENUM('update', 'delete', 'insert')) COLLATE {collation};
                 INSERT INTO items VALUES (1, 'a'); INSERT INTO sync_log VALUES (1, 'items', '1', 'insert'), (2, 'items', '2', 'delete')"
            )),
            &[],
        );
        let actions = family.lab("lab-a").value("SELECT GROUP_CONCAT(action ORDER BY id) FROM sync_log");
        assert_eq!(actions, "INSERT,DELETE");
        family.deliver("lab-a");
        assert_equal(family.lab("lab-a"), &family.central, &["items"]);
    }
}

#[test]
fn keys_that_a_small_sync_log_could_not_hold_fit_after_it_is_extended() {
    let mut family = Family::new(server(), "CREATE TABLE wide (id VARCHAR(200) PRIMARY KEY, n INT)", &[]);
    let lab = TestSite::new(server(), Role::Lab, "lab-a");
    lab.sql("CREATE TABLE wide (id VARCHAR(200) PRIMARY KEY, n INT)");
    lab.sql(
        "CREATE TABLE sync_log (id TINYINT AUTO_INCREMENT PRIMARY KEY, table_name VARCHAR(5), record_id VARCHAR(64) NOT NULL, \
         action ENUM('UPDATE', 'INSERT', 'DELETE', 'OTHER') DEFAULT 'OTHER', KEY (record_id), KEY (record_id(10), action))",
    );
    lab.sql("INSERT INTO sync_log (table_name, record_id, action) VALUES ('wide', 'x', 'INSERT')");
    family.add(lab, &[]);
    let lab = family.lab("lab-a");
    for number in 0..150 {
        lab.sql(&format!("INSERT INTO wide VALUES (CONCAT(REPEAT('\u{1F40E}', 190), '{number}'), {number})"));
    }
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.inserts, delivered.conflicts, delivered.parked), (150, 0, 0));
    assert_equal(lab, &family.central, &["wide"]);
}

/// What `init` must leave as it is when it refuses: every table's definition and the log's rows.
fn all_of(lab: &TestSite<'_>) -> Vec<Vec<Option<String>>> {
    let mut all = lab.query("SHOW TABLES");
    all.extend(lab.query("SHOW CREATE TABLE sync_log"));
    all.extend(lab.query("SELECT * FROM sync_log"));
    all.extend(
        lab.query("SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()"),
    );
    all
}

#[test]
fn a_sync_log_that_cannot_be_extended_is_refused_and_nothing_is_changed() {
    let cases = [
        ("user_id INT NOT NULL", "its column user_id must be given a value in every row"),
        ("UNIQUE KEY once (table_name, record_id)", "its unique key once allows a record only once"),
    ];
    for (odd, words) in cases {
        let lab = lab(&format!(
            "CREATE TABLE sync_log (id INT AUTO_INCREMENT PRIMARY KEY, table_name VARCHAR(50) NOT NULL, \
             record_id VARCHAR(64) NOT NULL, action VARCHAR(10) NOT NULL, {odd});
             SET sql_mode = ''; INSERT INTO sync_log (table_name, record_id, action) VALUES ('items', '1', 'insert')"
        ));
        let before = all_of(&lab);
        let ran = init(&lab).says("cannot be extended").says(words);
        assert_ne!(ran.code, Some(0));
        assert_eq!(all_of(&lab), before);
        assert!(!lab.config().exists());
    }
}

#[test]
fn a_sync_log_without_an_id_or_with_words_that_are_no_action_is_refused_and_nothing_is_changed() {
    for (statements, words) in [
        (
            "CREATE TABLE sync_log (table_name VARCHAR(50), record_id VARCHAR(64), action VARCHAR(10), PRIMARY KEY (record_id));
             INSERT INTO sync_log VALUES ('items', '1', 'insert')",
            "its primary key is not an AUTO_INCREMENT column named id",
        ),
        (
            "CREATE TABLE sync_log (id INT AUTO_INCREMENT PRIMARY KEY, table_name VARCHAR(50), record_id VARCHAR(64), action VARCHAR(10));
             INSERT INTO sync_log VALUES (1, 'items', '1', 'insert'), (2, 'items', '1', 'login')",
            "a row of it has the action \"login\"",
        ),
        (
            "CREATE TABLE sync_log (id INT AUTO_INCREMENT PRIMARY KEY, table_name VARCHAR(50), record_id VARCHAR(64), action ENUM('insert', 'login'));
             INSERT INTO sync_log VALUES (1, 'items', '1', 'insert'), (2, 'items', '1', 'login')",
            "a row of it has the action \"login\"",
        ),
        (
            "CREATE TABLE sync_log (id INT AUTO_INCREMENT PRIMARY KEY, table_name VARCHAR(50), record_id VARCHAR(64), action VARCHAR(10));
             INSERT INTO sync_log VALUES (1, 'items', NULL, 'insert')",
            "a row of it has no record_id",
        ),
        ("CREATE TABLE sync_log (id INT AUTO_INCREMENT PRIMARY KEY, whatever INT)", ""),
    ] {
        let lab = lab(statements);
        let before = all_of(&lab);
        let ran = init(&lab);
        if words.is_empty() {
            // Nothing in it is the log's: it is simply given what it lacks.
            ran.ok();
            continue;
        }
        assert_ne!(ran.says(words).code, Some(0));
        assert_eq!(all_of(&lab), before);
    }
}

#[test]
fn init_again_puts_back_what_is_missing_and_keeps_the_rest() {
    let mut family = Family::new(server(), SCHEMA, &[]);
    family.add(lab(&typical("InnoDB")), &[]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let log = lab.rows("sync_log");
    let card = std::fs::read(lab.path("lab.card")).unwrap();
    init(lab).ok();
    assert_eq!(lab.rows("sync_log"), log);
    assert_eq!(std::fs::read(lab.path("lab.card")).unwrap(), card);
    lab.sql("DROP TRIGGER packmule_au_items; DROP TRIGGER packmule_ai_items");
    lab.sql("CREATE TRIGGER packmule_ai_items AFTER INSERT ON items FOR EACH ROW SET @x = 1");
    init(lab).ok();
    lab.sql("DELETE FROM items WHERE id = 4");
    family.deliver("lab-a");
    lab.sql("INSERT INTO items VALUES (9, 'z'); UPDATE items SET word = 'y' WHERE id = 1");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(1, 1, 0));
    assert_equal(lab, central, &["items"]);
}
