//! A centre, three labs and their sticks, with everything at random that may happen between them, from a seed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use mysql::Conn;
use mysql::prelude::Queryable;
use packmule::monitor::Step;

use super::counts::Counts;
use super::event::{EVENTS, Event, event_at};
use super::family::Family;
use super::people::{People, Seen, Traces};
use super::program::Ran;
use super::rows::differences_in;
use super::site::{TestSite, bundles_in, memory_folder};
use super::subjects::Subject;
use super::tally::Tally;

/// What is settled of a world before it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// What decides all else.
    pub(crate) seed: u64,
    /// What people have to do with.
    pub(crate) subjects: &'static [&'static Subject],
    /// How much happens.
    pub(crate) steps: usize,
    /// Whether the labs can reach the centre by network.
    pub(crate) online: bool,
    /// Whether in the end one stick goes to all sites, which is sooner over than a stick for each lab.
    pub(crate) one_stick_at_the_end: bool,
}

/// The centre and its labs, by number: 0 is the centre.
pub(crate) struct World<'f> {
    family: &'f Family<'static>,
    rng: Rng,
    /// Who decides conflicts throws dice of their own: what else happens from a seed stays as it is.
    decider: Rng,
    people: People,
    held: Vec<Option<Held>>,
    /// The sticks of each lab, and copies of them that lie about.
    sticks: Vec<Vec<PathBuf>>,
    copies: Vec<Vec<PathBuf>>,
    folder: tempfile::TempDir,
    made: u32,
    /// What the stocks hold at the start.
    stocks: Counts,
    plan: Plan,
    /// What has been met so far.
    tally: &'f RefCell<Tally>,
    /// What was done so far, for a person who looks into a failure.
    pub(crate) story: &'f RefCell<Vec<String>>,
}

/// A transaction that is open for longer.
struct Held {
    conn: Conn,
    traces: Traces,
}

