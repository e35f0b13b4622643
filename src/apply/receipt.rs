//! What a bundle says of our own bundles: "I have applied yours up to N, whose digest is D".

use crate::apply::error::Error;
use crate::apply::scene::Side;
use crate::apply::transaction::{Context, Part};
use crate::bundle::{HAD_SETTING, PayloadHead, had_from_setting};
use crate::db::Session;
use crate::ledger;
use crate::model::{Seq, StreamId};

/// What a bundle's receipt came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReceiptOutcome {
    /// There was none, or nothing new in it.
    #[default]
    NothingNew,
    /// Our bundles up to this one are confirmed.
    Confirmed(Seq),
    /// It names a bundle that was never sealed here with this digest: nothing is taken for confirmed.
    Foreign(Seq),
}

/// Takes the receipts of bundles that are about to be applied, in the transaction that is open.
///
/// Only the right digest counts: it proves that both sides mean the same bundle. At a lab a foreign receipt stops
/// everything: the centre's rows then show changes that this database does not know, and which of its own they
/// take into account cannot be told.
pub(super) fn take_receipts(
    session: &mut Session,
    stream: &StreamId,
    parts: &[Part<'_>],
    context: &Context<'_>,
) -> Result<ReceiptOutcome, Error> {
    let own = own_stream(stream, context);
    let known = ledger::open_stream(session, &own)?.confirmed;
    let mut outcome = ReceiptOutcome::NothingNew;
    for part in parts {
        let Some(receipt) = part.receipt else {
            continue;
        };
        // Of another history of this database: it says nothing of the bundles of this one.
        if receipt.incarnation != own.incarnation {
            continue;
        }
        let sealed = ledger::find_bundle(session, &own, receipt.seq)?;
        if sealed.is_none_or(|sealed| sealed.digest != receipt.digest) {
            outcome = ReceiptOutcome::Foreign(receipt.seq);
            match context.side {
                Side::Lab { .. } => {
                    return Err(Error::ForeignReceipt { seq: part.seq, confirmed: receipt.seq });
                }
                Side::Central { .. } => continue,
            }
        }
        if known.is_none_or(|known| receipt.seq > known) {
            ledger::confirm_stream(session, &own, receipt.seq, context.now)?;
            outcome = ReceiptOutcome::Confirmed(receipt.seq);
        }
    }
    Ok(outcome)
}

/// At a lab: takes in what the centre says it has of histories of this lab that are over. Their end is carried no longer then.
pub(super) fn hear_of_histories(
    session: &mut Session,
    stream: &StreamId,
    heads: &[PayloadHead],
    context: &Context<'_>,
) -> Result<(), Error> {
    let Side::Lab { .. } = context.side else {
        return Ok(());
    };
    let own = own_stream(stream, context);
    let said = heads.iter().filter_map(|head| had_from_setting(head.settings.get(HAD_SETTING)?)).flatten();
    for (incarnation, last) in said.filter(|(incarnation, _)| *incarnation != own.incarnation) {
        let over = StreamId { incarnation, ..own.clone() };
        ledger::lock_stream(session, &over)?;
        ledger::confirm_stream(session, &over, last, context.now)?;
    }
    Ok(())
}

/// The stream that goes the other way.
pub(super) fn own_stream(stream: &StreamId, context: &Context<'_>) -> StreamId {
    StreamId { from: context.here.clone(), incarnation: context.incarnation, to: stream.from.clone() }
}
