//! Every conflict, with the row before, the centre's and the lab's, whoever won, for good.

use crate::conflict::Kind;
use crate::db::{Ensured, Session, ensure_table, sql};
use crate::ledger::error::Error;
use crate::model::{Op, Site, Stamp, TableName};

/// One conflict, as `conflict_log` keeps it. The rows are JSON objects of column -> text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The lab whose change met it.
    pub site: Site,
    /// The table.
    pub table: TableName,
    /// The key, as `sync_log` spells it.
    pub record_id: String,
    /// What sort of conflict.
    pub kind: Kind,
    /// What the lab's change does.
    pub op: Op,
    /// The row that the lab's change was based on.
    pub before_row: Option<String>,
    /// The row at the centre when the change arrived; `None`: there was none.
    pub central_row: Option<String>,
    /// The row as the lab has it; `None`: the lab deleted it.
    pub lab_row: Option<String>,
    /// The centre's last edit of the row, where it is known.
    pub central_time: Option<Stamp>,
    /// The lab's last edit of the row.
    pub lab_time: Option<Stamp>,
    /// What was odd about the clocks.
    pub clock_note: Option<String>,
    /// Whether a person is still to look.
    pub status: Status,
    /// Whose row stands now.
    pub outcome: Outcome,
    /// The row that stands now; `None`: there is none.
    pub written_row: Option<String>,
    /// Which rule or person decided.
    pub decided_by: Option<String>,
    /// The database's own words, or what else helps.
    pub note: Option<String>,
    /// The bundle that brought the change.
    pub bundle: String,
}

/// Whether a person is still to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Yes.
    Open,
    /// No: a rule decided, or a person has.
    Decided,
}

/// Whose row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The centre's.
    Central,
    /// The lab's.
    Lab,
    /// One with something of both.
    Merged,
}

impl Outcome {
    pub(super) fn word(self) -> &'static str {
        match self {
            Outcome::Central => "central",
            Outcome::Lab => "lab",
            Outcome::Merged => "merged",
        }
    }
}

/// Makes sure that `conflict_log` is there with all of packmule's columns and keys.
pub fn ensure_conflict_log(session: &mut Session) -> Result<Ensured, Error> {
    match ensure_table(session, "conflict_log", include_str!("../../schema/site/conflict_log.sql"))? {
        Ensured::Blocked { why, remedy } => Err(Error::ForeignConflictLog { why, remedy }),
        ensured @ (Ensured::Created | Ensured::Extended | Ensured::Complete) => Ok(ensured),
    }
}

/// Writes conflicts, in the transaction that is open.
pub fn record_conflicts(session: &mut Session, conflicts: &[Conflict]) -> Result<(), Error> {
    // A row may be large and a conflict holds three: few at a time.
    const ROWS_A_STATEMENT: usize = 200;
    const SIZE_BYTES: usize = 1 << 20;
    let packet_bytes_max = session.packet_bytes_max();
    let mut values = String::new();
    let mut count = 0;
    for conflict in conflicts {
        let value = fitted(conflict, packet_bytes_max);
        let is_full = count == ROWS_A_STATEMENT
            || values.len() > SIZE_BYTES
            || values.len() + value.len() + ROOM_BYTES > packet_bytes_max;
        if count > 0 && is_full {
            session.execute(&format!("{INSERT}{}", std::mem::take(&mut values)))?;
            count = 0;
        }
        values.push_str(if count == 0 { "(" } else { ",(" });
        values.push_str(&value);
        values.push(')');
        count += 1;
    }
    if count > 0 {
        session.execute(&format!("{INSERT}{values}"))?;
    }
    Ok(())
}

/// A conflict with as many of its rows as one statement can hold.
///
/// What is left out first is the row that can be found elsewhere: the ones here, the one before, and only then the lab's.
fn fitted(conflict: &Conflict, packet_bytes_max: usize) -> String {
    let whole = value(conflict);
    if whole.len() + ROOM_BYTES <= packet_bytes_max {
        return whole;
    }
    value(&shortened(conflict, packet_bytes_max))
}

/// The conflict without the rows for which one statement has no room.
pub(super) fn shortened(conflict: &Conflict, packet_bytes_max: usize) -> Conflict {
    let mut less = conflict.clone();
    let mut left_out = Vec::new();
    for name in ["written", "central", "before", "lab"] {
        if value(&less).len() + ROOM_BYTES <= packet_bytes_max {
            break;
        }
        let row = match name {
            "written" => &mut less.written_row,
            "central" => &mut less.central_row,
            "before" => &mut less.before_row,
            _ => &mut less.lab_row,
        };
        left_out.extend(row.take().map(|_| name));
    }
    let note = format!("too long for max_allowed_packet here, so not kept: {}", left_out.join(", "));
    if !left_out.is_empty() {
        less.note = Some(less.note.map_or(note.clone(), |own| format!("{own}; {note}")));
    }
    less
}

/// For the columns of a statement that are not rows.
pub(super) const ROOM_BYTES: usize = 1 << 14;

/// How many conflicts wait for a person.
pub fn open_conflicts(session: &mut Session) -> Result<u64, Error> {
    let row =
        session.first("SELECT COUNT(*) FROM conflict_log WHERE status = 'open'")?.ok_or(Error::NotSetUp)?;
    Ok(row.parse(0)?)
}

const INSERT: &str = "INSERT INTO conflict_log (site, table_name, record_id, kind, action, before_row, central_row, \
                      lab_row, central_time, lab_time, clock_note, status, outcome, written_row, decided_by, decided_at, \
                      note, bundle) VALUES ";

fn value(conflict: &Conflict) -> String {
    let time = |time: Option<Stamp>| sql::text_or_null(time.map(Stamp::to_sql).as_deref());
    let row = |row: &Option<String>| sql::text_or_null(row.as_deref());
    let decided = conflict.status == Status::Decided;
    [
        sql::text(conflict.site.as_str()),
        sql::text(conflict.table.as_str()),
        sql::text(&conflict.record_id),
        sql::text(&conflict.kind.to_string()),
        sql::text(conflict.op.as_sql()),
        row(&conflict.before_row),
        row(&conflict.central_row),
        row(&conflict.lab_row),
        time(conflict.central_time),
        time(conflict.lab_time),
        row(&conflict.clock_note),
        sql::text(if decided { "decided" } else { "open" }),
        sql::text(conflict.outcome.word()),
        row(&conflict.written_row),
        row(&conflict.decided_by),
        if decided { "UTC_TIMESTAMP(6)".to_owned() } else { "NULL".to_owned() },
        row(&conflict.note),
        sql::text(&conflict.bundle),
    ]
    .join(", ")
}
