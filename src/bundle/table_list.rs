//! The centre's list of shared tables, as it stands in the head of each of its bundles.

use serde::{Deserialize, Serialize};

use crate::model::{Direction, TableName};

/// The name under which the list stands in [`crate::bundle::PayloadHead::settings`].
pub const TABLES_SETTING: &str = "tables";

/// The name under which the tables stand of which a bundle says nothing, because they cannot be read at the sender's as
/// they are. They are shared all the same, and a snapshot without their rows does not say that there are none.
pub const LEFT_OUT_SETTING: &str = "tables-left-out";

/// The name under which a lab says which bundle of the centre is the first of which it keeps a word that it has not followed
/// yet. Its receipt says that it has the bundle; this says that not all of its rows are what the bundle says.
pub const KEPT_SETTING: &str = "kept";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    table: String,
    direction: String,
}

/// Writes the list as the value of [`TABLES_SETTING`].
pub fn tables_to_setting<'t>(tables: impl IntoIterator<Item = (&'t TableName, &'t Direction)>) -> String {
    let entry = |(table, direction): (&TableName, &Direction)| Entry {
        table: table.to_string(),
        direction: direction.to_string(),
    };
    let entries: Vec<Entry> = tables.into_iter().map(entry).collect();
    serde_json::to_string(&entries).expect("texts alone always have a JSON form")
}

/// Reads the value of [`TABLES_SETTING`]. `None` for anything that a writer of today does not write.
pub fn tables_from_setting(text: &str) -> Option<Vec<(TableName, Direction)>> {
    let entries: Vec<Entry> = serde_json::from_str(text).ok()?;
    let entries = entries.into_iter();
    entries.map(|entry| Some((TableName::new(entry.table), entry.direction.parse().ok()?))).collect()
}

/// Writes names of tables as the value of [`LEFT_OUT_SETTING`].
pub fn names_to_setting(tables: &[TableName]) -> String {
    let names: Vec<&str> = tables.iter().map(TableName::as_str).collect();
    serde_json::to_string(&names).expect("texts alone always have a JSON form")
}

/// Reads the value of [`LEFT_OUT_SETTING`]. `None` for anything that a writer of today does not write.
pub fn names_from_setting(text: &str) -> Option<Vec<TableName>> {
    let names: Vec<String> = serde_json::from_str(text).ok()?;
    Some(names.into_iter().map(TableName::new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_back_as_written() {
        let list =
            vec![(TableName::new("items"), Direction::Both), (TableName::new("a \"b\""), Direction::Up)];
        let text = tables_to_setting(list.iter().map(|(table, direction)| (table, direction)));
        assert_eq!(tables_from_setting(&text), Some(list));
        let names = vec![TableName::new("items"), TableName::new("a \"b\"")];
        assert_eq!(names_from_setting(&names_to_setting(&names)), Some(names));
        assert_eq!(tables_from_setting("[]"), Some(Vec::new()));
        assert_eq!(tables_from_setting("[{\"table\":\"t\",\"direction\":\"sideways\"}]"), None);
    }
}
