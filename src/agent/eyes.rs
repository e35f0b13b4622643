//! What the agent looks at between two exchanges, often and cheaply: the log here, and the mail at the other end.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::agent::schedule::{Ended, Schedule};
use crate::agent::turn::Task;
use crate::config::Settings;
use crate::engine::{MailLine, Watch};
use crate::ledger::OpenEdits;
use crate::model::Role;

/// How often the log here is looked at.
const LOG_EVERY: Duration = Duration::from_secs(1);
/// How often a lab asks whether mail waits at the centre; a question is some hundred bytes.
const MAIL_EVERY: Duration = Duration::from_secs(5);
/// How often a centre that is away is knocked at, and for how long.
const KNOCK_EVERY: Duration = Duration::from_secs(5);
const KNOCK_MAX: Duration = Duration::from_secs(3);

/// Looks for reasons to exchange before the next one is due.
pub(super) struct Eyes<'a> {
    settings: &'a Settings,
    task: Task,
    watch: Option<Watch>,
    edits: OpenEdits,
    mail: Option<u64>,
    next_log: Instant,
    next_mail: Instant,
    next_knock: Instant,
    /// Whether nobody answered at the centre's door the last time.
    was_silent: bool,
}

impl<'a> Eyes<'a> {
    pub(super) fn new(settings: &'a Settings, task: Task) -> Self {
        let now = Instant::now();
        Eyes {
            settings,
            task,
            watch: None,
            edits: OpenEdits::default(),
            mail: None,
            next_log: now,
            next_mail: now,
            next_knock: now,
            was_silent: false,
        }
    }

    /// Looks, where it is time to, and brings the next exchange forward where there is a reason.
    pub(super) fn look(&mut self, schedule: &mut Schedule, line: Option<&mut MailLine>, now: Instant) {
        let (sees_edits, sees_mail) = match self.task {
            Task::Both => (true, true),
            Task::Seal => (true, false),
            Task::Serve(_) => (false, true),
        };
        if sees_edits && now >= self.next_log {
            self.next_log = now + LOG_EVERY;
            if let Some(edits) = self.open_edits()
                && edits != self.edits
                && edits.rows > 0
            {
                schedule.edits(now);
            }
        }
        if schedule.is_away() {
            self.knock(schedule, now);
        } else if let Some(line) = line.filter(|_| sees_mail && now >= self.next_mail) {
            let every = if self.settings.role == Role::Central { LOG_EVERY } else { MAIL_EVERY };
            self.next_mail = now + every;
            // A line that broke is no news: the next exchange finds out, and says so.
            if let Ok(newest) = line.newest() {
                if newest > self.mail {
                    schedule.mail(now);
                }
                self.mail = newest;
            }
        }
    }

    /// Before an exchange: what is there now is what it takes along.
    pub(super) fn before(&mut self) -> OpenEdits {
        self.open_edits().unwrap_or(self.edits)
    }

    /// After an exchange: what is still open was held back for a reason, and what is newer was made meanwhile.
    pub(super) fn after(&mut self, before: OpenEdits, schedule: &mut Schedule, ended: Ended) {
        if ended != Ended::Done {
            return;
        }
        self.was_silent = false;
        if let Some(edits) = self.open_edits() {
            self.edits = edits;
            if edits.newest > before.newest {
                schedule.edits(Instant::now());
            }
        }
    }

    fn open_edits(&mut self) -> Option<OpenEdits> {
        if matches!(self.task, Task::Serve(_)) {
            return None;
        }
        if self.watch.is_none() {
            self.watch = Watch::open(self.settings).ok();
        }
        let edits = self.watch.as_mut()?.open_edits();
        if edits.is_err() {
            // The database is away, or was: the next look connects anew.
            self.watch = None;
        }
        edits.ok()
    }

    /// Whether somebody answers again at the centre's door, where nobody did before.
    fn knock(&mut self, schedule: &mut Schedule, now: Instant) {
        let Some(central) = &self.settings.central else { return };
        if now < self.next_knock {
            return;
        }
        self.next_knock = now + KNOCK_EVERY;
        let address = (central.database.host.as_str(), central.database.port).to_socket_addrs();
        let address = address.ok().and_then(|mut found| found.next());
        let answers = address.is_some_and(|address| TcpStream::connect_timeout(&address, KNOCK_MAX).is_ok());
        if answers && self.was_silent {
            schedule.line_is_back(now);
        }
        self.was_silent = !answers;
    }
}
