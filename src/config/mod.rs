//! What a site is told from outside the database: its settings, its keys, its cards.
//!
//! Text goes in, checked values come out; nothing here talks to a database. A file that holds a secret is
//! written for its owner alone and refused when others may read it.

mod administrator;
mod agent;
mod backup;
mod card;
mod card_content;
mod central_section;
mod client_file;
mod create;
mod database;
mod error;
mod every;
mod fault;
mod files;
mod key_turn;
mod keys;
mod lock;
mod mail;
mod mail_access;
mod place;
mod reader;
mod references;
mod rules;
mod sealed;
mod secret;
mod settings;
mod signed_text;
mod size;
mod suggest;
mod table_rules;
mod url;
mod witness;
mod words;

pub use administrator::{AdminDatabase, Administrator};
pub use agent::Agent;
pub use backup::KeyBackup;
pub use card::{AnswerCard, SiteCard, VerifiedAnswer, VerifiedSite};
pub use central_section::{CentralLines, write_central};
pub use create::{NewSettings, set_tables};
pub use database::{Database, Password, Tls};
pub use error::{CardError, Error};
pub use every::parse as parse_duration;
pub use fault::{Excerpt, Fault, Problem, SyntaxError};
pub use key_turn::NextKeys;
pub use keys::{KeyFolder, Keys};
pub use lock::{KeyLock, Passphrase, read_passphrase};
pub use mail::MailQuota;
pub use mail_access::MailAccess;
pub use place::{find, for_new, state_for};
pub use references::Reference;
pub use rules::{Policy, TableRules, Tables, UnknownWord};
pub use sealed::{CentralAccess, SealedAccess};
pub use secret::{Secret, new_password};
pub use settings::{Central, Settings, Shown, Source};
pub use size::parse_rate;
pub use suggest::nearest;
pub use url::{DatabaseUrl, UrlError};
pub use witness::{Sealed, Witness};
pub use words::six_words;
