//! Transactions that commit late, applications that write during a seal, and the log's own numbers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use mysql::Conn;
use mysql::prelude::Queryable;
use packmule::config::Settings;
use packmule::engine::{Home, seal};
use packmule::monitor::{Monitor, Step};

use crate::harness::{Pair, TestSite};

#[test]
fn a_transaction_held_open_across_three_seals_is_carried_whole_by_the_fourth() {
    let pair = Pair::new();
    pair.edit();
    let mut late = open(pair.lab());
    run(&mut late, "INSERT INTO shelves VALUES (900, 'late')");
    run(&mut late, "INSERT INTO items (shelf, name) VALUES (900, 'late one'), (900, 'late two')");
    for round in 1..=3 {
        pair.lab().sql(&format!(
            "INSERT INTO shelves VALUES ({round}00, 'early'); INSERT INTO items (shelf, name) VALUES ({round}00, 'early')"
        ));
        // Its log rows have lower ids than those of this round, and stay for later.
        run(&mut late, &format!("INSERT INTO items (shelf, name) VALUES (900, 'round {round}')"));
        pair.exchange();
        assert_eq!(pair.central().value("SELECT COUNT(*) FROM shelves WHERE id = 900"), "0");
    }
    assert_eq!(pair.lab().value("SELECT COUNT(DISTINCT batch) FROM sync_log WHERE batch > 0"), "3");
    run(&mut late, "COMMIT");
    pair.exchange();
    assert_eq!(pair.central().value("SELECT COUNT(*) FROM items WHERE shelf = 900"), "5");
    assert_eq!(pair.lab().value("SELECT inserts FROM packmule_bundle WHERE seq = 4"), "6");
    pair.assert_exactly_once();
}

#[test]
fn interleaved_transactions_each_go_into_the_first_bundle_after_their_commit() {
    let pair = Pair::new();
    pair.lab().sql("INSERT INTO shelves VALUES (1, 'shelf')");
    // Transaction n is open over n seals; each writes a row in every round, so their log rows interleave.
    let mut open_ones: Vec<(u32, Conn)> = (1..=4).map(|number| (number, open(pair.lab()))).collect();
    for round in 1..=5 {
        for (number, transaction) in &mut open_ones {
            run(
                transaction,
                &format!("INSERT INTO items (shelf, name) VALUES (1, 'of {number} in round {round}')"),
            );
        }
        pair.lab().sql("INSERT INTO items (shelf, name) VALUES (1, 'at once')");
        pair.exchange();
        let (mut done, still) = open_ones.into_iter().partition(|(number, _)| *number <= round);
        open_ones = still;
        for (number, transaction) in &mut done {
            run(transaction, if *number == 3 { "ROLLBACK" } else { "COMMIT" });
        }
    }
    let carried = pair.lab().query("SELECT seq, inserts FROM packmule_bundle ORDER BY seq");
    let inserts: Vec<&str> = carried.iter().map(|row| row[1].as_deref().unwrap()).collect();
    // The shelf and one row; then one row at once, with the one, two and four rows of transactions 1, 2 and 4.
    assert_eq!(inserts, ["2", "2", "3", "1", "5"]);
    pair.assert_exactly_once();
}

#[test]
fn a_row_changed_before_and_after_a_seal_ends_as_the_last_commit_left_it() {
    let pair = Pair::new();
    pair.edit();
    pair.exchange();
    let mut late = open(pair.lab());
    run(&mut late, "UPDATE items SET quantity = 70 WHERE id = 1");
    // Another row's change commits in between; the first one's change is not seen yet.
    pair.lab().sql("UPDATE items SET quantity = 20 WHERE id = 2");
    pair.exchange();
    run(&mut late, "UPDATE items SET name = 'renamed' WHERE id = 1");
    run(&mut late, "COMMIT");
    pair.lab().sql("UPDATE items SET quantity = quantity + 1 WHERE id = 1");
    pair.exchange();
    assert_eq!(
        pair.central().value("SELECT CONCAT(name, ' ', quantity) FROM items WHERE id = 1"),
        "renamed 71"
    );
    pair.assert_exactly_once();
}

