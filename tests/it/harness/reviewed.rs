//! A centre and two labs with conflicts that wait for a person, and the commands with which one decides them.

use super::program::Ran;
use super::round::Round;
use super::site::TestSite;

/// Tables with all that can stand in the way of a row.
pub(crate) const REVIEW_SCHEMA: &str = "
    CREATE TABLE stock (id INT PRIMARY KEY, amount INT UNSIGNED, note VARCHAR(20), place VARCHAR(20));
    CREATE TABLE spans (id INT PRIMARY KEY, low INT, high INT, CONSTRAINT span CHECK (low <= high));
    CREATE TABLE rooms (id INT PRIMARY KEY, code VARCHAR(10) UNIQUE);
    CREATE TABLE loans (id INT PRIMARY KEY, room INT NOT NULL, note VARCHAR(20), FOREIGN KEY (room) REFERENCES rooms (id));
    CREATE TABLE parts (id INT PRIMARY KEY, stock INT NOT NULL, note VARCHAR(20),
      FOREIGN KEY (stock) REFERENCES stock (id) ON DELETE CASCADE);
    CREATE TABLE tags (word VARCHAR(10) COLLATE utf8mb4_general_ci PRIMARY KEY, note VARCHAR(20));
    CREATE TABLE pairs (a INT, b VARCHAR(5), note VARCHAR(20), PRIMARY KEY (a, b))";
const TABLES: &[&str] = &["stock", "spans", "rooms", "loans", "parts", "pairs"];

/// Every disagreement waits.
pub(crate) const ALL_WAIT: &str =
    "[tables.stock]\npolicy = \"review\"\n[tables.pairs]\npolicy = \"review\"\n";

impl Round {
    /// A centre and two labs that hold the same rows of [`REVIEW_SCHEMA`].
    pub(crate) fn to_review(rules: &str) -> Round {
        let round = Round::with_settings(REVIEW_SCHEMA, &["lab-a", "lab-b"], TABLES, rules);
        round.central().sql(
            "INSERT INTO stock VALUES (1, 10, 'old', 'old'), (2, 20, 'old', 'old'), (3, 30, NULL, 'old'); \
             INSERT INTO spans VALUES (1, 1, 10); INSERT INTO rooms VALUES (1, 'r1'); INSERT INTO pairs VALUES (1, 'x', 'old')",
        );
        round.go_round_all();
        round.go_round_all();
        round
    }

    /// Lets the centre and lab-a edit at once, and lab-a's edits arrive.
    #[track_caller]
    pub(crate) fn meet(&self, central: &str, lab: &str) {
        if !central.is_empty() {
            self.central().sql(central);
        }
        self.lab("lab-a").sql(lab);
        self.export("lab-a").ok();
        self.visit("lab-a").ok();
    }

    /// Runs `packmule conflicts` at the centre.
    pub(crate) fn conflicts(&self, arguments: &[&str]) -> Ran {
        self.central().run(&[&["conflicts"], arguments].concat())
    }

    /// The same for a decision, which grace makes.
    pub(crate) fn decide(&self, arguments: &[&str]) -> Ran {
        self.central().run(&[&["conflicts"], arguments, &["--by", "grace"]].concat())
    }

    /// What `conflict_log` says of a conflict: status, outcome, and who decided.
    #[track_caller]
    pub(crate) fn line(&self, id: u64) -> String {
        self.central().value(&format!(
            "SELECT CONCAT_WS(' ', kind, status, outcome, decided_by) FROM conflict_log WHERE id = {id}"
        ))
    }
}

/// One row of the table stock, without its key.
#[track_caller]
pub(crate) fn stock(site: &TestSite<'_>, id: u32) -> String {
    let rows = site.query(&format!("SELECT amount, note, place FROM stock WHERE id = {id}"));
    let words = |row: Vec<Option<String>>| {
        row.into_iter().map(|cell| cell.unwrap_or("NULL".to_owned())).collect::<Vec<_>>().join(" ")
    };
    rows.into_iter().next().map_or("-".to_owned(), words)
}
