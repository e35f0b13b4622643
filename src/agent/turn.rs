//! One turn of the agent's work: an exchange over the line, or one with a stick.

use std::path::Path;

use crate::agent::Surroundings;
use crate::agent::events::{Event, Exchange};
use crate::agent::schedule::Ended;
use crate::apply::Without;
use crate::config::Settings;
use crate::engine::{self, CarryTo, Cause, Error, Home, ImportOptions, LineOptions, MailLine, Portion};
use crate::mailbox::MailError;

/// What a turn is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Everything that comes and goes.
    Both,
    /// At the centre, beside those that serve the labs: what waits in the inbox, and what waits to be sealed.
    Seal,
    /// At the centre: what comes from a portion of the labs.
    Serve(Portion),
}

/// Does the work, and keeps the line for the next turn.
pub(super) struct Turn<'a> {
    settings: &'a Settings,
    task: Task,
    around: Surroundings<'a>,
    line: Option<MailLine>,
    /// What was told last of a trouble, so that the same one is told once.
    told: Option<String>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(settings: &'a Settings, around: Surroundings<'a>, task: Task) -> Self {
        Turn { settings, task, around, line: None, told: None }
    }

    /// The line of the last exchange, where it stands.
    pub(super) fn line(&mut self) -> Option<&mut MailLine> {
        self.line.as_mut()
    }

    /// Pulls and pushes. Returns how it ended, and what stood in the way in words.
    pub(super) fn exchange(&mut self, was_away: bool) -> (Ended, Option<String>) {
        let mut done = Exchange::default();
        let outcome = self.try_exchange(&mut done);
        let stopped = [done.pull.stopped_by.take(), done.push.stopped_by.take()].into_iter().flatten().next();
        let trouble = outcome.err().or(stopped);
        if was_away && trouble.is_none() {
            (self.around.tell)(Event::Back);
        }
        (self.around.tell)(Event::Exchanged(Box::new(done)));
        let Some(error) = trouble else {
            self.told = None;
            return (Ended::Done, None);
        };
        let (ended, words) = (ended(&error), error.to_string());
        if ended != Ended::Busy {
            self.line = None;
            self.tell_once(ended, error);
        }
        (ended, Some(words))
    }

    fn try_exchange(&mut self, done: &mut Exchange) -> Result<(), Error> {
        let (settings, monitor) = (self.settings, self.around.monitor);
        let mut home = match self.task {
            Task::Both => Home::work(settings, monitor)?,
            Task::Seal => Home::share(settings, monitor, None)?,
            Task::Serve(portion) => Home::share(settings, monitor, Some(portion))?,
        };
        let options = LineOptions { timeout: self.around.timeout, limit_rate: None };
        let line = match &mut self.line {
            Some(line) => line,
            None => self.line.insert(MailLine::open(&home, options)?),
        };
        let without = Without::default();
        let import = ImportOptions::usual(&without);
        match self.task {
            Task::Both | Task::Serve(_) => done.pull = engine::pull(&mut home, line, import)?,
            // What came by stick and waits for what comes by network.
            Task::Seal => done.pull.import = engine::import(&mut home, &[], import)?,
        }
        let is_sealer = matches!(self.task, Task::Both | Task::Seal);
        if is_sealer && self.settings.agent.seals {
            done.push = engine::push(&mut home, line)?;
        }
        Ok(())
    }

    /// Imports from a stick, then puts on it what waits: one visit brings and fetches.
    pub(super) fn stick(&mut self, path: &Path) {
        if let Err(error) = self.try_stick(path) {
            (self.around.tell)(Event::Failed(error));
        }
    }

    fn try_stick(&self, path: &Path) -> Result<(), Error> {
        let mut home = Home::work(self.settings, self.around.monitor)?;
        let without = Without::default();
        let import = ImportOptions::usual(&without);
        let import = engine::import(&mut home, &[path.to_owned()], import)?;
        let sealed = engine::seal(&mut home)?;
        let carried = engine::carry(&mut home, path, &CarryTo::All)?;
        engine::prune(&mut home)?;
        let count = carried.bundles.len();
        let (path, import) = (path.to_owned(), Box::new(import));
        (self.around.tell)(Event::Stick { path, import, sealed, carried: count });
        match carried.stopped_by {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// The same trouble is told once, not every minute.
    fn tell_once(&mut self, ended: Ended, error: Error) {
        let words = error.to_string();
        if self.told.as_ref() == Some(&words) {
            return;
        }
        (self.around.tell)(match ended {
            Ended::Away => Event::Away(error),
            Ended::Done | Ended::Busy | Ended::Failed => Event::Failed(error),
        });
        self.told = Some(words);
    }
}

fn ended(error: &Error) -> Ended {
    if matches!(error, Error::State(Cause::AtWork)) {
        Ended::Busy
    } else if matches!(error, Error::Mail(MailError::Unreachable { .. } | MailError::Dropped { .. })) {
        Ended::Away
    } else {
        Ended::Failed
    }
}
