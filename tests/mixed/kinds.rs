//! Every type that both servers have, or that one has and the other has a place for, with values that are awkward in it.

use packmule::demo::Flavour;

/// One column: its type on each server, and its values. Each value is a row.
pub(crate) struct Kind {
    mariadb: &'static str,
    mysql: &'static str,
    pub(crate) values: &'static [&'static str],
}

const fn kind(definition: &'static str, values: &'static [&'static str]) -> Kind {
    Kind { mariadb: definition, mysql: definition, values }
}

const fn two(mariadb: &'static str, mysql: &'static str, values: &'static [&'static str]) -> Kind {
    Kind { mariadb, mysql, values }
}

impl Kind {
    /// Its type on this server.
    pub(crate) fn on(&self, flavour: Flavour) -> &'static str {
        match flavour {
            Flavour::MariaDb => self.mariadb,
            Flavour::MySql => self.mysql,
        }
    }
}

pub(crate) const NUMBERS: &[Kind] = &[
    kind("TINYINT", &["-128", "127", "0", "NULL"]),
    kind("SMALLINT UNSIGNED", &["65535", "NULL"]),
    kind("MEDIUMINT", &["-8388608", "8388607"]),
    kind("INT(8) UNSIGNED ZEROFILL", &["42", "0", "123456789", "NULL"]),
    kind("BOOLEAN", &["TRUE", "FALSE", "NULL"]),
    kind("BIGINT", &["-9223372036854775808", "9223372036854775807", "9007199254740993"]),
    kind("BIGINT UNSIGNED", &["18446744073709551615", "9223372036854775808", "0"]),
    kind("DECIMAL(65,30)", DECIMALS),
    kind("DECIMAL(9,2) ZEROFILL", &["7.5", "0"]),
    two("DECIMAL(9,2) ZEROFILL", "DECIMAL(9,2)", &["7.5", "0", "NULL"]),
    kind("FLOAT", &["0.1", "16777217.1", "-3.402823466e38", "1.17549435e-38", "1e-45", "0", "NULL"]),
    kind("FLOAT(7,2)", &["12345.67", "0.01"]),
    kind("DOUBLE", DOUBLES),
    kind("DOUBLE(20,3)", &["1234567890.125"]),
    kind("BIT(1)", &["b'0'", "b'1'", "NULL"]),
    kind("BIT(9)", &["b'101010101'", "39"]),
    kind("BIT(64)", &["18446744073709551615", "9223372036854775808", "0", "NULL"]),
];

const DECIMALS: &[&str] = &[
    "99999999999999999999999999999999999.999999999999999999999999999999",
    "-0.000000000000000000000000000001",
    "0",
    "NULL",
];

const DOUBLES: &[&str] = &[
    "0.1",
    "-1.7976931348623157e308",
    "2.2250738585072014e-308",
    "5e-324",
    "-1.2345678901234567e-100",
    "1e16",
    "123456789012345680000",
    "NULL",
];

pub(crate) const TIMES: &[Kind] = &[
    kind("DATE", &["'1000-01-01'", "'9999-12-31'", "'0000-00-00'", "'2026-02-00'", "'2026-02-31'", "NULL"]),
    kind("TIME", &["'-838:59:59'", "'838:59:59'", "'00:00:00'", "NULL"]),
    kind(
        "TIME(6)",
        &["'-12:00:00.000001'", "'838:59:58.999999'", "'-838:59:58.999999'", "'-00:00:00.000001'"],
    ),
    kind("DATETIME", &["'1000-01-01 00:00:00'", "'0000-00-00 00:00:00'", "'2026-02-31 01:00:00'", "NULL"]),
    kind("DATETIME(6)", &["'9999-12-31 23:59:59.999999'", "'0000-00-00 00:00:00.5'"]),
    kind(
        "TIMESTAMP NULL",
        &["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00 00:00:00'", "NULL"],
    ),
    kind("TIMESTAMP(6) NULL", &["'2038-01-19 03:14:07.999999'", "'1970-01-01 00:00:01.000001'"]),
    kind("TIMESTAMP(3) NOT NULL DEFAULT '2001-01-01'", &["'2026-06-01 12:00:00.5'"]),
    kind(
        "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
        &["DEFAULT", "'2001-01-01'"],
    ),
    kind("YEAR", &["1901", "2155", "0", "2000", "NULL"]),
    two("YEAR(2)", "YEAR", &["1999", "2026", "1970", "2069", "NULL"]),
];

