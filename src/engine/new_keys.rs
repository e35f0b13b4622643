//! What bundles that have come say of their senders' new keys.
//!
//! A bundle that names new keys is signed with the old one, and its manifest is all that is needed: it counts as soon as its
//! signature is proven, whether or not the bundle can be applied yet. So a snapshot that is signed with the new key
//! need not wait for what it stands for.

use crate::bundle::Verified;
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::ledger::{self, RetiredKey};

/// Whether what is learnt is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learn {
    /// It is.
    ForGood,
    /// It holds for this run only: a dry run changes nothing.
    ForNow,
}

/// Takes in the new keys that these bundles name. Returns whether anything was new: other bundles may then be known.
pub(super) fn learn_keys<'v>(
    home: &mut Home<'_>,
    bundles: impl Iterator<Item = &'v Verified>,
    learn: Learn,
) -> Result<bool, Error> {
    let mut is_news = false;
    for bundle in bundles {
        is_news |= learn_from(home, bundle, learn)?;
    }
    Ok(is_news)
}

fn learn_from(home: &mut Home<'_>, bundle: &Verified, learn: Learn) -> Result<bool, Error> {
    let manifest = bundle.manifest();
    let (stream, last) = (manifest.stream(), manifest.seq());
    let Some(new) = manifest.keys() else {
        return Ok(false);
    };
    let old = bundle.signed_with().to_string();
    let (verifying, recipient) = (new.verifying.to_string(), new.recipient.to_string());
    // The first word of a key on who follows it counts; whoever finds it later cannot name another.
    let is_known = |one: &RetiredKey| one.stream == *stream && one.verifying_key == old && one.last.is_some();
    if home.retired.iter().any(is_known) {
        return Ok(false);
    }
    let Some(known) = home.sites.iter_mut().find(|known| known.site == stream.from) else {
        return Ok(false);
    };
    // A history that has ended says nothing of the keys of the one after it.
    let follows = known.verifying_key == old && known.incarnation == stream.incarnation;
    if !follows && known.verifying_key != verifying {
        return Ok(false);
    }
    let is_taken = match learn {
        Learn::ForNow => true,
        Learn::ForGood => {
            let new = (verifying.as_str(), recipient.as_str());
            ledger::take_keys(&mut home.session, stream, &old, new, Some(last), now())?
        }
    };
    if is_taken {
        known.verifying_key = verifying;
        known.recipient = recipient;
        home.retired.retain(|one| one.stream != *stream || one.verifying_key != old);
        home.retired.push(RetiredKey { stream: stream.clone(), verifying_key: old, last: Some(last) });
    }
    Ok(is_taken)
}
