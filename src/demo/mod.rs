//! The demo: private, throw-away database servers, and the story told on them.
//!
//! The integration tests and the bench run on the same servers, so what people are shown is what is tested.

mod binary;
mod by_hand;
mod clashes;
mod compare;
mod console;
mod edits;
mod error;
mod keeper;
mod rounds;
mod say;
mod server;
mod stage;
mod story;
mod template;
mod trouble;

pub use binary::{Flavour, INSTALL_HINT, ServerBinary};
pub use console::play;
pub use error::{ServerError, StoryError};
pub use server::{Durability, PrivateServer, ServerOptions};
pub use story::{StoryOptions, tell};
