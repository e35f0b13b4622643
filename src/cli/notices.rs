//! Gathers what people should know although the work went on. A million notices about one table are one sentence.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::TableName;
use crate::monitor::Notice;
use crate::report::{count, escape};

/// Notices of one command, one entry a kind and table.
#[derive(Debug, Default)]
pub(super) struct Notices {
    unreadable_keys: BTreeMap<TableName, Seen>,
    unreadable_befores: BTreeMap<TableName, Seen>,
    held: BTreeMap<(TableName, String), Seen>,
    overwritten: BTreeMap<TableName, u64>,
    renewed: BTreeSet<TableName>,
    stale: BTreeMap<TableName, String>,
    unwatched: BTreeSet<TableName>,
    retries_max: u32,
    not_tried: BTreeSet<String>,
}

impl Notices {
    /// Takes one in.
    pub(super) fn add(&mut self, notice: Notice) {
        match notice {
            Notice::UnreadableKey { table, record_id } => {
                Seen::add(&mut self.unreadable_keys, table, record_id)
            }
            Notice::UnreadableBefore { table, record_id } => {
                Seen::add(&mut self.unreadable_befores, table, record_id);
            }
            Notice::Held { table, record_id, column } => {
                Seen::add(&mut self.held, (table, column), record_id);
            }
            Notice::OverwrittenByTrigger { table, rows } => {
                *self.overwritten.entry(table).or_default() += rows
            }
            Notice::TriggersRenewed { table } => drop(self.renewed.insert(table)),
            Notice::TriggersStale { table, why } => drop(self.stale.insert(table, why)),
            Notice::Unwatched { table } => drop(self.unwatched.insert(table)),
            Notice::NotTried { why } => drop(self.not_tried.insert(why)),
            Notice::Retried { attempts } => self.retries_max = self.retries_max.max(attempts),
        }
    }

    /// One sentence for each kind and table.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for (table, seen) in &self.unreadable_keys {
            sentences.push(format!(
                "table {}: {} of a key that the table cannot have, the first \"{}\"; nothing was sent for it",
                escape(table.as_str()),
                times(seen.times, "log row speaks", "log rows speak"),
                escape(&seen.first)
            ));
        }
        for (table, seen) in &self.unreadable_befores {
            sentences.push(format!(
                "table {}: {} without the row before, which could not be read, the first \"{}\"",
                escape(table.as_str()),
                times(seen.times, "change goes", "changes go"),
                escape(&seen.first)
            ));
        }
        for ((table, column), seen) in &self.held {
            sentences.push(format!(
                "table {}: {} here and not sent, the first \"{}\": column {} holds a text that would not come back as \
                 it is stored; correct it, then export again",
                escape(table.as_str()),
                times(seen.times, "row is held back", "rows are held back"),
                escape(&seen.first),
                escape(column)
            ));
        }
        for (table, rows) in &self.overwritten {
            sentences.push(format!(
                "table {}: {} another value than the bundle's: a trigger of the application overwrites it",
                escape(table.as_str()),
                times(*rows, "row keeps", "rows keep")
            ));
        }
        for table in &self.renewed {
            let table = escape(table.as_str());
            sentences
                .push(format!("table {table} was changed; its triggers were made anew for what it is now"));
        }
        for (table, why) in &self.stale {
            sentences.push(format!(
                "table {} was changed, and its triggers could not be made anew yet: {}; edits are logged all the same, \
                 and the next export or import tries again",
                escape(table.as_str()),
                escape(why)
            ));
        }
        for table in &self.unwatched {
            sentences.push(format!(
                "table {}: its triggers are missing or are not packmule's: edits are LOST; packmule doctor says more",
                escape(table.as_str())
            ));
        }
        for why in &self.not_tried {
            sentences.push(format!("{}; the next export or import tries again", escape(why)));
        }
        if self.retries_max > 0 {
            let often = times(u64::from(self.retries_max), "time", "times");
            sentences.push(format!("the server was busy; the work was begun again {often}"));
        }
        sentences
    }
}

/// How often something was seen, and the record where it was seen first.
#[derive(Debug)]
struct Seen {
    times: u64,
    first: String,
}

impl Seen {
    fn add<K: Ord>(all: &mut BTreeMap<K, Seen>, place: K, record_id: String) {
        all.entry(place).or_insert(Seen { times: 0, first: record_id }).times += 1;
    }
}

fn times(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_notices_about_a_table_are_one_sentence() {
        let mut notices = Notices::default();
        let table = TableName::new("inventory");
        for number in 0..1284 {
            notices.add(Notice::UnreadableKey { table: table.clone(), record_id: format!("{number}\x07") });
        }
        notices.add(Notice::UnreadableBefore { table: table.clone(), record_id: "7".into() });
        let column = "note".to_owned();
        notices.add(Notice::Held { table: table.clone(), record_id: "9".into(), column });
        notices.add(Notice::OverwrittenByTrigger { table: table.clone(), rows: 1 });
        notices.add(Notice::OverwrittenByTrigger { table, rows: 2 });
        let (table, why) = (TableName::new("items"), "Lock wait timeout exceeded (1205)".to_owned());
        notices.add(Notice::TriggersRenewed { table: TableName::new("stock") });
        notices.add(Notice::TriggersStale { table: table.clone(), why });
        notices.add(Notice::Unwatched { table: table.clone() });
        notices.add(Notice::Unwatched { table });
        notices.add(Notice::Retried { attempts: 1 });
        notices.add(Notice::Retried { attempts: 2 });
        assert_eq!(
            notices.sentences(),
            [
                "table inventory: 1 284 log rows speak of a key that the table cannot have, the first \"0\\u{7}\"; \
                 nothing was sent for it",
                "table inventory: 1 change goes without the row before, which could not be read, the first \"7\"",
                "table inventory: 1 row is held back here and not sent, the first \"9\": column note holds a text that would \
                 not come back as it is stored; correct it, then export again",
                "table inventory: 3 rows keep another value than the bundle's: a trigger of the application \
                 overwrites it",
                "table stock was changed; its triggers were made anew for what it is now",
                "table items was changed, and its triggers could not be made anew yet: Lock wait timeout exceeded \
                 (1205); edits are logged all the same, and the next export or import tries again",
                "table items: its triggers are missing or are not packmule's: edits are LOST; packmule doctor says more",
                "the server was busy; the work was begun again 2 times",
            ]
        );
    }
}
