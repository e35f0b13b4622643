//! What is known of a bundle that waits in the mail before any of it is fetched, and whether what was fetched is it.

use crate::bundle;
use crate::engine::arrivals::Waiting;
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::intake::Rejected;
use crate::engine::receive::ItemOutcome;
use crate::ledger::{self, SiteState, Stream, StreamState};
use crate::mailbox::{Folder, Found, Mail};
use crate::model::BundleName;

/// What is known of a bundle before it is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it is to be fetched.
    New,
    /// It was applied, or a snapshot stands for it.
    Applied,
    /// It lies in the inbox and waits for others.
    InInbox,
    /// Its site may not speak now, or is nobody that this site knows, or its stream is stopped until a person has looked.
    Silent,
}

impl Home<'_> {
    /// What is known of a bundle, going by its name and digest. Neither is believed any further than this: what is wrongly
    /// taken for known is only not fetched, and its sender has said so itself.
    pub(super) fn known(&mut self, mail: &Mail, streams: &[Stream]) -> Result<Known, Error> {
        let sender = self.sites.iter().find(|known| known.site == mail.name.from);
        if sender.map(|known| known.state) != Some(SiteState::Active) {
            return Ok(Known::Silent);
        }
        let is_its = |one: &&Stream| BundleName::new(&one.id, mail.name.seq) == mail.name;
        for stream in streams.iter().filter(is_its) {
            if matches!(stream.state, StreamState::Frozen { .. }) {
                return Ok(Known::Silent);
            }
            let record = ledger::find_bundle(&mut self.session, &stream.id, mail.name.seq)?;
            let is_passed = stream.last.is_some_and(|(last, _)| mail.name.seq <= last);
            match record {
                Some(record) if record.digest == mail.digest => return Ok(Known::Applied),
                // Two bundles claim one place: it is fetched, so that the stream is looked at.
                Some(_) => return Ok(self.in_inbox(mail)),
                None if is_passed => return Ok(Known::Applied),
                None => {}
            }
        }
        Ok(self.in_inbox(mail))
    }

    fn in_inbox(&self, mail: &Mail) -> Known {
        if self.inbox.open_bundle(&mail.name).is_ok() { Known::InInbox } else { Known::New }
    }

    /// Proves that the part that was fetched is the bundle that its name says, of a site that we know and for us.
    ///
    /// The name came from a database, and a file lies in the inbox only under the name that its own signature proves.
    pub(super) fn check_fetched(
        &self,
        arriving: &Folder,
        mail: &Mail,
    ) -> Result<Result<Waiting, ItemOutcome>, Error> {
        let mut file = arriving.open_part(&mail.name)?;
        let path = arriving.path().join(mail.name.to_string());
        let found = Found { path, size_bytes: mail.size_bytes, name_hint: Some(mail.name.clone()) };
        let ring = self.ring()?;
        Ok(match self.take_in(&ring, &found, false, &mut file) {
            Ok(waiting) if waiting.name() == mail.name => Ok(waiting),
            Ok(_) => Err(ItemOutcome::Refused(bundle::Error::Foreign { field: "name" })),
            Err(Rejected::Bundle(error)) => Err(ItemOutcome::Refused(error)),
            Err(Rejected::NotOurs { .. }) => Err(ItemOutcome::NotOurs),
            Err(Rejected::Stranger { source, .. }) => Err(ItemOutcome::Stranger(source)),
            Err(Rejected::Silenced { state, .. }) => Err(ItemOutcome::Silenced(state)),
        })
    }
}
