//! A new history of the centre: what the centre says of the ones before, and what a lab makes of it.

use crate::apply::Succession;
use crate::bundle::{
    DIGESTS_MAX, FOLLOWS_SETTING, Follows, follows_from_setting, follows_to_setting, had_to_setting,
};
use crate::engine::error::{Cause, Error};
use crate::engine::home::Home;
use crate::engine::ready::Ready;
use crate::ledger::{self, StreamState};
use crate::model::{BundleName, Role, Seq, StreamId};

/// What a bundle is to this site's knowledge of its sender.
pub(super) enum Standing {
    /// It goes on with the history that is known.
    GoesOn,
    /// It opens one that follows the one that is known.
    Opens(Succession),
    /// It is of a history that has nothing to do with the one that is known.
    Stranger,
}

/// Looks what bundles that are to be applied together are to this site. Only the centre's say that they follow a history.
pub(super) fn standing(home: &mut Home<'_>, stream: &StreamId, ready: &[Ready]) -> Result<Standing, Error> {
    if home.role() != Role::Lab {
        return Ok(Standing::GoesOn);
    }
    let known = home.central()?.incarnation;
    let (Some(first), true) = (ready.first(), known != stream.incarnation) else {
        return Ok(Standing::GoesOn);
    };
    let Ok(opened) = home.open_copy(&first.name, &first.checked) else {
        // Whoever applies it says what is wrong with it.
        return Ok(Standing::GoesOn);
    };
    let follows = opened.head().settings.get(FOLLOWS_SETTING).and_then(|text| follows_from_setting(text));
    let follows = follows.unwrap_or_default();
    let ended = follows.iter().filter_map(Follows::incarnation).collect();
    drop(opened);
    let Some(follows) = follows.iter().find(|one| one.incarnation() == Some(known)) else {
        return Ok(Standing::Stranger);
    };
    let own = home.stream_to(&stream.from);
    let receipt = first.checked.manifest().receipt();
    let has = receipt.filter(|receipt| receipt.incarnation == own.incarnation).map(|receipt| receipt.seq);
    expect_still_here(home, &own, has)?;
    let old = StreamId { incarnation: known, ..stream.clone() };
    let old = ledger::open_stream(&mut home.session, &old)?;
    let last =
        old.last.filter(|(seq, digest)| old.state != StreamState::Open || !follows.knows(*seq, *digest));
    let sealed = match last {
        Some((seq, _)) => ledger::find_bundle(&mut home.session, &old.id, seq)?,
        None => None,
    };
    let ahead = ledger::load_clock(&mut home.session)?.map_or(0, |clock| clock.ahead_micros);
    let brings_back = sealed.map(|one| one.sealed_at.corrected(-ahead));
    Ok(Standing::Opens(Succession { brings_back, ended }))
}

/// What the centre has forgotten of this lab's bundles must still be here, to be sent again.
fn expect_still_here(home: &mut Home<'_>, own: &StreamId, has: Option<Seq>) -> Result<(), Error> {
    let last = ledger::open_stream(&mut home.session, own)?.last.map_or(0, |(seq, _)| seq.number());
    let there: Vec<BundleName> = home.outbox.list()?.into_iter().map(|stored| stored.name).collect();
    let has = has.map_or(0, Seq::number);
    let missing = (has + 1..=last)
        .filter_map(Seq::new)
        .map(|seq| BundleName::new(own, seq))
        .find(|name| !there.contains(name));
    match missing {
        Some(name) => Err(Cause::ForgottenAndGone { name }.into()),
        None => Ok(()),
    }
}

/// What the snapshot for a lab says of the centre's earlier histories; `None` where there was none.
pub(super) fn follows(home: &mut Home<'_>, stream: &StreamId) -> Result<Option<String>, Error> {
    let mut histories = Vec::new();
    for old in ledger::other_histories(&mut home.session, stream)? {
        let newest = ledger::sealed_digests(&mut home.session, &old, DIGESTS_MAX)?;
        histories.push(Follows::new(old.incarnation, &newest));
    }
    Ok((!histories.is_empty()).then(|| follows_to_setting(&histories)))
}

/// What a bundle for a lab says of that lab's earlier histories, of which `incoming` is the newest; `None` where there was none.
pub(super) fn had(home: &mut Home<'_>, incoming: &StreamId) -> Result<Option<String>, Error> {
    let mut histories = Vec::new();
    for over in ledger::other_histories(&mut home.session, incoming)? {
        let last = ledger::open_stream(&mut home.session, &over)?.last;
        histories.extend(last.map(|(seq, _)| (over.incarnation, seq)));
    }
    Ok((!histories.is_empty()).then(|| had_to_setting(&histories)))
}
