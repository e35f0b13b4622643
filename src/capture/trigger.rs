//! The text of the triggers that log an application's writes. Pure: a table in, SQL out.
//!
//! A trigger that fails would break the application's own write, so nothing here can: the log's columns fit any
//! key and any row, and the triggers are made under an empty sql_mode, where a doubtful value is a warning. Where
//! columns were dropped, renamed or added since the trigger was made, it logs the key, and that the row is not known.
//! Only the key's own columns it cannot do without.

use sha2::{Digest as _, Sha256};

use crate::capture::cascade::{Cause, cascades};
use crate::capture::image::{Image, LINE, LogDepth, WHEN_CHANGED};
use crate::db::{Catalog, ColumnDetail, Table, sql};
use crate::model::hex_from_bytes;

/// One trigger of packmule's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TriggerText {
    pub(super) name: String,
    /// The name of the trigger that stands in while this one is replaced.
    pub(super) twin: String,
    /// `AFTER INSERT`, ...
    pub(super) when: String,
    pub(super) body: String,
}

impl TriggerText {
    pub(super) fn create_sql(&self, table: &Table) -> String {
        self.create_sql_as(&self.name, table)
    }

    pub(super) fn create_sql_as(&self, name: &str, table: &Table) -> String {
        let TriggerText { when, body, .. } = self;
        let table = sql::name(table.shape.name.as_str());
        format!("CREATE TRIGGER {} {when} ON {table} FOR EACH ROW {body}", sql::name(name))
    }
}

/// The triggers that `table` needs.
pub(super) fn triggers(catalog: &Catalog, table: &Table, depth: LogDepth) -> Vec<TriggerText> {
    let row = |place| Image::at(table, depth, place);
    let (old, new) = (row("OLD"), row("NEW"));
    // The last branch is never taken: it fails when the table has other columns than this trigger knows.
    let update = format!(
        "IF NOT ({same_key}) THEN{LINE}{gone};{LINE}{came};{LINE}\
         ELSEIF NOT ({same_row}) THEN{LINE}{changed};{LINE}\
         ELSEIF {width} THEN BEGIN END;{LINE}END IF;",
        same_key = same(table.key_details()),
        gone = old.values("DELETE"),
        came = new.values("INSERT"),
        same_row = same(table.details.iter()),
        changed = old.values("UPDATE"),
        width = width(table),
    );
    let unread_update = format!(
        "{WHEN_CHANGED}{LINE}IF NOT ({same_key}) THEN{LINE}{gone};{LINE}{came};{LINE}ELSE{LINE}{changed};{LINE}END IF;",
        same_key = same(table.key_details()),
        gone = old.unread_values("DELETE"),
        came = new.values("INSERT"),
        changed = old.unread_values("UPDATE"),
    );
    let unread_delete = match depth {
        LogDepth::KeyOnly => None,
        LogDepth::WithBefore => Some(format!("{WHEN_CHANGED}{LINE}{};", old.unread_values("DELETE"))),
    };
    let mut triggers = vec![
        trigger(table, "ai", "AFTER INSERT", None, &format!("{};", new.values("INSERT"))),
        trigger(table, "au", "AFTER UPDATE", Some(&unread_update), &update),
        trigger(table, "ad", "AFTER DELETE", unread_delete.as_deref(), &format!("{};", old.values("DELETE"))),
    ];
    // A parent that cannot be found by its old columns has no children that this trigger could log.
    let none = format!("{WHEN_CHANGED} BEGIN END;");
    let deletes = cascades(catalog, table, depth, Cause::Delete);
    if !deletes.is_empty() {
        triggers.push(trigger(table, "bd", "BEFORE DELETE", Some(&none), &deletes.join(LINE)));
    }
    let updates = cascades(catalog, table, depth, Cause::Update);
    if !updates.is_empty() {
        triggers.push(trigger(table, "bu", "BEFORE UPDATE", Some(&none), &updates.join(LINE)));
    }
    triggers
}

/// A trigger that does nothing in packmule's own sessions. `when_changed` is what it does when it no longer fits its table.
///
/// Not `@packmule_silent IS NULL`: MySQL 9.7 without a binary log takes that for a constant once an instance of the
/// table was first used by a session in which it is set, and from then on everybody's edits there go unlogged (seen; the
/// form used here keeps asking).
fn trigger(
    table: &Table,
    short: &str,
    when: &str,
    when_changed: Option<&str>,
    statements: &str,
) -> TriggerText {
    let when_changed = when_changed.map_or_else(String::new, |handler| format!("\n  {handler}"));
    TriggerText {
        name: trigger_name(short, table.shape.name.as_str()),
        twin: trigger_name(&format!("x{short}"), table.shape.name.as_str()),
        when: when.to_owned(),
        body: format!(
            "BEGIN{when_changed}\n  IF NOT (@packmule_silent <=> 1) THEN{LINE}{statements}\n  END IF;\nEND"
        ),
    }
}

