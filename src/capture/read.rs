//! Reads the log and the rows in one snapshot and hands over one net change a row, parents first.

use std::collections::HashMap;
use std::path::Path;

use crate::capture::audience::{Audience, Origins};
use crate::capture::chunk::ChunkSize;
use crate::capture::entries::{decode, muted_ids, read_log};
use crate::capture::error::Error;
use crate::capture::net::{Base, Touched};
use crate::capture::stamp::IdRuns;
use crate::db::{self, Row, Session, Table};
use crate::model::{
    Change, ChangeCounts, RowImage, RowKey, Stamp, TableName, TableShape, Value, key_from_log,
    row_from_older_json,
};
use crate::monitor::{Monitor, Notice, Phase, Step};
use crate::spool::{Sorted, Sorter};

/// What the receiver of a capture is handed, in order.
#[derive(Debug)]
pub enum Captured<'a> {
    /// The changes that follow are of this table.
    Table(&'a TableShape),
    /// One net change, and who is to hear of it.
    Change(Change, Audience),
}

/// What was captured.
#[derive(Debug, Default)]
pub struct Summary {
    /// The log rows that the changes stand for, to be stamped; those of `vanished` are among them.
    pub ids: IdRuns,
    /// Log rows that no bundle speaks of: they cancel each other out, or their table is not sent.
    pub vanished: IdRuns,
    /// The changes.
    pub counts: ChangeCounts,
    /// Tables with at least one change.
    pub tables: u64,
}

/// What is read of the log.
pub struct Scope<'a> {
    /// The tables whose changes are sent, in the order in which rows are to be written, parents first.
    pub tables: &'a [&'a Table],
    /// Shared tables whose changes are not sent from here.
    pub muted: &'a [TableName],
    /// Takes temporary files.
    pub folder: &'a Path,
}

/// The log of one snapshot, read and sorted; the snapshot stays open on its session.
pub struct Snapshot<'a> {
    session: &'a mut Session,
    folder: &'a Path,
    tables: Vec<TableLog<'a>>,
    origins: Origins,
    ids: IdRuns,
    muted: Vec<IdRuns>,
    monitor: &'a dyn Monitor,
}

struct TableLog<'a> {
    table: &'a Table,
    log: Sorted,
}

/// Opens a snapshot on `session` and reads which rows the log speaks of.
pub fn begin<'a>(
    session: &'a mut Session,
    scope: &Scope<'a>,
    monitor: &'a dyn Monitor,
) -> Result<Snapshot<'a>, Error> {
    session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
    session.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")?;
    monitor.step(Step::SealSnapshotOpen);
    let mut ids = Vec::new();
    let mut logs = Vec::new();
    let mut origins = Origins::default();
    for &table in scope.tables {
        let mut table_ids = IdRuns::default();
        let log = read_log(session, table, scope.folder, &mut origins, &mut table_ids, monitor)?;
        if table_ids.count() > 0 {
            ids.push(table_ids);
        }
        if !log.is_empty() {
            logs.push(TableLog { table, log });
        }
    }
    let mut muted = Vec::new();
    for table in scope.muted {
        muted.push(muted_ids(session, table)?);
    }
    ids.extend(muted.iter().cloned());
    let ids = IdRuns::merge(ids);
    Ok(Snapshot { session, folder: scope.folder, tables: logs, origins, ids, muted, monitor })
}

