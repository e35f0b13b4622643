//! Fetches what waits for this site, applies it, and at the centre takes it out of the mail.

use std::collections::BTreeSet;

use crate::apply;
use crate::bundle;
use crate::engine::error::{Cause, Error};
use crate::engine::home::Home;
use crate::engine::lost_keys::is_sealed_for_others;
use crate::engine::mail::MailLine;
use crate::engine::mail::check::Known;
use crate::engine::mail::useless::Useless;
use crate::engine::new_keys::{Learn, learn_keys};
use crate::engine::prune::prune;
use crate::engine::receive::{Import, ImportOptions, Item, ItemOutcome, import};
use crate::ledger::{self, SiteState};
use crate::mailbox::{Cleared, Folder, Mail, MailError, MailState, Odd, UnderWay};
use crate::model::{BundleName, Role, Site};
use crate::monitor::Step;

/// What a pull found and did.
#[derive(Debug, Default)]
pub struct Pull {
    /// The bundles that were fetched.
    pub fetched: Vec<FetchedBundle>,
    /// What was applied, and what became of every other bundle in the inbox.
    pub import: Import,
    /// Bundles that could not be fetched, each for a reason of its own.
    pub unfetched: Vec<Unfetched>,
    /// Rows in the mail that no packmule wrote so.
    pub odd: Vec<Odd>,
    /// Why not everything was fetched.
    pub stopped_by: Option<Error>,
    /// The bundle that is partly here.
    pub under_way: Option<UnderWay>,
    /// At the centre: what was removed from the mail.
    pub cleared: Cleared,
}

/// A bundle that came over the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedBundle {
    /// Its name.
    pub name: BundleName,
    /// Its size.
    pub size_bytes: u64,
    /// How many bytes of it came over the line just now.
    pub fetched_bytes: u64,
}

/// A bundle that could not be fetched.
#[derive(Debug)]
pub struct Unfetched {
    /// Its name.
    pub name: BundleName,
    /// Why.
    pub error: MailError,
    /// Whether it was taken out of the mail, so that its sender sends it again.
    pub is_removed: bool,
}

/// What a pull would fetch.
#[derive(Debug, Default)]
pub struct PullPreview {
    /// The bundles that would be fetched, with their sizes.
    pub new: Vec<(BundleName, u64)>,
    /// How many lie there that are here already.
    pub known: u64,
}

/// Looks what waits. Fetches and changes nothing.
pub fn preview_pull(home: &mut Home<'_>, line: &mut MailLine) -> Result<PullPreview, Error> {
    let streams = ledger::streams(&mut home.session)?;
    let mut preview = PullPreview::default();
    for mail in line.central.list()?.mails {
        match home.known(&mail, &streams)? {
            Known::New => preview.new.push((mail.name, mail.size_bytes)),
            Known::Applied | Known::InInbox => preview.known += 1,
            Known::Silent => {}
        }
    }
    Ok(preview)
}

/// Fetches every bundle that waits for this site and is not here yet, and applies what can be applied.
///
/// A line that breaks ends the fetching, not the pull: what is here is applied.
pub fn pull(home: &mut Home<'_>, line: &mut MailLine, options: ImportOptions<'_>) -> Result<Pull, Error> {
    let mut pull = Pull::default();
    let mut mails = Vec::new();
    match fetch_all(home, line, &mut mails, &mut pull) {
        Ok(()) => {}
        Err(error @ (Error::Mail(_) | Error::State(Cause::InboxFull { .. }))) => {
            pull.stopped_by = Some(error);
            pull.under_way = line.central.under_way().cloned();
        }
        Err(other) => return Err(other),
    }
    let online: BTreeSet<BundleName> = mails.iter().map(|mail| mail.name.clone()).collect();
    let rejected = std::mem::take(&mut pull.import.items);
    pull.import = import(home, &[], ImportOptions { online: Some(&online), ..options })?;
    if home.role() == Role::Central {
        match settle(home, line, &mails, &pull.import.items) {
            Ok(cleared) => pull.cleared = cleared,
            // The next pull does it: a bundle that is applied is a duplicate until then.
            Err(error @ Error::Mail(_)) => pull.stopped_by = pull.stopped_by.or(Some(error)),
            Err(other) => return Err(other),
        }
    } else {
        remember_useless(home, &mails, &pull.import.items)?;
    }
    pull.import.items.splice(0..0, rejected);
    if home.keeps_house() {
        prune(home)?;
    }
    Ok(pull)
}

