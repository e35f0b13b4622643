//! Reads `[tables.NAME]` of the centre's settings. Whether the columns are there and suit only the database knows.

use crate::config::error::Error;
use crate::config::fault::Problem;
use crate::config::reader::Section;
use crate::config::rules::{Policy, TableRules};
use crate::model::Direction;

/// The names that may stand in the section.
pub(super) const NAMES: &[&str] =
    &["policy", "merge", "counters", "columns", "updated_at", "always_review", "direction"];

/// Reads how one table is synced.
pub(super) fn read_rules(section: &Section<'_>) -> Result<TableRules, Error> {
    section.only(NAMES)?;
    let mut rules = TableRules::default();
    if let Some(found) = section.word("policy", Policy::WORDS, |word| word.parse().ok())? {
        rules.policy = section.shown(found);
    }
    if let Some(found) = section.truth("merge")? {
        rules.merge = section.shown(found);
    }
    if let Some(found) = section.list("counters")? {
        section.show_as("counters", found.value.join(", "), section.source_of(&found));
        rules.counters = found.value;
    }
    let columns = section.section("columns")?;
    for name in columns.keys() {
        let found = columns.word(&name, Policy::WORDS, |word| word.parse().ok())?;
        let policy = columns.shown(columns.needed(&name, found)?);
        rules.columns.insert(name, policy);
    }
    // Where rows are not mixed, no column can go another way than its row.
    if !rules.merge
        && let Some(found) = section.find("columns")
    {
        let (first, second) = (found.name.clone(), format!("{} = false", section.full("merge")));
        return Err(section.refuse(&found, Problem::Both { first, second }));
    }
    if let Some(found) = section.text("updated_at")? {
        rules.updated_at = Some(section.shown(found));
    }
    if let Some(found) = section.truth("always_review")? {
        rules.always_review = section.shown(found);
    }
    if let Some(found) = section.word("direction", Direction::WORDS, |word| word.parse().ok())? {
        rules.direction = section.shown(found);
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::settings::Settings;
    use crate::model::TableName;

    const CENTRE: &str =
        "role = \"central\"\nsite = \"central\"\n[database]\nurl = \"mysql://p@localhost/ive_ims\"\n";

    fn read(tables: &str) -> Result<Settings, Error> {
        Settings::read(Path::new("c.toml"), &format!("{CENTRE}{tables}"), 0o600)
    }

    #[test]
    fn every_rule_of_a_table_is_read_and_shown() {
        let settings = read(
            "[tables.stock]\npolicy = \"review\"\ncounters = [\"amount\", \"price\"]\nupdated_at = \"changed\"\n\
             always_review = true\n[tables.stock.columns]\nnote = \"lab-wins\"\n[tables.loans]\nmerge = false\n",
        )
        .unwrap();
        let stock = &settings.rules[&TableName::new("stock")];
        assert_eq!((stock.policy, stock.merge, stock.always_review), (Policy::Review, true, true));
        assert_eq!(
            (stock.counters.join(" "), stock.updated_at.as_deref()),
            ("amount price".to_owned(), Some("changed"))
        );
        assert_eq!(stock.columns["note"], Policy::LabWins);
        assert!(!settings.rules[&TableName::new("loans")].merge);
        let shown = |name: &str| settings.shown().iter().find(|one| one.name == name).unwrap().value.clone();
        assert_eq!(shown("tables.stock.columns.note"), "lab-wins");
        assert_eq!(
            (shown("tables.loans.merge"), shown("tables.stock.always_review")),
            ("false".into(), "true".into())
        );
    }

    #[test]
    fn rules_that_cannot_be_are_refused_with_their_line() {
        for (text, words) in [
            ("[tables.a]\npolicies = 1\n", "c.toml line 6: unknown name \"policies\""),
            (
                "[tables.a]\nmerge = \"no\"\n",
                "c.toml line 6: tables.a.merge must be true or false, not a text",
            ),
            (
                "[tables.a]\ncolumns = { note = \"newest\" }\n",
                "c.toml line 6: tables.a.columns.note cannot be \"newest\"",
            ),
            (
                "[tables.a]\nmerge = false\ncolumns = { note = \"review\" }\n",
                "c.toml line 7: tables.a.columns and tables.a.merge = false cannot both be given",
            ),
            (
                "[tables.a]\nupdated_at = 1\n",
                "c.toml line 6: tables.a.updated_at must be a text, not a number",
            ),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), words);
        }
    }
}
