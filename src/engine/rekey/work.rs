//! The one transaction that moves a lab's keys.
//!
//! Nothing must be done about the counters from which the server takes the next key: InnoDB moves a counter with an
//! UPDATE that makes a key higher, and keeps it over a crash, on MySQL since 8.0 and on MariaDB since 10.2.4.

use std::collections::BTreeMap;

use crate::capture;
use crate::db::{self, Catalog, Class, Session, sql};
use crate::engine::attempts::attempts;
use crate::engine::error::Error;
use crate::engine::home::{Home, now};
use crate::engine::rekey::moves::{MovedColumn, Statements, TableMove};
use crate::engine::rekey::refusal::Refusal;
use crate::engine::rekey::{ColumnMove, Look, find_moves, look};
use crate::ledger;
use crate::model::{Series, TableName};
use crate::monitor::{Phase, Step};

/// What was moved, and how many rows will be sent.
#[derive(Debug)]
pub(in crate::engine) struct Rekeyed {
    pub(in crate::engine) columns: Vec<ColumnMove>,
    pub(in crate::engine) adopted: u64,
}

/// Moves the keys of `tables` into `series`, logs every row under its new key, and writes that the lab has joined.
pub(in crate::engine) fn rekey(
    home: &mut Home<'_>,
    catalog: &Catalog,
    tables: &[TableName],
    series: Series,
) -> Result<Rekeyed, Error> {
    attempts(home, Error::is_deadlock, |_| {
        // A connection of its own: whatever it is told of triggers and foreign keys ends with it, and an error rolls back.
        let mut session = home.connect()?;
        rekey_once(home, &mut session, catalog, tables, series)
    })
}

fn rekey_once(
    home: &Home<'_>,
    session: &mut Session,
    catalog: &Catalog,
    tables: &[TableName],
    series: Series,
) -> Result<Rekeyed, Error> {
    let moves = find_moves(session, catalog, &home.settings.references, tables)?;
    session.silence_triggers()?;
    // A key and what points to it cannot move in one statement; in between, they would not agree.
    session.execute("SET SESSION foreign_key_checks = 0")?;
    // REPEATABLE READ: the rows that are looked at are locked with the gaps between them, so no row can be added that
    // points to a key of before.
    session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
    session.execute("START TRANSACTION")?;
    let (mut columns, mut rows) = (Vec::new(), BTreeMap::new());
    for (table, moved) in all_tables(&moves, tables) {
        match moved {
            Some(moved) => {
                let held = look(session, moved, series, Look::Locked)?;
                columns.extend(held.columns);
                rows.insert(table, held.rows);
            }
            None => lock(session, table)?,
        }
    }
    home.monitor.step(Step::RekeyLocked);
    home.monitor.begin(Phase::Moving, Some(rows.values().sum()));
    for (at, one) in moves.iter().enumerate() {
        let expected = rows.get(&one.table).copied().unwrap_or(0);
        move_table(session, one, series, expected)?;
        home.monitor.advance(Phase::Moving, expected);
        if at == 0 {
            home.monitor.step(Step::RekeyHalfMoved);
        }
    }
    home.monitor.end(Phase::Moving);
    home.monitor.step(Step::RekeyMoved);
    let adopted = capture::replace_log(session, catalog, tables)?;
    ledger::remember_rekeyed(session, now())?;
    ledger::join_here(session, &home.here.site, u32::from(series.number()))?;
    home.monitor.step(Step::RekeyLedgerWritten);
    session.execute("COMMIT")?;
    home.monitor.step(Step::RekeyCommitted);
    Ok(Rekeyed { columns, adopted })
}

/// The tables with their moves and those that are only logged anew, in one order, so that two runs cannot lock crosswise.
fn all_tables<'m>(
    moves: &'m [TableMove],
    tables: &'m [TableName],
) -> BTreeMap<&'m TableName, Option<&'m TableMove>> {
    let mut all: BTreeMap<&TableName, Option<&TableMove>> = tables.iter().map(|name| (name, None)).collect();
    all.extend(moves.iter().map(|one| (&one.table, Some(one))));
    all
}

fn lock(session: &mut Session, table: &TableName) -> Result<(), Error> {
    session.execute(&format!("SELECT SUM(1) FROM {} FOR UPDATE", sql::name(table.as_str())))?;
    Ok(())
}

