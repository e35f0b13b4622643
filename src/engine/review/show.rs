//! Everything that a person must see of a conflict before deciding it.

use crate::db::Session;
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::review::fault::ReviewFault;
use crate::engine::review::fingerprint::Fingerprint;
use crate::engine::review::plan::{Choice, plan};
use crate::engine::review::related::{Related, related};
use crate::engine::review::sight::{Ground, Side, Sight, look};
use crate::engine::sites::expect_central;
use crate::ledger::{self, Decision, EarlierState, Line, LineHead};
use crate::model::{Op, RowImage, Stamp, TableShape};

/// A conflict as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The line of `conflict_log`.
    pub line: Line,
    /// The columns of all rows below.
    pub shape: TableShape,
    /// The row that the lab's edit was made on.
    pub before: ShownRow,
    /// The centre's row.
    pub central: ShownRow,
    /// The lab's row.
    pub lab: ShownRow,
    /// The row at the centre now.
    pub now: Option<RowImage>,
    /// Whether that is another row than the line says.
    pub has_moved_on: bool,
    /// The name of what is seen here.
    pub fingerprint: Fingerprint,
    /// What approving would make of the row.
    pub approve: Result<Option<RowImage>, ReviewFault>,
    /// What rejecting would make of it.
    pub reject: Result<Option<RowImage>, ReviewFault>,
    /// Columns of the lab's row that the table does not have any more.
    pub lost: Vec<String>,
    /// The lab's last bundle before the one that brought the change: number, and when it was applied here.
    pub heard_before: Option<(u64, Stamp)>,
    /// Rows that have to do with it.
    pub related: Vec<Related>,
    /// Other conflicts of the row that wait.
    pub beside: Vec<LineHead>,
    /// What the line said before later edits of the lab joined it.
    pub earlier: Vec<EarlierState>,
    /// What people decided, in order.
    pub decisions: Vec<Decision>,
}

/// One of the rows of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownRow {
    /// The row.
    Row(RowImage),
    /// There was none.
    NoRow,
    /// Nobody knows it: it was too long to be kept, only an application logged the edit, or the table has other columns now.
    Unknown,
}

/// Shows a conflict. Changes nothing.
pub fn show(home: &mut Home<'_>, id: u64) -> Result<Shown, Error> {
    const EARLIER_MAX: u64 = 100;
    expect_central(home)?;
    let ground = Ground::read(home)?;
    let mut session = home.connect()?;
    let line = ledger::find_line(&mut session, id, false)?.ok_or(ReviewFault::NoSuch { id })?;
    let sight = look(&mut session, &ground, vec![line], false)?.pop().ok_or(ReviewFault::NoSuch { id })?;
    let wish = |choice| plan(&sight, &choice).map(|plan| plan.edit.then);
    let earlier = ledger::earlier_states(&mut session, Some(id), 0, EARLIER_MAX)?;
    Ok(Shown {
        approve: wish(Choice::Approve),
        reject: wish(Choice::Reject),
        related: related(&mut session, &ground, &sight)?,
        heard_before: heard_before(&mut session, &sight)?,
        beside: ledger::open_beside(&mut session, &sight.line.head)?,
        earlier: earlier.into_iter().map(|(_, state)| state).collect(),
        decisions: ledger::decisions_of(&mut session, id)?,
        has_moved_on: sight.has_moved_on() && sight.table.is_ok(),
        fingerprint: sight.fingerprint(),
        before: match (&sight.before, sight.line.head.op) {
            (Side::Known(None), Op::Update | Op::Delete) => ShownRow::Unknown,
            (side, _) => shown_row(side),
        },
        central: shown_row(&sight.central),
        lab: shown_row(&sight.lab),
        now: sight.now,
        shape: sight.shape,
        lost: sight.lost,
        line: sight.line,
    })
}

fn shown_row(side: &Side) -> ShownRow {
    match side {
        Side::Known(Some(row)) => ShownRow::Row(row.clone()),
        Side::Known(None) => ShownRow::NoRow,
        Side::Unknown => ShownRow::Unknown,
    }
}

fn heard_before(session: &mut Session, sight: &Sight) -> Result<Option<(u64, Stamp)>, Error> {
    let Some(bundle) = sight.line.bundle.as_deref().and_then(|name| name.parse().ok()) else {
        return Ok(None);
    };
    Ok(ledger::applied_before(session, &bundle)?)
}

impl ShownRow {
    /// The row, where there is one that is known.
    pub fn row(&self) -> Option<&RowImage> {
        match self {
            ShownRow::Row(row) => Some(row),
            ShownRow::NoRow | ShownRow::Unknown => None,
        }
    }
}
