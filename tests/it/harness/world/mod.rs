//! A centre, its labs and their sticks, with everything at random that may happen between them, from a seed.

mod backup;
mod check;
mod commands;
mod editing;
mod settle;
mod sticks;
mod strikes;

use std::cell::RefCell;
use std::path::PathBuf;

use fastrand::Rng;

use crate::harness::counts::Counts;
use crate::harness::event::{EVENTS, Event, event_at};
use crate::harness::family::Family;
use crate::harness::line::Line;
use crate::harness::people::People;
use crate::harness::site::{TestSite, memory_folder};
use crate::harness::subjects::Subject;
use crate::harness::tally::Tally;
use backup::Backup;
use check::stocks;
use editing::Held;
use sticks::{new_folder, text};
use strikes::Striker;

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
    /// Whether servers and programs are killed at any moment, lines cut, and calls of the system fail.
    pub(crate) is_rough: bool,
    /// Whether the database of a lab is put back from a backup.
    pub(crate) is_put_back: bool,
}

/// The centre and its labs, by number: 0 is the centre.
pub(crate) struct World<'f> {
    family: &'f Family<'static>,
    /// The lines of the labs to the centre, where they can be cut.
    lines: &'f [Line],
    rng: Rng,
    /// Who decides conflicts throws dice of their own: what else happens from a seed stays as it is.
    decider: Rng,
    /// So does what strikes a command in the middle.
    striker: Striker,
    backup: Option<Backup<'f>>,
    /// The lab whose database was put back.
    put_back: Option<usize>,
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
impl<'f> World<'f> {
    /// A world of these sites, as they are.
    pub(crate) fn new(
        (family, lines): (&'f Family<'static>, &'f [Line]),
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
        let mut striker = Striker::new(plan.seed);
        let backup = plan.is_put_back.then(|| striker.backup(family.labs.len(), plan.steps));
        World {
            rng: Rng::with_seed(plan.seed),
            decider: Rng::with_seed(plan.seed.wrapping_add(1 << 32)),
            striker,
            backup,
            put_back: None,
            lines,
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
        for step in 0..self.plan.steps {
            self.keep_backup(step);
            self.step();
        }
        self.settle();
    }

    fn step(&mut self) {
        if self.decider.u32(..5) == 0 {
            self.decide();
        }
        if self.plan.is_rough && self.striker.agents_are_due() {
            self.run_agents();
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
    /// The lab is given all rows anew, as one that was away for long.
    fn start_anew(&mut self, lab: usize) {
        let name = self.site(lab).name();
        self.tell(format!("{name} is to get a snapshot"));
        self.tally.borrow_mut().fault("labs that start anew");
        self.site(0).sql(&format!("UPDATE packmule_site SET wants_snapshot = 1 WHERE name = '{name}'"));
    }
}
