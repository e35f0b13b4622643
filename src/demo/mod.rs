//! The demo: private, throw-away database servers, and the story told on them.
//!
//! The integration tests and the bench run on the same servers, so what people are shown is what is tested.

mod binary;
mod error;
mod keeper;
mod server;
mod template;

pub use binary::{Flavour, INSTALL_HINT, ServerBinary};
pub use error::ServerError;
pub use server::{Durability, PrivateServer, ServerOptions};
