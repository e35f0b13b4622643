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

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::agent::eyes::Eyes;
use crate::agent::state::Place;
use crate::agent::sticks::Sticks;
use crate::agent::turn::Turn;
use crate::config::Settings;
use crate::engine::{Cause, Error};
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
    pub tell: &'a dyn Fn(Event),
    /// Whether it is to stop, between two pieces of work.
    pub stop: &'a AtomicBool,
    /// How long to wait for the other end of a line each time.
    pub timeout: Duration,
    /// Now, for people.
    pub now: &'a dyn Fn() -> Stamp,
}

/// Runs until it is told to stop. Only what makes it useless from the start is an error.
pub fn run(settings: &Settings, around: Surroundings<'_>) -> Result<(), Error> {
    if settings.role == Role::Lab && settings.central.is_none() && !settings.agent.sticks {
        return Err(Cause::NoCentralAddress { site: settings.site.clone() }.into());
    }
    let file_error = |source| Error::File { path: settings.state.clone(), source };
    let place = Place::take(&settings.state).map_err(file_error)?.ok_or(Cause::AgentAtWork)?;
    let every = settings.central.as_ref().map_or(EVERY_AT_CENTRE, |central| central.every);
    let spread = f64::from(std::process::id() % 100) / 100.0;
    let mut agent = Agent {
        settings,
        around,
        schedule: Schedule::new(every, spread, Instant::now()),
        eyes: Eyes::new(settings),
        sticks: Sticks::default(),
        turn: Turn::new(settings, around),
        told: AgentState {
            pid: std::process::id(),
            since: (around.now)().to_string(),
            ..AgentState::default()
        },
        place,
    };
    (around.tell)(Event::Began { site: settings.site.clone(), role: settings.role });
    agent.until_stopped();
    (around.tell)(Event::Stopped);
    Ok(())
}

struct Agent<'a> {
    settings: &'a Settings,
    around: Surroundings<'a>,
    schedule: Schedule,
    eyes: Eyes<'a>,
    sticks: Sticks,
    turn: Turn<'a>,
    told: AgentState,
    place: Place,
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
            if self.settings.agent.sticks {
                self.look_for_sticks();
            }
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
        for stick in self.sticks.new_ones(Instant::now()) {
            self.told.at_work = true;
            self.note();
            self.turn.stick(&stick);
            self.told.at_work = false;
            self.note();
        }
    }

    /// Tells whoever asks. A full disk must not stop the work.
    fn note(&self) {
        let _ = self.place.tell(&self.told);
    }
}
