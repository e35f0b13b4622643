//! `packmule conflicts approve`, `reject`, `merge` and `reopen`: one at once, many only after a look and a yes.

use serde_json::{Value as Json, json};

use crate::cli::commands::conflicts::retry::after_decisions;
use crate::cli::commands::conflicts::show::print;
use crate::cli::commands::conflicts::to_json::{done_json, preview_json, shown_json};
use crate::cli::person::decider;
use crate::cli::{
    Answer, ConflictsDecideArgs, ConflictsMergeArgs, ConflictsReopenArgs, Context, MannerArgs, Which,
};
use crate::config::Settings;
use crate::engine::{
    self, BulkOutcome, Choice, Decided, Done, Fingerprint, Home, Manner, Pick, Preview, Wanted,
};
use crate::ledger::{Action, LineFilter, Status};
use crate::report::{Exit, Report, count, cut, decided_words, difference, number_of, overruled_words};

/// Approves or rejects.
pub(super) fn run(args: &ConflictsDecideArgs, choice: Choice, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let mut manner = manner(&args.manner)?;
    if let [Which::One(id)] = args.which.as_slice() {
        manner.may_take_along = args.manner.yes;
        return one(&settings, context, *id, &choice, args.row, manner);
    }
    if args.row.is_some() {
        return Err(Report::new(Exit::WrongUse, "--row names one row, and more than one conflict is meant")
            .because("nothing was changed")
            .hint("decide that one alone"));
    }
    // A number says which one is meant, whether it waits or not; a range or `all` means those that wait.
    let all_named = args.which.iter().all(|which| matches!(which, Which::One(_)));
    let usual = if all_named { None } else { Some(Status::Open) };
    many(&settings, context, &args.filter.to_filter(&args.which, usual), &choice, (manner, args.manner.yes))
}

/// Puts a row together.
pub(super) fn merge(args: &ConflictsMergeArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let mut manner = manner(&args.manner)?;
    manner.may_take_along = args.manner.yes;
    let set = args.set.iter().map(|(column, value)| (column.clone(), Some(value.clone())));
    let set = set.chain(args.null.iter().map(|column| (column.clone(), None))).collect();
    let choice = Choice::Merge(Wanted { lab: args.lab.clone(), set });
    one(&settings, context, args.id, &choice, args.row, manner)
}

/// Takes decisions back.
pub(super) fn reopen(args: &ConflictsReopenArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let manner = manner(&args.manner)?;
    let progress = context.progress()?;
    let mut home = Home::share(&settings, &progress, None)?;
    if let [Which::One(id)] = args.which.as_slice() {
        let decided = engine::reopen(&mut home, *id, &manner)?;
        return Ok(told(&decided, context, &manner));
    }
    if manner.dry_run {
        let outcome = engine::reopen_all(&mut home, &args.filter.to_filter(&args.which, None), &manner)?;
        return Ok(told_all(&outcome, context, &manner, Action::Reopen));
    }
    if !args.manner.yes
        && context.ask.yes_or_no("Take back what people have decided of all these conflicts?")? == Answer::No
    {
        return Err(nothing_decided());
    }
    let outcome = engine::reopen_all(&mut home, &args.filter.to_filter(&args.which, None), &manner)?;
    Ok(told_all(&outcome, context, &manner, Action::Reopen))
}

fn manner(args: &MannerArgs) -> Result<Manner, Report> {
    Ok(Manner {
        by: decider(args.by.as_deref())?,
        note: args.note.clone().filter(|note| !note.is_empty()),
        may_take_along: false,
        dry_run: args.run.dry_run,
    })
}

