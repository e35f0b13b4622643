//! What may go: bundles and log rows that a receipt covers, after a while; on a stick at once, when it is asked for.
//!
//! Only a receipt with the right digest moves `confirmed_seq`, and nothing here goes beyond it. A crash in the
//! middle leaves files or rows that the next run removes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bundle::{self, Unverified};
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::ledger;
use crate::mailbox::{self, Stick, Stored};
use crate::model::{BundleName, Role, Seq, Site, Stamp, StreamId};

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Bundles from the outbox.
    pub bundles: u64,
    /// Rows from the log.
    pub log_rows: u64,
}

/// Removes what was confirmed and is older than the settings keep it.
///
/// The log goes only as far as every active site has confirmed; one that is suspended or revoked comes back by a
/// snapshot, and holds nothing back.
pub fn prune(home: &mut Home<'_>) -> Result<Pruned, Error> {
    let cutoff = before(now(), home.settings.keep);
    let mut pruned = Pruned::default();
    let mut last: HashMap<Site, Option<Seq>> = HashMap::new();
    for Stored { name, .. } in home.outbox.list()? {
        let stream = home.stream_to(&name.to);
        if name != BundleName::new(&stream, name.seq) {
            continue;
        }
        let last = match last.get(&name.to) {
            Some(last) => *last,
            None => {
                let found = ledger::last_prunable_bundle(&mut home.session, &stream, cutoff)?;
                *last.entry(name.to.clone()).or_insert(found)
            }
        };
        if last.is_some_and(|last| name.seq <= last) {
            home.outbox.remove(&name)?;
            pruned.bundles += 1;
        }
    }
    // Before its first snapshot a lab's log is all that tells its own rows from rows of nobody.
    let (started, shared) =
        (ledger::started_tables(&mut home.session)?, ledger::shared_tables(&mut home.session)?);
    if home.here.role == Role::Central {
        ledger::prune_days(&mut home.session, before(now(), DAYS_KEPT))?;
    }
    if home.here.role == Role::Central || started.is_superset(&shared) {
        let streams = home.streams_out()?;
        pruned.log_rows = ledger::prune_log(&mut home.session, &streams, cutoff)?;
    }
    Ok(pruned)
}

/// Removes from a stick the bundles of this site that a receipt covers. Returns the names, and where they lay.
pub fn clean(home: &mut Home<'_>, place: &Path) -> Result<Vec<(BundleName, PathBuf)>, Error> {
    let stick = Stick::open(place)?;
    let mut removed = Vec::new();
    for found in stick.list(bundle::limits::BUNDLE_BYTES_MAX).bundles {
        // What cannot be read is no reason to leave the rest.
        let Ok(mut file) = mailbox::open_file(&found.path) else {
            continue;
        };
        let Ok(head) = Unverified::read(&mut file, found.size_bytes) else {
            continue;
        };
        let Ok(name) = head.claims().map(|manifest| manifest.name()) else {
            continue;
        };
        drop(file);
        let stream = home.stream_to(&name.to);
        if name != BundleName::new(&stream, name.seq) || !is_confirmed(home, &stream, &name)? {
            continue;
        }
        // The digest is the proof: it is the one that we gave this number.
        let record = ledger::find_bundle(&mut home.session, &stream, name.seq)?;
        if record.is_some_and(|record| record.digest == head.digest()) {
            match stick.remove(&found.path) {
                Ok(()) => removed.push((name, found.path)),
                // A copy that a person made elsewhere on the stick is that person's.
                Err(mailbox::Error::NotOurs { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }
    Ok(removed)
}

fn is_confirmed(home: &mut Home<'_>, stream: &StreamId, name: &BundleName) -> Result<bool, Error> {
    let confirmed = ledger::open_stream(&mut home.session, stream)?.confirmed;
    Ok(confirmed.is_some_and(|confirmed| name.seq <= confirmed))
}

fn before(now: Stamp, keep: Duration) -> Stamp {
    let micros = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
    Stamp::from_micros(now.micros().saturating_sub(micros))
}

/// How long it is remembered how much came on a day: a year, and what is needed to compare it with the one before.
const DAYS_KEPT: Duration = Duration::from_secs(400 * 24 * 60 * 60);

impl Home<'_> {
    /// The streams from here to every site that takes part now.
    pub(super) fn streams_out(&self) -> Result<Vec<StreamId>, Error> {
        Ok(match self.role() {
            Role::Lab => vec![self.stream_to(&self.central()?.site)],
            Role::Central => self.active_labs().map(|known| self.stream_to(&known.site)).collect(),
        })
    }
}
