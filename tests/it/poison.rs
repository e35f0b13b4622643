//! Thousands of conflicts in one bundle: none costs a statement of its own, so the cost grows with the rows and no faster.

use std::fs;

use packmule::demo::PrivateServer;

use crate::harness::{Family, Statements as _, server_options};

const SCHEMA: &str = "CREATE TABLE stock (id INT PRIMARY KEY, amount INT, note VARCHAR(20))";

#[test]
fn thousands_of_conflicts_are_decided_and_put_down_in_batches() {
    // Its own: what is counted are all statements of the server.
    let server = PrivateServer::start(&server_options()).unwrap();
    let family = Family::new(&server, SCHEMA, &["lab-a"]);
    let (central, lab) = (&family.central, family.lab("lab-a"));
    let known = fs::read_to_string(central.config()).unwrap();
    let ones = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION \
                SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    central.sql(&format!(
        "INSERT INTO stock SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n, 10, 'old' FROM {ones} a, {ones} b, {ones} c, {ones} d \
         WHERE d.n < 4"
    ));
    let stick = lab.stick("stick");
    let stick = stick.to_str().unwrap();
    let round = || {
        lab.run(&["export", stick]).ok();
        central.run(&["import", stick]).ok();
        lab.run(&["import", stick]).ok();
    };
    round();
    let cost = |rules: &str, rows: u32, edits: [&str; 2]| {
        fs::write(central.config(), format!("{known}\n[tables.stock]\n{rules}")).unwrap();
        let [there, here] = edits.map(|edit| format!("UPDATE stock SET {edit} WHERE id < {rows}"));
        central.sql(&there);
        lab.sql(&here);
        lab.run(&["export", stick]).ok();
        let before = server.statements();
        central.run(&["import", "--no-reply", stick]).ok();
        server.statements() - before
    };
    for (rules, there, here) in [
        ("", "note = CONCAT(note, 'c')", "note = CONCAT(note, 'l')"),
        ("", "note = CONCAT(note, 'c')", "amount = amount - 1"),
        ("counters = [\"amount\"]\n", "amount = amount - 1", "amount = amount - 2"),
        ("policy = \"review\"\n", "note = CONCAT(note, 'c')", "note = CONCAT(note, 'l')"),
    ] {
        let nobody = cost(rules, 4000, ["id = id", "amount = amount + 1, note = 'l'"]);
        round();
        let few = cost(rules, 1000, [there, here]);
        // The lab has not heard of it: those that wait are joined.
        let again = cost(rules, 1000, ["id = id", here]);
        round();
        let many = cost(rules, 4000, [there, here]);
        round();
        let words =
            format!("{rules}{here}: {nobody} without, {few} for 1000, {again} joined, {many} for 4000");
        assert!(many < nobody + 4000 / 20 && again < few + 1000 / 20 && many < 5 * few, "{words}");
    }
}

#[test]
fn thousands_of_parents_that_another_row_keeps_out_and_their_children_are_set_aside_in_batches() {
    let schema = "CREATE TABLE rooms (id INT PRIMARY KEY, code VARCHAR(20) UNIQUE);
        CREATE TABLE items (id INT PRIMARY KEY, room INT NOT NULL, FOREIGN KEY (room) REFERENCES rooms (id))";
    let server = PrivateServer::start(&server_options()).unwrap();
    let cost = |rows: u64, clash: bool| {
        let family = Family::new(&server, schema, &["lab-a"]);
        let (central, lab) = (&family.central, family.lab("lab-a"));
        let rooms = |from: u64| {
            let rows: Vec<String> = (0..rows).map(|at| format!("({}, 'room {at}')", from + at)).collect();
            format!("INSERT INTO rooms VALUES {}", rows.join(", "))
        };
        if clash {
            central.sql(&rooms(1_000_000));
        }
        lab.sql(&rooms(1));
        lab.sql("INSERT INTO items SELECT id, id FROM rooms");
        let stick = lab.stick("stick");
        let stick = stick.to_str().unwrap();
        lab.run(&["export", stick]).ok();
        let before = server.statements();
        central.run(&["import", "--no-reply", stick]).ok();
        let statements = server.statements() - before;
        let waiting = if clash { 2 * rows } else { 0 };
        let open = central.value("SELECT COUNT(*) FROM conflict_log WHERE status = 'open'");
        assert_eq!(open, waiting.to_string());
        statements
    };
    let (clean, few, many) = (cost(1000, false), cost(250, true), cost(1000, true));
    let words = format!("{clean} without, {few} for 250, {many} for 1000");
    assert!(many < clean + 1000 / 5 && many < 5 * few, "{words}");
}

#[test]
fn long_chains_that_cannot_be_written_or_deleted_are_set_aside_in_batches() {
    let schema = "CREATE TABLE tree (id INT PRIMARY KEY, up INT NULL, FOREIGN KEY (up) REFERENCES tree (id))";
    let server = PrivateServer::start(&server_options()).unwrap();
    let cost = |rows: u64, before: &str, lost: u64| {
        let family = Family::new(&server, schema, &["lab-a"]);
        let (central, lab) = (&family.central, family.lab("lab-a"));
        let chain: Vec<String> = (2..=rows).map(|id| format!("({id}, {})", id - 1)).collect();
        let stick = lab.stick("stick");
        let stick = stick.to_str().unwrap();
        lab.sql(&format!("{before} INSERT INTO tree VALUES (1, NULL); SET @packmule_silent = NULL"));
        lab.sql(&format!("INSERT INTO tree VALUES {}", chain.join(", ")));
        let import = || {
            lab.run(&["export", stick]).ok();
            let before = server.statements();
            central.run(&["import", "--no-reply", "--yes", "--max-delete", "100", stick]).ok();
            server.statements() - before
        };
        let coming = import();
        assert_eq!(central.count("tree"), rows - lost);
        if lost > 0 {
            return coming;
        }
        central.sql(&format!("INSERT INTO tree VALUES (1000000, {rows})"));
        lab.sql("SET foreign_key_checks = 0; DELETE FROM tree");
        let going = import();
        assert_eq!(central.count("tree"), rows + 1);
        coming + going
    };
    for (before, root) in [("", false), ("SET @packmule_silent = 1;", true)] {
        let lost = |rows| if root { rows } else { 0 };
        let (few, many) = (cost(100, before, lost(100)), cost(800, before, lost(800)));
        // Nobody can say beforehand which of them go together, so each is tried by itself, and no more often for a longer chain.
        assert!(many < 8 * few, "{many} statements for a chain of 800, {few} for one of 100");
    }
}
