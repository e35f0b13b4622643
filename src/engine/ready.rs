//! Proven bundles in their private copies, applied in one transaction, which is done again where that may help.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::admit::Fork;
use crate::apply::{self, Applied, Context, Knows, Part, Retried, Side, Succession};
use crate::bundle::{self, Checked, TABLES_SETTING, tables_from_setting};
use crate::conflict::Rules;
use crate::db::{Catalog, Session};
use crate::engine::attempts::attempts;
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::receive::{ImportOptions, Item, ItemOutcome};
use crate::engine::rules::checked_rules;
use crate::engine::succession::{Standing, standing};
use crate::engine::tables::follow_tables;
use crate::ledger::{self, Way};
use crate::model::{BundleKind, BundleName, Direction, Role, Seq, Site, StreamId, TableName};

/// The tables here, read once for all bundles.
pub(super) struct Tables {
    pub(super) catalog: Catalog,
    pub(super) shared: BTreeSet<TableName>,
    down_only: BTreeSet<TableName>,
    up_only: BTreeSet<TableName>,
    started: BTreeSet<TableName>,
    rules: BTreeMap<TableName, Rules>,
}

impl Tables {
    pub(super) fn read(home: &mut Home<'_>) -> Result<Self, Error> {
        let catalog = Catalog::load(&mut home.session)?;
        let directions = home.directions()?;
        let only = |direction| {
            let tables = directions.iter().filter(|(_, one)| **one == direction);
            tables.map(|(table, _)| table.clone()).collect()
        };
        Ok(Tables {
            shared: directions.keys().cloned().collect(),
            down_only: only(Direction::Down),
            up_only: only(Direction::Up),
            started: ledger::started_tables(&mut home.session)?,
            rules: checked_rules(home.settings, &catalog)?,
            catalog,
        })
    }

    /// At a lab: shares the tables that the centre shares, as the bundles at hand say it, before they are applied.
    ///
    /// The centre has signed the list. What is new to it is watched from now on; what it does not name is left in peace.
    fn follow(
        &mut self,
        home: &mut Home<'_>,
        ready: &[Ready],
        options: ImportOptions<'_>,
    ) -> Result<(), Error> {
        let Some(last) = ready.last().filter(|_| home.here.role == Role::Lab && !options.dry_run) else {
            return Ok(());
        };
        let Ok(opened) = home.open_copy(&last.name, &last.checked) else {
            // Whoever applies it says what is wrong with it.
            return Ok(());
        };
        let listed = opened.head().settings.get(TABLES_SETTING).and_then(|text| tables_from_setting(text));
        if follow_tables(home, &self.catalog, &listed.unwrap_or_default())? {
            *self = Tables::read(home)?;
        }
        Ok(())
    }

    /// What apply must know of this site and its tables.
    pub(super) fn context<'c>(&'c self, home: &'c Home<'_>, options: ImportOptions<'c>) -> Context<'c> {
        let side = match home.here.role {
            Role::Central => {
                let (down_only, up_only, rules) = (&self.down_only, &self.up_only, &self.rules);
                Side::Central { down_only, up_only, rules, sender: Knows::OwnRowsOnly }
            }
            Role::Lab => {
                let (started, down_only) = (&self.started, &self.down_only);
                Side::Lab { started, covered: 0, down_only, succession: None }
            }
        };
        Context {
            here: &home.here.site,
            incarnation: home.here.incarnation,
            side,
            logged_since: home.here.logged_since,
            now: now(),
            catalog: &self.catalog,
            shared: &self.shared,
            without: options.without,
            folder: home.inbox.path(),
            delete_percent_max: options.delete_percent_max,
            dry_run: options.dry_run,
        }
    }

    /// A second connection, where triggers of the application write shared tables.
    pub(super) fn outside(&self, home: &Home<'_>) -> Result<Option<Session>, Error> {
        match apply::needs_outside(&self.catalog, &self.shared) {
            true => Ok(Some(home.connect()?)),
            false => Ok(None),
        }
    }
}

