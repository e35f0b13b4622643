//! Seals what has changed, and sends what no receipt covers and is not there yet, oldest first.

use crate::bundle::Unverified;
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::mail::MailLine;
use crate::engine::prune::prune;
use crate::engine::seal::{SealReport, count_unsealed, seal};
use crate::ledger::{self, BundleRecord, Way};
use crate::mailbox::{Cleared, MailError, MailState, Parcel, SentMail, UnderWay};
use crate::model::{BundleKind, BundleName, Digest, Role, Site};

/// What a push did.
#[derive(Debug, Default)]
pub struct Push {
    /// What was sealed.
    pub sealed: SealReport,
    /// The bundles that no receipt covers, as far as the line went; of each receiver the oldest first.
    pub bundles: Vec<PushedBundle>,
    /// Bundles that are not there, all of them safe in the outbox.
    pub left: Vec<BundleName>,
    /// Why they are not.
    pub stopped_by: Option<Error>,
    /// The bundle that is partly there.
    pub under_way: Option<UnderWay>,
    /// At the centre: labs that have no mail, for which bundles wait for a stick.
    pub only_by_stick: Vec<Site>,
    /// At the centre: what was removed from the mail.
    pub cleared: Cleared,
}

/// One bundle that no receipt covers yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedBundle {
    /// Its name.
    pub name: BundleName,
    /// What it is for.
    pub kind: BundleKind,
    /// Its size.
    pub size_bytes: u64,
    /// How many bytes of it went over the line just now.
    pub sent_bytes: u64,
    /// How it stands at the centre.
    pub outcome: Pushed,
}

/// How a bundle stands at the centre after a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// All of it is there, the last of it since just now.
    Sent,
    /// All of it was there before.
    There,
    /// The centre has applied it; its receipt has not come yet.
    Taken,
    /// The centre can never use it.
    Refused {
        /// Why, in the centre's words.
        note: String,
    },
    /// It was damaged and is being removed there; the next push sends it again.
    Leaving,
}

/// What a push would do.
#[derive(Debug)]
pub struct PushPreview {
    /// What would be sealed.
    pub sealed: SealReport,
    /// The bundles that are sealed already and that no receipt covers.
    pub unconfirmed: Vec<BundleName>,
}

/// A bundle that is to be at the centre.
struct Due {
    name: BundleName,
    digest: Digest,
    size_bytes: u64,
    record: Option<BundleRecord>,
}

/// Looks what a push would do. Changes nothing, and needs no line.
pub fn preview_push(home: &mut Home<'_>) -> Result<PushPreview, Error> {
    let sealed = count_unsealed(home)?;
    let unconfirmed = home.unconfirmed()?.iter().map(BundleRecord::name).collect();
    Ok(PushPreview { sealed, unconfirmed })
}

/// Seals, and puts into the mail whatever no receipt covers and is not there already.
///
/// Sealing needs no line: what was sealed and not sent lies in the outbox, and goes the next time, or by a stick.
pub fn push(home: &mut Home<'_>, line: &mut MailLine) -> Result<Push, Error> {
    // Before the seal, which tells it. A line that broke shows again below; the seal needs none.
    let _ = line.compare_clocks(home);
    let mut push = Push { sealed: seal(home)?, ..Push::default() };
    let due = due(home)?;
    match send(home, line, due, &mut push) {
        Ok(()) => {}
        Err(error @ Error::Mail(_)) => {
            push.stopped_by = Some(error);
            push.under_way = line.central.under_way().cloned();
        }
        Err(other) => return Err(other),
    }
    prune(home)?;
    Ok(push)
}

