//! Seals all committed, not yet sealed log rows into the next bundle of each stream that leaves this site.

use std::collections::{BTreeMap, HashMap};

use crate::apply::Unparked;
use crate::bundle::{
    KEPT_SETTING, LEFT_OUT_SETTING, PROGRAM_SETTING, SERVER_SETTING, TABLES_SETTING, names_to_setting,
    tables_to_setting,
};
use crate::capture::{self, Scope, Summary};
use crate::config::{KeyFolder, Sealed as Witnessed, Witness};
use crate::db::{Catalog, Session, Table, rank};
use crate::engine::clock::clock_ahead_ms;
use crate::engine::error::{Cause, Error};
use crate::engine::fanout::Fanout;
use crate::engine::follow::{readable, renew_stale};
use crate::engine::home::{Home, now};
use crate::engine::parked::retry_parked_calmly;
use crate::engine::receivers::Receiver;
use crate::engine::record::{give_names, record};
use crate::ledger::{self, Stream};
use crate::mailbox::Stored;
use crate::model::{BundleKind, BundleName, ChangeCounts, Direction, Role, Seq, Site, StreamId, TableName};
use crate::seal::Sealed;

/// What a seal made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealReport {
    /// What was sealed for each site; only those for which there was something.
    pub streams: Vec<SealedStream>,
    /// The changes that were read.
    pub counts: ChangeCounts,
    /// In how many tables.
    pub tables: u64,
    /// Log rows that the bundles stand for.
    pub log_rows: u64,
    /// At the centre: what came of changes that had not fitted, tried again before all was read.
    pub unparked: Unparked,
    /// Shared tables whose changes stay in the log, with the reason.
    pub skipped: Vec<(TableName, String)>,
}

/// What was sealed for one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedStream {
    /// The site.
    pub to: Site,
    /// The bundles, in order; they belong together.
    pub sealed: Vec<Sealed>,
    /// Their names.
    pub names: Vec<BundleName>,
}

impl SealedStream {
    /// What the bundles are for.
    pub fn kind(&self) -> BundleKind {
        self.sealed.first().map_or(BundleKind::Receipt, |one| one.kind)
    }

    /// What they hold.
    pub fn counts(&self) -> ChangeCounts {
        let mut counts = ChangeCounts::default();
        self.sealed.iter().for_each(|one| counts += one.counts);
        counts
    }
}

/// Seals what has changed since the last seal. The tables are read in one snapshot; no write waits for it.
pub fn seal(home: &mut Home<'_>) -> Result<SealReport, Error> {
    if KeyFolder::new(&home.settings.state).is_restored() {
        return Err(Cause::KeysRestored { site: home.here.site.clone() }.into());
    }
    home.complete_last_seal()?;
    // Before the snapshot: the labs hear at once of what fits now.
    let unparked = retry_parked_calmly(home);
    let mut receivers = home.receivers()?;
    let mut witness = Witness::open(&KeyFolder::new(&home.settings.state))?;
    let shared = Shared::read(home)?;
    if receivers.is_empty() {
        // Nobody waits for anything: the log stays as it is, for the first who comes.
        return Ok(SealReport { skipped: shared.skipped, unparked, ..SealReport::default() });
    }
    // Before the snapshot: making a trigger ends a transaction.
    renew_stale(home, &shared.catalog, &shared.tables)?;
    let ranked = shared.ranked();
    let sealed_at = now();
    let ahead_ms = clock_ahead_ms(home)?;
    let scope = Scope { tables: &ranked, muted: &shared.muted, folder: home.outbox.path() };
    let mut snapshot = capture::begin(&mut home.session, &scope, home.monitor)?;
    let is_read = snapshot.log_rows() > 0 || receivers.iter().any(|one| one.kind == BundleKind::Snapshot);
    let altered = if is_read { altered(snapshot.session(), &ranked)? } else { None };
    if let Some(table) = altered {
        snapshot.close()?;
        return Err(Cause::TableAltered { table }.into());
    }
    for one in &mut receivers {
        one.is_whole = shared.skipped.is_empty();
        one.read_receipt(snapshot.session())?;
    }
    let mut settings = shared.settings(home.here.role, snapshot.session());
    // In the snapshot, as the rows are: a row of which a word is kept is not what the receipt lets think.
    let kept = ledger::first_kept_bundle(snapshot.session())?;
    settings.extend(kept.map(|seq| (KEPT_SETTING.to_owned(), seq.to_string())));
    let fanout = Fanout {
        outbox: &home.outbox,
        keys: &home.keys,
        sealed_at,
        ahead_ms,
        size_bytes_max: home.settings.bundle_bytes_max,
        settings,
        tables: &ranked,
        monitor: home.monitor,
    };
    let (summary, sealed) = fanout.seal(&mut snapshot, &receivers)?;
    snapshot.close()?;
    if summary.ids.count() > 0 || sealed.iter().any(|made| !made.is_empty()) {
        record(home, &receivers, &sealed, &summary, sealed_at)?;
        // As the ledger knows now: the next seal of the same run sends no second snapshot.
        for to in receivers.iter().filter(|to| to.kind == BundleKind::Snapshot) {
            let known = home.sites.iter_mut().filter(|known| known.site == to.site);
            known.for_each(|known| known.wants_snapshot = false);
        }
        home.have_told(&receivers, &sealed);
        give_names(home, &mut witness, &receivers, &sealed)?;
    }
    Ok(SealReport { unparked, ..report(receivers, sealed, summary, shared.skipped) })
}

