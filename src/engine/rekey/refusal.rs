//! Why the keys of a lab cannot be moved. Nothing has been changed when one of these is met.

use crate::db;
use crate::model::{Site, TableName};

/// Why the keys of a lab cannot be moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Other sites know the rows under the keys that they have.
    #[error("the keys of {site} cannot be moved any more")]
    Exchanged {
        /// The lab.
        site: Site,
    },
    /// The settings name a table that is not there.
    #[error("the settings name table {table}, which is not in the database")]
    UnknownTable {
        /// The table as it is written.
        table: TableName,
        /// The table whose name is closest to it.
        near: Option<String>,
    },
    /// The settings name a column that is not there.
    #[error("the settings name column {table}.{column}, which is not in the database")]
    UnknownColumn {
        /// The table.
        table: TableName,
        /// The column as it is written.
        column: String,
        /// The column whose name is closest to it.
        near: Option<String>,
    },
    /// The settings let a column point to one whose values stay as they are.
    #[error("{table}.{column} cannot point to {parent}.{parent_column}, which does not move")]
    NotAKey {
        /// The table.
        table: TableName,
        /// Its column.
        column: String,
        /// The table that is pointed to.
        parent: TableName,
        /// Its column.
        parent_column: String,
    },
    /// A column that points to keys that move and to others that stay.
    #[error("{table}.{column} points to keys that move, and to {parent}.{parent_column}, which stays")]
    PointsElsewhere {
        /// The table.
        table: TableName,
        /// Its column.
        column: String,
        /// The table whose keys stay.
        parent: TableName,
        /// Its column.
        parent_column: String,
    },
    /// A table of another database points to keys that move.
    #[error("table {table} of database {database} points to {parent}.{parent_column}, which would move")]
    FromOutside {
        /// The other database.
        database: String,
        /// Its table.
        table: TableName,
        /// The table whose keys would move.
        parent: TableName,
        /// Its column.
        parent_column: String,
    },
    /// A column that holds no whole numbers.
    #[error("{table}.{column} cannot be moved: it is {column_type}, and keys are whole numbers")]
    NotWhole {
        /// The table.
        table: TableName,
        /// Its column.
        column: String,
        /// Its type.
        column_type: String,
    },
    /// A table without transactions.
    #[error("table {table} cannot be changed together with the others: its engine is {engine}, not InnoDB")]
    NotInnoDb {
        /// The table.
        table: TableName,
        /// Its engine.
        engine: String,
    },
    /// A trigger of the application would run for every row.
    #[error("trigger {trigger} of table {table} would run for every row that moves")]
    Trigger {
        /// The table.
        table: TableName,
        /// Its trigger.
        trigger: String,
    },
    /// A key that is none that counting gives.
    #[error("{table}.{column} holds the key {key}, and only keys from 1 on can be moved")]
    BelowOne {
        /// The table.
        table: TableName,
        /// Its column.
        column: String,
        /// The lowest key.
        key: String,
    },
    /// A key would be too large for its column.
    #[error(
        "{table}.{column} is too small: {highest} would become {place}, and {column_type} holds {max} at most"
    )]
    NoRoom {
        /// The table.
        table: TableName,
        /// Its column.
        column: String,
        /// Its type.
        column_type: String,
        /// The highest key.
        highest: u64,
        /// What would become of it.
        place: u128,
        /// What the type can hold.
        max: u64,
    },
    /// The database refused, for a reason that only it knows.
    #[error("the keys of table {table} could not be moved")]
    Database {
        /// The table.
        table: TableName,
        /// What the server said.
        source: db::Error,
    },
}
