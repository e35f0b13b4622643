//! One file a command.

pub mod config_show;
pub mod conflicts;
pub mod demo;
pub mod doctor;
pub mod enrol;
pub mod export;
pub mod history;
pub mod import;
pub mod init;
pub mod inspect;
pub mod join;
pub mod key_care;
pub mod keys;
pub mod pull;
pub mod push;
pub mod recover;
pub mod run;
pub mod serve;
pub mod sites;
pub mod status;
pub mod sync;
pub mod tables;
pub mod users;
pub mod verify;
