//! `packmule inspect`: what anybody can read of a bundle. Needs no settings, no keys and no database.

use serde_json::json;

use crate::cli::{Context, FileArgs, stick};
use crate::engine;
use crate::report::{Exit, Report};

/// Prints what a bundle says about itself; nothing of it is proven.
pub fn run(args: &FileArgs, context: &Context) -> Result<Exit, Report> {
    stick::must_be_there(&args.file)?;
    let text = engine::inspect(&args.file)?;
    context.out.result(text.trim_end());
    context.out.json(
        "packmule.inspect.v1",
        json!({ "file": args.file.to_string_lossy(), "proven": false, "text": text }),
    );
    Ok(Exit::Done)
}
