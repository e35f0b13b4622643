//! What the database administrator must allow, and what is said where it is not allowed.

use std::path::Path;

use packmule::demo::{PrivateServer, ServerOptions};

use crate::harness::{Ran, Role, TestSite, assert_equal, server, server_options};

const SCHEMA: &str = include_str!("../../schema/demo/schema.sql");
const SEED: &str = include_str!("../../schema/demo/seed.sql");
const LAB_A: &str = include_str!("../../schema/demo/lab-a.sql");
const TABLES: [&str; 8] =
    ["departments", "locations", "suppliers", "categories", "items", "stock", "loans", "repairs"];
/// The rights that README.md names: for good, and only while `init` runs.
const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE, TRIGGER";
const RIGHTS_OF_INIT: &str = "CREATE, CREATE VIEW, ALTER";

/// Makes an account with these rights in the site's database. Returns the address with which it signs in.
fn account(site: &TestSite<'_>, rights: &str) -> (String, String) {
    let (database, name) = (site.database(), format!("pm_{}", site.database()));
    site.sql(&format!("DROP USER IF EXISTS '{name}'@'localhost'; CREATE USER '{name}'@'localhost'"));
    site.sql(&format!("GRANT {rights} ON {database}.* TO '{name}'@'localhost'"));
    (site.url().replace("root@", &format!("{name}@")), format!("'{name}'@'localhost'"))
}

fn init(site: &TestSite<'_>, url: &str) -> Ran {
    let role = site.role().word();
    site.run(&["init", "--role", role, "--site", site.name(), "--database", url, "--no-series"])
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_rights_that_the_readme_names_are_enough_and_those_of_init_can_be_taken_back() {
    let readme = include_str!("../../README.md");
    assert!(
        readme.contains(&format!("GRANT {RIGHTS} ON"))
            && readme.contains(&format!("GRANT {RIGHTS_OF_INIT} ON"))
    );
    let (central, lab) =
        (TestSite::new(server(), Role::Central, "central"), TestSite::new(server(), Role::Lab, "lab-a"));
    for site in [&central, &lab] {
        site.sql(SCHEMA);
        site.sql(SEED);
        // The log of an application, with a row of its own: init extends the table.
        site.sql("CREATE TABLE sync_log (id INT AUTO_INCREMENT PRIMARY KEY, table_name VARCHAR(50), record_id VARCHAR(50), action VARCHAR(10))");
        let (url, account) = account(site, &format!("{RIGHTS}, {RIGHTS_OF_INIT}"));
        init(site, &url).ok();
        site.sql(&format!("REVOKE {RIGHTS_OF_INIT} ON {}.* FROM {account}", site.database()));
    }
    let (card, answer, stick) = (lab.path("lab-a.card"), lab.path("lab-a.answer"), lab.stick("stick"));
    central.run(&["enrol", word(&card), "--answer", word(&answer), "--yes"]).ok();
    lab.run(&["join", word(&answer), "--yes", "--no-series"]).ok();
    lab.sql(LAB_A);
    lab.sql("DELETE FROM repairs WHERE item_id = 2");
    lab.run(&["export", word(&stick)]).ok();
    central.run(&["import", "--no-reply", word(&stick)]).ok();
    assert_equal(&lab, &central, &TABLES);
    lab.run(&["status"]).ok();
    lab.run(&["doctor"]).ok();
}

#[test]
fn an_account_without_a_right_is_told_which_ones_are_needed() {
    let central = TestSite::new(server(), Role::Central, "central");
    central.sql(SCHEMA);
    let (url, _) = account(&central, "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER");
    let said = init(&central, &url).code(12).says("TRIGGER command denied");
    said.says("ask the administrator of the server for the rights SELECT, INSERT, UPDATE, DELETE, CREATE, CREATE VIEW, ALTER, TRIGGER");
}

#[test]
fn a_server_with_a_binary_log_says_what_must_be_set() {
    let arguments = vec!["--log-bin-trust-function-creators=0".to_owned()];
    let server =
        PrivateServer::start(&ServerOptions { binary_log: true, arguments, ..server_options() }).unwrap();
    let central = TestSite::new(&server, Role::Central, "central");
    central.sql(SCHEMA);
    let (url, _) = account(&central, &format!("{RIGHTS}, {RIGHTS_OF_INIT}"));
    init(&central, &url).code(12).says("(1419)").says("SET GLOBAL log_bin_trust_function_creators = 1");
    central.sql("SET GLOBAL log_bin_trust_function_creators = 1");
    init(&central, &url).ok();
    central.run(&["doctor"]).ok();
    central.sql("SET GLOBAL binlog_format = 'STATEMENT'");
    central.run(&["doctor"]).code(20).says("SET GLOBAL binlog_format = 'MIXED'");
}
