//! The text of the triggers that log an application's writes. Pure: a table in, SQL out.
//!
//! A trigger that fails would break the application's own write, so nothing here can: the log's columns fit any
//! key and any row, and the triggers are made under an empty sql_mode, where a doubtful value is a warning.

use sha2::{Digest as _, Sha256};

use crate::db::{Catalog, ColumnDetail, ForeignKey, OnParent, Table, sql};
use crate::model::hex_from_bytes;

/// How much a trigger logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogDepth {
    /// Key and the row before: at labs, where a change must carry what it was based on.
    WithBefore,
    /// Key only: at the centre.
    KeyOnly,
}

/// One trigger of packmule's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TriggerText {
    pub(super) name: String,
    /// `AFTER INSERT`, ...
    pub(super) when: String,
    pub(super) body: String,
}

impl TriggerText {
    pub(super) fn create_sql(&self, table: &Table) -> String {
        let TriggerText { name, when, body } = self;
        let table = sql::name(table.shape.name.as_str());
        format!("CREATE TRIGGER {} {when} ON {table} FOR EACH ROW {body}", sql::name(name))
    }
}

/// The triggers that `table` needs.
pub(super) fn triggers(catalog: &Catalog, table: &Table, depth: LogDepth) -> Vec<TriggerText> {
    let row = |at: &'static str| Image {
        table,
        depth,
        column: Box::new(move |name| format!("{at}.{}", sql::name(name))),
    };
    let (old, new) = (row("OLD"), row("NEW"));
    let update = format!(
        "IF NOT ({same_key}) THEN{LINE}{gone};{LINE}{came};{LINE}\
         ELSEIF NOT ({same_row}) THEN{LINE}{changed};{LINE}END IF",
        same_key = same(table.key_details()),
        gone = old.values("DELETE"),
        came = new.values("INSERT"),
        same_row = same(table.details.iter()),
        changed = old.values("UPDATE"),
    );
    let mut triggers = vec![
        trigger(table, "ai", "AFTER INSERT", &format!("{};", new.values("INSERT"))),
        trigger(table, "au", "AFTER UPDATE", &format!("{update};")),
        trigger(table, "ad", "AFTER DELETE", &format!("{};", old.values("DELETE"))),
    ];
    let deletes = cascades(catalog, table, depth, Cause::Delete);
    if !deletes.is_empty() {
        triggers.push(trigger(table, "bd", "BEFORE DELETE", &deletes.join(LINE)));
    }
    let updates = cascades(catalog, table, depth, Cause::Update);
    if !updates.is_empty() {
        triggers.push(trigger(table, "bu", "BEFORE UPDATE", &updates.join(LINE)));
    }
    triggers
}

fn trigger(table: &Table, short: &str, when: &str, statements: &str) -> TriggerText {
    TriggerText {
        name: trigger_name(short, table.shape.name.as_str()),
        when: when.to_owned(),
        body: format!("BEGIN\n  IF @packmule_silent IS NULL THEN{LINE}{statements}\n  END IF;\nEND"),
    }
}

/// Begins a statement: on a line of its own, because database administrators read these texts.
const LINE: &str = "\n    ";

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
    details
        .map(|detail| format!("{} <=> {}", detail.exact_sql("OLD"), detail.exact_sql("NEW")))
        .collect::<Vec<_>>()
        .join(&format!("{LINE}  AND "))
}

/// Where the columns of a logged row come from: `OLD`, `NEW`, or a joined table.
struct Image<'a> {
    table: &'a Table,
    depth: LogDepth,
    column: Box<dyn Fn(&str) -> String + 'a>,
}

impl Image<'_> {
    fn log_sql(&self, detail: &ColumnDetail) -> String {
        detail.log_sql(&(self.column)(&detail.name))
    }

    /// The key as `sync_log.record_id` holds it.
    fn record_id(&self) -> String {
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

    fn columns(&self, action: &str) -> String {
        let table = sql::text(self.table.shape.name.as_str());
        format!("{table}, {}, '{action}', {}", self.record_id(), self.before_row(action))
    }

    fn values(&self, action: &str) -> String {
        format!("{INSERT}{LINE}VALUES ({})", self.columns(action))
    }
}

