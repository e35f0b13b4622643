//! MySQL and MariaDB. The only module that names the driver.
//!
//! Text protocol throughout: both servers then print every value in one spelling, and statements of
//! many rows are not bound by the number of placeholders.

mod catalog;
mod column;
mod error;
mod foreign;
mod migrate;
mod order;
mod own_table;
mod session;
mod shared;
pub mod sql;
mod target;
mod write;

pub use catalog::{Catalog, Table, Trigger, Unshareable};
pub use column::ColumnDetail;
pub use error::{Class, Error};
pub use foreign::{ForeignKey, OnParent};
pub use migrate::{Migration, migrate};
pub use order::{Rank, rank};
pub use own_table::{Ensured, blocked_table, ensure_table};
pub use session::{Flavour, Row, Session};
pub use shared::{
    Keyed, Stopped, all_keys, all_rows, canonical, canonical_keys, count_rows, keys_sql, read_rows,
    rows_by_key,
};
pub use target::{Password, Target, Tls};
pub use write::{delete_rows, insert_rows, respell_key, update_rows, upsert_rows};
