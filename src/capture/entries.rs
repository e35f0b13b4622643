//! Reads the open entries of one table's log and sorts them by row, under the form of the key that its collation gives.

use std::path::Path;

use crate::capture::audience::{Origin, Origins};
use crate::capture::error::Error;
use crate::capture::net::{Before, Entry};
use crate::capture::stamp::IdRuns;
use crate::db::{self, Session, Table, sql};
use crate::model::{Op, Stamp, TableName, key_from_log};
use crate::monitor::{Monitor, Notice};
use crate::spool::{Item, Sorted, Sorter};

/// The open entries of a table that is not sent: they are stamped all the same, or they would stay open for ever.
pub(super) fn muted_ids(session: &mut Session, table: &TableName) -> Result<IdRuns, Error> {
    let mut ids = IdRuns::default();
    let query = format!(
        "SELECT id FROM sync_log FORCE INDEX (packmule_open) WHERE batch IS NULL AND table_name = {} ORDER BY id",
        sql::text(table.as_str())
    );
    session.each(&query, |row| {
        ids.push(row.parse(0)?);
        Ok::<(), Error>(())
    })?;
    Ok(ids)
}

/// Reads the open entries of `table`, adds their ids to `ids`, and returns them sorted by row.
pub(super) fn read_log(
    session: &mut Session,
    table: &Table,
    folder: &Path,
    origins: &mut Origins,
    ids: &mut IdRuns,
    monitor: &dyn Monitor,
) -> Result<Sorted, Error> {
    let single = table.shape.key.len() == 1;
    let weights = table.key_details().enumerate().filter(|(_, detail)| detail.is_collated());
    let weights: Vec<String> = weights
        .map(|(at, detail)| {
            let part =
                format!("IF(JSON_VALID(record_id), JSON_UNQUOTE(JSON_EXTRACT(record_id, '$[{at}]')), '')");
            detail.weight_sql(if single { "record_id" } else { &part })
        })
        .collect();
    let mut query = "SELECT id, record_id, action+0, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', changed_at), \
                     IF(before_row IS NULL, 0, IF(before_row = 'null', 1, 2)), origin"
        .to_owned();
    for weight in &weights {
        query.push_str(", ");
        query.push_str(weight);
    }
    query.push_str(&format!(
        " FROM sync_log FORCE INDEX ({}) WHERE batch IS NULL AND table_name = {} ORDER BY id",
        best_index(session, table)?,
        sql::text(table.shape.name.as_str())
    ));
    let mut sorter = Sorter::new(folder);
    session.each(&query, |mut row| {
        let id: u64 = row.parse(0)?;
        ids.push(id);
        let record_id = row.text(1)?.to_owned();
        let Some(key) = key_from_log(&table.shape, &record_id) else {
            monitor.notice(Notice::UnreadableKey { table: table.shape.name.clone(), record_id });
            return Ok(());
        };
        let (action, micros, before) = (row.text(2)?.to_owned(), row.parse(3)?, row.text(4)?.to_owned());
        let origin = origins.read(row.optional(5));
        let weights: Vec<Vec<u8>> =
            (6..6 + weights.len()).map(|at| row.take(at).unwrap_or_default()).collect();
        let canonical = db::canonical(table, &key, &weights);
        sorter.push(&canonical, &encode(id, micros, &action, &before, origin, &record_id))?;
        Ok::<(), Error>(())
    })?;
    Ok(sorter.finish()?)
}

/// Where most of the log is open and of this table, reading all of it in its own order is twice as fast.
fn best_index(session: &mut Session, table: &Table) -> Result<&'static str, Error> {
    let row = session.first(&format!(
        "SELECT (SELECT COUNT(*) FROM sync_log WHERE batch IS NULL AND table_name = {}), \
                (SELECT COALESCE(MAX(id) - MIN(id) + 1, 0) FROM sync_log)",
        sql::text(table.shape.name.as_str())
    ))?;
    let (open, all): (u64, u64) = match row {
        Some(row) => (row.parse(0)?, row.parse(1)?),
        None => (0, 0),
    };
    Ok(if open * 2 > all { "PRIMARY" } else { "packmule_open" })
}

/// Packs a log entry for the sorter: the id first, so that the entries of a row are in the log's order.
fn encode(id: u64, micros: i64, action: &str, before: &str, origin: Origin, record_id: &str) -> Vec<u8> {
    let mut rest = Vec::with_capacity(21 + record_id.len());
    rest.extend_from_slice(&id.to_be_bytes());
    rest.extend_from_slice(&micros.to_be_bytes());
    rest.push(action.bytes().next().unwrap_or_default());
    rest.push(before.bytes().next().unwrap_or_default());
    rest.extend_from_slice(&origin.to_bytes());
    rest.extend_from_slice(record_id.as_bytes());
    rest
}

/// An entry as it comes out of the sorter, with its `record_id`.
pub(super) fn decode(item: &Item) -> (Entry, String) {
    let eight = |at: usize| -> [u8; 8] {
        item.rest.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
    };
    let entry = Entry {
        id: u64::from_be_bytes(eight(0)),
        time: Stamp::from_micros(i64::from_be_bytes(eight(8))),
        op: match item.rest.get(16) {
            Some(b'1') => Op::Insert,
            Some(b'3') => Op::Delete,
            _ => Op::Update,
        },
        before: match item.rest.get(17) {
            Some(b'1') => Before::Absent,
            Some(b'2') => Before::Logged,
            _ => Before::Unknown,
        },
        origin: Origin::from_bytes(
            item.rest.get(18..21).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default(),
        ),
    };
    let record_id = item.rest.get(21..).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (entry, record_id.unwrap_or_default())
}
