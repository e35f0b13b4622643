//! People who edit small tables at random, with a word of their own in every edit, so that of each word it can be said
//! where it went: it stands in a row, somebody wrote over it who had it before him, or it is in `conflict_log`.

use std::collections::BTreeSet;

use fastrand::Rng;
use mysql::Conn;
use mysql::prelude::Queryable;

use super::counts::Counts;
use super::site::TestSite;
use super::subjects::Subject;

/// Rules for these subjects' tables, as the centre's administrator may write them: none, or one of each sort.
pub(crate) fn people_rules(seed: u64, subjects: &[&Subject]) -> String {
    const POLICIES: [&str; 4] = ["last-edit-wins", "review", "central-wins", "lab-wins"];
    let mut rng = Rng::with_seed(seed);
    let mut rules = String::new();
    for table in subjects.iter().flat_map(|subject| subject.tables) {
        let counts = *table == "counts";
        rules.push_str(&format!("[tables.{table}]\n"));
        rules.push_str(if counts { "counters = [\"amount\", \"price\"]\n" } else { "" });
        if seed.is_multiple_of(3) {
            continue;
        }
        rules.push_str(&format!("policy = \"{}\"\n", POLICIES[rng.usize(..4)]));
        match rng.u32(..6) {
            0 => rules.push_str("merge = false\n"),
            1 if !counts => rules.push_str("always_review = true\n"),
            2 if *table == "plain" => rules.push_str("columns = { b = \"lab-wins\" }\n"),
            _ => {}
        }
    }
    rules
}

/// What one transaction does to words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces {
    typed: BTreeSet<String>,
    gone: BTreeSet<String>,
    counted: Counts,
}

/// What stands in the rows: all words, and the stocks.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    words: BTreeSet<String>,
    pub(super) stocks: Counts,
}

/// Some people with one supply of words.
pub(crate) struct People {
    rng: Rng,
    /// What they have to do with.
    deeds: Vec<&'static str>,
    /// Asks for every cell in which a word may stand.
    cells: String,
    has_stocks: bool,
    words: u32,
    /// The words of committed edits over which nobody wrote who had them before him.
    standing: BTreeSet<String>,
    /// What all committed edits have taken and brought.
    pub(super) counted: Counts,
}

impl People {
    /// The same seed on the same rows makes the same edits. They keep to two subjects, so that they meet more often, and now
    /// and then to all.
    pub(crate) fn new(seed: u64, subjects: &[&'static Subject]) -> People {
        let mut rng = Rng::with_seed(seed);
        let mut theirs = subjects.to_vec();
        rng.shuffle(&mut theirs);
        theirs.truncate(if rng.u32(..4) == 0 { theirs.len() } else { 2 });
        let cells: Vec<String> = subjects
            .iter()
            .flat_map(|subject| subject.cells)
            // As bytes: texts of several collations do not come together otherwise.
            .map(|(table, cells)| format!("SELECT CAST({cells} AS BINARY) FROM {table}"))
            .collect();
        People {
            rng,
            deeds: theirs.iter().flat_map(|subject| subject.deeds).copied().collect(),
            cells: cells.join(" UNION ALL "),
            has_stocks: subjects.iter().any(|subject| subject.tables.contains(&"counts")),
            words: 0,
            standing: BTreeSet::new(),
            counted: Counts::default(),
        }
    }

    /// What stands in the rows that a session sees.
    pub(crate) fn look(&self, conn: &mut Conn) -> Seen {
        let mut words = BTreeSet::new();
        let cells: Vec<Option<String>> = conn.query(&self.cells).unwrap();
        cells.into_iter().flatten().for_each(|text| collect(&text, &mut words));
        Seen { words, stocks: if self.has_stocks { Counts::read(conn) } else { Counts::default() } }
    }

    /// Does something at random in the open transaction of `conn`, which sees `before`. Returns what, and what came of it;
    /// `None`: refused.
    pub(crate) fn act(&mut self, conn: &mut Conn, before: &Seen) -> (String, Option<(Traces, Seen)>) {
        let deed = self.deeds[self.rng.usize(..self.deeds.len())];
        let text = self.fill(deed);
        let done = text.split("; ").all(|statement| accepted(conn, statement));
        if text.contains("@packmule_silent") {
            conn.query_drop("SET @packmule_silent = NULL").unwrap();
        }
        if !done {
            return (text, None);
        }
        let after = self.look(conn);
        let traces = Traces {
            typed: after.words.difference(&before.words).cloned().collect(),
            gone: before.words.difference(&after.words).cloned().collect(),
            counted: after.stocks.since(&before.stocks),
        };
        (text, Some((traces, after)))
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
        let mut there = self.look(&mut conn).words;
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
