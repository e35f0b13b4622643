//! What an administrator has set for the whole server must not reach what is logged, sent and written.

use packmule::db::Flavour;
use packmule::demo::PrivateServer;

use crate::harness::{Family, TestSite, server_options};

const SCHEMA: &str = "
    CREATE TABLE things (id INT PRIMARY KEY, at TIMESTAMP(6) NULL, day DATE, fine FLOAT, big DOUBLE, note VARCHAR(60), code CHAR(9),
                         old VARCHAR(20) CHARACTER SET latin1, price DECIMAL(12,4), bits BIT(9), raw VARBINARY(20), doc JSON,
                         tm TIME(3), u BIGINT UNSIGNED) CHARSET utf8mb4;
    CREATE TABLE keyed (k VARCHAR(20), b VARBINARY(5), at TIMESTAMP NOT NULL DEFAULT '2001-01-01', v INT,
                        PRIMARY KEY (k, b, at)) CHARSET utf8mb4;
    CREATE TABLE parents (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(10) UNIQUE) CHARSET utf8mb4;
    CREATE TABLE children (id INT PRIMARY KEY, parent INT, at TIMESTAMP NULL,
                           FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE ON UPDATE CASCADE) CHARSET utf8mb4;";

/// As many settings as may stand together, for servers of both kinds and for one of them. Each list stays when the next one comes.
const SETTINGS: [&str; 3] = [
    "sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,NO_ZERO_DATE,NO_ZERO_IN_DATE,STRICT_ALL_TABLES', \
     GLOBAL time_zone = '+09:00', GLOBAL completion_type = 2, GLOBAL sql_select_limit = 1, GLOBAL max_sort_length = 8, \
     GLOBAL character_set_server = latin1, GLOBAL collation_server = latin1_bin, GLOBAL character_set_client = latin1, \
     GLOBAL character_set_results = latin1, GLOBAL max_error_count = 0",
    "sql_mode = '', GLOBAL time_zone = '-11:00', GLOBAL completion_type = 1, GLOBAL autocommit = 0, GLOBAL sql_auto_is_null = 1, \
     GLOBAL sql_big_selects = 0, GLOBAL div_precision_increment = 0, GLOBAL lc_time_names = 'ar_AE', \
     GLOBAL sql_safe_updates = 1, GLOBAL unique_checks = 0, GLOBAL big_tables = 1",
    "autocommit = 1, GLOBAL low_priority_updates = 1",
];
const OF_MARIADB: [&str; 3] = [
    ", GLOBAL check_constraint_checks = 0, GLOBAL idle_transaction_timeout = 1, GLOBAL system_versioning_asof = '2020-01-01'",
    ", GLOBAL sql_mode = 'ORACLE', GLOBAL tx_isolation = 'SERIALIZABLE', GLOBAL old_mode = 'ZERO_DATE_TIME_CAST'",
    ", GLOBAL sql_mode = 'MSSQL,EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT', GLOBAL tx_read_only = 1",
];
const OF_MYSQL: [&str; 3] = [
    ", GLOBAL explicit_defaults_for_timestamp = 0, GLOBAL range_optimizer_max_mem_size = 1",
    ", GLOBAL sql_mode = 'TIME_TRUNCATE_FRACTIONAL,REAL_AS_FLOAT', GLOBAL transaction_isolation = 'SERIALIZABLE'",
    ", GLOBAL sql_generate_invisible_primary_key = 1, GLOBAL transaction_read_only = 1",
];

/// What the tests' own sessions need to see and write everything whatever the server's settings are.
const PINNED: &str = "SET SESSION TRANSACTION READ WRITE; SET NAMES utf8mb4;
    SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00', autocommit = 1,
                sql_select_limit = 18446744073709551615, sql_big_selects = 1, sql_safe_updates = 0, completion_type = 0;";

const CONTENT: &str = "SELECT CONCAT_WS('|', id, at, day, fine, CAST(big AS CHAR), HEX(note), HEX(code), HEX(old), price, bits + 0,
                                        HEX(raw), doc, tm, u) FROM things ORDER BY id;
    SELECT CONCAT_WS('|', HEX(k), HEX(b), at, v) FROM keyed ORDER BY k, b, at;
    SELECT CONCAT_WS('|', id, name) FROM parents ORDER BY id;
    SELECT CONCAT_WS('|', id, parent, at) FROM children ORDER BY id";

const EDITS: [&str; 4] = [
    "INSERT INTO things VALUES (1, '2026-10-25 00:30:00.123456', '0000-00-00', 0.1, -1.7976931348623157e308, 'J\u{f6}rg \u{1F40E} ''q''',
       'x', _latin1 x'E980', 12.34, b'101', x'00FF27', '{\"a\": 18446744073709551616}', '01:02:03.5', 18446744073709551615);
     INSERT INTO things (id, note) VALUES (2, 'second'), (3, 'third');
     INSERT INTO keyed VALUES ('\u{e4}''', x'FF', '2026-10-25 00:30:00', 1), ('', '', '2026-10-25 01:30:00', 2);
     INSERT INTO parents VALUES (0, 'z'), (5, 'y'), (6, 'yy');
     INSERT INTO children VALUES (1, 0, NULL), (2, 5, '2026-10-25 01:30:00'), (3, 5, NULL)",
    "UPDATE things SET u = 1; UPDATE keyed SET v = v + 1; UPDATE parents SET name = CONCAT(name, 'a'); UPDATE children SET at = NULL",
    "UPDATE things SET note = 'q ', doc = '[1]', bits = NULL, day = '2026-02-31'; UPDATE keyed SET k = CONCAT(k, 'x');
     UPDATE parents SET id = id + 10 WHERE id > 5",
    "DELETE FROM parents WHERE id = 5; DELETE FROM things WHERE id < 3; DELETE FROM keyed",
];

#[test]
fn an_exchange_does_not_depend_on_what_is_set_for_the_whole_server() {
    let server = PrivateServer::start(&server_options()).unwrap();
    let own = match flavour(&server) {
        Flavour::MariaDb => OF_MARIADB,
        Flavour::MySql => OF_MYSQL,
    };
    for (common, own) in SETTINGS.iter().zip(own) {
        let schema = format!("{PINNED} {SCHEMA}");
        let sites = ["central", "lab-a"];
        // Databases are made before, because a server that only reads makes none.
        let mut family = Family::new(&server, &schema, &[]);
        let lab = TestSite::new(&server, crate::harness::Role::Lab, sites[1]);
        lab.sql(&schema);
        server.sql("", &format!("{PINNED} SET GLOBAL {common}{own}")).unwrap();
        family.add(lab, &[]);
        let (central, lab) = (&family.central, family.lab("lab-a"));
        let content = |site: &TestSite<'_>| site.query(&format!("{PINNED} {CONTENT}"));
        for edit in EDITS {
            lab.sql(&format!("{PINNED} {edit}"));
            let delivered = family.deliver("lab-a");
            assert_eq!(
                (delivered.bundles, delivered.conflicts, delivered.parked),
                (1, 0, 0),
                "{common}{own}: {edit}"
            );
            assert_eq!(content(lab), content(central), "{common}{own}: {edit}");
        }
        assert_eq!(content(lab).len(), 4, "one thing, two parents and a child are left");
        lab.run(&["doctor"]).ok();
    }
}

fn flavour(server: &PrivateServer) -> Flavour {
    let version = server.query("", "SELECT VERSION()").unwrap().remove(0).remove(0).unwrap();
    if version.contains("MariaDB") { Flavour::MariaDb } else { Flavour::MySql }
}
