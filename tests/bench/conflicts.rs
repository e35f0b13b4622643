//! Bundles in which every row is a conflict, beside the same bundles without one, at three sizes: nothing may grow faster
//! than the rows do.

use std::time::Duration;

use packmule::demo::{Flavour, PrivateServer};

use crate::Size;
use crate::measure::{figure, heading, thousands};
use crate::sites::Pair;

/// Every sort of conflict, with what it costs beside a bundle of as many rows on which nobody disagrees.
pub(crate) fn conflicts(server: &PrivateServer, size: &Size) {
    heading("Conflicts: a bundle of rows that all are in conflict, beside the same without one");
    server.sql("", "CREATE DATABASE bench_numbers").unwrap();
    let rows_max = size.conflicts * 100;
    let (recursion, numbers) = match server.binary().flavour() {
        Flavour::MariaDb => ("", format!("SELECT seq FROM seq_1_to_{rows_max}")),
        Flavour::MySql => (
            "SET cte_max_recursion_depth = 4000000000;",
            format!(
                "WITH RECURSIVE s (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM s WHERE seq < {rows_max}) SELECT seq FROM s"
            ),
        ),
    };
    let table = "CREATE TABLE numbers (n INT PRIMARY KEY)";
    server.sql("bench_numbers", &format!("{table}; {recursion} INSERT INTO numbers {numbers}")).unwrap();
    for database in ["conflicts_central", "conflicts_lab"] {
        server.sql("", &format!("CREATE DATABASE {database}")).unwrap();
        server.sql(database, SCHEMA).unwrap();
    }
    server
        .sql("conflicts_central", "ALTER TABLE goods MODIFY code VARCHAR(10), ADD CHECK (amount < 10)")
        .unwrap();
    let bench = Bench { server, pair: Pair::new(server, "conflicts_central", "conflicts_lab", false) };
    bench.round();
    bench.round();
    let mut over = Vec::new();
    for sort in SORTS.iter().filter(|sort| size.is_wanted(sort.name)) {
        let mut words = Vec::new();
        let mut per_row = Vec::new();
        for rows in [1, 10, 100].map(|times| times * size.conflicts) {
            let times = if rows == rows_max { 2 } else { 4 };
            let best =
                |in_conflict: bool| (0..times).map(|_| bench.cost(sort, rows, in_conflict)).min().unwrap();
            let (clean, met) = (best(false), best(true));
            let ratio = met.as_secs_f64() / clean.as_secs_f64();
            if ratio > 5.0 {
                over.push(format!("{} of {}: {ratio:.1}", sort.name, thousands(rows)));
            }
            per_row.push(met.as_secs_f64() / rows as f64);
            words.push(format!("{:.2} s {ratio:>5.2} x", met.as_secs_f64()));
        }
        let growth = per_row[2] / per_row[1];
        println!("  {:<28} {}   100 x / 10 x, a row: {growth:.2}", sort.name, words.join("   "));
    }
    if size.is_wanted("tried again") {
        for (times, best_of) in [(1, 4), (10, 4), (100, 2)] {
            let rows = times * size.conflicts;
            let best = |measure: &dyn Fn() -> [Duration; 3]| -> [Duration; 3] {
                (0..best_of).map(|_| measure()).reduce(|a, b| [0, 1, 2].map(|at| a[at].min(b[at]))).unwrap()
            };
            let [clean, idle, fit] = best(&|| bench.tried_again(rows));
            let ratio = fit.as_secs_f64() / clean.as_secs_f64();
            if ratio > 5.0 {
                over.push(format!("tried again, {} that fit now: {ratio:.1}", thousands(rows)));
            }
            println!(
                "  {} tried again: {:.2} s {ratio:.2} x where all fit now, {:.2} s where nothing has come",
                thousands(rows),
                fit.as_secs_f64(),
                idle.as_secs_f64()
            );
        }
    }
    figure("over 5 times the clean cost", if over.is_empty() { "none" } else { "these:" });
    over.iter().for_each(|one| println!("    {one}"));
    println!();
}

/// One sort of conflict. `ROWS` stands for how many rows, `NUMBERS` for a table of the numbers up to that.
struct Sort {
    name: &'static str,
    /// Settings of the tables at the centre.
    rules: &'static str,
    /// What both sites have.
    both: &'static str,
    /// What the centre alone does, before the lab, where there is to be a conflict.
    central: &'static str,
    /// What the lab alone has where there is to be a conflict, unlogged.
    unlogged: &'static str,
    /// Edits of the lab that come in a bundle before.
    first: &'static str,
    /// Edits of the lab that are measured.
    lab: &'static str,
    /// Whether the centre's edits are later than the lab's.
    later: bool,
}

const NONE: Sort =
    Sort { name: "", rules: "", both: STOCK, central: "", unlogged: "", first: "", lab: "", later: false };