fn move_table(session: &mut Session, one: &TableMove, series: Series, expected: u64) -> Result<(), Error> {
    let refused = |source: db::Error| match source.class() {
        // The whole transaction again, or the same command again.
        Some(Class::TryAgain | Class::LineLost) => Error::Database(source),
        Some(Class::ForeignKey | Class::Duplicate | Class::Value | Class::Rights | Class::Other) | None => {
            Refusal::Database { table: one.table.clone(), source }.into()
        }
    };
    let sets: Vec<&[MovedColumn]> = match one.statements {
        Statements::Together => vec![&one.columns],
        Statements::OneByOne => one.columns.chunks(1).collect(),
    };
    let mut touched = 0;
    for columns in &sets {
        touched += session.execute(&move_sql(one, columns, series)).map_err(refused)?;
    }
    // In several statements, a row counts as often as it has numbers that move.
    let fits = if sets.len() == 1 { touched == expected } else { touched >= expected };
    if fits {
        return Ok(());
    }
    let what = format!("{touched} rows of {} moved, not {expected}", one.table);
    Err(db::Error::Unexpected { what }.into())
}

/// Moves some columns of a table. The rows with the highest numbers first: see `moves.rs`.
fn move_sql(one: &TableMove, columns: &[MovedColumn], series: Series) -> String {
    let (step, number) = (series.step(), series.number());
    let names: Vec<String> = columns.iter().map(|column| sql::name(&column.name)).collect();
    let moves =
        names.iter().map(|name| format!("{name} = IF({name} > 0, ({name} - 1) * {step} + {number}, {name})"));
    let stamps = one.stamps.iter().filter(|stamp| columns.iter().all(|column| column.name != **stamp));
    let stamps = stamps.map(|stamp| format!("{name} = {name}", name = sql::name(stamp)));
    format!(
        "UPDATE {} SET {} WHERE {} ORDER BY {}",
        sql::name(one.table.as_str()),
        moves.chain(stamps).collect::<Vec<_>>().join(", "),
        any_moves(&names),
        names.iter().map(|name| format!("{name} DESC")).collect::<Vec<_>>().join(", ")
    )
}

fn any_moves(names: &[String]) -> String {
    names.iter().map(|name| format!("{name} > 0")).collect::<Vec<_>>().join(" OR ")
}

/// How many cells of [`look_sql`]'s answer belong to a column.
pub(super) const CELLS: usize = 4;

/// Asks how many rows have numbers that move; and of each column how many there are, the lowest and the highest, and
/// the lowest of those that are none. It reads every row, and so it locks every row.
pub(super) fn look_sql(one: &TableMove, look: Look) -> String {
    let names: Vec<String> = one.columns.iter().map(|column| sql::name(&column.name)).collect();
    let cells = names.iter().map(|name| {
        format!(
            "SUM({name} > 0), MIN(IF({name} > 0, {name}, NULL)), MAX(IF({name} > 0, {name}, NULL)), \
             MIN(IF({name} > 0, NULL, {name}))"
        )
    });
    format!(
        "SELECT SUM({}), {} FROM {}{}",
        any_moves(&names),
        cells.collect::<Vec<_>>().join(", "),
        sql::name(one.table.as_str()),
        match look {
            Look::Free => "",
            Look::Locked => " FOR UPDATE",
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> MovedColumn {
        MovedColumn {
            name: name.to_owned(),
            column_type: "int".to_owned(),
            max: 2_147_483_647,
            counts_up: true,
        }
    }

    #[test]
    fn a_move_keeps_what_is_no_key_and_the_time_of_the_last_edit() {
        let one = TableMove {
            table: TableName::new("items"),
            columns: vec![column("id"), column("room")],
            statements: Statements::Together,
            stamps: vec!["updated_at".to_owned()],
            triggers: Vec::new(),
        };
        assert_eq!(
            move_sql(&one, &one.columns, Series::new(100, 7).unwrap()),
            "UPDATE `items` SET `id` = IF(`id` > 0, (`id` - 1) * 100 + 7, `id`), \
             `room` = IF(`room` > 0, (`room` - 1) * 100 + 7, `room`), `updated_at` = `updated_at` \
             WHERE `id` > 0 OR `room` > 0 ORDER BY `id` DESC, `room` DESC"
        );
    }
}