pub(crate) const TEXTS: &[Kind] = &[
    kind("CHAR(10)", &["''", "'a'", "' a'", "'\u{1F40E}\u{e9}'", "NULL"]),
    kind(
        "VARCHAR(100)",
        &["''", "'a  '", "'NULL'", "'\\'\\\"\\\\%_'", "'\\0\\n\\r\\Z\\t\u{1}\u{7f}'", "NULL"],
    ),
    two(
        "VARCHAR(100) COLLATE utf8mb4_uca1400_as_cs",
        "VARCHAR(100) COLLATE utf8mb4_0900_as_cs",
        &["'a'", "'A'", "'a '", "'\u{e9}'"],
    ),
    kind(
        "VARCHAR(100) CHARACTER SET latin1",
        &["_latin1 x'E9808A9F'", "_latin1 x'818D8F909D'", "' '", "NULL"],
    ),
    kind("VARCHAR(50) CHARACTER SET utf8mb3", &["'\u{20ac}\u{e9}'", "'\u{ffff}'"]),
    kind("VARCHAR(50) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin", &["'A'", "'a'"]),
    kind("VARCHAR(100) CHARACTER SET utf16", &["'\u{1F40E}'", "'a'"]),
    kind("VARCHAR(100) CHARACTER SET utf32", &["'\u{1F40E}'", "'a'"]),
    kind("VARCHAR(100) CHARACTER SET ucs2", &["'\u{20ac}'", "'a'"]),
    kind("VARCHAR(50) CHARACTER SET ascii", &["'~'", "''"]),
    kind("VARCHAR(50) CHARACTER SET cp1251", &["_cp1251 x'C0E0'", "NULL"]),
    kind("VARCHAR(50) CHARACTER SET gbk", &["_gbk x'B0A1815C'", "_gbk x'A2A1'"]),
    two("VARCHAR(50) CHARACTER SET latin1", "VARCHAR(50)", &["'\u{20ac}'", "'\u{e9}'"]),
    kind("TEXT", &["REPEAT('\u{1F40E}', 16383)", "'\u{feff}bom'", "'a\\r\\nb'"]),
    kind("MEDIUMTEXT", &["REPEAT('\u{1F40E}', 100000)"]),
    kind("LONGTEXT", &["'long'", "''", "'null'"]),
    two("VARCHAR(50) COMPRESSED", "VARCHAR(50)", &["REPEAT('a', 50)", "'a '"]),
    kind(
        "ENUM('a', 'B', '\u{e9}', 'it''s', '1')",
        &["'a'", "'\u{e9}'", "'it''s'", "'1'", "'nonsense'", "NULL"],
    ),
    kind("ENUM('a', 'b') NOT NULL", &["'a'", "''", "0"]),
    kind("ENUM('x', '')", &["'x'", "''", "NULL"]),
    kind("SET('x', 'y', 'z z')", &["''", "'x,y'", "'z z,x'", "'nonsense'", "NULL"]),
    two("SET('x', 'y', 'z z')", "SET('z z', 'x', 'y')", &["'x,z z'", "'x,y,z z'"]),
    two("UUID", "CHAR(36)", &["'6ccd780c-baba-1026-9564-5b8c656024db'", "NULL"]),
    two("INET6", "VARCHAR(45)", &["'2001:db8::ff00:42:8329'", "'::'", "NULL"]),
    two("INET4", "VARCHAR(15)", &["'192.168.0.1'", "NULL"]),
    kind("JSON", DOCUMENTS),
];

