//! `packmule conflicts`: what two people changed at once, looked at and decided by a third.

mod decide;
mod export;
mod retry;
mod show;
mod to_json;

use serde_json::json;

use crate::cli::commands::conflicts::to_json::{count_json, head_json};
use crate::cli::{ConflictsArgs, ConflictsCommand, ConflictsListArgs, Context, Grid};
use crate::engine::{self, Home, Listed};
use crate::ledger::{LineHead, Outcome, Status};
use crate::report::{Exit, Report, cut, number_of};

/// Lists, shows or exports conflicts, or decides them.
pub fn run(args: &ConflictsArgs, context: &Context) -> Result<Exit, Report> {
    match &args.command {
        None => list(&ConflictsListArgs::default(), context),
        Some(ConflictsCommand::List(args)) => list(args, context),
        Some(ConflictsCommand::Show { id }) => show::run(*id, context),
        Some(ConflictsCommand::Approve(args)) => decide::run(args, engine::Choice::Approve, context),
        Some(ConflictsCommand::Reject(args)) => decide::run(args, engine::Choice::Reject, context),
        Some(ConflictsCommand::Merge(args)) => decide::merge(args, context),
        Some(ConflictsCommand::Reopen(args)) => decide::reopen(args, context),
        Some(ConflictsCommand::Retry(args)) => retry::run(args, context),
        Some(ConflictsCommand::Export(args)) => export::run(args, context),
    }
}

fn list(args: &ConflictsListArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::look(&settings, &progress)?;
    let filter = args.filter.to_filter(&[], Some(Status::Open));
    let listed = engine::list_conflicts(&mut home, &filter, args.after, u64::from(args.limit))?;
    let total: u64 = listed.counts.iter().map(|one| one.count).sum();
    match listed.heads.is_empty() {
        true if flags(args).is_empty() => context.out.prose("No conflict waits for a person."),
        true => context.out.prose("There is no such conflict."),
        false => context.out.grid(&grid(&listed.heads)),
    }
    if listed.counts.len() > 1 {
        let sorts =
            listed.counts.iter().map(|one| format!("{} {} {}", cut(one.table.as_str()), one.kind, one.count));
        context.out.prose(&format!("All in all {total}: {}.", sorts.collect::<Vec<_>>().join(", ")));
    }
    let next = next(&listed, args);
    context.out.prose(&format!("Do next: {next}"));
    let conflicts: Vec<_> = listed.heads.iter().map(head_json).collect();
    let counts: Vec<_> = listed.counts.iter().map(count_json).collect();
    context.out.json(
        "packmule.conflicts.v1",
        json!({
            "conflicts": conflicts,
            "total": total,
            "counts": counts,
            "next_after": listed.next_after,
            "do_next": next,
        }),
    );
    Ok(Exit::Done)
}

fn grid(heads: &[LineHead]) -> Grid {
    let mut grid = Grid::new(&["no", "lab", "table", "row", "kind", "met (UTC)", "state"]);
    for head in heads {
        grid.row(&[
            head.id.to_string(),
            head.site.clone(),
            head.table.to_string(),
            cut(&head.record_id),
            head.kind.to_string(),
            head.met_at.to_words(),
            state(head),
        ]);
    }
    grid
}

/// `open`, `lab-a, by rule`, `central, by grace`
fn state(head: &LineHead) -> String {
    let by = head.decided_by.as_deref().unwrap_or_default();
    let whose = match head.outcome {
        Outcome::Central => "central",
        Outcome::Lab => head.site.as_str(),
        Outcome::Merged => "both",
    };
    match head.status {
        Status::Open => "open".to_owned(),
        Status::Decided if by.starts_with("rule: ") => format!("{whose}, by rule"),
        Status::Decided => format!("{whose}, by {}", cut(by)),
    }
}

fn next(listed: &Listed, args: &ConflictsListArgs) -> String {
    let mut next = Vec::new();
    if let Some(first) = listed.heads.first() {
        next.push(format!("packmule conflicts show {}", first.id));
    }
    if let Some(after) = listed.next_after {
        let rest = listed.counts.iter().map(|one| one.count).sum::<u64>();
        let what = number_of(rest, "conflict", "conflicts");
        next.push(format!("for more of the {what}: packmule conflicts list{} --after {after}", flags(args)));
    }
    if next.is_empty() { "nothing".to_owned() } else { next.join("; ") }
}

/// The flags that were given, to be given again.
fn flags(args: &ConflictsListArgs) -> String {
    let mut words = String::new();
    let filter = &args.filter;
    let mut add = |name: &str, value: Option<String>| {
        words.push_str(&value.map(|value| format!(" --{name} {value}")).unwrap_or_default());
    };
    add("site", filter.site.as_ref().map(ToString::to_string));
    add("table", filter.table.as_ref().map(ToString::to_string));
    add("kind", filter.kind.map(|kind| kind.to_string()));
    add("status", filter.status.map(|status| format!("{status:?}").to_lowercase()));
    words
}
