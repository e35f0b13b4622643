//! The way there and back with what goes wrong in the field: sticks that are lost, transactions that commit late, a log
//! that begins to count anew, a row that one site cannot take.

use std::fs;

use mysql::Conn;
use mysql::prelude::Queryable;

use crate::harness::{Round, SCHEMA, TestSite};

const TABLES: &[&str] = &["shelves", "items"];

/// Sites whose every write is counted by triggers of their application.
fn counted_round() -> Round {
    let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
    round.go_round_all();
    round.go_round_all();
    for site in [round.central(), round.lab("lab-a"), round.lab("lab-b")] {
        site.sql("CREATE TABLE writes (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(60))");
        for (table, short) in [("shelves", "s"), ("items", "i")] {
            for (event, row) in [("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")] {
                site.sql(&format!(
                    "CREATE TRIGGER w_{short}_{event} AFTER {event} ON {table} FOR EACH ROW \
                     INSERT INTO writes (what) VALUES (CONCAT('{event} {table} ', {row}.id, ' ', {row}.name))"
                ));
            }
        }
    }
    round
}

/// Fails the test unless each of these writes was done once at a site, and nothing else.
#[track_caller]
fn assert_writes(site: &TestSite<'_>, wanted: &[&str]) {
    let writes: Vec<String> =
        site.query("SELECT what FROM writes ORDER BY what").into_iter().flatten().flatten().collect();
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    assert_eq!(writes, wanted, "writes at {}", site.name());
}

#[test]
fn a_stick_destroyed_at_any_leg_of_the_round_costs_nothing_and_doubles_nothing() {
    for leg in 1..=3 {
        let round = counted_round();
        let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
        a.sql("INSERT INTO shelves VALUES (1, 'of a'); UPDATE shelves SET name = 'of a again' WHERE id = 1");
        central.sql("INSERT INTO shelves VALUES (2, 'of the centre')");
        let lose = |at| {
            if at == leg {
                let stick = round.stick("lab-a");
                fs::remove_dir_all(&stick).unwrap();
                fs::create_dir(stick).unwrap();
            }
        };
        round.export("lab-a").ok().says("You can take the stick out now");
        lose(1);
        round.visit("lab-a").ok();
        lose(2);
        round.bring_home("lab-a").ok();
        lose(3);
        round.settle();
        let both = ["INSERT shelves 1 of a again", "INSERT shelves 2 of the centre"];
        assert_writes(central, &both);
        assert_writes(b, &both);
        assert_writes(a, &["INSERT shelves 1 of a", "UPDATE shelves 1 of a again", both[1]]);
        for site in [central, a, b] {
            let stamps = "SELECT COUNT(*) FROM sync_log WHERE batch IS NULL";
            assert_eq!(site.value(stamps), "0", "{leg}: {}", site.name());
        }
    }
}

#[test]
fn a_transaction_held_open_at_the_centre_over_several_seals_reaches_every_lab_whole_and_once() {
    let round = counted_round();
    let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
    central.sql("INSERT INTO shelves VALUES (1, 'first')");
    let mut late = open(central);
    run(&mut late, "INSERT INTO shelves VALUES (900, 'late')");
    for number in 1..=3 {
        run(
            &mut late,
            &format!("INSERT INTO items (id, shelf, name) VALUES (90{number}, 900, 'late {number}')"),
        );
        // Its log rows have higher ids than those of the transaction that is open, and are sealed before them.
        central.sql(&format!("UPDATE shelves SET name = 'round {number}' WHERE id = 1"));
        a.sql(&format!("INSERT INTO shelves VALUES (10{number}, 'of a')"));
        round.go_round_all();
        for lab in [a, b] {
            assert_eq!(lab.value("SELECT name FROM shelves WHERE id = 1"), format!("round {number}"));
            assert_eq!(lab.value("SELECT COUNT(*) FROM shelves WHERE id = 900"), "0");
        }
    }
    run(&mut late, "COMMIT");
    round.go_round_all();
    round.settle();
    for lab in [a, b] {
        let late = "SELECT COUNT(*) FROM writes WHERE what LIKE 'INSERT%late%'";
        assert_eq!((lab.value(late), lab.count("items")), ("4".to_owned(), 3));
        // All of it came by one bundle.
        let applied =
            "SELECT COUNT(*) FROM packmule_bundle WHERE from_site = 'central' AND inserts + updates >= 4";
        assert_eq!(lab.value(applied), "1");
    }
}

#[test]
fn interleaved_transactions_at_all_sites_come_over_whole_in_the_order_of_their_commits() {
    let round = counted_round();
    let sites = [round.central(), round.lab("lab-a"), round.lab("lab-b")];
    // At each site one transaction is open over one round, one over two, one over three; the second is taken back.
    let mut open_ones: Vec<(usize, usize, Conn)> = (0..3)
        .flat_map(|at| (1..=3).map(move |length| (at, length)))
        .map(|(at, length)| (at, length, open(sites[at])))
        .collect();
    for number in 1..=4_usize {
        for (at, length, conn) in &mut open_ones {
            let id = 1000 * (*at + 1) + 100 * *length + number;
            run(conn, &format!("INSERT INTO shelves VALUES ({id}, 'of {length}')"));
        }
        for (at, site) in sites.iter().enumerate() {
            site.sql(&format!("INSERT INTO shelves VALUES ({}, 'at once')", 1000 * (at + 1) + number));
        }
        round.go_round_all();
        let (done, still): (Vec<_>, Vec<_>) =
            open_ones.into_iter().partition(|(_, length, _)| *length <= number);
        open_ones = still;
        for (_, length, mut conn) in done {
            run(&mut conn, if length == 2 { "ROLLBACK" } else { "COMMIT" });
        }
    }
    round.settle();
    let counts = "SELECT GROUP_CONCAT(DISTINCT name ORDER BY name), COUNT(*) FROM shelves";
    assert_eq!(
        round.central().query(counts),
        [[Some("at once,of 1,of 3".to_owned()), Some("24".to_owned())]]
    );
    for site in sites {
        assert_eq!(site.value("SELECT COUNT(*) FROM writes WHERE what NOT LIKE 'INSERT%'"), "0");
        assert_eq!(site.value("SELECT COUNT(*) FROM writes"), "24", "{}", site.name());
    }
}