const STOCK: &str = "INSERT INTO stock SELECT n, 10, 'old', 'old' FROM NUMBERS";
const SHELVES: &str = "INSERT INTO shelves SELECT n, 'shelf' FROM NUMBERS";
const EDIT: &str = "UPDATE stock SET note = 'lab'";
const OTHER: &str = "UPDATE stock SET note = 'central'";
const SORTS: &[Sort] = &[
    Sort { name: "last-edit-wins, the lab's", central: OTHER, lab: EDIT, ..NONE },
    Sort { name: "last-edit-wins, the centre's", central: OTHER, lab: EDIT, later: true, ..NONE },
    Sort { name: "merge", central: "UPDATE stock SET place = 'central'", lab: EDIT, ..NONE },
    Sort {
        name: "counters",
        rules: "[tables.stock]\ncounters = [\"amount\"]",
        central: "UPDATE stock SET amount = amount - 1",
        lab: "UPDATE stock SET amount = amount - 2",
        ..NONE
    },
    Sort { name: "review", rules: REVIEW, central: OTHER, lab: EDIT, ..NONE },
    Sort {
        name: "joined",
        rules: REVIEW,
        central: OTHER,
        first: EDIT,
        lab: "UPDATE stock SET note = 'again'",
        ..NONE
    },
    Sort {
        name: "joined, of rows that do not fit",
        both: "",
        unlogged: SHELVES,
        first: "INSERT INTO parts SELECT n, 1 + n DIV 10, 'part' FROM NUMBERS",
        lab: "UPDATE parts SET note = 'again'",
        ..NONE
    },
    Sort { name: "missing", central: "DELETE FROM stock", lab: EDIT, ..NONE },
    Sort {
        name: "exists",
        both: "",
        central: "INSERT INTO stock SELECT n, 1, 'central', 'x' FROM NUMBERS",
        lab: "INSERT INTO stock SELECT n, 2, 'lab', 'x' FROM NUMBERS",
        ..NONE
    },
    Sort {
        name: "unique",
        both: "",
        central: "INSERT INTO goods SELECT ROWS + n, CONCAT('KU-', n), NULL, 0 FROM NUMBERS",
        lab: "INSERT INTO goods SELECT n, CONCAT('KU-', n), NULL, 0 FROM NUMBERS",
        ..NONE
    },
    Sort {
        name: "unique, an edit",
        both: "INSERT INTO goods SELECT n, CONCAT('OLD-', n), NULL, 0 FROM NUMBERS",
        central: "INSERT INTO goods SELECT ROWS + n, CONCAT('KU-', n), NULL, 0 FROM NUMBERS",
        lab: "UPDATE goods SET tag = CONCAT('KU-', id)",
        ..NONE
    },
    Sort {
        name: "orphan",
        both: "",
        unlogged: SHELVES,
        lab: "INSERT INTO parts SELECT n, 1 + n DIV 10, 'part' FROM NUMBERS",
        ..NONE
    },
    Sort {
        name: "orphan, a delete",
        both: SHELVES,
        central: "INSERT INTO parts SELECT n, n, 'part' FROM NUMBERS",
        lab: "DELETE FROM shelves",
        ..NONE
    },
    Sort {
        name: "value, too long",
        both: "",
        lab: "INSERT INTO goods SELECT n, CONCAT('KU-', n), IF(CONFLICT, 'longer than ten', 'short'), 0 FROM NUMBERS",
        ..NONE
    },
    Sort {
        name: "value, a CHECK",
        both: "",
        lab: "INSERT INTO goods SELECT n, CONCAT('KU-', n), NULL, IF(CONFLICT, 12, 2) FROM NUMBERS",
        ..NONE
    },
];
const REVIEW: &str = "[tables.stock]\npolicy = \"review\"";

const TABLES: &[&str] = &["parts", "shelves", "goods", "stock"];
const SCHEMA: &str = "
    CREATE TABLE stock (id INT PRIMARY KEY, amount INT NOT NULL, note VARCHAR(60), place VARCHAR(60));
    CREATE TABLE goods (id INT PRIMARY KEY, tag VARCHAR(40) NOT NULL UNIQUE, code VARCHAR(40), amount INT NOT NULL);
    CREATE TABLE shelves (id INT PRIMARY KEY, name VARCHAR(40));
    CREATE TABLE parts (id INT PRIMARY KEY, shelf INT NOT NULL, note VARCHAR(60), FOREIGN KEY (shelf) REFERENCES shelves (id))";

struct Bench<'s> {
    server: &'s PrivateServer,
    pair: Pair,
}

