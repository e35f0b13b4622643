//! Which log rows may go, and their removal a few at a time, so that no application waits.

use crate::db::{Session, sql};
use crate::ledger::error::Error;
use crate::ledger::streams::condition;
use crate::model::{Seq, Stamp, StreamId};

/// Removes log rows that every one of `streams` has carried and had confirmed, if they are of before `cutoff`.
/// Returns how many.
///
/// What was cancelled out before it was sealed (batch 0) goes by its age alone. What a kept word does not take into
/// account stays: it says whether the word was answered. The time up to which the log was
/// pruned is remembered first: from then on nobody takes an older edit's absence for its never having been made.
pub fn prune_log(session: &mut Session, streams: &[StreamId], cutoff: Stamp) -> Result<u64, Error> {
    const ROWS_A_STATEMENT: usize = 5000;
    let last = last_prunable(session, streams, cutoff)?;
    let cutoff = sql::text(&cutoff.to_sql());
    let mut removed = 0;
    loop {
        let rows = session.rows(&format!(
            "SELECT id FROM sync_log FORCE INDEX (packmule_open) \
             WHERE batch BETWEEN 0 AND {last} AND changed_at <= {cutoff} LIMIT {ROWS_A_STATEMENT}"
        ))?;
        if rows.is_empty() {
            return Ok(removed);
        }
        if removed == 0 {
            session.execute(&format!(
                "UPDATE packmule_here SET pruned_to = GREATEST(COALESCE(pruned_to, {cutoff}), {cutoff}) WHERE id = 1"
            ))?;
        }
        let ids = rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
        removed += session.execute(&format!("DELETE FROM sync_log WHERE id IN ({})", ids.join(",")))?;
    }
}

/// How many log rows of this site's own edits were sealed for `stream` and never confirmed.
pub fn unconfirmed_log_rows(session: &mut Session, stream: &StreamId) -> Result<u64, Error> {
    let confirmed = confirmed_batch(session, stream)?;
    let row = session
        .first(&format!("SELECT COUNT(*) FROM sync_log WHERE batch > {confirmed} AND origin IS NULL"))?;
    Ok(row.map_or(Ok(0), |row| row.parse(0))?)
}

/// The last bundle sealed for `stream` that is confirmed and of before `cutoff`.
pub fn last_prunable_bundle(
    session: &mut Session,
    stream: &StreamId,
    cutoff: Stamp,
) -> Result<Option<Seq>, Error> {
    let condition = condition(stream);
    let row = session.first(&format!(
        "SELECT COALESCE(MAX(seq), 0) FROM packmule_bundle WHERE {condition} AND state = 'sealed' AND recorded_at <= {} \
           AND seq <= (SELECT COALESCE(MAX(confirmed_seq), 0) FROM packmule_stream WHERE {condition})",
        sql::text(&cutoff.to_sql())
    ))?;
    Ok(row.map_or(Ok(0), |row| row.parse(0)).map(Seq::new)?)
}

/// The last batch that is old enough and confirmed by all.
fn last_prunable(session: &mut Session, streams: &[StreamId], cutoff: Stamp) -> Result<u64, Error> {
    let aged = session.first(&format!(
        "SELECT COALESCE(MAX(batch), 0) FROM packmule_bundle WHERE state = 'sealed' AND recorded_at <= {}",
        sql::text(&cutoff.to_sql())
    ))?;
    let mut last: u64 = aged.map_or(Ok(0), |row| row.parse(0))?;
    for stream in streams {
        last = last.min(confirmed_batch(session, stream)?);
    }
    let kept = session.first(&format!("SELECT LEAST({last}, MIN(covered_batch)) FROM packmule_kept"))?;
    Ok(kept.map_or(Ok(None), |row| row.parse_optional(0))?.unwrap_or(last))
}

/// The last batch before the bundle `seq` of a stream; `None` where the ledger does not know that bundle.
pub fn batch_before(session: &mut Session, stream: &StreamId, seq: u64) -> Result<Option<u64>, Error> {
    let row = session.first(&format!(
        "SELECT MIN(batch) - 1 FROM packmule_bundle WHERE {} AND state = 'sealed' AND seq >= {seq}",
        condition(stream)
    ))?;
    Ok(row.map_or(Ok(None), |row| row.parse_optional(0))?)
}

/// The last batch of which a stream's receiver has confirmed everything.
pub fn confirmed_batch(session: &mut Session, stream: &StreamId) -> Result<u64, Error> {
    let condition = condition(stream);
    let row = session.first(&format!(
        "SELECT COALESCE((SELECT MIN(batch) - 1 FROM packmule_bundle WHERE {condition} AND state = 'sealed' AND seq > \
           (SELECT COALESCE(MAX(confirmed_seq), 0) FROM packmule_stream WHERE {condition})), last_batch) \
         FROM packmule_here WHERE id = 1"
    ))?;
    Ok(row.map_or(Ok(0), |row| row.parse(0))?)
}
