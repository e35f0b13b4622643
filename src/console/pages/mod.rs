//! The pages, one file for what a person asks.

pub(super) mod bulk;
pub(super) mod bundles;
pub(super) mod cards;
pub(super) mod conflict;
pub(super) mod conflicts;
pub(super) mod decide;
pub(super) mod health;
pub(super) mod keys;
pub(super) mod lab;
pub(super) mod labs;
pub(super) mod metrics;
pub(super) mod sign_in;
pub(super) mod transfer;

use axum::http::HeaderValue;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};

use chrono::Utc;

use crate::model::Stamp;

/// Now, by this computer's clock.
fn now() -> Stamp {
    Stamp::from_micros(Utc::now().timestamp_micros())
}

/// Goes on to another page, as is done after every form: going back or reloading then repeats nothing.
fn go(path: &str) -> Response {
    let to = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (axum::http::StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}
