//! A table of packmule's that an application may have made before: created, or extended with its rows kept.

use std::collections::BTreeMap;

use crate::db::error::Error;
use crate::db::session::Session;
use crate::db::sql;

/// What was found when a table of packmule's was to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ensured {
    /// It was not there.
    Created,
    /// It was there, without some of packmule's columns or keys; it has them now, and all its rows.
    Extended,
    /// It was there and complete.
    Complete,
    /// It was there and cannot be used.
    Blocked {
        /// What stands in the way.
        why: String,
        /// A statement that removes it.
        remedy: String,
    },
}

/// Says whether [`ensure_table`] would find something that blocks it. Changes nothing.
pub fn blocked_table(session: &mut Session, table: &str, script: &str) -> Result<Option<Ensured>, Error> {
    let found = columns(session, table)?;
    let wanted = Wanted::parse(script);
    let keys = keys(session, table)?;
    if found.is_empty() || wanted.keys.iter().all(|(name, _)| keys.contains_key(name.as_str())) {
        return Ok(None);
    }
    Ok(blocked(table, &wanted, &found, &keys))
}

/// Creates the table that `script` describes, or extends the one that is there.
///
/// `script` is one `CREATE TABLE`, one column or key a line. The last `KEY` of the script is the mark of a
/// complete table: everything is done in one ALTER, so either all of it is there or nothing.
pub fn ensure_table(session: &mut Session, table: &str, script: &str) -> Result<Ensured, Error> {
    let found = columns(session, table)?;
    if found.is_empty() {
        session.execute(script)?;
        return Ok(Ensured::Created);
    }
    let wanted = Wanted::parse(script);
    let keys = keys(session, table)?;
    if wanted.keys.iter().all(|(name, _)| keys.contains_key(name.as_str())) {
        return Ok(Ensured::Complete);
    }
    if let Some(blocked) = blocked(table, &wanted, &found, &keys) {
        return Ok(blocked);
    }
    let mut parts = vec!["ENGINE=InnoDB".to_owned()];
    for (name, definition) in &wanted.columns {
        let verb = if found.contains_key(name) { "MODIFY COLUMN" } else { "ADD COLUMN" };
        // a table that has its own `id` has its primary key too
        let definition = if found.contains_key(name) {
            definition.replace(" PRIMARY KEY", "")
        } else {
            definition.clone()
        };
        parts.push(format!("{verb} {} {definition}", sql::name(name)));
    }
    for (name, key) in &keys {
        // a TEXT column can only be indexed by its beginning
        if key.columns.iter().any(|column| column == "record_id")
            && !wanted.keys.iter().any(|(own, _)| own == name)
        {
            let columns = key.columns.iter().map(|column| {
                if column == "record_id" { "`record_id`(48)".to_owned() } else { sql::name(column) }
            });
            parts.push(format!("DROP INDEX {}", sql::name(name)));
            parts.push(format!("ADD INDEX {} ({})", sql::name(name), columns.collect::<Vec<_>>().join(", ")));
        }
    }
    for (name, columns) in wanted.keys.iter().filter(|(name, _)| !keys.contains_key(name.as_str())) {
        parts.push(format!("ADD KEY {} {columns}", sql::name(name)));
    }
    session.execute(&format!("ALTER TABLE {} {}", sql::name(table), parts.join(", ")))?;
    Ok(Ensured::Extended)
}

struct Wanted {
    columns: Vec<(String, String)>,
    keys: Vec<(String, String)>,
}

impl Wanted {
    fn parse(script: &str) -> Self {
        let mut wanted = Wanted { columns: Vec::new(), keys: Vec::new() };
        for line in script.lines().filter_map(|line| line.strip_prefix("  ")) {
            let line = line.trim_end_matches(',');
            match line.split_once(char::is_whitespace) {
                Some(("KEY", rest)) => {
                    if let Some((name, columns)) = rest.split_once(' ') {
                        wanted.keys.push((name.to_owned(), columns.to_owned()));
                    }
                }
                Some((name, definition)) => {
                    wanted.columns.push((name.to_owned(), definition.trim().to_owned()));
                }
                None => {}
            }
        }
        wanted
    }
}

struct FoundColumn {
    must_be_given: bool,
    key: String,
}

struct FoundKey {
    unique: bool,
    columns: Vec<String>,
}

fn columns(session: &mut Session, table: &str) -> Result<BTreeMap<String, FoundColumn>, Error> {
    let rows = session.rows(&format!(
        "SELECT column_name, is_nullable = 'NO' AND column_default IS NULL AND extra NOT LIKE '%auto_increment%' \
                AND extra NOT LIKE '%DEFAULT_GENERATED%' AND COALESCE(generation_expression, '') = '', column_key \
         FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = {}",
        sql::text(table)
    ))?;
    rows.iter()
        .map(|row| {
            let column = FoundColumn { must_be_given: row.text(1)? == "1", key: row.text(2)?.to_owned() };
            Ok((row.text(0)?.to_owned(), column))
        })
        .collect()
}

fn keys(session: &mut Session, table: &str) -> Result<BTreeMap<String, FoundKey>, Error> {
    let mut keys: BTreeMap<String, FoundKey> = BTreeMap::new();
    for row in session.rows(&format!(
        "SELECT index_name, non_unique, column_name FROM information_schema.statistics \
         WHERE table_schema = DATABASE() AND table_name = {} ORDER BY index_name, seq_in_index",
        sql::text(table)
    ))? {
        let unique = row.text(1)? == "0";
        let key =
            keys.entry(row.text(0)?.to_owned()).or_insert_with(|| FoundKey { unique, columns: Vec::new() });
        key.columns.push(row.optional(2).unwrap_or_default().to_owned());
    }
    Ok(keys)
}

fn blocked(
    table: &str,
    wanted: &Wanted,
    found: &BTreeMap<String, FoundColumn>,
    keys: &BTreeMap<String, FoundKey>,
) -> Option<Ensured> {
    let own = |name: &String| wanted.columns.iter().any(|(own, _)| own == name);
    if let Some((column, _)) = found.iter().find(|(name, column)| !own(name) && column.must_be_given) {
        return Some(Ensured::Blocked {
            why: format!(
                "its column {column} must be given a value in every row, and packmule has none to give"
            ),
            remedy: format!(
                "ALTER TABLE {table} ALTER COLUMN {} SET DEFAULT ''  (or any value that suits)",
                sql::name(column)
            ),
        });
    }
    let is_primary = |column: &FoundColumn| column.key == "PRI";
    let id_is_key = found.get("id").map_or(!found.values().any(is_primary), is_primary);
    if !id_is_key {
        return Some(Ensured::Blocked {
            why: "its primary key is not an AUTO_INCREMENT column named id".to_owned(),
            remedy: format!("RENAME TABLE {table} TO {table}_old"),
        });
    }
    let unique = keys
        .iter()
        .find(|(name, key)| name.as_str() != "PRIMARY" && key.unique && key.columns.iter().any(&own));
    unique.map(|(name, _)| Ensured::Blocked {
        why: format!(
            "its unique key {name} allows a record only once, and a record may change more than once"
        ),
        remedy: format!("ALTER TABLE {table} DROP INDEX {}", sql::name(name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_of_a_table_is_read_line_by_line() {
        let wanted = Wanted::parse(include_str!("../../schema/site/sync_log.sql"));
        assert_eq!(
            wanted.columns[0],
            ("id".into(), "BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY".into())
        );
        assert_eq!(wanted.columns.len(), 8);
        assert_eq!(wanted.keys[1], ("packmule_record".into(), "(table_name, record_id(48))".into()));
    }
}
