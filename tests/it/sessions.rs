//! Applications set up their sessions as they like. What the log says must not depend on it, and their writes must not fail.

use crate::harness::{Delivered, Family, TestSite, assert_equal, server};

const SCHEMA: &str = "
    CREATE TABLE clocks (id INT PRIMARY KEY, at TIMESTAMP(6) NULL, day DATE, moment DATETIME(3), fine FLOAT, \
                         text VARCHAR(60), price DECIMAL(12,4), bits BIT(9), raw VARBINARY(20));
    CREATE TABLE wide (a VARCHAR(700), word VARCHAR(20), PRIMARY KEY (a));
    CREATE TABLE odd (a VARCHAR(60), b VARCHAR(60) CHARACTER SET latin1, word TEXT, PRIMARY KEY (a, b))";

/// What an application may have done to its session before it writes.
const SESSIONS: [&str; 12] = [
    "SET time_zone = '+05:45'",
    "SET time_zone = '-11:00', sql_mode = ''",
    "SET NAMES latin1",
    "SET NAMES latin1; SET sql_mode = 'ANSI_QUOTES'",
    "SET NAMES ascii; SET character_set_connection = utf16",
    "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'",
    "SET sql_mode = 'TRADITIONAL,ANSI,PIPES_AS_CONCAT,NO_ZERO_DATE'",
    "SET sql_mode = 'REAL_AS_FLOAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE,NO_UNSIGNED_SUBTRACTION'",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET autocommit = 0, div_precision_increment = 1",
    "SET group_concat_max_len = 4, sql_safe_updates = 1, lc_time_names = 'de_DE'",
];

fn row(id: usize) -> String {
    format!(
        "({id}, '2026-03-29 01:30:00.123456', '2026-02-28', '2026-10-25 02:30:00.125', 0.1, 'J\u{f6}rg \\\\ \u{1F40E}', 12.3400, \
         b'101', x'00FF27')"
    )
}

#[test]
fn the_log_does_not_depend_on_the_session_of_the_application() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    for id in 0..SESSIONS.len() {
        lab.sql(&format!("INSERT INTO clocks VALUES {}", row(id)));
    }
    family.deliver("lab-a");
    for (id, session) in SESSIONS.iter().enumerate() {
        lab.sql(&format!("{session}; UPDATE clocks SET price = price + 1 WHERE id = {id}; COMMIT"));
    }
    let before = lab.query(
        "SELECT JSON_REMOVE(before_row, '$.id') FROM sync_log WHERE table_name = 'clocks' AND batch IS NULL",
    );
    assert_eq!(before.len(), SESSIONS.len());
    for (session, found) in SESSIONS.iter().zip(&before) {
        assert_eq!(found, &before[0], "{session}");
    }
    let delivered = family.deliver("lab-a");
    assert_eq!(delivered, Delivered::clean(0, SESSIONS.len() as u64, 0));
    assert_equal(lab, central, &["clocks"]);
}

#[test]
fn rows_that_odd_sessions_insert_change_and_delete_come_over_equal() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    for (id, session) in SESSIONS.iter().enumerate() {
        let at = 100 + id;
        lab.sql(&format!(
            "{session}; INSERT INTO clocks (id, at, text) VALUES ({id}, '2026-06-01 10:00:00.5', 'a'), ({at}, NULL, NULL); COMMIT"
        ));
    }
    let count = SESSIONS.len() as u64;
    assert_eq!(family.deliver("lab-a"), Delivered::clean(2 * count, 0, 0));
    assert_equal(lab, central, &["clocks"]);
    for (id, session) in SESSIONS.iter().enumerate() {
        let at = 100 + id;
        lab.sql(&format!(
            "{session}; UPDATE clocks SET at = '2026-06-01 11:00:00', text = '\u{e9}' WHERE id = {id};
             DELETE FROM clocks WHERE id = {at}; COMMIT"
        ));
    }
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, count, count));
    assert_equal(lab, central, &["clocks"]);
}

