//! Writes decided rows with few statements. One that fails is halved until the row at fault stands alone.

use std::collections::HashSet;

use crate::apply::error::Error;
use crate::apply::obstacle::obstacles;
use crate::apply::order::{Order, Refusal};
use crate::db::{self, Catalog, Class, Session, Table};
use crate::model::{Op, RowKey};

/// When many rows are looked at together for what stands in their way.
#[derive(Clone, Copy)]
pub(super) enum Look<'c> {
    /// Before they are written: they were refused once.
    First(&'c Catalog),
    /// Once a statement was refused: mostly nothing is in the way.
    Refused(&'c Catalog),
    /// Never: foreign keys are not checked, or the rows are few.
    Never,
}

/// Writes all orders of one batch: deletes, then updates, then inserts. Returns those that the database refuses.
///
/// InnoDB undoes a statement that fails as a whole, so no savepoint is needed to try again with fewer rows.
pub(super) fn write(
    session: &mut Session,
    table: &Table,
    orders: &[Order<'_>],
    look: Look<'_>,
) -> Result<Vec<Refusal>, Error> {
    let mut refusals = Vec::new();
    let goes_alone = |order: &&Order<'_>| order.row.is_some_and(|row| db::goes_alone(table, row));
    let mut writing = Writing { session, table, look, all: orders };
    let (alone, together): (Vec<&Order<'_>>, Vec<&Order<'_>>) = orders.iter().partition(goes_alone);
    for op in [Op::Delete, Op::Update, Op::Insert] {
        let of_op = |order: &&&Order<'_>| order.op() == op;
        for order in alone.iter().filter(of_op) {
            writing.halving(op, &[order], &mut refusals)?;
        }
        let same: Vec<&Order<'_>> = together.iter().filter(of_op).copied().collect();
        let mut rest = same.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(writing.session, rest));
            writing.some(op, now, &mut refusals)?;
            rest = later;
        }
    }
    Ok(refusals)
}

/// The rows of one table that are written together.
struct Writing<'w> {
    session: &'w mut Session,
    table: &'w Table,
    look: Look<'w>,
    all: &'w [Order<'w>],
}

/// How many of the first orders fit into one statement; at least one.
fn fitting(session: &Session, orders: &[&Order<'_>]) -> usize {
    // Bytes are written as two hexadecimal digits each, and text may need escapes.
    let room = session.packet_bytes_max().saturating_sub(1 << 16) / 2;
    let mut used = 0;
    let fits = orders.iter().take_while(|order| {
        used += order.row.map_or(64, |row| row.size_bytes() + 4 * row.0.len());
        used <= room
    });
    fits.count().max(1)
}

impl Writing<'_> {
    /// Writes orders of one sort. What stands in the way of many is found with few questions.
    fn some(&mut self, op: Op, orders: &[&Order<'_>], refusals: &mut Vec<Refusal>) -> Result<(), Error> {
        if let Look::First(catalog) = self.look {
            let left = self.without_obstacles(catalog, orders, refusals)?;
            return self.halving(op, &left, refusals);
        }
        let error = match write_once(self.session, self.table, op, orders) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        match (self.look, error.class()) {
            (Look::Refused(catalog), Some(Class::ForeignKey | Class::Duplicate)) if orders.len() > 1 => {
                let left = self.without_obstacles(catalog, orders, refusals)?;
                match left.len() == orders.len() {
                    true => self.halve(op, orders, &error, refusals),
                    false => self.halving(op, &left, refusals),
                }
            }
            _ => self.refused(op, orders, error, refusals),
        }
    }

    /// Leaves out the orders in whose way something is known to stand.
    fn without_obstacles<'o>(
        &mut self,
        catalog: &Catalog,
        orders: &[&'o Order<'o>],
        refusals: &mut Vec<Refusal>,
    ) -> Result<Vec<&'o Order<'o>>, Error> {
        let found = obstacles(self.session, catalog, self.table, orders, self.all)?;
        let out: HashSet<usize> = found.iter().map(|refusal| refusal.at).collect();
        refusals.extend(found);
        Ok(orders.iter().filter(|order| !out.contains(&order.at)).copied().collect())
    }

    fn halving(&mut self, op: Op, orders: &[&Order<'_>], refusals: &mut Vec<Refusal>) -> Result<(), Error> {
        if orders.is_empty() {
            return Ok(());
        }
        match write_once(self.session, self.table, op, orders) {
            Ok(()) => Ok(()),
            Err(error) => self.refused(op, orders, error, refusals),
        }
    }

    fn refused(
        &mut self,
        op: Op,
        orders: &[&Order<'_>],
        error: db::Error,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        match error.class() {
            Some(Class::ForeignKey | Class::Duplicate | Class::Value) => {
                self.halve(op, orders, &error, refusals)
            }
            Some(Class::TryAgain | Class::LineLost | Class::Rights | Class::Other) | None => {
                Err(error.into())
            }
        }
    }

    fn halve(
        &mut self,
        op: Op,
        orders: &[&Order<'_>],
        error: &db::Error,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        match orders {
            [] => Ok(()),
            [order] => {
                refusals.push(Refusal::new(order.at, error));
                Ok(())
            }
            // Where one of a few is refused the others often are, too: each alone is fewer statements than halves of halves.
            few if few.len() <= ALONE_MAX => {
                few.iter().try_for_each(|order| self.halving(op, &[order], refusals))
            }
            many => {
                let (first, second) = many.split_at(many.len() / 2);
                self.halving(op, first, refusals)?;
                self.halving(op, second, refusals)
            }
        }
    }
}

/// Of how many rows each is tried alone when one of them was refused.
const ALONE_MAX: usize = 16;

/// Whether this is a row that shares no statement: it is written by the plainest one.
fn is_alone(table: &Table, orders: &[&Order<'_>]) -> bool {
    matches!(orders, [order] if order.row.is_some_and(|row| db::goes_alone(table, row)))
}

fn write_once(session: &mut Session, table: &Table, op: Op, orders: &[&Order<'_>]) -> Result<(), db::Error> {
    let rows = || orders.iter().filter_map(|order| order.row).collect::<Vec<_>>();
    match op {
        Op::Delete => {
            let keys: Vec<&RowKey> = orders.iter().map(|order| &order.key).collect();
            db::delete_rows(session, table, &keys)
        }
        Op::Update if table.has_foreign_triggers() || is_alone(table, orders) => {
            db::update_rows(session, table, &rows())
        }
        Op::Update => match db::upsert_rows(session, table, &rows()) {
            // MariaDB knows no ON DUPLICATE KEY UPDATE for a key WITHOUT OVERLAPS
            Err(error) if error.code() == Some(NOT_SUPPORTED) => db::update_rows(session, table, &rows()),
            outcome => outcome,
        },
        Op::Insert => db::insert_rows(session, table, &rows()),
    }
}

/// The servers' error for what they do not do.
const NOT_SUPPORTED: u16 = 1235;
