//! What the tests stand on: one shared server, sites on it, the real program run on them, and their rows compared.

#![allow(dead_code, unused_imports, reason = "each subject takes what it needs")]

mod centre;
mod certificates;
mod counts;
mod delivery;
mod edits;
mod event;
mod family;
mod fault;
mod forge;
mod ground;
mod line;
mod online;
mod oracle;
mod pair;
mod people;
mod program;
mod reviewed;
mod round;
mod rows;
mod saved;
mod served;
mod server;
mod site;
mod subjects;
mod sweep;
mod tally;
mod visitor;
mod wire;
mod world;

pub(crate) use centre::{Centre, enrol, part, password, sending, sign_in};
pub(crate) use certificates::{Authority, Certificate};
pub(crate) use delivery::{Delivered, Met};
pub(crate) use edits::{Editor, Edits};
pub(crate) use family::Family;
pub(crate) use fault::{Fault, STDERR, calls_of};
pub(crate) use forge::{Anatomy, Villain, inserted, resigned, row, signing_key, stripped_and_signed, table};
pub(crate) use ground::{Ground, Outcome, Which};
pub(crate) use line::{Line, Road};
pub(crate) use online::{mail_url, open_mail, set_central};
pub(crate) use pair::{COUNT_WRITES, Pair, SCHEMA, files};
pub(crate) use program::{Ran, peak_memory_kib};
pub(crate) use reviewed::{ALL_WAIT, REVIEW_SCHEMA, stock};
pub(crate) use round::Round;
pub(crate) use rows::{assert_equal, differences};
pub(crate) use saved::{Saved, SavedFolder, contents};
pub(crate) use served::{PASSWORD, Served, let_in};
pub(crate) use server::{Statements, server, server_of, server_options};
pub(crate) use site::{Role, TestSite, bundles_in};
pub(crate) use sweep::Sweep;
pub(crate) use tally::Tally;
pub(crate) use visitor::{Page, Visitor};
pub(crate) use wire::{Cut, Wire};
