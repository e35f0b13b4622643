//! `packmule sync`: pull, then push, over one line, so that receipts go along at once.

use serde_json::json;

use crate::apply::Without;
use crate::cli::commands::{pull, push};
use crate::cli::mail::{pulled, pushed};
use crate::cli::{Context, MailArgs};
use crate::engine::{self, Home, ImportOptions, MailLine};
use crate::report::{Exit, Report};

/// Pulls and pushes.
pub fn run(args: &MailArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    if args.run.dry_run {
        let mut home = Home::look(&settings, &progress)?;
        let mut line = MailLine::open(&home, args.line.into())?;
        let (pulls, pushes) = (engine::preview_pull(&mut home, &mut line)?, engine::preview_push(&mut home)?);
        progress.print_notices();
        pull::say_preview(&pulls, context);
        push::say_preview(&pushes, context);
        context.out.result("This was a dry run: nothing was changed.");
        let value = json!({ "dry_run": true, "pull": pull::preview_json(&pulls), "push": push::preview_json(&pushes) });
        context.out.json("packmule.sync.v1", value);
        return Ok(Exit::Done);
    }
    let mut home = Home::work(&settings, &progress)?;
    let mut line = MailLine::open(&home, args.line.into())?;
    let without = Without::default();
    let came = pulled(engine::pull(&mut home, &mut line, ImportOptions::usual(&without))?, home.site());
    let pull_exit = came.say(context);
    let went = pushed(engine::push(&mut home, &mut line)?, home.role());
    progress.print_notices();
    let push_exit = went.say(context);
    let exit = if pull_exit == Exit::Done { push_exit } else { pull_exit };
    let mut next = came.next.clone();
    next.extend(went.next.iter().filter(|words| !came.next.contains(words)).cloned());
    // What is only told, not asked for, goes without what is asked for.
    if next.len() > 1 {
        next.retain(|words| !words.starts_with("nothing"));
    }
    let next = if next.is_empty() { "nothing".to_owned() } else { next.join("; ") };
    context.out.prose(&format!("Do next: {next}"));
    context.out.json(
        "packmule.sync.v1",
        json!({ "dry_run": false, "pull": came.value, "push": went.value, "exit": exit.number(), "do_next": next }),
    );
    Ok(exit)
}
