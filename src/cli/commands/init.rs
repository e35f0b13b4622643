//! `packmule init`: makes a site of a database.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::capture;
use crate::cli::series;
use crate::cli::{Ask, Context, InitArgs};
use crate::config::{self, Administrator, NewSettings};
use crate::db::{self, Ensured};
use crate::engine::{self, Cause, Init, InitPreview, InitReport};
use crate::ledger;
use crate::mailbox::display_path;
use crate::model::{Role, TableName};
use crate::report::{Exit, Report, escape, number_of};

/// Sets this site up, or completes what was begun, and says what there is now and what comes next.
pub fn run(args: &InitArgs, context: &Context) -> Result<Exit, Report> {
    if args.role == Role::Lab && args.tables.is_some() {
        return Err(Report::new(Exit::WrongUse, "--tables is for the centre")
            .because("the centre decides which tables travel, and tells each lab in its answer card")
            .hint("leave --tables out; until then every table that can be synced is watched"));
    }
    let mut init = Init {
        path: config::for_new(context.flags.config.as_deref())?,
        settings: NewSettings {
            role: args.role,
            site: args.site.clone(),
            database: context.database_to_set_up(&args.database)?,
            tables: args.tables.clone(),
            state: args.state.clone(),
            own_account: args.admin_defaults_file.is_some(),
        },
        card: args.card.clone().unwrap_or_else(|| PathBuf::from(format!("{}.card", args.site))),
        adopt: args.adopt,
        server: series::server(args.no_series),
        administrator: args.admin_defaults_file.clone().map(Administrator::File),
    };
    if args.run.dry_run {
        return preview(&init, context);
    }
    let report = match engine::init(&init) {
        Err(error) if init.administrator.is_none() && wants_administrator(&error) => {
            let Some(administrator) = ask_administrator(&init, context)? else {
                return Err(explain(error));
            };
            init.administrator = Some(administrator);
            init.settings.own_account = true;
            engine::init(&init)
        }
        other => other,
    };
    let report = report.map_err(explain)?;
    warn_of_other_address(&init, &report, context);
    for line in lines(&report) {
        context.out.result(&line);
    }
    context.out.json("packmule.init.v1", to_json(&report));
    Ok(Exit::Done)
}

/// Whether packmule's own account is not there, or may not do what is needed.
fn wants_administrator(error: &engine::Error) -> bool {
    let refusal = if let engine::Error::Database(error) = error {
        error
    } else if let engine::Error::Ledger(ledger::Error::Database(error)) = error {
        error
    } else if let engine::Error::Capture(capture::Error::Database(error)) = error {
        error
    } else if let engine::Error::Capture(capture::Error::Trigger { source, .. }) = error {
        source
    } else {
        return false;
    };
    // 1419 is no right of the account's: the server must be set otherwise.
    let lacks_right = refusal.class() == Some(db::Class::Rights) && refusal.code() != Some(1419);
    matches!(refusal, db::Error::SignIn { .. }) || lacks_right
}

/// Asks a person for an administrator's sign-in, where one is there. `None`: nobody is, or has none.
fn ask_administrator(init: &Init, context: &Context) -> Result<Option<Administrator>, Report> {
    if context.ask == Ask::Nobody {
        return Ok(None);
    }
    let address = init.settings.database.without_password();
    context.out.say(&format!("packmule's own account cannot do what is needed at {address}."));
    context.out.say("An administrator of the server can make it now; the sign-in is used once and not kept.");
    let user = context.ask.name("Administrator's user name, or Enter to stop", "--admin-defaults-file")?;
    if user.is_empty() {
        return Ok(None);
    }
    let password = context.ask.password(&format!("Password of '{user}'"))?;
    Ok(Some(Administrator::Asked { user, password }))
}

/// There are no settings yet to look at or to examine, so other hints help than elsewhere.
fn explain(error: engine::Error) -> Report {
    let hint = match &error {
        engine::Error::Database(refusal @ db::Error::SignIn { .. }) => match refusal.code() {
            // The password is right; the account may not use this database.
            Some(1044) => None,
            Some(_) | None => Some("run the same command again with --ask-pass"),
        },
        engine::Error::Database(db::Error::Unreachable { .. }) => {
            Some("start the database server, or mend the address behind --database")
        }
        engine::Error::Database(db::Error::NoDatabase { .. }) => {
            Some("mend its name behind --database; packmule never makes a database itself")
        }
        engine::Error::State(Cause::Unshareable { .. }) => {
            Some("every table, and what stands in its way: the same command with `--tables all --dry-run`")
        }
        engine::Error::Database(
            db::Error::Insecure { .. }
            | db::Error::TooOld { .. }
            | db::Error::Refused { .. }
            | db::Error::TooLong { .. }
            | db::Error::Misfit { .. }
            | db::Error::Unexpected { .. },
        )
        | engine::Error::State(_)
        | engine::Error::Rekey(_)
        | engine::Error::Review(_)
        | engine::Error::User(_)
        | engine::Error::Rules { .. }
        | engine::Error::Config(_)
        | engine::Error::Mail(_)
        | engine::Error::Ledger(_)
        | engine::Error::Capture(_)
        | engine::Error::Seal(_)
        | engine::Error::Mailbox(_)
        | engine::Error::Apply { .. }
        | engine::Error::Retry { .. }
        | engine::Error::Parked { .. }
        | engine::Error::Key(_)
        | engine::Error::Bundle { .. }
        | engine::Error::File { .. } => None,
    };
    let report = Report::from(error);
    match hint {
        Some(hint) => Report { hints: vec![hint.to_owned()], ..report },
        None => report,
    }
}

