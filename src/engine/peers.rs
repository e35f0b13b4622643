//! What stands between this site and each other one, in both directions: for `status`, `sites` and `doctor`.

use crate::bundle;
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::outbox::still_needed;
use crate::engine::seal::is_sent;
use crate::ledger::{self, BundleRecord, KnownSite, SiteState, Stream, StreamState, Unsealed, Way};
use crate::mailbox::scan;
use crate::model::{BundleKind, BundleName, ChangeCounts, Role, Site, Stamp, StreamId, TableName};

/// How things stand with one other site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// The site.
    pub site: Site,
    /// Its number.
    pub number: Option<u32>,
    /// Whether it may speak.
    pub state: SiteState,
    /// Since when it is known.
    pub enrolled_at: Stamp,
    /// The last bundle of it that was applied, and when.
    pub last_applied: Option<(u64, Stamp)>,
    /// The last one that was more than a receipt, and when.
    pub last_data: Option<(u64, Stamp)>,
    /// By which way that one came.
    pub last_way: Option<Way>,
    /// Bundles of it that wait in the inbox.
    pub waiting: Vec<u64>,
    /// Their size, in bytes.
    pub waiting_bytes: u64,
    /// The bundle that waits until the tables here fit it.
    pub held: Option<Held>,
    /// Why its stream was stopped.
    pub frozen: Option<String>,
    /// Edits that it is to be told of and that no bundle carries yet.
    pub unsealed: u64,
    /// Whether the next seal gives it all rows anew.
    pub wants_snapshot: bool,
    /// The last bundle that was sealed for it, and when.
    pub last_sealed: Option<(u64, Stamp)>,
    /// Bundles with content that were sealed for it and lie in the outbox alone.
    pub at_home: OnTheWay,
    /// Bundles with content that have left, and that it has not confirmed.
    pub under_way: OnTheWay,
    /// The last bundle that it has confirmed, and when that was learnt.
    pub confirmed: Option<(u64, Option<Stamp>)>,
}

/// A bundle that did not fit the tables here when it was tried last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its number.
    pub bundle: u64,
    /// What stood in the way.
    pub why: String,
}

/// Bundles for one site that it has not confirmed. A receipt alone is not among them: nobody waits for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnTheWay {
    /// Their numbers.
    pub bundles: Vec<u64>,
    /// Their size, in bytes.
    pub size_bytes: u64,
    /// What they hold.
    pub counts: ChangeCounts,
    /// Whether all rows are among them, for the site to start from.
    pub has_snapshot: bool,
    /// When the oldest was sealed.
    pub sealed_at: Option<Stamp>,
    /// By which way the first of them left, and when.
    pub left: Option<(Way, Stamp)>,
}

impl PeerStatus {
    /// Whether something of it waits here for what has not come, and it may still speak.
    pub fn has_gap(&self) -> bool {
        self.state == SiteState::Active && !self.waiting.is_empty()
    }

    /// How many bundles with content it has not confirmed.
    pub fn unconfirmed(&self) -> u64 {
        (self.at_home.bundles.len() + self.under_way.bundles.len()) as u64
    }
}

impl OnTheWay {
    fn add(&mut self, record: &BundleRecord) {
        self.bundles.push(record.seq.number());
        self.size_bytes += record.size_bytes;
        self.counts += record.counts;
        self.has_snapshot |= record.kind == BundleKind::Snapshot;
        self.sealed_at = Some(self.sealed_at.map_or(record.recorded_at, |at| at.min(record.recorded_at)));
        let left = record.way.zip(record.carried_at);
        self.left = self.left.into_iter().chain(left).min_by_key(|(_, at)| *at);
    }
}

/// What the ledger knows of all sites, each thing read once.
struct Known {
    streams: Vec<Stream>,
    applied: Vec<BundleRecord>,
    data: Vec<BundleRecord>,
    sealed: Vec<BundleRecord>,
    unconfirmed: Vec<BundleRecord>,
    unsealed: Vec<Unsealed>,
    inbox: Vec<(BundleName, u64)>,
}

impl Known {
    fn read(home: &mut Home<'_>) -> Result<Self, Error> {
        let unsealed = unsealed(home)?;
        let session = &mut home.session;
        let found = scan(&[home.inbox.path().to_path_buf()], bundle::limits::BUNDLE_BYTES_MAX);
        let inbox = found.bundles.into_iter().filter_map(|one| Some((one.name_hint?, one.size_bytes)));
        Ok(Known {
            streams: ledger::streams(session)?,
            applied: ledger::newest_applied(session)?,
            data: ledger::newest_with_content(session)?,
            sealed: ledger::newest_sealed(session)?,
            unconfirmed: ledger::all_unconfirmed(session)?,
            unsealed,
            inbox: inbox.collect(),
        })
    }