const INSERT: &str = "INSERT INTO sync_log (table_name, record_id, action, before_row)";

/// What happens to the parent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Delete,
    Update,
}

impl Cause {
    fn follows(self, key: &ForeignKey) -> OnParent {
        match self {
            Cause::Delete => key.on_delete,
            Cause::Update => key.on_update,
        }
    }
}

/// The statements that log the children which a foreign key is about to take along: no trigger of theirs will fire.
fn cascades(catalog: &Catalog, table: &Table, depth: LogDepth, cause: Cause) -> Vec<String> {
    let mut statements = Vec::new();
    for key in catalog.children_of(&table.shape.name) {
        if cause.follows(key) == OnParent::Restrict {
            continue;
        }
        let joined = key.child_columns.iter().zip(&key.parent_columns);
        let joined =
            joined.map(|(child, parent)| format!("c1.{} = OLD.{}", sql::name(child), sql::name(parent)));
        let from = format!(
            "FROM {} c1 WHERE {}",
            sql::name(key.child.as_str()),
            joined.collect::<Vec<_>>().join(" AND ")
        );
        let path = Path { catalog, depth, cause, seen: vec![table.shape.name.as_str(), key.child.as_str()] };
        let mut found = Vec::new();
        path.follow(key, &from, &mut found);
        if cause == Cause::Update && !found.is_empty() {
            let unchanged = key.parent_columns.iter().map(|name| {
                let name = sql::name(name);
                format!("OLD.{name} <=> NEW.{name}")
            });
            let unchanged = unchanged.collect::<Vec<_>>().join(" AND ");
            statements.push(format!("IF NOT ({unchanged}) THEN{LINE}{}{LINE}END IF;", found.join(LINE)));
        } else {
            statements.extend(found);
        }
    }
    statements
}

/// One way down the foreign keys, from a parent to its children's children.
struct Path<'a> {
    catalog: &'a Catalog,
    depth: LogDepth,
    cause: Cause,
    seen: Vec<&'a str>,
}

impl<'a> Path<'a> {
    fn follow(&self, key: &'a ForeignKey, from: &str, statements: &mut Vec<String>) {
        let Some(child) = self.catalog.tables.get(&key.child) else {
            return;
        };
        let alias = format!("c{}", self.seen.len() - 1);
        let from = &match self.cause {
            Cause::Delete if self.cause.follows(key) == OnParent::Cascade => {
                with_descendants(self.catalog, child, &alias, from)
            }
            Cause::Delete | Cause::Update => from.to_owned(),
        };
        let of_alias = |name: &str| format!("{alias}.{}", sql::name(name));
        let old = Image { table: child, depth: self.depth, column: Box::new(of_alias) };
        let in_key = |column: &String| child.key_details().any(|detail| &detail.name == column);
        match (self.cause, self.cause.follows(key)) {
            (_, OnParent::Restrict) => return,
            (Cause::Delete, OnParent::Cascade) => statements.push(select(&old, "DELETE", from)),
            (Cause::Update, OnParent::Cascade) if key.child_columns.iter().any(in_key) => {
                let new_of = |name: &str| {
                    let place = key.child_columns.iter().position(|column| column == name);
                    let parent = place.and_then(|at| key.parent_columns.get(at));
                    parent.map_or_else(|| of_alias(name), |parent| format!("NEW.{}", sql::name(parent)))
                };
                let new = Image { table: child, depth: self.depth, column: Box::new(new_of) };
                statements.push(select(&old, "DELETE", from));
                statements.push(select(&new, "INSERT", from));
            }
            (_, OnParent::SetNull) | (Cause::Update, OnParent::Cascade) => {
                statements.push(select(&old, "UPDATE", from));
                return;
            }
        }
        if self.cause == Cause::Update {
            // A key that moves through two foreign keys is rare; `doctor` names it.
            return;
        }
        for next in self.catalog.children_of(&key.child) {
            const DEPTH_MAX: usize = 6;
            if self.seen.contains(&next.child.as_str()) || self.seen.len() > DEPTH_MAX {
                continue;
            }
            let below = format!("c{}", self.seen.len());
            let joined = next.child_columns.iter().zip(&next.parent_columns);
            let joined = joined.map(|(child, parent)| {
                format!("{below}.{} = {alias}.{}", sql::name(child), sql::name(parent))
            });
            let join = format!(
                "FROM {} {below} JOIN ({}) ON {} ",
                sql::name(next.child.as_str()),
                from.split(" WHERE ").next().unwrap_or_default().trim_start_matches("FROM "),
                joined.collect::<Vec<_>>().join(" AND ")
            );
            let condition = from.split_once(" WHERE ").map_or("", |(_, condition)| condition);
            let mut seen = self.seen.clone();
            seen.push(next.child.as_str());
            Path { seen, ..*self }.follow(next, &format!("{join}WHERE {condition}"), statements);
        }
    }
}

