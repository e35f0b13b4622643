//! A conflict as it is now: its rows in the shape of the table here, and the row at the centre.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::conflict::{Dispute, Placed, Rules, same_row};
use crate::db::{self, Catalog, Session, Table};
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::engine::review::fault::ReviewFault;
use crate::engine::review::fingerprint::Fingerprint;
use crate::engine::rules::checked_rules;
use crate::ledger::{self, Line, Status};
use crate::model::{
    Column, ColumnKind, Op, RowImage, RowKey, TableName, TableShape, key_from_log, row_from_json,
    row_json_columns, row_to_json,
};

/// The tables here and their rules, read once for a command.
pub(super) struct Ground {
    pub(super) catalog: Catalog,
    pub(super) rules: BTreeMap<TableName, Rules>,
    tables: BTreeMap<TableName, Arc<Table>>,
    shared: BTreeSet<TableName>,
}

impl Ground {
    pub(super) fn read(home: &mut Home<'_>) -> Result<Self, Error> {
        let catalog = Catalog::load(&mut home.session)?;
        let rules = checked_rules(home.settings, &catalog)?;
        let shared = ledger::shared_tables(&mut home.session)?;
        let tables = catalog.tables.iter().map(|(name, table)| (name.clone(), Arc::new(table.clone())));
        Ok(Ground { tables: tables.collect(), catalog, rules, shared })
    }

    fn table(&self, name: &TableName) -> Result<&Arc<Table>, ReviewFault> {
        let changed = |why: &str| ReviewFault::TableChanged { table: name.clone(), why: why.to_owned() };
        let here = self.catalog.shareable(name).and_then(|here| self.tables.get(here));
        let table = here.ok_or_else(|| changed("there is no such table any more"))?;
        match self.shared.contains(&table.shape.name) {
            true => Ok(table),
            false => Err(changed("the table is not synced any more")),
        }
    }
}

/// One of the rows of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Side {
    /// The row, or that there was none.
    Known(Option<RowImage>),
    /// It was too long to be kept, or the table has lost columns since.
    Unknown,
}

impl Side {
    pub(super) fn row(&self) -> Option<&RowImage> {
        match self {
            Side::Known(row) => row.as_ref(),
            Side::Unknown => None,
        }
    }
}

/// A conflict as it is now.
pub(super) struct Sight {
    pub(super) line: Line,
    /// The table with the columns that the line knows; or why there is none.
    pub(super) table: Result<Tables, ReviewFault>,
    /// The columns that the line knows.
    pub(super) shape: TableShape,
    /// Columns of the lab's row that the table does not have any more.
    pub(super) lost: Vec<String>,
    pub(super) rules: Placed,
    pub(super) before: Side,
    pub(super) central: Side,
    pub(super) lab: Side,
    pub(super) stood: Side,
    /// The row at the centre, in the columns that the line knows.
    pub(super) now: Option<RowImage>,
    /// The same in all columns of the table.
    pub(super) now_whole: Option<RowImage>,
    /// A column of it that cannot be read exactly.
    pub(super) doubted: Option<String>,
}

/// A table, whole and as a line knows it, and the row's key.
pub(super) struct Tables {
    pub(super) whole: Arc<Table>,
    pub(super) known: Table,
    pub(super) key: RowKey,
}

