//! The lines of `conflict_log` as people look at them: filtered, counted, page by page, and one in full.

use std::ops::RangeInclusive;

use crate::conflict::Kind;
use crate::db::{self, Row, Session, sql};
use crate::ledger::conflicts::{Outcome, Status};
use crate::ledger::error::Error;
use crate::ledger::here::stamp;
use crate::model::{BundleName, Op, Site, Stamp, TableName};

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineFilter {
    /// Of this lab only.
    pub site: Option<Site>,
    /// Of this table only.
    pub table: Option<TableName>,
    /// Of this kind only.
    pub kind: Option<Kind>,
    /// Those that wait, or those that are decided, only.
    pub status: Option<Status>,
    /// With these numbers only; empty: whatever their numbers.
    pub ids: Vec<RangeInclusive<u64>>,
    /// Those that were found before then only.
    pub met_before: Option<Stamp>,
}

/// A line without its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineHead {
    /// Its number.
    pub id: u64,
    /// The lab; empty in a line that was there before packmule.
    pub site: String,
    /// The table.
    pub table: TableName,
    /// The key, as `sync_log` spells it.
    pub record_id: String,
    /// What sort of conflict.
    pub kind: Kind,
    /// What the lab had done.
    pub op: Op,
    /// Whether a person is still to look.
    pub status: Status,
    /// Whose row stands.
    pub outcome: Outcome,
    /// Which rule or person decided.
    pub decided_by: Option<String>,
    /// When that was.
    pub decided_at: Option<Stamp>,
    /// When it was found.
    pub met_at: Stamp,
    /// Why it waits, or what else helps.
    pub note: Option<String>,
    /// What was odd about the clocks.
    pub clock_note: Option<String>,
}

/// A line in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// All but its rows.
    pub head: LineHead,
    /// The row that the lab's change was made on.
    pub before_row: Option<String>,
    /// The centre's row.
    pub central_row: Option<String>,
    /// The lab's row.
    pub lab_row: Option<String>,
    /// The row that was left standing when the conflict was met or decided.
    pub written_row: Option<String>,
    /// When the centre edited its row.
    pub central_time: Option<Stamp>,
    /// When the lab edited its row.
    pub lab_time: Option<Stamp>,
    /// What the person who decided said.
    pub decision_note: Option<String>,
    /// The bundle that brought the change.
    pub bundle: Option<String>,
}

/// An earlier state of a line, from before a later edit of the lab joined it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierState {
    /// The line.
    pub conflict: u64,
    /// What sort of conflict it was.
    pub kind: Kind,
    /// What the lab had done.
    pub op: Op,
    /// The centre's row then.
    pub central_row: Option<String>,
    /// The lab's row then.
    pub lab_row: Option<String>,
    /// When the lab had edited it.
    pub lab_time: Option<Stamp>,
    /// The bundle that had brought it.
    pub bundle: Option<String>,
    /// When the later edit came.
    pub joined_at: Stamp,
}

/// How many lines there are of one sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineCount {
    /// The lab.
    pub site: String,
    /// The table.
    pub table: TableName,
    /// What sort of conflict.
    pub kind: Kind,
    /// Whether a person is still to look.
    pub status: Status,
    /// How many.
    pub count: u64,
}

impl LineFilter {
    /// The same, only what comes after a number.
    fn condition(&self, after: u64) -> String {
        let mut parts = vec![format!("id > {after}")];
        if let Some(site) = &self.site {
            parts.push(format!("site = {}", sql::text(site.as_str())));
        }
        if let Some(table) = &self.table {
            parts.push(format!("table_name = {}", sql::text(table.as_str())));
        }
        if let Some(kind) = self.kind {
            parts.push(format!("kind = '{kind}'"));
        }
        if let Some(status) = self.status {
            parts.push(format!("status = '{}'", status.word()));
        }
        if let Some(before) = self.met_before {
            parts.push(format!("met_at < {}", sql::text(&before.to_sql())));
        }
        if !self.ids.is_empty() {
            let ranges =
                self.ids.iter().map(|range| format!("id BETWEEN {} AND {}", range.start(), range.end()));
            parts.push(format!("({})", ranges.collect::<Vec<_>>().join(" OR ")));
        }
        parts.join(" AND ")
    }
}

