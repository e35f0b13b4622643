//! What the centre knows of a lab from before a bundle: which of its words the lab had, and whether its clock went on.

use crate::apply::error::Error;
use crate::apply::scene::Past;
use crate::db::Session;
use crate::ledger;
use crate::model::{Seq, StreamId};

/// Looks up what is known of the sender of the bundle `seq` of `stream`. `own` is the stream that goes the other way.
///
/// `covered` is the last batch that the sender's receipt covers; `kept` the first of our bundles of which it has not followed
/// every word.
pub(super) fn past(
    session: &mut Session,
    stream: &StreamId,
    own: &StreamId,
    seq: Option<Seq>,
    covered: u64,
    kept: Option<u64>,
) -> Result<Past, Error> {
    let before = match seq.and_then(|seq| Seq::new(seq.number() - 1)) {
        Some(before) => ledger::find_bundle(session, stream, before)?,
        None => None,
    };
    // A bundle that was sealed after it came is one of a clock that was ahead then: that it is right now is no fault.
    let sealed_before = before.filter(|one| one.sealed_at <= one.recorded_at).map(|one| one.sealed_at);
    let followed = match kept {
        Some(kept) => ledger::batch_before(session, own, kept)?,
        None => None,
    };
    let went_back = ledger::may_come_again(session, own)?;
    let may_repeat = !ledger::other_histories(session, stream)?.is_empty();
    // Enrolling a new card waits for the lock on the stream, so this is not out of date at COMMIT.
    let known = ledger::find_site(session, &stream.from)?;
    Ok(Past {
        // What is brought back is as old as the centre's last word.
        sealed_before: sealed_before.filter(|_| !went_back),
        confirmed: followed.map_or(covered, |batch| batch.min(covered)),
        may_repeat,
        begins: may_repeat && ledger::last_with_content(session, stream)?.is_none(),
        is_over: known.is_some_and(|known| known.incarnation != stream.incarnation),
        went_back,
        has_waiting: ledger::has_waiting(session, &stream.from)?,
    })
}
