//! What a person has decided to leave out of bundles, because it was dropped here on purpose. Pure.

use crate::model::TableName;

/// Tables, and columns as `table.column`; letter case does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Without(Vec<String>);

impl Without {
    /// Takes the words as a person writes them.
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        Without(words.into_iter().map(|word| word.to_lowercase()).collect())
    }

    /// Whether the whole table is left out.
    pub(super) fn has_table(&self, table: &TableName) -> bool {
        self.0.contains(&table.as_str().to_lowercase())
    }

    /// Whether this column of the table is left out. A name may hold a dot itself, so whole words are compared.
    pub(super) fn has_column(&self, table: &TableName, column: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&format!("{table}.{column}").to_lowercase())
    }
}
