//! Bundles that were sealed for keys which this site does not have any more: nobody can open them again.
//!
//! A centre that was put back to before its new keys, and has no copy of these, gets such bundles from each lab that had heard of
//! them. The lab goes on under a new history, and sends in it all that they held.

use std::collections::BTreeSet;

use crate::apply;
use crate::bundle;
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::receive::{Item, ItemOutcome};
use crate::ledger;
use crate::model::{BundleName, Seq, StreamId};

/// Whether a bundle was sealed for keys that this site does not have.
pub(super) fn is_sealed_for_others(outcome: &ItemOutcome) -> bool {
    let ItemOutcome::Failed(error) = outcome else {
        return false;
    };
    matches!(
        error.as_ref(),
        Error::Apply { source: apply::Error::Bundle { source: bundle::Error::CannotDecrypt, .. }, .. }
    )
}

/// What of an earlier history of a lab cannot be opened, and what waits for that, needs nobody's attention once the history that
/// follows it has begun. Unless it is a dry run, the copies here go.
pub(super) fn forgive_lost_keys(home: &mut Home<'_>, items: &mut [Item], dry_run: bool) -> Result<(), Error> {
    let history = |name: &BundleName| BundleName { seq: Seq::FIRST, ..name.clone() };
    let lost: BTreeSet<BundleName> = items
        .iter()
        .filter(|item| is_sealed_for_others(&item.outcome))
        .filter_map(|item| item.name.as_ref().map(history))
        .collect();
    for first in lost {
        let Some(known) = home.sites.iter().find(|known| known.site == first.from) else {
            continue;
        };
        let now = StreamId { from: first.from.clone(), incarnation: known.incarnation, to: first.to.clone() };
        if BundleName::new(&now, Seq::FIRST) == first
            || ledger::open_stream(&mut home.session, &now)?.last.is_none()
        {
            continue;
        }
        for item in items.iter_mut() {
            let Some(name) = item.name.clone().filter(|name| history(name) == first) else {
                continue;
            };
            if is_sealed_for_others(&item.outcome) || matches!(item.outcome, ItemOutcome::Waits(_)) {
                item.outcome = ItemOutcome::Over;
                if !dry_run && home.inbox.open_bundle(&name).is_ok() {
                    home.inbox.remove(&name)?;
                }
            }
        }
    }
    Ok(())
}
