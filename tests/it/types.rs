//! Every type of both servers goes over, is edited and goes over again, bit by bit, without a conflict that is none.

use packmule::db::Flavour;

use crate::harness::{Delivered, Family, assert_equal, server};

/// One column: its type and values that are awkward in it. Each value is a row.
struct Kind {
    definition: &'static str,
    values: &'static [&'static str],
}

const fn kind(definition: &'static str, values: &'static [&'static str]) -> Kind {
    Kind { definition, values }
}

const NUMBERS: &[Kind] = &[
    kind("TINYINT", &["-128", "127", "0", "NULL"]),
    kind("TINYINT UNSIGNED", &["0", "255", "NULL"]),
    kind("SMALLINT UNSIGNED", &["65535", "NULL"]),
    kind("MEDIUMINT", &["-8388608", "8388607"]),
    kind("INT UNSIGNED", &["4294967295", "0"]),
    kind("INT(8) UNSIGNED ZEROFILL", &["42", "0", "123456789", "NULL"]),
    kind("BIGINT", &["-9223372036854775808", "9223372036854775807", "9007199254740993"]),
    kind("BIGINT UNSIGNED", &["18446744073709551615", "9223372036854775808", "0"]),
    kind("BIGINT(20) UNSIGNED ZEROFILL", &["18446744073709551615", "7"]),
    kind("BOOLEAN", &["TRUE", "FALSE", "NULL"]),
    kind(
        "DECIMAL(65,30)",
        &[
            "99999999999999999999999999999999999.999999999999999999999999999999",
            "-0.000000000000000000000000000001",
            "0",
            "NULL",
        ],
    ),
    kind("DECIMAL(10,0)", &["-9999999999", "9999999999"]),
    kind("DECIMAL(9,2) ZEROFILL", &["7.5", "0"]),
    kind("FLOAT", &["0.1", "16777217.1", "-3.402823466e38", "1.17549435e-38", "1e-45", "-0e0", "NULL"]),
    kind("FLOAT(7,2)", &["12345.67", "0.01"]),
    kind(
        "DOUBLE",
        &[
            "0.1",
            "-1.7976931348623157e308",
            "2.2250738585072014e-308",
            "5e-324",
            "-1.2345678901234567e-100",
            "1e16",
            "-0e0",
            "NULL",
        ],
    ),
    kind("DOUBLE(20,3)", &["1234567890.125"]),
    kind("BIT(1)", &["b'0'", "b'1'", "NULL"]),
    kind("BIT(9)", &["b'101010101'", "39"]),
    kind("BIT(64)", &["18446744073709551615", "9223372036854775808", "0", "NULL"]),
];

const TIMES: &[Kind] = &[
    kind("DATE", &["'1000-01-01'", "'9999-12-31'", "'0000-00-00'", "'2026-02-00'", "'2024-02-29'", "NULL"]),
    kind("TIME", &["'-838:59:59'", "'838:59:59'", "'00:00:00'", "NULL"]),
    kind("TIME(6)", &["'-12:00:00.000001'", "'23:59:59.999999'"]),
    kind("DATETIME", &["'1000-01-01 00:00:00'", "'0000-00-00 00:00:00'", "'2026-03-29 02:30:00'", "NULL"]),
    kind("DATETIME(6)", &["'9999-12-31 23:59:59.999999'", "'2026-10-25 02:30:00.000001'"]),
    kind(
        "TIMESTAMP NULL",
        &[
            "'1970-01-01 00:00:01'",
            "'2038-01-19 03:14:07'",
            "'2026-10-25 00:30:00'",
            "'2026-10-25 01:30:00'",
            "NULL",
        ],
    ),
    kind(
        "TIMESTAMP(6) NULL",
        &["'2038-01-19 03:14:07.999999'", "'2026-03-29 01:00:00.000001'", "'0000-00-00 00:00:00'"],
    ),
    kind("TIMESTAMP(3) NOT NULL DEFAULT '2001-01-01'", &["'2026-06-01 12:00:00.5'"]),
    kind("YEAR", &["1901", "2155", "0", "NULL"]),
];

const TEXTS: &[Kind] = &[
    kind("CHAR(10)", &["''", "'a'", "' a'", "'\u{1F40E}\u{e9}'", "NULL"]),
    kind("CHAR(10) COLLATE utf8mb4_bin", &["'A'", "'a'"]),
    kind(
        "VARCHAR(100)",
        &[
            "''",
            "'a  '",
            "'NULL'",
            "'\\'\\\"\\\\%_'",
            "'\\0\\n\\r\\Z\\t\u{1}\u{7f}'",
            "'{\"a\": [1]}'",
            "NULL",
        ],
    ),
    kind("VARCHAR(100) CHARACTER SET latin1", &["_latin1 x'E9808A9F'", "_latin1 x'A0ADFF'", "' '", "NULL"]),
    kind("VARCHAR(100) CHARACTER SET utf16", &["'\u{1F40E}'", "'a'"]),
    kind("VARCHAR(50) CHARACTER SET ascii", &["'~'"]),
    kind("TINYTEXT", &["REPEAT('\u{e9}', 127)", "NULL"]),
    kind("TEXT", &["REPEAT('\u{1F40E}', 16383)", "'\u{feff}bom'", "'a\\r\\nb'"]),
    kind("MEDIUMTEXT", &["REPEAT('0123456789', 30000)"]),
    kind("LONGTEXT", &["'long'", "''", "'null'"]),
    kind("ENUM('a', 'B', '\u{e9}', '', 'it''s', '1')", &["'a'", "'\u{e9}'", "''", "'it''s'", "'1'", "NULL"]),
    kind("SET('x', 'y', 'z z')", &["''", "'x,y'", "'z z,x'", "NULL"]),
    kind(
        "JSON",
        &[
            "'{}'",
            "'[1, 2.50, \"a\\\\\\\\n\", null, true]'",
            "'\"\u{1F40E}\"'",
            "'{\"b\": 1, \"a\": {\"c\": 9007199254740993}}'",
            "'1e5'",
            "NULL",
        ],
    ),
];

/// Every byte there is.
const BYTES: &str = "x'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F\
303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F\
707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAF\
B0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF\
F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF'";

const RAW: &[Kind] = &[
    kind("BINARY(4)", &["x'00'", "x'00FF0000'", "''", "NULL"]),
    kind("VARBINARY(300)", &["''", BYTES, "x'2720'", "NULL"]),
    kind("TINYBLOB", &["x'FF'"]),
    kind("BLOB", &[BYTES, "REPEAT(x'00', 60000)"]),
    kind("MEDIUMBLOB", &["REPEAT(x'FE', 300000)", "NULL"]),
    kind("LONGBLOB", &["''", "x'0D0A'"]),
    kind(
        "GEOMETRY",
        &[
            "ST_GeomFromText('POINT(36.8 -1.25)')",
            "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))')",
            "NULL",
        ],
    ),
    kind(
        "POINT NOT NULL",
        &["ST_GeomFromText('POINT(0.1 0.2)', 4326)", "ST_GeomFromText('POINT(-1e300 1e-300)')"],
    ),
    kind(
        "POLYGON",
        &["ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))')", "NULL"],
    ),
    kind("MULTIPOINT", &["ST_GeomFromText('MULTIPOINT(1 1, 2 2)', 4326)"]),
];

const GENERATED: &[Kind] = &[
    kind("INT, twice INT AS (c * 2) STORED", &["21", "NULL"]),
    kind("VARCHAR(20), big VARCHAR(20) AS (UPPER(c)) VIRTUAL", &["'abc'"]),
    kind("VARCHAR(20) DEFAULT (UUID())", &["'set'", "DEFAULT"]),
];

/// A table for each kind; rows of the values, then each value edited into each other one, then all deleted.
fn go_through(kinds: &[Kind]) {
    let table = |at: usize| format!("t{at}");
    let schema: String = kinds
        .iter()
        .enumerate()
        .map(|(at, kind)| {
            format!(
                "CREATE TABLE {} (id INT PRIMARY KEY, other INT NOT NULL DEFAULT 0, c {}) CHARSET utf8mb4;",
                table(at),
                kind.definition
            )
        })
        .collect();
    let lenient = "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00';";
    let family = Family::new(server(), &format!("{lenient} {schema}"), &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let names: Vec<String> = (0..kinds.len()).map(table).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let all: u64 = kinds.iter().map(|kind| kind.values.len() as u64).sum();
    for (name, kind) in names.iter().zip(kinds) {
        for (id, value) in kind.values.iter().enumerate() {
            lab.sql(&format!("{lenient} INSERT INTO {name} (id, c) VALUES ({id}, {value})"));
        }
    }
    assert_eq!(family.deliver("lab-a"), Delivered::clean(all, 0, 0), "{:?}", family.conflicts());
    assert_equal(lab, central, &names);

    // Only another column changes: the base must be found equal to what the centre has.
    names.iter().for_each(|name| lab.sql(&format!("{lenient} UPDATE {name} SET other = 1")));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, all, 0), "{:?}", family.conflicts());
    assert_equal(lab, central, &names);

    for (name, kind) in names.iter().zip(kinds) {
        let next = kind.values.iter().cycle().skip(1);
        for (id, value) in next.take(kind.values.len()).enumerate() {
            lab.sql(&format!("{lenient} UPDATE {name} SET c = {value}, other = 2 WHERE id = {id}"));
        }
    }
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, all, 0), "{:?}", family.conflicts());
    assert_equal(lab, central, &names);

    names.iter().for_each(|name| lab.sql(&format!("DELETE FROM {name}")));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 0, all), "{:?}", family.conflicts());
    assert_equal(lab, central, &names);
}