/// A table that somebody has altered between the look at its columns and the snapshot: what was written to a column that came
/// meanwhile would be stamped as sealed, and not be read.
fn altered(session: &mut Session, tables: &[&Table]) -> Result<Option<TableName>, Error> {
    let now = Catalog::load(session)?;
    let is_same =
        |table: &Table| now.tables.get(&table.shape.name).is_some_and(|found| found.has_columns_of(table));
    Ok(tables.iter().find(|table| !is_same(table)).map(|table| table.shape.name.clone()))
}

/// What a seal would hold now. Changes nothing.
pub fn count_unsealed(home: &mut Home<'_>) -> Result<SealReport, Error> {
    home.receivers()?;
    let shared = Shared::read(home)?;
    let ranked = shared.ranked();
    let scope = Scope { tables: &ranked, muted: &shared.muted, folder: home.outbox.path() };
    let mut snapshot = capture::begin(&mut home.session, &scope, home.monitor)?;
    let summary = snapshot.read(&mut |_| Ok::<(), Error>(()))?;
    snapshot.close()?;
    Ok(report(Vec::new(), Vec::new(), summary, shared.skipped))
}

fn report(
    receivers: Vec<Receiver>,
    sealed: Vec<Vec<Sealed>>,
    summary: Summary,
    skipped: Vec<(TableName, String)>,
) -> SealReport {
    let made = receivers.into_iter().zip(sealed).filter(|(_, sealed)| !sealed.is_empty());
    let streams = made.map(|(to, sealed)| SealedStream {
        names: sealed.iter().map(|one| BundleName::new(&to.stream.id, one.seq)).collect(),
        to: to.site,
        sealed,
    });
    SealReport {
        streams: streams.collect(),
        counts: summary.counts,
        tables: summary.tables,
        log_rows: summary.ids.count(),
        unparked: Unparked::default(),
        skipped,
    }
}

/// The shared tables, as far as they are sent from here.
struct Shared {
    catalog: Catalog,
    directions: BTreeMap<TableName, Direction>,
    tables: Vec<TableName>,
    muted: Vec<TableName>,
    skipped: Vec<(TableName, String)>,
}

impl Shared {
    fn read(home: &mut Home<'_>) -> Result<Self, Error> {
        let catalog = Catalog::load(&mut home.session)?;
        let directions = home.directions()?;
        let mut shared =
            Shared { catalog, directions, tables: Vec::new(), muted: Vec::new(), skipped: Vec::new() };
        let role = home.here.role;
        let (sent, muted) = shared.directions.iter().partition::<Vec<_>, _>(|(_, one)| is_sent(role, **one));
        let sent = sent.into_iter().map(|(table, _)| table.clone()).collect();
        shared.muted = muted.into_iter().map(|(table, _)| table.clone()).collect();
        (shared.tables, shared.skipped) = readable(home, &shared.catalog, sent)?;
        Ok(shared)
    }

    /// The tables in the order in which their rows are written: parents first.
    fn ranked(&self) -> Vec<&Table> {
        let ranks = rank(&self.catalog, &self.tables.iter().cloned().collect());
        let places: BTreeMap<_, _> = ranks.iter().map(|(name, rank)| (*rank, name)).collect();
        places.values().filter_map(|name| self.catalog.tables.get(*name)).collect()
    }

