//! Foreign keys between tables of one database.

use std::collections::BTreeMap;

use crate::db::error::Error;
use crate::db::session::Session;
use crate::model::TableName;

/// One foreign key.
#[derive(Debug, Clone)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// The table that points.
    pub child: TableName,
    /// Its columns, in the key's order.
    pub child_columns: Vec<String>,
    /// The table that is pointed to.
    pub parent: TableName,
    /// Its columns, in the key's order.
    pub parent_columns: Vec<String>,
    /// What becomes of a child when its parent is deleted.
    pub on_delete: OnParent,
    /// What becomes of a child when its parent's key changes.
    pub on_update: OnParent,
}

/// What becomes of a child when its parent goes or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnParent {
    /// The parent must stay.
    Restrict,
    /// The child follows; no trigger fires for it.
    Cascade,
    /// The child's columns become NULL; no trigger fires for it.
    SetNull,
}

impl OnParent {
    fn from_sql(text: &str) -> Self {
        match text {
            "CASCADE" => OnParent::Cascade,
            "SET NULL" => OnParent::SetNull,
            // InnoDB refuses SET DEFAULT; NO ACTION is RESTRICT there
            _ => OnParent::Restrict,
        }
    }
}

/// Reads every foreign key of the database in use.
///
/// Each of the two views is told which database is meant: where a join tells it, MariaDB opens every table of every database.
pub(super) fn load(session: &mut Session) -> Result<Vec<ForeignKey>, Error> {
    let rows = session.rows(
        "SELECT k.constraint_name, k.table_name, k.column_name, k.referenced_table_name, \
                k.referenced_column_name, r.delete_rule, r.update_rule \
         FROM information_schema.key_column_usage k \
         JOIN information_schema.referential_constraints r \
           ON r.constraint_name = k.constraint_name AND r.table_name = k.table_name \
         WHERE k.table_schema = DATABASE() AND k.referenced_table_schema = DATABASE() \
           AND r.constraint_schema = DATABASE() \
         ORDER BY k.table_name, k.constraint_name, k.ordinal_position",
    )?;
    let mut keys: BTreeMap<(String, String), ForeignKey> = BTreeMap::new();
    for row in rows {
        let (name, child) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        let key = keys.entry((child.clone(), name.clone())).or_insert_with(|| ForeignKey {
            name,
            child: TableName::new(child),
            child_columns: Vec::new(),
            parent: TableName::new(row.optional(3).unwrap_or_default()),
            parent_columns: Vec::new(),
            on_delete: OnParent::from_sql(row.optional(5).unwrap_or_default()),
            on_update: OnParent::from_sql(row.optional(6).unwrap_or_default()),
        });
        key.child_columns.push(row.text(2)?.to_owned());
        key.parent_columns.push(row.text(4)?.to_owned());
    }
    Ok(keys.into_values().collect())
}
