//! What a trigger of packmule's tells of the table that it was made for: its name and key then. Pure: text in.
//!
//! The database keeps the text, so it is the one witness of what a table was like before somebody changed it.

use crate::db::{Catalog, Table};
use crate::model::TableName;

/// Whether packmule made a trigger of this text, for whatever table.
pub(super) fn is_of_packmule(body: &str) -> bool {
    body.contains("@packmule_silent") && body.contains("INTO sync_log (")
}

/// The name under which the triggers of `table` log, where that is another one: the table was renamed.
pub(super) fn logged_as(table: &Table) -> Option<TableName> {
    let name = TableName::new(witness(table)?.table);
    (name != table.shape.name).then_some(name)
}

/// The table that `gone` is called now: its triggers went with it.
pub fn renamed_to(catalog: &Catalog, gone: &TableName) -> Option<TableName> {
    let renamed = catalog.tables.values().find(|table| logged_as(table).as_ref() == Some(gone));
    renamed.map(|table| table.shape.name.clone())
}

/// The columns by which rows were known when the triggers of `table` were made, where other columns are the key now and
/// the old ones are still there: what was logged since then names rows that cannot be found by the new key.
///
/// `None` as well when a column of the key was only renamed: its values are the same.
pub fn moved_key(catalog: &Catalog, table: &TableName) -> Option<Vec<String>> {
    let table = catalog.tables.get(table)?;
    let before = witness(table)?.key;
    let now: Vec<&str> = table.key_details().map(|detail| detail.name.as_str()).collect();
    let is_here = |name: &String| table.details.iter().any(|detail| detail.name.eq_ignore_ascii_case(name));
    let is_same =
        before.len() == now.len() && before.iter().zip(&now).all(|(a, b)| a.eq_ignore_ascii_case(b));
    (!is_same && !before.is_empty() && before.iter().all(is_here)).then_some(before)
}

/// What a trigger says of the table that it was made for.
struct Witness {
    table: String,
    key: Vec<String>,
}

/// Reads the AFTER DELETE trigger: `VALUES ('items', CAST(OLD.`id` AS CHAR), 'DELETE', ...`.
fn witness(table: &Table) -> Option<Witness> {
    let is_it = |name: &str| name.starts_with("packmule_ad_") || name.starts_with("packmule_xad_");
    let trigger = table.triggers.iter().find(|trigger| is_it(&trigger.name))?;
    if !is_of_packmule(&trigger.body) {
        return None;
    }
    let (_, values) = trigger.body.split_once("VALUES (")?;
    let (name, rest) = quoted(values, '\'')?;
    let (mut key, mut rest) = (Vec::new(), rest);
    // The key ends where the action stands.
    while let Some((before, after)) = rest.split_once("OLD.") {
        if before.contains("'DELETE'") {
            break;
        }
        let (column, behind) = quoted(after, '`')?;
        if key.last() != Some(&column) {
            key.push(column);
        }
        rest = behind;
    }
    Some(Witness { table: name, key })
}

/// Reads what stands between two quotes at the beginning; a doubled quote is one. Returns the rest as well.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix(quote)?;
    let mut word = String::new();
    loop {
        let (part, behind) = rest.split_once(quote)?;
        word.push_str(part);
        match behind.strip_prefix(quote) {
            Some(more) => {
                word.push(quote);
                rest = more;
            }
            None => return Some((word, behind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{ColumnDetail, Trigger};
    use crate::model::{ColumnKind, TableShape};

    fn detail(name: &str) -> ColumnDetail {
        ColumnDetail::sample(name, ColumnKind::Integer, "int")
    }

    /// A table with these columns and key, watched by the trigger that was made for another name and key.
    fn catalog(name: &str, columns: &[&str], key: &[usize], key_sql: &str) -> (Catalog, TableName) {
        let details: Vec<ColumnDetail> = columns.iter().map(|name| detail(name)).collect();
        let shape = TableShape {
            name: TableName::new(name),
            columns: details.iter().map(ColumnDetail::column).collect(),
            key: key.to_vec(),
        };
        let body = format!(
            "BEGIN DECLARE x; IF @packmule_silent IS NULL THEN INSERT INTO sync_log (table_name, record_id, action, \
             before_row) VALUES ('it''ems', {key_sql}, 'DELETE', JSON_OBJECT('q', CAST(OLD.`q` AS CHAR))); END IF; END"
        );
        let trigger = Trigger {
            name: "packmule_ad_it'ems".to_owned(),
            event: "DELETE".to_owned(),
            timing: "AFTER".to_owned(),
            body,
        };
        let width = details.len();
        let (generated, unique_keys) = (Vec::new(), Vec::new());
        let table = Table { shape, details, generated, width, unique_keys, triggers: vec![trigger] };
        let name = table.shape.name.clone();
        (Catalog { tables: [(name.clone(), table)].into(), ..Catalog::default() }, name)
    }

    #[test]
    fn a_renamed_table_is_known_by_the_triggers_that_went_with_it() {
        let (catalog, name) = catalog("things", &["id", "q"], &[0], "CAST(OLD.`id` AS CHAR)");
        assert_eq!(renamed_to(&catalog, &TableName::new("it'ems")), Some(name));
        assert_eq!(renamed_to(&catalog, &TableName::new("stock")), None);
    }

    #[test]
    fn a_key_that_moved_to_other_columns_is_told_from_one_whose_column_was_renamed() {
        let one = "CAST(OLD.`id` AS CHAR)";
        let two = "JSON_ARRAY(CAST(OLD.`id` AS CHAR), IF(OLD.`place` IS NULL, NULL, HEX(OLD.`place`)))";
        for (columns, key, logged, moved) in [
            (&["id", "q"][..], &[0][..], one, None),
            (&["number", "q"], &[0], one, None),
            (&["id", "code"], &[1], one, Some(vec!["id".to_owned()])),
            (&["id", "place"], &[0, 1], two, None),
            (&["id", "place"], &[0], two, Some(vec!["id".to_owned(), "place".to_owned()])),
            (&["id", "place"], &[0, 1], one, Some(vec!["id".to_owned()])),
            (&["id", "q"], &[0], two, None),
        ] {
            let (catalog, name) = catalog("it'ems", columns, key, logged);
            assert_eq!(moved_key(&catalog, &name), moved, "{columns:?} {key:?} {logged}");
        }
    }
}
