//! What becomes of each change at the centre: the rules are asked, and their answer is put into the words of the ledger.

use crate::apply::decide::{Found, Verdict, record_id};
use crate::apply::scene::{Knows, Scene, Side};
use crate::conflict::{Case, Clock, Finding, Kind, Placed, Policy, Ruling, Stands, Wait, judge};
use crate::db::Table;
use crate::ledger::{Conflict, Outcome, RowHistory, RowTime, Status};
use crate::model::{Change, RowImage, RowKey, ahead_words, key_to_log, row_to_json};

/// What a change meets.
#[derive(Clone, Copy)]
pub(super) struct Met<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) table: &'a Table,
    pub(super) rules: &'a Placed,
    /// The row at the centre with which it is compared.
    pub(super) current: Option<&'a RowImage>,
    /// How it fits that row.
    pub(super) finding: Finding,
    /// What the log knows of the row, where that was looked up.
    pub(super) history: Option<&'a RowHistory>,
}

impl Met<'_> {
    fn newest(&self) -> Option<&RowTime> {
        self.history.and_then(|history| history.newest.as_ref())
    }

    /// Where nobody knows what a change was made on: whether somebody else changed the row unseen by the lab.
    ///
    /// What the lab itself sent last, or had from here and nobody changed since, is what it made its change on. Where this database
    /// was put back, the lab's row is one that it had from here: only what was edited since is unseen.
    fn is_concurrent(&self, change: &Change) -> bool {
        if self.scene.past.went_back {
            return self.newest().is_some_and(|newest| newest.time > change.time());
        }
        let knows_ours = match self.scene.side {
            Side::Central { sender, .. } => sender == Knows::OurRows,
            Side::Lab { .. } => true,
        };
        match self.newest() {
            None => self.current.is_some() && !knows_ours,
            Some(newest) if newest.origin.as_ref() == Some(self.scene.sender) => false,
            Some(_) => !knows_ours || self.history.is_none_or(|history| history.unconfirmed),
        }
    }

    fn case<'c>(&'c self, change: &'c Change) -> Case<'c> {
        let newest = self.newest();
        // A row that the centre itself has adopted was there before its log, as one without a log row was.
        let edit = newest.filter(|newest| newest.time.known().is_some() || newest.origin.is_some());
        let clock = Clock {
            central: edit.map_or(self.scene.logged_since, |edit| edit.time),
            is_edit: edit.is_some(),
            now: self.scene.now,
            sealed_before: self.scene.past.sealed_before,
        };
        let past = self.scene.past;
        let sent_before = self.history.and_then(|history| history.own);
        Case {
            shape: &self.table.shape,
            rules: self.rules,
            change,
            current: self.current,
            finding: self.finding,
            lab: self.scene.sender,
            editor: newest.and_then(|newest| newest.origin.as_ref()).unwrap_or(self.scene.here),
            clock,
            concurrent: self.is_concurrent(change),
            repeated: past.went_back
                || past.may_repeat
                    && (sent_before >= Some(change.time()) || past.begins && sent_before.is_some()),
        }
    }
}

/// Decides one change. Also returns the change that is written in its place, where the rules made a row of both sides'.
pub(super) fn verdict(met: &Met<'_>, found: &Found) -> (Verdict, Option<Change>) {
    let Met { scene, table, finding, .. } = *met;
    let (change, key) = (&found.change, &found.key);
    if finding == Finding::AlreadyThere {
        return (Verdict::AlreadyThere, None);
    }
    if comes_down_only(scene, table) {
        let kind = match finding {
            Finding::Conflict(kind) => kind,
            Finding::AlreadyThere | Finding::Clean | Finding::BaseUnknown => Kind::Changed,
        };
        let mut conflict = describe(scene, table, change, key, met.current, kind);
        conflict.decided_by = Some("rule: direction = down".to_owned());
        return (Verdict::Keep(Box::new(conflict)), None);
    }
    if matches!(finding, Finding::Conflict(_)) && is_another_row(met, change, key) {
        return (Verdict::Keep(Box::new(another_row(met, change, key))), None);
    }
    let goes_on = found.joins.as_ref().is_some_and(|joins| joins.goes_on);
    let ruling = match finding {
        Finding::Conflict(kind) if goes_on => {
            let why = "it goes on from a change that waits".to_owned();
            Some(Ruling { kind, stands: Stands::Waits(Wait::Other(why)) })
        }
        Finding::AlreadyThere | Finding::Clean | Finding::BaseUnknown | Finding::Conflict(_) => {
            judge(&met.case(change))
        }
    };
    match ruling {
        None => (Verdict::Write(None), None),
        Some(ruling) => ruled(met, found, ruling),
    }
}

/// Puts a ruling into the words of `conflict_log`.
fn ruled(met: &Met<'_>, found: &Found, ruling: Ruling) -> (Verdict, Option<Change>) {
    let Met { scene, table, .. } = *met;
    let change = &found.change;
    let mut conflict = describe(scene, table, change, &found.key, met.current, ruling.kind);
    conflict.central_time = met.newest().and_then(|newest| newest.time.known());
    match ruling.stands {
        Stands::Lab(rule) => {
            conflict.outcome = Outcome::Lab;
            conflict.written_row = conflict.lab_row.clone();
            conflict.decided_by = Some(rule);
            (Verdict::Write(Some(Box::new(conflict))), None)
        }
        Stands::Central(rule) => {
            conflict.decided_by = Some(rule);
            (Verdict::Keep(Box::new(conflict)), None)
        }
        Stands::Merged(row, rule) => {
            conflict.outcome = Outcome::Merged;
            conflict.written_row = Some(row_to_json(&table.shape, &row));
            conflict.decided_by = Some(rule);
            // The row is as new as the later of the two edits that are in it.
            let time = met.newest().map_or(change.time(), |newest| newest.time.max(change.time()));
            let merged = Change::Update { before: change.before().cloned(), after: row, time };
            (Verdict::Write(Some(Box::new(conflict))), Some(merged))
        }
        Stands::Waits(wait) => {
            conflict.status = Status::Open;
            conflict.decided_by = None;
            match wait {
                Wait::Clock(why) => conflict.clock_note = Some(why),
                Wait::Other(why) => conflict.note = Some(why),
            }
            if let Some(joins) = &found.joins {
                joins.carry_on(met, change, &mut conflict);
            }
            (Verdict::Keep(Box::new(conflict)), None)
        }
    }
}

/// Whether the row here is another row of the same lab: its key is spelt otherwise, and here that is no difference.
///
/// A lab whose key column tells `a` from `a ` or `A` has two rows; a centre with another collation has room for one. The lab would
/// have sent the key that is here, were it the same row.
fn is_another_row(met: &Met<'_>, change: &Change, key: &RowKey) -> bool {
    let table = met.table;
    let came_from_it = match met.newest() {
        Some(newest) => newest.origin.as_ref() == Some(met.scene.sender),
        // nobody edited it since the log began, so nobody spelt its key anew
        None => change.before().is_some(),
    };
    let own = change.before().and_then(|before| table.shape.key_of(before));
    let here = met.current.and_then(|row| table.shape.key_of(row));
    came_from_it && here.is_some_and(|here| here != *own.as_ref().unwrap_or(key))
}

/// The conflict of a change that found another row of its lab in its place. The row here stays.
fn another_row(met: &Met<'_>, change: &Change, key: &RowKey) -> Conflict {
    let Met { scene, table, current, .. } = *met;
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
        written_row: current.map(json),
        decided_by: Some(format!("rule: {}", Policy::LastEditWins)),
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
