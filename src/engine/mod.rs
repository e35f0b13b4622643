//! The stages joined as straight code. Each file is one thing that a person asks for.
//!
//! The engine reads the clock, the settings and the keys, and hands the stages what they need.

mod arrivals;
mod carry;
mod doctor;
mod enrol;
mod error;
mod feed;
mod follow;
mod history;
mod home;
mod intake;
mod outbox;
mod ready;
mod receive;
mod seal;
mod setup;
mod status;
mod stream;
mod tables;
mod verify;

pub use carry::{Carried, carry};
pub use doctor::{Check, Health, doctor};
pub use enrol::{Enrolled, Joined, enrol, join, open_answer};
pub use error::{Cause, Error};
pub use history::history;
pub use home::Home;
pub use receive::{Import, ImportOptions, Item, ItemOutcome, import, waits_here};
pub use seal::{SealReport, count_unsealed, seal};
pub use setup::{Init, InitPreview, InitReport, init, preview};
pub use status::{Held, PeerStatus, Status, status};
pub use tables::{Remark, TableReport, TableState, add_tables, check_tables, list_tables, remove_tables};
pub use verify::{Proof, inspect, verify};