#[test]
fn no_key_is_too_long_or_too_odd_to_be_logged() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let strict = "SET sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO'";
    lab.sql(&format!(
        "{strict}; INSERT INTO wide VALUES (REPEAT('\u{1F40E}', 700), 'a'), (CONCAT(REPEAT('x', 699), 'y'), 'b'), ('', 'c')"
    ));
    lab.sql(&format!(
        "{strict}; INSERT INTO odd VALUES (CONCAT(CHAR(1 USING utf8mb4), CHAR(10 USING utf8mb4), '\\0\\t'), CONCAT(_latin1 x'E9', _latin1 x'80'), 'a'), \
         ('\"', '\\\\', 'b'), (', ', '[', 'c'), ('null', '', 'd')"
    ));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(7, 0, 0));
    assert_equal(lab, central, &["wide", "odd"]);
    lab.sql(&format!("{strict}; UPDATE wide SET word = 'z'; UPDATE odd SET word = REPEAT('\\0', 60000)"));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 7, 0));
    assert_equal(lab, central, &["wide", "odd"]);
    lab.sql("UPDATE wide SET a = REPEAT('\u{20ac}', 700) WHERE a = ''; DELETE FROM odd");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(1, 0, 5));
    assert_equal(lab, central, &["wide", "odd"]);
}

#[test]
fn a_clock_far_from_now_does_not_stop_an_application() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let clocks = ["1", "86399.999999", "951782400", "2147483647"];
    for (id, clock) in clocks.iter().enumerate() {
        lab.sql(&format!(
            "SET sql_mode = 'TRADITIONAL', timestamp = {clock}; INSERT INTO wide VALUES ('{id}', NOW())"
        ));
    }
    // An application may also date its own log rows.
    lab.sql(
        "INSERT INTO sync_log (table_name, record_id, action, changed_at) VALUES ('wide', '0', 'UPDATE', '1000-01-01')",
    );
    assert_eq!(family.deliver("lab-a"), Delivered::clean(4, 0, 0));
    assert_equal(lab, central, &["wide"]);
}

#[test]
fn an_account_without_rights_on_the_log_still_writes_its_tables() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let (user, database) = (format!("app_{}", lab.database()), lab.database());
    lab.sql(&format!(
        "CREATE USER {user}@localhost IDENTIFIED BY 'x'; GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.wide TO {user}@localhost"
    ));
    write_as(lab, &user, "INSERT INTO wide VALUES ('a', 'b'); UPDATE wide SET word = 'c'");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(1, 0, 0));
    assert_equal(lab, central, &["wide"]);
    lab.sql(&format!("DROP USER {user}@localhost"));
}

fn write_as(lab: &TestSite<'_>, user: &str, statements: &str) {
    use mysql::prelude::Queryable;
    let options = mysql::OptsBuilder::new()
        .user(Some(user))
        .pass(Some("x"))
        .db_name(Some(lab.database()))
        .socket(Some(lab.server().socket().display().to_string()));
    mysql::Conn::new(options).unwrap().query_drop(statements).unwrap();
}

#[test]
fn a_session_that_was_silent_leaves_no_later_session_silent() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let lab = family.lab("lab-a");
    let edits = |key: usize| {
        format!(
            "INSERT INTO wide VALUES ('{key}', 'a'); UPDATE wide SET word = 'b' WHERE a = '{key}'; \
             DELETE FROM wide WHERE a = '{key}'"
        )
    };
    // A server keeps opened tables, with what their triggers have worked out, for a later session. Which of them a
    // session gets goes by its number, so there are three sessions a round, and each kind comes to each table.
    for round in 0..48 {
        lab.sql(&format!("SET @packmule_silent = 1; {}", edits(2 * round)));
        lab.sql(&edits(2 * round + 1));
        lab.sql("DO 1");
    }
    let logged = |parity: u8| {
        lab.value(&format!(
            "SELECT COUNT(*) FROM sync_log WHERE table_name = 'wide' AND record_id % 2 = {parity}"
        ))
    };
    assert_eq!((logged(0), logged(1)), ("0".to_owned(), "144".to_owned()));
}
