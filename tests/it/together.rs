//! Several at work at once: two commands, a command and people, and locks taken in the wrong order.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mysql::Conn;
use mysql::prelude::Queryable;
use packmule::demo::{PrivateServer, ServerOptions};

use crate::harness::{Family, Pair, Ran, SCHEMA, TestSite, assert_equal, files, server_options};

#[test]
fn commands_started_at_the_same_time_do_their_work_once() {
    let pair = Pair::new();
    let mut turned_away = 0;
    for _ in 0..5 {
        pair.edit();
        let all = (0..4).map(|_| spawn(pair.lab(), &["export", pair.stick()])).collect();
        turned_away += finish(all);
        pair.export().ok();
        let all = (0..4).map(|_| spawn(pair.central(), &["import", "--no-reply", pair.stick()])).collect();
        turned_away += finish(all);
        pair.import().ok();
        pair.assert_exactly_once();
    }
    assert!(turned_away > 0, "no two of them ever met");
}

#[test]
fn an_import_while_the_lab_still_exports_takes_what_is_whole() {
    let pair = Pair::new();
    for _ in 0..6 {
        pair.edit();
        let export = spawn(pair.lab(), &["export", pair.stick()]);
        // What is half written now is damaged for this import, and whole for the next.
        let ran = pair.import();
        assert!(matches!(ran.code, Some(0 | 14)), "{ran:?}");
        assert_eq!(finish(vec![export]), 0);
    }
    pair.import().ok();
    pair.assert_exactly_once();
}

#[test]
fn a_second_command_is_turned_away_and_one_that_only_looks_is_not() {
    let pair = Pair::new();
    pair.edit();
    pair.exchange();
    // A transaction of the centre's own holds a row that the bundle changes, so the import waits for it.
    pair.lab().sql("UPDATE items SET quantity = 9 WHERE id = 1");
    pair.export().ok();
    let mut holder = session(pair.central());
    run(&mut holder, "START TRANSACTION");
    run(&mut holder, "SELECT * FROM items WHERE id = 1 FOR UPDATE");
    let mut import = spawn(pair.central(), &["import", "--no-reply", pair.stick()]);
    wait_until_they_wait(&mut [&mut import], pair.central());
    let ran = pair.import().code(11).says("another packmule is at work here");
    ran.says("nothing was changed").says("wait until it has ended, then run the same command again");
    pair.central().run(&["status"]).ok();
    pair.central().run(&["history"]).ok();
    run(&mut holder, "COMMIT");
    assert_eq!(finish(vec![import]), 0);
    pair.assert_exactly_once();
}

#[test]
fn a_bundle_that_somebody_else_applies_at_the_same_moment_was_applied() {
    let pair = Pair::new();
    pair.edit();
    pair.exchange();
    let central = pair.central();
    // A second packmule of the same site with a state folder of its own: the lock of the first does not turn it away.
    let (other, settings) = (central.path("other"), central.path("other.toml"));
    copy_folder(&central.state(), &other);
    fs::copy(central.config(), &settings).unwrap();
    pair.lab().sql("UPDATE items SET quantity = 9 WHERE id = 1");
    pair.export().ok();
    let mut holder = session(central);
    run(&mut holder, "START TRANSACTION");
    run(&mut holder, "SELECT * FROM items WHERE id = 1 FOR UPDATE");
    let import = ["import", "--no-reply", pair.stick()];
    let mut first = spawn(central, &import);
    wait_until_they_wait(&mut [&mut first], central);
    let mut second = Command::new(central.command(&[]).get_program());
    second.arg("-c").arg(settings).args(import).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut second = second.spawn().unwrap();
    wait_until_they_wait(&mut [&mut first, &mut second], central);
    run(&mut holder, "COMMIT");
    for (child, words) in [(first, "applied 1 change"), (second, "already applied")] {
        Ran::new(words.to_owned(), &child.wait_with_output().unwrap())
            .ok()
            .says(words)
            .never_says("NOT applied");
    }
    assert_eq!(files(&other.join("inbox")), [] as [PathBuf; 0]);
    pair.assert_exactly_once();
}

#[test]
fn a_deadlock_with_people_at_work_is_tried_again_and_applied_once() {
    let pair = Pair::new();
    pair.edit();
    pair.exchange();
    // Many rows: the transaction that has done more is not the one that the server gives up.
    let rows: Vec<String> = (0..300).map(|at| format!("(1, 'item {at}')")).collect();
    pair.lab().sql(&format!("INSERT INTO items (shelf, name) VALUES {}", rows.join(", ")));
    pair.exchange();
    pair.lab().sql("UPDATE shelves SET name = 'first' WHERE id = 1; UPDATE items SET quantity = 4");
    pair.export().ok();
    // The bundle is applied shelves first, then items. This one goes the other way, and does more.
    let mut people = session(pair.central());
    run(&mut people, "SET @packmule_silent = 1");
    run(&mut people, "START TRANSACTION");
    run(&mut people, "INSERT INTO writes (action) SELECT 'x' FROM items a, items b LIMIT 20000");
    run(&mut people, "SELECT * FROM items FOR UPDATE");
    let mut import = spawn(pair.central(), &["import", "--no-reply", "-v", pair.stick()]);
    wait_until_they_wait(&mut [&mut import], pair.central());
    // Now each waits for the other, and one is chosen: the import, whose work is smaller.
    run(&mut people, "SELECT * FROM shelves FOR UPDATE");
    run(&mut people, "DELETE FROM writes WHERE action = 'x'");
    run(&mut people, "COMMIT");
    let output = import.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("again"), "it says that it had to do it again: {said}");
    pair.assert_exactly_once();
}

