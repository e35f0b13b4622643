//! Takes what lies on a stick or in files: verify, admit, copy, apply. One bad bundle never stops the others.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::admit::Fork;
use crate::apply::{Applied, Retried, Unparked, Without};
use crate::bundle::{self, KeyRing};
use crate::config::Settings;
use crate::engine::arrivals::{Waiting, by_stream};
use crate::engine::error::Error;
use crate::engine::follow::renew_stale;
use crate::engine::home::Home;
use crate::engine::intake::Rejected;
use crate::engine::lost_keys::forgive_lost_keys;
use crate::engine::new_keys::{Learn, learn_keys};
use crate::engine::parked::{ParkedOptions, retry_parked};
use crate::engine::ready::{Tables, retry_kept};
use crate::engine::stream::receive_stream;
use crate::ledger::{self, SiteState};
use crate::mailbox::{self, Found, Scan, Stick, scan};
use crate::model::{BundleName, Role, Seq, Site, StreamId, TableName};

/// How an import is done.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions<'a> {
    /// Whether everything is rolled back at the end, to see what it would do.
    pub dry_run: bool,
    /// Which share of a table's rows a bundle may delete, in percent.
    pub delete_percent_max: u64,
    /// The bundles that came, or could have come, over the line just now; the history says so of them.
    pub online: Option<&'a BTreeSet<BundleName>>,
    /// What a person decided to leave out, because it was dropped here on purpose.
    pub without: &'a Without,
}

impl<'a> ImportOptions<'a> {
    /// Which share of a table's rows a bundle may delete without a person's leave, in percent.
    pub const DELETE_PERCENT_USUAL: u8 = 20;

    /// As a person's `import` without flags does it. What needs leave waits in the inbox, where `import` finds it.
    pub fn usual(without: &'a Without) -> Self {
        let delete_percent_max = u64::from(Self::DELETE_PERCENT_USUAL);
        ImportOptions { dry_run: false, delete_percent_max, online: None, without }
    }
}

/// What an import found and did.
#[derive(Debug, Default)]
pub struct Import {
    /// Every bundle that was looked at, in the order in which it was; of several copies of one, only one.
    pub items: Vec<Item>,
    /// Places that could not be read.
    pub problems: Vec<mailbox::Error>,
    /// What came of the words that this lab had kept.
    pub retried: Retried,
    /// At the centre: what came of the changes that wait because they do not fit.
    pub unparked: Unparked,
    /// Why they could not be tried.
    pub not_retried: Option<Error>,
    /// The sites whose bundles, or bundles for which, lie at each of the places.
    pub met: Vec<(PathBuf, BTreeSet<Site>)>,
}

/// One bundle and what became of it.
#[derive(Debug)]
pub struct Item {
    /// Where it lay.
    pub path: PathBuf,
    /// Its name, as far as it can be known: proven where the signature is, else what the file claims.
    pub name: Option<BundleName>,
    /// What became of it.
    pub outcome: ItemOutcome,
}

/// What became of a bundle.
#[derive(Debug)]
pub enum ItemOutcome {
    /// Its changes are in the tables, with a ledger row. (In a dry run: would be.)
    Applied(Applied),
    /// It was applied together with the one named: they are one snapshot.
    AppliedWith(Seq),
    /// It was applied before.
    AlreadyApplied,
    /// It lies in the inbox until these have come.
    Waits(RangeInclusive<u64>),
    /// It lies in the inbox until the rest of its snapshot has come, from this number on.
    WaitsForRest(u64),
    /// The stream has two continuations; it is stopped until a person has looked.
    Forked(Fork),
    /// It belongs to a history of its site that is over.
    Over,
    /// It is for another site.
    NotOurs,
    /// Nobody here knows the key that signed it.
    Stranger(bundle::Error),
    /// Its site is suspended or revoked.
    Silenced(SiteState),
    /// It is damaged, forged, too new, or no bundle.
    Refused(bundle::Error),
    /// It is fine and could not be copied into the inbox, or not applied from there; the tables have not changed.
    Failed(Box<Error>),
}

/// Whether bundles lie in the inbox of a site, so that an import has something to do without a stick.
pub fn waits_here(settings: &Settings) -> Result<bool, Error> {
    let inbox = mailbox::Folder::ensure(settings.state.join("inbox"))?;
    Ok(!inbox.list()?.is_empty())
}

