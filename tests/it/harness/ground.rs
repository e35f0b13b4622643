//! The grounds on which random worlds stand: a centre and its labs, made once, and put back to their start before each
//! world. Making one takes as long as some worlds do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use super::family::Family;
use super::line::{Line, Road};
use super::oracle::misjudged;
use super::people::people_rules;
use super::rows::select;
use super::saved::Saved;
use super::server::{own_servers, server};
use super::subjects::{self, COUNTS, DOCS, PARENTS, PLAIN, Subject, TREE, UNIQUES, WORDS};
use super::tally::Tally;
use super::world::{Plan, World};

/// A world that can be tried again: its size, and the seed of all that happens in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Which {
    /// Two labs and a few tables, and soon over. The seed's rest by four says which tables.
    Short(u64),
    /// Three labs, all tables, and much that may happen.
    Long(u64),
    /// Five labs, each site with a server of its own. Servers and programs are killed at any moment, lines cut after any byte, and calls
    /// of the system fail.
    Rough(u64),
}

impl Which {
    /// How many sorts of ground short worlds have.
    pub(crate) const SHORT_GROUNDS: u64 = SHORT.len() as u64;

    /// The number of its ground: the short ones', then the long one's and the rough one's.
    pub(crate) fn ground(self) -> u64 {
        match self {
            Which::Short(seed) => seed % Which::SHORT_GROUNDS,
            Which::Long(_) => Which::SHORT_GROUNDS,
            Which::Rough(_) => Which::SHORT_GROUNDS + 1,
        }
    }

    fn subjects(self) -> &'static [&'static Subject] {
        SHORT.get(self.ground() as usize).copied().unwrap_or(subjects::ALL)
    }

    fn seed(self) -> u64 {
        let (Which::Short(seed) | Which::Long(seed) | Which::Rough(seed)) = self;
        seed
    }

    /// What is different from world to world on the same ground.
    fn turn(self) -> u64 {
        match self {
            Which::Short(seed) => seed / Which::SHORT_GROUNDS,
            Which::Long(seed) | Which::Rough(seed) => seed,
        }
    }

    fn plan(self, steps: Option<usize>) -> Plan {
        let (own, one_stick_at_the_end, is_rough) = match self {
            Which::Short(_) => (SHORT_STEPS, true, false),
            Which::Long(_) => (LONG_STEPS, false, false),
            Which::Rough(_) => (ROUGH_STEPS, true, true),
        };
        Plan {
            seed: self.seed(),
            subjects: self.subjects(),
            steps: steps.unwrap_or(own),
            online: is_rough || self.turn().is_multiple_of(2),
            one_stick_at_the_end,
            is_rough,
            is_put_back: is_rough && self.seed() % 3 == 2,
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Which::Short(seed) => write!(f, "short-{seed}"),
            Which::Long(seed) => write!(f, "long-{seed}"),
            Which::Rough(seed) => write!(f, "rough-{seed}"),
        }
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Which, String> {
        let fault = || format!("{text} is no world: short-NUMBER, long-NUMBER or rough-NUMBER");
        let (size, seed) = text.split_once('-').ok_or_else(fault)?;
        let seed = seed.parse().map_err(|_| fault())?;
        match size {
            "short" => Ok(Which::Short(seed)),
            "long" => Ok(Which::Long(seed)),
            "rough" => Ok(Which::Rough(seed)),
            _ => Err(fault()),
        }
    }
}

/// Where worlds of one sort take place, one after the other.
pub(crate) struct Ground {
    family: Family<'static>,
    /// The lines of the labs to the centre, where they can be cut.
    lines: Vec<Line>,
    /// The queries that read each table whole.
    selects: BTreeMap<&'static str, String>,
    /// The settings of each site before any rules.
    settings: Vec<String>,
}

impl Ground {
    /// Makes the ground of a world.
    pub(crate) fn of(which: Which) -> Ground {
        let subjects = which.subjects();
        let schema: String = subjects.iter().map(|subject| subject.schema).collect();
        let family = match which {
            Which::Short(_) => Family::new(server(), &schema, &LABS[..2]),
            Which::Long(_) => Family::new(server(), &schema, &LABS[..3]),
            Which::Rough(_) => Family::apart(&own_servers(1 + LABS.len()), &schema, LABS),
        };
        subjects.iter().for_each(|subject| family.central.sql(subject.rows));
        for lab in &family.labs {
            let stick = lab.stick("first");
            lab.run(&["export", stick.to_str().unwrap()]).ok();
            family.central.run(&["import", stick.to_str().unwrap()]).ok();
            lab.run(&["import", stick.to_str().unwrap()]).ok();
        }
        if matches!(which, Which::Rough(_)) {
            family.sites().for_each(|site| site.sql(STAMP_ONCE));
        }
        let lines = match which {
            Which::Short(_) | Which::Long(_) => {
                family.go_online();
                Vec::new()
            }
            Which::Rough(_) => family.go_online_by_lines(),
        };
        let tables = subjects.iter().flat_map(|subject| subject.tables);
        let selects = tables.map(|table| (*table, select(&family.central, table))).collect();
        let settings = family.sites().map(|site| fs::read_to_string(site.config()).unwrap()).collect();
        Ground { family, lines, selects, settings }
    }