const DOCUMENTS: &[&str] = &[
    "'{}'",
    "'[1, 2.50, \"a\\\\\\\\n\", null, true]'",
    "'\"\u{1F40E}\"'",
    "'{\"b\": 1, \"a\": {\"c\": 9007199254740993}}'",
    "'[18446744073709551615, -9223372036854775808, 18446744073709551616]'",
    "'12345678901234567890123'",
    "'{\"pi\": 3.14159265358979323846264338327, \"a b\": [0, {\"\": 123456789.123456789123456789}]}'",
    "'[1e5, 1E+2, 5e-324, 1.7976931348623157e308, 0.1, 1.10, -0.0]'",
    "'\"\\\\u00e9\\\\ud83d\\\\udc0e\\\\u0000\"'",
    "'[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]'",
    "'  {\"zz\" :1, \"a\":2,\"B\":  3 } '",
    "'null'",
    "NULL",
];

pub(crate) const RAW: &[Kind] = &[
    kind("BINARY(4)", &["x'00'", "x'00FF0000'", "''", "NULL"]),
    kind("VARBINARY(300)", &["''", "x'2720'", "x'00FF0000'", "NULL"]),
    kind("TINYBLOB", &["x'FF'"]),
    kind("BLOB", &["REPEAT(x'00', 60000)", "''"]),
    kind("MEDIUMBLOB", &["REPEAT(x'FE', 300000)", "NULL"]),
    kind("LONGBLOB", &["''", "x'0D0A'"]),
    two("LONGBLOB", "VECTOR(3)", &["x'0000803F00000040000000BF'", "NULL"]),
    kind(
        "GEOMETRY",
        &[
            "ST_GeomFromText('POINT(36.8 -1.25)')",
            "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))')",
            "ST_GeomFromText('GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(1 2)))')",
            "NULL",
        ],
    ),
    kind("GEOMETRYCOLLECTION", &["ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')", "NULL"]),
    // the servers read the text in another order of axes, and keep the same bytes of it
    kind(
        "POINT NOT NULL",
        &["ST_GeomFromText('POINT(0.1 0.2)', 4326)", "ST_GeomFromText('POINT(-1e300 1e-300)')"],
    ),
    two("POINT", "POINT SRID 4326", &["ST_GeomFromText('POINT(10 20)', 4326)", "NULL"]),
    kind(
        "POLYGON",
        &["ST_GeomFromText('POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))')", "NULL"],
    ),
    kind("MULTIPOINT", &["ST_GeomFromText('MULTIPOINT(1 1, 2 2)', 3857)"]),
    kind("MULTILINESTRING", &["ST_GeomFromText('MULTILINESTRING((1 1, 2 2), (3 3, 4 4))')"]),
    kind("MULTIPOLYGON", &["ST_GeomFromText('MULTIPOLYGON(((0 0, 0 1, 1 1, 0 0)))')"]),
];

pub(crate) const GENERATED: &[Kind] = &[
    kind("INT, twice INT AS (c * 2) STORED UNIQUE", &["21", "NULL"]),
    kind("VARCHAR(20), big VARCHAR(20) AS (UPPER(c)) VIRTUAL", &["'abc'"]),
    kind("VARCHAR(40) DEFAULT (UUID())", &["'set'", "DEFAULT"]),
    kind("INT DEFAULT (1 + 2)", &["4", "DEFAULT", "NULL"]),
    two("INT INVISIBLE DEFAULT 3", "INT DEFAULT 3 INVISIBLE", &["4", "DEFAULT", "NULL"]),
    kind("INT CHECK (c > 3)", &["4", "5", "NULL"]),
    two("INT WITHOUT SYSTEM VERSIONING", "INT", &["4", "5"]),
];
