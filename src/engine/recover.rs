//! `recover`: a lab whose database was put back from a backup goes on under a new history.
//!
//! Its next numbers are used already, so it may seal nothing more under the old one. What it has sealed and nobody
//! confirmed is opened again and sent anew: where the centre has it, it is found equal. Bundles of the old history
//! that lie in the outbox hold edits that the database has lost; they are carried along, and the centre takes them
//! in as the end of that history. The rest comes back by a snapshot, once the centre has the new card.

use std::path::{Path, PathBuf};

use crate::config::{KeyFolder, Witness};
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::setup::{card_text, new_incarnation};
use crate::ledger;
use crate::model::{BundleName, Incarnation, Role, Seq, Site, StreamId};
use crate::monitor::Step;

/// What `recover` finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The last bundle that the database knows to be sealed; 0: none.
    pub known: u64,
    /// The last bundle that was sealed, as far as the witness file and the outbox tell.
    pub sealed: u64,
    /// Bundles in the outbox that the database does not know, or that nobody has confirmed.
    pub in_outbox: Vec<BundleName>,
    /// Log rows that are sent again.
    pub log_rows: u64,
}

/// What `recover` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// What it found.
    pub lost: Lost,
    /// The new history.
    pub incarnation: Incarnation,
    /// Where the new card is.
    pub card: PathBuf,
    /// The six words: the keys are the same, and so are they.
    pub words: String,
}

/// Looks what a recovery would do. Changes nothing.
pub fn look_for_losses(home: &mut Home<'_>) -> Result<Lost, Error> {
    let stream = home.stream_to(&home.central()?.site.clone());
    let known = ledger::open_stream(&mut home.session, &stream)?;
    let witness = Witness::open(&KeyFolder::new(&home.settings.state))?;
    let witnessed = witness.last(&stream.to).map_or(0, |sealed| sealed.seq.number());
    let names: Vec<BundleName> = home.outbox.list()?.into_iter().map(|stored| stored.name).collect();
    let ours = names.into_iter().filter(|name| *name == BundleName::new(&stream, name.seq));
    let confirmed = known.confirmed;
    let in_outbox: Vec<BundleName> =
        ours.filter(|name| confirmed.is_none_or(|confirmed| name.seq > confirmed)).collect();
    let known = known.last.map_or(0, |(seq, _)| seq.number());
    let newest = in_outbox.iter().map(|name| name.seq.number()).max().unwrap_or(0);
    Ok(Lost {
        known,
        sealed: witnessed.max(newest).max(known),
        in_outbox,
        log_rows: ledger::unconfirmed_log_rows(&mut home.session, &stream)?,
    })
}

/// Opens a new history and writes the card that tells the centre of it.
///
/// The database first: a crash behind its commit leaves a witness that does not fit, and the same command again opens
/// one more history, of which the centre learns instead. Nothing was sealed under either.
pub fn recover(home: &mut Home<'_>, card: &Path) -> Result<Recovered, Error> {
    let lost = look_for_losses(home)?;
    let stream = home.stream_to(&home.central()?.site.clone());
    let incarnation = new_incarnation(home.settings)?;
    ledger::change_history(&mut home.session, &stream, incarnation)?;
    home.monitor.step(Step::RecoverCommitted);
    home.here.incarnation = incarnation;
    let folder = KeyFolder::new(&home.settings.state);
    Witness::open(&folder)?.forget(&stream.to)?;
    home.monitor.step(Step::RecoverWitnessed);
    let text = card_text(home.settings, &home.keys, &home.here)?;
    folder.keep_card(&text)?;
    folder.forget_restored()?;
    // The card tells the centre of the keys of now; the new history begins with them.
    ledger::forget_untold(&mut home.session, &stream.to)?;
    home.untold.remove(&stream.to);
    std::fs::write(card, text).map_err(|source| Error::File { path: card.to_path_buf(), source })?;
    Ok(Recovered { lost, incarnation, card: card.to_path_buf(), words: home.keys.words() })
}

impl Home<'_> {
    /// Bundles of a history of this database that has ended, of each receiver the oldest first: as long as it may need them.
    pub(super) fn left_behind(&mut self) -> Result<Vec<(BundleName, u64)>, Error> {
        let receivers: Vec<Site> = match self.role() {
            Role::Lab => vec![self.central()?.site.clone()],
            Role::Central => self.active_labs().map(|known| known.site.clone()).collect(),
        };
        let stored = self.outbox.list()?;
        let mut left = Vec::new();
        for to in receivers {
            let stream = self.stream_to(&to);
            let is_old = |name: &BundleName| {
                name.from == stream.from
                    && name.to == stream.to
                    && *name != BundleName::new(&stream, name.seq)
            };
            let mut old: Vec<(BundleName, u64)> = stored
                .iter()
                .filter(|one| is_old(&one.name))
                .map(|one| (one.name.clone(), one.size_bytes))
                .collect();
            if old.is_empty() {
                continue;
            }
            let has_spoken = ledger::open_stream(&mut self.session, &stream)?.confirmed.is_some();
            if has_spoken && self.role() == Role::Central {
                // The lab has taken the snapshot that opens the new history, and wants nothing more of the old one.
                continue;
            }
            old.sort_by(|(one, _), (other, _)| one.cmp(other));
            left.extend(self.still_needed(&stream, old, has_spoken)?);
        }
        Ok(left)
    }

    /// Those of the bundles of earlier histories that the receiver has not got, as far as is known. Once it `has_spoken` of what
    /// it has, one that does not follow that is of no use to it: those between the two are nowhere any more.
    fn still_needed(
        &mut self,
        current: &StreamId,
        bundles: Vec<(BundleName, u64)>,
        has_spoken: bool,
    ) -> Result<Vec<(BundleName, u64)>, Error> {
        let mut ended: Vec<(StreamId, u64)> = Vec::new();
        for stream in ledger::other_histories(&mut self.session, current)? {
            let confirmed = ledger::open_stream(&mut self.session, &stream)?.confirmed;
            ended.push((stream, confirmed.map_or(0, Seq::number)));
        }
        let mut needed: Vec<(BundleName, u64)> = Vec::new();
        for (name, size_bytes) in bundles {
            let stream = ended.iter().find(|(stream, _)| name == BundleName::new(stream, name.seq));
            let confirmed = stream.map_or(0, |(_, confirmed)| *confirmed);
            let is_next = name.seq.number() == confirmed + 1;
            let goes_on = || needed.last().is_some_and(|(last, _)| is_after(last, &name));
            if name.seq.number() > confirmed && (!has_spoken || is_next || goes_on()) {
                needed.push((name, size_bytes));
            }
        }
        Ok(needed)
    }
}

/// Whether a bundle is the next one after another of the same stream.
fn is_after(one: &BundleName, next: &BundleName) -> bool {
    let expected = BundleName { seq: next.seq, ..one.clone() };
    *next == expected && next.seq.number() == one.seq.number() + 1
}
