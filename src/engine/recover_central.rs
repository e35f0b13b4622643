//! `recover` at the centre: a database that was put back from a backup goes on under a new history.
//!
//! It has forgotten bundles that it sealed, so the labs know rows that it does not, its own edits among them; and it has
//! forgotten bundles of the labs, which they keep. Each lab learns of the new history from the snapshot that opens its stream:
//! it sends again what the snapshot's receipt does not cover, and brings back what it was told and the centre has forgotten
//! (`apply/succeed.rs`). Bundles of the old history that lie in the outbox are carried along, ahead of the snapshot.

use crate::config::{KeyFolder, Witness};
use crate::engine::error::{Cause, Error};
use crate::engine::home::Home;
use crate::engine::setup::new_incarnation;
use crate::ledger;
use crate::model::{BundleName, Incarnation, Role, Site, StreamId};
use crate::monitor::Step;

/// What is known of one lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostFor {
    /// The lab.
    pub site: Site,
    /// The last bundle for it that the database knows to be sealed; 0: none.
    pub known: u64,
    /// The last one that was sealed, as far as the witness file and the outbox tell.
    pub sealed: u64,
}

/// Looks what the database has forgotten, lab by lab. Changes nothing.
pub fn look_for_central_losses(home: &mut Home<'_>) -> Result<Vec<LostFor>, Error> {
    if home.role() != Role::Central {
        return Err(Cause::OnlyAtCentral { site: home.site().clone() }.into());
    }
    let witness = Witness::open(&KeyFolder::new(&home.settings.state))?;
    let stored = home.outbox.list()?;
    let mut lost = Vec::new();
    for stream in streams_to_labs(home) {
        let known = ledger::open_stream(&mut home.session, &stream)?.last.map_or(0, |(seq, _)| seq.number());
        let witnessed = witness.last(&stream.to).map_or(0, |sealed| sealed.seq.number());
        let names = stored.iter().map(|one| &one.name);
        let ours = names.filter(|name| **name == BundleName::new(&stream, name.seq));
        let newest = ours.map(|name| name.seq.number()).max().unwrap_or(0);
        lost.push(LostFor { site: stream.to, known, sealed: witnessed.max(newest).max(known) });
    }
    Ok(lost)
}

/// Opens a new history of the centre. The labs learn of it from the next bundles.
///
/// The database first: a crash behind its commit leaves a witness of a history that is over, nothing is sealed, and the
/// same command again opens one more history. Each is told of all before it.
pub fn recover_central(home: &mut Home<'_>) -> Result<Incarnation, Error> {
    let ended = streams_to_labs(home);
    let incarnation = new_incarnation(home.settings)?;
    ledger::change_central_history(&mut home.session, &ended, incarnation)?;
    home.monitor.step(Step::RecoverCommitted);
    home.here.incarnation = incarnation;
    let folder = KeyFolder::new(&home.settings.state);
    let mut witness = Witness::open(&folder)?;
    for stream in &ended {
        witness.forget(&stream.to)?;
    }
    folder.forget_restored()?;
    home.monitor.step(Step::RecoverWitnessed);
    Ok(incarnation)
}

/// The streams to all labs under the history of now, whatever the labs' state.
fn streams_to_labs(home: &Home<'_>) -> Vec<StreamId> {
    let labs = home.sites.iter().filter(|known| known.role == Role::Lab);
    labs.map(|known| home.stream_to(&known.site)).collect()
}
