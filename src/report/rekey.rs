//! Why the keys of a lab cannot be moved, in words.

use crate::db::sql;
use crate::engine::Refusal;
use crate::model::TableName;
use crate::report::Report;
use crate::report::exit::Exit;

impl From<Refusal> for Report {
    fn from(refusal: Refusal) -> Self {
        let what = refusal.to_string();
        let report = |code: Exit| Report::new(code, what.clone());
        match refusal {
            Refusal::Exchanged { .. } => report(Exit::Failed)
                .because("bundles were sealed or applied here, so other sites know these rows by their keys; nothing was changed")
                .hint("leave --rekey out; rows that meet others of the same key wait at the centre as conflicts"),
            Refusal::UnknownTable { near, .. } | Refusal::UnknownColumn { near, .. } => {
                let report = report(Exit::Settings)
                    .because("[tables.NAME] references = { ... } must name tables and columns that are there");
                match near {
                    Some(near) => report.hint(format!("did you mean \"{near}\"?")),
                    None => report,
                }
            }
            Refusal::NotAKey { .. } => report(Exit::Settings)
                .because("it is no AUTO_INCREMENT key of a synced table, and points to none; nothing was changed")
                .hint("name the key itself below [tables.NAME] references, or take the line out"),
            Refusal::PointsElsewhere { parent, .. } => report(Exit::TablesDiffer)
                .because(format!("the keys of table {parent} stay, because it is not synced; nothing was changed"))
                .hint(format!("at the centre: packmule tables add {parent}; then enrol this lab again, and join with the new answer")),
            Refusal::FromOutside { database, table, .. } => report(Exit::TablesDiffer)
                .because("packmule changes one database only, and would leave that table pointing nowhere; nothing was changed")
                .hint(format!("drop that foreign key of {database}.{table}, and change its column by hand afterwards")),
            Refusal::NotWhole { .. } => report(Exit::TablesDiffer)
                .because("nothing was changed")
                .hint("give the column the type of the key that it points to"),
            Refusal::NotInnoDb { table, .. } => report(Exit::TablesDiffer)
                .because("a crash would leave it half changed; nothing was changed")
                .hint(format!("ALTER TABLE {} ENGINE=InnoDB", name(&table))),
            Refusal::Trigger { trigger, .. } => report(Exit::TablesDiffer)
                .because(
                    "it cannot be silenced, and would take the move for edits: stamp or log them, or write other tables; \
                     nothing was changed",
                )
                .hint(format!("keep its text: SHOW CREATE TRIGGER {}", sql::name(&trigger)))
                .hint(format!("take it off: DROP TRIGGER {}", sql::name(&trigger)))
                .hint("run the same `packmule join` again, and put the trigger back before the application starts"),
            Refusal::BelowOne { table, column, key } => report(Exit::TablesDiffer)
                .because("0 and negative numbers mean \"none\" where a key is meant; nothing was changed")
                .hint(format!(
                    "give that row another key, and all that points to it: UPDATE {} SET {column} = ... WHERE {column} = {key}",
                    name(&table),
                    column = sql::name(&column)
                )),
            Refusal::NoRoom { table, column, .. } => report(Exit::TablesDiffer)
                .because("nothing was changed")
                .hint(format!(
                    "at every site, the centre first: ALTER TABLE {} MODIFY {} BIGINT UNSIGNED, with what else the column has",
                    name(&table),
                    sql::name(&column)
                ))
                .hint("a column and what points to it need the same type"),
            Refusal::Database { source, .. } => {
                // Not before anything was written, as the others; but all of it was rolled back.
                let Report { code, cause, hints, .. } = Report::from(source);
                let cause = cause.map_or_else(String::new, |cause| format!("{cause}; "));
                Report { hints, ..report(code).because(format!("{cause}no key was moved")) }
            }
        }
    }
}

fn name(table: &TableName) -> String {
    sql::name(table.as_str())
}