impl Bench<'_> {
    /// How long the import takes of a bundle that the lab made of so many rows.
    fn cost(&self, sort: &Sort, rows: u64, in_conflict: bool) -> Duration {
        let words = |text: &str| {
            let numbers = format!("bench_numbers.numbers WHERE n <= {rows}");
            let text = text.replace("NUMBERS", &numbers).replace("ROWS", &rows.to_string());
            text.replace("CONFLICT", if in_conflict { "TRUE" } else { "FALSE" })
        };
        self.pair.set(sort.rules);
        let (central, lab) = ("conflicts_central", "conflicts_lab");
        for database in [central, lab] {
            self.silently(database, &empty(database));
            self.silently(database, &words(sort.both));
        }
        self.silently(lab, &words(sort.unlogged));
        if !in_conflict {
            self.silently(central, &words(sort.unlogged));
        }
        let edit = |database: &str, text: &str, seconds: i64| {
            let text = words(text);
            let at = format!("SET timestamp = UNIX_TIMESTAMP(NOW(6)) + {seconds}");
            let other = if text.is_empty() { String::new() } else { format!("; {text}") };
            self.server.sql(database, &format!("{at}{other}")).unwrap();
        };
        if in_conflict {
            edit(central, sort.central, if sort.later { 0 } else { -60 });
        }
        if !sort.first.is_empty() {
            edit(lab, sort.first, -40);
            self.pair.run("lab", &["export", self.stick().as_str()]);
            self.pair.run("central", &["import", "--no-reply", self.stick().as_str()]);
        }
        edit(lab, sort.lab, -30);
        self.pair.run("lab", &["export", self.stick().as_str()]);
        let import = ["import", "--no-reply", "--yes", "--max-delete", "100", &self.stick()];
        let took = self.pair.run("central", &import).time;
        let met = "SELECT COUNT(*) FROM conflict_log";
        let met = self.server.query(central, met).unwrap()[0][0].clone().unwrap();
        assert_eq!(met, if in_conflict { rows } else { 0 }.to_string(), "conflicts of {}", sort.name);
        for database in [central, lab] {
            self.silently(database, &empty(database));
        }
        self.round();
        took
    }

    /// How long imports take: of a bundle of rows on which nobody disagrees; of one row while as many wait for their parents;
    /// and of one row once the parents have come.
    fn tried_again(&self, rows: u64) -> [Duration; 3] {
        let orphans = SORTS.iter().find(|sort| sort.name == "orphan").unwrap();
        let clean = self.cost(orphans, rows, false);
        let (central, lab) = ("conflicts_central", "conflicts_lab");
        let words = |text: &str| text.replace("NUMBERS", &format!("bench_numbers.numbers WHERE n <= {rows}"));
        self.pair.set("");
        self.silently(lab, &words(orphans.unlogged));
        let import = |edit: &str| {
            self.server.sql(lab, &words(edit)).unwrap();
            self.pair.run("lab", &["export", self.stick().as_str()]);
            self.pair.run("central", &["import", "--no-reply", self.stick().as_str()]).time
        };
        import(orphans.lab);
        let idle = import("INSERT INTO stock VALUES (0, 0, '', '')");
        self.server.sql(central, &words(SHELVES)).unwrap();
        let fit = import("DELETE FROM stock");
        let left =
            self.server.query(central, "SELECT COUNT(*) FROM conflict_log WHERE status = 'open'").unwrap();
        assert_eq!(left[0][0].as_deref(), Some("0"), "rows that still wait");
        for database in [central, lab] {
            self.silently(database, &empty(database));
        }
        self.round();
        [clean, idle, fit]
    }

    fn silently(&self, database: &str, statements: &str) {
        if !statements.is_empty() {
            self.server.sql(database, &format!("SET @packmule_silent = 1; {statements}")).unwrap();
        }
    }

    /// Everything is confirmed afterwards, and the stick is empty.
    fn round(&self) {
        for (site, command) in [("lab", "export"), ("central", "import"), ("lab", "import")] {
            self.pair.run(site, &[command, self.stick().as_str()]);
        }
        std::fs::remove_dir_all(self.pair.stick()).unwrap();
        std::fs::create_dir(self.pair.stick()).unwrap();
    }

    fn stick(&self) -> String {
        self.pair.stick().to_str().unwrap().to_owned()
    }
}

/// Statements after which a site has no rows, no log and no conflicts.
fn empty(database: &str) -> String {
    let mut tables: Vec<&str> = TABLES.to_vec();
    tables.extend(["sync_log", "conflict_log", "packmule_joined"]);
    tables.extend((database == "conflicts_central").then_some("packmule_parked"));
    let truncate = tables.iter().map(|table| format!("TRUNCATE TABLE {database}.{table}"));
    let truncate: Vec<String> = truncate.collect();
    format!("SET foreign_key_checks = 0; {}; SET foreign_key_checks = 1", truncate.join("; "))
}
