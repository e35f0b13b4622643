//! MySQL and MariaDB. The only module that names the driver.
//!
//! Text protocol throughout: both servers then print every value in one spelling, and statements of
//! many rows are not bound by the number of placeholders.

mod account;
mod catalog;
mod column;
mod default;
mod definition;
mod error;
mod foreign;
mod grants;
mod held;
mod integer;
mod json_sql;
mod key_steps;
mod layout;
mod members;
mod migrate;
mod named;
mod order;
mod own_table;
mod respell;
mod session;
mod shared;
pub mod sql;
mod target;
mod tls;
mod write;

pub use account::{Account, Line, Pattern};
pub use catalog::{Catalog, Table, Trigger, Unshareable};
pub use column::{Cell, ColumnDetail};
pub use definition::definition;
pub use error::{Class, Error};
pub use foreign::{ForeignKey, OnParent};
pub use grants::Grants;
pub use held::{Holders, canonical_values, held_counts, holders, with_children};
pub use integer::integer_max;
pub use json_sql::{JsonLoss, json_loss};
pub use key_steps::{Kept, KeySteps};
pub use layout::{ColumnLayout, OutsideKey, TableLayout, load_layouts, load_outside_keys};
pub use members::members;
pub use migrate::{Migration, migrate};
pub use named::Named;
pub use order::{Rank, rank};
pub use own_table::{Ensured, blocked_table, ensure_table};
pub use respell::{has_own_spelling, respell};
pub use session::{Flavour, Row, Session};
pub use shared::{
    Keyed, Stopped, all_keys, all_rows, canonical, canonical_keys, count_rows, keyed_by_key, keys_sql,
    read_rows, rows_by_key,
};
pub use target::{Password, Target, Tls};
pub use tls::TlsFault;
pub use write::{delete_rows, goes_alone, insert_rows, respell_key, update_rows, upsert_rows};
