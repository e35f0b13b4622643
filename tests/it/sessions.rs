//! Applications set up their sessions as they like. What the log says must not depend on it, and their writes must not fail.

use crate::harness::{Delivered, Family, TestSite, assert_equal, server};

const SCHEMA: &str = "
    CREATE TABLE clocks (id INT PRIMARY KEY, at TIMESTAMP(6) NULL, day DATE, moment DATETIME(3), fine FLOAT, \
                         text VARCHAR(60), price DECIMAL(12,4), bits BIT(9), raw VARBINARY(20), code CHAR(9), big DOUBLE, \
                         doc JSON, kind ENUM('a', '\u{e9}') CHARACTER SET latin1, span TIME(3), most BIGINT UNSIGNED);
    CREATE TABLE wide (a VARCHAR(700), word VARCHAR(20), PRIMARY KEY (a));
    CREATE TABLE odd (a VARCHAR(60), b VARCHAR(60) CHARACTER SET latin1, word TEXT, PRIMARY KEY (a, b));
    CREATE TABLE parents (id INT PRIMARY KEY);
    CREATE TABLE children (id INT PRIMARY KEY, parent INT, at TIMESTAMP NULL, code CHAR(5), \
                           FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE leaves (a INT, b VARCHAR(10), PRIMARY KEY (a, b), \
                         FOREIGN KEY (a) REFERENCES children (id) ON DELETE CASCADE)";

/// What an application may have done to its session before it writes.
const SESSIONS: [&str; 27] = [
    "SET time_zone = '+05:45'",
    "SET time_zone = '-11:00', sql_mode = ''",
    "SET time_zone = 'SYSTEM', sql_mode = 'PAD_CHAR_TO_FULL_LENGTH'",
    "SET NAMES latin1",
    "SET NAMES latin1; SET sql_mode = 'ANSI_QUOTES'",
    "SET NAMES ascii; SET character_set_connection = utf16",
    "SET NAMES gbk",
    "SET NAMES binary",
    "SET NAMES utf8mb3; SET character_set_results = NULL",
    "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci",
    "SET collation_connection = utf8mb4_bin, max_sort_length = 4",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'",
    "SET sql_mode = 'TRADITIONAL,ANSI,PIPES_AS_CONCAT,NO_ZERO_DATE'",
    "SET sql_mode = 'REAL_AS_FLOAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE,NO_UNSIGNED_SUBTRACTION'",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; START TRANSACTION",
    "SET autocommit = 0, div_precision_increment = 1",
    "SET completion_type = 1, autocommit = 0",
    "SET group_concat_max_len = 4, sql_safe_updates = 1, lc_time_names = 'de_DE'",
    "SET sql_select_limit = 0",
    "SET sql_select_limit = 1, default_week_format = 6",
    "SET max_error_count = 0, sql_notes = 0",
    "SET sql_auto_is_null = 1, big_tables = 1",
    "SET foreign_key_checks = 1, unique_checks = 0, low_priority_updates = 1",
    "SET auto_increment_increment = 10, auto_increment_offset = 7",
    "SET timestamp = 86400, innodb_lock_wait_timeout = 1",
    "SET sql_mode = 'ALLOW_INVALID_DATES,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO'",
];

const OF_MARIADB: [&str; 5] = [
    "SET sql_mode = 'ORACLE'",
    "SET sql_mode = 'MSSQL'",
    "SET sql_mode = 'EMPTY_STRING_IS_NULL,TIME_ROUND_FRACTIONAL,SIMULTANEOUS_ASSIGNMENT'",
    "SET old_mode = 'ZERO_DATE_TIME_CAST,UTF8_IS_UTF8MB3', check_constraint_checks = 0, sql_if_exists = 1",
    "SET system_versioning_asof = '2020-01-01 00:00:00', max_recursive_iterations = 0, join_cache_level = 0",
];

const OF_MYSQL: [&str; 4] = [
    "SET sql_mode = 'TIME_TRUNCATE_FRACTIONAL'",
    "SET default_collation_for_utf8mb4 = utf8mb4_general_ci, explicit_defaults_for_timestamp = 0",
    "SET cte_max_recursion_depth = 0, range_optimizer_max_mem_size = 1, sql_require_primary_key = 1",
    "SET NAMES gb18030",
];

fn sessions() -> Vec<&'static str> {
    let version = server().query("", "SELECT VERSION()").unwrap().remove(0).remove(0).unwrap();
    let own: &[&str] = if version.contains("MariaDB") { &OF_MARIADB } else { &OF_MYSQL };
    SESSIONS.iter().chain(own).copied().collect()
}

