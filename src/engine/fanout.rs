//! One reading of the changes, many streams: each site gets what it has not made itself.
//!
//! The rows are read once, in one snapshot, into a list that goes to disk when it is large; from there each
//! stream is sealed after the other. So the snapshot is as short for two hundred labs as for one, and memory is flat.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use crate::bundle::{FOLLOWS_SETTING, HAD_SETTING};
use crate::capture::{Audience, Captured, Snapshot, Summary};
use crate::config::Keys;
use crate::db::Table;
use crate::engine::error::{Cause, Error};
use crate::engine::feed::{Feed, seal_stream};
use crate::engine::outbox::OutboxFolder;
use crate::engine::receivers::Receiver;
use crate::mailbox::Folder;
use crate::model::{BundleKind, Stamp, TableName, TableShape};
use crate::monitor::Monitor;
use crate::seal::{Plan, Sealed, Sealer, Turn};
use crate::spool::Spool;

/// What the bundles of one seal have in common.
pub(super) struct Fanout<'a> {
    pub(super) outbox: &'a Folder,
    pub(super) keys: &'a Keys,
    pub(super) sealed_at: Stamp,
    /// How far the clock is ahead of the centre's, in milliseconds; `None` where nobody knows.
    pub(super) ahead_ms: Option<i64>,
    pub(super) size_bytes_max: u64,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) tables: &'a [&'a Table],
    pub(super) monitor: &'a dyn Monitor,
}

impl Fanout<'_> {
    /// Seals for every receiver. Returns what was read, and the bundles of each receiver, in the same order.
    pub(super) fn seal(
        &self,
        snapshot: &mut Snapshot<'_>,
        receivers: &[Receiver],
    ) -> Result<(Summary, Vec<Vec<Sealed>>), Error> {
        let takers: Vec<&Receiver> = receivers.iter().filter(|one| one.kind == BundleKind::Changes).collect();
        let mut sealed: HashMap<&str, Vec<Sealed>> = HashMap::new();
        let summary = match takers.as_slice() {
            [] => snapshot.skip(),
            [only] => {
                let mut summary = Summary::default();
                let made = self.stream(only, &mut |feed| {
                    summary = snapshot.read(&mut |captured| feed.take_for(captured, &only.site))?;
                    Ok(())
                })?;
                sealed.insert(only.site.as_str(), made);
                summary
            }
            many => {
                let (summary, mut changes) = self.collect(snapshot)?;
                for one in many {
                    let made = self.stream(one, &mut |feed| changes.feed(feed, one))?;
                    sealed.insert(one.site.as_str(), made);
                }
                summary
            }
        };
        for one in receivers.iter().filter(|one| one.kind == BundleKind::Snapshot) {
            let made = self.stream(one, &mut |feed| {
                snapshot
                    .whole(self.tables, self.sealed_at, &mut |captured| feed.take_for(captured, &one.site))
            })?;
            sealed.insert(one.site.as_str(), made);
        }
        let of = |one: &Receiver| sealed.remove(one.site.as_str()).unwrap_or_default();
        Ok((summary, receivers.iter().map(of).collect()))
    }

    fn stream(
        &self,
        to: &Receiver,
        produce: &mut dyn FnMut(&mut Feed) -> Result<(), Error>,
    ) -> Result<Vec<Sealed>, Error> {
        let mut settings = self.settings.clone();
        settings.extend(to.follows.clone().map(|text| (FOLLOWS_SETTING.to_owned(), text)));
        settings.extend(to.had.clone().map(|text| (HAD_SETTING.to_owned(), text)));
        let plan = Plan {
            stream: to.stream.id.clone(),
            first: to.stream.next().ok_or(crate::seal::Error::NoNumbersLeft)?,
            previous: to.stream.previous(),
            sealed_at: self.sealed_at,
            ahead_ms: self.ahead_ms,
            kind: to.kind,
            receipt: to.receipt,
            even_empty: to.owes_receipt || to.kind == BundleKind::Snapshot,
            settings,
            recipient: &to.recipient,
            signing: &self.keys.signing,
            turn: self.turn(to)?,
            size_bytes_max: self.size_bytes_max,
        };
        let outbox = OutboxFolder(self.outbox);
        seal_stream(Sealer::new(plan, &outbox, self.monitor), produce)
    }

    /// What tells a site of new keys, where it knows older ones.
    fn turn(&self, to: &Receiver) -> Result<Option<Turn<'_>>, Error> {
        let Some(known) = &to.known_key else {
            return Ok(None);
        };
        let old = self.keys.signing_key(known);
        let old = old.ok_or_else(|| Cause::KeyNotKept { key: known.clone(), site: to.site.clone() })?;
        Ok(Some(Turn { old, new: self.keys.public() }))
    }

    fn collect(&self, snapshot: &mut Snapshot<'_>) -> Result<(Summary, Collected<'_>), Error> {
        let mut changes = Collected::new(self.outbox.path());
        let summary = snapshot.read(&mut |captured| changes.take(captured))?;
        Ok((summary, changes))
    }
}

/// The changes of one seal, each with who is to hear of it.
struct Collected<'a> {
    shapes: HashMap<TableName, TableShape>,
    open: Option<TableShape>,
    spool: Spool<'a, Audience>,
}

impl<'a> Collected<'a> {
    fn new(folder: &'a Path) -> Self {
        Collected { shapes: HashMap::new(), open: None, spool: Spool::new(folder) }
    }

    fn take(&mut self, captured: Captured<'_>) -> Result<(), Error> {
        match captured {
            Captured::Table(shape) => {
                self.shapes.insert(shape.name.clone(), shape.clone());
                self.open = Some(shape.clone());
            }
            Captured::Change(change, audience) => {
                if let Some(shape) = &self.open {
                    self.spool.push(shape, change, audience).map_err(crate::seal::Error::from)?;
                }
            }
        }
        Ok(())
    }

    /// Feeds what `to` is to hear of.
    fn feed(&mut self, feed: &mut Feed, to: &Receiver) -> Result<(), Error> {
        let shapes = &self.shapes;
        let mut open: Option<TableName> = None;
        let fed = self.spool.each(&|table| shapes.get(table).cloned(), &mut |table, change, audience| {
            if !audience.includes(&to.site) {
                return Ok(());
            }
            if open.as_ref() != Some(&table)
                && let Some(shape) = shapes.get(&table)
            {
                feed.take(Captured::Table(shape))?;
                open = Some(table);
            }
            Ok(feed.take(Captured::Change(change, audience))?)
        });
        fed.map_err(|Stopped(error)| error)
    }
}

/// Why the list was not read to its end: its own file, or whoever takes what is in it.
struct Stopped(Error);

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Stopped(crate::seal::Error::from(error).into())
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Stopped(error)
    }
}
