//! Values that the other server cannot hold: told in plain words with table, row and column, never altered, and in nobody's way.

use packmule::demo::Flavour;

use crate::carried::{LENIENT, other};
use crate::exact::assert_same;
use crate::harness::{Family, server_of};

/// A column at the lab and at the centre, a value that does not fit there, and what is said of it. `'fits'` is one that does.
struct Misfit {
    lab: &'static str,
    central: &'static str,
    value: &'static str,
    fits: &'static str,
    words: &'static str,
}

const fn misfit(
    lab: &'static str,
    central: &'static str,
    value: &'static str,
    fits: &'static str,
    words: &'static str,
) -> Misfit {
    Misfit { lab, central, value, fits, words }
}

const TO_MYSQL: &[Misfit] = &[
    misfit("JSON", "JSON", "'{\"a\": 1, \"a\": 2}'", "'{\"a\": 2}'", "the name \"a\" twice"),
    misfit("JSON", "JSON", "'[1e400]'", "'[1e40]'", "(3140)"),
    misfit(
        "JSON",
        "JSON",
        "'1.23456789012345678e300'",
        "'1.2345678901234567e300'",
        "the number 1.23456789012345678e300",
    ),
    misfit(
        "TIMESTAMP NULL",
        "TIMESTAMP NOT NULL DEFAULT '2001-01-01'",
        "NULL",
        "'2026-01-02 03:04:05'",
        "(1048)",
    ),
    misfit("TIME(6)", "TIME(6)", "'838:59:59.999999'", "'838:59:59'", "(1292)"),
    misfit("LONGBLOB", "VECTOR(2)", "x'00'", "x'0000803F00000040'", "(6136)"),
    misfit("POLYGON", "POLYGON", "ST_GeomFromText('POLYGON((0 0, 1 1, 0 0))')", "NULL", "(1416)"),
    misfit(
        "POINT",
        "POINT SRID 4326",
        "ST_GeomFromText('POINT(1 1)')",
        "ST_GeomFromText('POINT(1 1)', 4326)",
        "(3643)",
    ),
    misfit(
        "DECIMAL(65,38)",
        "DECIMAL(65,30)",
        "0.00000000000000000000000000000000000001",
        "0.5",
        "decimal(65,30)",
    ),
];

const TO_MARIADB: &[Misfit] = &[
    misfit(
        "JSON",
        "JSON",
        "'[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]'",
        "'[[]]'",
        "(4025)",
    ),
    misfit("CHAR(36)", "UUID", "'nonsense'", "'6CCD780C-BABA-1026-9564-5B8C656024DB'", "(1292)"),
    misfit("VARCHAR(45)", "INET6", "'nonsense'", "'2001:DB8:0::1'", "(1292)"),
    misfit(
        "TIMESTAMP NULL",
        "TIMESTAMP NOT NULL DEFAULT '2001-01-01'",
        "NULL",
        "'2026-01-02 03:04:05'",
        "instead of NULL",
    ),
    misfit("YEAR", "YEAR(2)", "0", "2026", "year(2)"),
];

/// Columns that were not made alike.
const BOTH_WAYS: &[Misfit] = &[
    misfit("VARCHAR(9)", "VARCHAR(9) CHARACTER SET utf8mb3", "'\u{1F40E}'", "'\u{20ac}'", "(1366)"),
    misfit("VARCHAR(9)", "CHAR(9)", "'a '", "'a'", "would hold 'a' instead of 'a '"),
    misfit("ENUM('a', 'b')", "ENUM('A', 'b')", "'a'", "'b'", "would hold 'A' instead of 'a'"),
    misfit("SET('a', 'b')", "SET('a')", "'a,b'", "'a'", "Data truncated"),
    misfit("DOUBLE", "FLOAT", "0.1", "0.5", "instead of '0.1'"),
    misfit(
        "DATETIME(6)",
        "DATETIME",
        "'2026-01-02 03:04:05.5'",
        "'2026-01-02 03:04:05'",
        "instead of '2026-01-02 03:04:05.5",
    ),
    misfit("VARBINARY(4)", "BINARY(4)", "x'01'", "x'01020304'", "would hold 0x01000000 instead of 0x01"),
    misfit("BIGINT UNSIGNED", "BIGINT", "18446744073709551615", "1", "(1264)"),
];

