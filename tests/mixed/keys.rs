//! Keys: found again on the other server whatever their type, and never taken for another row's.

use packmule::demo::Flavour;

use crate::carried::{LENIENT, other};
use crate::exact::assert_same;
use crate::harness::{Delivered, Family, Met, server_of};

/// A key column on MariaDB and on MySQL, and two keys.
const KEYS: &[(&str, &str, &str, &str)] = &[
    ("BIGINT UNSIGNED", "BIGINT UNSIGNED", "18446744073709551615", "0"),
    ("INT(6) ZEROFILL", "INT(6) ZEROFILL", "42", "7"),
    ("DECIMAL(20,5)", "DECIMAL(20,5)", "12345678901234.5", "-0.00001"),
    ("DATE", "DATE", "'2026-02-03'", "'0000-00-00'"),
    ("DATETIME(3)", "DATETIME(3)", "'2026-02-03 04:05:06.7'", "'1000-01-01'"),
    ("TIMESTAMP(6)", "TIMESTAMP(6)", "'2026-02-03 04:05:06.000007'", "'2038-01-19 03:14:07'"),
    ("TIME", "TIME", "'-838:59:59'", "'00:00:00'"),
    ("YEAR", "YEAR", "2026", "1901"),
    ("CHAR(3)", "CHAR(3)", "'a'", "'\u{1F40E}'"),
    (
        "VARCHAR(20) COLLATE utf8mb4_uca1400_ai_ci",
        "VARCHAR(20) COLLATE utf8mb4_0900_ai_ci",
        "'\u{e9}'",
        "'stra\u{df}e'",
    ),
    ("VARCHAR(20) CHARACTER SET latin1", "VARCHAR(20)", "'\u{e9}'", "''"),
    ("ENUM('x', 'y')", "ENUM('x', 'y')", "'x'", "'y'"),
    ("SET('x', 'y')", "SET('x', 'y')", "'x,y'", "''"),
    ("BIT(12)", "BIT(12)", "b'101'", "4095"),
    ("VARBINARY(20)", "VARBINARY(20)", "x'00'", "x'0000FF'"),
    ("UUID", "CHAR(36)", "'6CCD780C-BABA-1026-9564-5B8C656024DB'", "'00000000-0000-0000-0000-000000000000'"),
    ("INET6", "VARCHAR(45)", "'2001:DB8:0::1'", "'::'"),
];

fn are_found_again(lab_kind: Flavour) {
    let schema = |flavour: Flavour| -> String {
        let tables = KEYS.iter().enumerate().map(|(at, (mariadb, mysql, ..))| {
            let key = if flavour == Flavour::MariaDb { mariadb } else { mysql };
            format!(
                "CREATE TABLE k{at} (k {key} NOT NULL PRIMARY KEY, v INT) CHARSET utf8mb4;
                 CREATE TABLE p{at} (k {key} NOT NULL, n INT, v INT, PRIMARY KEY (n, k)) CHARSET utf8mb4;"
            )
        });
        format!("{LENIENT} {}", tables.collect::<String>())
    };
    let (central, lab) = (schema(other(lab_kind)), schema(lab_kind));
    let family = Family::between((server_of(other(lab_kind)), &central), (server_of(lab_kind), &lab));
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let edit = |statements: &dyn Fn(usize) -> String| {
        lab.sql(&format!("{LENIENT} {}", (0..KEYS.len()).map(statements).collect::<String>()));
    };
    let all = KEYS.len() as u64 * 4;
    edit(&|at| {
        let (.., a, b) = KEYS[at];
        format!(
            "INSERT INTO k{at} VALUES ({a}, 1), ({b}, 1); INSERT INTO p{at} VALUES ({a}, 1, 1), ({b}, 1, 1);"
        )
    });
    assert_eq!(family.deliver("lab-a"), Delivered::clean(all, 0, 0), "{:?}", family.conflicts());
    edit(&|at| format!("SET time_zone = '+05:45'; UPDATE k{at} SET v = 2; UPDATE p{at} SET v = 2;"));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, all, 0), "{:?}", family.conflicts());
    let sum = |at: usize| format!("SELECT (SELECT SUM(v) FROM k{at}) + (SELECT SUM(v) FROM p{at})");
    (0..KEYS.len()).for_each(|at| assert_eq!(central.value(&sum(at)), "8", "{}", KEYS[at].0));
    edit(&|at| format!("DELETE FROM k{at}; DELETE FROM p{at};"));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 0, all), "{:?}", family.conflicts());
    (0..KEYS.len()).for_each(|at| assert_eq!(central.value(&sum(at)), "NULL", "{}", KEYS[at].0));
}