fn send(home: &mut Home<'_>, line: &mut MailLine, due: Vec<Due>, push: &mut Push) -> Result<(), Error> {
    push.left = due.iter().map(|one| one.name.clone()).collect();
    line.ensure(home)?;
    let mut due = due;
    if home.role() == Role::Central {
        line.central.set_quotas(home.settings.mail.bytes, home.settings.mail.bundles)?;
        push.cleared = line.tidy(home)?;
        let open = line.central.open_sites()?;
        let (online, others): (Vec<Due>, Vec<Due>) =
            due.into_iter().partition(|one| open.contains(&one.name.to));
        push.only_by_stick = others.into_iter().map(|one| one.name.to).collect();
        push.only_by_stick.dedup();
        due = online;
        push.left = due.iter().map(|one| one.name.clone()).collect();
    }
    let there = line.central.sent(&push.left)?;
    for one in due {
        let (sent_bytes, outcome) = send_one(home, line, &one, &there)?;
        let is_there = matches!(outcome, Pushed::Sent | Pushed::There | Pushed::Taken);
        // A crash can leave a bundle there without a word of it in the ledger.
        let unknown = one.record.as_ref().filter(|record| sent_bytes > 0 || record.carried_at.is_none());
        if let Some(record) = unknown.filter(|_| is_there) {
            ledger::record_carried(&mut home.session, &record.stream, record.seq, Way::Online, now())?;
        }
        push.left.retain(|name| *name != one.name);
        // The end of an older history holds edits that the database has lost: never a receipt alone.
        let kind = one.record.map_or(BundleKind::Changes, |record| record.kind);
        let Due { name, size_bytes, .. } = one;
        push.bundles.push(PushedBundle { name, kind, size_bytes, sent_bytes, outcome });
    }
    Ok(())
}

fn send_one(
    home: &Home<'_>,
    line: &mut MailLine,
    due: &Due,
    there: &[SentMail],
) -> Result<(u64, Pushed), Error> {
    let Due { name, digest, size_bytes, .. } = due;
    let known = there.iter().find(|one| one.name == *name && one.digest == *digest);
    match known.map(|one| (&one.state, one.is_complete)) {
        Some((MailState::Open, true)) => return Ok((0, Pushed::There)),
        Some((MailState::Taken, _)) => return Ok((0, Pushed::Taken)),
        Some((MailState::Gone, _)) => return Ok((0, Pushed::Leaving)),
        // Refused: perhaps because the file was damaged here, and it is another one now.
        Some((MailState::Open | MailState::Refused { .. }, _)) | None => {}
    }
    let mut file = home.outbox.open_bundle(name)?;
    let parcel = Parcel { name, digest: *digest, file: &mut file, size_bytes: *size_bytes };
    let sent = line.central.put(parcel, &mut line.pace, home.monitor)?;
    Ok(match sent.state {
        MailState::Open => (sent.bytes, Pushed::Sent),
        MailState::Taken => (sent.bytes, Pushed::Taken),
        MailState::Gone => (sent.bytes, Pushed::Leaving),
        MailState::Refused { note } => (sent.bytes, Pushed::Refused { note }),
    })
}

/// What is to be at the centre: the end of an older history, then what no receipt covers.
fn due(home: &mut Home<'_>) -> Result<Vec<Due>, Error> {
    let mut due = Vec::new();
    for (name, size_bytes) in home.left_behind()? {
        let mut file = home.outbox.open_bundle(&name)?;
        let head = Unverified::read(&mut file, size_bytes);
        let path = home.outbox.path().join(name.to_string());
        let digest = head.map_err(|source| Error::Bundle { path, source })?.digest();
        due.push(Due { name, digest, size_bytes, record: None });
    }
    let records = home.unconfirmed()?.into_iter();
    due.extend(records.map(|record| Due {
        name: record.name(),
        digest: record.digest,
        size_bytes: record.size_bytes,
        record: Some(record),
    }));
    Ok(due)
}

impl Push {
    /// Why the line gave up, where it did.
    pub fn line_fault(&self) -> Option<&MailError> {
        match &self.stopped_by {
            Some(Error::Mail(error)) => Some(error),
            Some(_) | None => None,
        }
    }
}
