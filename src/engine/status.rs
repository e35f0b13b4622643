//! Where everything stands.

use crate::capture::{self, LogDepth};
use crate::db::Catalog;
use crate::engine::error::Error;
use crate::engine::follow::{loses_edits, readable};
use crate::engine::home::Home;
use crate::engine::peers::{Overview, PeerStatus, overview};
use crate::ledger::{self, ClockState, KeptRows};
use crate::model::{Role, Site, TableName};

/// Where everything stands at one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// This site.
    pub site: Site,
    /// Centre or lab.
    pub role: Role,
    /// The lab's centre; `None` before `join`, and at the centre.
    pub central: Option<Site>,
    /// Whether the rows here have to do with the centre's: a lab takes in a snapshot first.
    pub has_started: bool,
    /// Whether this lab can reach its centre by network, as its settings say.
    pub is_online: bool,
    /// Edits that no bundle carries yet and that somebody is to be told of, by table.
    pub unsealed: Vec<(TableName, u64)>,
    /// How things stand with each other site, in both directions.
    pub peers: Vec<PeerStatus>,
    /// What this lab keeps of the centre's changes until it can follow them.
    pub kept: Vec<KeptRows>,
    /// How this lab's clock compares with the centre's; `None`: they were never compared, as at the centre.
    pub clock: Option<ClockState>,
    /// Conflicts that wait for a person.
    pub open_conflicts: u64,
    /// Triggers that are missing or changed.
    pub broken_triggers: u64,
    /// Synced tables whose edits stay in the log as things are, with the reason.
    pub left_out: Vec<(TableName, String)>,
}

impl Status {
    /// Whether something waits for a person.
    pub fn needs_a_person(&self) -> bool {
        self.open_conflicts > 0
            || self.broken_triggers > 0
            || !self.left_out.is_empty()
            || self.peers.iter().any(|peer| peer.frozen.is_some() || peer.held.is_some() || peer.has_gap())
    }
}

/// Looks where everything stands. Changes nothing.
pub fn status(home: &mut Home<'_>) -> Result<Status, Error> {
    let (site, role) = (home.here.site.clone(), home.here.role);
    let catalog = Catalog::load(&mut home.session)?;
    let shared = ledger::shared_tables(&mut home.session)?;
    let (tables, left_out) = readable(home, &catalog, shared)?;
    let triggers = capture::check_triggers(&catalog, &tables, LogDepth::of(role));
    let broken = triggers.iter().filter(|(_, _, state)| loses_edits(*state)).count();
    let Overview { peers, to_seal } = overview(home)?;
    Ok(Status {
        central: home.sites.iter().find(|known| known.role == Role::Central).map(|known| known.site.clone()),
        has_started: home.has_started()?,
        is_online: home.settings.central.is_some(),
        unsealed: to_seal,
        peers,
        clock: ledger::load_clock(&mut home.session)?,
        kept: ledger::kept_summary(&mut home.session)?,
        open_conflicts: ledger::open_conflicts(&mut home.session)?,
        broken_triggers: broken as u64,
        left_out,
        site,
        role,
    })
}

impl Home<'_> {
    /// Whether the rows here have to do with the centre's: a lab takes in a snapshot first.
    pub fn has_started(&mut self) -> Result<bool, Error> {
        Ok(self.here.role == Role::Central || !ledger::started_tables(&mut self.session)?.is_empty())
    }
}
