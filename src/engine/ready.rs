//! Proven bundles in their private copies, applied in one transaction, which is done again where that may help.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::apply::{self, Applied, Context, Part};
use crate::bundle::{self, Checked};
use crate::db::Catalog;
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::receive::{ImportOptions, Item, ItemOutcome};
use crate::ledger;
use crate::model::{BundleName, Seq, StreamId, TableName};
use crate::monitor::Notice;

/// The tables here, read once for all bundles.
pub(super) struct Tables {
    pub(super) catalog: Catalog,
    pub(super) shared: BTreeSet<TableName>,
}

/// A private copy that is proven, ready to be applied.
pub(super) struct Ready {
    pub(super) path: PathBuf,
    pub(super) name: BundleName,
    pub(super) checked: Checked,
    pub(super) size_bytes: u64,
    pub(super) in_inbox_before: bool,
}

/// Applies bundles that belong together. Returns whether the stream can go on.
pub(super) fn apply_ready(
    home: &mut Home<'_>,
    tables: &Tables,
    stream: &StreamId,
    ready: Vec<Ready>,
    options: ImportOptions<'_>,
    items: &mut Vec<Item>,
) -> Result<bool, Error> {
    let outcome = apply_with_retries(home, tables, stream, &ready, options);
    let last = ready.last().map(|one| one.name.seq);
    let count = ready.len();
    let failed = outcome.is_err();
    if let Err(Error::Apply { source, .. }) = &outcome
        && source.holds()
        && !options.dry_run
    {
        ledger::hold_stream(&mut home.session, stream, &source.to_string())?;
    }
    let useless = outcome.as_ref().err().and_then(useless);
    let mut outcome = Some(outcome);
    for (at, one) in ready.into_iter().enumerate() {
        if !options.dry_run && (!failed || useless == Some(one.name.seq)) {
            home.inbox.remove(&one.name)?;
        }
        let outcome = match (last, outcome.take_if(|_| at + 1 == count)) {
            (_, Some(Ok(applied))) => ItemOutcome::Applied(applied),
            (_, Some(Err(error))) => ItemOutcome::Failed(Box::new(error)),
            (Some(last), None) if failed => ItemOutcome::WaitsForRest(last.number()),
            (Some(last), None) => ItemOutcome::AppliedWith(last),
            (None, None) => continue,
        };
        items.push(Item { path: one.path, name: Some(one.name), outcome });
    }
    Ok(!failed)
}

/// The bundle whose content no later try can use. Kept, its copy would stand in the way of a good bundle of its number.
fn useless(error: &Error) -> Option<Seq> {
    let Error::Apply { source: apply::Error::Bundle { seq, source }, .. } = error else {
        return None;
    };
    // Our own disk can fail and recover.
    if matches!(source, bundle::Error::Read { .. }) { None } else { Some(*seq) }
}

/// Deadlock, lock timeout, a line that broke: the whole transaction again, on a new connection.
fn apply_with_retries(
    home: &mut Home<'_>,
    tables: &Tables,
    stream: &StreamId,
    ready: &[Ready],
    options: ImportOptions<'_>,
) -> Result<Applied, Error> {
    const ATTEMPTS_MAX: u32 = 5;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let error = match apply_once(home, tables, stream, ready, options) {
            Ok(applied) => return Ok(applied),
            Err(error) => error,
        };
        let is_behind = matches!(&error, Error::Apply { source: apply::Error::MovedOn { .. }, .. });
        if is_behind
            && attempts > 1
            && let Some(applied) = applied_after_all(home, stream, ready)?
        {
            return Ok(applied);
        }
        if !error.may_pass() || attempts >= ATTEMPTS_MAX {
            return Err(error);
        }
        home.monitor.notice(Notice::Retried { attempts });
    }
}

/// What the ledger says of a bundle whose COMMIT lost its answer: the transaction before this try was done.
fn applied_after_all(home: &Home<'_>, stream: &StreamId, ready: &[Ready]) -> Result<Option<Applied>, Error> {
    let mut session = home.connect()?;
    let mut applied = Applied::default();
    for one in ready {
        match ledger::find_bundle(&mut session, stream, one.name.seq)? {
            Some(record) if record.digest == one.checked.digest() => {
                applied.counts += record.counts;
                applied.conflicts += record.conflicts;
                applied.parked += record.parked;
            }
            Some(_) | None => return Ok(None),
        }
    }
    applied.written = applied.counts.total().saturating_sub(applied.parked);
    Ok(Some(applied))
}

fn apply_once(
    home: &Home<'_>,
    tables: &Tables,
    stream: &StreamId,
    ready: &[Ready],
    options: ImportOptions<'_>,
) -> Result<Applied, Error> {
    let mut session = home.connect()?;
    let parts: Vec<Part<'_>> = ready
        .iter()
        .map(|one| Part {
            seq: one.name.seq,
            digest: one.checked.digest(),
            previous: one.checked.manifest().previous(),
            continues: one.checked.manifest().continues(),
            size_bytes: one.size_bytes,
            open: Box::new(|| home.open_copy(&one.name, &one.checked)),
        })
        .collect();
    let context = Context {
        here: &home.here.site,
        installed_at: home.here.installed_at,
        now: now(),
        catalog: &tables.catalog,
        shared: &tables.shared,
        without: options.without,
        folder: home.inbox.path(),
        delete_percent_max: options.delete_percent_max,
        dry_run: options.dry_run,
    };
    let name = ready.first().map(|one| one.name.clone());
    let mut outside = match apply::needs_outside(&tables.catalog, &tables.shared) {
        true => Some(home.connect()?),
        false => None,
    };
    let applied = apply::apply(&mut session, outside.as_mut(), stream, &parts, &context, home.monitor);
    applied.map_err(|source| match name {
        Some(name) => Error::Apply { name, source },
        None => Error::File { path: home.inbox.path().to_path_buf(), source: std::io::Error::other(source) },
    })
}
