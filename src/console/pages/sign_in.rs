//! Signing in and out.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use maud::{Markup, html};

use crate::console::app::{Address, App};
use crate::console::form::{Fields, Sent, own_path};
use crate::console::layout::bare;
use crate::console::pages::go;
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine;

/// The form.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let query = Fields::new(query);
    Html(form(&app, query.text("next"), None).into_string()).into_response()
}

fn form(app: &App, next: Option<&str>, fault: Option<&str>) -> Markup {
    bare(
        "Sign in",
        &html! {
            h1 { "packmule " span class="quiet" { (app.site) } }
            @if let Some(fault) = fault { p class="warning" role="alert" { (fault) } }
            form class="panel" method="post" action="/signin" {
                input type="hidden" name="next" value=(own_path(next));
                label for="name" { "Name" }
                input type="text" id="name" name="name" required autocomplete="username" autocapitalize="none" autofocus;
                label for="password" { "Password" }
                input type="password" id="password" name="password" required autocomplete="current-password";
                div class="actions" { button { "Sign in" } }
            }
            p class="quiet" { "An administrator of the centre makes users: " code { "packmule users add NAME --role reviewer" } }
        },
    )
}

/// Looks whether the password is right, and begins a session.
pub(crate) async fn sign_in(
    State(app): State<Arc<App>>,
    Address(address): Address,
    Sent(fields): Sent,
) -> Result<Response, Trouble> {
    let name = fields.raw("name").unwrap_or_default().trim().to_lowercase();
    let password = fields.raw("password").unwrap_or_default().to_owned();
    if let Some(wait) = app.tries.wait(address, &name, Instant::now()) {
        return Err(Trouble::TooOften { wait_s: wait.as_secs() + 1 });
    }
    let asked = name.clone();
    let user = app.desk.for_nobody(move |home| engine::sign_in(home, &asked, &password)).await?;
    let Some(user) = user else {
        app.tries.was_wrong(address, &name, Instant::now());
        let page = form(&app, fields.text("next"), Some("The name or the password is wrong."));
        return Ok((StatusCode::UNAUTHORIZED, Html(page.into_string())).into_response());
    };
    app.tries.was_right(address, &name);
    let token = app.sessions.begin(&user);
    let mut response = go(own_path(fields.text("next")));
    put_cookie(&app, &mut response, &token, "");
    Ok(response)
}

/// Ends the session.
pub(crate) async fn sign_out(State(app): State<Arc<App>>, person: Person) -> Response {
    app.sessions.end(&person.key);
    let mut response = go("/signin");
    put_cookie(&app, &mut response, "", "; Max-Age=0");
    response
}

fn put_cookie(app: &App, response: &mut Response, token: &str, more: &str) {
    let secure = if app.origin.is_secure() { "; Secure" } else { "" };
    let name = app.origin.cookie_name();
    let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{more}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}
