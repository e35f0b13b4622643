//! `packmule pull`: fetches what waits in the centre's database, and takes it in.

use serde_json::{Value, json};

use crate::apply::Without;
use crate::cli::mail::pulled;
use crate::cli::phrase::number_of;
use crate::cli::text::size;
use crate::cli::{Context, Exit, MailArgs, Report};
use crate::engine::{self, Home, ImportOptions, MailLine, PullPreview};

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
    let pull = engine::pull(&mut home, &mut line, options(&without))?;
    let outcome = pulled(pull, home.site());
    progress.print_notices();
    let (exit, next) = (outcome.say(context), outcome.do_next("nothing"));
    context.out.prose(&format!("Do next: {next}"));
    let mut value = outcome.value;
    if let Value::Object(fields) = &mut value {
        fields.extend([("dry_run".to_owned(), json!(false)), ("exit".to_owned(), json!(exit.number()))]);
        fields.insert("do_next".to_owned(), json!(next));
    }
    context.out.json("packmule.pull.v1", value);
    Ok(exit)
}

/// How what came by network is applied. What needs a person's leave waits in the inbox, where `import` finds it.
pub(super) fn options(without: &Without) -> ImportOptions<'_> {
    const DELETE_PERCENT_MAX: u64 = 20;
    ImportOptions { dry_run: false, delete_percent_max: DELETE_PERCENT_MAX, online: None, without }
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
