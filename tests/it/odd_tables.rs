//! Tables that only one kind of server has: synced like any other, or named with the reason.

use packmule::db::Flavour;

use crate::harness::{Delivered, Family, assert_equal, server};

const OF_MARIADB: &str = "
    CREATE SEQUENCE numbers;
    CREATE TABLE kept (id INT PRIMARY KEY, a INT) WITH SYSTEM VERSIONING;
    CREATE TABLE dated (id INT PRIMARY KEY, a INT UNIQUE, since TIMESTAMP(6) GENERATED ALWAYS AS ROW START,
                        until TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING;
    CREATE TABLE partly (id INT PRIMARY KEY, a INT, b INT WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING;
    CREATE TABLE below (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES kept (id) ON DELETE CASCADE) WITH SYSTEM VERSIONING;
    CREATE TABLE booked (id INT, s DATE, e DATE, a INT, PERIOD FOR p (s, e), PRIMARY KEY (id, p WITHOUT OVERLAPS));";

const OF_MYSQL: &str = "
    SET sql_generate_invisible_primary_key = 1; CREATE TABLE kept (id INT, a INT); SET sql_generate_invisible_primary_key = 0;
    CREATE TABLE dated (id INT PRIMARY KEY, a INT, UNIQUE ((a + 1)));
    CREATE TABLE partly (id INT PRIMARY KEY, a INT, b INT, place POINT NOT NULL DEFAULT (POINT(1, 2)) SRID 0, SPATIAL INDEX (place));
    CREATE TABLE below (id INT PRIMARY KEY, a INT, doc JSON, INDEX ((CAST(doc->'$.tags' AS UNSIGNED ARRAY))));
    CREATE TABLE booked (id INT, s DATE, e DATE, a INT, PRIMARY KEY (id, s)) PARTITION BY HASH (id) PARTITIONS 3;";

const EDITS: [&str; 5] = [
    "INSERT INTO kept (id, a) VALUES (1, 1), (2, 2); INSERT INTO dated (id, a) VALUES (1, 1), (2, 2);
     INSERT INTO partly (id, a, b) VALUES (1, 1, 1), (2, 2, 2); INSERT INTO below (id, a) VALUES (1, 1), (2, 2);
     INSERT INTO booked (id, s, e, a) VALUES (1, '2026-01-01', '2026-02-01', 1)",
    "UPDATE kept SET a = a + 10; UPDATE dated SET a = a + 10; UPDATE partly SET b = 5; UPDATE booked SET a = 2",
    "UPDATE dated SET a = 30 - a; UPDATE partly SET a = 7 WHERE id = 1; UPDATE below SET id = id + 10",
    "DELETE FROM kept WHERE id = 1; DELETE FROM dated WHERE id = 1; INSERT INTO dated (id, a) VALUES (1, 99)",
    "DELETE FROM booked; DELETE FROM partly; DELETE FROM dated",
];

#[test]
fn tables_that_only_one_kind_of_server_has_are_synced_like_any_other() {
    let version = server().query("", "SELECT VERSION()").unwrap().remove(0).remove(0).unwrap();
    let flavour = if version.contains("MariaDB") { Flavour::MariaDb } else { Flavour::MySql };
    let schema = match flavour {
        Flavour::MariaDb => OF_MARIADB,
        Flavour::MySql => OF_MYSQL,
    };
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let listed = central.run(&["tables", "list"]).ok();
    for table in ["kept", "dated", "partly", "below", "booked"] {
        assert!(
            listed.stdout.lines().any(|line| line.split_whitespace().eq([table, "yes"])),
            "{}",
            listed.stdout
        );
    }
    if flavour == Flavour::MariaDb {
        listed.says("numbers").says("it is a sequence");
    }
    for edit in EDITS {
        lab.sql(edit);
        let delivered = family.deliver("lab-a");
        assert_eq!((delivered.bundles, delivered.conflicts, delivered.parked), (1, 0, 0), "{edit}");
        assert_equal(lab, central, &["kept", "dated", "partly", "below", "booked"]);
    }
    assert_eq!(family.deliver("lab-a"), Delivered::default());
    if flavour == Flavour::MariaDb {
        assert_eq!(
            central.value("SELECT COUNT(*) FROM kept FOR SYSTEM_TIME ALL"),
            "4",
            "the centre writes a history, too"
        );
    }
}

#[test]
fn names_with_quotes_and_backslashes_are_names_like_any_other() {
    let schema =
        "CREATE TABLE `o'd` (id INT PRIMARY KEY, `a'b` INT, `c\"d` INT, `e``f` INT, `g\\h` INT, `%s` INT);
                  CREATE TABLE `\u{e9} ``x` (`i d` INT PRIMARY KEY, `null` INT)";
    let family = Family::new(server(), schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    lab.sql("INSERT INTO `o'd` VALUES (1, 2, 3, 4, 5, 6); INSERT INTO `\u{e9} ``x` VALUES (1, 1)");
    family.deliver("lab-a");
    lab.sql("UPDATE `o'd` SET `a'b` = 7, `g\\h` = 8; UPDATE `\u{e9} ``x` SET `null` = 2");
    assert_eq!(family.deliver("lab-a"), Delivered::clean(0, 2, 0));
    let sum = "SELECT `a'b` + `c\"d` + `e``f` + `g\\h` + `%s` + `null` FROM `o'd` JOIN `\u{e9} ``x`";
    assert_eq!(central.value(sum), "30");
    for site in [central, lab] {
        site.run(&["doctor"]).ok().says("2 tables are watched");
    }
}

#[test]
fn tables_whose_names_only_resemble_packmule_s_own_are_shared() {
    let names = [
        "Packmule_site",
        "PACKMULE_notes",
        "packmule",
        "packmul_x",
        "Sync_log",
        "sync_logs",
        "conflict_log_",
    ];
    let schema: String =
        names.map(|name| format!("CREATE TABLE {name} (id INT PRIMARY KEY, a INT);")).concat();
    let family = Family::new(server(), &schema, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    for name in names {
        lab.sql(&format!("INSERT INTO {name} VALUES (1, 1)"));
    }
    assert_eq!(family.deliver("lab-a").bundles, 1);
    for name in names {
        assert_eq!(central.count(name), 1, "{name}");
    }
    assert_equal(lab, central, &names);
}
