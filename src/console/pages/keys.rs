//! The centre's keys, the labs', cards that wait for two people to compare words.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use crate::console::app::App;
use crate::console::form::Sent;
use crate::console::layout::{Place, page};
use crate::console::pages::cards::{Waiting, answers, waiting};
use crate::console::pages::{go, now};
use crate::console::piece::{age, cell, heads, pairs, time};
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, Home, KeyFacts};
use crate::ledger::SiteState;
use crate::model::{Site, Stamp, UserRole};
use crate::report::number_of;

/// What the page knows.
struct Sight {
    own: KeyFacts,
    labs: Vec<engine::SiteDetails>,
    cards: Vec<Waiting>,
    answers: Vec<Site>,
}

/// The page.
pub(crate) async fn show(State(app): State<Arc<App>>, person: Person) -> Result<Response, Trouble> {
    let folder = app.folder();
    let look = move |home: &mut Home<'_>| Ok((engine::key_facts(home)?, engine::all_site_details(home)?));
    let (own, labs) = app.desk.look(&person, look).await?;
    let (cards, answers) = app.desk.blocking(move || Ok((waiting(&folder)?, answers(&folder)?))).await?;
    let sight = Sight { own, labs, cards, answers };
    Ok(page(&app, &person, Place::Keys, "Keys", &main(&app.site, &sight, &person, now())))
}

fn main(site: &Site, sight: &Sight, person: &Person, now: Stamp) -> Markup {
    let may = person.role >= UserRole::Admin;
    html! {
        h1 { "Keys" }
        div class="sides" {
            section class="panel" {
                h2 { "Of " (site) }
                (pairs([
                    ("Six words", html! { span class="words" { (sight.own.words) } }),
                    ("Signing key", html! { code { (sight.own.signing_key_id) } }),
                    ("Age", html! { (age(sight.own.made_at, now)) span class="quiet" { ", since " (time(sight.own.made_at)) } }),
                    ("Before", html! { @if sight.own.retired.is_empty() { "none" } @else { (number_of(sight.own.retired.len() as u64, "key", "keys")) ": " @for id in &sight.own.retired { code { (id) } " " } } }),
                    ("Not told yet", html! { @if sight.own.untold.is_empty() { "nobody" } @else { @for one in &sight.own.untold { (one) " " } } }),
                ]))
                p class="quiet" { "When a lab joins, read these six words to it by telephone." }
                @if may { (rotate_form(site)) }
            }
            section class="panel" {
                h2 { "Cards that wait" }
                @if sight.cards.is_empty() { p { "None." } }
                @for one in &sight.cards { (card(one, may)) }
                @if may {
                    form method="post" action="/keys/cards" enctype="multipart/form-data" {
                        label for="card" { "Take in the card of a lab" }
                        input type="file" id="card" name="card" required;
                        div class="actions" { button class="plain" { "Look at the card" } }
                    }
                }
            }
        }
        section {
            h2 { "Of the labs" }
            @if sight.labs.is_empty() { p { "No lab is enrolled yet." } } @else {
                table class="stack" {
                    (heads(&["lab", "six words", "signing key", "state", "enrolled", "answer"]))
                    tbody { @for lab in &sight.labs { (lab_row(lab, sight, may)) } }
                }
            }
        }
    }
}

fn lab_row(lab: &engine::SiteDetails, sight: &Sight, may: bool) -> Markup {
    let site = &lab.peer.site;
    let state = match lab.peer.state {
        SiteState::Active => "takes part",
        SiteState::Suspended => "suspended",
        SiteState::Revoked => "revoked",
    };
    let answer = html! {
        @if may && sight.answers.contains(site) { a href=(format!("/keys/answers/{site}")) { "Download" span class="unseen" { " for " (site) } } } @else { "-" }
    };
    html! {
        tr {
            th scope="row" { a href=(format!("/labs/{site}")) { (site) } }
            (cell("six words", &html! { (lab.words) }))
            (cell("signing key", &html! { code { (lab.signing_key_id) } }))
            (cell("state", &html! { (state) }))
            (cell("enrolled", &time(lab.peer.enrolled_at)))
            (cell("answer", &answer))
        }
    }
}

fn card(one: &Waiting, may: bool) -> Markup {
    let Waiting { site, words, made_at, .. } = one;
    html! {
        div {
            h3 { (site) }
            p { "Its six words: " span class="words" { (words) } }
            p class="quiet" { "made " (time(*made_at)) }
            @if may {
                form method="post" action=(format!("/keys/cards/{site}/enrol")) {
                    label class="inline" {
                        input type="checkbox" name="compared" value="yes" required;
                        (site) " has read the same six words to me by telephone"
                    }
                    div class="actions" {
                        button { "Enrol " (site) }
                        button class="danger" formaction=(format!("/keys/cards/{site}/reject")) formnovalidate { "Reject the card" }
                    }
                }
            }
        }
    }
}

fn rotate_form(site: &Site) -> Markup {
    html! {
        details {
            summary { "New keys" }
            form method="post" action="/keys/rotate" {
                p { "Each lab hears of them in its next bundle, which the old key signs as its last. Were the old ones stolen, this does not help: then set up the centre anew." }
                label for="confirm" { "The old keys are still ours alone; write " (site) " to go on" }
                input type="text" id="confirm" name="confirm" autocomplete="off" autocapitalize="none" required;
                div class="actions" { button class="danger" { "Make new keys" } }
            }
        }
    }
}

/// Makes new keys.
pub(crate) async fn rotate(
    State(app): State<Arc<App>>,
    person: Person,
    Sent(fields): Sent,
) -> Result<Response, Trouble> {
    person.expect(UserRole::Admin)?;
    if fields.text("confirm").map(str::trim) != Some(app.site.as_str()) {
        return Err(Trouble::Form { why: format!("for new keys, the name {} must be written", app.site) });
    }
    let rotated = app.desk.change(&person, UserRole::Admin, engine::rotate).await?;
    let sites = number_of(rotated.sites.len() as u64, "lab hears", "labs hear");
    let note = format!(
        "There are new keys. Six words before: {}\nSix words now: {}\n{sites} of them with the next bundle. Make a copy of the keys for a safe place: packmule keys backup",
        rotated.old_words, rotated.words
    );
    app.sessions.leave_note(&person.key, note);
    Ok(go("/keys"))
}
