//! `packmule push`: seals what has changed and sends everything without a receipt through the centre's database.

use serde_json::{Value, json};

use crate::cli::mail::pushed;
use crate::cli::{Context, MailArgs};
use crate::engine::{self, Home, MailLine, PushPreview};
use crate::model::BundleName;
use crate::report::{Exit, Report, bundles, by_kind, counts_json, number_of};

/// Seals and sends.
pub fn run(args: &MailArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    if args.run.dry_run {
        let mut home = Home::look(&settings, &progress)?;
        let preview = engine::preview_push(&mut home)?;
        progress.print_notices();
        say_preview(&preview, context);
        context.out.result("This was a dry run: nothing was changed.");
        context.out.json("packmule.push.v1", preview_json(&preview));
        return Ok(Exit::Done);
    }
    let mut home = Home::work(&settings, &progress)?;
    // The line first: while it is down, edits gather in the log, and one bundle carries them all when it is back.
    let mut line = MailLine::open(&home, args.line.into())?;
    let outcome = pushed(engine::push(&mut home, &mut line)?, home.role());
    progress.print_notices();
    Ok(outcome.finish(context, "packmule.push.v1"))
}

/// Says what a push would do.
pub(super) fn say_preview(preview: &PushPreview, context: &Context) {
    let counts = &preview.sealed.counts;
    context.out.prose(&match counts.total() {
        0 => "Nothing has changed since the last bundle.".to_owned(),
        total => format!(
            "The next bundle would hold {} in {}: {}.",
            number_of(total, "change", "changes"),
            number_of(preview.sealed.tables, "table", "tables"),
            by_kind(counts)
        ),
    });
    let mut receivers: Vec<_> = preview.unconfirmed.iter().map(|name| &name.to).collect();
    receivers.dedup();
    for site in receivers {
        let numbers: Vec<u64> = preview
            .unconfirmed
            .iter()
            .filter(|name| name.to == *site)
            .map(|name| name.seq.number())
            .collect();
        context.out.prose(&format!(
            "Not confirmed yet, and sent where the centre does not have it: {} for {site}.",
            bundles(&numbers)
        ));
    }
}

/// The same for a program.
pub(super) fn preview_json(preview: &PushPreview) -> Value {
    json!({
        "dry_run": true,
        "changes": counts_json(&preview.sealed.counts),
        "tables": preview.sealed.tables,
        "unconfirmed": preview.unconfirmed.iter().map(BundleName::to_string).collect::<Vec<_>>(),
    })
}
