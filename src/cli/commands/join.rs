//! `packmule join`: at a lab, takes in the centre's answer, once two people have compared six words.

use serde_json::json;

use crate::cli::commands::enrol::{same_words, words_differ};
use crate::cli::phrase::number_of;
use crate::cli::series;
use crate::cli::text::escape;
use crate::cli::{Answer, Context, Exit, JoinArgs, Report};
use crate::engine::{self, Adoption, Home, JoinOptions, JoinPreview, Joined};
use crate::model::{Site, TableName};

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
        let preview = engine::preview_join(&mut home, &answer, series::server(args.no_series))?;
        for line in preview_lines(&settings.site, &preview, args.adopt) {
            context.out.result(&line);
        }
        context.out.json(
            "packmule.join.v1",
            json!({
                "dry_run": true,
                "central": central.to_string(),
                "words": words,
                "number": answer.answer().series.number(),
                "tables": preview.tables.iter().map(TableName::as_str).collect::<Vec<_>>(),
                "left_out": left_out(&preview.missing),
                "rows": preview.rows,
                "adopt": args.adopt,
                "series": preview.series.as_ref().map(series::to_json),
            }),
        );
        return Ok(Exit::Done);
    }
    if !args.yes {
        match context.ask.yes_or_no(&same_words(context, &central, &words))? {
            Answer::Yes => {}
            Answer::No => return Err(words_differ(central.as_str())),
        }
    }
    let adoption = if args.adopt { Adoption::AsTheyAre } else { Adoption::None };
    let options = JoinOptions { adoption, server: series::server(args.no_series) };
    let joined = engine::join(&mut home, &answer, options)?;
    for line in lines(&joined) {
        context.out.result(&line);
    }
    context.out.json(
        "packmule.join.v1",
        json!({
            "dry_run": false,
            "central": central.to_string(),
            "words": words,
            "number": joined.number,
            "tables": joined.tables.iter().map(TableName::as_str).collect::<Vec<_>>(),
            "left_out": left_out(&joined.missing),
            "adopted": joined.adopted,
            "series": joined.series.as_ref().map(series::to_json),
            "do_next": NEXT,
        }),
    );
    Ok(Exit::Done)
}

fn preview_lines(site: &Site, preview: &JoinPreview, adopt: bool) -> Vec<String> {
    let JoinPreview { tables, missing, rows, series } = preview;
    let names: Vec<&str> = tables.iter().map(TableName::as_str).collect();
    let mut lines = vec![format!("{site} would sync: {}", escape(&names.join(", ")))];
    lines.extend(missing_lines(missing));
    if adopt && *rows > 0 {
        let there = number_of(*rows, "row is", "rows are");
        lines.push(format!("  Adopted   {there} there already and would be sent"));
    }
    lines.extend(series.iter().flat_map(series::preview_lines));
    lines.push("This was a dry run: nothing was changed.".to_owned());
    lines
}

fn missing_lines(missing: &[(TableName, String)]) -> impl Iterator<Item = String> {
    missing.iter().map(|(table, why)| format!("  Left out  table {}: {why}", escape(table.as_str())))
}

fn left_out(missing: &[(TableName, String)]) -> serde_json::Value {
    missing.iter().map(|(table, why)| json!({ "table": table.as_str(), "why": why })).collect()
}

fn lines(joined: &Joined) -> Vec<String> {
    let Joined { central, number, tables, missing, adopted, series } = joined;
    let mut lines = vec![format!("Joined {central}, with number {number}.")];
    lines.push(format!("  Synced    {}", number_of(tables.len() as u64, "table", "tables")));
    lines.extend(missing_lines(missing));
    if *adopted > 0 {
        let rows = number_of(*adopted, "row", "rows");
        lines.push(format!("  Adopted   {rows} that were there already will be sent"));
    }
    lines.extend(series.iter().flat_map(series::lines));
    lines.push(format!("Do next: {NEXT}"));
    lines
}

const NEXT: &str = "plug a stick in, then: packmule export";
