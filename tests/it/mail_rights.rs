//! A lab's account at the centre: it can read and add its own mail, and everything else is tried with it.

use std::fs;
use std::path::Path;

use mysql::Conn;
use mysql::prelude::Queryable;

use crate::harness::{
    Centre, Role, TestSite, assert_equal, bundles_in, enrol, part, password, sending, server, sign_in,
};

const SCHEMA: &str = "CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(40))";
const VIEWS: [&str; 5] =
    ["packmule_centre", "packmule_sent", "packmule_sent_part", "packmule_waiting", "packmule_waiting_part"];

/// The number of the error with which a statement is refused, or how many rows it returned.
fn attempt(conn: &mut Conn, sql: &str) -> Result<usize, u16> {
    let rows: Result<Vec<mysql::Row>, mysql::Error> = conn.query(sql);
    match rows {
        Ok(rows) => Ok(rows.len()),
        Err(mysql::Error::MySqlError(error)) => Err(error.code),
        Err(other) => panic!("{other}: {sql}"),
    }
}

/// Puts a bundle of the centre's for a lab there, as the centre does.
fn post(central: &TestSite<'_>, lab: &str, body: &[u8]) -> String {
    let name = format!("central.{lab}.00000000.0000000001.mule");
    central.sql(&sending("central", lab, &name, body).replace("packmule_sent", "packmule_mail"));
    let id = central.value(&format!("SELECT id FROM packmule_mail WHERE to_site = '{lab}'"));
    central.sql(&part(&id, 0, body).replace("packmule_sent_part", "packmule_mail_part"));
    id
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn everything_but_its_own_mail_is_refused() {
    let centre = Centre::new(&["lab-r1", "lab-r2"], SCHEMA);
    let central = &centre.central;
    central.sql("INSERT INTO items VALUES (1, 'nobodys-business')");
    let (mut own, mut other) = (centre.sign_in(0), centre.sign_in(1));
    let (own_name, other_name) =
        ("lab-r1.central.00000000.0000000001.mule", "lab-r2.central.00000000.0000000001.mule");
    // What it is for: to send, and to fetch.
    assert_eq!(attempt(&mut own, &sending("lab-r1", "central", own_name, b"own bundle")), Ok(0));
    let own_id: String = own.query_first("SELECT id FROM packmule_sent").unwrap().unwrap();
    assert_eq!(attempt(&mut own, &part(&own_id, 0, b"own bundle")), Ok(0));
    assert_eq!(attempt(&mut other, &sending("lab-r2", "central", other_name, b"other bundle")), Ok(0));
    let other_id: String = other.query_first("SELECT id FROM packmule_sent").unwrap().unwrap();
    let (for_own, for_other) = (post(central, "lab-r1", b"for r1"), post(central, "lab-r2", b"for r2"));
    let body: Vec<u8> = own
        .query_first(format!("SELECT body FROM packmule_waiting_part WHERE mail = {for_own}"))
        .unwrap()
        .unwrap();
    assert_eq!(body, b"for r1");

    let before = centre.all();
    nothing_of_others_is_seen(&mut own, &other_id, &for_other);
    let database = central.database();
    for (sql, allowed) in refusals(database, &own_id, &other_id) {
        let found = attempt(&mut own, &sql);
        assert!(found.is_err_and(|code| allowed.contains(&code)), "{found:?}: {sql}");
        // The same, prepared: rights are looked at then, too.
        let prepared =
            attempt(&mut own, &format!("PREPARE s FROM '{}'", sql.replace('\\', "\\\\").replace('\'', "''")));
        if prepared.is_ok() {
            assert!(attempt(&mut own, "EXECUTE s").is_err(), "{sql}");
        }
        let _ = own.query_drop("ROLLBACK");
    }
    assert_eq!(centre.all(), before);
    let shown: Vec<String> = own.query("SHOW GRANTS").unwrap();
    let mut places: Vec<&str> =
        shown.iter().filter_map(|line| line.split_once(" ON ")?.1.split(" TO ").next()).collect();
    places.sort_unstable();
    let mut wanted: Vec<String> = VIEWS.iter().map(|view| format!("`{database}`.`{view}`")).collect();
    wanted.insert(0, "*.*".to_owned());
    wanted.sort_unstable();
    assert_eq!(places, wanted);
    assert!(
        shown.iter().all(|line| !line.contains("UPDATE")
            && !line.contains("DELETE")
            && !line.contains("GRANT OPTION"))
    );
}

/// Questions that are answered, with nothing in the answer.
fn nothing_of_others_is_seen(own: &mut Conn, other_id: &str, for_other: &str) {
    for sql in [
        "SELECT id, name FROM packmule_sent WHERE from_site <> 'lab-r1'".to_owned(),
        "SELECT id FROM packmule_waiting WHERE to_site <> 'lab-r1'".to_owned(),
        format!("SELECT mail FROM packmule_sent_part WHERE mail = {other_id}"),
        format!("SELECT mail, body FROM packmule_waiting_part WHERE mail = {for_other}"),
        "SELECT site FROM packmule_centre WHERE site <> 'lab-r1'".to_owned(),
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type <> 'VIEW'".to_owned(),
        "SELECT view_definition FROM information_schema.views WHERE view_definition LIKE '%packmule_mail%'".to_owned(),
        "SELECT grantee FROM information_schema.user_privileges WHERE grantee NOT LIKE '%lab-r1%'".to_owned(),
        "SELECT grantee FROM information_schema.table_privileges WHERE grantee NOT LIKE '%lab-r1%'".to_owned(),
        "SELECT user FROM information_schema.processlist WHERE user <> 'packmule_lab-r1'".to_owned(),
        "SHOW TRIGGERS".to_owned(),
        "SHOW TABLES LIKE 'items'".to_owned(),
    ] {
        assert_eq!(attempt(own, &sql), Ok(0), "{sql}");
    }
    assert_eq!(attempt(own, "SELECT site, quota_bytes, used_bytes FROM packmule_centre"), Ok(1));
    assert_eq!(attempt(own, "SHOW FULL TABLES"), Ok(5));
}

/// Statements that must be refused, each with the numbers that the two servers give.
fn refusals(database: &str, own_id: &str, other_id: &str) -> Vec<(String, Vec<u16>)> {
    let mut list: Vec<(String, Vec<u16>)> = Vec::new();
    for (names, statements) in [(&TABLES[..], ON_TABLES), (&VIEWS[..], ON_VIEWS)] {
        for name in names {
            list.extend(lines(statements).map(|sql| (sql.replace("{t}", name), NO_RIGHT.to_vec())));
        }
    }
    list.extend(lines(ANYWHERE).map(|sql| (sql.to_owned(), NO_RIGHT.to_vec())));
    list.push((format!("DROP DATABASE {database}"), NO_RIGHT.to_vec()));
    list.extend(forgeries());
    let own = part(own_id, 0, b"own bundle");
    list.extend([
        ("UPDATE packmule_centre SET quota_bytes = 99999999999".to_owned(), vec![1142, 1143, 1288, 1356]),
        ("UPDATE packmule_centre, packmule_sent SET state = 'gone'".to_owned(), vec![1142, 1143, 1288]),
        (part(own_id, 0, b"another one"), vec![1062, 1644]),
        (part(own_id, 1, b"x"), vec![1644]),
        (part(other_id, 0, b"other bundle"), vec![1369]),
        (own.replace("INSERT", "REPLACE"), NO_RIGHT.to_vec()),
        (format!("{own} ON DUPLICATE KEY UPDATE body = ''"), NO_RIGHT.to_vec()),
    ]);
    list
}

/// Bundles in another's name, for another than the centre, and with what only the centre may say.
fn forgeries() -> Vec<(String, Vec<u16>)> {
    let forged = "lab-r2.central.00000000.0000000009.mule";
    let own_name = "lab-r1.central.00000000.0000000009.mule";
    let columns = "from_site, to_site, name, digest, sha256, size_bytes, part_bytes, parts";
    vec![
        (sending("lab-r2", "central", forged, b"x"), vec![1369, 1644]),
        (sending("central", "lab-r1", "central.lab-r1.00000000.0000000009.mule", b"x"), vec![1369]),
        (sending("lab-r1", "lab-r2", "lab-r1.lab-r2.00000000.0000000009.mule", b"x"), vec![1369]),
        (sending("LAB-R1", "central", "LAB-R1.central.00000000.0000000009.mule", b"x"), vec![1369]),
        (
            format!(
                "INSERT INTO packmule_sent ({columns}) SELECT 'lab-r2', to_site, '{forged}', digest, sha256, \
                 size_bytes, part_bytes, parts FROM packmule_sent"
            ),
            vec![1369],
        ),
        (
            format!(
                "INSERT INTO packmule_sent (id, {columns}) VALUES (1, 'lab-r1', 'central', '{own_name}', '', '', 1, 4096, 1)"
            ),
            NO_RIGHT.to_vec(),
        ),
    ]
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

const NO_RIGHT: [u16; 10] = [1044, 1142, 1143, 1227, 1045, 1370, 1095, 1094, 1290, 1419];
const TABLES: [&str; 11] = [
    "items",
    "sync_log",
    "conflict_log",
    "packmule_here",
    "packmule_site",
    "packmule_bundle",
    "packmule_mail",
    "packmule_mail_part",
    "packmule_mail_account",
    "packmule_mail_use",
    "packmule_migration",
];
const ON_TABLES: &str = "
    SELECT * FROM {t}
    SELECT COUNT(*) FROM {t}
    DELETE FROM {t}
    INSERT INTO {t} VALUES ()
    INSERT INTO {t} SELECT * FROM packmule_sent
    TRUNCATE {t}
    DROP TABLE {t}
    SHOW COLUMNS FROM {t}
    SHOW CREATE TABLE {t}
    LOCK TABLES {t} READ
    ALTER TABLE {t} ADD x INT
    CREATE TRIGGER x BEFORE INSERT ON {t} FOR EACH ROW SET @x = 1";
const ON_VIEWS: &str = "
    DELETE FROM {t}
    TRUNCATE {t}
    DROP VIEW {t}
    SHOW CREATE VIEW {t}
    LOCK TABLES {t} WRITE
    LOCK TABLES {t} READ
    ALTER VIEW {t} AS SELECT 1
    CREATE OR REPLACE VIEW {t} AS SELECT 1
    GRANT SELECT ON {t} TO 'packmule_lab-r2'@'%'";
const ANYWHERE: &str = "
    INSERT INTO packmule_sent (from_site, state) VALUES ('lab-r1', 'taken')
    UPDATE packmule_sent SET state = 'gone'
    UPDATE packmule_sent_part SET body = ''
    UPDATE packmule_waiting SET name = ''
    SELECT * FROM packmule_sent_part
    SELECT body FROM packmule_sent_part
    SELECT mail FROM packmule_sent_part WHERE body LIKE 'o%'
    SELECT mail FROM packmule_sent_part ORDER BY body
    INSERT INTO packmule_sent_part (mail, part, sha256, body) SELECT mail, part + 1, sha256, body FROM packmule_sent_part
    SELECT 1 FROM packmule_sent INTO OUTFILE '/tmp/packmule-it'
    LOAD DATA INFILE '/etc/passwd' INTO TABLE packmule_sent_part (mail, part, sha256, body)
    SELECT * FROM mysql.user
    SHOW GRANTS FOR 'packmule_lab-r2'@'%'
    SET GLOBAL read_only = 1
    SET SESSION sql_log_bin = 0
    CREATE TABLE x (id INT)
    CREATE TEMPORARY TABLE x (id INT)
    CREATE VIEW x AS SELECT 1
    CREATE PROCEDURE x() SELECT 1
    CREATE EVENT x ON SCHEDULE EVERY 1 DAY DO SELECT 1
    CREATE DATABASE packmule_x
    CREATE USER x
    ALTER USER 'packmule_lab-r2'@'%' IDENTIFIED BY 'x'
    FLUSH TABLES";

/// A lab can lock what it reads for as long as it likes: no right forbids that. It must not be in the centre's way.
#[test]
fn an_open_transaction_of_a_lab_never_holds_up_the_centres_own_work() {
    let centre = Centre::new(&["lab-r3", "lab-r4"], SCHEMA);
    let central = &centre.central;
    let mut own = centre.sign_in(0);
    own.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE").unwrap();
    own.query_drop("START TRANSACTION").unwrap();
    for view in VIEWS {
        let columns = if view == "packmule_sent_part" { "mail" } else { "*" };
        for lock in ["", "LOCK IN SHARE MODE", "FOR UPDATE"] {
            let _ = attempt(&mut own, &format!("SELECT {columns} FROM {view} {lock}"));
        }
    }
    let name = "lab-r3.central.00000000.0000000001.mule";
    assert_eq!(attempt(&mut own, &sending("lab-r3", "central", name, b"x")), Ok(0));
    central.sql("INSERT INTO items VALUES (1, 'a')");
    central.run(&["export", word(&central.stick("stick"))]).ok();
    central.run(&["sites", "suspend", "lab-r4"]).ok().says("not let in any more");
    // Its own row it can lock. Nobody can sign in as it any more, nothing of it is believed, and the rest goes later.
    let said = central.run(&["sites", "revoke", "lab-r3", "--yes"]).code(12).says("(1205)");
    said.says("run the same command again");
    let lab = &centre.labs[0];
    assert!(sign_in(central.server(), central.database(), lab.name(), &password(lab)).is_err());
    central.run(&["sites", "show", "lab-r3"]).ok().says("revoked");
    own.query_drop("ROLLBACK").unwrap();
    central.run(&["sites", "revoke", "lab-r3", "--yes"]).ok().says("not let in any more");
    assert_ne!(attempt(&mut own, "SELECT * FROM packmule_centre"), Ok(1));
}

#[test]
fn enrol_again_changes_the_password_and_orders_open_and_close_the_door() {
    let centre = Centre::new(&["lab-r5"], SCHEMA);
    let (central, lab) = (&centre.central, &centre.labs[0]);
    let enter = |password: &str| sign_in(central.server(), central.database(), "lab-r5", password);
    let first = password(lab);
    let mut there = enter(&first).unwrap();
    // With standard tools, as bundles/README.md has it.
    let script = "head -n 1 answer | jq -r .online.sealed | base64 -d | age -d -i lab-r5/keys/encrypt.key | jq -r .password";
    let opened =
        std::process::Command::new("sh").args(["-c", script]).current_dir(lab.path("")).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&opened.stdout).trim(),
        first,
        "{}",
        String::from_utf8_lossy(&opened.stderr)
    );
    let settings = fs::read_to_string(lab.config()).unwrap();
    assert!(
        settings.contains("# [central]") && settings.contains("url = \"mysql://packmule_lab-r5@localhost/"),
        "{settings}"
    );
    lab.run(&["config", "show"]).ok().says("central.url");
    enrol(central, lab);
    let second = password(lab);
    assert_ne!(first, second);
    assert!(enter(&first).is_err() && enter(&second).is_ok());
    assert_eq!(fs::read_to_string(lab.config()).unwrap(), settings);

    central.run(&["sites", "suspend", "lab-r5"]).ok().says("not let in any more");
    assert!(enter(&second).is_err());
    central.run(&["sites", "resend", "lab-r5"]).code(2);
    central.run(&["sites", "resume", "lab-r5"]).ok().says("let in again");
    let mut there_again = enter(&second).unwrap();
    assert_eq!(attempt(&mut there_again, "SELECT * FROM packmule_centre"), Ok(1));
    central.run(&["sites", "resend", "lab-r5"]).ok().never_says("Online");
    assert!(enter(&second).is_ok());
    central.run(&["sites", "revoke", "lab-r5", "--yes"]).ok().says("not let in any more");
    assert!(enter(&second).is_err());
    // Who was signed in before sees nothing and can leave nothing.
    for conn in [&mut there, &mut there_again] {
        assert_ne!(attempt(conn, "SELECT * FROM packmule_centre"), Ok(1));
        assert!(
            attempt(conn, &sending("lab-r5", "central", "lab-r5.central.00000000.0000000001.mule", b"x"))
                .is_err()
        );
    }
}