    /// What the head of each bundle says: the labs learn from it which tables are shared, the centre what a lab works with.
    fn settings(&self, role: Role, session: &Session) -> BTreeMap<String, String> {
        match role {
            Role::Lab => BTreeMap::from([
                (PROGRAM_SETTING.to_owned(), concat!("packmule ", env!("CARGO_PKG_VERSION")).to_owned()),
                (SERVER_SETTING.to_owned(), session.server_words()),
            ]),
            Role::Central => {
                let mut settings =
                    BTreeMap::from([(TABLES_SETTING.to_owned(), tables_to_setting(&self.directions))]);
                if !self.skipped.is_empty() {
                    let names: Vec<TableName> = self.skipped.iter().map(|(table, _)| table.clone()).collect();
                    settings.insert(LEFT_OUT_SETTING.to_owned(), names_to_setting(&names));
                }
                settings
            }
        }
    }
}

/// Whether the changes of a table with this direction are sent from a site of this role.
pub(super) fn is_sent(role: Role, direction: Direction) -> bool {
    match (role, direction) {
        (_, Direction::Both) | (Role::Lab, Direction::Up) | (Role::Central, Direction::Down) => true,
        (Role::Lab, Direction::Down) | (Role::Central, Direction::Up) => false,
    }
}

impl Home<'_> {
    /// Fails where the database was put back from a backup, as far as this computer can tell: by the witness file and by the
    /// bundles in the outbox.
    pub(super) fn expect_not_gone_back(&mut self) -> Result<(), Error> {
        let witness = Witness::open(&KeyFolder::new(&self.settings.state))?;
        let there = newest_in_outbox(self)?;
        for stream in self.outgoing()? {
            check_witness(&stream, witness.last(&stream.id.to))?;
            check_outbox(&there, &stream)?;
        }
        Ok(())
    }

    /// Completes what a crash has left of the last seal: bundles that the ledger knows get their names.
    ///
    /// A crash after a commit leaves a witness that is behind, too. It learns of a bundle before that gets its name, and so before it
    /// can leave this computer.
    pub(super) fn complete_last_seal(&mut self) -> Result<(), Error> {
        self.expect_not_gone_back()?;
        let mut witness = Witness::open(&KeyFolder::new(&self.settings.state))?;
        for stream in self.outgoing()? {
            remember(&mut witness, &stream)?;
        }
        self.recover_outbox()
    }

    /// The streams that are sealed here, as far as each is.
    fn outgoing(&mut self) -> Result<Vec<Stream>, Error> {
        let to: Vec<Site> = match self.role() {
            Role::Lab => self.central().map(|known| known.site.clone()).into_iter().collect(),
            Role::Central => self.active_labs().map(|known| known.site.clone()).collect(),
        };
        let ids: Vec<StreamId> = to.iter().map(|site| self.stream_to(site)).collect();
        ids.iter().map(|id| Ok(ledger::open_stream(&mut self.session, id)?)).collect()
    }
}

/// A database that knows less than the witness was put back from a backup: its next number is used already.
pub(super) fn check_witness(stream: &Stream, witnessed: Option<&Witnessed>) -> Result<(), Error> {
    let Some(witnessed) = witnessed else {
        return Ok(());
    };
    let known = stream.last.map_or(0, |(seq, _)| seq.number());
    let same = stream.id.incarnation == witnessed.incarnation
        && match stream.last {
            Some((seq, digest)) if seq == witnessed.seq => digest == witnessed.digest,
            Some((seq, _)) => seq > witnessed.seq,
            None => false,
        };
    if same { Ok(()) } else { Err(Cause::WentBack { known, sealed: witnessed.seq }.into()) }
}

/// A bundle with a name was sealed, even where the witness was lost together with the database's newest rows.
fn check_outbox(newest: &HashMap<BundleName, Seq>, stream: &Stream) -> Result<(), Error> {
    let known = stream.last.map_or(0, |(seq, _)| seq.number());
    match newest.get(&BundleName::new(&stream.id, Seq::FIRST)) {
        Some(sealed) if sealed.number() > known => Err(Cause::WentBack { known, sealed: *sealed }.into()),
        Some(_) | None => Ok(()),
    }
}

/// The highest number of each stream in the outbox, under the name of its first bundle.
fn newest_in_outbox(home: &Home<'_>) -> Result<HashMap<BundleName, Seq>, Error> {
    let mut newest = HashMap::new();
    for Stored { name, .. } in home.outbox.list()? {
        let seq = name.seq;
        let last = newest.entry(BundleName { seq: Seq::FIRST, ..name }).or_insert(seq);
        *last = seq.max(*last);
    }
    Ok(newest)
}

fn remember(witness: &mut Witness, stream: &Stream) -> Result<(), Error> {
    let Some((seq, digest)) = stream.last else {
        return Ok(());
    };
    let last = Witnessed { incarnation: stream.id.incarnation, seq, digest };
    if witness.last(&stream.id.to) != Some(&last) {
        witness.record([(stream.id.to.clone(), last)])?;
    }
    Ok(())
}
