//! A conflict in words: what was done, where its rows differ, and what else belongs to it.

use crate::conflict::same_value;
use crate::db::OnParent;
use crate::engine::{Related, ReviewFault, Shown};
use crate::ledger::{Decision, Outcome, Status};
use crate::model::{Op, RowImage, Stamp, Value};
use crate::report::cell::{cell, cut, difference};
use crate::report::facts::Facts;
use crate::report::phrase::number_of;

/// Which conflict it is, what the lab did, and whether it waits, as one sentence.
pub(crate) fn conflict_headline(shown: &Shown) -> String {
    let head = &shown.line.head;
    let state = match head.status {
        Status::Open => "it waits for a person".to_owned(),
        Status::Decided => format!("decided by {}", cut(head.decided_by.as_deref().unwrap_or_default())),
    };
    let did = match head.op {
        Op::Insert => "made the row",
        Op::Update => "changed it",
        Op::Delete => "deleted it",
    };
    format!(
        "Conflict {}: {} {}, kind {}; {} {did}; {state}.",
        head.id,
        cut(head.table.as_str()),
        cut(&head.record_id),
        head.kind,
        head.site
    )
}

/// Whether the row at the centre is another one than the three that are shown.
pub(crate) fn shows_now(shown: &Shown) -> bool {
    shown.has_moved_on || shown.now.as_ref() != shown.central.row()
}

/// Whether the rows differ in a column, with `!` where both sides have changed it.
pub(crate) fn compared(shown: &Shown, at: usize) -> (bool, &'static str) {
    let kind = shown.shape.columns.get(at).map(|column| column.kind);
    let value = |row: Option<&RowImage>| row.and_then(|row| row.0.get(at)).cloned();
    let same = |a: &Option<Value>, b: &Option<Value>| match (a, b, kind) {
        (Some(a), Some(b), Some(kind)) => same_value(kind, a, b),
        (None, None, _) => true,
        (Some(_) | None, _, _) => false,
    };
    let (before, central, lab) =
        (value(shown.before.row()), value(shown.central.row()), value(shown.lab.row()));
    let now = value(shown.now.as_ref());
    let known = shown.before.row().is_some();
    let disputed = !same(&central, &lab) && (!known || (!same(&before, &central) && !same(&before, &lab)));
    let differs = disputed
        || !same(&central, &lab)
        || (known && !same(&before, &central))
        || (shows_now(shown) && !same(&central, &now));
    (differs, if disputed { "!" } else { "" })
}

/// What belongs to a conflict beside its rows, each with a name.
pub(crate) fn conflict_facts(shown: &Shown) -> Facts {
    let (line, head) = (&shown.line, &shown.line.head);
    let mut facts = Facts::default();
    let moment = |when: Option<Stamp>| {
        when.map_or("nobody knows".to_owned(), |when| format!("{} UTC", when.to_words()))
    };
    let stands = match head.outcome {
        _ if shown.now.is_none() => "no row",
        Outcome::Central => "central's row",
        Outcome::Lab => "the lab's row",
        Outcome::Merged => "a row with something of both",
    };
    match shown.has_moved_on {
        true => facts.add(
            "In the table",
            "another row than when the conflict was met or decided: somebody edited it since",
        ),
        false => facts.add("In the table", stands),
    }
    let edited = format!("central {}; {} {}", moment(line.central_time), head.site, moment(line.lab_time));
    facts.add("Last edited", edited);
    if let Some(bundle) = &line.bundle {
        let before = shown
            .heard_before
            .map(|(number, when)| format!("; the one before was bundle {number}, applied {}", when.to_day()));
        facts.add("Came with", format!("{bundle}{}", before.unwrap_or_default()));
    }
    for (name, words) in
        [("Why", &head.note), ("Clocks", &head.clock_note), ("Said with it", &line.decision_note)]
    {
        if let Some(words) = words {
            facts.add(name, words);
        }
    }
    shown.related.iter().for_each(|related| add_related(&mut facts, related, shown));
    if !shown.lost.is_empty() {
        facts.add(
            "Not here",
            format!("the table has no column {} any more; its value stays here only", shown.lost.join(", ")),
        );
    }
    if !shown.beside.is_empty() {
        let others: Vec<String> =
            shown.beside.iter().map(|one| format!("{} of {}", one.id, one.site)).collect();
        facts.add("Also waits", format!("of the same row: {}", others.join(", ")));
    }
    for state in &shown.earlier {
        let row = state.lab_row.as_deref().map_or("it had deleted the row".to_owned(), cut);
        facts.add("Before that", format!("{}: {row}", moment(state.lab_time)));
    }
    shown.decisions.iter().for_each(|decision| facts.add("Decided", decision_words(decision)));
    facts
}

fn decision_words(decision: &Decision) -> String {
    let note = decision.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
    let followed =
        decision.followed.as_deref().map(|rows| format!("; with it went {rows}")).unwrap_or_default();
    format!("{} UTC {} by {}{note}{followed}", decision.at.to_words(), decision.action, decision.by)
}

fn add_related(facts: &mut Facts, related: &Related, shown: &Shown) {
    let pairs = |values: &[(String, Value)]| {
        values.iter().map(|(name, value)| format!("{name} {}", cell(value))).collect::<Vec<_>>().join(", ")
    };
    match related {
        Related::ParentMissing { table, values } => {
            facts.add("Missing", format!("table {table} has no row for {}", pairs(values)));
        }
        Related::Holder { record_id, values } => {
            facts.add(
                "Taken",
                format!("{} is that of {} {}", pairs(values), shown.line.head.table, cut(record_id)),
            );
        }
        Related::Children { table, count, on_delete } => {
            let then = match on_delete {
                OnParent::Restrict => "while they are there, it cannot be deleted",
                OnParent::Cascade => "they are deleted with it",
                OnParent::SetNull => "they stay when it is deleted, and point to nothing then",
            };
            facts.add("Belongs to it", format!("{} of {table}; {then}", number_of(*count, "row", "rows")));
        }
    }
}

/// What approving would make of the row, or why it cannot be.
pub(crate) fn approve_words(shown: &Shown) -> Result<String, String> {
    wish_words(shown, &shown.approve, &shown.reject)
}

/// What rejecting would make of the row, or why it cannot be.
pub(crate) fn reject_words(shown: &Shown) -> Result<String, String> {
    wish_words(shown, &shown.reject, &shown.approve)
}

type Wish = Result<Option<RowImage>, ReviewFault>;

/// Only what the two would make another: the rest says nothing about the choice.
fn wish_words(shown: &Shown, wish: &Wish, other: &Wish) -> Result<String, String> {
    match wish {
        Ok(Some(wish)) => {
            let other = other.as_ref().ok().and_then(Option::as_ref).or(shown.now.as_ref());
            Ok(difference(&shown.shape, other, Some(wish)))
        }
        Ok(None) => Ok("no row".to_owned()),
        Err(fault) => Err(fault.told()),
    }
}
