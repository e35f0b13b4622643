//! What all pages have in common: the head, the way between pages, and where a page begins.

use std::sync::LazyLock;

use axum::response::{Html, IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest as _, Sha256};

use crate::console::app::App;
use crate::console::session::Person;
use crate::model::hex_from_bytes;

/// The pages that one can go to from everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Labs,
    Bundles,
    Conflicts,
    Keys,
    Health,
}

impl Place {
    const ALL: [(Place, &'static str, &'static str); 5] = [
        (Place::Labs, "Labs", "/"),
        (Place::Conflicts, "Conflicts", "/conflicts"),
        (Place::Bundles, "Bundles", "/bundles"),
        (Place::Keys, "Keys", "/keys"),
        (Place::Health, "Health", "/health"),
    ];
}

/// The stylesheet, the only file that a page loads.
pub(super) const STYLE: &str = include_str!("style.css");

/// Its address changes with it, so that browsers may keep it for good.
pub(super) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::digest(STYLE.as_bytes());
    format!("/style-{}.css", hex_from_bytes(digest.get(..8).unwrap_or_default()))
});

/// A page for a person who has signed in.
pub(super) fn page(app: &App, person: &Person, place: Place, title: &str, main: &Markup) -> Response {
    let note = app.sessions.take_note(&person.key);
    let body = html! {
        header class="bar" {
            a class="mark" href="/" { "packmule" span class="quiet" { " " (app.site) } }
            nav aria-label="Pages" {
                ul {
                    @for (one, name, path) in Place::ALL {
                        li { a href=(path) aria-current=[(one == place).then_some("page")] { (name) } }
                    }
                }
            }
            form class="who" method="post" action="/signout" {
                span { (person.name) span class="quiet" { " " (person.role) } }
                button class="plain" { "Sign out" }
            }
        }
        main id="main" tabindex="-1" {
            @if let Some(note) = note {
                div class="note" role="status" { @for line in note.lines() { p { (line) } } }
            }
            (main)
        }
        footer class="quiet" {
            p { "packmule " (env!("CARGO_PKG_VERSION")) ", all times are UTC" }
        }
    };
    Html(document(title, &app.site.to_string(), &body).into_string()).into_response()
}

/// A page for nobody in particular: signing in, and what cannot be shown.
pub(super) fn bare(title: &str, main: &Markup) -> Markup {
    document(title, "packmule", &html! { main id="main" class="alone" tabindex="-1" { (main) } })
}

fn document(title: &str, site: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " - " (site) }
                link rel="stylesheet" href=(STYLE_PATH.as_str());
                link rel="icon" href="/icon.svg";
            }
            body {
                a class="skip" href="#main" { "To the page" }
                (body)
            }
        }
    }
}
