//! From a file somewhere to a private copy that is proven byte for byte.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};

use crate::bundle::{self, Checked, KeyRing, PayloadReader, Unverified};
use crate::engine::arrivals::Waiting;
use crate::engine::error::{Cause, Error};
use crate::engine::home::Home;
use crate::ledger::SiteState;
use crate::mailbox::Found;
use crate::model::{BundleKind, BundleName, Role};
use crate::monitor::{Phase, Step};

/// Why a file is not taken any further.
#[derive(Debug)]
pub(super) enum Rejected {
    /// It is damaged, forged, too new, or no bundle.
    Bundle(bundle::Error),
    /// It is well signed, and for another site.
    NotOurs { name: BundleName },
    /// It is signed by a key that nobody here knows; the name is what it claims.
    Stranger { claims: Option<BundleName>, source: bundle::Error },
    /// Its site may not speak now.
    Silenced { name: BundleName, state: SiteState },
}

impl Home<'_> {
    /// Reads the head of a file and proves its signature. Nothing else of it is looked at.
    pub(super) fn take_in(
        &self,
        ring: &KeyRing,
        found: &Found,
        in_inbox: bool,
        file: &mut File,
    ) -> Result<Waiting, Rejected> {
        let mut source = BufReader::new(file);
        let head = Unverified::read(&mut source, found.size_bytes).map_err(Rejected::Bundle)?;
        let claims = head.claims().ok().map(|manifest| manifest.name());
        let verified = head.verify(ring).map_err(|source| {
            let is_stranger = matches!(source, bundle::Error::UnknownSigner { .. });
            if is_stranger { Rejected::Stranger { claims, source } } else { Rejected::Bundle(source) }
        })?;
        let name = verified.manifest().name();
        if verified.manifest().stream().to != self.here.site {
            return Err(Rejected::NotOurs { name });
        }
        // Labs say what has changed. What a snapshot does not name is deleted, and that is never theirs to say.
        if self.here.role == Role::Central && verified.manifest().kind() == BundleKind::Snapshot {
            let fault = bundle::ManifestFault::Value("kind");
            return Err(Rejected::Bundle(bundle::Error::Manifest { fault }));
        }
        let state = self.sites.iter().find(|known| known.site == name.from).map(|known| known.state);
        match state {
            Some(SiteState::Active) => Ok(Waiting { path: found.path.clone(), in_inbox, verified }),
            Some(state @ (SiteState::Suspended | SiteState::Revoked)) => {
                Err(Rejected::Silenced { name, state })
            }
            // signed by us, for us: nobody makes such a bundle
            None => Err(Rejected::NotOurs { name }),
        }
    }

    /// Copies a bundle into the inbox and proves every byte on the way. From then on only the copy is used.
    ///
    /// The copy gets its name only when it is whole and on disk: whatever lies in the inbox as a part is waste.
    pub(super) fn copy_in(
        &self,
        waiting: &Waiting,
        source: File,
    ) -> Result<Result<Checked, bundle::Error>, Error> {
        let name = waiting.name();
        let length = waiting.verified.length();
        let mut source = BufReader::with_capacity(256 << 10, source.take(length + 1));
        if waiting.in_inbox {
            return Ok(waiting.verified.copy(&mut source, &mut std::io::sink(), &mut |_| {}));
        }
        let free_bytes = self.inbox.free_bytes()?;
        if free_bytes < length {
            return Err(Cause::InboxFull { name, need_bytes: length, free_bytes }.into());
        }
        let mut part = BufWriter::with_capacity(256 << 10, self.inbox.create_part(&name)?);
        let (monitor, mut done) = (self.monitor, 0);
        monitor.begin(Phase::Checking, Some(length));
        let copied = waiting.verified.copy(&mut source, &mut part, &mut |bytes| {
            monitor.advance(Phase::Checking, bytes);
            if done < length / 2 && done + bytes >= length / 2 {
                monitor.step(Step::AdmitHalfCopied);
            }
            done += bytes;
        });
        monitor.end(Phase::Checking);
        let path = self.inbox.path().to_path_buf();
        let flushed = part.flush();
        let (part, _) = part.into_parts();
        let checked = match copied {
            Ok(checked) => checked,
            Err(error) => {
                part.discard()?;
                return Ok(Err(error));
            }
        };
        if let Err(source) = flushed {
            part.discard()?;
            return Err(Error::File { path, source });
        }
        part.finish()?;
        // What lay here under this name was found damaged, or was looked at before: this copy is proven.
        if self.inbox.open_bundle(&name).is_ok() {
            self.inbox.remove(&name)?;
        }
        self.inbox.rename_part(&name)?;
        monitor.step(Step::AdmitCopied);
        self.inbox.sync()?;
        Ok(Ok(checked))
    }

    /// Opens the content of a private copy.
    pub(super) fn open_copy(
        &self,
        name: &BundleName,
        checked: &Checked,
    ) -> Result<PayloadReader<Box<dyn Read + Send>>, bundle::Error> {
        let file = self.inbox.open_bundle(name);
        let file = file.map_err(|error| bundle::Error::Read { source: std::io::Error::other(error) })?;
        let source: Box<dyn Read + Send> = Box::new(BufReader::with_capacity(256 << 10, file));
        checked.open(source, &self.keys.identity)
    }
}
