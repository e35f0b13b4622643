//! The same rows, edited at several places: what adds up, what comes together, who wins, and what waits for a person.

use std::fs::OpenOptions;
use std::io::Write;

use super::edits::CLASHES;
use super::error::StoryError;
use super::stage::{ALL, LABS, Place, STICK, Stage};

impl Stage<'_> {
    /// One round in which four rows were edited at two places each.
    pub(super) fn same_rows(&mut self) -> Result<(), StoryError> {
        self.say.chapter("The same rows, at several places");
        self.say.text(
            "Who is right when two people edit the same row? The administrator says so, for each table, in the settings of \
             the centre. These lines are added to central.toml:",
        );
        self.set_rules()?;
        self.say.text("Then the same rows are edited at two places each, and nobody knows of the other:");
        for work in &CLASHES {
            self.work(work)?;
        }
        self.say.line("");
        for lab in LABS {
            self.briefly(lab, &["export", STICK])?;
        }
        self.packmule(Place::Central, &["import", STICK], 0)?;
        self.say.line("");
        for lab in LABS {
            self.briefly(lab, &["import", STICK])?;
        }
        self.say.text("What became of the four rows, as the centre's table conflict_log tells it:");
        let mut as_promised = Vec::new();
        for (what, query, wanted) in BECAME {
            let became = self.ask(Place::Central, query)?;
            self.say.line("");
            self.say.answer(what);
            self.say.answer(&format!("  {became}"));
            as_promised.push(became == wanted);
        }
        let equal = self.are_equal(&LABS)?;
        let notes = ALL.iter().map(|place| self.ask(*place, NOTE)).collect::<Result<Vec<_>, _>>()?;
        let later_stands = notes.iter().all(|note| note == WON);
        let waits = self.ask(Place::Central, OPEN)? == "1" && self.ask(Place::LabB, DUE)? == "2026-11-20";
        let [added, joined, decided, waiting] = <[bool; 4]>::try_from(as_promised).unwrap_or_default();
        self.promise("what two labs take from one stock while offline adds up", added && equal)?;
        self.promise("edits of different columns of one row both survive", joined && equal)?;
        self.promise(
            "of two edits of one cell the later stands everywhere, whichever arrives first",
            decided && later_stands && equal,
        )?;
        self.promise(
            "what a person is to decide waits, and nothing else waits for it",
            waiting && waits && equal,
        )?;
        let kept = self.ask(Place::Central, LOST_COUNT)? == "1";
        self.promise("an edit that lost is kept in conflict_log, with the row before and both sides", kept)?;
        self.say.text(
            "Nothing is lost, whoever wins: conflict_log keeps the row before, the centre's and the lab's, for good. What waits \
             is for the administrator, who looks at it and decides:",
        );
        self.decide()
    }

    /// A person decides what waits, and every lab hears of it.
    fn decide(&mut self) -> Result<(), StoryError> {
        let id = self.ask(Place::Central, WAITING)?;
        self.packmule(Place::Central, &["conflicts", "show", &id], 0)?.says("2026-12-10")?;
        let approve = ["conflicts", "approve", &id, "--by", "grace", "-m", "needed for the course"];
        self.packmule(Place::Central, &approve, 0)?;
        self.say.text("A decision is an edit at the centre like any other. One more round of the stick:");
        self.round()?;
        let dues = ALL.iter().map(|place| self.ask(*place, DUE)).collect::<Result<Vec<_>, _>>()?;
        let is_told = dues.iter().all(|due| due == "2026-12-10") && self.ask(Place::Central, OPEN)? == "0";
        self.promise("what a person decides reaches every lab", is_told)
    }

    /// The administrator's rules, shown as they are written.
    fn set_rules(&mut self) -> Result<(), StoryError> {
        let path = self.folder.join("central.toml");
        let added = OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(format!("\n{RULES}").as_bytes()));
        added.map_err(|source| self.fault(&path, source))?;
        self.say.line("");
        RULES.lines().for_each(|line| self.say.answer(line));
        Ok(())
    }
}

const RULES: &str = "\
[tables.stock]
counters = [\"quantity\"]  # take 3 here and 2 there: 5 are gone
[tables.loans]
policy = \"review\"  # a person decides
";
const WON: &str = "40 l ordered on 16 Nov";
const NOTE: &str = "SELECT note FROM items WHERE asset_tag = 'KU-CHE-0005'";
const DUE: &str = "SELECT due_on FROM loans WHERE returned_at IS NULL";
const WAITING: &str = "SELECT id FROM conflict_log WHERE status = 'open'";
const OPEN: &str = "SELECT COUNT(*) FROM conflict_log WHERE status = 'open'";

/// The row, a query for what conflict_log says of it, and what it must say.
const BECAME: [(&str, &str, &str); 4] = [
    (
        "stock: the ethanol",
        "SELECT CONCAT(JSON_UNQUOTE(JSON_EXTRACT(before_row, '$.quantity')), ' l before; central ', \
         JSON_UNQUOTE(JSON_EXTRACT(central_row, '$.quantity')), ', lab-b ', \
         JSON_UNQUOTE(JSON_EXTRACT(lab_row, '$.quantity')), ': now ', \
         JSON_UNQUOTE(JSON_EXTRACT(written_row, '$.quantity')), ' (', SUBSTRING(decided_by, 7), ')') \
         FROM conflict_log WHERE table_name = 'stock' AND site = 'lab-b'",
        "37.000 l before; central 34.000, lab-b 35.000: now 32.000 (counters)",
    ),
    (
        "repairs: the laser; both have edited other columns",
        "SELECT CONCAT('now ', JSON_UNQUOTE(JSON_EXTRACT(written_row, '$.cost')), ', \"', \
         JSON_UNQUOTE(JSON_EXTRACT(written_row, '$.report')), '\" (', SUBSTRING(decided_by, 7), ')') \
         FROM conflict_log WHERE table_name = 'repairs' AND site = 'lab-b'",
        "now 900.00, \"Tube changed\" (merge)",
    ),
    (
        "items: the ethanol's note",
        "SELECT CONCAT('\"', JSON_UNQUOTE(JSON_EXTRACT(central_row, '$.note')), '\"; lab-b\\'s was \"', \
         JSON_UNQUOTE(JSON_EXTRACT(lab_row, '$.note')), '\" (', SUBSTRING(decided_by, 7), ')') \
         FROM conflict_log WHERE table_name = 'items' AND site = 'lab-b'",
        "\"40 l ordered on 16 Nov\"; lab-b's was \"Nearly used up\" (last-edit-wins)",
    ),
    (
        "loans: the oscilloscope",
        "SELECT CONCAT('until ', JSON_UNQUOTE(JSON_EXTRACT(central_row, '$.due_on')), '; lab-b\\'s ', \
         JSON_UNQUOTE(JSON_EXTRACT(lab_row, '$.due_on')), ' waits: ', note) \
         FROM conflict_log WHERE table_name = 'loans' AND status = 'open'",
        "until 2026-11-20; lab-b's 2026-12-10 waits: its policy is review",
    ),
];
const LOST_COUNT: &str = "SELECT COUNT(*) FROM conflict_log WHERE outcome = 'central' AND site = 'lab-b' \
                          AND JSON_UNQUOTE(JSON_EXTRACT(before_row, '$.note')) = 'Keep away from heat' \
                          AND JSON_UNQUOTE(JSON_EXTRACT(central_row, '$.note')) = '40 l ordered on 16 Nov' \
                          AND JSON_UNQUOTE(JSON_EXTRACT(lab_row, '$.note')) = 'Nearly used up'";
