//! Tables that differ between two sites, in words: what differs, and a statement that mends it.

use serde_json::{Value, json};

use crate::apply::{Misfit, TableMisfit};
use crate::db::{Unshareable, sql};
use crate::model::{BundleName, ColumnKind, Role, TableName};
use crate::report::Report;
use crate::report::exit::Exit;
use crate::report::text::escape;

/// What is said of a bundle that is held because tables differ.
pub(crate) fn tables_differ(name: &BundleName, misfits: &[TableMisfit], role: Role) -> Report {
    let BundleName { from, seq, .. } = name;
    let tables = tables(misfits);
    let verb = if tables.len() == 1 { "is another one" } else { "are others" };
    let named = if tables.len() == 1 { "table" } else { "tables" };
    let what = format!("bundle {seq} of {from} was not applied: {named} {} {verb} here", tables.join(", "));
    let cause = misfits.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let mut report = Report::new(Exit::TablesDiffer, what)
        .because(format!("{cause}; nothing was changed, and the bundle is kept here until it fits"));
    for misfit in misfits {
        report.hints.extend(remedies(&misfit.table, &misfit.misfit, name, role));
    }
    report = report.hint("then: packmule import; it goes on by itself, with or without the stick");
    let left_out: Vec<String> = misfits.iter().filter_map(left_out).collect();
    if !left_out.is_empty() {
        report = report.hint(format!(
            "what was dropped here on purpose can be left out, and is kept in conflict_log: packmule import {}",
            left_out.join(" ")
        ));
    }
    report
}

/// The same for a program.
pub(crate) fn to_value(misfits: &[TableMisfit]) -> Value {
    let one = |one: &TableMisfit| {
        json!({
            "table": one.table.as_str(),
            "column": one.misfit.column(),
            "reason": one.misfit.word(),
            "words": one.misfit.to_string(),
        })
    };
    misfits.iter().map(one).collect()
}

/// What a person has to do next, in short.
pub(crate) fn next(name: &BundleName, misfits: &[TableMisfit]) -> String {
    let tables = tables(misfits);
    let named = if tables.len() == 1 { "table" } else { "tables" };
    format!("make {named} {} here as at {}, then: packmule import", escape(&tables.join(", ")), name.from)
}

fn tables(misfits: &[TableMisfit]) -> Vec<&str> {
    let mut tables: Vec<&str> = misfits.iter().map(|one| one.table.as_str()).collect();
    tables.dedup();
    tables
}

/// What to do about one of them.
fn remedies(table: &TableName, misfit: &Misfit, bundle: &BundleName, role: Role) -> Vec<String> {
    let (from, here) = (&bundle.from, sql::name(table.as_str()));
    match misfit {
        Misfit::TableMissing { is_shared } => {
            let make = format!(
                "make it, or give it its old name again; at {from}, this shows it: SHOW CREATE TABLE {here}"
            );
            // A lab's list of tables follows the centre's.
            if *is_shared || role == Role::Lab { vec![make] } else { vec![make, add(table)] }
        }
        Misfit::TableAmbiguous { found } => {
            let found = found.first().unwrap_or(table);
            vec![format!(
                "give the one that is meant the name that it has at {from}: RENAME TABLE {} TO {here}",
                sql::name(found.as_str())
            )]
        }
        Misfit::TableNotShared { here } => vec![add(here)],
        Misfit::TableUnshareable { reason, key } => vec![shareable(table, reason, key)],
        Misfit::ColumnMissing { column, kind, only_here } => {
            let column = sql::name(column);
            let mut hints = vec![format!(
                "ALTER TABLE {here} ADD COLUMN {column} {}    -- or the type that it has at {from}",
                widest(*kind)
            )];
            if let [only] = only_here.as_slice() {
                hints.push(format!(
                    "if it was only renamed here: ALTER TABLE {here} RENAME COLUMN {} TO {column}",
                    sql::name(only)
                ));
            }
            hints
        }
        Misfit::ColumnHoldsOther { column, there, .. } => vec![format!(
            "ALTER TABLE {here} MODIFY COLUMN {} {}    -- or the type that it has at {from}",
            sql::name(column),
            widest(*there)
        )],
        Misfit::KeyDiffers { there, .. } => vec![format!(
            "ALTER TABLE {here} DROP PRIMARY KEY, ADD PRIMARY KEY ({})    -- or the same key as here at {from}",
            sql::names(there.iter().map(String::as_str))
        )],
        Misfit::ColumnNeeded { column, kind } => vec![format!(
            "ALTER TABLE {here} ALTER COLUMN {} SET DEFAULT {}    -- or any value that suits",
            sql::name(column),
            some_default(*kind)
        )],
    }
}

fn add(table: &TableName) -> String {
    format!("at the centre: packmule tables add {table}")
}

fn shareable(table: &TableName, reason: &Unshareable, key: &[String]) -> String {
    let here = sql::name(table.as_str());
    let primary = format!("PRIMARY KEY ({})", sql::names(key.iter().map(String::as_str)));
    match reason {
        Unshareable::NoPrimaryKey => format!("ALTER TABLE {here} ADD {primary}"),
        Unshareable::NotInnoDb { .. } => format!("ALTER TABLE {here} ENGINE = InnoDB"),
        Unshareable::InexactKey { .. } => format!("ALTER TABLE {here} DROP PRIMARY KEY, ADD {primary}"),
        Unshareable::View | Unshareable::Sequence | Unshareable::UnknownType { .. } => {
            format!("make {here} again as it was; packmule tables names what stands in its way")
        }
    }
}

/// The flag that leaves it out, where that is possible.
fn left_out(one: &TableMisfit) -> Option<String> {
    let TableMisfit { table, misfit } = one;
    let word = match misfit {
        Misfit::TableMissing { .. }
        | Misfit::TableAmbiguous { .. }
        | Misfit::TableNotShared { .. }
        | Misfit::TableUnshareable { .. } => table.to_string(),
        Misfit::ColumnMissing { column, .. } | Misfit::ColumnHoldsOther { column, .. } => {
            format!("{table}.{column}")
        }
        Misfit::KeyDiffers { .. } | Misfit::ColumnNeeded { .. } => return None,
    };
    let is_plain = word.chars().all(|one| one.is_alphanumeric() || "._$-".contains(one));
    Some(if is_plain { format!("--without {word}") } else { format!("--without '{word}'") })
}

/// A type that keeps every value of a kind.
fn widest(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => "BIGINT",
        ColumnKind::Decimal => "DECIMAL(65,30)",
        ColumnKind::Float => "DOUBLE",
        ColumnKind::Temporal => "DATETIME(6)",
        ColumnKind::Timestamp => "TIMESTAMP(6) NULL",
        ColumnKind::Text => "LONGTEXT",
        ColumnKind::Json => "JSON",
        ColumnKind::Binary => "LONGBLOB",
        ColumnKind::Geometry => "GEOMETRY",
    }
}

fn some_default(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Float => "0",
        ColumnKind::Temporal | ColumnKind::Timestamp => "'2000-01-01'",
        ColumnKind::Text | ColumnKind::Json | ColumnKind::Binary | ColumnKind::Geometry => "''",
    }
}