#[test]
fn with_the_account_that_enrol_made_changes_go_both_ways() {
    let centre = Centre::new(&["lab-r8", "lab-r9"], SCHEMA);
    let (central, labs) = (&centre.central, &centre.labs);
    labs[0].sql("INSERT INTO items VALUES (1, 'from-r8')");
    for _ in 0..2 {
        labs.iter().for_each(|lab| drop(lab.run(&["sync"]).ok()));
        central.run(&["sync"]).ok();
        labs.iter().for_each(|lab| drop(lab.run(&["sync"]).ok()));
        labs[1].sql("INSERT IGNORE INTO items VALUES (2, 'from-r9')");
    }
    labs.iter().for_each(|lab| assert_equal(lab, central, &["items"]));
    assert_eq!(central.count("items"), 2);
    // Closed, a lab keeps what it has, and goes on when it is open again.
    labs[0].run(&["doctor"]).ok().says("the centre answers at").says("mail is open");
    central.run(&["sites", "suspend", "lab-r8"]).ok();
    labs[0].run(&["doctor"]).code(20).says("cannot sign in to MySQL").says("as 'packmule_lab-r8'");
    labs[0].sql("INSERT INTO items VALUES (3, 'while-closed')");
    labs[0].run(&["push"]).code(12).says("everything is kept here");
    central.run(&["sites", "resume", "lab-r8"]).ok();
    labs[0].run(&["sync"]).ok();
    central.run(&["sync"]).ok();
    assert_eq!(central.count("items"), 3);
}

