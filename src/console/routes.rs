//! Which address leads to which page.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::console::app::App;
use crate::console::guard::guard;
use crate::console::layout::{STYLE, STYLE_PATH};
use crate::console::pages::{
    bulk, bundles, cards, conflict, conflicts, decide, health, keys, lab, labs, metrics, sign_in, transfer,
};
use crate::console::trouble::Trouble;

/// Everything that the console answers to.
pub(super) fn router(app: Arc<App>) -> Router {
    /// A value typed into a form can be as long as a row may be.
    const FORM_BYTES_MAX: usize = 4 << 20;
    Router::new()
        .route("/", get(labs::show))
        .route("/signin", get(sign_in::show).post(sign_in::sign_in))
        .route("/signout", post(sign_in::sign_out))
        .route("/labs/{site}", get(lab::show))
        .route("/labs/{site}/order", post(lab::order))
        .route("/labs/{site}/download", post(transfer::download_for_lab))
        .route("/upload", post(transfer::upload).layer(DefaultBodyLimit::max(transfer::UPLOAD_BYTES_MAX)))
        .route("/bundles", get(bundles::show))
        .route("/bundles/{name}/file", get(transfer::download_bundle))
        .route("/bundles/{name}/verify", post(bundles::verify))
        .route("/conflicts", get(conflicts::show))
        .route("/conflicts/preview", post(bulk::preview))
        .route("/conflicts/decide", post(bulk::decide))
        .route("/conflicts/{id}", get(conflict::show))
        .route("/conflicts/{id}/approve", post(decide::approve))
        .route("/conflicts/{id}/reject", post(decide::reject))
        .route("/conflicts/{id}/merge", post(decide::merge))
        .route("/conflicts/{id}/reopen", post(decide::reopen))
        .route("/keys", get(keys::show))
        .route("/keys/rotate", post(keys::rotate))
        .route("/keys/cards", post(cards::upload))
        .route("/keys/cards/{site}/enrol", post(cards::enrol))
        .route("/keys/cards/{site}/reject", post(cards::reject))
        .route("/keys/answers/{site}", get(cards::answer))
        .route("/health", get(health::show))
        .route("/health/run", post(health::run))
        .route("/metrics", get(metrics::show))
        .route(&STYLE_PATH, get(style))
        .route("/icon.svg", get(icon))
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(Arc::clone(&app), guard))
        .with_state(app)
}

async fn style() -> ([(axum::http::HeaderName, &'static str); 2], &'static str) {
    let headers =
        [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, STYLE)
}

/// A pack on a back: what a tab shows.
async fn icon() -> ([(axum::http::HeaderName, &'static str); 2], &'static str) {
    const ICON: &str = concat!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\">",
        "<rect x=\"3\" y=\"7\" width=\"11\" height=\"14\" rx=\"3\" fill=\"#0b5c8a\"/>",
        "<rect x=\"18\" y=\"7\" width=\"11\" height=\"14\" rx=\"3\" fill=\"#0b5c8a\"/>",
        "<path d=\"M8 7V4h16v3M4 26h24\" fill=\"none\" stroke=\"#8a5200\" stroke-width=\"3\"/></svg>",
    );
    let headers = [(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "public, max-age=86400")];
    (headers, ICON)
}

async fn nothing() -> Trouble {
    Trouble::NotFound { what: "such page".to_owned() }
}
