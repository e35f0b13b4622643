//! One file a command.

pub mod config_show;
pub mod demo;
pub mod keys;
