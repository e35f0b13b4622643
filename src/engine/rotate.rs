//! `keys rotate`: other keys for this site. Each site that it exchanges with hears of them in the last bundle that the old
//! key signs for it, so nobody need carry a card or compare words.
//!
//! The ledger says first who still knows the old key, then the files change their places. Until a site has its bundle with
//! the new keys, what goes to it is signed with the key that it knows.

use std::collections::BTreeMap;

use crate::config::{KeyFolder, KeyLock, Keys, NextKeys, Settings};
use crate::engine::error::{Cause, Error};
use crate::engine::home::{Home, now};
use crate::engine::setup::card_text;
use crate::ledger::{self, SiteState};
use crate::model::{Role, Site};
use crate::monitor::{Monitor, Step};

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The six words of the keys before.
    pub old_words: String,
    /// The six words of the keys from now on.
    pub words: String,
    /// Who is to hear of it, by name.
    pub sites: Vec<Site>,
}

/// Whom a rotation would be told to. Changes nothing.
pub fn preview_rotation(home: &Home<'_>) -> Result<Vec<Site>, Error> {
    if home.role() == Role::Lab && home.here.number.is_none() {
        return Err(Cause::NotJoined { site: home.site().clone() }.into());
    }
    // Of a revoked site nothing is believed, and it is told nothing. One that is suspended hears of it when it is back.
    let told = home.sites.iter().filter(|known| known.state != SiteState::Revoked);
    Ok(told.map(|known| known.site.clone()).collect())
}

/// Makes new keys and puts them into use. A crash leaves the old keys, or the new ones; the same command again makes
/// use of what is there.
pub fn rotate(home: &mut Home<'_>) -> Result<Rotated, Error> {
    let sites = preview_rotation(home)?;
    let folder = KeyFolder::new(&home.settings.state);
    let old_words = home.keys.words();
    folder.prepare_next(&home.settings.keys)?;
    home.monitor.step(Step::RotateMade);
    let known_key = home.keys.signing.verifying_key().to_string();
    home.session.execute("START TRANSACTION")?;
    ledger::begin_rotation(&mut home.session, &sites, &known_key, now())?;
    home.monitor.step(Step::RotateLedgerWritten);
    home.session.execute("COMMIT")?;
    home.monitor.step(Step::RotateCommitted);
    turn(&folder, &home.settings.keys, home.monitor)?;
    home.keys = folder.open_with(&home.settings.keys)?;
    home.untold = ledger::untold_sites(&mut home.session)?;
    if home.role() == Role::Lab {
        let text = card_text(home.settings, &home.keys, &home.here)?;
        folder.keep_card(&text)?;
    }
    Ok(Rotated { old_words, words: home.keys.words(), sites })
}

/// Completes a rotation that a crash has stopped behind its commit. Returns whether there was one.
///
/// The ledger then names the key that is still in use as one that others know and are to forget. Keys of which one is in
/// use already are completed whatever it says.
pub(super) fn finish_turn(
    settings: &Settings,
    monitor: &dyn Monitor,
    keys: &Keys,
    untold: &BTreeMap<Site, String>,
) -> Result<bool, Error> {
    let folder = KeyFolder::new(&settings.state);
    let own = keys.signing.verifying_key().to_string();
    let is_due = match folder.next_keys() {
        NextKeys::None | NextKeys::HalfMade => false,
        NextKeys::Ready => untold.values().any(|known| *known == own),
        NextKeys::HalfInUse => true,
    };
    if is_due {
        turn(&folder, &settings.keys, monitor)?;
    }
    Ok(is_due)
}

fn turn(folder: &KeyFolder, lock: &KeyLock, monitor: &dyn Monitor) -> Result<(), Error> {
    // The copy first: what was sealed for the old key must open whatever happens.
    folder.keep_old(lock)?;
    monitor.step(Step::RotateKept);
    folder.turn_encryption()?;
    monitor.step(Step::RotateHalfTurned);
    folder.turn_signing(lock)?;
    monitor.step(Step::RotateTurned);
    Ok(())
}
