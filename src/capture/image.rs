//! A row as a trigger logs it: its key, and at labs the row itself, as SQL. Pure.

use crate::db::{ColumnDetail, Table, sql};
use crate::model::Role;

/// How much a trigger logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogDepth {
    /// Key and the row before: at labs, where a change must carry what it was based on.
    WithBefore,
    /// Key only: at the centre.
    KeyOnly,
}

impl LogDepth {
    /// What the triggers of a site of this role log.
    pub fn of(role: Role) -> Self {
        match role {
            Role::Lab => LogDepth::WithBefore,
            Role::Central => LogDepth::KeyOnly,
        }
    }
}

/// Where the columns of a logged row come from: `OLD`, `NEW`, or a table in a FROM.
pub(super) struct Image<'a> {
    pub(super) table: &'a Table,
    pub(super) depth: LogDepth,
    pub(super) column: Box<dyn Fn(&str) -> String + 'a>,
}

impl<'a> Image<'a> {
    /// The row that `place` names: `OLD`, `NEW`, or the alias of a table.
    pub(super) fn at(table: &'a Table, depth: LogDepth, place: &'a str) -> Self {
        Image { table, depth, column: Box::new(move |name| format!("{place}.{}", sql::name(name))) }
    }

    fn log_sql(&self, detail: &ColumnDetail) -> String {
        detail.log_sql(&(self.column)(&detail.name))
    }

    /// The key as `sync_log.record_id` holds it.
    pub(super) fn record_id(&self) -> String {
        let parts: Vec<String> = self.table.key_details().map(|detail| self.log_sql(detail)).collect();
        match parts.as_slice() {
            [part] => part.clone(),
            _ => format!("JSON_ARRAY({})", parts.join(", ")),
        }
    }

    /// The row as `sync_log.before_row` holds it. `null` says that there was none, SQL NULL that nobody knows.
    fn before_row(&self, action: &str) -> String {
        match (self.depth, action) {
            (LogDepth::KeyOnly, _) => "NULL".to_owned(),
            (LogDepth::WithBefore, "INSERT") => "'null'".to_owned(),
            (LogDepth::WithBefore, _) => {
                let fields = self.table.details.iter();
                let fields =
                    fields.map(|detail| format!("{}, {}", sql::text(&detail.name), self.log_sql(detail)));
                let between = format!(",{LINE}  ");
                format!("JSON_OBJECT({LINE}  {})", fields.collect::<Vec<_>>().join(&between))
            }
        }
    }

    /// What [`INSERT`] wants, in its order.
    pub(super) fn columns(&self, action: &str) -> String {
        self.columns_with(action, &self.before_row(action))
    }

    /// The same for a row whose columns are not those that the trigger was made for: nothing is read but the key.
    pub(super) fn unread_columns(&self, action: &str) -> String {
        let before = match self.depth {
            LogDepth::KeyOnly => "NULL",
            LogDepth::WithBefore => "'{}'",
        };
        self.columns_with(action, before)
    }

    fn columns_with(&self, action: &str, before: &str) -> String {
        let table = sql::text(self.table.shape.name.as_str());
        format!("{table}, {}, '{action}', {before}", self.record_id())
    }

    pub(super) fn values(&self, action: &str) -> String {
        format!("{INSERT}{LINE}VALUES ({})", self.columns(action))
    }

    pub(super) fn unread_values(&self, action: &str) -> String {
        format!("{INSERT}{LINE}VALUES ({})", self.unread_columns(action))
    }
}

/// What happens when a trigger no longer fits its table: no column of that name (1054), no table (1146), another number
/// of columns (1222, 1241), types that cannot be compared any more (1210, 4078). The next `export` or `import` renews
/// the trigger. Nothing else is caught: after a deadlock, say, the transaction is gone, and must not go on.
pub(super) const WHEN_CHANGED: &str = "DECLARE EXIT HANDLER FOR 1054, 1146, 1210, 1222, 1241, 4078";

pub(super) const INSERT: &str = "INSERT INTO sync_log (table_name, record_id, action, before_row)";

/// Begins a statement: on a line of its own, because database administrators read these texts.
pub(super) const LINE: &str = "\n    ";