    fn of(&self, home: &Home<'_>, known: &KnownSite) -> PeerStatus {
        let (outgoing, incoming) = (home.stream_to(&known.site), home.stream_from(known));
        let stream = |id: &StreamId| self.streams.iter().find(|stream| stream.id == *id);
        let newest = |records: &[BundleRecord], id: &StreamId| {
            let record = records.iter().find(|record| record.stream == *id)?;
            Some((record.seq.number(), record.recorded_at))
        };
        let waiting: Vec<&(BundleName, u64)> =
            self.inbox.iter().filter(|(name, _)| name.from == known.site).collect();
        let numbers: Vec<u64> = waiting.iter().map(|(name, _)| name.seq.number()).collect();
        let held = stream(&incoming).and_then(|stream| {
            let bundle = stream.next()?.number();
            stream.held.clone().filter(|_| numbers.contains(&bundle)).map(|why| Held { bundle, why })
        });
        let mut peer = PeerStatus {
            site: known.site.clone(),
            number: known.number,
            state: known.state,
            enrolled_at: known.enrolled_at,
            last_applied: newest(&self.applied, &incoming),
            last_data: newest(&self.data, &incoming),
            last_way: self.data.iter().find(|record| record.stream == incoming).and_then(|record| record.way),
            waiting: numbers,
            held,
            waiting_bytes: waiting.iter().map(|(_, size_bytes)| size_bytes).sum(),
            frozen: stream(&incoming).and_then(|stream| match &stream.state {
                StreamState::Frozen { note } => Some(note.clone()),
                StreamState::Open => None,
            }),
            unsealed: self.unsealed.iter().filter(|one| is_told(known, one)).map(|one| one.rows).sum(),
            wants_snapshot: known.wants_snapshot,
            last_sealed: newest(&self.sealed, &outgoing),
            at_home: OnTheWay::default(),
            under_way: OnTheWay::default(),
            confirmed: stream(&outgoing).and_then(|one| Some((one.confirmed?.number(), one.confirmed_at))),
        };
        let unconfirmed = self.unconfirmed.iter().filter(|record| record.stream == outgoing);
        for record in still_needed(unconfirmed.cloned().collect()) {
            match (record.kind, record.carried_at) {
                (BundleKind::Receipt, _) => {}
                (BundleKind::Changes | BundleKind::Snapshot, None) => peer.at_home.add(&record),
                (BundleKind::Changes | BundleKind::Snapshot, Some(_)) => peer.under_way.add(&record),
            }
        }
        peer.waiting.sort_unstable();
        peer
    }
}

/// How things stand with all sites together.
pub(super) struct Overview {
    /// Every other site, by name.
    pub(super) peers: Vec<PeerStatus>,
    /// Edits that no bundle carries yet and that somebody is to be told of, by table.
    pub(super) to_seal: Vec<(TableName, u64)>,
}

/// Looks how things stand with every other site.
pub(super) fn overview(home: &mut Home<'_>) -> Result<Overview, Error> {
    let known = Known::read(home)?;
    let peers = home.sites.iter().map(|site| known.of(home, site)).collect();
    let mut to_seal: Vec<(TableName, u64)> = Vec::new();
    for one in known.unsealed {
        // Before `join` a lab knows nobody, and its edits wait all the same.
        let is_heard = home.role() == Role::Lab || home.sites.iter().any(|known| is_told(known, &one));
        match to_seal.last_mut() {
            _ if !is_heard => {}
            Some((table, rows)) if *table == one.table => *rows += one.rows,
            Some(_) | None => to_seal.push((one.table, one.rows)),
        }
    }
    Ok(Overview { peers, to_seal })
}

/// Whether the next seal tells `known` of these edits, one by one.
fn is_told(known: &KnownSite, edits: &Unsealed) -> bool {
    known.state == SiteState::Active && !known.wants_snapshot && edits.author.is_heard_by(&known.site)
}

/// The log rows that no bundle carries yet, of the tables that are sent from here.
fn unsealed(home: &mut Home<'_>) -> Result<Vec<Unsealed>, Error> {
    let directions = home.directions()?;
    let mut unsealed = ledger::unsealed_rows(&mut home.session)?;
    unsealed
        .retain(|one| directions.get(&one.table).is_none_or(|direction| is_sent(home.role(), *direction)));
    Ok(unsealed)
}

impl Home<'_> {
    /// The stream from a known site to this one.
    pub(super) fn stream_from(&self, known: &KnownSite) -> StreamId {
        StreamId { from: known.site.clone(), incarnation: known.incarnation, to: self.here.site.clone() }
    }
}

#[cfg(test)]
impl PeerStatus {
    /// A site of this name with which nothing was exchanged yet.
    pub(crate) fn stranger(name: &str, enrolled_at: Stamp) -> PeerStatus {
        PeerStatus {
            site: name.parse().unwrap(),
            number: Some(2),
            state: SiteState::Active,
            enrolled_at,
            last_applied: None,
            last_data: None,
            last_way: None,
            waiting: Vec::new(),
            waiting_bytes: 0,
            held: None,
            frozen: None,
            unsealed: 0,
            wants_snapshot: false,
            last_sealed: None,
            at_home: OnTheWay::default(),
            under_way: OnTheWay::default(),
            confirmed: None,
        }
    }
}