#[test]
fn keys_of_every_type_are_found_again_on_mysql() {
    are_found_again(Flavour::MariaDb);
}

#[test]
fn keys_of_every_type_are_found_again_on_mariadb() {
    are_found_again(Flavour::MySql);
}

/// A lab on MySQL, where `a` and `a ` are two keys, and a centre on MariaDB, where they are one.
#[test]
fn two_rows_of_a_lab_that_are_one_at_the_centre_never_overwrite_each_other() {
    let family = Family::between(
        (
            server_of(Flavour::MariaDb),
            "CREATE TABLE t (k VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)",
        ),
        (
            server_of(Flavour::MySql),
            "CREATE TABLE t (k VARCHAR(9) COLLATE utf8mb4_0900_as_cs PRIMARY KEY, v INT)",
        ),
    );
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let at_central = || central.query("SELECT CONCAT('[', k, ']'), v FROM t ORDER BY k");
    let row = |key: &str, value: &str| vec![Some(format!("[{key}]")), Some(value.to_owned())];
    lab.sql("INSERT INTO t VALUES ('a', 1), ('a ', 2), ('b', 3)");
    assert_eq!(family.deliver("lab-a").parked, 1);
    lab.sql("INSERT INTO t VALUES ('B', 4)");
    assert_eq!(family.deliver("lab-a").parked, 1);
    assert_eq!(at_central(), [row("a", "1"), row("b", "3")]);
    assert_eq!(family.conflicts(), [Met::parked("t", "a", "unique"), Met::parked("t", "b", "unique")]);
    let note = central.value("SELECT note FROM conflict_log LIMIT 1");
    assert!(note.contains("k is compared by utf8mb4_general_ci") && note.contains("'a '"), "{note}");

    // Each goes on to be edited as what it is; a row that never was here need not go.
    lab.sql("UPDATE t SET v = v + 10");
    assert_eq!(family.deliver("lab-a").parked, 2);
    assert_eq!(at_central(), [row("a", "11"), row("b", "13")]);
    lab.sql("DELETE FROM t WHERE v IN (12, 14)");
    assert_eq!(family.deliver("lab-a").parked, 0);
    assert_eq!(at_central(), [row("a", "11"), row("b", "13")]);
    lab.sql("DELETE FROM t WHERE v = 11");
    family.deliver("lab-a");
    assert_eq!(at_central(), [row("b", "13")]);
}

/// A lab for which `a` and `A` are one key spells it anew; for the centre it is another key.
#[test]
fn a_key_that_only_changes_its_letters_leaves_no_row_behind() {
    let family = Family::between(
        (
            server_of(Flavour::MySql),
            "CREATE TABLE t (k VARCHAR(9) COLLATE utf8mb4_0900_bin PRIMARY KEY, v INT)",
        ),
        (
            server_of(Flavour::MariaDb),
            "CREATE TABLE t (k VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)",
        ),
    );
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO t VALUES ('a', 1), ('b', 2)");
    family.deliver("lab-a");
    lab.sql("UPDATE t SET k = 'A'  WHERE k = 'a'");
    lab.sql("UPDATE t SET k = 'B', v = 3 WHERE k = 'b'");
    family.deliver("lab-a");
    assert_same(lab, central, &["t"]);
    lab.sql("DELETE FROM t");
    family.deliver("lab-a");
    assert_eq!(central.count("t"), 0);
    assert_eq!(family.conflicts(), []);
}
