//! Stops a bundle that deletes much of a table: was the table emptied, or put back from a backup?

use std::collections::HashMap;

use crate::apply::error::Error;
use crate::db::{Session, sql};
use crate::model::TableName;

/// Counts deletes by table, and how many rows there were.
pub(super) struct Guard {
    percent_max: u64,
    deletes: HashMap<TableName, u64>,
    rows: HashMap<TableName, u64>,
}

impl Guard {
    pub(super) fn new(percent_max: u64) -> Self {
        Guard { percent_max, deletes: HashMap::new(), rows: HashMap::new() }
    }

    /// Counts deletes that have just been done; the transaction is still open. Small numbers are nobody's emptied table, and counting
    /// the rows of a table costs, so only a table that loses many rows is looked at.
    pub(super) fn count(
        &mut self,
        session: &mut Session,
        table: &TableName,
        deletes: u64,
    ) -> Result<(), Error> {
        const DELETES_MIN: u64 = 1000;
        let total = self.deletes.entry(table.clone()).or_default();
        *total += deletes;
        if deletes == 0 || *total < DELETES_MIN || self.percent_max >= 100 {
            return Ok(());
        }
        let rows = match self.rows.get(table) {
            Some(rows) => *rows,
            None => {
                let query = format!("SELECT COUNT(*) FROM {}", sql::name(table.as_str()));
                let left: u64 = session.first(&query)?.map_or(Ok(0), |row| row.parse(0))?;
                *self.rows.entry(table.clone()).or_insert(left + *total)
            }
        };
        let (deletes, percent) = (*total, *total * 100 / rows.max(1));
        if percent > self.percent_max {
            let (table, limit) = (table.clone(), self.percent_max);
            return Err(Error::TooManyDeletes { table, deletes, rows, percent, limit });
        }
        Ok(())
    }
}
