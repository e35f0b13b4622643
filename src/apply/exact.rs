//! Writes rows, and takes back those that a column here would have kept as something else.
//!
//! No sql_mode makes a server refuse everything that it cannot keep: digits behind the point, fractions of a second,
//! half of a DOUBLE and spaces at an end go in silence, a BINARY is filled up, and a number in quotes is a place in
//! an ENUM's list. A row of which that is to be feared is read back before it counts.

use std::collections::HashSet;

use crate::apply::error::Error;
use crate::apply::order::{Order, Refusal};
use crate::apply::width::Widths;
use crate::apply::write::{Look, write};
use crate::conflict::Kind;
use crate::db::{self, ColumnDetail, Session, Table};
use crate::model::{ColumnKind, RowImage, RowKey, Value, hex_from_bytes};

/// Writes all orders of one batch. Returns those that the database refuses, and those whose values it would not keep.
pub(super) fn write_exactly(
    session: &mut Session,
    table: &Table,
    orders: &[Order<'_>],
    look: Look<'_>,
) -> Result<Vec<Refusal>, Error> {
    let widths = Widths::of(table);
    let is_doubtful = |order: &&Order<'_>| order.row.is_some_and(|row| !widths.keep(row));
    if !orders.iter().any(|order| is_doubtful(&order)) {
        return write(session, table, orders, look);
    }
    let sure: Vec<Order<'_>> = orders.iter().filter(|order| !is_doubtful(order)).cloned().collect();
    let mut doubtful: Vec<Order<'_>> = orders.iter().filter(is_doubtful).cloned().collect();
    let mut refusals = write(session, table, &sure, look)?;
    // What was taken back may have been in the way of others, or their parent: so they are written once more.
    while !doubtful.is_empty() {
        session.execute("SAVEPOINT packmule_exact")?;
        let refused = write(session, table, &doubtful, look)?;
        let altered = altered(session, table, &widths, &doubtful, &refused)?;
        if altered.is_empty() {
            refusals.extend(refused);
            break;
        }
        session.execute("ROLLBACK TO SAVEPOINT packmule_exact")?;
        let out: HashSet<usize> = altered.iter().map(|refusal| refusal.at).collect();
        doubtful.retain(|order| !out.contains(&order.at));
        refusals.extend(altered);
    }
    Ok(refusals)
}

/// Those of the rows just written that are not what was to be written.
fn altered(
    session: &mut Session,
    table: &Table,
    widths: &Widths<'_>,
    orders: &[Order<'_>],
    refused: &[Refusal],
) -> Result<Vec<Refusal>, Error> {
    let refused: HashSet<usize> = refused.iter().map(|refusal| refusal.at).collect();
    let written: Vec<(usize, &RowKey, &RowImage)> = orders
        .iter()
        .filter(|order| !refused.contains(&order.at))
        .filter_map(|order| Some((order.at, &order.key, order.row?)))
        .collect();
    let keys: Vec<RowKey> = written.iter().map(|(_, key, _)| (*key).clone()).collect();
    let canonicals = db::canonical_keys(session, table, &keys)?;
    let found = db::rows_by_key(session, table, &keys, &canonicals, true)?;
    let mut altered = Vec::new();
    for ((at, _, row), canonical) in written.into_iter().zip(&canonicals) {
        let note = match found.get(canonical) {
            None => Some("its key would become another one here".to_owned()),
            Some(found) => {
                widths.altered(row, found).map(|(detail, wanted, found)| words(detail, wanted, found))
            }
        };
        altered.extend(note.map(|note| Refusal { at, kind: Kind::Value, note }));
    }
    Ok(altered)
}

/// `column price is decimal(10,2) here and would hold '1.24' instead of '1.239'`
fn words(detail: &ColumnDetail, wanted: &Value, found: &Value) -> String {
    let name = &detail.name;
    if let (ColumnKind::Json, Value::Text(text)) = (detail.kind, wanted)
        && let Some(loss) = db::json_loss(text)
    {
        return format!("column {name} would be altered: {loss}");
    }
    let (wanted, found) = (shown(wanted), shown(found));
    match detail.generated {
        true => format!("column {name} is computed here and would be {found} instead of {wanted}"),
        false => format!(
            "column {name} is {} here and would hold {found} instead of {wanted}",
            shortened(&detail.column_type)
        ),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) => format!("'{}'", shortened(text)),
        Value::Bytes(bytes) => format!("0x{}", shortened(&hex_from_bytes(bytes))),
    }
}

/// The row itself stands in `conflict_log` in full.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((cut, _)) => format!("{}...", text.get(..cut).unwrap_or_default()),
        None => text.to_owned(),
    }
}
