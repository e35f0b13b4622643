//! Reads the log and the rows in one snapshot and hands over one net change a row, parents first.

use std::collections::HashMap;
use std::path::Path;

use crate::capture::chunk::ChunkSize;
use crate::capture::error::Error;
use crate::capture::net::{Base, Before, Entry, Touched};
use crate::capture::sort::{Item, Sorted, Sorter};
use crate::capture::stamp::IdRuns;
use crate::db::{self, Row, Session, Table, sql};
use crate::model::{
    Change, ChangeCounts, Op, RowImage, RowKey, Stamp, TableShape, Value, key_from_log, row_from_older_json,
};
use crate::monitor::{Monitor, Notice, Phase, Step};

/// What the receiver of a capture is handed, in order.
#[derive(Debug)]
pub enum Captured<'a> {
    /// The changes that follow are of this table.
    Table(&'a TableShape),
    /// One net change.
    Change(Change),
}

/// What was captured.
#[derive(Debug, Default)]
pub struct Summary {
    /// The log rows that the changes stand for, to be stamped.
    pub ids: IdRuns,
    /// The changes.
    pub counts: ChangeCounts,
    /// Tables with at least one change.
    pub tables: u64,
}

/// The log of one snapshot, read and sorted; the snapshot stays open on its session.
pub struct Snapshot<'a> {
    session: &'a mut Session,
    tables: Vec<TableLog<'a>>,
    ids: IdRuns,
    monitor: &'a dyn Monitor,
}

struct TableLog<'a> {
    table: &'a Table,
    log: Sorted,
}

/// Opens a snapshot on `session` and reads which rows of `tables` the log speaks of.
///
/// `tables` are in the order in which rows are to be written, parents first. `folder` takes temporary files.
pub fn begin<'a>(
    session: &'a mut Session,
    tables: &[&'a Table],
    folder: &Path,
    monitor: &'a dyn Monitor,
) -> Result<Snapshot<'a>, Error> {
    session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
    session.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")?;
    monitor.step(Step::SealSnapshotOpen);
    let mut ids = Vec::new();
    let mut logs = Vec::new();
    for &table in tables {
        let mut table_ids = IdRuns::default();
        let log = read_log(session, table, folder, &mut table_ids, monitor)?;
        if table_ids.count() > 0 {
            ids.push(table_ids);
        }
        if !log.is_empty() {
            logs.push(TableLog { table, log });
        }
    }
    Ok(Snapshot { session, tables: logs, ids: IdRuns::merge(ids), monitor })
}

impl Snapshot<'_> {
    /// How many log rows there are to seal.
    pub fn log_rows(&self) -> u64 {
        self.ids.count()
    }

    /// Hands over the changes: first the deletes, children before parents, then the rest, parents before children.
    ///
    /// Deletes go first because a row that is written may take the unique value of one that is gone.
    pub fn read<E: From<Error>>(
        mut self,
        take: &mut dyn FnMut(Captured<'_>) -> Result<(), E>,
    ) -> Result<Summary, E> {
        let mut summary = Summary::default();
        self.monitor.begin(Phase::Reading, None);
        let mut tables = std::mem::take(&mut self.tables);
        let mut seen = std::collections::BTreeSet::new();
        for pass in [Pass::Deletes, Pass::Rest] {
            if pass == Pass::Deletes {
                tables.reverse();
            }
            for log in &mut tables {
                let mut section = Section {
                    session: &mut *self.session,
                    table: log.table,
                    pass,
                    monitor: self.monitor,
                    opened: false,
                    counts: ChangeCounts::default(),
                };
                section.run(&mut log.log, take)?;
                if section.opened {
                    seen.insert(log.table.shape.name.clone());
                }
                summary.counts += section.counts;
            }
            if pass == Pass::Deletes {
                tables.reverse();
            }
        }
        self.session.execute("COMMIT").map_err(Error::from)?;
        self.monitor.end(Phase::Reading);
        summary.tables = seen.len() as u64;
        summary.ids = self.ids;
        Ok(summary)
    }
}

/// Which changes of a table are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Rows that are gone.
    Deletes,
    /// All others.
    Rest,
}

/// The changes of one table in one pass.
struct Section<'a> {
    session: &'a mut Session,
    table: &'a Table,
    pass: Pass,
    monitor: &'a dyn Monitor,
    opened: bool,
    counts: ChangeCounts,
}

/// A row that the log speaks of.
struct Candidate {
    canonical: Vec<u8>,
    key: RowKey,
    touched: Touched,
}