/// Each value on its own row beside a row that fits: the one waits for a person, the other is there. Corrected, it goes too.
fn are_told(misfits: &[Misfit], lab_kind: Flavour) {
    let misfits: Vec<&Misfit> = misfits.iter().chain(BOTH_WAYS).collect();
    let schema = |definition: &dyn Fn(&Misfit) -> &'static str| -> String {
        let tables = misfits.iter().enumerate();
        let tables = tables.map(|(at, one)| {
            format!("CREATE TABLE m{at} (id INT PRIMARY KEY, c {}) CHARSET utf8mb4;", definition(one))
        });
        format!("{LENIENT} {}", tables.collect::<String>())
    };
    let (central, lab) = (schema(&|one| one.central), schema(&|one| one.lab));
    let family = Family::between((server_of(other(lab_kind)), &central), (server_of(lab_kind), &lab));
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let count = misfits.len() as u64;
    let rows = misfits.iter().enumerate();
    let rows =
        rows.map(|(at, one)| format!("INSERT INTO m{at} VALUES (1, {}), (2, {});", one.value, one.fits));
    lab.sql(&format!("{LENIENT} {}", rows.collect::<String>()));

    let delivered = family.deliver("lab-a");
    let notes = central.query("SELECT table_name, record_id, kind, note FROM conflict_log ORDER BY id");
    assert_eq!(
        (delivered.inserts, delivered.parked, delivered.conflicts),
        (2 * count, count, 0),
        "{notes:#?}"
    );
    for (at, one) in misfits.iter().enumerate() {
        let table = Some(format!("m{at}"));
        let note = notes.iter().find(|note| note[0] == table).unwrap();
        assert_eq!((note[1].as_deref(), note[2].as_deref()), (Some("1"), Some("value")), "{note:?}");
        assert!(note[3].as_ref().unwrap().contains(one.words), "no {:?} in {note:?}", one.words);
        assert_eq!(central.value(&format!("SELECT GROUP_CONCAT(id) FROM m{at}")), "2", "m{at}");
    }

    let corrections = misfits.iter().enumerate();
    let corrections = corrections.map(|(at, one)| format!("UPDATE m{at} SET c = {} WHERE id = 1;", one.fits));
    lab.sql(&format!("{LENIENT} {}", corrections.collect::<String>()));
    assert_eq!(family.deliver("lab-a").parked, 0, "{:#?}", family.conflicts());
    for at in 0..misfits.len() {
        let same = "SELECT COUNT(*), COUNT(DISTINCT HEX(c)) + MAX(c IS NULL) FROM";
        let row = central.query(&format!("{same} m{at}"));
        assert_eq!(row, [[Some("2".to_owned()), Some("1".to_owned())]], "m{at}");
    }
}

#[test]
fn what_mysql_cannot_hold_waits_for_a_person_with_the_column_named() {
    are_told(TO_MYSQL, Flavour::MariaDb);
}

#[test]
fn what_mariadb_cannot_hold_waits_for_a_person_with_the_column_named() {
    are_told(TO_MARIADB, Flavour::MySql);
}

#[test]
fn a_zero_below_nothing_is_a_zero_on_mariadb_and_no_conflict() {
    let schema = "CREATE TABLE d (id INT PRIMARY KEY, d DOUBLE, other INT)";
    let family = Family::between((server_of(Flavour::MariaDb), schema), (server_of(Flavour::MySql), schema));
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO d VALUES (1, -0e0, 0), (2, 1, 0)");
    family.deliver("lab-a");
    assert_eq!(central.value("SELECT d = 0 FROM d WHERE id = 1"), "1");
    lab.sql("UPDATE d SET other = 1");
    family.deliver("lab-a");
    lab.sql("UPDATE d SET d = 0");
    family.deliver("lab-a");
    assert_eq!(family.conflicts(), []);
    assert_same(lab, central, &["d"]);
}
