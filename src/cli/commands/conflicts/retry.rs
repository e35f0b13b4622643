//! `packmule conflicts retry`: what did not fit is tried again, whether or not something is known to have changed.

use serde_json::json;

use crate::cli::{ConflictsRetryArgs, Context};
use crate::engine::{self, Home, ParkedOptions};
use crate::report::{Exit, Report, number_of, unparked_json, unparked_line};

/// Tries all that is meant, and says what came of it.
pub(super) fn run(args: &ConflictsRetryArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::share(&settings, &progress, None)?;
    let dry_run = args.run.dry_run;
    let (site, table) = (args.site.clone(), args.table.clone());
    let unparked = engine::retry_parked(&mut home, ParkedOptions { site, table, everything: true, dry_run })?;
    let nothing = match unparked.left {
        0 => "Nothing waits because it did not fit.",
        _ => "Nothing more fits.",
    };
    context.out.prose(&unparked_line(&unparked).unwrap_or_else(|| nothing.to_owned()));
    if dry_run {
        context.out.prose("This was a dry run: nothing was changed.");
    }
    let next = match unparked.left {
        0 => "nothing".to_owned(),
        left => {
            let what = number_of(left, "row that does not fit", "rows that do not fit");
            format!("for the {what}: packmule conflicts list")
        }
    };
    context.out.prose(&format!("Do next: {next}"));
    context.out.json(
        "packmule.conflicts-tried.v1",
        json!({ "dry_run": dry_run, "set_aside_before": unparked_json(&unparked), "do_next": next }),
    );
    Ok(Exit::Done)
}

/// After a decision: a row that was decided may be what others have waited for.
pub(super) fn after_decisions(home: &mut Home<'_>, context: &Context) {
    unparked_line(&engine::retry_parked_calmly(home)).iter().for_each(|line| context.out.prose(line));
}
