//! A lab on MariaDB with a centre on MySQL, and the reverse: every type goes over and back, or is told of in plain words.
//!
//! Needs both servers, so it is a test of its own that runs only when it is named: `./dev test --mixed`.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

mod carried;
mod clocks;
mod exact;
mod keys;
mod kinds;
mod online;
mod told;

#[path = "../it/harness/mod.rs"]
mod harness;
