//! A site at work: its settings, keys, folders and database, opened once for a command.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;

use crate::bundle::{self, KeyRing, VerifyingKey};
use crate::config::{self, KeyFolder, Keys, Settings};
use crate::db::{self, Session, Target};
use crate::engine::error::{Cause, Error};
use crate::engine::rotate::finish_turn;
use crate::ledger::{self, Here, KnownSite, RetiredKey};
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
    /// Keys that were replaced, ours and those of others.
    pub(super) retired: Vec<RetiredKey>,
    /// Sites that know us by an older key, with that key.
    pub(super) untold: BTreeMap<Site, String>,
    pub(super) outbox: Folder,
    pub(super) inbox: Folder,
    /// The labs that this one of several workers of a centre serves; `None`: it does everything.
    pub(super) portion: Option<Portion>,
    /// Held, not read: the lock ends with the process, whatever way it ends.
    _lock: Option<Lock>,
}

/// A part of all labs, for one of several workers that serve them side by side.
///
/// Each worker has an inbox of its own. Two that serve the same lab, as on two computers, do no harm: the stream's row
/// is locked while a bundle is applied, and the second finds it applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Which worker, counted from 0.
    pub worker: u16,
    /// How many there are.
    pub of: u16,
}

impl Portion {
    /// Whether a lab is served by this worker.
    pub fn has(self, site: &Site) -> bool {
        let sum: u32 =
            site.as_str().bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        sum % u32::from(self.of.max(1)) == u32::from(self.worker)
    }
}

/// Whether a piece of work changes anything here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// It does, so only one at a time.
    Changes,
    /// It does, in a way that goes on beside others of the same kind, and beside nothing else.
    Shares(Option<Portion>),
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

    /// Opens the centre for work that several do at a time: one seals, others each serve a portion of the labs.
    pub fn share(
        settings: &'a Settings,
        monitor: &'a dyn Monitor,
        portion: Option<Portion>,
    ) -> Result<Self, Error> {
        Self::open(settings, monitor, Work::Shares(portion))
    }

    fn open(settings: &'a Settings, monitor: &'a dyn Monitor, work: Work) -> Result<Self, Error> {
        let folder = KeyFolder::new(&settings.state);
        let mut keys = folder.open_with(&settings.keys)?;
        let lock = match work {
            Work::Changes => Some(lock(settings, File::try_lock)?),
            Work::Shares(_) => Some(lock(settings, File::try_lock_shared)?),
            Work::Looks => None,
        };
        let mut session = connect(&settings.database)?;
        let here = ledger::load_here(&mut session)?;
        let database = settings.database.name.clone();
        let here = here.ok_or(Cause::NotSetUp { database })?;
        if here.site != settings.site || here.role != settings.role {
            return Err(Cause::OtherSite { found: here.site, wanted: settings.site.clone() }.into());
        }
        if work != Work::Looks {
            // Tables that this program knows and the one before it did not.
            ledger::prepare(&mut session, here.role)?;
        }
        let sites = ledger::sites(&mut session)?;
        let (retired, untold) = match ledger::knows_keys(&mut session)? {
            true => (ledger::retired_keys(&mut session)?, ledger::untold_sites(&mut session)?),
            // Whoever only looks must not make the tables that the program before this one did not have.
            false => (Vec::new(), BTreeMap::new()),
        };
        if work != Work::Looks && finish_turn(settings, monitor, &keys, &untold)? {
            keys = folder.open_with(&settings.keys)?;
        }
        let outbox = Folder::ensure(settings.state.join("outbox"))?;
        let portion = match work {
            Work::Shares(portion) => portion,
            Work::Changes | Work::Looks => None,
        };
        let inbox = own_folder(settings, portion, "inbox")?;
        Ok(Home {
            settings,
            monitor,
            keys,
            here,
            session,
            sites,
            retired,
            untold,
            outbox,
            inbox,
            portion,
            _lock: lock,
        })
    }

    /// Where bundles lie while they are fetched.
    pub(super) fn arriving(&self) -> Result<Folder, Error> {
        own_folder(self.settings, self.portion, "arriving")
    }

    /// Whether this piece of work is the one that looks after what all share: triggers, the outbox, the log.
    pub(super) fn keeps_house(&self) -> bool {
        self.portion.is_none()
    }

    /// Whether bundles of `site` are this one's to take in.
    pub(super) fn serves(&self, site: &Site) -> bool {
        self.portion.is_none_or(|portion| portion.has(site))
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
        for own in std::iter::once(&self.keys.signing).chain(&self.keys.retired) {
            ring.insert(self.here.site.clone(), own.verifying_key().clone());
        }
        for known in &self.sites {
            ring.insert(known.site.clone(), known.verifying_key.parse::<VerifyingKey>()?);
        }
        for one in self.retired.iter().filter(|one| one.stream.from != self.here.site) {
            ring.retire(bundle::RetiredKey {
                site: one.stream.from.clone(),
                incarnation: one.stream.incarnation,
                last: one.last,
                key: one.verifying_key.parse()?,
            });
        }
        Ok(ring)
    }

    /// One more connection with the same settings.
    pub(super) fn connect(&self) -> Result<Session, Error> {
        connect(&self.settings.database)
    }
}

fn own_folder(settings: &Settings, portion: Option<Portion>, name: &str) -> Result<Folder, Error> {
    let mut path = settings.state.clone();
    if let Some(Portion { worker, .. }) = portion {
        for level in ["workers".to_owned(), worker.to_string()] {
            path.push(level);
            Folder::ensure(&path)?;
        }
    }
    Ok(Folder::ensure(path.join(name))?)
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

/// How the lock is taken: alone, or beside others.
pub(super) type TakeLock = fn(&File) -> Result<(), TryLockError>;

/// The one lock of a state folder, held. A file lock: it cannot be left behind by a crash.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a program that was started a moment ago may still have it open, too.
        let _ = self.0.unlock();
    }
}

/// Takes the one lock of a state folder.
pub(super) fn lock(settings: &Settings, take: TakeLock) -> Result<Lock, Error> {
    let path: PathBuf = settings.state.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| Error::File { path: path.clone(), source })?;
    match take(&file) {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Cause::AtWork.into()),
        Err(TryLockError::Error(source)) => Err(Error::File { path, source }),
    }
}