#[test]
fn a_centre_whose_account_may_make_none_says_what_an_administrator_can_run() {
    let centre = Centre::new(&[], SCHEMA);
    let central = &centre.central;
    let database = central.database();
    let user = format!("pm_{database}");
    central.sql(&format!(
        "CREATE USER '{user}'@'localhost'; GRANT ALL ON `{database}`.* TO '{user}'@'localhost'"
    ));
    let settings = fs::read_to_string(central.config()).unwrap();
    let weak = settings
        .replacen("mysql://root@", &format!("mysql://{user}@"), 1)
        .replace("\n[mail]\n", "\n[mail]\nrequire_tls = true\n");
    fs::write(central.config(), weak).unwrap();
    let lab = TestSite::new(server(), Role::Lab, "lab-r6");
    lab.sql(SCHEMA);
    lab.run(&["init", "--role", "lab", "--site", "lab-r6", "--database", &lab.url()]).ok();
    let (card, answer) = (lab.path("lab-r6.card"), lab.path("answer"));
    let words = ["enrol", word(&card), "--answer", word(&answer), "--yes"];
    let said =
        central.run(&words).ok().says("CREATE USER 'packmule_lab-r6'@'%' IDENTIFIED BY '...' REQUIRE SSL;");
    said.says("packmule_sent_part` TO 'packmule_lab-r6'@'%';")
        .says("--admin-defaults-file")
        .never_says("Pm-7");
    assert!(!fs::read_to_string(&answer).unwrap().contains("online"));
    lab.run(&["join", word(&answer), "--yes"]).ok().never_says("Online");

    let admin = central.path("admin.cnf");
    fs::write(&admin, "[client]\nuser = root\n").unwrap();
    let more = [&words[..], &["--admin-defaults-file", word(&admin), "--host", "localhost"]].concat();
    central.run(&more).ok().says("'packmule_lab-r6'@'localhost'");
    let shown = central.value("SHOW CREATE USER 'packmule_lab-r6'@'localhost'");
    assert!(shown.contains("REQUIRE SSL"), "{shown}");
    // Somebody has written the section by hand, in another way: it is left alone.
    let config = fs::read_to_string(lab.config()).unwrap();
    fs::write(lab.config(), format!("{config}\n[central]\nhost = \"h\"\nuser = \"u\"\nname = \"d\"\n"))
        .unwrap();
    let said = lab.run(&["join", word(&answer), "--yes"]).ok().says("the settings were left as they are");
    said.says("url = \"mysql://packmule_lab-r6@localhost/").says("password_file");
    // It may not drop the account either; the views are closed, and the statement is there.
    central
        .run(&["sites", "revoke", "lab-r6", "--yes"])
        .ok()
        .says("DROP USER IF EXISTS 'packmule_lab-r6'@'localhost'");
    assert_eq!(central.value("SELECT is_open FROM packmule_mail_account WHERE site = 'lab-r6'"), "0");
    central.sql(&format!("DROP USER 'packmule_lab-r6'@'localhost', '{user}'@'localhost'"));
}

