//! What is answered where a page cannot be shown: what, why, and what to do.

use std::io;

use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use crate::console::form::encode;
use crate::console::layout::bare;
use crate::engine::{self, Cause, ReviewFault};
use crate::model::UserRole;
use crate::report::{Exit, Report};

/// Why a page cannot be shown.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nobody has signed in, or not any more.
    SignedOut {
        /// Where to go on afterwards.
        back: Option<String>,
    },
    /// The person may not do this.
    NotAllowed {
        /// Who may.
        least: UserRole,
    },
    /// The request is for another host.
    NotForUs,
    /// The form is not from one of our own pages.
    NotFromHere,
    /// There is no such page or thing.
    NotFound {
        /// What there is not.
        what: String,
    },
    /// The form cannot be understood.
    Form {
        /// Why.
        why: String,
    },
    /// A name was tried too often with wrong passwords.
    TooOften {
        /// For how long it must not be tried, in seconds.
        wait_s: u64,
    },
    /// Too many ask at once.
    Full,
    /// The console is ending.
    Over,
    /// A fault of packmule.
    Broken,
    /// A file of the console cannot be read or written.
    File {
        /// The system's words.
        source: io::Error,
    },
    /// The engine could not do it.
    Told(Box<Report>),
}

impl From<engine::Error> for Trouble {
    fn from(error: engine::Error) -> Self {
        if let engine::Error::Review(ReviewFault::NoSuch { id }) = &error {
            return Trouble::NotFound { what: format!("conflict {id}") };
        }
        if let engine::Error::State(Cause::UnknownLab { site, .. }) = &error {
            return Trouble::NotFound { what: format!("lab {site}") };
        }
        Trouble::Told(Box::new(Report::from(error)))
    }
}

impl From<Report> for Trouble {
    fn from(report: Report) -> Self {
        Trouble::Told(Box::new(report))
    }
}

impl From<io::Error> for Trouble {
    fn from(source: io::Error) -> Self {
        Trouble::File { source }
    }
}

impl Trouble {
    fn status(&self) -> StatusCode {
        match self {
            Trouble::SignedOut { .. } => StatusCode::SEE_OTHER,
            Trouble::NotAllowed { .. } | Trouble::NotFromHere => StatusCode::FORBIDDEN,
            Trouble::NotForUs => StatusCode::MISDIRECTED_REQUEST,
            Trouble::NotFound { .. } => StatusCode::NOT_FOUND,
            Trouble::Form { .. } => StatusCode::BAD_REQUEST,
            Trouble::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Trouble::Full | Trouble::Over => StatusCode::SERVICE_UNAVAILABLE,
            Trouble::Broken | Trouble::File { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Trouble::Told(report) => match report.code {
                Exit::Busy | Exit::Database | Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
                Exit::Waits => StatusCode::CONFLICT,
                Exit::WrongUse => StatusCode::BAD_REQUEST,
                Exit::Done
                | Exit::Failed
                | Exit::Settings
                | Exit::Stick
                | Exit::Refused
                | Exit::Missing
                | Exit::TablesDiffer
                | Exit::Question
                | Exit::Key
                | Exit::Doctor
                | Exit::Cancelled
                | Exit::Terminated => StatusCode::UNPROCESSABLE_ENTITY,
            },
        }
    }

    /// What, why, and what to do.
    fn words(&self) -> (String, Option<String>, Vec<String>) {
        let plain = |what: &str, why: &str, next: &str| {
            (what.to_owned(), Some(why.to_owned()), vec![next.to_owned()])
        };
        match self {
            Trouble::SignedOut { .. } => plain("you are not signed in", "", "sign in"),
            Trouble::NotAllowed { least } => plain(
                "your role does not allow this",
                &format!("it needs the role {least}; nothing was changed"),
                "ask an administrator: packmule users role NAME ROLE",
            ),
            Trouble::NotForUs => plain(
                "this address is not the console's",
                "the name in the address line leads here, and is not one of its own",
                "open the address that packmule serve has printed",
            ),
            Trouble::NotFromHere => plain(
                "this form was not sent from a page of the console",
                "a page elsewhere may have tried to act in your name; nothing was changed",
                "go back to the console, and do it there",
            ),
            Trouble::NotFound { what } => {
                plain(&format!("there is no {what}"), "it may be another one by now", "go back to Labs")
            }
            Trouble::Form { why } => plain(
                "the form cannot be understood",
                &format!("{why}; nothing was changed"),
                "go back, and try again",
            ),
            Trouble::TooOften { wait_s } => plain(
                "too many wrong passwords",
                "somebody may be guessing; other names and other computers are not kept out",
                &format!("try again in {wait_s} seconds"),
            ),
            Trouble::Full => {
                plain("too many people ask at once", "nothing was changed", "try again in a moment")
            }
            Trouble::Over => plain("the console is ending", "nothing was changed", "ask whoever runs it"),
            Trouble::Broken => plain(
                "this is a fault of packmule",
                "the page could not be made; what was to be changed in the database was done whole or not at all",
                "look at the console's own output, and report it, please",
            ),
            Trouble::File { source } => plain(
                "a file of the console cannot be used",
                &source.to_string(),
                "look at the folder `console` in the state folder, and at the room on its disk",
            ),
            Trouble::Told(report) => (report.what.clone(), report.cause.clone(), report.hints.clone()),
        }
    }

    fn page(&self) -> Markup {
        let (what, why, next) = self.words();
        let status = self.status();
        bare(
            &what,
            &html! {
                h1 { (crate::report::capital(&what)) }
                @if let Some(why) = why.filter(|why| !why.is_empty()) {
                    p { (crate::report::capital(&why)) "." }
                }
                @if !next.is_empty() {
                    h2 { "What to do" }
                    ul { @for one in &next { li { (one) } } }
                }
                p { a href="/" { "Labs" } }
                p class="quiet" { "Answer " (status.as_u16()) }
            },
        )
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        if let Trouble::SignedOut { back } = &self {
            let to = match back.as_deref().filter(|back| *back != "/") {
                Some(back) => format!("/signin?next={}", encode(back)),
                None => "/signin".to_owned(),
            };
            let to = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/signin"));
            return (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response();
        }
        let mut response = (self.status(), axum::response::Html(self.page().into_string())).into_response();
        if let Trouble::TooOften { wait_s } = &self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*wait_s));
        }
        response
    }
}
