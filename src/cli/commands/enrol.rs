//! `packmule enrol`: at the centre, lets a lab take part, once two people have compared six words.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::{Answer, Context, EnrolArgs};
use crate::config::{Administrator, SiteCard};
use crate::engine::{self, AccountOptions, Enrolled, Home, LabAccount};
use crate::mailbox::display_path;
use crate::model::{Role, Site};
use crate::report::{Exit, Report, enrolled_next};

/// Shows the lab's words, asks whether they agree, enrols, and writes the answer.
pub fn run(args: &EnrolArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    if settings.role == Role::Lab {
        return Err(engine::Error::from(engine::Cause::OnlyAtCentral { site: settings.site }).into());
    }
    let card = SiteCard::open_file(&args.card)?;
    let (lab, words) = (card.card().site.clone(), card.card().words());
    context.out.result(&format!("Six words of {lab}: {words}"));
    if args.run.dry_run {
        context.out.result(&format!("This was a dry run: {lab} was not enrolled, nothing was changed."));
        context
            .out
            .json("packmule.enrol.v1", json!({ "dry_run": true, "site": lab.to_string(), "words": words }));
        return Ok(Exit::Done);
    }
    if !args.yes {
        match context.ask.yes_or_no(&same_words(context, &lab, &words))? {
            Answer::Yes => {}
            Answer::No => return Err(words_differ(&lab.to_string())),
        }
    }
    let progress = context.progress()?;
    let mut home = Home::work(&settings, &progress)?;
    let answer = args.answer.clone().unwrap_or_else(|| PathBuf::from(format!("{lab}.answer")));
    let administrator = args.admin_defaults_file.clone().map(Administrator::File);
    let options = AccountOptions { host: args.host.clone(), administrator };
    let enrolled = engine::enrol(&mut home, &card, &answer, &options)?;
    for line in lines(&enrolled) {
        context.out.prose(&line);
    }
    context.out.json(
        "packmule.enrol.v1",
        json!({
            "dry_run": false,
            "site": enrolled.site.to_string(),
            "words": words,
            "number": enrolled.number,
            "was_there": enrolled.was_there,
            "answer": enrolled.answer.to_string_lossy(),
            "own_words": enrolled.words,
            "account": account_json(&enrolled.account),
            "do_next": enrolled_next(&enrolled),
        }),
    );
    Ok(Exit::Done)
}

fn account_json(account: &LabAccount) -> serde_json::Value {
    match account {
        LabAccount::None => serde_json::Value::Null,
        LabAccount::Made { account } => json!({ "account": account, "made": true }),
        LabAccount::NotAllowed { statements } => json!({ "made": false, "statements": statements }),
    }
}

fn lines(enrolled: &Enrolled) -> Vec<String> {
    let Enrolled { site, number, was_there, answer, words, account } = enrolled;
    let first = match was_there {
        false => format!("{site} is enrolled, with number {number}."),
        true => format!("{site} was enrolled already, with number {number}; its answer was written anew."),
    };
    let mut lines = vec![first, format!("  Answer    {}", display_path(answer))];
    lines.extend(account_lines(account));
    lines.push(format!("Six words of the centre: {words}"));
    lines.push(format!("Do next: {}", enrolled_next(enrolled)));
    lines
}

fn account_lines(account: &LabAccount) -> Vec<String> {
    match account {
        LabAccount::None => Vec::new(),
        LabAccount::Made { account } => {
            vec![format!(
                "  Online    account {account}; its new password is sealed in the answer, for this lab alone"
            )]
        }
        LabAccount::NotAllowed { statements } => {
            let mut lines = vec![
                "  Online    no account was made for it here: packmule's own may not make any. Run the"
                    .to_owned(),
                "            same command with --admin-defaults-file; or as an administrator:".to_owned(),
            ];
            lines.extend(statements.iter().map(|statement| format!("              {statement};")));
            lines.push(
                "            and give the password to the lab, for [central] in its settings".to_owned(),
            );
            lines
        }
    }
}

/// The question whether two people read the same words. Under `--json` the words are not on the screen yet.
pub(super) fn same_words(context: &Context, site: &Site, words: &str) -> String {
    let question = format!("Does {site} read the same six words to you by telephone?");
    match context.out.is_json() {
        true => format!("Six words of {site}: {words}\n{question}"),
        false => question,
    }
}

/// What is said when the words that two people compared are not the same.
pub(super) fn words_differ(site: &str) -> Report {
    Report::new(Exit::Key, format!("the six words of {site} do not agree"))
        .because("the card was changed on its way, or is another one; nothing was changed here")
        .hint(format!("ask {site} for its card again, and compare with what `packmule keys` prints there"))
}