/// Looks at conflicts, with one read for all rows of a table. With `lock`, the rows stay as they are until the transaction ends.
pub(super) fn look(
    session: &mut Session,
    ground: &Ground,
    lines: Vec<Line>,
    lock: bool,
) -> Result<Vec<Sight>, Error> {
    let mut sights: Vec<Sight> = lines.into_iter().map(|line| Sight::new(ground, line)).collect();
    let mut by_table: BTreeMap<TableName, Vec<usize>> = BTreeMap::new();
    for (at, sight) in sights.iter().enumerate() {
        if let Ok(tables) = &sight.table {
            by_table.entry(tables.whole.shape.name.clone()).or_default().push(at);
        }
    }
    for places in by_table.into_values() {
        let keyed = |at: &usize| {
            let tables = sights.get(*at)?.table.as_ref().ok()?;
            Some((*at, tables.key.clone(), tables.whole.clone()))
        };
        let found: Vec<(usize, RowKey, Arc<Table>)> = places.iter().filter_map(keyed).collect();
        let Some((_, _, whole)) = found.first() else {
            continue;
        };
        let keys: Vec<RowKey> = found.iter().map(|(_, key, _)| key.clone()).collect();
        let canonicals = db::canonical_keys(session, whole, &keys)?;
        let rows = db::keyed_by_key(session, whole, &keys, &canonicals, lock)?;
        let rows: HashMap<Vec<u8>, (RowImage, Option<String>)> =
            rows.into_iter().map(|(canonical, keyed)| (canonical, (keyed.row, keyed.doubted))).collect();
        for ((at, ..), canonical) in found.iter().zip(&canonicals) {
            if let (Some(sight), Some((row, doubted))) = (sights.get_mut(*at), rows.get(canonical)) {
                sight.now = sight.table.as_ref().ok().map(|tables| tables.narrow(row));
                sight.now_whole = Some(row.clone());
                sight.doubted.clone_from(doubted);
            }
        }
    }
    Ok(sights)
}

impl Tables {
    /// A row of the whole table in the columns that the line knows.
    fn narrow(&self, row: &RowImage) -> RowImage {
        let place = |name: &String| self.whole.details.iter().position(|detail| detail.name == *name);
        let cells = self.known.details.iter().filter_map(|detail| row.0.get(place(&detail.name)?).cloned());
        RowImage(cells.collect())
    }
}

impl Sight {
    fn new(ground: &Ground, line: Line) -> Sight {
        let rows = [&line.before_row, &line.central_row, &line.lab_row, &line.written_row];
        let columns: Vec<Vec<String>> =
            rows.into_iter().flatten().map(|text| row_json_columns(text)).collect();
        let table = ground.table(&line.head.table).and_then(|whole| known(whole, &line, &columns));
        let shape = match &table {
            Ok(tables) => tables.known.shape.clone(),
            Err(_) => made_up(&line.head.table, columns.last()),
        };
        let types: Vec<&str> = match &table {
            Ok(tables) => tables.known.details.iter().map(|detail| detail.column_type.as_str()).collect(),
            Err(_) => Vec::new(),
        };
        let rules =
            table.as_ref().ok().and_then(|tables| ground.rules.get(&tables.whole.shape.name)).cloned();
        let rules = rules.unwrap_or_default().place(&shape, &types);
        let here = |name: &String| match &table {
            Ok(tables) => tables.whole.details.iter().any(|detail| detail.name == *name),
            Err(_) => true,
        };
        let of_lab = line.lab_row.as_deref().map(row_json_columns).unwrap_or_default();
        let lost = of_lab.into_iter().filter(|name| !here(name)).collect();
        let too_long = |name| ledger::was_too_long(line.head.note.as_deref(), name);
        let side = |text: &Option<String>, is_cut: bool| match text {
            Some(text) => row_from_json(&shape, text).map_or(Side::Unknown, |row| Side::Known(Some(row))),
            None if is_cut => Side::Unknown,
            None => Side::Known(None),
        };
        Sight {
            before: side(&line.before_row, too_long("before")),
            central: side(&line.central_row, too_long("central")),
            lab: side(&line.lab_row, line.head.op != Op::Delete),
            stood: side(&line.written_row, too_long("written") || too_long("central")),
            table,
            shape,
            lost,
            rules,
            now: None,
            now_whole: None,
            doubted: None,
            line,
        }
    }

