//! Decides every change of a batch: what the row here is, what the rules say. Reads, but writes nothing.

use std::collections::HashMap;

use crate::apply::error::Error;
use crate::apply::scene::{Knows, Scene, Side};
use crate::apply::word::{Lab, take_words};
use crate::conflict::{Clock, Decision, Finding, Kind, decide_by_last_edit, detect};
use crate::db::{self, Session, Table};
use crate::ledger::{self, Conflict, Outcome, RowTime, Status};
use crate::model::{Change, RowImage, RowKey, ahead_words, key_to_log, row_to_json};

/// One change of a batch with what was found and decided.
pub(super) struct Decided {
    pub(super) change: Change,
    pub(super) key: RowKey,
    /// The form of its key by which equal keys are one.
    pub(super) canonical: Vec<u8>,
    /// The row here that the change was compared with; locked.
    pub(super) current: Option<RowImage>,
    /// Whether there is a row now: a trigger of the application may have made or deleted it on the way.
    pub(super) exists: bool,
    pub(super) verdict: Verdict,
}

/// What becomes of a change.
pub(super) enum Verdict {
    /// The row is already so.
    AlreadyThere,
    /// Write it; with a conflict that was decided for the lab, where there was one.
    Write(Option<Box<Conflict>>),
    /// Leave the row here as it is; the conflict says why.
    Keep(Box<Conflict>),
    /// Leave the row here as it is until the centre has answered this lab's own changes of it.
    Defer,
}

/// Decides a batch. Rows are locked until the transaction ends, so a decision stays true.
///
/// Changes of one and the same row are handed back undecided: they are decided after the first is written.
/// `outside` is another connection, for a table that triggers write: it still sees the rows as they were before us.
pub(super) fn decide(
    session: &mut Session,
    outside: Option<&mut Session>,
    scene: &Scene<'_>,
    table: &Table,
    changes: Vec<Change>,
) -> Result<(Vec<Decided>, Vec<Change>), Error> {
    let changes = with_moved_keys_apart(session, table, changes)?;
    if let Side::Lab { started, covered, down_only } = scene.side {
        let name = &table.shape.name;
        let covered = (!down_only.contains(name)).then_some(covered);
        return take_words(session, scene, table, changes, Lab { started: started.contains(name), covered });
    }
    let keys: Vec<RowKey> =
        changes.iter().map(|change| change.key(&table.shape).unwrap_or(RowKey(Vec::new()))).collect();
    let canonicals = db::canonical_keys(session, table, &keys)?;
    let mut rows = db::rows_by_key(session, table, &keys, &canonicals, true)?;
    let mut committed = match outside {
        Some(outside) => Some(db::rows_by_key(outside, table, &keys, &canonicals, false)?),
        None => None,
    };
    let mut seen = std::collections::HashSet::with_capacity(changes.len());
    let (mut first, mut later) = (Vec::with_capacity(changes.len()), Vec::new());
    for ((change, key), canonical) in changes.into_iter().zip(keys).zip(canonicals) {
        if !seen.insert(canonical.clone()) {
            later.push(change);
            continue;
        }
        let row = rows.remove(&canonical);
        let exists = row.is_some();
        let finding = detect(&table.shape, &change, row.as_ref());
        let (current, finding) = match &mut committed {
            Some(committed) => {
                let before = committed.remove(&canonical);
                let fits = detect(&table.shape, &change, before.as_ref());
                look_behind_triggers((row, finding), (before, fits))
            }
            None => (row, finding),
        };
        first.push(Found { change, key, canonical, current, exists, finding });
    }
    let unsure: Vec<String> = first
        .iter()
        .filter(|found| matches!(found.finding, Finding::BaseUnknown | Finding::Conflict(_)))
        .map(|found| record_id(table, &found.key, found.current.as_ref()))
        .collect();
    let times = match unsure.is_empty() {
        true => HashMap::new(),
        false => ledger::newest_times(session, &table.shape.name, &unsure)?,
    };
    let decided = first.into_iter().map(|Found { change, key, canonical, current, exists, finding }| {
        let newest = times.get(&record_id(table, &key, current.as_ref()));
        let verdict = verdict(scene, table, &change, &key, current.as_ref(), finding, newest);
        Decided { change, key, canonical, current, exists, verdict }
    });
    Ok((decided.collect(), later))
}

