//! Children that a foreign key takes along: no trigger of theirs fires, so their parent's triggers log them. Pure.

use crate::capture::image::{INSERT, Image, LINE, LogDepth, WHEN_CHANGED};
use crate::db::{Catalog, ForeignKey, OnParent, Table, sql};

/// What happens to the parent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
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
pub(super) fn cascades(catalog: &Catalog, table: &Table, depth: LogDepth, cause: Cause) -> Vec<String> {
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
            // A foreign key follows a change of letters too, where the collation takes both for one.
            let exact = |place: &str, name: &String| {
                let detail = table.details.iter().find(|detail| &detail.name == name);
                detail
                    .map_or_else(|| format!("{place}.{}", sql::name(name)), |detail| detail.exact_sql(place))
            };
            let unchanged = key.parent_columns.iter();
            let unchanged =
                unchanged.map(|name| format!("{} <=> {}", exact("OLD", name), exact("NEW", name)));
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
        let old = Image::at(child, self.depth, &alias);
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

/// Logs the rows of a `FROM`. Where the child has other columns by now, their keys alone; where it cannot be found, nothing:
/// the foreign key that led to it is gone as well, or the receiver notices children that the sender did not name.
fn select(image: &Image<'_>, action: &str, from: &str) -> String {
    let full = format!("{INSERT}{LINE}SELECT {}{LINE}{from};", image.columns(action));
    let keys = format!("{INSERT}{LINE}SELECT {}{LINE}{from};", image.unread_columns(action));
    let nothing = format!("{WHEN_CHANGED} BEGIN END;");
    let otherwise = match image.depth {
        LogDepth::KeyOnly => nothing,
        LogDepth::WithBefore => format!("{WHEN_CHANGED} BEGIN{LINE}{nothing}{LINE}{keys}{LINE}END;"),
    };
    format!("BEGIN{LINE}{otherwise}{LINE}{full}{LINE}END;")
}
