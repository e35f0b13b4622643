//! One net change a row: many log entries and the row as it is now go in, at most one change comes out. Pure.

use crate::capture::audience::{Heard, Origin};
use crate::capture::stamp::IdRuns;
use crate::model::{Change, Op, RowImage, RowKey, Stamp};

/// What the log knows of a row before one of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: an application wrote the entry.
    Unknown,
    /// That there was no row: a trigger saw an INSERT.
    Absent,
    /// The row, in the entry's `before_row`.
    Logged,
}

/// One log entry, less its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) time: Stamp,
    pub(super) op: Op,
    pub(super) before: Before,
    pub(super) origin: Origin,
}

/// All log entries of one row, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Touched {
    /// As the first entry spells it.
    pub(super) record_id: String,
    /// Its entries.
    pub(super) ids: IdRuns,
    /// Whose they are.
    pub(super) heard: Heard,
    first: (u64, Before),
    all_known: bool,
    last: Stamp,
    last_op: Op,
}

/// The row at the seal before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    Unknown,
    Absent,
    Row(RowImage),
}

impl Touched {
    pub(super) fn new(record_id: String, entry: Entry) -> Self {
        let mut touched = Touched {
            record_id,
            ids: IdRuns::default(),
            heard: Heard::default(),
            first: (entry.id, entry.before),
            all_known: true,
            last: entry.time,
            last_op: entry.op,
        };
        touched.add(entry);
        touched
    }

    pub(super) fn add(&mut self, entry: Entry) {
        self.ids.push(entry.id);
        self.heard.add(entry.origin);
        self.all_known &= entry.before != Before::Unknown;
        self.last = self.last.max(entry.time);
        self.last_op = entry.op;
    }

    /// The log entry whose `before_row` is the row at the seal before: the first, and no later one. What stood in the row before
    /// a later one may be what an entry without a before-image speaks of, and that would then pass for nobody's edit.
    pub(super) fn base_id(&self) -> Option<u64> {
        let (id, before) = self.first;
        (before == Before::Logged).then_some(id)
    }

    /// Whether the log says that the row was there not at all at the seal before.
    pub(super) fn base_is_absent(&self) -> bool {
        self.first.1 == Before::Absent
    }

    /// Whether the last thing that happened was a delete. The row itself has the last word.
    pub(super) fn ends_in_delete(&self) -> bool {
        self.last_op == Op::Delete
    }

    /// The net change, or `None` where the row is what it was.
    ///
    /// A row with an entry whose before-image nobody knows never counts as unchanged: an application may
    /// log an edit long after a trigger did, and what looks like a return may be the only word of a change.
    pub(super) fn net(&self, key: RowKey, base: Base, current: Option<RowImage>) -> Option<Change> {
        let time = self.last;
        match (base, current) {
            (Base::Absent, None) if self.all_known => None,
            (Base::Row(before), Some(after)) if before == after && self.all_known => None,
            (Base::Absent, Some(after)) => Some(Change::Insert { after, time }),
            (Base::Row(before), Some(after)) => Some(Change::Update { before: Some(before), after, time }),
            (Base::Unknown, Some(after)) => Some(Change::Update { before: None, after, time }),
            (Base::Row(before), None) => Some(Change::Delete { key, before: Some(before), time }),
            (Base::Unknown | Base::Absent, None) => Some(Change::Delete { key, before: None, time }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    fn touched(entries: &[(Op, Before)]) -> Touched {
        let entry = |(at, (op, before)): (usize, &(Op, Before))| Entry {
            id: at as u64 + 1,
            time: Stamp::from_micros(at as i64),
            op: *op,
            before: *before,
            origin: Origin::Here,
        };
        let mut entries = entries.iter().enumerate().map(entry);
        let mut touched = Touched::new("7".into(), entries.next().unwrap());
        entries.for_each(|entry| touched.add(entry));
        touched
    }

    fn row(text: &str) -> RowImage {
        RowImage(vec![Value::Text(text.into())])
    }

    fn key() -> RowKey {
        RowKey(vec![Value::Text("7".into())])
    }

    #[test]
    fn an_insert_and_a_delete_vanish() {
        let seen = touched(&[(Op::Insert, Before::Absent), (Op::Delete, Before::Logged)]);
        assert!(seen.base_is_absent() && seen.ends_in_delete());
        assert_eq!(seen.net(key(), Base::Absent, None), None);
    }

    #[test]
    fn an_edit_that_ends_where_it_began_vanishes() {
        let seen = touched(&[(Op::Update, Before::Logged), (Op::Update, Before::Logged)]);
        assert_eq!(seen.base_id(), Some(1));
        assert_eq!(seen.net(key(), Base::Row(row("a")), Some(row("a"))), None);
        let change = seen.net(key(), Base::Row(row("a")), Some(row("b"))).unwrap();
        assert_eq!((change.op(), change.time()), (Op::Update, Stamp::from_micros(1)));
    }

    #[test]
    fn a_delete_and_an_insert_of_the_same_key_are_an_update() {
        let seen = touched(&[(Op::Delete, Before::Logged), (Op::Insert, Before::Absent)]);
        assert_eq!(seen.net(key(), Base::Row(row("a")), Some(row("b"))).unwrap().op(), Op::Update);
    }

    #[test]
    fn an_entry_that_an_application_wrote_never_makes_a_change_vanish() {
        // The trigger's INSERT was sealed long ago; the application logged it late, then the row was deleted.
        let seen = touched(&[(Op::Delete, Before::Logged), (Op::Insert, Before::Unknown)]);
        assert_eq!(seen.net(key(), Base::Row(row("a")), Some(row("a"))).unwrap().op(), Op::Update);
        let seen = touched(&[(Op::Update, Before::Unknown)]);
        assert_eq!(seen.net(key(), Base::Unknown, Some(row("a"))).unwrap().before(), None);
        assert_eq!(seen.net(key(), Base::Unknown, None).unwrap().op(), Op::Delete);
    }

    #[test]
    fn what_a_trigger_saw_after_an_edit_that_only_an_application_logged_is_not_the_row_at_the_seal_before() {
        let seen = touched(&[(Op::Update, Before::Unknown), (Op::Update, Before::Logged)]);
        assert_eq!((seen.base_id(), seen.base_is_absent()), (None, false));
        let seen = touched(&[(Op::Delete, Before::Unknown), (Op::Insert, Before::Absent)]);
        assert_eq!((seen.base_id(), seen.base_is_absent()), (None, false));
    }
}