/// Imports everything that `places`, folders or files, hold for this site, and what waited in the inbox.
pub fn import(home: &mut Home<'_>, places: &[PathBuf], options: ImportOptions<'_>) -> Result<Import, Error> {
    // Before anything: what a database that was put back applies is decided by what it has forgotten.
    home.expect_not_gone_back()?;
    for part in home.inbox.parts()? {
        home.inbox.remove_part(&part.name)?;
    }
    let mut ring = home.ring()?;
    let mut import = Import::default();
    let (mut waiting, mut strangers) = (Vec::new(), Vec::new());
    let inbox = scan(&[home.inbox.path().to_path_buf()], bundle::limits::BUNDLE_BYTES_MAX);
    let outside = scan(places, bundle::limits::BUNDLE_BYTES_MAX);
    for (found, in_inbox) in [(inbox, true), (outside, false)] {
        let Scan { bundles, torn, problems } = found;
        import.problems.extend(problems);
        for one in bundles.into_iter().chain(torn) {
            match look(home, &ring, &one, in_inbox, &mut import) {
                Looked::Waiting(one) => waiting.push(*one),
                Looked::Stranger => strangers.push((one, in_inbox)),
                Looked::Done => {}
            }
        }
    }
    // New keys that a bundle names make others known, and those may name newer ones.
    let learn = if options.dry_run { Learn::ForNow } else { Learn::ForGood };
    while learn_keys(home, waiting.iter().map(|one| &one.verified), learn)? && !strangers.is_empty() {
        ring = home.ring()?;
        import.items.retain(|item| !matches!(item.outcome, ItemOutcome::Stranger(_)));
        for (one, in_inbox) in std::mem::take(&mut strangers) {
            match look(home, &ring, &one, in_inbox, &mut import) {
                Looked::Waiting(one) => waiting.push(*one),
                Looked::Stranger => strangers.push((one, in_inbox)),
                Looked::Done => {}
            }
        }
    }
    import.met = met(home, places, &waiting, &import.items);
    let mut tables = Tables::read(home)?;
    if !options.dry_run && home.keeps_house() {
        let shared: Vec<TableName> = tables.shared.iter().cloned().collect();
        renew_stale(home, &tables.catalog, &shared)?;
    }
    let mut groups = by_stream(waiting);
    // The end of a history that is over comes before the one that goes on from it: at the centre that is the one which it knows
    // from the newest card, at a lab one of which it does not know yet.
    let comes_late = |stream: &StreamId| {
        let known = home.sites.iter().find(|known| known.site == stream.from);
        let is_known = known.is_some_and(|known| known.incarnation == stream.incarnation);
        is_known == (home.here.role == Role::Central)
    };
    groups.sort_by_key(|(stream, _)| comes_late(stream));
    for (stream, group) in groups {
        receive_stream(home, &mut tables, &stream, group, options, &mut import.items)?;
    }
    forgive_ended(home, &mut import.items)?;
    forgive_lost_keys(home, &mut import.items, options.dry_run)?;
    let central = home.sites.iter().find(|known| known.role == Role::Central).map(|known| known.site.clone());
    if let Some(central) = central.filter(|_| !options.dry_run) {
        match retry_kept(home, &tables, &central, options) {
            Ok(retried) => import.retried = retried,
            Err(error) => import.not_retried = Some(error),
        }
    }
    if !options.dry_run {
        match retry_parked(home, ParkedOptions::default()) {
            Ok(unparked) => import.unparked = unparked,
            Err(error) => import.not_retried = Some(error),
        }
    }
    Ok(import)
}

/// What of an earlier history of the centre did not fit needs nobody's attention once another one follows it.
fn forgive_ended(home: &mut Home<'_>, items: &mut [Item]) -> Result<(), Error> {
    let Ok(central) = home.central() else {
        return Ok(());
    };
    let (from, to) = (central.site.clone(), home.here.site.clone());
    let incoming = StreamId { from, incarnation: central.incarnation, to };
    let forked = items.iter_mut().filter(|item| matches!(item.outcome, ItemOutcome::Forked(_)));
    for item in forked {
        let ended = ledger::other_histories(&mut home.session, &incoming)?;
        if let Some(name) = &item.name
            && ended.iter().any(|stream| *name == BundleName::new(stream, name.seq))
        {
            item.outcome = ItemOutcome::Over;
        }
    }
    Ok(())
}

/// Whose stick each of the places is: the sites that sent, or are waiting for, what lies there.
fn met(
    home: &Home<'_>,
    places: &[PathBuf],
    waiting: &[Waiting],
    items: &[Item],
) -> Vec<(PathBuf, BTreeSet<Site>)> {
    let known = |site: &Site| home.sites.iter().any(|known| known.site == *site);
    let names: Vec<(&PathBuf, BundleName)> = waiting
        .iter()
        .map(|one| (&one.path, one.name()))
        .chain(items.iter().filter_map(|item| Some((&item.path, item.name.clone()?))))
        .collect();
    let folders = places.iter().filter(|place| place.is_dir());
    folders
        .map(|place| {
            let here = names.iter().filter(|(path, _)| path.starts_with(place));
            let sites = here.flat_map(|(_, name)| [name.from.clone(), name.to.clone()]);
            let folders = Stick::open(place).map(|stick| stick.mail_folders()).unwrap_or_default();
            let sites = sites.chain(folders.into_iter().flat_map(|(from, to)| [from, to]));
            (place.clone(), sites.filter(known).collect())
        })
        .collect()
}

/// What a look at a file's head came to.
enum Looked {
    /// It is a bundle for this site.
    Waiting(Box<Waiting>),
    /// Nobody here knows its key; what others say may change that.
    Stranger,
    /// There is no more to do with it.
    Done,
}

/// Reads a file's head. What cannot be used is put down in `import`.
fn look(home: &Home<'_>, ring: &KeyRing, found: &Found, in_inbox: bool, import: &mut Import) -> Looked {
    let mut file = match mailbox::open_file(&found.path) {
        Ok(file) => file,
        Err(error) => {
            import.problems.push(error);
            return Looked::Done;
        }
    };
    let (name, outcome) = match home.take_in(ring, found, in_inbox, &mut file) {
        Ok(waiting) => return Looked::Waiting(Box::new(waiting)),
        Err(Rejected::Bundle(error)) => (found.name_hint.clone(), ItemOutcome::Refused(error)),
        Err(Rejected::NotOurs { name }) => (Some(name), ItemOutcome::NotOurs),
        Err(Rejected::Stranger { claims, source }) => (claims, ItemOutcome::Stranger(source)),
        // It came before its site was suspended: it stays until the site speaks again, and is no news.
        Err(Rejected::Silenced { .. }) if in_inbox => return Looked::Done,
        Err(Rejected::Silenced { name, state }) => (Some(name), ItemOutcome::Silenced(state)),
    };
    let is_stranger = matches!(outcome, ItemOutcome::Stranger(_));
    import.items.push(Item { path: found.path.clone(), name, outcome });
    if is_stranger { Looked::Stranger } else { Looked::Done }
}