/// Tries the words again that this lab could not follow when they came.
pub(super) fn retry_kept(
    home: &Home<'_>,
    tables: &Tables,
    central: &Site,
    options: ImportOptions<'_>,
) -> Result<Retried, Error> {
    attempts(home, Error::may_pass, |_| {
        let mut session = home.connect()?;
        let mut outside = tables.outside(home)?;
        let context = tables.context(home, options);
        apply::retry_kept(&mut session, outside.as_mut(), central, &context, home.monitor)
            .map_err(|source| Error::Retry { source })
    })
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
    tables: &mut Tables,
    stream: &StreamId,
    ready: Vec<Ready>,
    options: ImportOptions<'_>,
    items: &mut Vec<Item>,
) -> Result<bool, Error> {
    let succession = match standing(home, stream, &ready) {
        Ok(Standing::GoesOn) => Ok(None),
        Ok(Standing::Opens(succession)) => Ok(Some(succession)),
        Ok(Standing::Stranger) => return leave(home, ready, options, items),
        Err(error) => Err(error),
    };
    let outcome = succession.and_then(|succession| {
        tables.follow(home, &ready, options)?;
        let applied = apply_with_retries(home, tables, stream, &ready, succession.as_ref(), options)?;
        if succession.is_some() && !options.dry_run {
            home.sites = ledger::sites(&mut home.session)?;
        }
        Ok(applied)
    });
    if !options.dry_run
        && outcome.as_ref().is_err_and(has_moved_on)
        && applied_after_all(home, stream, &ready)?.is_some()
    {
        return have_been(home, ready, items);
    }
    let is_snapshot = |one: &Ready| one.checked.manifest().kind() == BundleKind::Snapshot;
    if outcome.is_ok() && !options.dry_run && ready.iter().any(is_snapshot) {
        tables.started = ledger::started_tables(&mut home.session)?;
    }
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

/// Leaves bundles of a history that has nothing to do with the one that is known: no copy of them is kept.
fn leave(
    home: &Home<'_>,
    ready: Vec<Ready>,
    options: ImportOptions<'_>,
    items: &mut Vec<Item>,
) -> Result<bool, Error> {
    for one in ready {
        if !options.dry_run {
            home.inbox.remove(&one.name)?;
        }
        let outcome = ItemOutcome::Forked(Fork::OtherHistory);
        items.push(Item { path: one.path, name: Some(one.name), outcome });
    }
    Ok(false)
}

/// Puts down bundles that another packmule, or another thread of this one, has applied since they were looked at.
fn have_been(home: &Home<'_>, ready: Vec<Ready>, items: &mut Vec<Item>) -> Result<bool, Error> {
    for one in ready {
        home.inbox.remove(&one.name)?;
        items.push(Item { path: one.path, name: Some(one.name), outcome: ItemOutcome::AlreadyApplied });
    }
    Ok(true)
}

/// Whether somebody has moved the stream on since it was looked at.
fn has_moved_on(error: &Error) -> bool {
    matches!(error, Error::Apply { source: apply::Error::MovedOn { .. }, .. })
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
    succession: Option<&Succession>,
    options: ImportOptions<'_>,
) -> Result<Applied, Error> {
    attempts(home, Error::may_pass, |attempt| {
        let outcome = apply_once(home, tables, stream, ready, succession, options);
        match attempt > 1 && outcome.as_ref().is_err_and(has_moved_on) {
            true => applied_after_all(home, stream, ready)?.map_or(outcome, Ok),
            false => outcome,
        }
    })
}

/// What the ledger says of bundles that it has, all of them: the transaction whose COMMIT lost its answer was done, or somebody else's.
fn applied_after_all(home: &Home<'_>, stream: &StreamId, ready: &[Ready]) -> Result<Option<Applied>, Error> {
    let mut session = home.connect()?;
    let mut applied = Applied::default();
    for one in ready {
        match ledger::find_bundle(&mut session, stream, one.name.seq)? {
            Some(record) if record.digest == one.checked.digest() => {
                applied.counts += record.counts;
                applied.conflicts += record.conflicts;
                applied.parked += record.parked;
                applied.deferred += record.deferred;
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
    succession: Option<&Succession>,
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
            kind: one.checked.manifest().kind(),
            receipt: one.checked.manifest().receipt(),
            size_bytes: one.size_bytes,
            way: match options.online.is_some_and(|online| online.contains(&one.name)) {
                true => Way::Online,
                false => Way::Stick,
            },
            open: Box::new(|| home.open_copy(&one.name, &one.checked)),
        })
        .collect();
    let mut context = tables.context(home, options);
    if let Side::Lab { succession: one, .. } = &mut context.side {
        *one = succession;
    }
    let name = ready.first().map(|one| one.name.clone());
    let mut outside = tables.outside(home)?;
    let applied = apply::apply(&mut session, outside.as_mut(), stream, &parts, &context, home.monitor);
    applied.map_err(|source| match name {
        Some(name) => Error::Apply { name, source },
        None => Error::File { path: home.inbox.path().to_path_buf(), source: std::io::Error::other(source) },
    })
}