impl<'f> World<'f> {
    /// A world of these sites, as they are.
    pub(crate) fn new(
        family: &'f Family<'static>,
        plan: &Plan,
        story: &'f RefCell<Vec<String>>,
        tally: &'f RefCell<Tally>,
    ) -> World<'f> {
        let folder = tempfile::tempdir_in(memory_folder()).unwrap();
        let sticks = family.labs.iter().map(|lab| {
            (0..2).map(|number| new_folder(folder.path(), &format!("{}-{number}", lab.name()))).collect()
        });
        story.borrow_mut().clear();
        let people = People::new(plan.seed, plan.subjects);
        World {
            rng: Rng::with_seed(plan.seed),
            decider: Rng::with_seed(plan.seed.wrapping_add(1 << 32)),
            stocks: stocks(&people, &family.central),
            people,
            held: (0..=family.labs.len()).map(|_| None).collect(),
            sticks: sticks.collect(),
            copies: vec![Vec::new(); family.labs.len()],
            made: 0,
            plan: *plan,
            tally,
            family,
            folder,
            story,
        }
    }

    fn site(&self, at: usize) -> &'f TestSite<'static> {
        match at {
            0 => &self.family.central,
            lab => &self.family.labs[lab - 1],
        }
    }

    fn tell(&self, line: String) {
        self.story.borrow_mut().push(line);
    }

    /// All that happens, until nobody has anything more to say.
    pub(crate) fn live(&mut self) {
        (0..self.plan.steps).for_each(|_| self.step());
        self.settle();
    }

    fn step(&mut self) {
        if self.decider.u32(..5) == 0 {
            self.decide();
        }
        let lab = self.rng.usize(1..=self.family.labs.len());
        let place = self.rng.usize(..2);
        let stick = self.sticks[lab - 1][place].clone();
        let weights: u32 = EVENTS.iter().map(|(weight, _)| weight).sum();
        let event = event_at(EVENTS, self.rng.u32(..weights));
        // As often by network as by stick, in one world; in the next there are sticks only.
        if event.has_a_stick_for_a_road() && self.plan.online && self.rng.bool() {
            return self.use_line(lab);
        }
        match event {
            Event::Edit => self.edit(),
            Event::Export => self.run(lab, &["export", text(&stick)]),
            Event::Visit => self.run(0, &["import", text(&stick)]),
            Event::BringHome => self.run(lab, &["import", text(&stick)]),
            Event::VisitUnanswered => self.run(0, &["import", "--no-reply", text(&stick)]),
            Event::BringHomeUnanswered => self.run(lab, &["import", "--no-reply", text(&stick)]),
            Event::ExportOfCentre => self.run(0, &["export", text(&stick)]),
            Event::CleanStick => self.run(lab, &["export", "--clean", text(&stick)]),
            Event::LoseStick => self.lose(&stick),
            Event::CopyStick => self.copy(lab, &stick),
            Event::BringCopy => self.bring_copy(lab, &stick),
            Event::Damage => self.damage(&stick),
            Event::Hold => self.hold(),
            Event::Release => self.release_one(),
            Event::StartAnew => self.start_anew(lab),
        }
    }

    /// A person decides a conflict, or decides it otherwise, or takes that back; now and then killed at some step. Not of stocks, where
    /// a rejection takes out what was taken, and without a yes to rows that would go along.
    fn decide(&mut self) {
        // It would wait for the rows that are locked.
        self.release(0);
        let ids = self.site(0).query("SELECT id FROM conflict_log WHERE table_name <> 'counts' ORDER BY id");
        if ids.is_empty() {
            return;
        }
        let id = ids[self.decider.usize(..ids.len())][0].clone().unwrap();
        let action = ["approve", "approve", "reject", "reject", "reopen"][self.decider.usize(..5)];
        let mut command = self.site(0).command(&["conflicts", action, &id, "--by", "grace"]);
        if self.decider.u32(..6) == 0 {
            let steps: Vec<&str> =
                Step::ALL.iter().map(|step| step.name()).filter(|name| name.starts_with("decide.")).collect();
            command.env("PACKMULE_CRASH_AT", steps[self.decider.usize(..steps.len())]);
        }
        let ran = Ran::new(format!("conflicts {action} {id}"), &command.output().unwrap());
        self.tell(format!("central: {}", self.shown(&ran)));
        // Refused by the database, decided before, edited since, or rows would go along.
        assert!(matches!(ran.code, None | Some(0 | 1 | 2 | 3 | 18)), "{ran:?}");
    }

    fn edit(&mut self) {
        let at = self.rng.usize(..self.held.len());
        let mut conn = self.session(at);
        // Nobody else is at work here meanwhile.
        let mut seen = self.people.look(&mut conn);
        for _ in 0..self.rng.u32(1..=3) {
            conn.query_drop("START TRANSACTION").unwrap();
            let mut traces = Traces::default();
            let (mut now, mut refused) = (seen.clone(), false);
            for _ in 0..self.rng.u32(1..=2) {
                refused |= !self.act(at, &mut conn, &mut traces, &mut now);
                if refused {
                    break;
                }
            }
            conn.query_drop(if refused { "ROLLBACK" } else { "COMMIT" }).unwrap();
            if !refused {
                seen = now;
                self.tally.borrow_mut().edits += 1;
                self.people.committed(traces);
            }
        }
    }

    /// Does something in an open transaction. Returns whether it went through.
    fn act(&mut self, at: usize, conn: &mut Conn, traces: &mut Traces, seen: &mut Seen) -> bool {
        let (deed, done) = self.people.act(conn, seen);
        let word = if done.is_some() { "" } else { " (refused)" };
        self.tell(format!("{}: {deed}{word}", self.site(at).name()));
        match done {
            Some((more, after)) => {
                traces.extend(more);
                *seen = after;
                true
            }
            None => false,
        }
    }

    /// A session of a person; now and then of one whose clock is wrong.
    fn session(&mut self, at: usize) -> Conn {
        let site = self.site(at);
        let mut conn = site.server().connect(site.database()).unwrap();
        conn.query_drop("SET innodb_lock_wait_timeout = 1, time_zone = '+00:00'").unwrap();
        conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").unwrap();
        if self.rng.u32(..12) == 0 {
            let seconds = [-86_400, -5, 5, 86_400, 200_000_000][self.rng.usize(..5)];
            self.tell(format!("{}: the clock is wrong by {seconds} s", site.name()));
            self.tally.borrow_mut().fault("wrong clocks");
            conn.query_drop(format!("SET timestamp = UNIX_TIMESTAMP(NOW(6)) + {seconds}")).unwrap();
        }
        conn
    }

    /// Somebody sends or fetches by network, at a lab or at the centre; now and then a disk there fails.
    fn use_line(&mut self, lab: usize) {
        let at = if self.rng.u32(..5) < 2 { 0 } else { lab };
        let command = ["push", "pull", "sync"][self.rng.usize(..3)];
        self.run(at, &[command]);
        if self.rng.u32(..8) == 0 {
            self.tell("a part of a bundle for the centre is damaged".to_owned());
            self.tally.borrow_mut().fault("damages of what goes by network");
            self.site(0).sql(
                "UPDATE packmule_mail_part SET body = CONCAT(SUBSTRING(body, 2), 'x') \
                 WHERE mail IN (SELECT id FROM packmule_mail WHERE to_site = 'central') ORDER BY mail, part LIMIT 1",
            );
        }
    }

    /// Runs a command, now and then killed at some step.
    fn run(&mut self, at: usize, arguments: &[&str]) {
        if matches!(arguments.first(), Some(&("import" | "pull" | "sync"))) {
            // It would wait for the rows that are locked.
            self.release(at);
        }
        let mut command = self.site(at).command(arguments);
        let crash = (self.rng.u32(..6) == 0).then(|| {
            let step = Step::ALL[self.rng.usize(..Step::ALL.len())].name();
            format!("{step}#{}", self.rng.u32(1..=2))
        });
        if let Some(step) = &crash {
            command.env("PACKMULE_CRASH_AT", step);
        }
        let ran = Ran::new(arguments.join(" "), &command.output().unwrap());
        let crash = crash.filter(|_| ran.code.is_none());
        if crash.is_some() {
            self.tally.borrow_mut().fault("programs killed");
        }
        self.tell(format!(
            "{}: {}{}",
            self.site(at).name(),
            self.shown(&ran),
            crash.map_or(String::new(), |step| format!(" KILLED at {step}"))
        ));
        // Something is damaged; something waits.
        assert!(matches!(ran.code, None | Some(0 | 14 | 15 | 17)), "{ran:?}");
    }

    fn shown(&self, ran: &Ran) -> String {
        let folder = self.folder.path().display().to_string();
        let out = ran.stdout.lines().map(str::trim).collect::<Vec<_>>().join(" | ");
        let code = ran.code.filter(|code| *code != 0).map_or(String::new(), |code| format!(" ({code})"));
        format!("packmule {}{code} -> {out}", ran.command).replace(&folder, "")
    }

    fn lose(&mut self, stick: &Path) {
        self.tally.borrow_mut().fault("sticks lost");
        self.tell(format!("the stick {} is lost", name(stick)));
        fs::remove_dir_all(stick).unwrap();
        fs::create_dir(stick).unwrap();
    }

    fn copy(&mut self, lab: usize, stick: &Path) {
        self.made += 1;
        let copy = new_folder(self.folder.path(), &format!("copy-{}", self.made));
        self.tell(format!("the stick {} is copied to {}", name(stick), name(&copy)));
        copy_over(stick, &copy);
        self.copies[lab - 1].push(copy);
    }

    /// An old copy of a stick goes over it, or is brought in its place.
    fn bring_copy(&mut self, lab: usize, stick: &Path) {
        let copies = &self.copies[lab - 1];
        if copies.is_empty() {
            return;
        }
        let copy = copies[self.rng.usize(..copies.len())].clone();
        self.tally.borrow_mut().fault("old copies of sticks brought");
        match self.rng.u32(..3) {
            0 => self.run(0, &["import", "--no-reply", text(&copy)]),
            1 => self.run(lab, &["import", "--no-reply", text(&copy)]),
            _ => {
                self.tell(format!("{} is written over the stick {}", name(&copy), name(stick)));
                copy_over(&copy, stick);
            }
        }
    }

    fn damage(&mut self, stick: &Path) {
        let bundles = bundles_in(stick);
        if bundles.is_empty() {
            return;
        }
        let bundle = &bundles[self.rng.usize(..bundles.len())];
        let mut bytes = fs::read(bundle).unwrap();
        let at = self.rng.usize(..bytes.len().max(1));
        match (self.rng.bool(), bytes.get_mut(at)) {
            (true, Some(byte)) => *byte ^= 1,
            _ => bytes.truncate(at),
        }
        self.tell(format!("{} is damaged at {at}", name(bundle)));
        self.tally.borrow_mut().fault("files damaged on sticks");
        fs::write(bundle, bytes).unwrap();
    }

    /// Begins a transaction that stays open, or goes on in one.
    fn hold(&mut self) {
        let at = self.rng.usize(..self.held.len());
        let mut held = match self.held[at].take() {
            Some(held) => held,
            None => {
                self.tell(format!("{}: a transaction begins", self.site(at).name()));
                let mut conn = self.session(at);
                conn.query_drop("START TRANSACTION").unwrap();
                Held { conn, traces: Traces::default() }
            }
        };
        let mut seen = self.people.look(&mut held.conn);
        match self.act(at, &mut held.conn, &mut held.traces, &mut seen) {
            true => self.held[at] = Some(held),
            false => held.conn.query_drop("ROLLBACK").unwrap(),
        }
    }

    fn release_one(&mut self) {
        let at = self.rng.usize(..self.held.len());
        self.release(at);
    }

    fn release(&mut self, at: usize) {
        let Some(mut held) = self.held[at].take() else {
            return;
        };
        let commits = self.rng.u32(..4) > 0;
        self.tell(format!(
            "{}: the transaction is {}",
            self.site(at).name(),
            if commits { "committed" } else { "rolled back" }
        ));
        held.conn.query_drop(if commits { "COMMIT" } else { "ROLLBACK" }).unwrap();
        if commits {
            self.tally.borrow_mut().edits += 1;
            self.people.committed(held.traces);
        }
    }

    /// The lab is given all rows anew, as one that was away for long.
    fn start_anew(&mut self, lab: usize) {
        let name = self.site(lab).name();
        self.tell(format!("{name} is to get a snapshot"));
        self.tally.borrow_mut().fault("labs that start anew");
        self.site(0).sql(&format!("UPDATE packmule_site SET wants_snapshot = 1 WHERE name = '{name}'"));
    }

    /// Rounds until nobody has anything more to say.
    fn settle(&mut self) {
        const ROUNDS_MAX: u32 = 12;
        (0..self.held.len()).for_each(|at| self.release(at));
        self.tell("no more edits".to_owned());
        let labs: Vec<usize> = (1..=self.family.labs.len()).collect();
        let sticks: Vec<PathBuf> = labs
            .iter()
            .map(|lab| new_folder(self.folder.path(), &format!("last-{}", self.site(*lab).name())))
            .collect();
        for round in 0.. {
            assert!(
                round < ROUNDS_MAX,
                "the sites still exchange bundles after {ROUNDS_MAX} rounds with no edit"
            );
            let before = self.sealed();
            match self.plan.one_stick_at_the_end {
                true => self.round_of_all(round, &labs, text(&sticks[0])),
                false => self.rounds_one_by_one(round, &labs, &sticks),
            }
            self.tally.borrow_mut().rounds += 1;
            if self.sealed() == before {
                break;
            }
        }
    }

    /// First all labs, then the centre, then all labs. From the second round on the labs' answers are there already.
    fn round_of_all(&self, round: u32, labs: &[usize], stick: &str) {
        let (out, home): (&[&str], &[&str]) = match self.plan.online {
            true => (&["sync"], &["sync"]),
            false => (&["export", stick], &["import", stick]),
        };
        if round == 0 {
            labs.iter().for_each(|lab| self.go(round, *lab, out));
        }
        self.go(round, 0, home);
        labs.iter().for_each(|lab| self.go(round, *lab, home));
    }

    fn rounds_one_by_one(&self, round: u32, labs: &[usize], sticks: &[PathBuf]) {
        for (lab, stick) in labs.iter().zip(sticks) {
            if self.plan.online {
                [*lab, 0, *lab].iter().for_each(|at| self.go(round, *at, &["sync"]));
                continue;
            }
            self.go(round, *lab, &["export", text(stick)]);
            self.go(round, 0, &["import", text(stick)]);
            self.go(round, *lab, &["import", text(stick)]);
        }
    }

    #[track_caller]
    fn go(&self, round: u32, at: usize, arguments: &[&str]) {
        let ran = self.site(at).run(arguments);
        self.tell(format!("{}: {}", self.site(at).name(), self.shown(&ran)));
        // What waits for another stick still to come may wait in the first round, and what is damaged is sent again.
        let is_fine = ran.code == Some(0) || (matches!(ran.code, Some(14 | 15 | 17)) && round == 0);
        assert!(is_fine, "{ran:?}");
    }

    fn sealed(&self) -> Vec<String> {
        let sealed = |at| self.site(at).value("SELECT COUNT(*) FROM packmule_bundle WHERE state = 'sealed'");
        (0..self.held.len()).map(sealed).collect()
    }

    /// What is not as it must be in the end: all equal, nothing kept or open, nothing lost. `selects` read the tables.
    pub(crate) fn check(&self, selects: &BTreeMap<&'static str, String>) -> Vec<String> {
        let mut faults: Vec<String> = Vec::new();
        let central = &self.family.central;
        for (table, select) in selects {
            let wanted = central.query(select);
            for lab in &self.family.labs {
                faults.extend(differences_in(table, (lab, lab.query(select)), (central, wanted.clone())));
            }
        }
        for lab in &self.family.labs {
            let kept = lab.query("SELECT table_name, record_id, action, row_image, why, note, bundle, covered_batch FROM packmule_kept");
            faults.extend(kept.iter().map(|word| format!("{} keeps {word:?}", lab.name())));
        }
        for at in 0..self.held.len() {
            let open =
                self.site(at).query("SELECT table_name, record_id, action FROM sync_log WHERE batch IS NULL");
            faults.extend(open.iter().map(|row| format!("{} has not sealed {row:?}", self.site(at).name())));
        }
        let lost = self.people.lost(central);
        faults.extend(lost.iter().map(|word| format!("nobody wrote over {word}, and it is nowhere")));
        let mut wanted = self.stocks.clone();
        wanted.extend(&self.people.counted);
        let mut found = stocks(&self.people, central);
        found.extend(&Counts::waiting(central));
        if found != wanted {
            faults.push(format!("the stocks are, with what waits, {found:?}, and should be {wanted:?}"));
        }
        faults
    }
}

fn stocks(people: &People, site: &TestSite<'_>) -> Counts {
    people.look(&mut site.server().connect(site.database()).unwrap()).stocks
}

fn new_folder(parent: &Path, name: &str) -> PathBuf {
    let folder = parent.join(name);
    fs::create_dir(&folder).unwrap();
    folder
}

/// Copies what is in one folder into another; what is there under the same name is replaced.
fn copy_over(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(Result::unwrap) {
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
