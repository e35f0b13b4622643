//! `packmule recover`: at a lab whose database was put back from a backup, opens a new history.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::phrase::number_of;
use crate::cli::{Answer, Context, Exit, RecoverArgs, Report};
use crate::engine::{self, Home, Lost, Recovered};
use crate::mailbox::display_path;

/// Says what was lost, asks, opens a new history, and says where the card goes.
pub fn run(args: &RecoverArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::work(&settings, &progress)?;
    let lost = engine::look_for_losses(&mut home)?;
    for line in found(&lost) {
        context.out.result(&line);
    }
    if args.run.dry_run {
        context.out.result("This was a dry run: nothing was changed.");
        context.out.json("packmule.recover.v1", json!({ "dry_run": true, "lost": to_json(&lost) }));
        return Ok(Exit::Done);
    }
    if !args.yes {
        let question =
            "Is there no newer copy of the database, and is this the only computer that works as this site?";
        match context.ask.yes_or_no(question)? {
            Answer::Yes => {}
            Answer::No => {
                return Err(Report::new(Exit::Question, "stopped").because("nothing was changed"));
            }
        }
    }
    let card = args.card.clone().unwrap_or_else(|| PathBuf::from(format!("{}.card", settings.site)));
    let recovered = engine::recover(&mut home, &card)?;
    for line in done(&recovered) {
        context.out.result(&line);
    }
    context.out.json(
        "packmule.recover.v1",
        json!({
            "dry_run": false,
            "lost": to_json(&recovered.lost),
            "history": recovered.incarnation.to_string(),
            "card": recovered.card.to_string_lossy(),
            "words": recovered.words,
            "do_next": next(&recovered),
        }),
    );
    Ok(Exit::Done)
}

fn found(lost: &Lost) -> Vec<String> {
    let Lost { known, sealed, in_outbox, log_rows } = lost;
    let first = match sealed > known {
        true => format!(
            "The database knows bundles up to {known}, and bundle {sealed} was sealed: it was put back."
        ),
        false => format!("The database knows every bundle that was sealed here, up to {known}."),
    };
    let mut lines = vec![first];
    if *log_rows > 0 {
        lines.push(format!(
            "  {} never confirmed: sent again",
            number_of(*log_rows, "edit was", "edits were")
        ));
    }
    if !in_outbox.is_empty() {
        let what = number_of(in_outbox.len() as u64, "bundle", "bundles");
        lines.push(format!("  {what} in the outbox that nobody has confirmed: carried along"));
    }
    lines.push("  What the centre has and this database lost comes back by a snapshot.".to_owned());
    lines
}

fn done(recovered: &Recovered) -> Vec<String> {
    vec![
        "This site goes on under a new history.".to_owned(),
        format!("  Card      {}", display_path(&recovered.card)),
        format!("Six words, the same as before: {}", recovered.words),
        format!("Do next: {}", next(recovered)),
    ]
}

fn next(recovered: &Recovered) -> String {
    format!(
        "packmule export; then bring the stick and {} to the centre; there: packmule enrol CARD, then packmule \
         import; back here: packmule join ANSWER, then packmule import",
        display_path(&recovered.card)
    )
}

fn to_json(lost: &Lost) -> serde_json::Value {
    json!({
        "known": lost.known,
        "sealed": lost.sealed,
        "in_outbox": lost.in_outbox.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "log_rows": lost.log_rows,
    })
}
