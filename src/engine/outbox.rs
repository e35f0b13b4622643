//! The outbox as the sealer sees it, and what is found there after a crash.

use std::collections::HashSet;
use std::fs::File;
use std::io;

use crate::bundle::Unverified;
use crate::engine::error::{Cause, Error};
use crate::engine::home::Home;
use crate::ledger::{self, BundleRecord, RetiredKey};
use crate::mailbox::{Folder, PartFile};
use crate::model::{BundleKind, BundleName, Role, Site};
use crate::seal::Outbox;

/// The outbox as the sealer sees it.
pub(super) struct OutboxFolder<'a>(pub(super) &'a Folder);

impl Outbox for OutboxFolder<'_> {
    type Part = PartFile;

    fn nameless(&self) -> io::Result<File> {
        self.0.create_nameless().map_err(io::Error::other)
    }

    fn part(&self, name: &BundleName) -> io::Result<PartFile> {
        self.0.create_part(name).map_err(io::Error::other)
    }

    fn close(&self, part: PartFile) -> io::Result<u64> {
        part.finish().map_err(io::Error::other)
    }
}

impl Home<'_> {
    /// Puts the outbox in order after a crash: a part that the ledger knows gets its name, any other is deleted.
    ///
    /// The ledger's commit is what makes a bundle: before it the log rows are still open and the part is
    /// waste, after it they are stamped and the part is the only copy.
    pub(super) fn recover_outbox(&mut self) -> Result<(), Error> {
        let own = self.here.site.clone();
        let mut renamed = false;
        for part in self.outbox.parts()? {
            let stream = self.stream_to(&part.name.to);
            let known = match part.name.from == own && part.name == BundleName::new(&stream, part.name.seq) {
                true => ledger::find_bundle(&mut self.session, &stream, part.name.seq)?,
                false => None,
            };
            let mut file = self.outbox.open_part(&part.name)?;
            let digest = Unverified::read(&mut file, part.size_bytes).ok().map(|head| head.digest());
            drop(file);
            if known.is_some_and(|known| Some(known.digest) == digest) {
                self.outbox.rename_part(&part.name)?;
                renamed = true;
            } else {
                self.outbox.remove_part(&part.name)?;
            }
        }
        if renamed {
            self.outbox.sync()?;
        }
        Ok(())
    }

    /// The bundles that no receipt covers yet, of each receiver the oldest first. Every one of them must be in the outbox.
    ///
    /// Of a receiver that gets all rows anew only these and what follows them: a snapshot stands for all before it.
    pub(super) fn unconfirmed(&mut self) -> Result<Vec<BundleRecord>, Error> {
        let to: Vec<Site> = match self.role() {
            Role::Lab => vec![self.central()?.site.clone()],
            Role::Central => self.active_labs().map(|known| known.site.clone()).collect(),
        };
        let there: HashSet<BundleName> = self.outbox.list()?.into_iter().map(|stored| stored.name).collect();
        let mut unconfirmed = Vec::new();
        for site in to {
            let stream = self.stream_to(&site);
            let records = ledger::unconfirmed_bundles(&mut self.session, &stream)?;
            let needed = still_needed(records.clone());
            let first = needed.first().map(|record| record.seq);
            // A snapshot does not stand for the bundle that names the key which signs it.
            let names_keys = |record: &BundleRecord| {
                let ends = |one: &RetiredKey| one.stream == stream && one.last == Some(record.seq);
                Some(record.seq) < first && self.retired.iter().any(ends)
            };
            let before: Vec<BundleRecord> = records.into_iter().filter(names_keys).collect();
            for record in before.into_iter().chain(needed) {
                let name = record.name();
                if !there.contains(&name) {
                    return Err(Cause::OutboxIncomplete { name }.into());
                }
                unconfirmed.push(record);
            }
        }
        Ok(unconfirmed)
    }
}

/// Of a stream's unconfirmed bundles those that its receiver needs: a snapshot stands for all before it.
pub(super) fn still_needed(mut records: Vec<BundleRecord>) -> Vec<BundleRecord> {
    let first = records.iter().rposition(|record| record.kind == BundleKind::Snapshot).unwrap_or(0);
    records.split_off(first)
}