/// The next lines after the number `after`, by number.
pub fn line_heads(
    session: &mut Session,
    filter: &LineFilter,
    after: u64,
    limit: u64,
) -> Result<Vec<LineHead>, Error> {
    let query = format!(
        "SELECT {HEAD} FROM conflict_log WHERE {} ORDER BY id LIMIT {limit}",
        filter.condition(after)
    );
    session.rows(&query)?.iter().map(|row| Ok(head(row)?)).collect()
}

/// The lines before the number `before`, the newest first.
pub fn line_heads_before(
    session: &mut Session,
    filter: &LineFilter,
    before: u64,
    limit: u64,
) -> Result<Vec<LineHead>, Error> {
    let query = format!(
        "SELECT {HEAD} FROM conflict_log WHERE {} AND id < {before} ORDER BY id DESC LIMIT {limit}",
        filter.condition(0)
    );
    session.rows(&query)?.iter().map(|row| Ok(head(row)?)).collect()
}

/// How many lines there are of each sort.
pub fn count_lines(session: &mut Session, filter: &LineFilter) -> Result<Vec<LineCount>, Error> {
    let query = format!(
        "SELECT site, table_name, kind, status, COUNT(*) FROM conflict_log WHERE {} \
         GROUP BY site, table_name, kind, status ORDER BY site, table_name, kind, status",
        filter.condition(0)
    );
    let count = |row: &Row| {
        Ok(LineCount {
            site: row.text(0)?.to_owned(),
            table: TableName::new(row.text(1)?),
            kind: row.parse(2)?,
            status: row.parse(3)?,
            count: row.parse(4)?,
        })
    };
    session.rows(&query)?.iter().map(count).collect()
}

/// The next lines in full after the number `after`, as many as fit into memory well; at least one where there is any.
pub fn lines(session: &mut Session, filter: &LineFilter, after: u64, limit: u64) -> Result<Vec<Line>, Error> {
    const SIZE_BYTES: u64 = 4 << 20;
    // Rows may be large: how many of them are read at once is looked at first.
    let sizes = format!(
        "SELECT id, COALESCE(LENGTH(before_row), 0) + COALESCE(LENGTH(central_row), 0) + COALESCE(LENGTH(lab_row), 0) \
         + COALESCE(LENGTH(written_row), 0) FROM conflict_log WHERE {} ORDER BY id LIMIT {limit}",
        filter.condition(after)
    );
    let (mut size_bytes, mut last) = (0_u64, None);
    for row in session.rows(&sizes)? {
        size_bytes += row.parse::<u64>(1)?;
        if last.is_some() && size_bytes > SIZE_BYTES {
            break;
        }
        last = Some(row.parse::<u64>(0)?);
    }
    let Some(last) = last else {
        return Ok(Vec::new());
    };
    let query = format!(
        "SELECT {HEAD}, {ROWS} FROM conflict_log WHERE {} AND id <= {last} ORDER BY id",
        filter.condition(after)
    );
    session.rows(&query)?.iter().map(|row| Ok(line(row)?)).collect()
}

/// One line in full. With `lock`, nobody else changes it until the transaction ends.
pub fn find_line(session: &mut Session, id: u64, lock: bool) -> Result<Option<Line>, Error> {
    let lock = if lock { " FOR UPDATE" } else { "" };
    let row = session.first(&format!("SELECT {HEAD}, {ROWS} FROM conflict_log WHERE id = {id}{lock}"))?;
    Ok(row.as_ref().map(line).transpose()?)
}

/// Other lines of the same row that wait.
pub fn open_beside(session: &mut Session, line: &LineHead) -> Result<Vec<LineHead>, Error> {
    let query = format!(
        "SELECT {HEAD} FROM conflict_log FORCE INDEX (packmule_row) WHERE table_name = {} AND record_id = {} \
         AND status = 'open' AND id <> {} ORDER BY id LIMIT 100",
        sql::text(line.table.as_str()),
        sql::text(&line.record_id),
        line.id
    );
    session.rows(&query)?.iter().map(|row| Ok(head(row)?)).collect()
}