/// Says what `init` would make.
fn preview(init: &Init, context: &Context) -> Result<Exit, Report> {
    let preview = engine::preview(init).map_err(explain)?;
    for line in preview_lines(&preview, init.adopt) {
        context.out.result(&line);
    }
    context.out.json("packmule.init.v1", preview_json(&preview, init.adopt));
    Ok(Exit::Done)
}

/// A settings file that is there already is never overwritten, so another address that was typed is not used.
fn warn_of_other_address(init: &Init, report: &InitReport, context: &Context) {
    let typed = init.settings.database.without_password();
    let used = report.settings.shown().iter().find(|shown| shown.name == "database.url");
    if let Some(used) = used.filter(|used| report.was_there && used.value != typed) {
        let path = shown(&report.settings.path);
        context
            .out
            .say(&format!("packmule: note: {path} was there already; its database {} is used", used.value));
    }
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
        true => format!("{} was set up before; everything is complete now.", settings.site),
    }];
    let mut fact = |name: &str, words: String| lines.push(format!("  {name:9} {words}"));
    fact("Settings", shown(&settings.path));
    fact("Keys", format!("{}; keep a copy in a safe place", shown(&settings.state.join("keys"))));
    if report.made_account {
        let database = &settings.database;
        fact("Account", format!("'{}', with the rights that it needs and no others", database.user));
    }
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
    if report.not_adopted > 0 && settings.role == Role::Central {
        fact(
            "Rows",
            format!("{}, for every lab to start from", number_of(report.not_adopted, "row", "rows")),
        );
    } else if report.not_adopted > 0 {
        let rows = number_of(report.not_adopted, "row that was", "rows that were");
        fact(
            "Not sent",
            format!("{rows} there already; to send them too, run the same command again with --adopt"),
        );
    }
    if let Some(card) = &report.card {
        fact("Card", shown(card));
    }
    lines.extend(report.series.iter().flat_map(series::lines));
    lines.push(format!("Six words of {}: {}", settings.site, report.words));
    lines.push(format!("Do next: {}", next(report)));
    lines
}

fn preview_lines(preview: &InitPreview, adopt: bool) -> Vec<String> {
    let InitPreview { settings, was_there, has_log, tables, unshareable, rows, series } = preview;
    let (site, database) = (&settings.site, &settings.database.name);
    let mut lines = vec![match was_there {
        false => format!("{site} would be set up as {} on database {database}.", article(settings.role)),
        true => format!("{site} is set up already; what is missing would be completed."),
    }];
    let mut fact = |name: &str, words: String| lines.push(format!("  {name:9} {words}"));
    fact("Settings", shown(&settings.path));
    fact("Keys", shown(&settings.state.join("keys")));
    fact("Watched", number_of(tables.len() as u64, "table", "tables"));
    for (table, why) in unshareable {
        fact("Left out", format!("table {}: {why}", escape(table.as_str())));
    }
    fact("Log", preview_log(*has_log).to_owned());
    let there = number_of(*rows, "row is", "rows are");
    match (rows, adopt) {
        (0, _) => {}
        (_, true) => fact("Adopted", format!("{there} there already and would be sent")),
        (_, false) if settings.role == Role::Central => {
            fact("Rows", format!("{}, for every lab to start from", number_of(*rows, "row", "rows")));
        }
        (_, false) => fact("Not sent", format!("{there} there already; --adopt would send them too")),
    }
    lines.extend(series.iter().flat_map(series::preview_lines));
    lines.push("This was a dry run: nothing was changed.".to_owned());
    lines
}

fn preview_log(has_log: bool) -> &'static str {
    match has_log {
        true => "the table sync_log is there; it would get what packmule needs, and its rows would be kept",
        false => "the table sync_log would be made",
    }
}

fn preview_json(preview: &InitPreview, adopt: bool) -> serde_json::Value {
    let InitPreview { settings, was_there, has_log, tables, unshareable, rows, series } = preview;
    json!({
        "dry_run": true,
        "site": settings.site.to_string(),
        "role": settings.role.to_string(),
        "was_there": was_there,
        "settings": settings.path.to_string_lossy(),
        "state": settings.state.to_string_lossy(),
        "tables": names(tables),
        "left_out": left_out(unshareable),
        "sync_log": if *has_log { "there" } else { "absent" },
        "rows": rows,
        "adopt": adopt,
        "series": series.as_ref().map(series::to_json),
    })
}

fn next(report: &InitReport) -> String {
    match (&report.card, report.settings.role) {
        (Some(card), _) => format!(
            "give {} to the centre, and read the six words to it by telephone; then, with its answer: packmule join ANSWER",
            shown(card)
        ),
        (None, Role::Central | Role::Lab) => format!(
            "{}for each lab: packmule enrol LAB.card, once the lab has run packmule init",
            series::first(report.series.as_ref())
        ),
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
        "series": report.series.as_ref().map(series::to_json),
        "made_account": report.made_account,
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
