//! Which labs take part: suspended for a while, revoked for good, or given all rows anew. At the centre only.

use crate::bundle::{Recipient, VerifyingKey};
use crate::config::{nearest, six_words};
use crate::engine::error::{Cause, Error};
use crate::engine::home::Home;
use crate::engine::lab_account::{self, AccountDoor};
use crate::engine::peers::{PeerStatus, overview};
use crate::ledger::{self, KnownSite, SiteState};
use crate::model::{Role, Site};

/// What is to become of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteOrder {
    /// It takes no part for a while: its bundles wait, nothing is sealed for it, and it holds no pruning back.
    Suspend,
    /// It takes part again, and is given all rows anew.
    Resume,
    /// Its keys are believed no more, for good: a stolen computer.
    Revoke,
    /// It is given all rows anew.
    Resend,
}

/// What an order comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteChange {
    /// The lab.
    pub site: Site,
    /// What was ordered.
    pub order: SiteOrder,
    /// Whether it takes part until now.
    pub before: SiteState,
    /// Whether it takes part from now on.
    pub after: SiteState,
    /// Whether the next seal gives it all rows anew.
    pub wants_snapshot: bool,
    /// Whether anything is different from before.
    pub is_new: bool,
    /// Bundles for it that were removed from the outbox; in a preview, that would be.
    pub removed: u64,
    /// What became of its account in this database.
    pub account: AccountDoor,
}

/// A lab in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteDetails {
    /// How things stand with it.
    pub peer: PeerStatus,
    /// The six words of its keys.
    pub words: String,
    /// The id of its signing key.
    pub signing_key_id: String,
    /// Its public signing key.
    pub signing_key: String,
    /// Its public encryption key.
    pub encryption_key: String,
}

/// How things stand with each enrolled lab, by name.
pub fn sites(home: &mut Home<'_>) -> Result<Vec<PeerStatus>, Error> {
    expect_central(home)?;
    Ok(overview(home)?.peers)
}

/// One lab in full.
pub fn site(home: &mut Home<'_>, site: &Site) -> Result<SiteDetails, Error> {
    expect_central(home)?;
    find(home, site)?;
    let details = all_site_details(home)?.into_iter().find(|details| details.peer.site == *site);
    details.ok_or_else(|| unknown(home, site))
}

/// Every enrolled lab in full, by name.
pub fn all_site_details(home: &mut Home<'_>) -> Result<Vec<SiteDetails>, Error> {
    let peers = sites(home)?;
    let of = |peer: PeerStatus| {
        let known = find(home, &peer.site)?;
        let verifying: VerifyingKey = known.verifying_key.parse()?;
        let recipient: Recipient = known.recipient.parse()?;
        Ok(SiteDetails {
            peer,
            words: six_words(&verifying, &recipient),
            signing_key_id: verifying.id().to_string(),
            signing_key: verifying.to_string(),
            encryption_key: recipient.to_string(),
        })
    };
    peers.into_iter().map(of).collect()
}

/// What an order would come to. Changes nothing.
pub fn preview_change(home: &mut Home<'_>, site: &Site, order: SiteOrder) -> Result<SiteChange, Error> {
    expect_central(home)?;
    let mut change = outcome(&find(home, site)?, order)?;
    if change.after == SiteState::Revoked {
        change.removed = home.outbox.list()?.iter().filter(|stored| stored.name.to == *site).count() as u64;
    }
    Ok(change)
}

/// Does what is ordered. The same order again is no error, and completes what a crash left undone.
pub fn change_site(home: &mut Home<'_>, site: &Site, order: SiteOrder) -> Result<SiteChange, Error> {
    expect_central(home)?;
    let mut change = outcome(&find(home, site)?, order)?;
    // The wish first: a lab that takes part again without it would go on from rows that it was never told of.
    ledger::want_snapshot(&mut home.session, site, change.wants_snapshot)?;
    ledger::set_site_state(&mut home.session, site, change.after)?;
    change.account = lab_account::turn(home, site, order)?;
    if change.after == SiteState::Revoked {
        change.removed = remove_bundles(home, site)?;
    }
    for known in home.sites.iter_mut().filter(|known| known.site == *site) {
        known.state = change.after;
        known.wants_snapshot = change.wants_snapshot;
    }
    Ok(change)
}

/// Refuses names that are not those of labs that take part.
pub fn expect_active_labs<'s>(
    home: &Home<'_>,
    sites: impl IntoIterator<Item = &'s Site>,
) -> Result<(), Error> {
    for site in sites {
        match find(home, site)?.state {
            SiteState::Active => {}
            SiteState::Suspended => return Err(Cause::Suspended { site: site.clone() }.into()),
            SiteState::Revoked => return Err(Cause::Revoked { site: site.clone() }.into()),
        }
    }
    Ok(())
}