/// The same rows, and below them those of the same table that a foreign key to itself takes along, level by level.
fn with_descendants(catalog: &Catalog, table: &Table, alias: &str, from: &str) -> String {
    let key: Vec<String> = table.key_details().map(|detail| sql::name(&detail.name)).collect();
    let Some(own) = catalog.children_of(&table.shape.name).find(|own| is_followed_to_itself(own, table))
    else {
        return from.to_owned();
    };
    let joined = own.child_columns.iter().zip(&own.parent_columns);
    let joined = joined.map(|(child, parent)| format!("x.{} = d.{}", sql::name(child), sql::name(parent)));
    let of = |alias: &str| key.iter().map(|name| format!("{alias}.{name}")).collect::<Vec<_>>().join(", ");
    let name = sql::name(table.shape.name.as_str());
    format!(
        "FROM {name} {alias} WHERE ({outer}) IN (WITH RECURSIVE d ({key}) AS (SELECT {outer} {from} \
         UNION SELECT {inner} FROM {name} x JOIN d ON {joined}) SELECT {key} FROM d)",
        outer = of(alias),
        key = key.join(", "),
        inner = of("x"),
        joined = joined.collect::<Vec<_>>().join(" AND "),
    )
}

/// The foreign keys whose cascades no trigger can log in full: those that lead back to their own table, other than
/// along its primary key.
pub(super) fn unlogged<'c>(catalog: &'c Catalog, table: &'c Table) -> impl Iterator<Item = &'c ForeignKey> {
    let own = catalog.children_of(&table.shape.name).filter(|key| key.on_delete == OnParent::Cascade);
    own.filter(|key| leads_back(catalog, key, table) && !is_followed_to_itself(key, table))
}

fn leads_back(catalog: &Catalog, key: &ForeignKey, table: &Table) -> bool {
    let mut seen = vec![&key.child];
    let mut at = 0;
    while let Some(&name) = seen.get(at) {
        if *name == table.shape.name {
            return true;
        }
        let below = catalog.children_of(name).filter(|key| key.on_delete == OnParent::Cascade);
        for next in below {
            if !seen.contains(&&next.child) {
                seen.push(&next.child);
            }
        }
        at += 1;
    }
    false
}

/// Whether a delete goes on from row to row of one table, along its primary key, so that all levels can be logged.
pub(super) fn is_followed_to_itself(key: &ForeignKey, table: &Table) -> bool {
    let primary: Vec<&String> = table.key_details().map(|detail| &detail.name).collect();
    key.child == table.shape.name
        && key.parent == table.shape.name
        && key.on_delete == OnParent::Cascade
        && key.parent_columns.iter().collect::<Vec<_>>() == primary
}

fn select(image: &Image<'_>, action: &str, from: &str) -> String {
    format!("{INSERT}{LINE}SELECT {}{LINE}{from};", image.columns(action))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ColumnKind, TableName, TableShape};

    fn detail(name: &str, data_type: &str, kind: ColumnKind) -> ColumnDetail {
        ColumnDetail {
            name: name.to_owned(),
            kind,
            data_type: data_type.to_owned(),
            column_type: data_type.to_owned(),
            collation: None,
            charset: None,
            pads: false,
            nullable: true,
            has_default: true,
            auto_increment: false,
        }
    }

    fn table(name: &str, details: Vec<ColumnDetail>, key: Vec<usize>) -> Table {
        let columns = details.iter().map(ColumnDetail::column).collect();
        let shape = TableShape { name: TableName::new(name), columns, key };
        Table { shape, details, unique_keys: Vec::new(), triggers: Vec::new() }
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
