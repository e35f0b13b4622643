//! `packmule keys`: the public keys of this site and their six words.

use serde_json::json;

use crate::cli::{Context, Exit, Report};

/// Prints what others may know of this site's keys.
pub fn run(context: &Context) -> Result<Exit, Report> {
    let settings = context.settings()?;
    let folder = context.key_folder(&settings);
    let keys = folder.open()?;
    let (verifying, recipient) = (keys.signing.verifying_key(), keys.identity.recipient());
    let words = keys.words();
    let out = &context.out;
    out.result(&format!("Six words of {}: {words}", settings.site));
    out.result(&format!("Signing key (minisign) {}:", verifying.id()));
    out.result(&format!("  {verifying}"));
    out.result("Encryption key (age):");
    out.result(&format!("  {recipient}"));
    out.say(&format!("The secret halves are in {}; keep a copy in a safe place.", folder.path().display()));
    out.json(
        "packmule.keys.v1",
        json!({
            "site": settings.site.to_string(),
            "words": words,
            "signing_key_id": verifying.id().to_string(),
            "signing_key": verifying.to_string(),
            "encryption_key": recipient.to_string(),
        }),
    );
    Ok(Exit::Done)
}
