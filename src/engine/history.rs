//! The bundles that were sealed or applied here.

use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::ledger::{self, BundleRecord, BundleState};
use crate::model::Site;

/// Every bundle from or for `site`, or all; the newest first, `limit` at most.
pub fn history(home: &mut Home<'_>, site: Option<&Site>, limit: usize) -> Result<Vec<BundleRecord>, Error> {
    let mut records = ledger::bundles_of(&mut home.session, BundleState::Sealed)?;
    records.extend(ledger::bundles_of(&mut home.session, BundleState::Applied)?);
    records.retain(|one| site.is_none_or(|site| one.stream.from == *site || one.stream.to == *site));
    records.sort_by_key(|one| std::cmp::Reverse((one.recorded_at, one.seq)));
    records.truncate(limit);
    Ok(records)
}
