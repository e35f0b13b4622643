//! Columns that are narrower at the centre: what does not fit is set aside row by row, and nothing is rounded, cut or
//! filled up unseen.

use crate::harness::{Delivered, Family, Met, assert_equal, server};

/// One value of a lab and what the centre's column makes of it.
struct Case {
    at_lab: &'static str,
    at_centre: &'static str,
    value: &'static str,
    /// What the note about it says; `None`: it fits.
    says: Option<&'static str>,
}

const fn case(
    at_lab: &'static str,
    at_centre: &'static str,
    value: &'static str,
    says: Option<&'static str>,
) -> Case {
    Case { at_lab, at_centre, value, says }
}

const CASES: &[Case] = &[
    // What a strict server refuses, in its own words.
    case("VARCHAR(40)", "VARCHAR(5)", "'too long'", Some("Data too long for column 'v'")),
    case("LONGTEXT", "TINYTEXT", "REPEAT('a', 300)", Some("Data too long for column 'v'")),
    case("LONGBLOB", "VARBINARY(2)", "x'010203'", Some("Data too long for column 'v'")),
    case("INT", "TINYINT", "300", Some("Out of range value for column 'v'")),
    case("INT", "INT UNSIGNED", "-1", Some("Out of range value for column 'v'")),
    case("BIGINT UNSIGNED", "BIGINT", "18446744073709551615", Some("Out of range value for column 'v'")),
    case("DECIMAL(10,2)", "DECIMAL(4,2)", "100.00", Some("Out of range value for column 'v'")),
    case("DOUBLE", "FLOAT", "1e300", Some("Out of range value for column 'v'")),
    case("ENUM('a','b')", "ENUM('a','c')", "'b'", Some("Data truncated for column 'v'")),
    case("SET('a','b')", "SET('a','c')", "'a,b'", Some("Data truncated for column 'v'")),
    case("INT", "INT NOT NULL", "NULL", Some("Column 'v' cannot be null")),
    case("INT", "INT CHECK (v < 10)", "11", Some("constraint")),
    case("VARCHAR(9)", "VARCHAR(9) CHARACTER SET latin1", "'\u{1F40E}'", Some("for column")),
    case("DATETIME", "YEAR", "'2026-01-01 00:00:00'", Some("Data truncated for column 'v'")),
    // What every server takes in silence, or with a note that nobody reads.
    case("DECIMAL(10,3)", "DECIMAL(10,2)", "1.239", Some("would hold '1.24' instead of '1.239'")),
    case("DECIMAL(10,3)", "DECIMAL(10,0)", "0.500", Some("instead of '0.500'")),
    case("DOUBLE", "FLOAT", "0.1", Some("column v is float here and would hold")),
    case("DOUBLE", "DOUBLE(9,2)", "0.125", Some("instead of '0.125'")),
    case(
        "DATETIME(6)",
        "DATETIME",
        "'2026-01-01 10:20:30.6'",
        Some("instead of '2026-01-01 10:20:30.600000'"),
    ),
    case("DATETIME(6)", "DATETIME(3)", "'2026-01-01 10:20:30.6789'", Some("column v is datetime(3) here")),
    case(
        "TIMESTAMP(6) NULL",
        "TIMESTAMP NULL",
        "'2026-01-01 10:20:30.6'",
        Some("column v is timestamp here"),
    ),
    case("TIME(3)", "TIME", "'10:20:30.600'", Some("column v is time here")),
    case("DATETIME", "DATE", "'2026-01-01 10:20:30'", Some("would hold '2026-01-01' instead of")),
    case("DATETIME", "TIME", "'2026-01-01 10:20:30'", Some("would hold '10:20:30' instead of")),
    case("VARCHAR(9)", "CHAR(9)", "'a  '", Some("would hold 'a' instead of 'a  '")),
    case("VARCHAR(9)", "VARCHAR(5)", "'hello  '", Some("would hold 'hello' instead of 'hello  '")),
    case("VARBINARY(9)", "BINARY(4)", "x'01'", Some("would hold 0x01000000 instead of 0x01")),
    case("VARCHAR(9)", "ENUM('red','blue')", "'1'", Some("would hold 'red' instead of '1'")),
    case("VARCHAR(9)", "ENUM('red','blue')", "'RED'", Some("would hold 'red' instead of 'RED'")),
    // What fits goes through, and is not held up by what might not have.
    case("DECIMAL(10,3)", "DECIMAL(10,2)", "1.240", None),
    case("INT", "DECIMAL(12,2)", "42", None),
    case("DOUBLE", "FLOAT", "0.25", None),
    case("FLOAT", "DOUBLE", "0.1", None),
    case("FLOAT", "FLOAT", "0.1", None),
    case("FLOAT(7,2)", "FLOAT(7,2)", "12.34", None),
    case("DATETIME(6)", "DATETIME", "'2026-01-01 10:20:30'", None),
    case("DATE", "DATETIME(3)", "'2026-01-01'", None),
    case("DATETIME", "DATE", "'2026-01-01 00:00:00'", None),
    case("VARCHAR(9)", "CHAR(9)", "'a'", None),
    case("VARCHAR(9)", "VARCHAR(5)", "'hell '", None),
    case("VARCHAR(9)", "LONGTEXT", "'a  '", None),
    case("VARCHAR(9)", "ENUM('red','blue')", "'red'", None),
    // The same members, as the column spells them.
    case("VARCHAR(9)", "SET('a','b')", "'b,a'", None),
    case("INT", "BIGINT", "-7", None),
];

