//! Conflicts page by page, and all of them one by one for a file.

use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::sites::expect_central;
use crate::ledger::{self, EarlierState, Line, LineCount, LineFilter, LineHead};

/// A page of conflicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The conflicts, by number, or the other way round.
    pub heads: Vec<LineHead>,
    /// How many there are of each sort, on all pages.
    pub counts: Vec<LineCount>,
    /// After which number the next page begins; `None`: this was the last one.
    pub next_after: Option<u64>,
}

/// Lists conflicts after the number `after`, at most `limit` of them.
pub fn list_conflicts(
    home: &mut Home<'_>,
    filter: &LineFilter,
    after: u64,
    limit: u64,
) -> Result<Listed, Error> {
    expect_central(home)?;
    let mut heads = ledger::line_heads(&mut home.session, filter, after, limit.saturating_add(1))?;
    let has_more = heads.len() as u64 > limit;
    heads.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next_after = heads.last().map(|head| head.id).filter(|_| has_more);
    Ok(Listed { heads, counts: ledger::count_lines(&mut home.session, filter)?, next_after })
}

/// Lists conflicts the newest first: those before the number `before`, at most `limit` of them.
pub fn list_newest_conflicts(
    home: &mut Home<'_>,
    filter: &LineFilter,
    before: Option<u64>,
    limit: u64,
) -> Result<Listed, Error> {
    expect_central(home)?;
    let before = before.unwrap_or(u64::MAX);
    let mut heads = ledger::line_heads_before(&mut home.session, filter, before, limit.saturating_add(1))?;
    let has_more = heads.len() as u64 > limit;
    heads.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next_after = heads.last().map(|head| head.id).filter(|_| has_more);
    Ok(Listed { heads, counts: ledger::count_lines(&mut home.session, filter)?, next_after })
}

/// How many conflicts there are of each sort.
pub fn count_conflicts(home: &mut Home<'_>, filter: &LineFilter) -> Result<Vec<LineCount>, Error> {
    expect_central(home)?;
    Ok(ledger::count_lines(&mut home.session, filter)?)
}

/// How many conflicts wait for a person.
pub fn open_conflicts(home: &mut Home<'_>) -> Result<u64, Error> {
    expect_central(home)?;
    Ok(ledger::open_conflicts(&mut home.session)?)
}

/// Hands over every conflict in full, by number, and then what lines said before later edits joined them. Some are in memory at a time.
pub fn export_conflicts<E: From<Error>>(
    home: &mut Home<'_>,
    filter: &LineFilter,
    take: &mut dyn FnMut(&Line) -> Result<(), E>,
    take_earlier: &mut dyn FnMut(&EarlierState) -> Result<(), E>,
) -> Result<(), E> {
    const LINES: u64 = 500;
    const STATES: u64 = 20;
    expect_central(home)?;
    let session = &mut home.session;
    let mut after = 0;
    loop {
        let lines = ledger::lines(session, filter, after, LINES).map_err(Error::from)?;
        let Some(last) = lines.last() else {
            break;
        };
        after = last.head.id;
        lines.iter().try_for_each(&mut *take)?;
    }
    let mut after = 0;
    loop {
        let states = ledger::earlier_states(session, None, after, STATES).map_err(Error::from)?;
        let Some((last, _)) = states.last() else {
            return Ok(());
        };
        after = *last;
        for (_, state) in &states {
            let only = LineFilter { ids: vec![state.conflict..=state.conflict], ..filter.clone() };
            let is_wanted = !ledger::line_heads(session, &only, 0, 1).map_err(Error::from)?.is_empty();
            if is_wanted && has_id(filter, state.conflict) {
                take_earlier(state)?;
            }
        }
    }
}

fn has_id(filter: &LineFilter, id: u64) -> bool {
    filter.ids.is_empty() || filter.ids.iter().any(|range| range.contains(&id))
}