impl Section<'_> {
    fn run<E: From<Error>>(
        &mut self,
        log: &mut Sorted,
        take: &mut dyn FnMut(Captured<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut size = ChunkSize::first();
        let mut chunk: Vec<Candidate> = Vec::new();
        let mut open: Option<(Vec<u8>, Touched)> = None;
        for item in log.iter().map_err(Error::from)? {
            let item = item.map_err(Error::from)?;
            let (entry, record_id) = decode(&item);
            match &mut open {
                Some((canonical, touched)) if *canonical == item.key => touched.add(entry),
                _ => {
                    self.collect(open.take(), &mut chunk);
                    open = Some((item.key, Touched::new(record_id, entry)));
                }
            }
            if chunk.len() >= size.rows() {
                self.hand_over(std::mem::take(&mut chunk), &mut size, take)?;
            }
        }
        self.collect(open.take(), &mut chunk);
        self.hand_over(chunk, &mut size, take)
    }

    fn collect(&self, row: Option<(Vec<u8>, Touched)>, chunk: &mut Vec<Candidate>) {
        let Some((canonical, touched)) = row else {
            return;
        };
        // In the first pass only rows that end in a delete can be gone; whether they are, the table says.
        if self.pass == Pass::Deletes && !touched.ends_in_delete() {
            return;
        }
        if let Some(key) = key_from_log(&self.table.shape, &touched.record_id) {
            chunk.push(Candidate { canonical, key, touched });
        }
    }

    fn hand_over<E: From<Error>>(
        &mut self,
        chunk: Vec<Candidate>,
        size: &mut ChunkSize,
        take: &mut dyn FnMut(Captured<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut current = self.current_rows(&chunk)?;
        let mut bases = self.bases(&chunk)?;
        let (rows, mut size_bytes) = (chunk.len(), 0);
        for Candidate { canonical, key, touched } in chunk {
            let row = current.remove(&canonical);
            let due = match self.pass {
                Pass::Deletes => row.is_none(),
                Pass::Rest => row.is_some() || !touched.ends_in_delete(),
            };
            let base = match touched.base_id().and_then(|id| bases.remove(&id)) {
                Some(base) => base,
                None if touched.base_is_absent() => Base::Absent,
                None => Base::Unknown,
            };
            let change = if due { touched.net(key, base, row) } else { None };
            let Some(change) = change else {
                continue;
            };
            if !std::mem::replace(&mut self.opened, true) {
                take(Captured::Table(&self.table.shape))?;
            }
            size_bytes += change.size_bytes();
            self.counts.add(change.op());
            take(Captured::Change(change))?;
        }
        size.learn(rows, size_bytes);
        self.monitor.advance(Phase::Reading, rows as u64);
        Ok(())
    }

    /// The rows as the snapshot shows them, by canonical key.
    fn current_rows(&mut self, chunk: &[Candidate]) -> Result<HashMap<Vec<u8>, RowImage>, Error> {
        let keys: Vec<RowKey> = chunk.iter().map(|candidate| candidate.key.clone()).collect();
        let canonicals: Vec<Vec<u8>> = chunk.iter().map(|candidate| candidate.canonical.clone()).collect();
        Ok(db::rows_by_key(self.session, self.table, &keys, &canonicals, false)?)
    }

    /// The rows at the seal before, by the id of the log row that holds them.
    fn bases(&mut self, chunk: &[Candidate]) -> Result<HashMap<u64, Base>, Error> {
        let wanted: HashMap<u64, &str> = chunk
            .iter()
            .filter_map(|one| Some((one.touched.base_id()?, one.touched.record_id.as_str())))
            .collect();
        let mut bases = HashMap::with_capacity(wanted.len());
        if wanted.is_empty() {
            return Ok(bases);
        }
        let ids: Vec<String> = wanted.keys().map(u64::to_string).collect();
        let (shape, monitor) = (&self.table.shape, self.monitor);
        let fills: Vec<Option<Value>> = self.table.details.iter().map(|detail| detail.fill.clone()).collect();
        let query = format!(
            "SELECT id, before_row FROM sync_log FORCE INDEX (PRIMARY) WHERE id IN ({})",
            ids.join(",")
        );
        self.session.each(&query, |row: Row| {
            let id: u64 = row.parse(0)?;
            let base = match row_from_older_json(shape, &fills, row.optional(1).unwrap_or_default()) {
                Ok(image) => Base::Row(image),
                Err(_) => {
                    monitor.notice(Notice::UnreadableBefore {
                        table: shape.name.clone(),
                        record_id: wanted.get(&id).copied().unwrap_or_default().to_owned(),
                    });
                    Base::Unknown
                }
            };
            bases.insert(id, base);
            Ok::<(), Error>(())
        })?;
        Ok(bases)
    }
}

fn read_log(
    session: &mut Session,
    table: &Table,
    folder: &Path,
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
                     IF(before_row IS NULL, 0, IF(before_row = 'null', 1, 2))"
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
        let weights: Vec<Vec<u8>> =
            (5..5 + weights.len()).map(|at| row.take(at).unwrap_or_default()).collect();
        let canonical = db::canonical(table, &key, &weights);
        sorter.push(&canonical, &encode(id, micros, &action, &before, &record_id))?;
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
fn encode(id: u64, micros: i64, action: &str, before: &str, record_id: &str) -> Vec<u8> {
    let mut rest = Vec::with_capacity(18 + record_id.len());
    rest.extend_from_slice(&id.to_be_bytes());
    rest.extend_from_slice(&micros.to_be_bytes());
    rest.push(action.bytes().next().unwrap_or_default());
    rest.push(before.bytes().next().unwrap_or_default());
    rest.extend_from_slice(record_id.as_bytes());
    rest
}

fn decode(item: &Item) -> (Entry, String) {
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
    };
    let record_id = item.rest.get(18..).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (entry, record_id.unwrap_or_default())
}