/// Decides what an order comes to. Pure.
fn outcome(known: &KnownSite, order: SiteOrder) -> Result<SiteChange, Cause> {
    let site = known.site.clone();
    let (after, wants_snapshot) = match (known.state, order) {
        (SiteState::Revoked, SiteOrder::Revoke) => (SiteState::Revoked, false),
        (SiteState::Revoked, SiteOrder::Suspend | SiteOrder::Resume | SiteOrder::Resend) => {
            return Err(Cause::Revoked { site });
        }
        (SiteState::Suspended, SiteOrder::Resend) => return Err(Cause::Suspended { site }),
        (SiteState::Active | SiteState::Suspended, SiteOrder::Revoke) => (SiteState::Revoked, false),
        (SiteState::Active | SiteState::Suspended, SiteOrder::Suspend) => {
            (SiteState::Suspended, known.wants_snapshot)
        }
        // What was sealed in the meantime was not sealed for it, and its log rows may be pruned.
        (SiteState::Suspended, SiteOrder::Resume) => (SiteState::Active, true),
        (SiteState::Active, SiteOrder::Resume) => (SiteState::Active, known.wants_snapshot),
        (SiteState::Active, SiteOrder::Resend) => (SiteState::Active, true),
    };
    let is_new = after != known.state || wants_snapshot != known.wants_snapshot;
    Ok(SiteChange {
        site,
        order,
        before: known.state,
        after,
        wants_snapshot,
        is_new,
        removed: 0,
        account: AccountDoor::None,
    })
}

/// Nobody may read what waits for a revoked lab, and nothing of what came from it will be applied.
fn remove_bundles(home: &Home<'_>, site: &Site) -> Result<u64, Error> {
    let mut removed = 0;
    for stored in home.outbox.list()?.into_iter().filter(|stored| stored.name.to == *site) {
        home.outbox.remove(&stored.name)?;
        removed += 1;
    }
    for stored in home.inbox.list()?.into_iter().filter(|stored| stored.name.from == *site) {
        home.inbox.remove(&stored.name)?;
    }
    Ok(removed)
}

/// Refuses what only the centre can do.
pub(super) fn expect_central(home: &Home<'_>) -> Result<(), Error> {
    match home.role() {
        Role::Central => Ok(()),
        Role::Lab => Err(Cause::OnlyAtCentral { site: home.site().clone() }.into()),
    }
}

/// The lab of this name, or an error that names one with nearly the same.
pub(super) fn find(home: &Home<'_>, site: &Site) -> Result<KnownSite, Error> {
    home.sites.iter().find(|known| known.site == *site).cloned().ok_or_else(|| unknown(home, site))
}

fn unknown(home: &Home<'_>, site: &Site) -> Error {
    let names: Vec<&str> = home.sites.iter().map(|known| known.site.as_str()).collect();
    let near = nearest(site.as_str(), &names).and_then(|near| near.parse().ok());
    Cause::UnknownLab { site: site.clone(), near }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Incarnation, Stamp};

    fn known(state: SiteState, wants_snapshot: bool) -> KnownSite {
        KnownSite {
            site: "lab-a".parse().unwrap(),
            role: Role::Lab,
            number: Some(2),
            incarnation: Incarnation::from_bytes([7; 16]),
            verifying_key: String::new(),
            recipient: String::new(),
            state,
            wants_snapshot,
            enrolled_at: Stamp::from_micros(0),
        }
    }

    #[test]
    fn every_order_in_every_state_is_done_done_already_or_refused() {
        use SiteOrder::{Resend, Resume, Revoke, Suspend};
        use SiteState::{Active, Revoked, Suspended};
        let cases = [
            (Active, Suspend, Some((Suspended, false, true))),
            (Active, Resume, Some((Active, false, false))),
            (Active, Resend, Some((Active, true, true))),
            (Active, Revoke, Some((Revoked, false, true))),
            (Suspended, Suspend, Some((Suspended, false, false))),
            (Suspended, Resume, Some((Active, true, true))),
            (Suspended, Resend, None),
            (Suspended, Revoke, Some((Revoked, false, true))),
            (Revoked, Suspend, None),
            (Revoked, Resume, None),
            (Revoked, Resend, None),
            (Revoked, Revoke, Some((Revoked, false, false))),
        ];
        for (state, order, wanted) in cases {
            let found = outcome(&known(state, false), order).ok();
            let found = found.map(|change| (change.after, change.wants_snapshot, change.is_new));
            assert_eq!(found, wanted, "{order:?} of a lab that is {state}");
        }
    }

    #[test]
    fn a_snapshot_that_was_due_before_stays_due() {
        for order in [SiteOrder::Suspend, SiteOrder::Resume, SiteOrder::Resend] {
            assert!(outcome(&known(SiteState::Active, true), order).unwrap().wants_snapshot, "{order:?}");
        }
    }
}