#[test]
fn logs_that_begin_to_count_anew_when_all_is_confirmed_lose_and_double_nothing() {
    for reset in ["TRUNCATE sync_log", "DELETE FROM sync_log; ALTER TABLE sync_log AUTO_INCREMENT = 1"] {
        let round = counted_round();
        let (central, a, b) = (round.central(), round.lab("lab-a"), round.lab("lab-b"));
        for number in 1..=3 {
            a.sql(&format!("INSERT INTO shelves VALUES (1{number}, 'of a')"));
            central.sql(&format!("INSERT INTO shelves VALUES (2{number}, 'of the centre')"));
            round.settle();
            [central, a, b].iter().for_each(|site| site.sql(reset));
            b.sql("UPDATE shelves SET name = CONCAT(name, '.') WHERE id < 20");
            central.sql("UPDATE shelves SET name = CONCAT(name, '!') WHERE id > 20");
            round.settle();
        }
        assert_eq!(
            a.value("SELECT GROUP_CONCAT(name ORDER BY id) FROM shelves"),
            "of a...,of a..,of a.,of the centre!!!,of the centre!!,of the centre!"
        );
        assert_eq!(central.count("conflict_log"), 0, "{reset}");
        for site in [central, a, b] {
            assert_eq!(site.count("writes"), 18, "{reset}: {}", site.name());
        }
    }
}

#[test]
fn a_row_that_a_lab_cannot_take_is_kept_holds_up_no_other_and_goes_on_once_it_fits() {
    // What is odd about the lab, and how that is mended. The row comes first in the bundle.
    let oddities = [
        (
            "ALTER TABLE items ADD CONSTRAINT few CHECK (quantity < 100)",
            "ALTER TABLE items DROP CONSTRAINT few",
            "value",
        ),
        (
            "ALTER TABLE items MODIFY name VARCHAR(6) NOT NULL",
            "ALTER TABLE items MODIFY name VARCHAR(40) NOT NULL",
            "value",
        ),
        (
            "CREATE TABLE sorts (sort INT PRIMARY KEY); INSERT INTO sorts VALUES (0); \
          ALTER TABLE items ADD CONSTRAINT sort FOREIGN KEY (quantity) REFERENCES sorts (sort)",
            "ALTER TABLE items DROP FOREIGN KEY sort",
            "orphan",
        ),
        ("ALTER TABLE items ADD UNIQUE KEY one_name (name)", "ALTER TABLE items DROP KEY one_name", "unique"),
    ];
    for (odd, mended, why) in oddities {
        let round = Round::new(SCHEMA, &["lab-a", "lab-b"], TABLES);
        let (central, lab) = (round.central(), round.lab("lab-a"));
        central.sql("INSERT INTO shelves VALUES (1, 'one'); INSERT INTO items (id, shelf, name) VALUES (50, 1, 'long name')");
        round.go_round_all();
        round.go_round_all();
        central.sql("UPDATE items SET name = 'b'");
        round.settle();
        lab.sql(odd);
        central.sql(
            "INSERT INTO items (id, shelf, name, quantity) VALUES (1, 1, 'long name', 100), (2, 1, 'c', 0), (3, 1, 'd', 0);
             UPDATE items SET name = 'long name' WHERE id = 50; UPDATE shelves SET name = 'still' WHERE id = 1",
        );
        round.go_round("lab-a");
        assert_eq!(lab.value("SELECT COUNT(*) FROM items WHERE id IN (2, 3)"), "2", "{odd}");
        assert_eq!(lab.value("SELECT name FROM shelves WHERE id = 1"), "still", "{odd}");
        let kept = lab.query("SELECT DISTINCT table_name, why FROM packmule_kept");
        assert_eq!(kept, [[Some("items".to_owned()), Some(why.to_owned())]], "{odd}");
        // The next bundles come in as ever, and the lab's own edits go out.
        central.sql("INSERT INTO shelves VALUES (2, 'two')");
        lab.sql("INSERT INTO shelves VALUES (3, 'of a')");
        round.go_round_all();
        assert_eq!((lab.count("shelves"), central.count("shelves")), (3, 3), "{odd}");
        lab.sql(mended);
        // Nothing new comes: the word that was kept is followed by itself.
        let empty = lab.stick("empty");
        lab.run(&["import", "--no-reply", empty.to_str().unwrap()]).ok();
        assert_eq!(lab.count("packmule_kept"), 0, "{odd}");
        round.settle();
    }
}

/// A session with a transaction open.
fn open(site: &TestSite<'_>) -> Conn {
    let mut session = site.server().connect(site.database()).unwrap();
    run(&mut session, "SET SESSION innodb_lock_wait_timeout = 5");
    run(&mut session, "START TRANSACTION");
    session
}

#[track_caller]
fn run(session: &mut Conn, statement: &str) {
    if let Err(error) = session.query_drop(statement) {
        panic!("{error}: {statement}");
    }
}
