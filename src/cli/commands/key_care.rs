//! `packmule keys protect`, `unprotect`, `backup`, `restore` and `restored`.

use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::{Answer, BackupArgs, Context, PassphraseArgs, RestoredArgs};
use crate::config::{KeyBackup, read_passphrase};
use crate::engine;
use crate::mailbox::display_path;
use crate::model::Role;
use crate::report::{Exit, Report};

/// Puts the keys behind a passphrase.
pub fn protect(args: &PassphraseArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_with_keys()?;
    // Before anybody types a new one: that the keys are there, and open.
    context.key_folder(&settings).open_with(&settings.keys)?;
    let passphrase = context.new_passphrase(args.passphrase_file.as_deref())?;
    engine::protect_keys(&settings, &passphrase)?;
    context.out.result(&format!("The keys of {} are behind a passphrase.", settings.site));
    context
        .out
        .prose("Nobody can open them without it: write it down, and keep it apart from this computer.");
    context
        .out
        .prose("Do next: for a service, name it in the settings: [keys] with passphrase_file or credential");
    context.out.json("packmule.keys-protected.v1", json!({ "protected": true }));
    Ok(Exit::Done)
}

/// Takes the passphrase away.
pub fn unprotect(context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_with_keys()?;
    engine::unprotect_keys(&settings)?;
    context.out.result(&format!("The keys of {} are behind no passphrase any more.", settings.site));
    context.out.json("packmule.keys-protected.v1", json!({ "protected": false }));
    Ok(Exit::Done)
}

/// Writes all keys and the settings to one file.
pub fn backup(args: &BackupArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_with_keys()?;
    let passphrase = context.new_passphrase(args.passphrase.passphrase_file.as_deref())?;
    let words = engine::backup_keys(&settings, &args.file, &passphrase)?;
    context.out.result(&format!("The keys of {} are in {}.", settings.site, display_path(&args.file)));
    context.out.result(&format!("Six words of the keys in it: {words}"));
    let next =
        "bring the file to a safe place, and its passphrase to another one; again after each keys rotate";
    context.out.prose(&format!("Do next: {next}"));
    context.out.json("packmule.keys-backup.v1", json!({ "words": words, "do_next": next }));
    Ok(Exit::Done)
}

/// Puts the keys of such a file back.
pub fn restore(args: &BackupArgs, context: &Context) -> Result<Exit, Report> {
    let passphrase = match &args.passphrase.passphrase_file {
        Some(path) => read_passphrase(path)?,
        None => {
            let typed = context.ask.password(&format!("Passphrase of {}", display_path(&args.file)))?;
            Zeroizing::new(typed.expose().to_owned())
        }
    };
    let backup = KeyBackup::open(&args.file, &passphrase)?;
    if let Some(path) = context.flags.config.as_deref().filter(|path| !path.exists()) {
        backup.put_settings(path)?;
        context.out.result(&format!("Settings  {}, as they were; look through them", display_path(path)));
    }
    let settings = context.settings()?;
    engine::restore_keys(&settings, &backup)?;
    let words = backup.words(&args.file)?;
    let next = match settings.role {
        Role::Lab => {
            "where the database is put back from a backup: packmule recover; where it begins empty: packmule init; either \
             makes a card for the centre: packmule enrol CARD there, and packmule join ANSWER here"
        }
        Role::Central => {
            "put the newest copy of the database back; a centre goes on from exactly where it was, or not at all; then: \
             packmule keys restored"
        }
    };
    context.out.result(&format!("The keys of {} were put back.", settings.site));
    context.out.result(&format!("Six words of {}, the same as before: {words}", settings.site));
    context.out.prose("Nothing is sealed before it is said what became of the database.");
    context.out.prose(&format!("Do next: {next}"));
    context.out.json("packmule.keys-restored.v1", json!({ "words": words, "do_next": next }));
    Ok(Exit::Done)
}

/// At the centre: takes the mark away that keys were put back.
pub fn restored(args: RestoredArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings()?;
    if settings.role == Role::Lab {
        return Err(Report::new(
            Exit::WrongUse,
            format!("{} is a lab, and this is done at the centre", settings.site),
        )
        .hint("here: packmule recover"));
    }
    if !args.yes {
        let question = "Does the database know every bundle that was ever sealed here?";
        match context.ask.yes_or_no(question)? {
            Answer::Yes => {}
            Answer::No => {
                return Err(Report::new(Exit::Question, "stopped").because("nothing was changed"));
            }
        }
    }
    context.key_folder(&settings).forget_restored()?;
    context.out.result("The centre goes on from where its database is.");
    context.out.json("packmule.keys-restored.v1", json!({ "words": null, "do_next": "packmule doctor" }));
    Ok(Exit::Done)
}