/// Fetches what is new. `mails` is everything that waits, also what is here already.
fn fetch_all(
    home: &mut Home<'_>,
    line: &mut MailLine,
    mails: &mut Vec<Mail>,
    pull: &mut Pull,
) -> Result<(), Error> {
    line.ensure(home)?;
    let listed = line.central.list()?;
    pull.odd = listed.odd;
    mails.extend(listed.mails.into_iter().filter(|mail| home.serves(&mail.name.from)));
    let arriving = home.arriving()?;
    forget_others(&arriving, mails)?;
    let streams = ledger::streams(&mut home.session)?;
    for mail in mails.iter() {
        if home.known(mail, &streams)? != Known::New {
            continue;
        }
        if Useless(&arriving).contains(mail) {
            let name = mail.name.clone();
            let error = MailError::Useless { name: name.clone() };
            pull.unfetched.push(Unfetched { name, error, is_removed: false });
            continue;
        }
        match fetch_one(home, line, mail, &arriving) {
            Ok(Fetched::Named(fetched)) => pull.fetched.push(fetched),
            Ok(Fetched::Rejected(outcome)) => {
                if refuse(home, line, mail, &outcome)? {
                    arriving.remove_part(&mail.name)?;
                }
                let path = arriving.path().join(mail.name.to_string());
                pull.import.items.push(Item { path, name: Some(mail.name.clone()), outcome });
            }
            Err(Error::Mail(error)) if error.is_about_one() => {
                let is_removed = home.role() == Role::Central && matches!(error, MailError::Damaged { .. });
                if is_removed {
                    line.central.remove(mail.id, home.monitor)?;
                }
                pull.unfetched.push(Unfetched { name: mail.name.clone(), error, is_removed });
            }
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// A part of a bundle that does not wait any more: it came by a stick, or was taken away.
fn forget_others(arriving: &Folder, mails: &[Mail]) -> Result<(), Error> {
    for part in arriving.parts()? {
        if !mails.iter().any(|mail| mail.name == part.name) {
            arriving.remove_part(&part.name)?;
        }
    }
    Useless(arriving).keep_only(mails)
}

enum Fetched {
    Named(FetchedBundle),
    Rejected(ItemOutcome),
}

/// One bundle: every part proven, the whole proven, its signature proven; only then does it get its name in the inbox.
fn fetch_one(
    home: &mut Home<'_>,
    line: &mut MailLine,
    mail: &Mail,
    arriving: &Folder,
) -> Result<Fetched, Error> {
    let free_bytes = arriving.free_bytes()?;
    if free_bytes < mail.size_bytes {
        let (name, need_bytes) = (mail.name.clone(), mail.size_bytes);
        return Err(Cause::InboxFull { name, need_bytes, free_bytes }.into());
    }
    let fetched_bytes = line.central.fetch(mail, arriving, &mut line.pace, home.monitor)?;
    match home.check_fetched(arriving, mail)? {
        // Those behind it may be signed with keys that this one names.
        Ok(waiting) => learn_keys(home, std::iter::once(&waiting.verified), Learn::ForGood)?,
        // The part stays where it may come to more, and where it still waits: it is not fetched again for the same word.
        Err(outcome) => return Ok(Fetched::Rejected(outcome)),
    };
    arriving.hand_over(&mail.name, &home.inbox)?;
    home.monitor.step(Step::FetchNamed);
    let (name, size_bytes) = (mail.name.clone(), mail.size_bytes);
    Ok(Fetched::Named(FetchedBundle { name, size_bytes, fetched_bytes }))
}

/// At the centre: the lab is told that a bundle can never be used, and why. Returns whether it was.
fn refuse(home: &Home<'_>, line: &mut MailLine, mail: &Mail, outcome: &ItemOutcome) -> Result<bool, Error> {
    match useless(outcome) {
        Some(note) if home.role() == Role::Central => {
            Ok(line.central.mark(mail.id, &MailState::Refused { note }, home.monitor)?)
        }
        Some(_) | None => Ok(false),
    }
}

/// Why a bundle can never be used; `None` where that may change.
fn useless(outcome: &ItemOutcome) -> Option<String> {
    let words = |error: &bundle::Error| match error {
        bundle::Error::NotABundle { .. }
        | bundle::Error::Incomplete { .. }
        | bundle::Error::Damaged { .. }
        | bundle::Error::BadSignature
        | bundle::Error::WrongSigner { .. }
        | bundle::Error::NotInForce { .. }
        | bundle::Error::Manifest { .. }
        | bundle::Error::Foreign { .. }
        | bundle::Error::Payload { .. }
        | bundle::Error::TooLarge { .. } => Some(error.to_string()),
        // A newer packmule, a card that is still to come, a disk that recovers.
        bundle::Error::TooNew { .. }
        | bundle::Error::UnknownSigner { .. }
        | bundle::Error::CannotDecrypt
        | bundle::Error::Read { .. }
        | bundle::Error::Write { .. }
        | bundle::Error::Sign { .. } => None,
    };
    match outcome {
        ItemOutcome::Refused(error) | ItemOutcome::Stranger(error) => words(error),
        ItemOutcome::NotOurs => Some("it is not for the centre".to_owned()),
        ItemOutcome::Failed(error) => {
            let Error::Apply { source: apply::Error::Bundle { source, .. }, .. } = error.as_ref() else {
                return None;
            };
            words(source)
        }
        ItemOutcome::Applied(_)
        | ItemOutcome::AppliedWith(_)
        | ItemOutcome::AlreadyApplied
        | ItemOutcome::Waits(_)
        | ItemOutcome::WaitsForRest(_)
        | ItemOutcome::Forked(_)
        | ItemOutcome::Over
        | ItemOutcome::Silenced(_) => None,
    }
}

/// At a lab: what has turned out to be useless and is not kept here is not fetched again.
fn remember_useless(home: &Home<'_>, mails: &[Mail], items: &[Item]) -> Result<(), Error> {
    let arriving = Folder::ensure(home.settings.state.join("arriving"))?;
    for mail in mails {
        let item = items.iter().find(|item| item.name.as_ref() == Some(&mail.name));
        let is_useless =
            item.is_some_and(|item| useless(&item.outcome).is_some() || is_sealed_for_others(&item.outcome));
        if is_useless && home.inbox.open_bundle(&mail.name).is_err() {
            Useless(&arriving).insert(mail)?;
        }
    }
    Ok(())
}

/// At the centre, once all is applied: what is in the tables leaves the mail. The ledger decides, whatever way it came.
fn settle(
    home: &mut Home<'_>,
    line: &mut MailLine,
    mails: &[Mail],
    items: &[Item],
) -> Result<Cleared, Error> {
    line.ensure(home)?;
    let streams = ledger::streams(&mut home.session)?;
    // A lab that holds its rows in a transaction is not waited for once more with each of them.
    let mut held: BTreeSet<&Site> = BTreeSet::new();
    for mail in mails {
        if held.contains(&mail.name.from) {
            continue;
        }
        let sender = home.sites.iter().find(|known| known.site == mail.name.from);
        if sender.map(|known| known.state) == Some(SiteState::Revoked) {
            // Nothing of it is believed any more, for good.
            line.central.mark(mail.id, &MailState::Gone, home.monitor)?;
        } else if home.known(mail, &streams)? == Known::Applied {
            if !line.central.mark(mail.id, &MailState::Taken, home.monitor)? {
                held.insert(&mail.name.from);
            }
        } else if let Some(item) = items.iter().find(|item| item.name.as_ref() == Some(&mail.name)) {
            refuse(home, line, mail, &item.outcome)?;
        }
    }
    if home.keeps_house() { line.tidy(home) } else { Ok(Cleared::default()) }
}

impl Pull {
    /// Whether anything of this site was applied just now.
    pub fn has_applied(&self) -> bool {
        self.import.items.iter().any(|item| matches!(item.outcome, ItemOutcome::Applied(_)))
    }

    /// The sites from which bundles were fetched.
    pub fn senders(&self) -> BTreeSet<Site> {
        self.fetched.iter().map(|one| one.name.from.clone()).collect()
    }
}