#[test]
fn numbers_of_every_size_keep_every_digit() {
    go_through(NUMBERS);
}

#[test]
fn dates_and_times_keep_every_digit_zero_and_invalid_ones_too() {
    go_through(TIMES);
}

#[test]
fn texts_of_every_character_set_enums_sets_and_json_keep_every_character() {
    go_through(TEXTS);
}

#[test]
fn bytes_and_geometries_keep_every_bit() {
    go_through(RAW);
}

#[test]
fn generated_columns_are_left_to_the_server_and_defaults_that_are_computed_are_not() {
    go_through(GENERATED);
}

#[test]
fn types_that_only_one_of_the_servers_has_keep_every_bit() {
    match flavour() {
        Flavour::MariaDb => go_through(&[
            kind("UUID", &["'6ccd780c-baba-1026-9564-5b8c656024db'", "NULL"]),
            kind("INET6", &["'2001:db8::ff00:42:8329'", "'::'", "NULL"]),
            kind("INET4", &["'192.168.0.1'", "NULL"]),
            kind("LONGTEXT CHECK (JSON_VALID(c))", &["'{\"b\":1,  \"a\":2}'", "NULL"]),
            kind("VARCHAR(50) COMPRESSED", &["REPEAT('a', 50)", "NULL"]),
        ]),
        Flavour::MySql => go_through(&[
            kind("VECTOR(3)", &["TO_VECTOR('[1,2,-0.5]')", "NULL"]),
            kind("POINT SRID 4326", &["ST_GeomFromText('POINT(10 20)', 4326)", "NULL"]),
            kind("VARCHAR(20) COLLATE utf8mb4_0900_as_cs", &["'a '", "'A'"]),
        ]),
    }
}

