//! A site at work: its settings, keys, folders and database, opened once for a command.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;

use crate::bundle::{KeyRing, VerifyingKey};
use crate::config::{self, KeyFolder, Keys, Settings};
use crate::db::{self, Session, Target};
use crate::engine::error::{Cause, Error};
use crate::ledger::{self, Here, KnownSite};
use crate::mailbox::Folder;
use crate::model::{Direction, Role, Site, Stamp, StreamId, TableName};
use crate::monitor::Monitor;

/// A site at work.
pub struct Home<'a> {
    pub(super) settings: &'a Settings,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) keys: Keys,
    pub(super) here: Here,
    pub(super) session: Session,
    pub(super) sites: Vec<KnownSite>,
    pub(super) outbox: Folder,
    pub(super) inbox: Folder,
    /// Held, not read: the lock ends with the process, whatever way it ends.
    _lock: Option<File>,
}

/// Whether a piece of work changes anything here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// It does, so only one at a time.
    Changes,
    /// It only looks.
    Looks,
}

impl<'a> Home<'a> {
    /// Opens a site to look at it.
    pub fn look(settings: &'a Settings, monitor: &'a dyn Monitor) -> Result<Self, Error> {
        Self::open(settings, monitor, Work::Looks)
    }

    /// Opens a site to change something; only one process can at a time.
    pub fn work(settings: &'a Settings, monitor: &'a dyn Monitor) -> Result<Self, Error> {
        Self::open(settings, monitor, Work::Changes)
    }

    fn open(settings: &'a Settings, monitor: &'a dyn Monitor, work: Work) -> Result<Self, Error> {
        let keys = KeyFolder::new(&settings.state).open()?;
        let lock = match work {
            Work::Changes => Some(lock(settings)?),
            Work::Looks => None,
        };
        let mut session = connect(&settings.database)?;
        let here = ledger::load_here(&mut session)?;
        let database = settings.database.name.clone();
        let here = here.ok_or(Cause::NotSetUp { database })?;
        if here.site != settings.site || here.role != settings.role {
            return Err(Cause::OtherSite { found: here.site, wanted: settings.site.clone() }.into());
        }
        if work == Work::Changes {
            // Tables that this program knows and the one before it did not.
            ledger::prepare(&mut session, here.role)?;
        }
        let sites = ledger::sites(&mut session)?;
        let outbox = Folder::ensure(settings.state.join("outbox"))?;
        let inbox = Folder::ensure(settings.state.join("inbox"))?;
        Ok(Home { settings, monitor, keys, here, session, sites, outbox, inbox, _lock: lock })
    }

    /// This site's name.
    pub fn site(&self) -> &Site {
        &self.here.site
    }

    /// Centre or lab.
    pub fn role(&self) -> Role {
        self.here.role
    }

    /// The centre, as a lab knows it.
    pub(super) fn central(&self) -> Result<&KnownSite, Error> {
        if self.here.role == Role::Central {
            return Err(Cause::OnlyAtLab { site: self.here.site.clone() }.into());
        }
        let central = self.sites.iter().find(|known| known.role == Role::Central);
        Ok(central.ok_or_else(|| Cause::NotJoined { site: self.here.site.clone() })?)
    }

    /// The shared tables, each with the way that its changes go. At the centre the settings say it.
    pub(super) fn directions(&mut self) -> Result<BTreeMap<TableName, Direction>, Error> {
        let mut directions = ledger::table_directions(&mut self.session)?;
        if self.here.role == Role::Central {
            for (table, direction) in &mut directions {
                *direction = self.settings.rules.get(table).map_or(Direction::Both, |rules| rules.direction);
            }
        }
        Ok(directions)
    }

    /// The stream from this site to `to`.
    pub(super) fn stream_to(&self, to: &Site) -> StreamId {
        StreamId { from: self.here.site.clone(), incarnation: self.here.incarnation, to: to.clone() }
    }

    /// The keys by which bundles are known: those of every enrolled site, and our own.
    pub(super) fn ring(&self) -> Result<KeyRing, Error> {
        let mut ring = KeyRing::default();
        ring.insert(self.here.site.clone(), self.keys.signing.verifying_key().clone());
        for known in &self.sites {
            ring.insert(known.site.clone(), known.verifying_key.parse::<VerifyingKey>()?);
        }
        Ok(ring)
    }

    /// One more connection with the same settings.
    pub(super) fn connect(&self) -> Result<Session, Error> {
        connect(&self.settings.database)
    }
}

/// Now, by this machine's clock.
pub(super) fn now() -> Stamp {
    Stamp::from_micros(Utc::now().timestamp_micros())
}

/// Connects to the database that the settings name.
pub(super) fn connect(database: &config::Database) -> Result<Session, Error> {
    connect_within(database, None)
}

/// The same over a line that may fall silent: after `timeout` it is given up.
pub(super) fn connect_within(
    database: &config::Database,
    timeout: Option<Duration>,
) -> Result<Session, Error> {
    let tls = match database.tls {
        config::Tls::Off => db::Tls::Off,
        config::Tls::Required | config::Tls::Preferred => db::Tls::Required { ca: database.ca.clone() },
    };
    let mut target = Target {
        host: database.host.clone(),
        port: database.port,
        socket: database.socket.clone(),
        user: database.user.clone(),
        password: database.password.read()?.map(|text| db::Password::new(text.as_str().to_owned())),
        database: database.name.clone(),
        tls,
        timeout,
    };
    match Session::open(&target) {
        // "preferred": a server without TLS is still better than none
        Err(db::Error::Insecure { fault, .. })
            if database.tls == config::Tls::Preferred && fault.is_servers() =>
        {
            target.tls = db::Tls::Off;
            Ok(Session::open(&target)?)
        }
        other => Ok(other?),
    }
}

/// Takes the one lock of a state folder. A file lock: it cannot be left behind by a crash.
pub(super) fn lock(settings: &Settings) -> Result<File, Error> {
    let path: PathBuf = settings.state.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| Error::File { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Cause::AtWork.into()),
        Err(std::fs::TryLockError::Error(source)) => Err(Error::File { path, source }),
    }
}