fn one(
    settings: &Settings,
    context: &Context,
    id: u64,
    choice: &Choice,
    seen: Option<Fingerprint>,
    mut manner: Manner,
) -> Result<Exit, Report> {
    let progress = context.progress()?;
    let mut home = Home::share(settings, &progress, None)?;
    let mut decided =
        engine::decide(&mut home, id, choice, seen, &manner).map_err(|error| naming(error, id))?;
    if let (Decided::TakesAlong(tables), false) = (&decided, manner.dry_run) {
        let rows: Vec<String> = tables.iter().map(|(table, count)| format!("{count} of {table}")).collect();
        let question = format!("Other rows would be deleted or let go with it: {}. Go on?", rows.join(", "));
        if context.ask.yes_or_no(&question)? == Answer::No {
            return Err(nothing_decided());
        }
        manner.may_take_along = true;
        decided = engine::decide(&mut home, id, choice, seen, &manner).map_err(|error| naming(error, id))?;
    }
    if decided == Decided::Stale {
        let shown = engine::show(&mut home, id)?;
        context.out.prose("Nothing was decided: this is another row than before. Look again, please.");
        print(&shown, context);
        let mut value = shown_json(&shown);
        value["stale"] = json!(true);
        context.out.json("packmule.conflict.v1", value);
        return Ok(Exit::Waits);
    }
    if matches!(decided, Decided::Done(_)) && !manner.dry_run {
        after_decisions(&mut home, context);
    }
    Ok(told(&decided, context, &manner))
}

/// An error in words, its commands to copy with the conflict's own number.
fn naming(error: engine::Error, id: u64) -> Report {
    let report = Report::from(error);
    let hints = report.hints.iter().map(|hint| hint.replace(" ID", &format!(" {id}"))).collect();
    Report { hints, ..report }
}

/// Says what came of one decision.
fn told(decided: &Decided, context: &Context, manner: &Manner) -> Exit {
    let is = if manner.dry_run { "would be" } else { "is" };
    match decided {
        Decided::Done(done) => {
            let next = next(done, manner);
            context.out.prose(&decided_words(done, is));
            overruled_words(done).iter().for_each(|line| context.out.prose(line));
            if manner.dry_run {
                context.out.prose("This was a dry run: nothing was changed.");
            }
            context.out.prose(&format!("Do next: {next}"));
            context.out.json("packmule.conflict-decided.v1", done_json(done, manner.dry_run, &next));
            Exit::Done
        }
        Decided::Already { at } => {
            context.out.prose(&format!("You decided the same {} UTC.", at.to_words()));
            context.out.prose("Do next: nothing");
            context.out.json(
                "packmule.conflict-decided.v1",
                json!({ "dry_run": manner.dry_run, "already": at.to_string(), "changed": false, "do_next": "nothing" }),
            );
            Exit::Done
        }
        Decided::TakesAlong(tables) => {
            let rows: Vec<String> = tables.iter().map(|(table, rows)| format!("{rows} of {table}")).collect();
            context
                .out
                .prose(&format!("Other rows would be deleted or let go with it: {}.", rows.join(", ")));
            context.out.prose("This was a dry run: nothing was changed.");
            let rows: Vec<Json> =
                tables.iter().map(|(table, rows)| json!({ "table": table.as_str(), "rows": rows })).collect();
            context.out.json(
                "packmule.conflict-decided.v1",
                json!({ "dry_run": true, "takes_along": rows, "changed": false, "do_next": "nothing" }),
            );
            Exit::Done
        }
        Decided::Stale => Exit::Waits,
    }
}

fn next(done: &Done, manner: &Manner) -> String {
    match (manner.dry_run, done.action, done.is_edit) {
        (true, ..) => "the same without --dry-run".to_owned(),
        (false, Action::Reopen, _) => format!("packmule conflicts show {}", done.id),
        (false, _, false) => "nothing; the labs hold this row already, or are on the way to it".to_owned(),
        (false, _, true) => "nothing; every lab hears of it with its next bundle".to_owned(),
    }
}

fn many(
    settings: &Settings,
    context: &Context,
    filter: &LineFilter,
    choice: &Choice,
    (manner, yes): (Manner, bool),
) -> Result<Exit, Report> {
    let progress = context.progress()?;
    let mut home = Home::look(settings, &progress)?;
    let preview = engine::preview_decisions(&mut home, filter, choice)?;
    drop(home);
    say_preview(&preview, choice, context);
    if manner.dry_run || preview.picks.is_empty() {
        if manner.dry_run {
            context.out.prose("This was a dry run: nothing was changed.");
        }
        let mut value = preview_json(&preview);
        value["dry_run"] = json!(manner.dry_run);
        context.out.json("packmule.conflicts-decided.v1", value);
        return Ok(waits_for(&preview));
    }
    let decisions = number_of(preview.picks.len() as u64, "conflict", "conflicts");
    if !yes {
        let question = format!("{} {decisions}?", capital_word(choice));
        if context.ask.yes_or_no(&question)? == Answer::No {
            return Err(nothing_decided());
        }
    }
    let mut home = Home::share(settings, &progress, None)?;
    let picks: &[Pick] = &preview.picks;
    let outcome = engine::decide_all(&mut home, picks, choice, &manner)?;
    if outcome.done > 0 && !manner.dry_run {
        after_decisions(&mut home, context);
    }
    let exit = told_all(&outcome, context, &manner, choice.action());
    Ok(if exit == Exit::Done { waits_for(&preview) } else { exit })
}

