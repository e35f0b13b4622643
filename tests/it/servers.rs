//! The private servers that tests, demo and bench stand on.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use packmule::demo::PrivateServer;

use crate::harness::{Role, TestSite, assert_equal, differences, server, server_options};

#[test]
fn a_private_server_starts_answers_and_leaves_nothing_behind() {
    let server = PrivateServer::start(&server_options()).unwrap();
    let (folder, pid) = (server.folder().to_path_buf(), server.pid());
    assert_eq!(server.query("", "SELECT 6 * 7").unwrap(), vec![vec![Some("42".to_owned())]]);
    let mut by_network = mysql::Conn::new(mysql::Opts::from_url(&server.tcp_url("mysql")).unwrap()).unwrap();
    let mut by_socket = mysql::Conn::new(mysql::Opts::from_url(&server.url("mysql")).unwrap()).unwrap();
    assert!(by_network.ping().is_ok() && by_socket.ping().is_ok());
    assert!(folder.is_dir() && runs(pid));
    drop(server);
    assert!(!folder.exists() && !runs(pid));
}

#[test]
fn a_killed_server_keeps_what_was_committed_and_comes_back() {
    let options = packmule::demo::ServerOptions {
        arguments: vec!["--innodb-flush-log-at-trx-commit=1".to_owned()],
        ..server_options()
    };
    let server = PrivateServer::start(&options).unwrap();
    server
        .sql("", "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY); INSERT INTO d.t VALUES (7)")
        .unwrap();
    let before = server.pid();
    server.kill().unwrap();
    assert!(server.connect("").is_err() && !runs(before));
    server.restart().unwrap();
    assert_eq!(server.query("d", "SELECT id FROM t").unwrap(), vec![vec![Some("7".to_owned())]]);
}

#[test]
fn a_server_that_refuses_its_arguments_says_why() {
    let options =
        packmule::demo::ServerOptions { arguments: vec!["--no-such-thing".to_owned()], ..server_options() };
    let error = PrivateServer::start(&options).unwrap_err().to_string();
    assert!(error.contains("no-such-thing"), "{error}");
}

#[test]
fn an_error_in_a_later_statement_is_not_lost() {
    assert!(server().sql("", "SELECT 1; SELECT 2; SELECT nonsense").is_err());
}

#[test]
fn a_server_does_not_outlive_a_killed_program() {
    if let Some(told) = std::env::var_os(TELL) {
        // We are the program that is going to be killed.
        let server = server();
        std::fs::write(told, format!("{} {}\n", server.pid(), server.folder().display())).unwrap();
        thread::sleep(Duration::from_secs(60));
        return;
    }
    let told = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "servers::a_server_does_not_outlive_a_killed_program"]);
    let mut child = child.env(TELL, told.path()).stdout(Stdio::null()).spawn().unwrap();
    let said = wait_for(|| std::fs::read_to_string(told.path()).ok().filter(|said| said.ends_with('\n')));
    let (pid, folder) = said.trim().split_once(' ').unwrap();
    let pid = pid.parse().unwrap();
    assert!(runs(pid) && Path::new(folder).is_dir());
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for(|| (!runs(pid) && !Path::new(folder).exists()).then_some(()));
}

#[test]
fn sites_are_compared_by_every_bit() {
    let sites = [TestSite::new(server(), Role::Lab, "lab-a"), TestSite::new(server(), Role::Lab, "lab-b")];
    for site in &sites {
        site.sql("CREATE TABLE t (id INT PRIMARY KEY, f FLOAT, b VARBINARY(9), n TEXT)");
        site.sql("INSERT INTO t VALUES (2, 16777217.1, 'a\\0', NULL), (1, 0.1, x'ff', 'x')");
    }
    let [left, right] = &sites;
    assert_equal(left, right, &["t"]);
    assert_eq!(left.count("t"), 2);
    right.sql("UPDATE t SET b = x'fe' WHERE id = 1");
    let found = differences(left, right, "t");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].starts_with("t: only lab-b has [Some(\"1\")"), "{found:?}");
}

fn runs(pid: u32) -> bool {
    let mut ask = Command::new("sh");
    ask.args(["-c", r#"kill -0 "$1" 2>/dev/null"#, "sh", &pid.to_string()]).status().unwrap().success()
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match look() {
            Some(found) => return found,
            None => assert!(Instant::now() < until, "waited in vain"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

const TELL: &str = "PACKMULE_TEST_TELL";