/// What one line said before later edits joined it; or all earlier states of lines after the number `after`, by line.
pub fn earlier_states(
    session: &mut Session,
    conflict: Option<u64>,
    after: u64,
    limit: u64,
) -> Result<Vec<(u64, EarlierState)>, Error> {
    let of = conflict.map_or(String::new(), |id| format!("conflict = {id} AND "));
    let query = format!(
        "SELECT id, conflict, kind, action, central_row, lab_row, lab_time, bundle, joined_at FROM packmule_joined \
         WHERE {of}id > {after} ORDER BY id LIMIT {limit}"
    );
    let state = |row: &Row| {
        let state = EarlierState {
            conflict: row.parse(1)?,
            kind: row.parse(2)?,
            op: op(row, 3)?,
            central_row: row.optional(4).map(str::to_owned),
            lab_row: row.optional(5).map(str::to_owned),
            lab_time: time(row, 6)?,
            bundle: row.optional(7).map(str::to_owned),
            joined_at: stamp(row.text(8)?)?,
        };
        Ok((row.parse(0)?, state))
    };
    session.rows(&query)?.iter().map(state).collect()
}

/// The last bundle of the same stream that was applied here before this one: number, and when.
pub fn applied_before(session: &mut Session, bundle: &BundleName) -> Result<Option<(u64, Stamp)>, Error> {
    let query = format!(
        "SELECT seq, recorded_at FROM packmule_bundle WHERE from_site = {} AND LEFT(incarnation, 8) = {} AND seq < {} \
         AND state = 'applied' AND kind <> 'receipt' ORDER BY seq DESC LIMIT 1",
        sql::text(bundle.from.as_str()),
        sql::text(&bundle.incarnation_short),
        bundle.seq.number()
    );
    let found = session.first(&query)?;
    Ok(found.map(|row| Ok::<_, db::Error>((row.parse(0)?, stamp(row.text(1)?)?))).transpose()?)
}

const HEAD: &str = "id, site, table_name, record_id, kind, action, status, outcome, decided_by, decided_at, met_at, note, \
                    clock_note";
const ROWS: &str =
    "before_row, central_row, lab_row, written_row, central_time, lab_time, decision_note, bundle";
const HEAD_COLUMNS: usize = 13;

fn head(row: &Row) -> Result<LineHead, db::Error> {
    Ok(LineHead {
        id: row.parse(0)?,
        site: row.text(1)?.to_owned(),
        table: TableName::new(row.text(2)?),
        record_id: row.text(3)?.to_owned(),
        kind: row.parse(4)?,
        op: op(row, 5)?,
        status: row.parse(6)?,
        outcome: row.parse(7)?,
        decided_by: row.optional(8).map(str::to_owned),
        decided_at: time(row, 9)?,
        met_at: stamp(row.text(10)?)?,
        note: row.optional(11).map(str::to_owned),
        clock_note: row.optional(12).map(str::to_owned),
    })
}

fn line(row: &Row) -> Result<Line, db::Error> {
    let text = |at: usize| row.optional(HEAD_COLUMNS + at).map(str::to_owned);
    Ok(Line {
        head: head(row)?,
        before_row: text(0),
        central_row: text(1),
        lab_row: text(2),
        written_row: text(3),
        central_time: time(row, HEAD_COLUMNS + 4)?,
        lab_time: time(row, HEAD_COLUMNS + 5)?,
        decision_note: text(6),
        bundle: text(7),
    })
}

fn op(row: &Row, at: usize) -> Result<Op, db::Error> {
    let text = row.text(at)?;
    let known = [Op::Insert, Op::Update, Op::Delete].into_iter().find(|op| op.as_sql() == text);
    known.ok_or_else(|| db::Error::Unexpected { what: format!("{text:?} for an action") })
}

fn time(row: &Row, at: usize) -> Result<Option<Stamp>, db::Error> {
    row.optional(at).map(stamp).transpose()
}
