//! `packmule init`: makes a site of a database.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::phrase::number_of;
use crate::cli::text::escape;
use crate::cli::{Context, Exit, InitArgs, Report};
use crate::config::{self, NewSettings};
use crate::db::Ensured;
use crate::engine::{self, Init, InitReport};
use crate::mailbox::display_path;
use crate::model::{Role, TableName};

/// Sets this site up, or completes what was begun, and says what there is now and what comes next.
pub fn run(args: &InitArgs, context: &Context) -> Result<Exit, Report> {
    if args.role == Role::Lab && args.tables.is_some() {
        return Err(Report::new(Exit::WrongUse, "--tables is for the centre")
            .because("the centre decides which tables travel, and tells each lab in its answer card")
            .hint("leave --tables out; until then every table that can be synced is watched"));
    }
    let init = Init {
        path: config::for_new(context.flags.config.as_deref())?,
        settings: NewSettings {
            role: args.role,
            site: args.site.clone(),
            database: context.database_to_set_up(&args.database)?,
            tables: args.tables.clone(),
            state: args.state.clone(),
        },
        card: args.card.clone().unwrap_or_else(|| PathBuf::from(format!("{}.card", args.site))),
        adopt: args.adopt,
    };
    if args.run.dry_run {
        return Err(
            Report::new(Exit::WrongUse, "init cannot be tried out yet").because("nothing was changed")
        );
    }
    let report = engine::init(&init)?;
    for line in lines(&report) {
        context.out.result(&line);
    }
    context.out.json("packmule.init.v1", to_json(&report));
    Ok(Exit::Done)
}

fn lines(report: &InitReport) -> Vec<String> {
    let settings = &report.settings;
    let mut lines = vec![match report.was_there {
        false => format!(
            "{} is set up as {} on database {}.",
            settings.site,
            article(settings.role),
            settings.database.name
        ),
        true => format!("{} was set up already; everything is complete.", settings.site),
    }];
    let mut fact = |name: &str, words: String| lines.push(format!("  {name:9} {words}"));
    fact("Settings", shown(&settings.path));
    fact("Keys", format!("{}; keep a copy in a safe place", shown(&settings.state.join("keys"))));
    fact("Watched", number_of(report.tables.len() as u64, "table", "tables"));
    for (table, why) in &report.unshareable {
        fact("Left out", format!("table {}: {why}", escape(table.as_str())));
    }
    fact("Log", log_words(&report.log).to_owned());
    if report.adopted > 0 {
        fact(
            "Adopted",
            format!("{} that were there already will be sent", number_of(report.adopted, "row", "rows")),
        );
    }
    if report.not_adopted > 0 {
        let rows = number_of(report.not_adopted, "row that was", "rows that were");
        fact(
            "Not sent",
            format!("{rows} there already; to send them too, run the same command again with --adopt"),
        );
    }
    if let Some(card) = &report.card {
        fact("Card", shown(card));
    }
    lines.push(format!("Six words of {}: {}", settings.site, report.words));
    lines.push(format!("Do next: {}", next(report)));
    lines
}

fn next(report: &InitReport) -> String {
    match (&report.card, report.settings.role) {
        (Some(card), _) => format!(
            "give {} to the centre, and read the six words to it by telephone; then, with its answer: packmule join ANSWER",
            shown(card)
        ),
        (None, Role::Central | Role::Lab) => {
            "for each lab: packmule enrol LAB.card, once the lab has run packmule init".to_owned()
        }
    }
}

fn article(role: Role) -> &'static str {
    match role {
        Role::Central => "the centre",
        Role::Lab => "a lab",
    }
}

fn log_words(log: &Ensured) -> &'static str {
    match log {
        Ensured::Created => "the table sync_log was made",
        Ensured::Extended => {
            "the table sync_log was there and has what packmule needs now; its rows are kept"
        }
        Ensured::Complete => "the table sync_log is complete",
        Ensured::Blocked { .. } => "the table sync_log cannot be used",
    }
}

fn log_word(log: &Ensured) -> &'static str {
    match log {
        Ensured::Created => "created",
        Ensured::Extended => "extended",
        Ensured::Complete => "complete",
        Ensured::Blocked { .. } => "blocked",
    }
}

fn shown(path: &Path) -> String {
    display_path(path)
}

fn to_json(report: &InitReport) -> serde_json::Value {
    let settings = &report.settings;
    json!({
        "dry_run": false,
        "site": settings.site.to_string(),
        "role": settings.role.to_string(),
        "was_there": report.was_there,
        "settings": settings.path.to_string_lossy(),
        "state": settings.state.to_string_lossy(),
        "tables": names(&report.tables),
        "left_out": left_out(&report.unshareable),
        "sync_log": log_word(&report.log),
        "adopted": report.adopted,
        "not_adopted": report.not_adopted,
        "card": report.card.as_ref().map(|card| card.to_string_lossy()),
        "words": report.words,
        "do_next": next(report),
    })
}

fn names(tables: &[TableName]) -> Vec<&str> {
    tables.iter().map(TableName::as_str).collect()
}

fn left_out(tables: &[(TableName, String)]) -> serde_json::Value {
    tables.iter().map(|(table, why)| json!({ "table": table.as_str(), "why": why })).collect()
}
