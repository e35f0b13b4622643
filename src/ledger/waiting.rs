//! Conflicts that wait for a person: later edits of the same row by the same lab join them, and may end them.

use std::collections::HashMap;

use crate::conflict::Kind;
use crate::db::{self, Session, sql};
use crate::ledger::conflicts::{Conflict, ROOM_BYTES, shortened};
use crate::ledger::error::Error;
use crate::model::{Site, Stamp, TableName};

/// A conflict that waits, as far as a later edit must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub id: u64,
    /// What sort of conflict.
    pub kind: Kind,
    /// The row that the first change was made on; `None`: there was none, or nobody knows.
    pub before_row: Option<String>,
    /// The row as the lab had it last; `None`: it had deleted it.
    pub lab_row: Option<String>,
    /// Whether the lab made the row.
    pub is_insert: bool,
}

/// Whether any conflict of this site waits.
pub fn has_waiting(session: &mut Session, site: &Site) -> Result<bool, Error> {
    let query = format!(
        "SELECT 1 FROM conflict_log FORCE INDEX (packmule_waits) WHERE status = 'open' AND site = {} LIMIT 1",
        sql::text(site.as_str())
    );
    Ok(session.first(&query)?.is_some())
}

/// The conflicts of this site on these records that wait; of several on one record, the newest. They are locked: a person who decides one at
/// the same time comes before or after the whole transaction.
pub fn waiting(
    session: &mut Session,
    site: &Site,
    table: &TableName,
    record_ids: &[String],
) -> Result<HashMap<String, Waiting>, Error> {
    let mut found: HashMap<String, Waiting> = HashMap::new();
    for chunk in record_ids.chunks(500) {
        let list = chunk.iter().map(|id| sql::text(id)).collect::<Vec<_>>().join(",");
        let query = format!(
            "SELECT record_id, id, kind, before_row, lab_row, action FROM conflict_log FORCE INDEX (packmule_waits) \
             WHERE status = 'open' AND site = {} AND table_name = {} AND record_id IN ({list}) FOR UPDATE",
            sql::text(site.as_str()),
            sql::text(table.as_str())
        );
        session.each(&query, |row| {
            let kind = row.text(2)?.parse();
            let one = Waiting {
                id: row.parse(1)?,
                kind: kind.map_err(|()| db::Error::Unexpected { what: "an unknown kind".to_owned() })?,
                before_row: row.optional(3).map(str::to_owned),
                lab_row: row.optional(4).map(str::to_owned),
                is_insert: row.text(5)? == "INSERT",
            };
            let record_id = row.text(0)?;
            if found.get(record_id).is_none_or(|known| known.id < one.id) {
                found.insert(record_id.to_owned(), one);
            }
            Ok::<(), Error>(())
        })?;
    }
    Ok(found)
}

/// Lets changes join conflicts that wait, by their numbers. What a line said before stays in `packmule_joined`; its row
/// before the first change stays in the line.
pub fn join_conflicts(session: &mut Session, joined: &[(u64, Conflict)], now: Stamp) -> Result<(), Error> {
    let packet_bytes_max = session.packet_bytes_max();
    for chunk in joined.chunks(ROWS_A_STATEMENT) {
        let ids: Vec<String> = chunk.iter().map(|(id, _)| id.to_string()).collect();
        session.execute(&format!(
            "INSERT INTO packmule_joined (conflict, kind, action, central_row, lab_row, central_time, lab_time, clock_note, \
             note, bundle, joined_at) SELECT id, kind, action, central_row, lab_row, central_time, lab_time, clock_note, note, \
             bundle, '{}' FROM conflict_log WHERE id IN ({})",
            now.to_sql(),
            ids.join(",")
        ))?;
    }
    const SET: &str = "c.kind = n.kind, c.action = n.action, c.central_row = n.central_row, c.written_row = n.central_row, \
                       c.lab_row = n.lab_row, c.central_time = n.central_time, c.lab_time = n.lab_time, \
                       c.clock_note = n.clock_note, c.note = n.note, c.bundle = n.bundle";
    let lines = joined.iter().map(|(id, conflict)| {
        let less = shortened(conflict, packet_bytes_max);
        let text = |text: &Option<String>| sql::text_or_null(text.as_deref());
        let time = |time: Option<Stamp>| sql::text_or_null(time.map(Stamp::to_sql).as_deref());
        format!(
            "SELECT {id} id, {} kind, {} action, {} central_row, {} lab_row, {} central_time, {} lab_time, {} clock_note, \
             {} note, {} bundle",
            sql::text(&less.kind.to_string()),
            sql::text(less.op.as_sql()),
            text(&less.central_row),
            text(&less.lab_row),
            time(less.central_time),
            time(less.lab_time),
            text(&less.clock_note),
            text(&less.note),
            sql::text(&less.bundle)
        )
    });
    update(session, lines, SET)
}

/// Ends conflicts that waited because their change did not fit: a later edit of the lab does. Each with the row that stands.
pub fn end_conflicts(
    session: &mut Session,
    ended: &[(u64, Option<String>)],
    rule: &str,
) -> Result<(), Error> {
    let set = format!(
        "c.status = 'decided', c.outcome = 'lab', c.decided_by = {}, c.decided_at = UTC_TIMESTAMP(6), c.written_row = n.written_row",
        sql::text(rule)
    );
    let lines = ended
        .iter()
        .map(|(id, row)| format!("SELECT {id} id, {} written_row", sql::text_or_null(row.as_deref())));
    update(session, lines, &set)
}

/// Updates lines of `conflict_log`, each from a row of its own, many with one statement.
pub(super) fn update(
    session: &mut Session,
    lines: impl Iterator<Item = String>,
    set: &str,
) -> Result<(), Error> {
    const SIZE_BYTES: usize = 1 << 20;
    let room = session.packet_bytes_max().saturating_sub(ROOM_BYTES);
    let mut rows = String::new();
    let mut count = 0;
    let mut run = |rows: &str| {
        session.execute(&format!("UPDATE conflict_log c JOIN ({rows}) n ON c.id = n.id SET {set}"))
    };
    for line in lines {
        if count > 0
            && (count == ROWS_A_STATEMENT || rows.len() > SIZE_BYTES || rows.len() + line.len() > room)
        {
            run(&std::mem::take(&mut rows))?;
            count = 0;
        }
        if count > 0 {
            rows.push_str(" UNION ALL ");
        }
        rows.push_str(&line);
        count += 1;
    }
    if count > 0 {
        run(&rows)?;
    }
    Ok(())
}

/// A line may be large, and a chain of UNION is read whole: few at a time.
const ROWS_A_STATEMENT: usize = 100;