impl Snapshot<'_> {
    /// How many log rows there are to seal.
    pub fn log_rows(&self) -> u64 {
        self.ids.count()
    }

    /// The session, for what else must be read in the same snapshot.
    pub fn session(&mut self) -> &mut Session {
        self.session
    }

    /// Hands over the changes: first the deletes, children before parents, then the rest, parents before children.
    ///
    /// Deletes go first because a row that is written may take the unique value of one that is gone.
    pub fn read<E: From<Error>>(
        &mut self,
        take: &mut dyn FnMut(Captured<'_>) -> Result<(), E>,
    ) -> Result<Summary, E> {
        let mut summary = Summary::default();
        self.monitor.begin(Phase::Reading, None);
        let mut tables = std::mem::take(&mut self.tables);
        let mut seen = std::collections::BTreeSet::new();
        let mut vanished = Sorter::new(self.folder);
        for pass in [Pass::Deletes, Pass::Rest] {
            if pass == Pass::Deletes {
                tables.reverse();
            }
            for log in &mut tables {
                let mut section = Section {
                    session: &mut *self.session,
                    table: log.table,
                    origins: &self.origins,
                    pass,
                    monitor: self.monitor,
                    opened: false,
                    counts: ChangeCounts::default(),
                    vanished: &mut vanished,
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
        self.monitor.end(Phase::Reading);
        summary.tables = seen.len() as u64;
        summary.ids = std::mem::take(&mut self.ids);
        summary.vanished = in_order(vanished, std::mem::take(&mut self.muted))?;
        Ok(summary)
    }

    /// Hands over nothing: nobody waits for changes, and the log rows are to be stamped all the same.
    pub fn skip(&mut self) -> Summary {
        let (ids, vanished) = (std::mem::take(&mut self.ids), IdRuns::merge(std::mem::take(&mut self.muted)));
        Summary { ids, vanished, ..Summary::default() }
    }

    /// Hands over every row of these tables, as inserts.
    pub fn whole<E: From<Error>>(
        &mut self,
        tables: &[&Table],
        time: Stamp,
        take: &mut dyn FnMut(Captured<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut total = 0;
        for table in tables {
            total += db::count_rows(self.session, &table.shape.name).map_err(Error::from)?;
        }
        self.monitor.begin(Phase::Reading, Some(total));
        for table in tables {
            take(Captured::Table(&table.shape))?;
            let monitor = self.monitor;
            db::all_rows(self.session, table, &mut |after| {
                monitor.advance(Phase::Reading, 1);
                take(Captured::Change(Change::Insert { after, time }, Audience::All))
            })
            .map_err(|error| match error {
                db::Stopped::Database(error) => Error::from(error).into(),
                db::Stopped::Taker(error) => error,
            })?;
        }
        self.monitor.end(Phase::Reading);
        Ok(())
    }

    /// Ends the snapshot.
    pub fn close(self) -> Result<(), Error> {
        self.session.execute("COMMIT")?;
        Ok(())
    }
}

/// The ids in their own order, which takes the least room and the fewest statements.
fn in_order(vanished: Sorter<'_>, muted: Vec<IdRuns>) -> Result<IdRuns, Error> {
    let mut ids = IdRuns::default();
    for item in vanished.finish()?.iter()? {
        let id: [u8; 8] = item?.key.try_into().unwrap_or_default();
        ids.push(u64::from_be_bytes(id));
    }
    Ok(IdRuns::merge(std::iter::once(ids).chain(muted).collect()))
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
struct Section<'a, 'f> {
    session: &'a mut Session,
    table: &'a Table,
    origins: &'a Origins,
    pass: Pass,
    monitor: &'a dyn Monitor,
    opened: bool,
    counts: ChangeCounts,
    vanished: &'a mut Sorter<'f>,
}

/// A row that the log speaks of.
struct Candidate {
    canonical: Vec<u8>,
    key: RowKey,
    touched: Touched,
}

impl Section<'_, '_> {
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
            if !due {
                continue;
            }
            let Some(change) = touched.net(key, base, row) else {
                for id in touched.ids.ids() {
                    self.vanished.push(&id.to_be_bytes(), &[]).map_err(Error::from)?;
                }
                continue;
            };
            if !std::mem::replace(&mut self.opened, true) {
                take(Captured::Table(&self.table.shape))?;
            }
            size_bytes += change.size_bytes();
            self.counts.add(change.op());
            take(Captured::Change(change, self.origins.audience(&touched.heard)))?;
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
