//! What stands before every page: is the request for this console, does it come from one of its own pages, and what may the answer do?

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::console::Line;
use crate::console::app::App;
use crate::console::trouble::Trouble;

/// Under which addresses browsers see the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// On this computer alone.
    Loopback {
        /// Its port.
        port: u16,
        /// The address, as browsers write it.
        host: String,
    },
    /// Behind a web server, under this one.
    Proxy {
        /// The origin.
        origin: String,
    },
    /// Under any name that the certificate is for.
    Tls {
        /// The address at which it listens.
        listen: SocketAddr,
    },
}

impl Origin {
    pub(super) fn new(line: &Line, local: SocketAddr) -> Self {
        match line {
            Line::Loopback => Origin::Loopback { port: local.port(), host: local.to_string() },
            Line::Proxy { origin } => Origin::Proxy { origin: origin.trim_end_matches('/').to_owned() },
            Line::Tls { .. } => Origin::Tls { listen: local },
        }
    }

    /// For a person who is to open it.
    pub(super) fn shown(&self) -> String {
        match self {
            Origin::Loopback { host, .. } => format!("http://{host}"),
            Origin::Proxy { origin } => origin.clone(),
            Origin::Tls { listen } => format!("https://{listen}"),
        }
    }

    pub(super) fn is_proxied(&self) -> bool {
        matches!(self, Origin::Proxy { .. })
    }

    /// Whether browsers come by TLS, so that a cookie may be for TLS alone.
    pub(super) fn is_secure(&self) -> bool {
        match self {
            Origin::Loopback { .. } => false,
            Origin::Proxy { origin } => origin.starts_with("https://"),
            Origin::Tls { .. } => true,
        }
    }

    /// `__Host-`: browsers take such a cookie from this very host alone.
    pub(super) fn cookie_name(&self) -> &'static str {
        if self.is_secure() { "__Host-packmule" } else { "packmule" }
    }

    /// Whether a request is for this console. A page elsewhere may have a name of its own resolved to this computer.
    fn is_for_us(&self, headers: &HeaderMap) -> bool {
        match self {
            Origin::Loopback { port, host } => {
                let names = [format!("localhost:{port}"), host.clone()];
                text(headers, &HOST).is_some_and(|found| names.iter().any(|name| name == found))
            }
            // The server in front, or the certificate, sees to that.
            Origin::Proxy { .. } | Origin::Tls { .. } => true,
        }
    }

    /// Whether a form comes from one of our own pages. Every browser says it of a form; who does not say it is none.
    fn is_own(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = text(headers, &ORIGIN) else {
            return false;
        };
        match (self, text(headers, &HOST)) {
            (Origin::Loopback { .. }, Some(host)) => origin == format!("http://{host}"),
            (Origin::Tls { .. }, Some(host)) => origin == format!("https://{host}"),
            (Origin::Loopback { .. } | Origin::Tls { .. }, None) => false,
            (Origin::Proxy { origin: own }, _) => origin == own,
        }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Lets a request through, and says in the answer what a browser may do with it.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if !app.origin.is_for_us(headers) {
        Trouble::NotForUs.into_response()
    } else if changes && !app.origin.is_own(headers) {
        Trouble::NotFromHere.into_response()
    } else {
        next.run(request).await
    };
    let is_secure = app.origin.is_secure();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if is_secure {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(HeaderName::from_static("strict-transport-security"), year);
    }
    // Pages hold the lab's data, and what is shown must be what is true now.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Nothing is loaded from anywhere but here, nothing is run, and no page may frame these.
const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Not `no-referrer`: with that, browsers would not say either where a form comes from.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("x-robots-tag", "noindex, nofollow"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_our_own_pages_may_send_a_form() {
        let local: SocketAddr = "127.0.0.1:8417".parse().unwrap();
        let loopback = Origin::new(&Line::Loopback, local);
        let own = |host: &str, origin| loopback.is_own(&headers(host, origin));
        assert!(own("127.0.0.1:8417", Some("http://127.0.0.1:8417")));
        assert!(own("localhost:8417", Some("http://localhost:8417")));
        for origin in [None, Some("null"), Some("http://127.0.0.1:80"), Some("https://127.0.0.1:8417")] {
            assert!(!own("127.0.0.1:8417", origin), "{origin:?}");
        }
        let line = Line::Proxy { origin: "https://mule.example.ac.ke/".to_owned() };
        let proxy = Origin::new(&line, local);
        assert!(proxy.is_own(&headers("127.0.0.1:8417", Some("https://mule.example.ac.ke"))));
        assert!(!proxy.is_own(&headers("127.0.0.1:8417", Some("http://127.0.0.1:8417"))));
    }

    #[test]
    fn a_foreign_name_that_leads_to_this_computer_is_not_for_us() {
        let loopback = Origin::new(&Line::Loopback, "127.0.0.1:8417".parse().unwrap());
        assert!(loopback.is_for_us(&headers("127.0.0.1:8417", None)));
        assert!(loopback.is_for_us(&headers("localhost:8417", None)));
        for host in ["enemy.example:8417", "127.0.0.1", "127.0.0.1:8418", ""] {
            assert!(!loopback.is_for_us(&headers(host, None)), "{host}");
        }
    }
}
