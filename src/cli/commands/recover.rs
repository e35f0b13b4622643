//! `packmule recover`: where a database was put back from a backup, opens a new history.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::{Answer, Context, RecoverArgs};
use crate::engine::{self, Home, Lost, LostFor, Recovered};
use crate::mailbox::display_path;
use crate::model::Role;
use crate::report::{Exit, Report, number_of};

/// Says what was lost, asks, opens a new history, and says where the card goes.
pub fn run(args: &RecoverArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::work(&settings, &progress)?;
    if home.role() == Role::Central {
        return at_the_centre(args, context, &mut home);
    }
    let lost = engine::look_for_losses(&mut home)?;
    for line in found(&lost) {
        context.out.result(&line);
    }
    if args.run.dry_run {
        context.out.result("This was a dry run: nothing was changed.");
        context.out.json("packmule.recover.v1", json!({ "dry_run": true, "lost": to_json(&lost) }));
        return Ok(Exit::Done);
    }
    expect_yes(args, context)?;
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

fn expect_yes(args: &RecoverArgs, context: &Context) -> Result<(), Report> {
    if args.yes {
        return Ok(());
    }
    let question =
        "Is there no newer copy of the database, and is this the only computer that works as this site?";
    match context.ask.yes_or_no(question)? {
        Answer::Yes => Ok(()),
        Answer::No => Err(Report::new(Exit::Question, "stopped").because("nothing was changed")),
    }
}

/// The centre needs no cards: its labs learn of the new history from the next bundles.
fn at_the_centre(args: &RecoverArgs, context: &Context, home: &mut Home<'_>) -> Result<Exit, Report> {
    let lost = engine::look_for_central_losses(home)?;
    for line in forgotten(&lost) {
        context.out.result(&line);
    }
    let labs: Vec<_> = lost
        .iter()
        .map(|one| json!({ "site": one.site.as_str(), "known": one.known, "sealed": one.sealed }))
        .collect();
    if args.run.dry_run {
        context.out.result("This was a dry run: nothing was changed.");
        context.out.json("packmule.recover.v1", json!({ "dry_run": true, "labs": labs }));
        return Ok(Exit::Done);
    }
    expect_yes(args, context)?;
    let incarnation = engine::recover_central(home)?;
    let next = "packmule export, or sync: each lab gets all rows anew, and sends what was lost here with its next export";
    context.out.result("The centre goes on under a new history.");
    context.out.result(&format!("Do next: {next}"));
    context.out.json(
        "packmule.recover.v1",
        json!({ "dry_run": false, "labs": labs, "history": incarnation.to_string(), "do_next": next }),
    );
    Ok(Exit::Done)
}

fn forgotten(lost: &[LostFor]) -> Vec<String> {
    let behind: Vec<&LostFor> = lost.iter().filter(|one| one.sealed > one.known).collect();
    let mut lines = match behind.as_slice() {
        [] => vec![
            "The database knows every bundle that was sealed here, as far as this computer can tell."
                .to_owned(),
        ],
        [..] => vec!["The database was put back: bundles were sealed that it does not know.".to_owned()],
    };
    for LostFor { site, known, sealed } in behind {
        lines.push(format!("  for {site}: it knows bundles up to {known}, and bundle {sealed} was sealed"));
    }
    lines.push("  What the labs have and this database lost comes back from them.".to_owned());
    lines.push(
        "  Not from labs that were enrolled since: enrol those again. Decisions in conflict_log since then are lost, their \
         rows are not."
            .to_owned(),
    );
    lines
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