#[test]
fn every_value_fits_exactly_or_is_set_aside_with_the_column_named() {
    let table = |at: usize, column: &str| {
        format!("CREATE TABLE t{at} (id INT PRIMARY KEY, w INT NOT NULL DEFAULT 0, v {column});")
    };
    let schema: String = CASES.iter().enumerate().map(|(at, case)| table(at, case.at_lab)).collect();
    let family = Family::new(server(), &schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    for (at, case) in CASES.iter().enumerate() {
        central.sql(&format!("ALTER TABLE t{at} MODIFY v {}", case.at_centre));
        // A row that fits on either side: none of them is held up.
        lab.sql(&format!(
            "INSERT INTO t{at} (id, v) VALUES (1, {}), (0, {})",
            case.value,
            some(case.at_centre)
        ));
        lab.sql(&format!("INSERT INTO t{at} (id, v) VALUES (2, {})", some(case.at_centre)));
    }
    let delivered = family.deliver("lab-a");
    let parked = CASES.iter().filter(|case| case.says.is_some()).count() as u64;
    assert_eq!((delivered.parked, delivered.conflicts), (parked, 0));
    for (at, case) in CASES.iter().enumerate() {
        let Case { at_lab, at_centre, value, says } = case;
        let what = format!("{at_lab} to {at_centre}: {value}");
        let query = format!(
            "SELECT note FROM conflict_log WHERE table_name = 't{at}' AND kind = 'value' AND record_id = '1'"
        );
        let notes: Vec<String> = central.query(&query).into_iter().flatten().flatten().collect();
        let ids = format!("SELECT GROUP_CONCAT(id ORDER BY id) FROM t{at}");
        match says {
            Some(says) => {
                assert!(
                    notes.len() == 1 && notes[0].to_lowercase().contains(&says.to_lowercase()),
                    "{what}: {notes:?}"
                );
                assert_eq!(central.value(&ids), "0,2", "{what}");
            }
            None => {
                assert_eq!(notes, [] as [&str; 0], "{what}");
                assert_eq!(central.value(&ids), "0,1,2", "{what}");
            }
        }
    }
    // The same values again, in rows that are there: they stay as they are.
    for (at, case) in CASES.iter().enumerate().filter(|(_, case)| case.says.is_some()) {
        lab.sql(&format!("UPDATE t{at} SET v = {} WHERE id = 2", case.value));
        central.sql(&format!("UPDATE t{at} SET w = 0"));
    }
    assert_eq!(family.deliver("lab-a").parked, parked);
    for (at, case) in CASES.iter().enumerate().filter(|(_, case)| case.says.is_some()) {
        let same =
            format!("SELECT COUNT(*) FROM t{at} a JOIN t{at} b ON a.id = 0 AND b.id = 2 AND a.v <=> b.v");
        assert_eq!(central.value(&same), "1", "{} {}", case.at_centre, case.value);
    }
}

/// A value that fits into a column of this type, and into those of the lab's that are tried with it.
fn some(column: &str) -> &'static str {
    match column.split(['(', ' ']).next().unwrap_or_default() {
        "VARBINARY" => "x'0102'",
        "BINARY" => "x'01020304'",
        "ENUM" if column.contains("red") => "'red'",
        "ENUM" | "SET" => "'a'",
        "DATE" | "DATETIME" | "TIMESTAMP" if !column.contains("TIME") || column == "DATETIME" => {
            "'2026-02-03'"
        }
        "DATETIME" | "TIMESTAMP" => "'2026-02-03 01:02:03'",
        "TIME" | "YEAR" => "NULL",
        _ => "1",
    }
}