    /// Whether a person or a rule has decided; `None`: nobody has.
    pub(super) fn decider(&self) -> Option<&str> {
        match self.line.head.status {
            Status::Open => None,
            Status::Decided => Some(self.line.head.decided_by.as_deref().unwrap_or_default()),
        }
    }

    /// What a person who looks now sees.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let now = match (&self.now_whole, &self.table) {
            (Some(row), Ok(tables)) => Some(row_to_json(&tables.whole.shape, row)),
            (Some(_) | None, _) => None,
        };
        Fingerprint::of(now.as_deref(), self.line.lab_row.as_deref(), self.line.head.status.word())
    }

    /// Whether the row at the centre is another one than the line says.
    pub(super) fn has_moved_on(&self) -> bool {
        match &self.stood {
            Side::Known(stood) => !self.is_now(stood.as_ref()),
            Side::Unknown => true,
        }
    }

    /// Whether this is the row at the centre.
    pub(super) fn is_now(&self, row: Option<&RowImage>) -> bool {
        match (row, &self.now) {
            (None, None) => true,
            (Some(row), Some(now)) => same_row(&self.shape, row, now),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// What the two sides disagree on. Needs the rows that say what a rule has made of the centre's.
    pub(super) fn dispute(&self) -> Result<Dispute<'_>, ReviewFault> {
        let is_untouched = self.line.central_row == self.line.written_row;
        let not_kept = |whose| ReviewFault::RowNotKept { id: self.line.head.id, whose };
        let (central, stood) = match (&self.central, &self.stood) {
            (Side::Known(central), Side::Known(stood)) => (central.as_ref(), stood.as_ref()),
            // Nothing of the lab is in the row: it need not be known to be left as it is.
            (Side::Unknown, _) | (_, Side::Unknown) if is_untouched => (None, None),
            (Side::Unknown, _) => return Err(not_kept("the centre's")),
            (Side::Known(_), Side::Unknown) => return Err(not_kept("the written")),
        };
        Ok(Dispute {
            shape: &self.shape,
            rules: &self.rules,
            before: self.before.row(),
            central,
            lab: self.lab.row(),
            stood,
            now: self.now.as_ref(),
        })
    }

    /// The row as the centre wants it.
    pub(super) fn central_wish(&self) -> Result<Option<RowImage>, ReviewFault> {
        Ok(self.dispute()?.central_wish())
    }

    /// The row as the lab wants it.
    pub(super) fn lab_wish(&self) -> Result<Option<RowImage>, ReviewFault> {
        if self.lab == Side::Unknown {
            return Err(ReviewFault::RowNotKept { id: self.line.head.id, whose: "the lab's" });
        }
        Ok(self.dispute()?.lab_wish())
    }
}

/// The table as the line knows it: what every row of it has, and the table still has.
fn known(whole: &Arc<Table>, line: &Line, columns: &[Vec<String>]) -> Result<Tables, ReviewFault> {
    let changed = |why: String| ReviewFault::TableChanged { table: whole.shape.name.clone(), why };
    let in_all = |name: &String| columns.iter().all(|known| known.contains(name));
    let details: Vec<_> = whole.details.iter().filter(|detail| in_all(&detail.name)).cloned().collect();
    let known = whole.narrowed(details);
    let known = known.ok_or_else(|| changed("it has another primary key now".to_owned()))?;
    let key = key_from_log(&known.shape, &line.head.record_id);
    let key = key.ok_or_else(|| changed("its primary key is of another type now".to_owned()))?;
    Ok(Tables { whole: Arc::clone(whole), known, key })
}

/// The columns of a line whose table is not there any more, all as texts: only to be shown.
fn made_up(table: &TableName, columns: Option<&Vec<String>>) -> TableShape {
    let column = |name: &String| Column { name: name.clone(), kind: ColumnKind::Text };
    let columns = columns.map(|names| names.iter().map(column).collect()).unwrap_or_default();
    TableShape { name: table.clone(), columns, key: Vec::new() }
}
