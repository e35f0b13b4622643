//! Where everything stands.

use crate::capture::{self, LogDepth};
use crate::engine::error::Error;
use crate::engine::follow::{loses_edits, readable};
use crate::engine::home::Home;
use crate::ledger::{self, BundleRecord, BundleState, StreamState};
use crate::mailbox::scan;
use crate::model::{BundleKind, BundleName, Role, Site, Stamp, TableName};

/// Where everything stands at one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// This site.
    pub site: Site,
    /// Centre or lab.
    pub role: Role,
    /// The lab's centre; `None` before `join`, and at the centre.
    pub central: Option<Site>,
    /// Log rows that no bundle carries yet, by table. At a lab only: the centre does not send yet.
    pub unsealed: Vec<(TableName, u64)>,
    /// Sealed bundles without a receipt: how many, how large, the oldest and the newest.
    pub unconfirmed: u64,
    /// Their size, in bytes.
    pub unconfirmed_bytes: u64,
    /// The last bundle that was sealed, and when.
    pub last_sealed: Option<(BundleName, Stamp)>,
    /// What came from each site.
    pub peers: Vec<PeerStatus>,
    /// Conflicts that wait for a person.
    pub open_conflicts: u64,
    /// Triggers that are missing or changed.
    pub broken_triggers: u64,
    /// Synced tables whose edits stay in the log as things are, with the reason.
    pub left_out: Vec<(TableName, String)>,
}

/// What came from one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// The site.
    pub site: Site,
    /// Whether it may speak.
    pub state: ledger::SiteState,
    /// The last bundle of it that was applied, and when.
    pub last_applied: Option<(u64, Stamp)>,
    /// Bundles of it that wait in the inbox.
    pub waiting: Vec<u64>,
    /// The bundle that waits until the tables here fit it.
    pub held: Option<Held>,
    /// Why its stream was stopped.
    pub frozen: Option<String>,
}

/// A bundle that did not fit the tables here when it was tried last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its number.
    pub bundle: u64,
    /// What stood in the way.
    pub why: String,
}

impl Status {
    /// Whether something waits for a person.
    pub fn needs_a_person(&self) -> bool {
        self.open_conflicts > 0
            || self.broken_triggers > 0
            || !self.left_out.is_empty()
            || self.peers.iter().any(|peer| peer.frozen.is_some() || !peer.waiting.is_empty())
    }
}

/// Looks where everything stands. Changes nothing.
pub fn status(home: &mut Home<'_>) -> Result<Status, Error> {
    let (site, role) = (home.here.site.clone(), home.here.role);
    let sealed = ledger::bundles_of(&mut home.session, BundleState::Sealed)?;
    // Nobody waits for the confirmation of a receipt.
    let is_open = |one: &&BundleRecord| one.confirmed_at.is_none() && one.kind != BundleKind::Receipt;
    let unconfirmed: Vec<u64> = sealed.iter().filter(is_open).map(|record| record.size_bytes).collect();
    let catalog = crate::db::Catalog::load(&mut home.session)?;
    let shared = ledger::shared_tables(&mut home.session)?;
    let (tables, left_out) = readable(home, &catalog, shared)?;
    let triggers = capture::check_triggers(&catalog, &tables, LogDepth::of(role));
    let broken = triggers.iter().filter(|(_, _, state)| loses_edits(*state)).count();
    Ok(Status {
        central: home.sites.iter().find(|known| known.role == Role::Central).map(|known| known.site.clone()),
        unsealed: match role {
            Role::Lab => ledger::unsealed_rows(&mut home.session)?,
            Role::Central => Vec::new(),
        },
        unconfirmed: unconfirmed.len() as u64,
        unconfirmed_bytes: unconfirmed.iter().sum(),
        last_sealed: sealed.last().map(|record| (record.name(), record.recorded_at)),
        peers: peers(home)?,
        open_conflicts: ledger::open_conflicts(&mut home.session)?,
        broken_triggers: broken as u64,
        left_out,
        site,
        role,
    })
}

fn peers(home: &mut Home<'_>) -> Result<Vec<PeerStatus>, Error> {
    let applied = ledger::bundles_of(&mut home.session, BundleState::Applied)?;
    let streams = ledger::streams(&mut home.session)?;
    let inbox = scan(&[home.inbox.path().to_path_buf()], crate::bundle::limits::BUNDLE_BYTES_MAX);
    let waiting: Vec<BundleName> = inbox.bundles.into_iter().filter_map(|found| found.name_hint).collect();
    let peers = home.sites.iter().map(|known| {
        let last = applied.iter().filter(|record| record.stream.from == known.site).max_by_key(|one| one.seq);
        let frozen = streams.iter().find_map(|stream| match &stream.state {
            StreamState::Frozen { note } if stream.id.from == known.site => Some(note.clone()),
            StreamState::Frozen { .. } | StreamState::Open => None,
        });
        let waiting: Vec<u64> =
            waiting.iter().filter(|name| name.from == known.site).map(|name| name.seq.number()).collect();
        let held = streams.iter().filter(|stream| stream.id.from == known.site).find_map(|stream| {
            let bundle = stream.next()?.number();
            stream.held.clone().filter(|_| waiting.contains(&bundle)).map(|why| Held { bundle, why })
        });
        PeerStatus {
            site: known.site.clone(),
            state: known.state,
            last_applied: last.map(|record| (record.seq.number(), record.recorded_at)),
            waiting,
            held,
            frozen,
        }
    });
    Ok(peers.collect())
}
