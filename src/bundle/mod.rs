//! The .mule format: the only module that knows its bytes. bundles/FORMAT.md is the law.

mod keys;

pub use keys::{Identity, KeyError, KeyId, Recipient, SigningKey, VerifyingKey};
