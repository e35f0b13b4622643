//! The .mule format: the only module that knows its bytes. bundles/FORMAT.md is the law.
//!
//! ```text
//!   PayloadWriter --> PayloadSummary --> assemble            out: any Write
//!   Unverified --> Verified --> Checked --> PayloadReader    in:  any Read
//! ```
//!
//! Each arrow on the way in is a check that passed; there is no other way to the rows.

mod about;
mod assemble;
mod clock;
mod copy;
mod error;
mod fault;
mod follows;
mod had;
mod hashes;
mod head;
mod header;
mod inspect;
mod keyring;
mod keys;
pub mod limits;
mod line;
mod lines;
mod manifest;
mod manifest_text;
mod passphrase;
mod payload;
mod reader;
mod signature;
mod table_list;
mod tar;
mod text;
mod writer;

pub use about::{PROGRAM_SETTING, SERVER_SETTING, about_from_setting};
pub use assemble::assemble;
pub use copy::Checked;
pub use error::{Error, Layout, Part};
pub use fault::{LineFault, ManifestFault};
pub use follows::{DIGESTS_MAX, FOLLOWS_SETTING, Follows, follows_from_setting, follows_to_setting};
pub use had::{HAD_SETTING, had_from_setting, had_to_setting};
pub use head::PayloadHead;
pub use header::{Header, Receipt};
pub use inspect::describe;
pub use keyring::{KeyRing, RetiredKey};
pub use keys::{Identity, KeyError, KeyId, PublicKeys, Recipient, SigningKey, VerifyingKey};
pub use manifest::{Manifest, PayloadInfo};
pub use passphrase::{lock_text, unlock_text};
pub use payload::{Event, PayloadReader, read_lines};
pub use reader::{Unverified, Verified};
pub use table_list::{
    KEPT_SETTING, LEFT_OUT_SETTING, TABLES_SETTING, names_from_setting, names_to_setting,
    tables_from_setting, tables_to_setting,
};
pub use writer::{PayloadSummary, PayloadWriter};

#[cfg(test)]
mod bomb_tests;
#[cfg(test)]
mod forge;
#[cfg(test)]
mod sample_faults;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tar_tests;
#[cfg(test)]
mod tests;