    /// After a world that ended in the middle a server may be down, or a line cut.
    fn stand_up(&self) {
        self.lines.iter().for_each(|line| line.set(Road::Open));
        for site in self.family.sites().filter(|_| !self.lines.is_empty()) {
            if site.server().connect("").is_err() {
                site.server().restart().unwrap();
            }
        }
    }

    /// The ground as it is now: the start of each world.
    pub(crate) fn start(&self) -> Start<'_> {
        Start { ground: self, sites: self.family.sites().map(Saved::new).collect() }
    }

    /// Gives the sites the settings of a world, and returns the centre's rules.
    fn write_settings(&self, which: Which) -> String {
        // Some worlds forget what is confirmed at once.
        let keep = if which.turn() / 2 % 2 == 1 { "keep = \"1s\"\n" } else { "" };
        let rules = people_rules(which.turn(), which.subjects());
        for (site, text) in self.family.sites().zip(&self.settings) {
            let rules = if site.name() == "central" { rules.as_str() } else { "" };
            fs::write(site.config(), format!("{keep}{text}\n{rules}")).unwrap();
        }
        rules
    }

    /// Bundles that all sites have applied, and the changes in them.
    fn applied(&self) -> (u64, u64) {
        const QUERY: &str = "SELECT COUNT(*), COALESCE(SUM(inserts + updates + deletes), 0) FROM packmule_bundle WHERE state = 'applied'";
        let number = |cell: &Option<String>| cell.as_ref().map_or(0, |text| text.parse().unwrap());
        let counts = self.family.sites().map(|site| site.query(QUERY).remove(0));
        counts.fold((0, 0), |sum, row| (sum.0 + number(&row[0]), sum.1 + number(&row[1])))
    }

    fn met(&self) -> BTreeMap<String, u64> {
        let query = "SELECT CONCAT_WS(' ', kind, status, outcome), COUNT(*) FROM conflict_log GROUP BY kind, status, outcome";
        let rows = self.family.central.query(query);
        let counted = |row: Vec<Option<String>>| {
            let [kind, count] = <[_; 2]>::try_from(row).unwrap().map(Option::unwrap);
            (kind, count.parse().unwrap())
        };
        rows.into_iter().map(counted).collect()
    }
}

/// A ground, and what it is put back to before each world.
pub(crate) struct Start<'g> {
    ground: &'g Ground,
    sites: Vec<Saved<'g>>,
}

/// What became of a world.
pub(crate) struct Outcome {
    /// What it met.
    pub(crate) tally: Tally,
    /// Where it failed, all that happened in it, and what is wrong.
    pub(crate) story: Option<String>,
}

impl Start<'_> {
    /// Tries a world of this ground. `steps` says how many of its steps are made, if not all.
    pub(crate) fn try_world(&self, which: Which, steps: Option<usize>) -> Outcome {
        let ground = self.ground;
        ground.stand_up();
        self.sites.iter().for_each(Saved::restore);
        let rules = ground.write_settings(which);
        let (story, tally) = (RefCell::default(), RefCell::default());
        let before = ground.applied();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new((&ground.family, &ground.lines), &which.plan(steps), &story, &tally);
            world.live();
            let mut faults = world.check(&ground.selects);
            faults.extend(misjudged(&ground.family.central, &rules));
            faults
        }));
        let faults = ended.unwrap_or_else(|_| vec!["it ended in the middle, as told above".to_owned()]);
        ground.stand_up();
        let (applied, mut tally) = (ground.applied(), tally.take());
        tally.worlds = 1;
        // A lab that starts anew forgets nothing, so these only grow.
        (tally.bundles, tally.rows) = (applied.0 - before.0, applied.1 - before.1);
        tally.conflicts = ground.met();
        tally.decisions = ground.family.central.count("packmule_decision");
        tally.losses = faults.len() as u64;
        let told = || format!("{}\n--- what is wrong\n{}", story.borrow().join("\n"), faults.join("\n"));
        Outcome { story: (!faults.is_empty()).then(told), tally }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if !self.lines.is_empty() {
            // They would run on for as long as the test process does.
            self.family.sites().for_each(|site| drop(site.server().kill()));
        }
    }
}

/// What short worlds are about. Few tables, because each costs every command something.
const SHORT: [&[&Subject]; 4] =
    [&[&PLAIN, &COUNTS], &[&UNIQUES, &DOCS, &PLAIN], &[&PARENTS, &COUNTS], &[&WORDS, &TREE]];
const SHORT_STEPS: usize = 18;
const LONG_STEPS: usize = 60;
const ROUGH_STEPS: usize = 80;
/// A log row that was stamped once gets no other stamp, unless it was opened again between the two.
const STAMP_ONCE: &str = "
    CREATE TRIGGER stamp_once BEFORE UPDATE ON sync_log FOR EACH ROW BEGIN
      IF OLD.batch <> NEW.batch THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'stamped twice'; END IF;
    END;";
const LABS: &[&str] = &["lab-a", "lab-b", "lab-c", "lab-d", "lab-e"];
