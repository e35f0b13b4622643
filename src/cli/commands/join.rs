//! `packmule join`: at a lab, takes in the centre's answer, once two people have compared six words.

use serde_json::{Value, json};

use crate::cli::commands::enrol::{same_words, words_differ};
use crate::cli::rekey;
use crate::cli::series;
use crate::cli::{Answer, Context, JoinArgs};
use crate::config::{CentralLines, VerifiedAnswer};
use crate::engine::{self, Adoption, Home, JoinOptions, JoinPreview, Joined, OnlineAccess, RekeyPlan};
use crate::model::{Site, TableName};
use crate::report::{Exit, Report, escape, number_of};

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
    let options = options(args);
    if args.run.dry_run {
        let preview = engine::preview_join(&mut home, &answer, options)?;
        for line in preview_lines(&settings.site, &preview, args.adopt) {
            context.out.result(&line);
        }
        show_plan(context, &home, &answer, preview.rekey.as_ref());
        context.out.result("This was a dry run: nothing was changed.");
        context.out.json("packmule.join.v1", preview_json(&answer, &preview, args.adopt));
        return Ok(Exit::Done);
    }
    if !args.yes {
        match context.ask.yes_or_no(&same_words(context, &central, &words))? {
            Answer::Yes => {}
            Answer::No => return Err(words_differ(central.as_str())),
        }
    }
    if args.rekey {
        let preview = engine::preview_join(&mut home, &answer, options)?;
        show_plan(context, &home, &answer, preview.rekey.as_ref());
        ask_to_move(args, context, preview.rekey.as_ref())?;
    }
    let joined = engine::join(&mut home, &answer, options)?;
    for line in lines(&joined) {
        context.out.prose(&line);
    }
    context.out.json("packmule.join.v1", to_json(&answer, &joined));
    Ok(Exit::Done)
}

fn options(args: &JoinArgs) -> JoinOptions {
    let adoption = match (args.adopt, args.rekey) {
        (_, true) => Adoption::Rekeyed,
        (true, false) => Adoption::AsTheyAre,
        (false, false) => Adoption::None,
    };
    JoinOptions { adoption, server: series::server(args.no_series) }
}

/// Prints which keys would move and where to.
fn show_plan(context: &Context, home: &Home<'_>, answer: &VerifiedAnswer, plan: Option<&RekeyPlan>) {
    let Some(plan) = plan else {
        return;
    };
    context.out.result(&rekey::heading(home.site(), answer.answer().series, plan));
    if let Some(grid) = rekey::grid(plan) {
        context.out.grid(&grid);
        rekey::WARNINGS.iter().for_each(|line| context.out.result(line));
    }
}

/// Asks whether the keys may move, unless that was said beforehand or none does.
fn ask_to_move(args: &JoinArgs, context: &Context, plan: Option<&RekeyPlan>) -> Result<(), Report> {
    let columns = plan.map_or(&[][..], rekey::columns);
    if args.yes || columns.is_empty() {
        return Ok(());
    }
    let question = format!("Is the application stopped, and may {} move?", rekey::amount(columns));
    match context.ask.yes_or_no(&question)? {
        Answer::Yes => Ok(()),
        Answer::No => Err(Report::new(Exit::Question, "no key was moved")
            .because("nothing was changed")
            .hint("run the same command again once the application is stopped; without --rekey, keys stay as they are")),
    }
}

fn preview_lines(site: &Site, preview: &JoinPreview, adopt: bool) -> Vec<String> {
    let JoinPreview { tables, missing, rows, rekey: _, series } = preview;
    let mut lines = vec![format!("{site} would sync: {}", escape(&names(tables).join(", ")))];
    lines.extend(missing_lines(missing));
    if adopt && *rows > 0 {
        let there = number_of(*rows, "row is", "rows are");
        lines.push(format!("  Adopted   {there} there already and would be sent"));
    }
    lines.extend(series.iter().flat_map(series::preview_lines));
    lines
}

fn missing_lines(missing: &[(TableName, String)]) -> impl Iterator<Item = String> {
    missing.iter().map(|(table, why)| format!("  Left out  table {}: {why}", escape(table.as_str())))
}

fn left_out(missing: &[(TableName, String)]) -> Value {
    missing.iter().map(|(table, why)| json!({ "table": table.as_str(), "why": why })).collect()
}

