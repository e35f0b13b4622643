//! `packmule verify`: proves a bundle from the first byte to the last, and changes nothing.

use serde_json::json;

use crate::cli::{Context, FileArgs, stick};
use crate::engine::{self, Home, Proof};
use crate::report::{Exit, Report, by_kind, counts_json, size};

/// Proves signature and bytes, and where the bundle is for this site every line of its content.
pub fn run(args: &FileArgs, context: &Context) -> Result<Exit, Report> {
    stick::must_be_there(&args.file)?;
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let home = Home::look(&settings, &progress)?;
    let proof = engine::verify(&home, &args.file)?;
    for line in lines(&proof) {
        context.out.result(&line);
    }
    context.out.json(
        "packmule.verify.v1",
        json!({
            "file": args.file.to_string_lossy(),
            "name": proof.name.to_string(),
            "from": proof.name.from.to_string(),
            "to": proof.name.to.to_string(),
            "bundle": proof.name.seq.number(),
            "digest": proof.digest.to_string(),
            "size_bytes": proof.size_bytes,
            "changes": proof.counts.as_ref().map(counts_json),
        }),
    );
    Ok(Exit::Done)
}

fn lines(proof: &Proof) -> Vec<String> {
    let Proof { name, digest, size_bytes, counts } = proof;
    let content = match counts {
        Some(counts) => format!("content good: {}", by_kind(counts)),
        None => format!("content not opened: it is for {}", name.to),
    };
    vec![
        format!(
            "Bundle {} from {} for {}, {}: signature and checksum good.",
            name.seq,
            name.from,
            name.to,
            size(*size_bytes)
        ),
        format!("  {content}"),
        format!("  digest {digest}"),
    ]
}
