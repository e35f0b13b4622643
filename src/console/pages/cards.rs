//! Cards of labs: taken in, compared, then enrolled or thrown away; and the answers for them.

use std::fs;
use std::path::Path as FilePath;
use std::sync::Arc;

use axum::extract::{Multipart, Path, State};
use axum::response::Response;

use crate::config::{CardError, SiteCard};
use crate::console::app::App;
use crate::console::desk::{ANSWERS, CARDS};
use crate::console::file::attachment;
use crate::console::form::Sent;
use crate::console::pages::go;
use crate::console::pages::lab::site_of;
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, AccountOptions, Enrolled, Home, LabAccount};
use crate::model::{Site, Stamp, UserRole};
use crate::report::{Report, enrolled_there};

/// A card that waits for two people to compare words.
pub(super) struct Waiting {
    pub(super) site: Site,
    pub(super) words: String,
    pub(super) made_at: Stamp,
}

const CARD_BYTES_MAX: usize = 64 << 10;
const CARDS_MAX: usize = 200;

/// The cards that wait, by the names of their labs.
pub(super) fn waiting(folder: &FilePath) -> Result<Vec<Waiting>, Trouble> {
    let mut found = Vec::new();
    for name in names(&folder.join(CARDS))? {
        // What is no card was not put there by us.
        if let Ok(card) = SiteCard::open_file(&folder.join(CARDS).join(&name)) {
            let card = card.card();
            found.push(Waiting { site: card.site.clone(), words: card.words(), made_at: card.date });
        }
    }
    found.sort_by(|a, b| a.site.cmp(&b.site));
    Ok(found)
}

/// The labs for which there is an answer.
pub(super) fn answers(folder: &FilePath) -> Result<Vec<Site>, Trouble> {
    let names = names(&folder.join(ANSWERS))?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(".answer")?.parse().ok()).collect())
}

fn names(folder: &FilePath) -> Result<Vec<String>, Trouble> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// Takes a card in, if it is one.
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    person: Person,
    mut form: Multipart,
) -> Result<Response, Trouble> {
    app.desk.decide(&person, UserRole::Admin, |_| Ok(())).await?;
    let fault = |why: &str| Trouble::Form { why: why.to_owned() };
    let mut text = None;
    while let Some(mut field) = form.next_field().await.map_err(|_| fault("it was cut short"))? {
        if field.name() != Some("card") {
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(|_| fault("it was cut short"))? {
            if bytes.len() + chunk.len() > CARD_BYTES_MAX {
                return Err(fault("a card is not as large as that file"));
            }
            bytes.extend_from_slice(&chunk);
        }
        text = String::from_utf8(bytes).ok();
    }
    let text = text.ok_or_else(|| fault("there is no card in it"))?;
    let card = SiteCard::open(&text).map_err(|error| no_card(&error))?;
    let site = card.card().site.clone();
    let folder = app.folder();
    let kept = site.clone();
    app.desk
        .blocking(move || {
            if names(&folder.join(CARDS))?.len() >= CARDS_MAX {
                return Err(Trouble::Form { why: "too many cards wait already".to_owned() });
            }
            Ok(fs::write(folder.join(CARDS).join(format!("{kept}.card")), text)?)
        })
        .await?;
    app.sessions
        .leave_note(&person.key, format!("The card of {site} waits: compare its six words by telephone."));
    Ok(go("/keys"))
}

fn no_card(error: &CardError) -> Trouble {
    Trouble::Form { why: format!("the file is no card that can be used: {error}") }
}

/// Enrols the lab whose card this is.
pub(crate) async fn enrol(
    State(app): State<Arc<App>>,
    person: Person,
    Path(name): Path<String>,
    Sent(fields): Sent,
) -> Result<Response, Trouble> {
    person.expect(UserRole::Admin)?;
    let site = site_of(&name)?;
    if fields.text("compared") != Some("yes") {
        return Err(Trouble::Form { why: "the six words must have been compared".to_owned() });
    }
    let folder = app.folder();
    let card_path = folder.join(CARDS).join(format!("{site}.card"));
    let answer_path = folder.join(ANSWERS).join(format!("{site}.answer"));
    let read = card_path.clone();
    let card = app
        .desk
        .blocking(move || SiteCard::open_file(&read).map_err(|error| Report::from(error).into()))
        .await?;
    let work = move |home: &mut Home<'_>| {
        let options = AccountOptions { host: "%".to_owned(), administrator: None };
        engine::enrol(home, &card, &answer_path, &options)
    };
    let enrolled = app.desk.change(&person, UserRole::Admin, work).await?;
    app.desk.blocking(move || Ok(fs::remove_file(card_path)?)).await?;
    app.sessions.leave_note(&person.key, enrolled_note(&enrolled));
    Ok(go("/keys"))
}

fn enrolled_note(enrolled: &Enrolled) -> String {
    let Enrolled { site, number, was_there, words, account, .. } = enrolled;
    let first = match was_there {
        false => format!("{site} is enrolled, with number {number}."),
        true => format!("{site} was enrolled already, with number {number}; its answer was written anew."),
    };
    let mut lines = vec![first];
    match account {
        LabAccount::None => {}
        LabAccount::Made { account } => lines.push(format!(
            "Online: account {account}; its new password is sealed in the answer, for this lab alone."
        )),
        LabAccount::NotAllowed { statements } => {
            lines.push(
                "Online: packmule's own account may not make one for it. As an administrator of the server:"
                    .to_owned(),
            );
            lines.extend(statements.iter().map(|statement| format!("{statement};")));
        }
    }
    lines.push(format!("Six words of the centre: {words}"));
    lines
        .push(format!("Do next: download the answer below, give it to {site}, {}", enrolled_there(enrolled)));
    lines.join("\n")
}

/// Throws a card away.
pub(crate) async fn reject(
    State(app): State<Arc<App>>,
    person: Person,
    Path(name): Path<String>,
) -> Result<Response, Trouble> {
    let site = site_of(&name)?;
    app.desk.decide(&person, UserRole::Admin, |_| Ok(())).await?;
    let path = app.folder().join(CARDS).join(format!("{site}.card"));
    app.desk
        .blocking(move || match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        })
        .await?;
    app.sessions
        .leave_note(&person.key, format!("The card of {site} was thrown away; nothing else was changed."));
    Ok(go("/keys"))
}

/// The answer for a lab, which alone can make use of it.
pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    person: Person,
    Path(name): Path<String>,
) -> Result<Response, Trouble> {
    let site = site_of(&name)?;
    app.desk.decide(&person, UserRole::Admin, |_| Ok(())).await?;
    let path = app.folder().join(ANSWERS).join(format!("{site}.answer"));
    let file = app.desk.blocking(move || Ok(fs::File::open(path)?)).await;
    let file = file.map_err(|_| Trouble::NotFound { what: format!("answer for {site}") })?;
    attachment(file, &format!("{site}.answer"))
}