/// A condition that never holds, and fails when the table has more or fewer columns than now.
fn width(table: &Table) -> String {
    let name = table.shape.name.as_str();
    if name.contains('`') && !name.is_ascii() {
        // MySQL 9.7 cannot store a trigger that reads a table of such a name: error 3507.
        return "FALSE".to_owned();
    }
    let name = sql::name(name);
    if table.details.iter().any(|detail| detail.data_type == "vector") {
        // Costs several times as much, but compares nothing: MySQL compares a vector not even with NULL.
        let nulls: Vec<String> = (1..=table.width).map(|at| format!("NULL AS c{at}")).collect();
        return format!(
            "EXISTS (SELECT 1 FROM (SELECT {} FROM DUAL WHERE FALSE UNION ALL SELECT * FROM {name} WHERE FALSE) d)",
            nulls.join(", ")
        );
    }
    let nulls = vec!["NULL"; table.width].join(", ");
    format!("({nulls}) IN (SELECT * FROM {name} WHERE FALSE)")
}

/// `packmule_ai_items`. A name that would be longer than the servers' 64 characters ends in a hash.
fn trigger_name(short: &str, table: &str) -> String {
    const CHARS_MAX: usize = 64;
    let name = format!("packmule_{short}_{table}");
    if name.chars().count() <= CHARS_MAX {
        return name;
    }
    let hash = hex_from_bytes(&Sha256::digest(table.as_bytes()));
    let kept: String = name.chars().take(CHARS_MAX - 9).collect();
    format!("{kept}_{}", hash.get(..8).unwrap_or_default())
}

fn same<'a>(details: impl Iterator<Item = &'a ColumnDetail>) -> String {
    details.map(|detail| detail.same_sql("OLD", "NEW")).collect::<Vec<_>>().join(&format!("{LINE}  AND "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{ForeignKey, OnParent};
    use crate::model::{ColumnKind, TableName, TableShape};

    fn detail(name: &str, data_type: &str, kind: ColumnKind) -> ColumnDetail {
        ColumnDetail::sample(name, kind, data_type)
    }

    fn table(name: &str, details: Vec<ColumnDetail>, key: Vec<usize>) -> Table {
        let columns = details.iter().map(ColumnDetail::column).collect();
        let shape = TableShape { name: TableName::new(name), columns, key };
        let (generated, width) = (Vec::new(), details.len());
        Table { shape, details, generated, width, unique_keys: Vec::new(), triggers: Vec::new() }
    }

    /// `items`, and `stock` with a key of two columns whose rows go when their item goes.
    fn catalog() -> Catalog {
        let items = table(
            "items",
            vec![
                detail("id", "int", ColumnKind::Integer),
                detail("asset_tag", "varchar", ColumnKind::Text),
                detail("price", "decimal", ColumnKind::Decimal),
                detail("photo", "blob", ColumnKind::Binary),
                detail("updated_at", "timestamp", ColumnKind::Timestamp),
            ],
            vec![0],
        );
        let stock = table(
            "stock",
            vec![
                detail("item_id", "int", ColumnKind::Integer),
                detail("location_id", "int", ColumnKind::Integer),
                detail("quantity", "decimal", ColumnKind::Decimal),
            ],
            vec![0, 1],
        );
        let foreign_key = ForeignKey {
            name: "stock_item".to_owned(),
            child: TableName::new("stock"),
            child_columns: vec!["item_id".to_owned()],
            parent: TableName::new("items"),
            parent_columns: vec!["id".to_owned()],
            on_delete: OnParent::Cascade,
            on_update: OnParent::Restrict,
        };
        Catalog {
            tables: [items, stock].into_iter().map(|table| (table.shape.name.clone(), table)).collect(),
            foreign_keys: vec![foreign_key],
            ..Catalog::default()
        }
    }

    fn text_of(depth: LogDepth) -> String {
        let catalog = catalog();
        let items = &catalog.tables[&TableName::new("items")];
        let texts = triggers(&catalog, items, depth).into_iter();
        let texts = texts.map(|trigger| format!("{} ;;\n", trigger.create_sql(items)));
        format!("DELIMITER ;;\n{}DELIMITER ;\n", texts.collect::<String>())
    }

    /// The file's text after the comment and the tables at its head.
    fn example(file: &str) -> &str {
        file.find("DELIMITER").map_or("", |at| &file[at..])
    }

    #[test]
    fn the_examples_for_database_administrators_are_what_is_installed() {
        let lab = example(include_str!("../../schema/examples/items-at-a-lab.sql"));
        assert_eq!(text_of(LogDepth::WithBefore), lab);
        let central = example(include_str!("../../schema/examples/items-at-the-centre.sql"));
        assert_eq!(text_of(LogDepth::KeyOnly), central);
    }

    #[test]
    fn a_name_that_would_be_too_long_ends_in_a_hash_and_stays_unique() {
        let (one, two) = ("a".repeat(60), format!("{}b", "a".repeat(59)));
        let names = [trigger_name("ai", &one), trigger_name("ai", &two)];
        assert!(names.iter().all(|name| name.len() == 64), "{names:?}");
        assert_ne!(names[0], names[1]);
        assert_eq!(trigger_name("ai", "items"), "packmule_ai_items");
    }
}
