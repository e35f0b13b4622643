//! People who edit small tables at random, with a word of their own in every edit, so that of each word it can be said
//! where it went: it stands in a row, somebody wrote over it who had it before him, or it is in `conflict_log`.

use std::collections::BTreeSet;

use fastrand::Rng;
use mysql::Conn;
use mysql::prelude::Queryable;

use super::counts::{COUNTS, Counts};
use super::site::TestSite;

/// Tables that have all that is awkward between sites, with so few keys that people meet.
pub(crate) const PEOPLE_SCHEMA: &str = "
    CREATE TABLE plain (id INT PRIMARY KEY, a VARCHAR(20), b VARCHAR(20));
    CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(20));
    CREATE TABLE cascades (id INT PRIMARY KEY, parent INT NOT NULL, name VARCHAR(20),
      FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE below (id INT PRIMARY KEY, cascade_id INT NOT NULL, name VARCHAR(20),
      FOREIGN KEY (cascade_id) REFERENCES cascades (id) ON DELETE CASCADE);
    CREATE TABLE restricts (id INT PRIMARY KEY, parent INT NOT NULL, name VARCHAR(20),
      FOREIGN KEY (parent) REFERENCES parents (id));
    CREATE TABLE nulls (id INT PRIMARY KEY, parent INT, name VARCHAR(20),
      FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE SET NULL ON UPDATE CASCADE);
    CREATE TABLE uniques (id INT PRIMARY KEY, code VARCHAR(10) UNIQUE, name VARCHAR(20));
    CREATE TABLE tree (id INT PRIMARY KEY, up INT, name VARCHAR(20),
      FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE);
    CREATE TABLE words (word VARCHAR(10) COLLATE utf8mb4_general_ci PRIMARY KEY, name VARCHAR(20));
    CREATE TABLE uses (id INT PRIMARY KEY, word VARCHAR(10) COLLATE utf8mb4_general_ci NOT NULL, name VARCHAR(20),
      FOREIGN KEY (word) REFERENCES words (word) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE pairs (a INT, b VARCHAR(5) COLLATE utf8mb4_general_ci, name VARCHAR(20), PRIMARY KEY (a, b));
    CREATE TABLE docs (id INT PRIMARY KEY, data JSON, weight FLOAT, price DECIMAL(10,3), moment TIMESTAMP(6) NULL)";

/// Those tables.
pub(crate) const PEOPLE_TABLES: &[&str] = &[
    "plain",
    "parents",
    "cascades",
    "below",
    "restricts",
    "nulls",
    "uniques",
    "tree",
    "words",
    "uses",
    "pairs",
    "docs",
    "counts",
];

/// Rules for those tables, as the centre's administrator may write them: none, or one of each sort.
pub(crate) fn people_rules(seed: u64) -> String {
    const POLICIES: [&str; 4] = ["last-edit-wins", "review", "central-wins", "lab-wins"];
    let counters = "[tables.counts]\ncounters = [\"amount\", \"price\"]\n";
    if seed.is_multiple_of(3) {
        return counters.to_owned();
    }
    let mut rng = Rng::with_seed(seed);
    let mut rules = format!("{counters}policy = \"{}\"\n", POLICIES[rng.usize(..4)]);
    for table in PEOPLE_TABLES.iter().filter(|table| **table != "counts") {
        rules.push_str(&format!("[tables.{table}]\npolicy = \"{}\"\n", POLICIES[rng.usize(..4)]));
        match rng.u32(..6) {
            0 => rules.push_str("merge = false\n"),
            1 => rules.push_str("always_review = true\n"),
            2 if *table == "plain" => rules.push_str("columns = { b = \"lab-wins\" }\n"),
            _ => {}
        }
    }
    rules
}

/// Rows with which a world may start.
pub(crate) const PEOPLE_ROWS: &str = "
    INSERT INTO plain VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', 'c'); INSERT INTO parents VALUES (1, 'a'), (2, 'b');
    INSERT INTO cascades VALUES (1, 1, 'a'), (2, 2, 'b'); INSERT INTO below VALUES (1, 1, 'a'), (2, 2, 'b');
    INSERT INTO restricts VALUES (1, 1, 'a'); INSERT INTO nulls VALUES (1, 1, 'a'), (2, 2, 'b');
    INSERT INTO uniques VALUES (1, 'c1', 'a'), (2, 'c2', 'b'), (3, 'c3', 'c');
    INSERT INTO tree VALUES (1, NULL, 'a'), (2, 1, 'b'), (3, 2, 'c'); INSERT INTO words VALUES ('ape', 'a'), ('bee', 'b');
    INSERT INTO uses VALUES (1, 'ape', 'a'), (2, 'BEE', 'b'); INSERT INTO pairs VALUES (1, 'ape', 'a'), (2, 'bee', 'b');
    INSERT INTO docs VALUES (1, '{}', 0.5, 1.5, '2026-01-01 00:00:00')";

/// What people do in one go: `{i}` and `{j}` are keys, `{p}` a parent, `{s}` a stock, `{c}` a code, `{k}` and `{l}` a word that may be a
/// key, `{w}` a word that nobody has typed before.
const DEEDS: [&[&str]; 7] = [PLAIN, PARENTS, UNIQUES, TREE, WORDS, DOCS, COUNTS];

const PLAIN: &[&str] = &[
    "INSERT INTO plain VALUES ({i}, '{w}', '{w}')",
    "UPDATE plain SET a = '{w}' WHERE id = {i}",
    "UPDATE plain SET b = '{w}' WHERE id = {i}",
    "UPDATE plain SET a = '{w}', b = '{w}' WHERE id = {i}",
    "DELETE FROM plain WHERE id = {i}",
    "DELETE FROM plain WHERE id = {i}; INSERT INTO plain VALUES ({i}, '{w}', NULL)",
    "UPDATE plain SET id = {j} WHERE id = {i}",
    "SET @old = (SELECT a FROM plain WHERE id = {i}); UPDATE plain SET a = '{w}' WHERE id = {i}; \
     UPDATE plain SET a = @old WHERE id = {i}",
    "INSERT INTO plain VALUES ({i}, '{w}', '{w}'); DELETE FROM plain WHERE id = {i}",
    // An application that logs its own writes, in a session that the triggers do not hear.
    "SET @packmule_silent = 1; UPDATE plain SET b = '{w}' WHERE id = {i}; INSERT INTO sync_log (table_name, record_id, action) \
     SELECT 'plain', id, 'UPDATE' FROM plain WHERE id = {i}; SET @packmule_silent = NULL",
];

const PARENTS: &[&str] = &[
    "INSERT INTO parents VALUES ({p}, '{w}')",
    "INSERT INTO parents VALUES ({p}, '{w}'); INSERT INTO cascades VALUES ({i}, {p}, '{w}')",
    "UPDATE parents SET name = '{w}' WHERE id = {p}",
    "DELETE FROM parents WHERE id = {p}",
    "DELETE FROM parents WHERE id = {p}",
    "UPDATE parents SET id = {i} WHERE id = {p}",
    "INSERT INTO cascades VALUES ({i}, {p}, '{w}')",
    "UPDATE cascades SET name = '{w}' WHERE id = {i}",
    "UPDATE cascades SET parent = {p} WHERE id = {i}",
    "DELETE FROM cascades WHERE id = {i}",
    "INSERT INTO below VALUES ({i}, {j}, '{w}')",
    "UPDATE below SET name = '{w}' WHERE id = {i}",
    "UPDATE below SET cascade_id = {j} WHERE id = {i}",
    "INSERT INTO restricts VALUES ({i}, {p}, '{w}')",
    "UPDATE restricts SET name = '{w}', parent = {p} WHERE id = {i}",
    "DELETE FROM restricts WHERE id = {i}",
    "DELETE FROM restricts WHERE parent = {p}; DELETE FROM parents WHERE id = {p}",
    "INSERT INTO nulls VALUES ({i}, {p}, '{w}')",
    "UPDATE nulls SET name = '{w}' WHERE id = {i}",
    "UPDATE nulls SET parent = {p} WHERE id = {i}",
    "DELETE FROM nulls WHERE id = {i}",
];

const UNIQUES: &[&str] = &[
    "INSERT INTO uniques VALUES ({i}, '{c}', '{w}')",
    "INSERT INTO uniques VALUES ({i}, NULL, '{w}')",
    "UPDATE uniques SET code = '{c}', name = '{w}' WHERE id = {i}",
    "UPDATE uniques SET name = '{w}' WHERE id = {i}",
    "DELETE FROM uniques WHERE id = {i}",
    "SET @i = (SELECT code FROM uniques WHERE id = {i}), @j = (SELECT code FROM uniques WHERE id = {j}); \
     UPDATE uniques SET code = NULL WHERE id = {i}; UPDATE uniques SET code = @i WHERE id = {j}; \
     UPDATE uniques SET code = @j WHERE id = {i}",
    "SET @i = (SELECT code FROM uniques WHERE id = {i}); DELETE FROM uniques WHERE id = {i}; \
     UPDATE uniques SET code = @i WHERE id = {j}",
];

const TREE: &[&str] = &[
    "INSERT INTO tree VALUES ({i}, NULL, '{w}')",
    "INSERT INTO tree VALUES ({i}, {j}, '{w}')",
    "UPDATE tree SET up = {j} WHERE id = {i}",
    "UPDATE tree SET up = NULL, name = '{w}' WHERE id = {i}",
    "UPDATE tree SET name = '{w}' WHERE id = {i}",
    "DELETE FROM tree WHERE id = {i}",
];

const WORDS: &[&str] = &[
    "INSERT INTO words VALUES ('{k}', '{w}')",
    "UPDATE words SET name = '{w}' WHERE word = '{k}'",
    "UPDATE words SET word = '{l}' WHERE word = '{k}'",
    "DELETE FROM words WHERE word = '{k}'",
    "DELETE FROM words WHERE word = '{k}'; INSERT INTO words VALUES ('{l}', '{w}')",
    "INSERT INTO uses VALUES ({i}, '{k}', '{w}')",
    "UPDATE uses SET name = '{w}' WHERE id = {i}",
    "UPDATE uses SET word = '{k}' WHERE id = {i}",
    "INSERT INTO pairs VALUES ({i}, '{k}', '{w}')",
    "UPDATE pairs SET name = '{w}' WHERE a = {i} AND b = '{k}'",
    "UPDATE pairs SET b = '{l}' WHERE a = {i} AND b = '{k}'",
    "DELETE FROM pairs WHERE a = {i} AND b = '{k}'",
];

const DOCS: &[&str] = &[
    "INSERT INTO docs VALUES ({i}, '{\"b\": 1.0, \"a\": \"{w}\"}', {i} / 3, {j} / 8, NOW(6))",
    "UPDATE docs SET data = '{\"a\":[\"{w}\",1e3,{\"z\":null,\"y\":1.50}]}', moment = NOW(6) WHERE id = {i}",
    "UPDATE docs SET weight = weight * 1.1, price = price + 0.1 WHERE id = {i}",
    "DELETE FROM docs WHERE id = {i}",
];

/// All cells in which a word may stand.
const CELLS: &[&str] = &[
    "SELECT CONCAT_WS(' ', a, b) FROM plain",
    "SELECT name FROM parents",
    "SELECT name FROM cascades",
    "SELECT name FROM below",
    "SELECT name FROM restricts",
    "SELECT name FROM nulls",
    "SELECT name FROM uniques",
    "SELECT name FROM tree",
    "SELECT name FROM words",
    "SELECT name FROM uses",
    "SELECT name FROM pairs",
    "SELECT CAST(data AS CHAR) FROM docs",
    "SELECT CONCAT_WS(' ', a, b) FROM counts",
];

/// What one transaction does to words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces {
    typed: BTreeSet<String>,
    gone: BTreeSet<String>,
    counted: Counts,
}

/// Some people with one supply of words.
pub(crate) struct People {
    rng: Rng,
    /// What they have to do with: two sorts of tables, so that they meet more often, or now and then all.
    deeds: Vec<&'static str>,
    words: u32,
    /// The words of committed edits over which nobody wrote who had them before him.
    standing: BTreeSet<String>,
    /// What all committed edits have taken and brought.
    pub(super) counted: Counts,
}

impl People {
    /// The same seed on the same rows makes the same edits.
    pub(crate) fn new(seed: u64) -> People {
        let mut rng = Rng::with_seed(seed);
        let mut subjects = DEEDS;
        rng.shuffle(&mut subjects);
        let count = if rng.u32(..4) == 0 { DEEDS.len() } else { 2 };
        let deeds = subjects[..count].concat();
        People { rng, deeds, words: 0, standing: BTreeSet::new(), counted: Counts::default() }
    }

    /// Does something at random in the open transaction of `conn`. Returns what, and what came of it; `None`: refused.
    pub(crate) fn act(&mut self, conn: &mut Conn) -> (String, Option<Traces>) {
        let deed = self.deeds[self.rng.usize(..self.deeds.len())];
        let text = self.fill(deed);
        let (before, stocks) = (words(conn), Counts::read(conn));
        let done = text.split("; ").all(|statement| accepted(conn, statement));
        conn.query_drop("SET @packmule_silent = NULL").unwrap();
        if !done {
            return (text, None);
        }
        let after = words(conn);
        let traces = Traces {
            typed: after.difference(&before).cloned().collect(),
            gone: before.difference(&after).cloned().collect(),
            counted: Counts::read(conn).since(&stocks),
        };
        (text, Some(traces))
    }

    fn fill(&mut self, deed: &str) -> String {
        const KEYS: [&str; 6] = ["ape", "Ape", "APE", "bee", "\u{e9}t\u{e9}", "ete"];
        let rng = &mut self.rng;
        let i = rng.u32(1..=5);
        let j = i % 5 + 1;
        let mut text = deed
            .replace("{i}", &i.to_string())
            .replace("{j}", &j.to_string())
            .replace("{s}", &rng.u32(1..=3).to_string())
            .replace("{p}", &rng.u32(1..=4).to_string())
            .replace("{c}", ["c1", "c2", "c3"][rng.usize(..3)])
            .replace("{k}", KEYS[rng.usize(..KEYS.len())])
            .replace("{l}", KEYS[rng.usize(..KEYS.len())]);
        while text.contains("{w}") {
            self.words += 1;
            text = text.replacen("{w}", &format!("w{:05}", self.words), 1);
        }
        text
    }

    /// A transaction was committed.
    pub(crate) fn committed(&mut self, traces: Traces) {
        self.counted.extend(&traces.counted);
        self.standing.extend(traces.typed);
        self.standing.retain(|word| !traces.gone.contains(word));
    }

    /// The words over which nobody wrote knowingly, and that are neither in a row of `central` nor in its `conflict_log`.
    pub(crate) fn lost(&self, central: &TestSite<'_>) -> Vec<String> {
        let mut conn = central.server().connect(central.database()).unwrap();
        let mut there = words(&mut conn);
        let logged: Vec<Option<String>> = conn
            .query(
                "SELECT CONCAT_WS(' ', before_row, central_row, lab_row) FROM conflict_log \
                 UNION ALL SELECT CONCAT_WS(' ', central_row, lab_row) FROM packmule_joined",
            )
            .unwrap();
        logged.into_iter().flatten().for_each(|text| collect(&text, &mut there));
        self.standing.difference(&there).cloned().collect()
    }
}

impl Traces {
    /// Adds what came later in the same transaction.
    pub(crate) fn extend(&mut self, later: Traces) {
        self.typed.extend(later.typed);
        self.gone.extend(later.gone);
        self.counted.extend(&later.counted);
    }
}

/// Whether the database took a statement. What is wrong with the rows, or locked, is no fault of the test.
fn accepted(conn: &mut Conn, statement: &str) -> bool {
    match conn.query_drop(statement) {
        Ok(()) => true,
        Err(mysql::Error::MySqlError(error)) => {
            let refused = [1062, 1205, 1213, 1264, 1451, 1452, 1690, 1761, 1762];
            assert!(refused.contains(&error.code), "{error}\n{statement}");
            false
        }
        Err(error) => panic!("{error}\n{statement}"),
    }
}

fn words(conn: &mut Conn) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for query in CELLS {
        let cells: Vec<Option<String>> = conn.query(query).unwrap();
        cells.into_iter().flatten().for_each(|text| collect(&text, &mut found));
    }
    found
}

/// Adds the words of a text: a `w` and five digits.
fn collect(text: &str, words: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices('w') {
        if let Some(word) =
            text.get(at..at + 6).filter(|word| word[1..].bytes().all(|byte| byte.is_ascii_digit()))
        {
            words.insert(word.to_owned());
        }
    }
}