/// An administrator of the centre's server who is not to see the rows: the mail's bytes hold none of them.
#[test]
fn whoever_reads_the_mails_tables_sees_no_row_of_any_table() {
    const ROWS: &str = "
        CREATE TABLE secret_table (id BIGINT PRIMARY KEY, secret_text TEXT, v VARCHAR(60), c CHAR(30), b BLOB, vb VARBINARY(60), e ENUM('CANARYENUM', 'x'),
          s SET('CANARYSET', 'y'), j JSON, d DECIMAL(30, 10), f DOUBLE, t DATETIME(6), da DATE, ti TIME(6), ts TIMESTAMP(6) NULL, bi BIT(40), u VARCHAR(60) CHARACTER SET utf16)";
    let centre = Centre::new(&["lab-r7"], ROWS);
    let (central, lab) = (&centre.central, &centre.labs[0]);
    for id in 0..40 {
        lab.sql(&format!(
            "INSERT INTO secret_table VALUES ({id} + 7314159265358979, 'CANARYTEXT', 'CANARYVARCHAR', 'CANARYCHAR', 'CANARYBLOB', 'CANARYBINARY', 'CANARYENUM', \
             'CANARYSET', '{{\"CANARYKEY\": \"CANARYJSON\"}}', 31415926535897932384.6264338327, 2.718281828459045, '1987-06-05 04:03:02.101112', '1876-05-04', \
             '13:57:19.246801', '1999-12-31 23:58:57.565554', 0x4341524E59, 'CANARYUTF')"
        ));
    }
    let stick = lab.stick("stick");
    lab.run(&["export", word(&stick)]).ok();
    let bundle = bundles_in(&stick).remove(0);
    let (name, body) = (bundle.file_name().unwrap().to_str().unwrap(), fs::read(&bundle).unwrap());
    let mut conn = centre.sign_in(0);
    conn.query_drop(sending("lab-r7", "central", name, &body)).unwrap();
    let id: String = conn.query_first("SELECT id FROM packmule_sent").unwrap().unwrap();
    conn.query_drop(part(&id, 0, &body)).unwrap();
    let mut root = central.server().connect(central.database()).unwrap();
    let mut bytes = Vec::new();
    for table in ["packmule_mail", "packmule_mail_part", "packmule_mail_account", "packmule_mail_use"] {
        let rows: Vec<mysql::Row> = root.query(format!("SELECT * FROM {table}")).unwrap();
        assert!(!rows.is_empty(), "{table}");
        for value in rows.into_iter().flat_map(mysql::Row::unwrap) {
            if let mysql::Value::Bytes(value) = value {
                bytes.extend(value);
            }
        }
    }
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    // It is the whole bundle that was looked through.
    assert!(
        bytes.len() > body.len() && holds(&body[body.len() - 64..]) && holds(b"\"format\":\"packmule/1\"")
    );
    let canaries = [
        "CANARY",
        "C\0A\0N\0",
        "secret_t",
        "31415926535",
        "7314159265",
        "2.71828",
        "1987-06-05",
        "1876-05-04",
        "13:57:19",
        "1999-12-31",
        "946684737",
    ];
    for canary in canaries {
        assert!(!holds(canary.as_bytes()), "{canary}");
    }
}
