//! Mailboxes: the places where closed bundles wait, and the moves between them.
//!
//! A mailbox is a private folder of this site ([`Folder`]: outbox, inbox, quarantine), a stick or share that
//! people carry ([`Stick`]), or the mail in the centre's database ([`Central`]). All list, open, put and remove whole
//! files, by name and by bytes. Nothing here reads more of a bundle's meaning than the first 512 bytes, and those only to
//! tell a bundle from a photo.
//!
//! They differ in how a file comes into being, because what is beneath them differs: a folder renames a finished `.part`,
//! a stick is written in place and read back, the mail shows a bundle only when its last part is there. `local.rs`,
//! `put.rs` and `central/` say why.

mod central;
mod drives;
mod error;
mod existing;
mod local;
mod names;
mod platform;
mod put;
mod scan;
mod stick;
mod transfer;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod sample;

pub use central::{
    Central, Cleared, Listed, Mail, MailError, MailState, Odd, Pace, Parcel, Sent, SentMail, Share, Standing,
    UnderWay,
};
pub use drives::{Choice, Mount, choose, mounts, prepared};
pub use error::Error;
pub use local::{Folder, PartFile, Stored};
pub use names::{display_path, name_hint};
pub use put::{Outcome, Put};
pub use scan::{Found, Scan, scan};
pub use stick::{Stick, open_file};
