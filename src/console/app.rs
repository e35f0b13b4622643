//! What every request has at hand, and who it is that asks.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::http::request::Parts;

use crate::config::Settings;
use crate::console::desk::Desk;
use crate::console::door::Peer;
use crate::console::error::Error;
use crate::console::guard::Origin;
use crate::console::session::{Person, Sessions};
use crate::console::tries::Tries;
use crate::console::trouble::Trouble;
use crate::model::{Site, Stamp};
use crate::report::Finding;

/// What every request has at hand.
pub(super) struct App {
    pub(super) desk: Desk,
    pub(super) sessions: Sessions,
    pub(super) tries: Tries,
    pub(super) origin: Origin,
    pub(super) metrics_token: Option<String>,
    /// The centre's name.
    pub(super) site: Site,
    /// What `doctor` found last, and when.
    pub(super) health: Mutex<Option<(Stamp, Arc<Vec<Finding>>)>>,
}

impl App {
    pub(super) fn new(settings: Settings, origin: Origin, token: Option<String>) -> Result<Self, Error> {
        let site = settings.site.clone();
        Ok(App {
            desk: Desk::open(settings)?,
            sessions: Sessions::default(),
            tries: Tries::default(),
            origin,
            metrics_token: token,
            site,
            health: Mutex::new(None),
        })
    }

    /// The folder of the console's own files: cards that wait, answers, and what is on its way in or out.
    pub(super) fn folder(&self) -> PathBuf {
        self.desk.folder().to_path_buf()
    }
}

/// Takes a lock. What another thread left behind when it panicked is whole: each of these is changed in one step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FromRequestParts<Arc<App>> for Person {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Trouble> {
        let token = cookie(&parts.headers, app.origin.cookie_name());
        let person = token.and_then(|token| app.sessions.person(token));
        let back = parts.uri.path_and_query().map(ToString::to_string);
        person.ok_or(Trouble::SignedOut { back: back.filter(|_| parts.method == axum::http::Method::GET) })
    }
}

/// Where a request comes from; behind a web server, what that one says last.
pub(super) struct Address(pub(super) IpAddr);

impl FromRequestParts<Arc<App>> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let line = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
        let line = line.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let told = parts.headers.get("x-forwarded-for").filter(|_| app.origin.is_proxied());
        // Each server adds the address that it sees at the end; only the last one was seen by a server that is ours.
        let told = told.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        Ok(Address(told.unwrap_or(line)))
    }
}

/// The value of a cookie.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}
