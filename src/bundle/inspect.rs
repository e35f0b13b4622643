//! What `packmule inspect` prints: all that a finder of the stick could read, and nothing more.

use std::fmt::Write;

use crate::bundle::manifest_text::FORMAT;
use crate::bundle::{Error, Manifest, Unverified};

/// Describes a bundle in plain ASCII, one fact a line. It proves nothing, and its last line says so.
pub fn describe(unverified: &Unverified) -> Result<String, Error> {
    let manifest = unverified.claims()?;
    let mut text = String::new();
    for (name, value) in facts(unverified, &manifest) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<13}{value}");
    }
    text.push_str("This is what the file says about itself; nothing of it is checked here.\n");
    Ok(text)
}

fn facts(unverified: &Unverified, manifest: &Manifest) -> Vec<(&'static str, String)> {
    let stream = manifest.stream();
    let payload = manifest.payload();
    let previous =
        manifest.previous().map_or("none, it is the first".to_owned(), |digest| digest.to_string());
    let receipt = manifest.receipt().map_or("none".to_owned(), |receipt| {
        format!("bundle {} of {}, history {}", receipt.seq, stream.to, receipt.incarnation)
    });
    let mut facts = vec![
        ("bundle", manifest.seq().to_string()),
        ("from", stream.from.to_string()),
        ("to", stream.to.to_string()),
        ("kind", manifest.kind().to_string()),
        ("date", manifest.date().to_owned()),
        ("size", format!("{} bytes", unverified.length())),
        ("content", format!("{} bytes, encrypted for {}", payload.size, stream.to)),
        ("receipt", receipt),
        ("history", stream.incarnation.to_string()),
        ("digest", unverified.digest().to_string()),
        ("previous", previous),
        ("signed with", manifest.signer().to_string()),
        ("name", manifest.name().to_string()),
        ("format", FORMAT.to_owned()),
    ];
    if manifest.continues() {
        facts.push(("continues", "the next bundle is of the same snapshot".to_owned()));
    }
    if let Some(keys) = manifest.keys() {
        facts.push((
            "new keys",
            format!("from the next bundle on {} signs with {}", stream.from, keys.verifying.id()),
        ));
    }
    facts
}
