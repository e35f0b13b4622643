//! Foreign keys that a lab's database does not declare, as its settings name them.
//!
//! They matter once: when the keys of a lab that was used alone are moved, what points to them must follow.

use crate::config::error::Error;
use crate::config::fault::Problem;
use crate::config::reader::Section;
use crate::config::table_rules::NAMES;
use crate::model::{Role, TableName};

/// A column that holds keys of another table, or of its own. Whether there are such columns only the database knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The table that points.
    pub table: TableName,
    /// Its column.
    pub column: String,
    /// The table that is pointed to.
    pub parent: TableName,
    /// Its column.
    pub parent_column: String,
}

/// Reads `references` of each `[tables.NAME]` at a lab. At the centre these sections hold rules.
pub(super) fn read_references(top: &Section<'_>, role: Role) -> Result<Vec<Reference>, Error> {
    let mut references = Vec::new();
    if role == Role::Central {
        return Ok(references);
    }
    let sections = top.section("tables")?;
    for table in sections.keys() {
        let section = sections.section(&table)?;
        if let Some(found) = NAMES.iter().find_map(|rule| section.find(rule)) {
            let name = found.name.clone();
            return Err(section.refuse(&found, Problem::OnlyAtCentral { name }));
        }
        section.only(&["references"])?;
        let named = section.section("references")?;
        for column in named.keys() {
            references.push(read_reference(&named, &table, column)?);
        }
    }
    Ok(references)
}

fn read_reference(named: &Section<'_>, table: &str, column: String) -> Result<Reference, Error> {
    let found = named.needed(&column, named.text(&column)?)?;
    let Some((parent, parent_column)) =
        found.value.split_once('.').filter(|(a, b)| !a.is_empty() && !b.is_empty())
    else {
        let name = found.name.clone();
        return Err(named.refuse(&found, Problem::NotAColumn { name }));
    };
    let (parent, parent_column) = (TableName::new(parent), parent_column.to_owned());
    named.shown(found);
    Ok(Reference { table: TableName::new(table), column, parent, parent_column })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::settings::Settings;

    const LAB: &str = "role = \"lab\"\nsite = \"lab-a\"\n[database]\nurl = \"mysql://p@localhost/ive_ims\"\n";

    fn read(tables: &str) -> Result<Settings, Error> {
        Settings::read(Path::new("lab-a.toml"), &format!("{LAB}{tables}"), 0o600)
    }

    #[test]
    fn what_points_where_is_read_and_shown() {
        let settings = read(
            "[tables.items]\nreferences = { location_id = \"locations.id\", parent = \"items.id\" }\n\
             [tables.loans.references]\nitem = \"items.id\"\n",
        )
        .unwrap();
        let words = settings
            .references
            .iter()
            .map(|one| format!("{}.{} -> {}.{}", one.table, one.column, one.parent, one.parent_column));
        assert_eq!(
            words.collect::<Vec<_>>(),
            ["items.location_id -> locations.id", "items.parent -> items.id", "loans.item -> items.id"]
        );
        let shown = settings.shown().iter().find(|one| one.name == "tables.loans.references.item").unwrap();
        assert_eq!(shown.value, "items.id");
    }

    #[test]
    fn rules_of_the_centre_and_what_is_no_column_are_refused_with_their_line() {
        let cases = [
            (
                "[tables.items]\npolicy = \"review\"\n",
                "lab-a.toml line 6: tables.items.policy is for the centre",
            ),
            ("[tables.items]\nreference = {}\n", "lab-a.toml line 6: unknown name \"reference\""),
            (
                "[tables.items]\nreferences = { a = \"locations\" }\n",
                "lab-a.toml line 6: tables.items.references.a is not a column of a table",
            ),
            (
                "[tables.items]\nreferences = { a = 1 }\n",
                "lab-a.toml line 6: tables.items.references.a must be a text, not a number",
            ),
            (
                "[tables.items]\nreferences = \"a\"\n",
                "lab-a.toml line 6: tables.items.references must be a section, not a text",
            ),
            ("[tables]\nitems = 1\n", "lab-a.toml line 6: tables.items must be a section, not a number"),
        ];
        for (text, words) in cases {
            assert_eq!(read(text).unwrap_err().to_string(), words);
        }
    }

    #[test]
    fn the_centre_names_no_references() {
        let central = LAB.replace("\"lab\"", "\"central\"");
        let text = format!("{central}[tables.items]\nreferences = {{ a = \"b.c\" }}\n");
        let refused = Settings::read(Path::new("c.toml"), &text, 0o600).unwrap_err();
        assert_eq!(refused.to_string(), "c.toml line 6: unknown name \"references\"");
    }
}
