//! Copies the bundles that no receipt covers yet to a stick or folder.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::bundle::{KeyRing, Unverified};
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::ledger::{self, Way};
use crate::mailbox::{self, Outcome, Put, Stick};
use crate::model::{BundleKind, BundleName, Role, Site};

/// What was copied.
#[derive(Debug, Default)]
pub struct Carried {
    /// Bundles that are on the stick now, of each receiver the oldest first.
    pub bundles: Vec<CarriedBundle>,
    /// Bundles that found no room.
    pub left: Vec<BundleName>,
    /// Why they found none.
    pub stopped_by: Option<mailbox::Error>,
    /// Files under a bundle's name that were not ours to replace.
    pub left_alone: Vec<PathBuf>,
    /// What is free on the stick now, in bytes.
    pub free_bytes: Option<u64>,
}

/// One bundle that is on the stick now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedBundle {
    /// Its name.
    pub name: BundleName,
    /// What it is for.
    pub kind: BundleKind,
    /// What was done.
    pub outcome: Outcome,
}

/// For whom bundles are copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarryTo {
    /// Everybody who waits for something.
    All,
    /// These sites.
    Only(BTreeSet<Site>),
}

impl CarryTo {
    fn has(&self, site: &Site) -> bool {
        match self {
            CarryTo::All => true,
            CarryTo::Only(sites) => sites.contains(site),
        }
    }
}

/// Copies every bundle that no receipt covers yet to `place`, oldest first. Each one is read back and compared.
pub fn carry(home: &mut Home<'_>, place: &Path, to: &CarryTo) -> Result<Carried, Error> {
    let stick = Stick::open(place)?;
    let mut unconfirmed = home.unconfirmed()?;
    unconfirmed.retain(|record| to.has(&record.stream.to));
    let ring = home.ring()?;
    let mut carried = Carried::default();
    let mut left_behind = home.left_behind()?;
    left_behind.retain(|(name, _)| to.has(&name.to));
    if unconfirmed.is_empty() && left_behind.is_empty() {
        // A stick that carries nothing yet is this lab's all the same: the centre puts what waits for it there.
        if home.role() == Role::Lab {
            stick.ensure_mail_folder(&home.here.site, &home.central()?.site)?;
            stick.put_readme(&readme(home))?;
        }
        return Ok(carried);
    }
    let mut laid: Vec<(BundleName, Put)> = Vec::new();
    let old = left_behind.into_iter().map(|(name, size_bytes)| (name, size_bytes, None));
    let new = unconfirmed.into_iter().map(|record| (record.name(), record.size_bytes, Some(record)));
    for (name, size_bytes, record) in old.chain(new).collect::<Vec<_>>() {
        if carried.stopped_by.is_some() {
            carried.left.push(name);
            continue;
        }
        let mut file = home.outbox.open_bundle(&name)?;
        let is_whole = |path: &Path| is_whole_bundle(path, &ring);
        match stick.put(&name, &mut file, size_bytes, &is_whole, home.monitor) {
            Ok(put) => {
                carried.left_alone.extend(put.left_alone.iter().cloned());
                // A crash can leave a bundle on the stick without a word of it in the ledger.
                let is_news = put.outcome != Outcome::AlreadyThere;
                if let Some(record) = record.as_ref().filter(|one| is_news || one.carried_at.is_none()) {
                    ledger::record_carried(&mut home.session, &record.stream, record.seq, Way::Stick, now())?;
                }
                // The end of an older history holds edits that the database has lost: never a receipt alone.
                let kind = record.map_or(BundleKind::Changes, |record| record.kind);
                carried.bundles.push(CarriedBundle { name: name.clone(), kind, outcome: put.outcome });
                laid.push((name, put));
            }
            // Full: what is complete stays, and the oldest went first, so nothing on the stick has a gap.
            Err(error @ mailbox::Error::Full { .. }) => {
                carried.left.push(name);
                carried.stopped_by = Some(error);
            }
            Err(other) => return Err(other.into()),
        }
    }
    check(home, &stick, &laid)?;
    if !carried.bundles.is_empty() {
        stick.put_readme(&readme(home))?;
    }
    carried.free_bytes = stick.free_bytes().ok();
    Ok(carried)
}

/// Reads what was laid down before the last write once more: a drive that is smaller than it says may have overwritten it.
fn check(home: &Home<'_>, stick: &Stick, laid: &[(BundleName, Put)]) -> Result<(), Error> {
    let last_write = laid.iter().rposition(|(_, put)| put.outcome != Outcome::AlreadyThere).unwrap_or(0);
    for (name, put) in laid.iter().take(last_write) {
        let mut source = home.outbox.open_bundle(name)?;
        stick.check(put, &mut source, home.monitor)?;
    }
    Ok(())
}

/// Whether a file is a complete bundle of a site that we know. Such a file is never replaced.
fn is_whole_bundle(path: &Path, ring: &KeyRing) -> bool {
    let open = || std::fs::File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let Ok((length, mut file)) = open() else {
        return false;
    };
    let Ok(verified) = Unverified::read(&mut file, length).and_then(|head| head.verify(ring)) else {
        return false;
    };
    let again = std::fs::File::open(path);
    again.is_ok_and(|file| {
        let mut source = std::io::BufReader::new(file.take(length + 1));
        verified.copy(&mut source, &mut std::io::sink(), &mut |_| {}).is_ok()
    })
}

fn readme(home: &Home<'_>) -> String {
    let contact = home.settings.contact.as_deref().unwrap_or("the administrator of your central office");
    format!(
        "This folder carries database changes between the sites of packmule.\n\
         The files are encrypted and signed: nobody but the site they are for can read them, and a changed file\n\
         is noticed and refused. Please leave the folder as it is.\n\n\
         If you found this stick, or have a question about it, please turn to: {contact}\n"
    )
}
