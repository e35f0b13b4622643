//! `packmule run`: the agent, for a service or a window that stays open.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::Utc;
use serde_json::json;

use crate::agent::{self, Event, Exchange, Surroundings};
use crate::cli::mail::{pulled, pushed};
use crate::cli::signals::end_on_signals;
use crate::cli::{Context, LineArgs};
use crate::mailbox::display_path;
use crate::model::{Role, Site, Stamp};
use crate::report::{Exit, Report, number_of};

/// Runs the agent until Ctrl-C or the system ends it, between two pieces of work; a second Ctrl-C ends it at once.
pub fn run(args: LineArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let stop = Arc::new(AtomicBool::new(false));
    end_on_signals(&stop)?;
    let tell = |event: Event| {
        progress.print_notices();
        say(context, &settings.site, settings.role, event);
    };
    let now = || Stamp::from_micros(Utc::now().timestamp_micros());
    let around =
        Surroundings { monitor: &progress, tell: &tell, stop: &stop, timeout: args.timeout, now: &now };
    agent::run(&settings, around)?;
    Ok(Exit::Done)
}

/// One line an event; what an exchange did is said as `sync` says it, and nothing where nothing was done.
fn say(context: &Context, here: &Site, role: Role, event: Event) {
    let (word, words) = match event {
        Event::Began { site, role } => {
            let does = match role {
                Role::Lab => "exchanging changes with its centre whenever it can be reached",
                Role::Central => "applying what arrives and sealing what waits for the labs",
            };
            ("began", vec![format!("{site}: {does}; Ctrl-C ends it.")])
        }
        Event::Exchanged(exchange) => ("exchanged", exchanged(context, here, role, *exchange)),
        Event::Away(error) => {
            report(context, error.into());
            (
                "away",
                vec!["Edits are kept here and go as soon as the centre can be reached again.".to_owned()],
            )
        }
        Event::Back => ("back", vec!["The centre can be reached again.".to_owned()]),
        Event::Failed(error) => {
            report(context, error.into());
            ("failed", vec!["It is tried again by itself.".to_owned()])
        }
        Event::Stick { path, import, sealed, carried } => {
            let taken = number_of(import.items.len() as u64, "bundle", "bundles");
            let made = number_of(sealed.streams.len() as u64, "bundle", "bundles");
            let left = number_of(carried as u64, "bundle lies", "bundles lie");
            let path = display_path(&path);
            let words =
                format!("Stick {path}: {taken} looked at, {made} sealed, {left} on it; it can be taken out.");
            ("stick", vec![words])
        }
        Event::Stopped => ("stopped", vec!["Stopped; nothing is half done.".to_owned()]),
    };
    let now = Stamp::from_micros(Utc::now().timestamp_micros());
    if context.out.is_json() && !words.is_empty() {
        context
            .out
            .json("packmule.run.v1", json!({ "event": word, "time": now.to_string(), "words": words }));
    }
    // The journal has times of its own.
    let has_times = std::env::var_os("JOURNAL_STREAM").is_some();
    for line in words {
        let line = if has_times { line } else { format!("{} {line}", now.to_words()) };
        context.out.result(&line);
    }
}

fn exchanged(context: &Context, here: &Site, role: Role, exchange: Exchange) -> Vec<String> {
    let is_idle = exchange.is_idle();
    let (came, went) = (pulled(exchange.pull, here), pushed(exchange.push, role));
    if is_idle {
        return Vec::new();
    }
    came.reports().iter().chain(went.reports()).for_each(|one| report(context, one.clone()));
    came.sentences().into_iter().chain(went.sentences()).collect()
}

fn report(context: &Context, report: Report) {
    if !context.out.is_json() {
        context.out.report(&report);
    }
}