#[test]
fn log_numbers_in_steps_or_set_back_lose_and_double_nothing() {
    let pair = Pair::new();
    let mut sessions: Vec<Conn> =
        (1..=3).map(|_| pair.lab().server().connect(pair.lab().database()).unwrap()).collect();
    for (offset, session) in (1..).zip(&mut sessions) {
        // As the nodes of a cluster number their rows.
        run(
            session,
            &format!("SET SESSION auto_increment_increment = 3, SESSION auto_increment_offset = {offset}"),
        );
        // So that the nodes do not lock each other's rows; packmule has no part in that.
        run(session, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    }
    for round in 0..3 {
        for (node, session) in sessions.iter_mut().enumerate() {
            let shelf = round * 10 + node;
            run(session, "START TRANSACTION");
            run(session, &format!("INSERT INTO shelves VALUES ({shelf}, 'shelf')"));
            let rows: Vec<String> = (0..100).map(|at| format!("({shelf}, 'item {at}')")).collect();
            run(session, &format!("INSERT INTO items (shelf, name) VALUES {}", rows.join(", ")));
            run(
                session,
                &format!("UPDATE items SET quantity = quantity + 1 WHERE shelf = {shelf} AND id % 2 = 0"),
            );
            // The second node's work is committed one seal late, in the middle of the others' numbers.
            if node != 1 {
                run(session, "COMMIT");
            }
        }
        pair.exchange();
        run(&mut sessions[1], "COMMIT");
    }
    pair.exchange();
    pair.assert_exactly_once();
    // An empty log whose counter begins again, as old servers did after a restart.
    pair.lab().sql(
        "TRUNCATE TABLE sync_log; ALTER TABLE sync_log AUTO_INCREMENT = 1; UPDATE items SET quantity = 5",
    );
    pair.exchange();
    pair.lab().sql("DELETE FROM items WHERE id % 7 = 0");
    pair.exchange();
    pair.assert_changes_once();
}

#[test]
fn an_application_s_write_never_waits_for_a_seal_at_any_of_its_steps() {
    let pair = Pair::new();
    for _ in 0..4 {
        pair.edit();
    }
    let settings = Settings::open(&pair.lab().config()).unwrap();
    let application = Application::new(pair.lab());
    let sealed = {
        let mut home = Home::work(&settings, &application).unwrap();
        seal(&mut home).unwrap()
    };
    assert_eq!(sealed.streams.len(), 1);
    let seen = application.seen.lock().unwrap().clone();
    let expected: Vec<Step> =
        Step::ALL.iter().copied().filter(|step| step.name().starts_with("seal.")).collect();
    assert_eq!(seen, expected, "the application wrote at each of these");
    // What it wrote meanwhile is in the next bundle, and in that one only.
    pair.exchange();
    assert_eq!(
        pair.central().value("SELECT COUNT(*) FROM items WHERE name LIKE 'during %'"),
        seen.len().to_string()
    );
    assert_eq!(pair.lab().value("SELECT MAX(seq) FROM packmule_bundle"), "2");
    pair.assert_exactly_once();
}

#[test]
fn a_writer_at_work_during_many_seals_is_never_refused_and_loses_nothing() {
    let pair = Pair::new();
    pair.lab().sql(
        "INSERT INTO shelves VALUES (1, 'shelf'); INSERT INTO items (shelf, name) VALUES (1, 'counter')",
    );
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for writer in 0..2 {
            let (stop, written, lab) = (&stop, &written, pair.lab());
            scope.spawn(move || {
                let mut session = lab.server().connect(lab.database()).unwrap();
                run(&mut session, "SET SESSION innodb_lock_wait_timeout = 5");
                while !stop.load(Ordering::Relaxed) {
                    run(&mut session, &format!("INSERT INTO items (shelf, name) VALUES (1, 'of {writer}')"));
                    let id = session.last_insert_id();
                    run(&mut session, "UPDATE items SET quantity = quantity + 1 WHERE id = 1");
                    if id % 5 == 0 {
                        run(&mut session, &format!("DELETE FROM items WHERE id = {id}"));
                    }
                    written.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        for _ in 0..5 {
            let before = written.load(Ordering::Relaxed);
            pair.exchange();
            assert!(written.load(Ordering::Relaxed) > before, "the writers stood still");
        }
        stop.store(true, Ordering::Relaxed);
    });
    pair.exchange();
    let written = written.load(Ordering::Relaxed).to_string();
    assert_eq!(pair.central().value("SELECT quantity FROM items WHERE id = 1"), written);
    pair.assert_exactly_once();
}

/// Writes to the lab's tables whenever a seal comes to a step, with no patience at all.
struct Application {
    session: Mutex<Conn>,
    seen: Mutex<Vec<Step>>,
}

impl Application {
    fn new(lab: &TestSite<'_>) -> Application {
        let mut session = lab.server().connect(lab.database()).unwrap();
        run(&mut session, "SET SESSION innodb_lock_wait_timeout = 1");
        Application { session: Mutex::new(session), seen: Mutex::new(Vec::new()) }
    }
}

impl Monitor for Application {
    fn step(&self, step: Step) {
        let mut session = self.session.lock().unwrap();
        let name = step.name();
        // New rows, and rows that are being sealed; each write adds to the log, where rows are being stamped.
        run(&mut session, &format!("INSERT INTO items (shelf, name) VALUES (1, 'during {name}')"));
        run(&mut session, "UPDATE items SET quantity = quantity + 1");
        run(&mut session, "DELETE FROM items WHERE name = 'stays' LIMIT 1");
        self.seen.lock().unwrap().push(step);
    }
}

/// A session with a transaction open.
fn open(site: &TestSite<'_>) -> Conn {
    let mut session = site.server().connect(site.database()).unwrap();
    run(&mut session, "START TRANSACTION");
    session
}

#[track_caller]
fn run(session: &mut Conn, statement: &str) {
    if let Err(error) = session.query_drop(statement) {
        panic!("{error}: {statement}");
    }
}
