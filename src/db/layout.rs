//! Every table of the database as it is laid out, those that cannot be shared included: for changes that concern tables
//! and columns wherever they are.

use std::collections::BTreeMap;

use crate::db::catalog::{Trigger, load_keys, load_triggers, not_own};
use crate::db::error::Error;
use crate::db::session::Session;
use crate::model::TableName;

/// One table.
#[derive(Debug, Clone, Default)]
pub struct TableLayout {
    /// Its engine, such as `InnoDB`.
    pub engine: String,
    /// Its columns, generated ones included.
    pub columns: Vec<ColumnLayout>,
    /// The columns of each unique key, the primary one included.
    pub unique_keys: Vec<Vec<String>>,
    /// Triggers, packmule's own included.
    pub triggers: Vec<Trigger>,
}

/// One column.
#[derive(Debug, Clone)]
pub struct ColumnLayout {
    /// Its name.
    pub name: String,
    /// `int(10) unsigned`, `varchar(40)`, ...
    pub column_type: String,
    /// Whether the server numbers it.
    pub counts_up: bool,
    /// Whether the server writes the time into it whenever its row is updated.
    pub stamps_itself: bool,
    /// Whether its value is made from other columns.
    pub is_generated: bool,
}

impl TableLayout {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&ColumnLayout> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Reads every base table of the database in use. packmule's own tables are left out.
pub fn load_layouts(session: &mut Session) -> Result<BTreeMap<TableName, TableLayout>, Error> {
    let mut layouts: BTreeMap<TableName, TableLayout> = BTreeMap::new();
    for row in session.rows(&format!(
        "SELECT table_name, engine FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_type <> 'VIEW' AND {}",
        not_own("table_name")
    ))? {
        let engine = row.optional(1).unwrap_or("?").to_owned();
        layouts.insert(TableName::new(row.text(0)?), TableLayout { engine, ..TableLayout::default() });
    }
    for row in session.rows(&format!(
        "SELECT table_name, column_name, column_type, LOWER(extra), COALESCE(generation_expression, '') <> '' \
         FROM information_schema.columns WHERE table_schema = DATABASE() AND {} \
         ORDER BY table_name, ordinal_position",
        not_own("table_name")
    ))? {
        let Some(layout) = layouts.get_mut(&TableName::new(row.text(0)?)) else {
            continue;
        };
        let extra = row.text(3)?;
        layout.columns.push(ColumnLayout {
            name: row.text(1)?.to_owned(),
            column_type: row.text(2)?.to_owned(),
            counts_up: extra.contains("auto_increment"),
            stamps_itself: extra.contains("on update"),
            is_generated: row.text(4)? == "1",
        });
    }
    let (mut keys, mut triggers) = (load_keys(session)?, load_triggers(session)?);
    for (name, layout) in &mut layouts {
        layout.unique_keys = keys.remove(name).unwrap_or_default().into_values().collect();
        layout.triggers = triggers.remove(name).unwrap_or_default();
    }
    Ok(layouts)
}

/// A foreign key of another database that points into this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideKey {
    /// The other database.
    pub database: String,
    /// Its table.
    pub table: TableName,
    /// The table here that it points to.
    pub parent: TableName,
    /// Its column.
    pub parent_column: String,
}

/// The foreign keys of other databases that point into the one in use, as far as the account can see them.
pub fn load_outside_keys(session: &mut Session) -> Result<Vec<OutsideKey>, Error> {
    let rows = session.rows(
        "SELECT table_schema, table_name, referenced_table_name, referenced_column_name \
         FROM information_schema.key_column_usage \
         WHERE referenced_table_schema = DATABASE() AND table_schema <> DATABASE()",
    )?;
    rows.iter()
        .map(|row| {
            Ok(OutsideKey {
                database: row.text(0)?.to_owned(),
                table: TableName::new(row.text(1)?),
                parent: TableName::new(row.text(2)?),
                parent_column: row.text(3)?.to_owned(),
            })
        })
        .collect()
}
