//! `packmule keys`: the public keys of this site and their six words, and new keys in their place.

use serde_json::json;

use crate::cli::commands::key_care;
use crate::cli::{Answer, Context, KeysArgs, KeysCommand, RotateArgs};
use crate::engine::{self, Home};
use crate::model::{Role, Site};
use crate::report::{Exit, Report};

/// Does what is to be done with the keys.
pub fn run(args: &KeysArgs, context: &Context) -> Result<Exit, Report> {
    match &args.command {
        None | Some(KeysCommand::Show) => show(context),
        Some(KeysCommand::Rotate(args)) => rotate(*args, context),
        Some(KeysCommand::Protect(args)) => key_care::protect(args, context),
        Some(KeysCommand::Unprotect) => key_care::unprotect(context),
        Some(KeysCommand::Backup(args)) => key_care::backup(args, context),
        Some(KeysCommand::Restore(args)) => key_care::restore(args, context),
        Some(KeysCommand::Restored(args)) => key_care::restored(*args, context),
    }
}

/// Prints what others may know of this site's keys.
fn show(context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_with_keys()?;
    let folder = context.key_folder(&settings);
    let keys = folder.open_with(&settings.keys)?;
    let (verifying, recipient) = (keys.signing.verifying_key(), keys.identity.recipient());
    let words = keys.words();
    let out = &context.out;
    out.result(&format!("Six words of {}: {words}", settings.site));
    out.result(&format!("Signing key (minisign) {}:", verifying.id()));
    out.result(&format!("  {verifying}"));
    out.result("Encryption key (age):");
    out.result(&format!("  {recipient}"));
    let retired: Vec<String> = keys.retired.iter().map(|key| key.verifying_key().id().to_string()).collect();
    if !retired.is_empty() {
        out.result(&format!("Signing keys of before, not used any more: {}", retired.join(", ")));
    }
    out.say(&format!("The secret halves are in {}; keep a copy in a safe place.", folder.path().display()));
    out.json(
        "packmule.keys.v1",
        json!({
            "site": settings.site.to_string(),
            "words": words,
            "signing_key_id": verifying.id().to_string(),
            "signing_key": verifying.to_string(),
            "encryption_key": recipient.to_string(),
            "retired": retired,
        }),
    );
    Ok(Exit::Done)
}

/// Asks, makes new keys, and says who is to hear of them.
fn rotate(args: RotateArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = match args.run.dry_run {
        true => Home::look(&settings, &progress)?,
        false => Home::work(&settings, &progress)?,
    };
    let sites = engine::preview_rotation(&home)?;
    if args.run.dry_run {
        context.out.result(&format!("New keys would be made; {}.", who_hears(&sites, "would hear")));
        context.out.result("This was a dry run: nothing was changed.");
        context.out.json("packmule.keys-rotated.v1", json!({ "dry_run": true, "sites": names(&sites) }));
        return Ok(Exit::Done);
    }
    if !args.yes {
        // Whoever has the old keys can name the next ones as well, so a change of keys mends no theft.
        let question =
            "Are the old keys still this site's alone? (If they were stolen, revoke the site instead.)";
        match context.ask.yes_or_no(question)? {
            Answer::Yes => {}
            Answer::No => {
                return Err(Report::new(Exit::Question, "stopped").because("nothing was changed"));
            }
        }
    }
    let rotated = engine::rotate(&mut home)?;
    let next = match (home.role(), rotated.sites.is_empty()) {
        (_, true) => "make a copy of the keys for a safe place".to_owned(),
        (Role::Lab, false) => {
            "packmule export, or packmule sync; then make a copy of the keys for a safe place".to_owned()
        }
        (Role::Central, false) => {
            "packmule export, or packmule sync, for the labs; then make a copy of the keys for a safe place"
                .to_owned()
        }
    };
    context.out.result(&format!("{} has new keys.", settings.site));
    context.out.result(&format!("Six words before: {}", rotated.old_words));
    context.out.result(&format!("Six words now:    {}", rotated.words));
    context.out.prose(&format!(
        "Nobody need compare them: {} in the next bundle, which the old key signs as its last one.",
        who_hears(&rotated.sites, "hears")
    ));
    context.out.prose("What was sealed for the old keys still opens.");
    context.out.prose(&format!("Do next: {next}"));
    context.out.json(
        "packmule.keys-rotated.v1",
        json!({
            "dry_run": false,
            "old_words": rotated.old_words,
            "words": rotated.words,
            "sites": names(&rotated.sites),
            "do_next": next,
        }),
    );
    Ok(Exit::Done)
}

fn who_hears(sites: &[Site], hears: &str) -> String {
    match sites {
        [] => format!("nobody {hears} of them, because no other site is known here"),
        [one] => format!("{one} {hears} of them"),
        many => format!("each of {} sites {hears} of them", many.len()),
    }
}

fn names(sites: &[Site]) -> Vec<String> {
    sites.iter().map(ToString::to_string).collect()
}
