//! Trying again what was set aside: what it costs where nothing has come, and crashes in the middle of it.

use packmule::demo::PrivateServer;
use packmule::monitor::Step;

use crate::harness::{Family, Ran, Statements as _, server_options};

const SCHEMA: &str = "
    CREATE TABLE rooms (id INT PRIMARY KEY, name VARCHAR(20));
    CREATE TABLE shelves (id INT PRIMARY KEY, room INT NOT NULL, code VARCHAR(20) UNIQUE, FOREIGN KEY (room) REFERENCES rooms (id));
    CREATE TABLE other (id INT PRIMARY KEY, note VARCHAR(20))";

#[test]
fn thousands_of_rows_that_wait_cost_nothing_until_something_comes_and_few_statements_then() {
    const ROWS: u64 = 2000;
    // Its own: what is counted are all statements of the server.
    let server = PrivateServer::start(&server_options()).unwrap();
    let family = Family::new(&server, SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let stick = lab.stick("stick");
    let stick = stick.to_str().unwrap();
    let import = |edit: &str| {
        lab.sql(edit);
        lab.run(&["export", stick]).ok();
        let before = server.statements();
        central.run(&["import", "--no-reply", stick]).ok();
        server.statements() - before
    };
    let round = || {
        lab.run(&["export", stick]).ok();
        central.run(&["import", stick]).ok();
        lab.run(&["import", stick, "--yes", "--max-delete", "100"]).ok();
    };
    round();
    round();
    import("INSERT INTO other VALUES (1, 'first')");
    let usual = import("INSERT INTO other VALUES (2, 'second')");
    lab.sql("SET @packmule_silent = 1; INSERT INTO rooms VALUES (9, 'hidden'), (8, 'hidden')");
    let ones = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION \
                SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    let parking = import(&format!(
        "INSERT INTO shelves SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n, 9, NULL FROM {ones} a, {ones} b, {ones} c, {ones} d \
         WHERE d.n < 2"
    ));
    assert_eq!(central.value("SELECT COUNT(*) FROM conflict_log WHERE status = 'open'"), ROWS.to_string());
    assert!(parking < usual + ROWS / 10, "{parking} statements to set {ROWS} rows aside");
    round();
    // The first brings the receipt for the round.
    import("INSERT INTO other VALUES (3, 'third')");
    let idle = import("INSERT INTO other VALUES (4, 'fourth')");
    // The catalog is read, and the log asked for news: that is all, however many wait.
    assert!(idle < usual + 45, "{idle} statements with {ROWS} rows that wait, {usual} without");
    let in_vain = import("INSERT INTO rooms VALUES (7, 'another')");
    assert!(in_vain < usual + ROWS / 10, "{in_vain} statements where another room came");
    central.sql("INSERT INTO rooms VALUES (9, 'room')");
    let all = import("INSERT INTO other VALUES (5, 'fifth')");
    assert_eq!(central.count("shelves"), ROWS);
    assert!(all < usual + ROWS / 10, "{all} statements where all fit");
    round();
    assert_eq!(lab.count("shelves"), ROWS);
}

#[test]
fn after_a_crash_anywhere_the_next_command_does_it_once() {
    for step in Step::ALL.iter().map(|step| step.name()).filter(|name| name.starts_with("parked.")) {
        for command in ["import", "export"] {
            let family = Family::new(crate::harness::server(), SCHEMA, &["lab-a"]);
            let (central, lab) = (&family.central, family.lab("lab-a"));
            let stick = lab.stick("stick");
            let stick = stick.to_str().unwrap();
            lab.sql("SET @packmule_silent = 1; INSERT INTO rooms VALUES (9, 'hidden')");
            lab.sql("INSERT INTO shelves VALUES (1, 9, 'x')");
            family.deliver("lab-a");
            central.sql("INSERT INTO rooms VALUES (9, 'room')");
            let arguments = [command, stick];
            let mut killed = central.command(&arguments);
            let output = killed.env("PACKMULE_CRASH_AT", step).output().unwrap();
            Ran::new(format!("{command} killed at {step}"), &output).killed();
            let is_done = central.value("SELECT status FROM conflict_log") == "decided";
            assert_eq!(
                (central.count("shelves") == 1, step == "parked.committed"),
                (is_done, is_done),
                "{step}"
            );
            central.run(&arguments).ok();
            let logged = "SELECT GROUP_CONCAT(origin ORDER BY id) FROM sync_log WHERE table_name = 'shelves'";
            // The note of when it was set aside, its edit, and the note that tells the lab.
            assert_eq!(central.value(logged), ">lab-a,lab-a,>lab-a", "{step}");
            assert_eq!(central.value("SELECT status FROM conflict_log"), "decided");
        }
    }
}