fn waits_for(preview: &Preview) -> Exit {
    if preview.moved_on.is_empty() && preview.fault_count == 0 { Exit::Done } else { Exit::Waits }
}

fn say_preview(preview: &Preview, choice: &Choice, context: &Context) {
    let total = number_of(preview.picks.len() as u64, "conflict", "conflicts");
    context.out.prose(&format!("{} {total}:", capital_word(choice)));
    for ((table, kind), rows) in &preview.counts {
        context.out.prose(&format!("  {}, {kind}: {}", cut(table.as_str()), count(*rows)));
    }
    if preview.unchanged > 0 {
        context.out.prose(&format!("In {} of them the row stays as it is.", count(preview.unchanged)));
    }
    for sample in &preview.samples {
        let then = difference(&sample.shape, sample.now.as_ref(), sample.then.as_ref());
        context.out.prose(&format!(
            "  {}, {}: {} {}: {then}",
            sample.id,
            sample.site,
            cut(sample.shape.name.as_str()),
            cut(&sample.record_id)
        ));
    }
    if !preview.moved_on.is_empty() {
        let ids: Vec<String> = preview.moved_on.iter().take(10).map(u64::to_string).collect();
        let rows = number_of(preview.moved_on.len() as u64, "row was", "rows were");
        context.out.prose(&format!("Left out, because their {rows} edited since: {}", ids.join(", ")));
    }
    for (id, fault) in &preview.faults {
        context.out.prose(&format!("Left out: {id}: {}", fault.told()));
    }
}

fn capital_word(choice: &Choice) -> &'static str {
    match choice {
        Choice::Approve => "Approve",
        Choice::Reject => "Reject",
        Choice::Merge(_) => "Merge",
    }
}

/// Says what came of many decisions. What could not be decided waits for a person.
fn told_all(outcome: &BulkOutcome, context: &Context, manner: &Manner, action: Action) -> Exit {
    let BulkOutcome { done, edits, stale, faults, fault_count } = outcome;
    let what = match action {
        Action::Approve => "approved",
        Action::Reject => "rejected",
        Action::Merge => "merged",
        Action::Reopen => "open again",
    };
    let would = if manner.dry_run { "would be " } else { "" };
    let conflicts = number_of(*done, "conflict", "conflicts");
    context.out.prose(&format!("{conflicts} {would}{what}; rows changed: {}.", count(*edits)));
    for id in stale.iter().take(10) {
        context.out.prose(&format!("  {id}: edited meanwhile, and not decided"));
    }
    for (id, why) in faults {
        context.out.prose(&format!("  {id}: {why}"));
    }
    if *fault_count > faults.len() as u64 {
        context.out.prose(&format!("  and {} more like these", count(fault_count - faults.len() as u64)));
    }
    if manner.dry_run {
        context.out.prose("This was a dry run: nothing was changed.");
    }
    let left = !stale.is_empty() || *fault_count > 0;
    let next = if left { "packmule conflicts list" } else { "nothing" };
    context.out.prose(&format!("Do next: {next}"));
    let faults: Vec<Json> = faults.iter().map(|(id, why)| json!({ "id": id, "why": why })).collect();
    context.out.json(
        "packmule.conflicts-decided.v1",
        json!({
            "dry_run": manner.dry_run,
            "action": action.to_string(),
            "done": done,
            "changed": edits,
            "stale": stale,
            "cannot": fault_count,
            "faults": faults,
            "do_next": next,
        }),
    );
    if left { Exit::Waits } else { Exit::Done }
}

fn nothing_decided() -> Report {
    Report::new(Exit::Question, "nothing was decided")
        .because("the answer was no; nothing was changed")
        .hint("each one alone: packmule conflicts list")
}
