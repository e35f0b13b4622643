//! `packmule join`: at a lab, takes in the centre's answer, once two people have compared six words.

use serde_json::json;

use crate::cli::commands::enrol::{same_words, words_differ};
use crate::cli::phrase::number_of;
use crate::cli::text::escape;
use crate::cli::{Answer, Context, Exit, JoinArgs, Report};
use crate::engine::{self, Home, Joined};
use crate::model::TableName;

/// Shows the centre's words, asks whether they agree, and joins.
pub fn run(args: &JoinArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = match args.run.dry_run {
        true => Home::look(&settings, &progress)?,
        false => Home::work(&settings, &progress)?,
    };
    let answer = engine::open_answer(&home, &args.answer)?;
    let (central, words) = (answer.answer().central.site.clone(), answer.answer().central.words());
    context.out.result(&format!("Six words of {central}: {words}"));
    if args.run.dry_run {
        let tables: Vec<&str> = answer.answer().tables.iter().map(|(table, _)| table.as_str()).collect();
        context.out.result(&format!("{} would sync: {}", settings.site, escape(&tables.join(", "))));
        context.out.result("This was a dry run: nothing was changed.");
        context.out.json(
            "packmule.join.v1",
            json!({ "dry_run": true, "central": central.to_string(), "words": words,
                    "number": answer.answer().number, "tables": tables }),
        );
        return Ok(Exit::Done);
    }
    if !args.yes {
        match context.ask.yes_or_no(&same_words(context, &central, &words))? {
            Answer::Yes => {}
            Answer::No => return Err(words_differ(central.as_str())),
        }
    }
    let joined = engine::join(&mut home, &answer)?;
    for line in lines(&joined) {
        context.out.result(&line);
    }
    let missing = joined.missing.iter().map(|(table, why)| json!({ "table": table.as_str(), "why": why }));
    context.out.json(
        "packmule.join.v1",
        json!({
            "dry_run": false,
            "central": central.to_string(),
            "words": words,
            "number": joined.number,
            "tables": joined.tables.iter().map(TableName::as_str).collect::<Vec<_>>(),
            "left_out": missing.collect::<serde_json::Value>(),
            "do_next": NEXT,
        }),
    );
    Ok(Exit::Done)
}

fn lines(joined: &Joined) -> Vec<String> {
    let Joined { central, number, tables, missing } = joined;
    let mut lines = vec![format!("Joined {central}, with number {number}.")];
    lines.push(format!("  Synced    {}", number_of(tables.len() as u64, "table", "tables")));
    for (table, why) in missing {
        lines.push(format!("  Left out  table {}: {why}", escape(table.as_str())));
    }
    lines.push(format!("Do next: {NEXT}"));
    lines
}

const NEXT: &str = "plug a stick in, then: packmule export";
