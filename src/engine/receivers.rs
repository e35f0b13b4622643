//! Whom this site seals for: a lab for its centre, the centre for each active lab.

use crate::bundle::{Receipt, Recipient};
use crate::db::Session;
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::succession::{follows, had};
use crate::ledger::{self, KnownSite, SiteState, Stream};
use crate::model::{BundleKind, Role, Site, StreamId};

/// One site that is sealed for.
pub(super) struct Receiver {
    pub(super) site: Site,
    pub(super) recipient: Recipient,
    /// The stream to it, as far as it is.
    pub(super) stream: Stream,
    /// The stream that comes from it.
    pub(super) incoming: StreamId,
    /// Whether it is given changes, or all rows anew.
    pub(super) kind: BundleKind,
    /// Whether every shared table can be read for it. A snapshot that lacks one is followed by another.
    pub(super) is_whole: bool,
    /// Which earlier histories of this site the snapshot follows.
    pub(super) follows: Option<String>,
    /// What was applied of its histories that are over.
    pub(super) had: Option<String>,
    /// What was applied of it, in the snapshot of the seal.
    pub(super) receipt: Option<Receipt>,
    /// Whether it waits for that receipt: it was not told of a bundle that holds more than a receipt itself.
    ///
    /// A receipt is not answered with a receipt, or two sites would thank each other for ever.
    pub(super) owes_receipt: bool,
    /// The key that it knows this site by, where that is not the one of now: it is to hear of the new keys.
    pub(super) known_key: Option<String>,
}

impl Receiver {
    /// Reads what was applied of this site, in the snapshot that is open on `session`.
    ///
    /// In the same snapshot as the rows: the receiver learns from the receipt which of its own changes they show.
    pub(super) fn read_receipt(&mut self, session: &mut Session) -> Result<(), Error> {
        let incoming = ledger::open_stream(session, &self.incoming)?;
        self.receipt = incoming.last.map(|(seq, digest)| Receipt {
            incarnation: self.incoming.incarnation,
            seq,
            digest,
        });
        self.owes_receipt = ledger::last_with_content(session, &self.incoming)? > incoming.told;
        Ok(())
    }
}

impl Home<'_> {
    /// The sites that are sealed for, by name.
    pub(super) fn receivers(&mut self) -> Result<Vec<Receiver>, Error> {
        let known: Vec<KnownSite> = match self.role() {
            Role::Lab => vec![self.central()?.clone()],
            Role::Central => self.active_labs().cloned().collect(),
        };
        known.into_iter().map(|known| self.receiver(known)).collect()
    }

    /// The labs that take part now.
    pub(super) fn active_labs(&self) -> impl Iterator<Item = &KnownSite> {
        self.sites.iter().filter(|known| known.role == Role::Lab && known.state == SiteState::Active)
    }

    fn receiver(&mut self, known: KnownSite) -> Result<Receiver, Error> {
        let id = self.stream_to(&known.site);
        let own = self.here.site.clone();
        let incoming = StreamId { from: known.site.clone(), incarnation: known.incarnation, to: own };
        let tells = self.role() == Role::Central && known.wants_snapshot;
        Ok(Receiver {
            had: if self.role() == Role::Central { had(self, &incoming)? } else { None },
            follows: if tells { follows(self, &id)? } else { None },
            recipient: known.recipient.parse()?,
            stream: ledger::open_stream(&mut self.session, &id)?,
            incoming,
            kind: if known.wants_snapshot { BundleKind::Snapshot } else { BundleKind::Changes },
            is_whole: true,
            receipt: None,
            owes_receipt: false,
            known_key: self.untold.get(&known.site).cloned(),
            site: known.site,
        })
    }
}
