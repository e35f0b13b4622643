//! `packmule pull`: fetches what waits in the centre's database, and takes it in.

use serde_json::{Value, json};

use crate::apply::Without;
use crate::cli::mail::pulled;
use crate::cli::{Context, MailArgs};
use crate::engine::{self, Home, ImportOptions, MailLine, PullPreview};
use crate::report::{Exit, Report, number_of, size};

/// Fetches and takes in.
pub fn run(args: &MailArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    if args.run.dry_run {
        let mut home = Home::look(&settings, &progress)?;
        let mut line = MailLine::open(&home, args.line.into())?;
        let preview = engine::preview_pull(&mut home, &mut line)?;
        say_preview(&preview, context);
        context.out.result("This was a dry run: nothing was changed.");
        context.out.json("packmule.pull.v1", preview_json(&preview));
        return Ok(Exit::Done);
    }
    let mut home = Home::work(&settings, &progress)?;
    let mut line = MailLine::open(&home, args.line.into())?;
    let without = Without::default();
    let pull = engine::pull(&mut home, &mut line, ImportOptions::usual(&without))?;
    let outcome = pulled(pull, home.site());
    progress.print_notices();
    Ok(outcome.finish(context, "packmule.pull.v1"))
}

/// Says what a pull would fetch.
pub(super) fn say_preview(preview: &PullPreview, context: &Context) {
    let bytes = preview.new.iter().map(|(_, bytes)| bytes).sum();
    context.out.prose(&match preview.new.len() {
        0 => "Nothing new waits at the centre.".to_owned(),
        count => {
            format!("{}, {}, would be fetched.", number_of(count as u64, "bundle", "bundles"), size(bytes))
        }
    });
}

/// The same for a program.
pub(super) fn preview_json(preview: &PullPreview) -> Value {
    let new = preview.new.iter().map(|(name, bytes)| json!({ "name": name.to_string(), "bytes": bytes }));
    json!({ "dry_run": true, "new": new.collect::<Vec<_>>(), "known": preview.known })
}
