//! At the centre: takes out of the mail what nobody waits for any more.

use std::collections::BTreeSet;

use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::mail::MailLine;
use crate::ledger::{BundleRecord, SiteState};
use crate::mailbox::{Cleared, MailState};
use crate::model::{BundleName, Role, Site, Stamp};

impl MailLine {
    /// Marks what a receipt covers, what a snapshot stands for, and what is for or from a lab that is gone for good; then removes
    /// what is marked. Only receipts decide: what was fetched and not confirmed stays.
    pub(super) fn tidy(&mut self, home: &mut Home<'_>) -> Result<Cleared, Error> {
        // What is needed must be in the outbox under its name, also after a seal that was killed.
        home.complete_last_seal()?;
        let mut needed: BTreeSet<BundleName> = home.unconfirmed()?.iter().map(BundleRecord::name).collect();
        needed.extend(home.left_behind()?.into_iter().map(|(name, _)| name));
        let mut held: BTreeSet<Site> = BTreeSet::new();
        for one in self.central.sent_and_open()? {
            let known = home.sites.iter().find(|known| known.site == one.name.to && known.role == Role::Lab);
            let is_needed = match known.map(|known| known.state) {
                Some(SiteState::Active) => needed.contains(&one.name),
                // It may come back, and starts from a snapshot then.
                Some(SiteState::Suspended) => true,
                Some(SiteState::Revoked) | None => false,
            };
            // A lab that holds what it reads is not waited for once more with each bundle.
            if !is_needed
                && !held.contains(&one.name.to)
                && !self.central.mark(one.id, &MailState::Gone, home.monitor)?
            {
                held.insert(one.name.to);
            }
        }
        // An upload that the revoking has cut short is never completed.
        for revoked in home.sites.iter().filter(|known| known.state == SiteState::Revoked) {
            self.central.drop_all_of(&revoked.site, home.monitor)?;
        }
        let keep = i64::try_from(home.settings.keep.as_micros()).unwrap_or(i64::MAX);
        let before = Stamp::from_micros(now().micros().saturating_sub(keep));
        Ok(self.central.clear(before, home.monitor)?)
    }
}