fn lines(joined: &Joined) -> Vec<String> {
    let Joined { central, number, tables, missing, adopted, rekeyed, series, online } = joined;
    let mut lines = vec![format!("Joined {central}, with number {number}.")];
    lines.push(format!("  Synced    {}", number_of(tables.len() as u64, "table", "tables")));
    lines.extend(missing_lines(missing));
    if let Some(columns) = rekeyed.as_ref().map(rekey::columns).filter(|columns| !columns.is_empty()) {
        lines.push(format!("  Moved     {}", rekey::amount(columns)));
    }
    if *adopted > 0 {
        let rows = number_of(*adopted, "row", "rows");
        lines.push(format!("  Adopted   {rows} that were there already will be sent"));
    }
    lines.extend(online_lines(online));
    lines.extend(series.iter().flat_map(series::lines));
    lines.push(format!("Do next: {}", next(joined)));
    lines
}

fn online_lines(online: &OnlineAccess) -> Vec<String> {
    match online {
        OnlineAccess::None => Vec::new(),
        OnlineAccess::TooNew => {
            vec!["  Online    in a form that only a newer packmule reads: install the centre's, then join again".to_owned()]
        }
        OnlineAccess::Known { lines: CentralLines::Written | CentralLines::Unchanged } => {
            vec![
                "  Online    the centre's address is in the settings, its password in a file of its own"
                    .to_owned(),
            ]
        }
        OnlineAccess::Known { lines: CentralLines::ByHand(wanted) } => {
            let mut lines =
                vec!["  Online    the settings were left as they are; write into them:".to_owned()];
            lines.extend(wanted.iter().map(|line| format!("              {}", escape(line))));
            lines
        }
    }
}

fn online_word(online: &OnlineAccess) -> &'static str {
    match online {
        OnlineAccess::None => "none",
        OnlineAccess::TooNew => "too-new",
        OnlineAccess::Known { lines: CentralLines::Written } => "written",
        OnlineAccess::Known { lines: CentralLines::Unchanged } => "unchanged",
        OnlineAccess::Known { lines: CentralLines::ByHand(_) } => "by-hand",
    }
}

fn preview_json(answer: &VerifiedAnswer, preview: &JoinPreview, adopt: bool) -> Value {
    let central = &answer.answer().central;
    json!({
        "dry_run": true,
        "central": central.site.to_string(),
        "words": central.words(),
        "number": answer.answer().series.number(),
        "tables": names(&preview.tables),
        "left_out": left_out(&preview.missing),
        "rows": preview.rows,
        "adopt": adopt,
        "rekey": preview.rekey.as_ref().map(rekey::to_json),
        "series": preview.series.as_ref().map(series::to_json),
    })
}

fn to_json(answer: &VerifiedAnswer, joined: &Joined) -> Value {
    json!({
        "dry_run": false,
        "central": joined.central.to_string(),
        "words": answer.answer().central.words(),
        "number": joined.number,
        "tables": names(&joined.tables),
        "left_out": left_out(&joined.missing),
        "adopted": joined.adopted,
        "rekey": joined.rekeyed.as_ref().map(rekey::to_json),
        "series": joined.series.as_ref().map(series::to_json),
        "online": online_word(&joined.online),
        "do_next": next(joined),
    })
}

fn names(tables: &[TableName]) -> Vec<&str> {
    tables.iter().map(TableName::as_str).collect()
}

fn next(joined: &Joined) -> String {
    let anew = match &joined.rekeyed {
        Some(RekeyPlan::Due(_)) => "start the application anew, every program of it; then ",
        Some(RekeyPlan::Done(_)) | None => "",
    };
    let round = match &joined.online {
        OnlineAccess::Known { lines: CentralLines::Written | CentralLines::Unchanged } => {
            "packmule sync, or packmule run, which goes on by itself"
        }
        // The first round: the centre's rows come with the answer to it.
        OnlineAccess::None
        | OnlineAccess::TooNew
        | OnlineAccess::Known { lines: CentralLines::ByHand(_) } => {
            "plug a stick in, then: packmule export; bring it to the centre, whose import puts its rows on it; \
             then here: packmule import"
        }
    };
    format!("{}{anew}{round}", series::first(joined.series.as_ref()))
}
