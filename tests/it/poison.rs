//! Thousands of conflicts in one bundle: none costs a statement of its own, so the cost grows with the rows and no faster.

use std::fs;

use packmule::demo::PrivateServer;

use crate::harness::{Family, server_options};

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
        let before = statements(&server);
        central.run(&["import", "--no-reply", stick]).ok();
        statements(&server) - before
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

fn statements(server: &PrivateServer) -> u64 {
    let mut conn = server.connect("mysql").unwrap();
    let row: Option<(String, u64)> =
        mysql::prelude::Queryable::query_first(&mut conn, "SHOW GLOBAL STATUS LIKE 'Questions'").unwrap();
    row.unwrap().1
}