fn row(id: usize) -> String {
    format!(
        "({id}, '2026-03-29 01:30:00.123456', '2026-02-28', '2026-10-25 02:30:00.125', 0.1, 'J\u{f6}rg \\\\ \u{1F40E}', 12.3400, \
         b'101', x'00FF27', 'x', -1.7976931348623157e308, '{{\"a\": [1, 2]}}', '\u{e9}', '01:02:03.5', 18446744073709551615)"
    )
}

#[test]
fn the_log_does_not_depend_on_the_session_of_the_application() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let sessions = sessions();
    for id in 0..sessions.len() {
        lab.sql(&format!("INSERT INTO clocks VALUES {}", row(id)));
    }
    family.deliver("lab-a");
    for (id, session) in sessions.iter().enumerate() {
        lab.sql(&format!("{session}; UPDATE clocks SET price = price + 1 WHERE id = {id}; COMMIT"));
    }
    let before = lab.query(
        "SELECT JSON_REMOVE(before_row, '$.id') FROM sync_log WHERE table_name = 'clocks' AND batch IS NULL",
    );
    assert_eq!(before.len(), sessions.len());
    for (session, found) in sessions.iter().zip(&before) {
        assert_eq!(found, &before[0], "{session}");
    }
    let delivered = family.deliver("lab-a");
    assert_eq!(delivered, Delivered::clean(0, sessions.len() as u64, 0));
    assert_equal(lab, central, &["clocks"]);
}

#[test]
fn what_a_foreign_key_takes_along_is_logged_whatever_the_session() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let sessions = sessions();
    for id in 1..=sessions.len() {
        let (one, two) = (id * 10, id * 10 + 1);
        lab.sql(&format!(
            "INSERT INTO parents VALUES ({id});
             INSERT INTO children VALUES ({one}, {id}, '2026-10-25 01:30:00', 'x'), ({two}, {id}, NULL, NULL);
             INSERT INTO leaves VALUES ({one}, 'b'), ({one}, 'c'), ({two}, 'd')"
        ));
    }
    family.deliver("lab-a");
    let tables = ["parents", "children", "leaves"];
    for (what, logged) in
        [("UPDATE parents SET id = id + 1000 WHERE id =", 4), ("DELETE FROM parents WHERE id = 1000 +", 6)]
    {
        for (at, session) in sessions.iter().enumerate() {
            let last = lab.value("SELECT MAX(id) FROM sync_log");
            lab.sql(&format!("{session}; {what} {}; COMMIT", at + 1));
            let count = lab.value(&format!("SELECT COUNT(*) FROM sync_log WHERE id > {last}"));
            assert_eq!(count, logged.to_string(), "{session}; {what}");
        }
        let delivered = family.deliver("lab-a");
        assert_eq!((delivered.conflicts, delivered.parked), (0, 0), "{:?}", family.conflicts());
        assert_equal(lab, central, &tables);
    }
    tables.iter().for_each(|table| assert_eq!(central.count(table), 0));
}

#[test]
fn rows_that_odd_sessions_insert_change_and_delete_come_over_equal() {
    let family = Family::new(server(), SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let sessions = sessions();
    for (id, session) in sessions.iter().enumerate() {
        let at = 100 + id;
        lab.sql(&format!(
            "{session}; INSERT INTO clocks (id, at, text) VALUES ({id}, '2026-06-01 10:00:00.5', 'a'), ({at}, NULL, NULL); COMMIT"
        ));
    }
    let count = sessions.len() as u64;
    assert_eq!(family.deliver("lab-a"), Delivered::clean(2 * count, 0, 0));
    assert_equal(lab, central, &["clocks"]);
    for (id, session) in sessions.iter().enumerate() {
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