#[test]
fn a_key_that_would_become_another_is_set_aside() {
    let schema = "CREATE TABLE prices (price DECIMAL(10,3) PRIMARY KEY, word VARCHAR(9));
                  CREATE TABLE words (word VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, n INT)";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("ALTER TABLE prices MODIFY price DECIMAL(10,1); ALTER TABLE words MODIFY word CHAR(5) COLLATE utf8mb4_bin");
    central.sql("INSERT INTO prices VALUES (1.2, 'here')");
    lab.sql("INSERT INTO prices VALUES (1.234, 'lab'), (2.5, 'fits'); INSERT INTO words VALUES ('hello world', 1), ('fits', 2)");
    assert_eq!(family.deliver("lab-a").parked, 2);
    assert_eq!(
        central.value("SELECT GROUP_CONCAT(price, word ORDER BY price) FROM prices"),
        "1.2here,2.5fits"
    );
    assert_eq!(central.value("SELECT GROUP_CONCAT(word, n) FROM words"), "fits2");
    assert!(
        family.conflicts().contains(&Met::parked("prices", "1.234", "unique")),
        "{:?}",
        family.conflicts()
    );
    lab.sql("INSERT INTO prices VALUES (7.777, 'lab')");
    assert_eq!(family.deliver("lab-a").parked, 1);
    assert_eq!(
        central.value("SELECT note FROM conflict_log ORDER BY id DESC LIMIT 1"),
        "its key would become another one here"
    );
    assert_eq!(central.count("prices"), 2);
}

#[test]
fn a_row_for_which_there_is_no_partition_is_set_aside() {
    let family = Family::new(server(), "CREATE TABLE t (id INT PRIMARY KEY, n INT)", &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql("ALTER TABLE t PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10))");
    lab.sql("INSERT INTO t VALUES (5, 1), (50, 1), (6, 1)");
    assert_eq!(family.deliver("lab-a").parked, 1);
    assert_eq!(family.conflicts(), [Met::parked("t", "50", "value")]);
    assert_eq!(central.count("t"), 2);
}

#[test]
fn what_is_taken_back_is_taken_back_alone() {
    let schema = "CREATE TABLE racks (id INT PRIMARY KEY, load_kg DECIMAL(8,3));
                  CREATE TABLE boxes (id INT PRIMARY KEY, rack INT, tag VARCHAR(9) UNIQUE, kg DECIMAL(8,3),
                                      FOREIGN KEY (rack) REFERENCES racks (id))";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO racks VALUES (1, 1), (2, 2); INSERT INTO boxes VALUES (1, 1, 'a', 1), (2, 1, 'b', 2), (3, 2, 'c', 3)");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(5, 0, 0));
    central.sql("ALTER TABLE boxes MODIFY kg DECIMAL(8,1); ALTER TABLE racks MODIFY load_kg DECIMAL(8,1)");
    // Rack 3 is rounded, so its box is an orphan; boxes 1 and 2 exchange their tags; box 3 is rounded.
    lab.sql("INSERT INTO racks VALUES (3, 0.123), (4, 0.5); INSERT INTO boxes VALUES (4, 3, 'd', 1), (5, 4, 'e', 0.25)");
    lab.sql("UPDATE boxes SET tag = 'x', kg = 1.5 WHERE id = 1; UPDATE boxes SET tag = 'a' WHERE id = 2; UPDATE boxes SET tag = 'b' WHERE id = 1");
    lab.sql("UPDATE boxes SET kg = 3.333, rack = 1 WHERE id = 3");
    let delivered = family.deliver("lab-a");
    assert_eq!((delivered.conflicts, delivered.parked), (0, 4), "{:?}", family.conflicts());
    let boxes = "SELECT GROUP_CONCAT(id, tag, rack, '-', kg ORDER BY id) FROM boxes";
    assert_eq!(central.value(boxes), "1b1-1.5,2a1-2.0,3c2-3.0");
    assert_eq!(central.value("SELECT GROUP_CONCAT(id) FROM racks"), "1,2,4");
    // Once the columns are wide enough again, the lab's rows can be written as they are.
    central.sql("ALTER TABLE boxes MODIFY kg DECIMAL(8,3); ALTER TABLE racks MODIFY load_kg DECIMAL(8,3)");
    lab.sql("UPDATE racks SET load_kg = 0.124 WHERE id = 3; UPDATE boxes SET kg = kg + 1");
    family.deliver("lab-a");
    assert_equal(lab, central, &["racks", "boxes"]);
}

#[test]
fn a_trigger_of_the_application_that_changes_another_column_is_not_taken_for_rounding() {
    let schema = "CREATE TABLE t (id INT PRIMARY KEY, kg DECIMAL(8,3), seen VARCHAR(20))";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    central.sql(
        "ALTER TABLE t MODIFY kg DECIMAL(8,1);
         CREATE TRIGGER app BEFORE INSERT ON t FOR EACH ROW SET NEW.seen = 'by the trigger'",
    );
    lab.sql("INSERT INTO t VALUES (1, 1.5, 'lab'), (2, 1.25, 'lab')");
    assert_eq!(family.deliver("lab-a").parked, 1);
    assert_eq!(central.value("SELECT GROUP_CONCAT(id, kg, seen) FROM t"), "11.5lab");
}