/// Turns an update of which only the lab thinks that it keeps its row into the two changes that it is here.
///
/// Where the lab's key column takes `A` for `a`, an edit from one to the other is an update there; where it tells them apart, the
/// row of the old key would stay for ever.
fn with_moved_keys_apart(
    session: &mut Session,
    table: &Table,
    changes: Vec<Change>,
) -> Result<Vec<Change>, Error> {
    let moved = |change: &Change| {
        let old = table.shape.key_of(change.before()?)?;
        let new = table.shape.key_of(change.after()?)?;
        (old != new).then_some([old, new])
    };
    let keys: Vec<RowKey> = changes.iter().filter_map(moved).flatten().collect();
    if keys.is_empty() {
        return Ok(changes);
    }
    let canonicals = db::canonical_keys(session, table, &keys)?;
    let mut apart = canonicals.chunks(2).map(|pair| pair.first() != pair.last());
    let mut split = Vec::with_capacity(changes.len());
    for change in changes {
        let old_key = moved(&change).filter(|_| apart.next() == Some(true)).map(|[old, _]| old);
        match (old_key, change) {
            (Some(key), Change::Update { before, after, time }) => {
                split.push(Change::Delete { key, before, time });
                split.push(Change::Insert { after, time });
            }
            (_, change) => split.push(change),
        }
    }
    Ok(split)
}

/// A change and the row that it meets.
struct Found {
    change: Change,
    key: RowKey,
    canonical: Vec<u8>,
    current: Option<RowImage>,
    exists: bool,
    finding: Finding,
}

/// Chooses between the row as it is now and as it was before this transaction, each with its finding.
///
/// Writing one table may fire a trigger of the application that writes another one, whose rows the bundle brings
/// as well. What such a trigger did is nobody's edit: neither a conflict, nor a reason to forget what it overwrote.
fn look_behind_triggers(
    now: (Option<RowImage>, Finding),
    before: (Option<RowImage>, Finding),
) -> (Option<RowImage>, Finding) {
    match (now.1, before.1) {
        // What an earlier bundle of the same transaction wrote shows only now.
        (Finding::Clean, _) | (Finding::AlreadyThere, Finding::Clean | Finding::AlreadyThere) => now,
        (
            Finding::AlreadyThere | Finding::BaseUnknown | Finding::Conflict(_),
            Finding::AlreadyThere | Finding::Clean | Finding::BaseUnknown | Finding::Conflict(_),
        ) => before,
    }
}

/// The text under which the log knows a row: the row's own spelling of its key where it is here.
pub(super) fn record_id(table: &Table, key: &RowKey, current: Option<&RowImage>) -> String {
    let own = current.and_then(|row| table.shape.key_of(row));
    key_to_log(own.as_ref().unwrap_or(key))
}

fn verdict(
    scene: &Scene<'_>,
    table: &Table,
    change: &Change,
    key: &RowKey,
    current: Option<&RowImage>,
    finding: Finding,
    newest: Option<&RowTime>,
) -> Verdict {
    if finding == Finding::AlreadyThere {
        return Verdict::AlreadyThere;
    }
    if comes_down_only(scene, table) {
        let kind = match finding {
            Finding::Conflict(kind) => kind,
            Finding::AlreadyThere | Finding::Clean | Finding::BaseUnknown => Kind::Changed,
        };
        let mut conflict = describe(scene, table, change, key, current, kind);
        conflict.decided_by = Some("rule: direction = down".to_owned());
        return Verdict::Keep(Box::new(conflict));
    }
    let kind = match finding {
        Finding::AlreadyThere => return Verdict::AlreadyThere,
        Finding::Clean => return Verdict::Write(None),
        Finding::BaseUnknown => match newest {
            // What the lab itself sent last, or had from here and nobody changed since, is what it based its change on.
            None if current.is_none() || sender_knows(scene) == Knows::OurRows => {
                return Verdict::Write(None);
            }
            None => Kind::Changed,
            Some(newest) if newest.origin.as_ref() == Some(scene.sender) => return Verdict::Write(None),
            Some(_) if current.is_none() => Kind::Missing,
            Some(_) => Kind::Changed,
        },
        Finding::Conflict(_) if is_another_row(scene, table, change, key, current, newest) => {
            return Verdict::Keep(Box::new(another_row(scene, table, change, key, current)));
        }
        Finding::Conflict(kind) => kind,
    };
    // A row that the centre itself has adopted was there before its log, as one without a log row was.
    let edit = newest.filter(|newest| newest.time.known().is_some() || newest.origin.is_some());
    let clock = Clock {
        central: edit.map_or(scene.logged_since, |edit| edit.time),
        is_edit: edit.is_some(),
        now: scene.now,
    };
    let last_editor = newest.and_then(|newest| newest.origin.as_ref()).unwrap_or(scene.here);
    let decision = decide_by_last_edit(scene.sender, change.time(), last_editor, clock);
    let mut conflict = describe(scene, table, change, key, current, kind);
    conflict.central_time = newest.and_then(|newest| newest.time.known());
    match decision {
        Decision::Lab => {
            conflict.outcome = Outcome::Lab;
            Verdict::Write(Some(Box::new(conflict)))
        }
        Decision::Central => Verdict::Keep(Box::new(conflict)),
        Decision::Review { why } => {
            conflict.status = Status::Open;
            conflict.decided_by = None;
            conflict.clock_note = Some(why);
            Verdict::Keep(Box::new(conflict))
        }
    }
}