#[test]
fn keys_of_every_type_that_can_be_one_are_found_again() {
    let keys = [
        ("BIGINT UNSIGNED", "18446744073709551615", "0"),
        ("INT(6) ZEROFILL", "42", "7"),
        ("DECIMAL(20,5)", "12345678901234.5", "-0.00001"),
        ("DATE", "'2026-02-03'", "'0000-00-00'"),
        ("DATETIME(3)", "'2026-02-03 04:05:06.7'", "'1000-01-01'"),
        ("TIMESTAMP(6)", "'2026-02-03 04:05:06.000007'", "'2038-01-19 03:14:07'"),
        ("TIME", "'-838:59:59'", "'00:00:00'"),
        ("YEAR", "2026", "1901"),
        ("CHAR(3)", "'a'", "'\u{1F40E}'"),
        ("VARCHAR(20) CHARACTER SET latin1", "_latin1 x'E9'", "''"),
        ("ENUM('x', 'y')", "'x'", "'y'"),
        ("SET('p', 'q')", "'p,q'", "''"),
        ("BIT(12)", "b'101'", "4095"),
        ("VARBINARY(20)", "x'00'", "x'0000FF'"),
    ];
    let lenient = "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00';";
    let names: Vec<String> = (0..keys.len()).map(|at| format!("k{at}")).collect();
    let schema: String = names
        .iter()
        .zip(keys)
        .map(|(name, (key, ..))| format!("CREATE TABLE {name} (k {key} NOT NULL, n INT, v INT, PRIMARY KEY (n, k)); CREATE TABLE s{name} (k {key} NOT NULL PRIMARY KEY, v INT);"))
        .collect();
    let family = Family::new(server(), &format!("{lenient} {schema}"), &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let tables: Vec<String> = names.iter().flat_map(|name| [name.clone(), format!("s{name}")]).collect();
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    let all = keys.len() as u64 * 4;
    for (name, (_, a, b)) in names.iter().zip(keys) {
        lab.sql(&format!(
            "{lenient} INSERT INTO {name} VALUES ({a}, 1, 1), ({b}, 1, 1); INSERT INTO s{name} VALUES ({a}, 1), ({b}, 1)"
        ));
    }
    assert_eq!(family.deliver("lab-a"), Delivered::clean(all, 0, 0));
    assert_equal(lab, central, &tables);
    tables.iter().for_each(|name| lab.sql(&format!("SET time_zone = '+05:45'; UPDATE {name} SET v = 2")));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, all, 0), "{:?}", family.conflicts());
    assert_equal(lab, central, &tables);
    tables.iter().for_each(|name| lab.sql(&format!("DELETE FROM {name}")));
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 0, all), "{:?}", family.conflicts());
    assert_equal(lab, central, &tables);
}

fn flavour() -> Flavour {
    let version = server().query("", "SELECT VERSION()").unwrap().remove(0).remove(0).unwrap();
    if version.contains("MariaDB") { Flavour::MariaDb } else { Flavour::MySql }
}