#[test]
fn a_row_locked_for_longer_than_the_server_waits_holds_up_nothing_for_good() {
    let arguments = vec!["--innodb-lock-wait-timeout=1".to_owned()];
    let server = PrivateServer::start(&ServerOptions { arguments, ..server_options() }).unwrap();
    let family = Family::new(&server, SCHEMA, &["lab-a"]);
    let (lab, central) = (family.lab("lab-a"), &family.central);
    let stick = lab.stick("stick");
    let stick = stick.to_str().unwrap();
    lab.sql("INSERT INTO shelves VALUES (1, 'shelf')");
    lab.run(&["export", stick]).ok();
    central.run(&["import", "--no-reply", stick]).ok();
    lab.sql("UPDATE shelves SET name = 'renamed'");
    lab.run(&["export", stick]).ok();
    let mut holder = session(central);
    run(&mut holder, "START TRANSACTION");
    run(&mut holder, "SELECT * FROM shelves FOR UPDATE");
    let ran =
        central.run(&["import", "--no-reply", stick]).code(12).says("bundle 2 of lab-a was not applied");
    ran.says("nothing was changed")
        .says("Lock wait timeout exceeded")
        .says("hint: the server was busy; run the same");
    run(&mut holder, "COMMIT");
    central.run(&["import", "--no-reply", stick]).ok();
    assert_equal(lab, central, &["shelves"]);
    assert_eq!(central.value("SELECT COUNT(*) FROM packmule_bundle"), "2");
}

#[test]
fn people_who_write_at_the_centre_during_imports_are_never_refused() {
    let pair = Pair::new();
    pair.central().sql("CREATE TABLE visitors (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20))");
    pair.edit();
    pair.exchange();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut people = session(pair.central());
            run(&mut people, "SET SESSION innodb_lock_wait_timeout = 5");
            while !stop.load(Ordering::Relaxed) {
                // New rows beside those of the bundle: no gap between them is locked.
                run(&mut people, "INSERT INTO visitors (name) VALUES ('x')");
                run(
                    &mut people,
                    "INSERT INTO sync_log (table_name, record_id, action) VALUES ('visitors', '1', 'INSERT')",
                );
            }
        });
        for _ in 0..5 {
            pair.edit();
            pair.exchange();
        }
        stop.store(true, Ordering::Relaxed);
    });
    pair.assert_exactly_once();
}

fn spawn(site: &TestSite<'_>, arguments: &[&str]) -> Child {
    site.command(arguments).spawn().unwrap()
}

/// Waits for commands; returns how many were turned away because another one was at work.
fn finish(children: Vec<Child>) -> usize {
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
    let codes = outputs.map(|output| {
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 11)), "{code:?}: {}", String::from_utf8_lossy(&output.stderr));
        code
    });
    codes.filter(|code| *code == Some(11)).count()
}

/// A server shows its transactions as they were when it was last asked, unless that is 100 ms ago: two tests that ask
/// by turns would never see anything new. So one waits at a time.
static ASKS: Mutex<()> = Mutex::new(());

/// Waits until as many sessions of the site's database as there are commands wait for a row.
fn wait_until_they_wait(commands: &mut [&mut Child], site: &TestSite<'_>) {
    let query = "SELECT COUNT(*) FROM information_schema.innodb_trx t \
                 JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
                 WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()";
    let _turn = ASKS.lock().unwrap_or_else(PoisonError::into_inner);
    let until = Instant::now() + Duration::from_secs(30);
    while site.value(query) != commands.len().to_string() {
        let at_work = || site.query("SELECT * FROM information_schema.processlist WHERE db = DATABASE()");
        for command in &mut *commands {
            assert_eq!(command.try_wait().unwrap(), None, "it ended: {:?}", at_work());
        }
        assert!(Instant::now() < until, "it waits for nothing: {:?}", at_work());
        thread::sleep(Duration::from_millis(150));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

fn session(site: &TestSite<'_>) -> Conn {
    site.server().connect(site.database()).unwrap()
}

#[track_caller]
fn run(session: &mut Conn, statement: &str) {
    if let Err(error) = session.query_drop(statement) {
        panic!("{error}: {statement}");
    }
}