/// Whether the row here is another row of the same lab: its key is spelt otherwise, and here that is no difference.
///
/// A lab whose key column tells `a` from `a ` or `A` has two rows; a centre with another collation has room for one. The lab would
/// have sent the key that is here, were it the same row.
fn is_another_row(
    scene: &Scene<'_>,
    table: &Table,
    change: &Change,
    key: &RowKey,
    current: Option<&RowImage>,
    newest: Option<&RowTime>,
) -> bool {
    let came_from_it = match newest {
        Some(newest) => newest.origin.as_ref() == Some(scene.sender),
        // nobody edited it since the log began, so nobody spelt its key anew
        None => change.before().is_some(),
    };
    let own = change.before().and_then(|before| table.shape.key_of(before));
    let here = current.and_then(|row| table.shape.key_of(row));
    came_from_it && here.is_some_and(|here| here != *own.as_ref().unwrap_or(key))
}

/// The conflict of a change that found another row of its lab in its place. The row here stays.
fn another_row(
    scene: &Scene<'_>,
    table: &Table,
    change: &Change,
    key: &RowKey,
    current: Option<&RowImage>,
) -> Conflict {
    let mut conflict = describe(scene, table, change, key, current, Kind::Unique);
    let collations: Vec<String> = table
        .key_details()
        .filter_map(|detail| Some(format!("{} is compared by {}", detail.name, detail.collation.as_ref()?)))
        .collect();
    conflict.note = Some(format!(
        "'{}' and '{}' are two rows at {} and one here, where {}; give the column the same collation in both places",
        key_to_log(key),
        record_id(table, key, current),
        scene.sender,
        collations.join(", ")
    ));
    // A row that never was here need not be deleted; all else waits for a person.
    if change.after().is_some() {
        conflict.status = Status::Open;
        conflict.decided_by = None;
    }
    conflict
}

fn sender_knows(scene: &Scene<'_>) -> Knows {
    match scene.side {
        Side::Central { sender, .. } => sender,
        Side::Lab { .. } => Knows::OurRows,
    }
}

fn comes_down_only(scene: &Scene<'_>, table: &Table) -> bool {
    match scene.side {
        Side::Central { down_only, .. } => down_only.contains(&table.shape.name),
        Side::Lab { .. } => false,
    }
}

/// A conflict decided for the centre by the rule; the caller changes what is otherwise.
pub(super) fn describe(
    scene: &Scene<'_>,
    table: &Table,
    change: &Change,
    key: &RowKey,
    current: Option<&RowImage>,
    kind: Kind,
) -> Conflict {
    let json = |row: &RowImage| row_to_json(&table.shape, row);
    Conflict {
        site: scene.sender.clone(),
        table: table.shape.name.clone(),
        record_id: record_id(table, key, current),
        kind,
        op: change.op(),
        before_row: change.before().map(json),
        central_row: current.map(json),
        lab_row: change.after().map(json),
        central_time: None,
        lab_time: change.time().known(),
        clock_note: clock_note(scene),
        status: Status::Decided,
        outcome: Outcome::Central,
        decided_by: Some("rule: last-edit-wins".to_owned()),
        note: None,
        bundle: scene.bundle.clone(),
    }
}

/// A word on a clock that was far off, and the times that were corrected for it.
fn clock_note(scene: &Scene<'_>) -> Option<String> {
    const WORTH_A_WORD_MICROS: u64 = 60_000_000;
    let ahead = scene.ahead_micros;
    let is_far = ahead.unsigned_abs() >= WORTH_A_WORD_MICROS;
    is_far.then(|| format!("{}'s clock is {}; its times are corrected", scene.sender, ahead_words(ahead)))
}
