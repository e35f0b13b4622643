//! Tables by name, whatever the letter case in which another server spells them. Pure.
//!
//! Table names differ by letter case on Linux and do not on Windows and macOS (`lower_case_table_names`), so the
//! same table may be `Items` at the centre and `items` at a lab.

use crate::db::catalog::Catalog;
use crate::model::TableName;

/// What a table's name from elsewhere means here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// This table or view, as it is spelt here.
    Here(TableName),
    /// None.
    Nowhere,
    /// None is spelt so, and these are when letter case does not count.
    Several(Vec<TableName>),
}

impl Catalog {
    /// The table here that a name from elsewhere means, where there is exactly one and it can be shared.
    pub fn shareable(&self, wanted: &TableName) -> Option<&TableName> {
        match self.named(wanted) {
            Named::Here(name) => self.tables.get_key_value(&name).map(|(name, _)| name),
            Named::Nowhere | Named::Several(_) => None,
        }
    }

    /// Finds a table or view by a name from elsewhere: exactly so, or else the only one that differs in letter case alone.
    pub fn named(&self, wanted: &TableName) -> Named {
        let all = || self.tables.keys().chain(self.unshareable.keys());
        if let Some(found) = all().find(|name| *name == wanted) {
            return Named::Here(found.clone());
        }
        let folded = wanted.as_str().to_lowercase();
        let mut same: Vec<TableName> =
            all().filter(|name| name.as_str().to_lowercase() == folded).cloned().collect();
        match same.len() {
            0 => Named::Nowhere,
            1 => Named::Here(same.remove(0)),
            _ => Named::Several(same),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::catalog::Unshareable;

    fn catalog(names: &[&str]) -> Catalog {
        let views = names.iter().map(|name| (TableName::new(*name), Unshareable::View));
        Catalog { unshareable: views.collect(), ..Catalog::default() }
    }

    #[test]
    fn a_name_means_its_own_table_or_the_only_one_that_differs_in_letter_case() {
        let named = |here: &[&str], wanted: &str| catalog(here).named(&TableName::new(wanted));
        assert_eq!(named(&["Items", "items"], "items"), Named::Here(TableName::new("items")));
        assert_eq!(named(&["Items", "stock"], "items"), Named::Here(TableName::new("Items")));
        assert_eq!(named(&["stock"], "items"), Named::Nowhere);
        let both = vec![TableName::new("Items"), TableName::new("iTems")];
        assert_eq!(named(&["Items", "iTems"], "items"), Named::Several(both));
    }
}
