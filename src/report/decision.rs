//! A person's decision in words.

use crate::engine::Done;
use crate::ledger::Action;
use crate::report::cell::{cut, difference};
use crate::report::text::count;

/// What a decision did, as a sentence; `is`: `is` or `would be`.
pub(crate) fn decided_words(done: &Done, is: &str) -> String {
    let Done { id, shape, record_id, before, after, new, followed, .. } = done;
    let what = match done.action {
        Action::Approve => "approved",
        Action::Reject => "rejected",
        Action::Merge => "merged",
        Action::Reopen => "open again",
    };
    let table = cut(shape.name.as_str());
    let row = match (before, after) {
        _ if before == after => "the row stays as it is".to_owned(),
        (_, None) => format!("row {} of {} is deleted", cut(record_id), table),
        (None, Some(_)) => {
            format!("{} {} is made: {}", table, cut(record_id), difference(shape, None, after.as_ref()))
        }
        (Some(_), Some(_)) => {
            format!("{} {}: {}", table, cut(record_id), difference(shape, before.as_ref(), after.as_ref()))
        }
    };
    let beside = new.as_ref().map(|(record, _)| format!("; the lab's row is {} {}", table, cut(record)));
    let along: Vec<String> =
        followed.iter().map(|(table, rows)| format!("{} of {table}", count(*rows))).collect();
    let along = if along.is_empty() { String::new() } else { format!("; with it go {}", along.join(", ")) };
    format!("Conflict {id} {is} {what}: {row}{}{along}.", beside.unwrap_or_default())
}

/// That a trigger of the application insists on something else, where one does.
pub(crate) fn overruled_words(done: &Done) -> Option<String> {
    let columns = done.overruled.join(", ");
    let words = || format!("A trigger of the application insists on its own value of {}.", cut(&columns));
    (!columns.is_empty()).then(words)
}
