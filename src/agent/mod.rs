//! The agent: does by itself, whenever it becomes possible, what a person would do by command.
//!
//! At a lab it exchanges with the centre every so often, soon after edits, as soon as something waits at the centre, and at once
//! when the centre can be reached again. At the centre it applies what arrives and seals what waits. It holds the site's lock only
//! while it is at work, so a person's command finds its turn; and it keeps no state that matters: whatever ends it,
//! the next one goes on.

mod events;
mod eyes;
mod schedule;
mod state;
mod sticks;
mod turn;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::agent::eyes::Eyes;
use crate::agent::state::Place;
use crate::agent::sticks::Sticks;
use crate::agent::turn::{Task, Turn};
use crate::config::Settings;
use crate::engine::{Cause, Error, Portion};
use crate::model::{Role, Stamp};
use crate::monitor::Monitor;

pub use events::{Event, Exchange};
pub use schedule::{Ended, Schedule};
pub use state::{AgentState, agent_state};

/// How soon the agent hears that it is to stop, and sees what is new.
const TICK: Duration = Duration::from_millis(500);
/// How often the centre looks on its own for what no eye has seen, such as a receipt that is owed.
const EVERY_AT_CENTRE: Duration = Duration::from_secs(60);

/// What the agent needs from whoever runs it.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Hears what the work is doing.
    pub monitor: &'a dyn Monitor,
    /// Is told what happens, in the order in which it does.
    pub tell: &'a (dyn Fn(Event) + Sync),
    /// Whether it is to stop, between two pieces of work.
    pub stop: &'a AtomicBool,
    /// How long to wait for the other end of a line each time.
    pub timeout: Duration,
    /// Now, for people.
    pub now: &'a (dyn Fn() -> Stamp + Sync),
}

/// Runs until it is told to stop. Only what makes it useless from the start is an error.
///
/// At the centre with several workers, one thread seals and looks after the house, and each of the others takes in what comes
/// from a portion of the labs. All they share is the database.
pub fn run(settings: &Settings, around: Surroundings<'_>) -> Result<(), Error> {
    if settings.role == Role::Lab && settings.central.is_none() && !settings.agent.sticks {
        return Err(Cause::NoCentralAddress { site: settings.site.clone() }.into());
    }
    let file_error = |source| Error::File { path: settings.state.clone(), source };
    let place = Place::take(&settings.state).map_err(file_error)?.ok_or(Cause::AgentAtWork)?;
    forget_workers(settings);
    (around.tell)(Event::Began { site: settings.site.clone(), role: settings.role });
    // A lab's settings say one, too.
    let (task, of) = match settings.agent.workers {
        0 | 1 => (Task::Both, 0),
        several => (Task::Seal, several),
    };
    thread::scope(|scope| {
        for worker in 0..of {
            let task = Task::Serve(Portion { worker, of });
            scope.spawn(move || {
                let _guard = StopsAll(around.stop);
                Agent::new(settings, around, task, None).until_stopped();
            });
        }
        Agent::new(settings, around, task, Some(place)).until_stopped();
    });
    (around.tell)(Event::Stopped);
    Ok(())
}

/// What workers have fetched and not applied lies in the mail, too: it is fetched again by whoever serves the lab now.
fn forget_workers(settings: &Settings) {
    // What cannot be removed is only in the way of nobody.
    let _ = fs::remove_dir_all(settings.state.join("workers"));
}

/// A thread that panics ends the whole agent: a service is started again, a lab that nobody serves would wait in silence.
struct StopsAll<'a>(&'a AtomicBool);

impl Drop for StopsAll<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// One thread of the agent.
struct Agent<'a> {
    settings: &'a Settings,
    around: Surroundings<'a>,
    schedule: Schedule,
    eyes: Eyes<'a>,
    sticks: Option<Sticks>,
    turn: Turn<'a>,
    told: AgentState,
    /// Where the one thread that speaks for all tells what it does.
    place: Option<Place>,
}

impl<'a> Agent<'a> {
    fn new(settings: &'a Settings, around: Surroundings<'a>, task: Task, place: Option<Place>) -> Self {
        let every = settings.central.as_ref().map_or(EVERY_AT_CENTRE, |central| central.every);
        let spread = f64::from(std::process::id() % 100) / 100.0;
        let since = (around.now)().to_string();
        Agent {
            settings,
            around,
            schedule: Schedule::new(every, spread, Instant::now()),
            eyes: Eyes::new(settings, task),
            sticks: (settings.agent.sticks && place.is_some()).then(Sticks::default),
            turn: Turn::new(settings, around, task),
            told: AgentState { pid: std::process::id(), since, ..AgentState::default() },
            place,
        }
    }
}

impl Agent<'_> {
    fn until_stopped(&mut self) {
        let has_line = self.settings.role == Role::Central || self.settings.central.is_some();
        while !self.around.stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            if has_line && now >= self.schedule.due() {
                self.exchange();
                continue;
            }
            self.look_for_sticks();
            if has_line {
                self.eyes.look(&mut self.schedule, self.turn.line(), now);
            }
            thread::sleep(TICK);
        }
    }

    /// One exchange over the line.
    fn exchange(&mut self) {
        self.told.at_work = true;
        self.note();
        let before = self.eyes.before();
        let was_away = self.schedule.is_away();
        let (ended, trouble) = self.turn.exchange(was_away);
        self.schedule.ended(ended, Instant::now());
        self.eyes.after(before, &mut self.schedule, ended);
        let now = (self.around.now)();
        if ended == Ended::Done {
            self.told.last_done = Some(now.to_string());
        }
        self.told.at_work = false;
        self.told.is_away = ended == Ended::Away;
        self.told.trouble = trouble;
        let wait = self.schedule.due().saturating_duration_since(Instant::now());
        let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        self.told.next = Some(Stamp::from_micros(now.micros().saturating_add(wait)).to_string());
        self.note();
    }

    fn look_for_sticks(&mut self) {
        let new = self.sticks.as_mut().map(|sticks| sticks.new_ones(Instant::now()));
        for stick in new.into_iter().flatten() {
            self.told.at_work = true;
            self.note();
            self.turn.stick(&stick);
            self.told.at_work = false;
            self.note();
        }
    }

    /// Tells whoever asks. A full disk must not stop the work.
    fn note(&self) {
        let _ = self.place.as_ref().map(|place| place.tell(&self.told));
    }
}
