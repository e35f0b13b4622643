//! What people and administrators do in the middle of a command: tables altered between two of its statements, transactions that
//! stay open all the time.

use mysql::prelude::Queryable;

use crate::cuts::through;
use crate::harness::{Pair, Ran, TestSite, Wire, assert_equal};

const TABLES: &[&str] = &["shelves", "items"];

/// A statement of an export, and of an import, at which an administrator is quicker.
const OF_AN_EXPORT: [&str; 6] = [
    "SELECT table_name, table_type, engine",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT",
    "FROM sync_log",
    "FROM `items`",
    "UPDATE sync_log",
    "INSERT INTO packmule_bundle",
];
const OF_AN_IMPORT: [&str; 5] = [
    "SELECT table_name, table_type, engine",
    "START TRANSACTION",
    "FROM `items`",
    "INSERT INTO `items`",
    "INSERT INTO packmule_bundle",
];

#[test]
fn a_column_that_comes_between_two_statements_of_an_export_is_sent_with_its_values() {
    for words in OF_AN_EXPORT {
        let pair = Pair::new();
        pair.edit();
        pair.exchange();
        pair.edit();
        pair.central().sql("ALTER TABLE items ADD COLUMN extra INT");
        let wire = through(pair.lab());
        let alter = "ALTER TABLE items ADD COLUMN extra INT; UPDATE items SET extra = 5 ORDER BY id LIMIT 1";
        let ran = meanwhile(&wire, pair.lab(), &["export", pair.stick()], words, alter);
        is_calm(&ran, words);
        for _ in 0..2 {
            pair.export().ok();
            pair.import().ok();
        }
        assert_equal(pair.lab(), pair.central(), TABLES);
        assert_eq!(pair.central().value("SELECT SUM(extra) FROM items"), "5", "{words}: {ran:?}");
        assert_eq!(pair.central().count("conflict_log"), 0, "{words}");
    }
}

#[test]
fn a_column_that_is_renamed_between_two_statements_of_an_import_or_export_loses_nothing() {
    for (side, all) in [("export", &OF_AN_EXPORT[1..4]), ("import", &OF_AN_IMPORT[..])] {
        for words in all {
            let pair = Pair::new();
            pair.edit();
            pair.exchange();
            pair.edit();
            let site = if side == "export" { pair.lab() } else { pair.central() };
            if side == "import" {
                pair.export().ok();
            }
            let wire = through(site);
            let alter = "ALTER TABLE items RENAME COLUMN name TO label";
            let command: &[&str] = match side {
                "export" => &["export", pair.stick()],
                _ => &["import", "--no-reply", pair.stick()],
            };
            let ran = meanwhile(&wire, site, command, words, alter);
            assert!(matches!(ran.code, Some(0 | 12 | 16)), "{words}: {ran:?}");
            site.sql("ALTER TABLE items RENAME COLUMN label TO name");
            pair.export().ok();
            pair.import().ok();
            pair.assert_exactly_once();
        }
    }
}

#[test]
fn an_administrator_s_open_transaction_holds_up_neither_export_nor_import_nor_pruning() {
    let pair = Pair::new();
    pair.edit();
    pair.exchange();
    // Both have read everything, and one has edited: nothing of that ends before the test does.
    let mut readers = [pair.lab(), pair.central()].map(|site| {
        let mut session = site.server().connect(site.database()).unwrap();
        session.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT").unwrap();
        for table in ["shelves", "items", "sync_log", "packmule_bundle", "packmule_stream"] {
            session.query_drop(format!("SELECT * FROM {table}")).unwrap();
        }
        session
    });
    pair.edit();
    readers[0].query_drop("INSERT INTO shelves VALUES (900, 'of the open transaction')").unwrap();
    pair.exchange();
    assert_eq!(pair.central().value("SELECT COUNT(*) FROM shelves WHERE id = 900"), "0");
    readers.iter_mut().for_each(|session| session.query_drop("COMMIT").unwrap());
    pair.exchange();
    assert_eq!(pair.central().value("SELECT COUNT(*) FROM shelves WHERE id = 900"), "1");
    pair.assert_exactly_once();
}

/// Runs a command; when it comes to the statement with these words, others do something in the site's database first. What must
/// wait for the command to end is done then.
fn meanwhile(wire: &Wire, site: &TestSite<'_>, command: &[&str], words: &str, statements: &str) -> Ran {
    wire.mend(None);
    wire.hold(words);
    let mut child = site.command(command).spawn().unwrap();
    assert!(
        wire.wait_until_held(&mut child),
        "{command:?} sends nothing with {words:?}: {:#?}",
        wire.heard()
    );
    let mut others = site.server().connect(site.database()).unwrap();
    others.query_drop("SET SESSION lock_wait_timeout = 1").unwrap();
    let mut late = Vec::new();
    for statement in statements.split("; ") {
        if !late.is_empty() || others.query_drop(statement).is_err() {
            late.push(statement);
        }
    }
    wire.let_go();
    let ran = Ran::new(format!("{command:?} with {words:?} held"), &child.wait_with_output().unwrap());
    late.into_iter().for_each(|statement| site.sql(statement));
    ran
}

/// Done, or told what to do.
#[track_caller]
fn is_calm(ran: &Ran, words: &str) {
    let is_told = ran.stderr.contains("packmule: error: ") && ran.stderr.contains("  hint: ");
    assert!(ran.code == Some(0) || (matches!(ran.code, Some(12 | 16)) && is_told), "{words}: {ran:?}");
}
