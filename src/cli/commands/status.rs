//! `packmule status`: whether everything has arrived, and what to do next.

use serde_json::{Value, json};

use crate::cli::phrase::{bundles, number_of};
use crate::cli::text::{count, escape, size};
use crate::cli::{Context, Exit, Report, StatusArgs};
use crate::engine::{self, Home, PeerStatus, Status};
use crate::ledger::SiteState;
use crate::model::Role;

/// Prints where everything stands; `--check` tells a script whether a person is needed.
pub fn run(args: &StatusArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::look(&settings, &progress)?;
    let status = engine::status(&mut home)?;
    let next = next(&status);
    for line in lines(&status) {
        context.out.result(&line);
    }
    context.out.result(&format!("Do next: {next}"));
    context.out.json("packmule.status.v1", to_json(&status, &next));
    Ok(if args.check && status.needs_a_person() { Exit::Waits } else { Exit::Done })
}

fn lines(status: &Status) -> Vec<String> {
    let mut lines = match status.role {
        Role::Lab => lab(status),
        Role::Central => centre(status),
    };
    if status.open_conflicts > 0 {
        let changes = number_of(status.open_conflicts, "change is", "changes are");
        lines
            .push(fact("Set aside", format!("{changes} in the table conflict_log, for a person to look at")));
    }
    for (table, why) in &status.left_out {
        lines.push(fact("Left out", format!("table {}: {}", escape(table.as_str()), escape(why))));
    }
    if status.broken_triggers > 0 {
        let triggers = number_of(status.broken_triggers, "trigger is", "triggers are");
        lines.push(fact("Triggers", format!("{triggers} missing or changed: edits may be missed")));
    }
    lines
}

fn lab(status: &Status) -> Vec<String> {
    let edits: u64 = status.unsealed.iter().map(|(_, edits)| edits).sum();
    let Some(central) = &status.central else {
        return vec![format!("{} has not joined a centre yet; edits are logged and wait.", status.site)];
    };
    let first = match (edits, status.unconfirmed) {
        (0, 0) => format!("Up to date: nothing waits for {central}."),
        (0, many) => {
            let what = number_of(many, "bundle is", "bundles are");
            format!("{what} not confirmed by {central} yet; nothing else waits.")
        }
        (edits, _) => {
            format!("Not up to date: {} {} for {central}.", number_of(edits, "edit", "edits"), verb(edits))
        }
    };
    let mut lines = vec![first];
    if edits > 0 {
        let tables: Vec<String> = status
            .unsealed
            .iter()
            .map(|(table, edits)| format!("{} {}", escape(table.as_str()), count(*edits)))
            .collect();
        lines.push(fact("Waiting", tables.join(", ")));
    }
    if let Some((name, when)) = &status.last_sealed {
        lines.push(fact("Last", format!("bundle {}, {} UTC", name.seq, when.to_words())));
    }
    if status.unconfirmed > 0 {
        let what = number_of(status.unconfirmed, "bundle", "bundles");
        lines.push(fact("Not confirmed", format!("{what}, {}", size(status.unconfirmed_bytes))));
    }
    let from = status.peers.iter().filter(|peer| peer.held.is_some() || peer.frozen.is_some());
    lines.extend(from.map(|peer| fact(&format!("From {}", peer.site), peer_words(peer))));
    lines
}

fn centre(status: &Status) -> Vec<String> {
    if status.peers.is_empty() {
        return vec!["No lab is enrolled yet.".to_owned()];
    }
    let labs = number_of(status.peers.len() as u64, "lab is", "labs are");
    let mut lines = vec![format!("{labs} enrolled.")];
    lines.extend(status.peers.iter().map(|peer| fact(peer.site.as_str(), peer_words(peer))));
    lines
}

fn peer_words(peer: &PeerStatus) -> String {
    let mut words = match &peer.last_applied {
        Some((number, when)) => format!("bundle {number} applied, {} UTC", when.to_words()),
        None => "nothing has arrived yet".to_owned(),
    };
    let held = peer.held.as_ref().map(|held| held.bundle);
    if let Some(held) = &peer.held {
        words += &format!("; bundle {} is HELD: {}", held.bundle, escape(&held.why));
    }
    let waiting: Vec<u64> = peer.waiting.iter().copied().filter(|number| Some(*number) != held).collect();
    if !waiting.is_empty() {
        let verb = if waiting.len() == 1 { "waits" } else { "wait" };
        words += &format!("; {} {verb} here for what comes before", bundles(&waiting));
    }
    match peer.state {
        SiteState::Active => {}
        SiteState::Suspended | SiteState::Revoked => words += &format!("; {}", peer.state),
    }
    if let Some(note) = &peer.frozen {
        words += &format!("; STOPPED: {}", escape(note));
    }
    words
}

fn next(status: &Status) -> String {
    let mut next = Vec::new();
    if status.broken_triggers > 0 || !status.left_out.is_empty() {
        next.push("packmule doctor".to_owned());
    }
    for peer in &status.peers {
        if peer.frozen.is_some() {
            next.push(format!("ask {} whether its database was put back from a backup or copied", peer.site));
        } else if peer.held.is_some() {
            next.push("packmule import: it says what to do about the bundle that is held".to_owned());
        } else if !peer.waiting.is_empty() {
            next.push(format!("ask {} to export again", peer.site));
        }
    }
    if status.open_conflicts > 0 {
        next.push("look at the rows of conflict_log with status 'open'".to_owned());
    }
    match (status.role, &status.central) {
        (Role::Lab, None) => next.push(format!(
            "give {}.card to the centre, then, with its answer: packmule join ANSWER",
            status.site
        )),
        (Role::Lab, Some(_)) if !status.unsealed.is_empty() => {
            next.push("plug a stick in, then: packmule export".to_owned());
        }
        (Role::Lab, Some(central)) if status.unconfirmed > 0 => {
            next.push(format!("bring the stick to {central}; if it was lost: packmule export"));
        }
        (Role::Lab, Some(_)) => {}
        (Role::Central, _) if status.peers.is_empty() => {
            next.push("for each lab: packmule enrol LAB.card".to_owned());
        }
        (Role::Central, _) => {}
    }
    if next.is_empty() { "nothing".to_owned() } else { next.join("; ") }
}

fn fact(name: &str, words: String) -> String {
    format!("  {name:13} {words}")
}

fn verb(number: u64) -> &'static str {
    if number == 1 { "waits" } else { "wait" }
}

fn to_json(status: &Status, next: &str) -> Value {
    let unsealed: Vec<Value> = status
        .unsealed
        .iter()
        .map(|(table, edits)| json!({ "table": table.as_str(), "edits": edits }))
        .collect();
    let peers: Vec<Value> = status
        .peers
        .iter()
        .map(|peer| {
            json!({
                "site": peer.site.to_string(),
                "state": peer.state.to_string(),
                "last_applied": peer.last_applied.map(|(number, _)| number),
                "applied_at": peer.last_applied.map(|(_, when)| when.to_string()),
                "waiting": peer.waiting,
                "held": peer.held.as_ref().map(|held| json!({ "bundle": held.bundle, "why": held.why })),
                "stopped": peer.frozen,
            })
        })
        .collect();
    let left_out: Vec<Value> =
        status.left_out.iter().map(|(table, why)| json!({ "table": table.as_str(), "why": why })).collect();
    json!({
        "site": status.site.to_string(),
        "role": status.role.to_string(),
        "central": status.central.as_ref().map(ToString::to_string),
        "unsealed": unsealed,
        "unconfirmed": status.unconfirmed,
        "unconfirmed_bytes": status.unconfirmed_bytes,
        "last_sealed": status.last_sealed.as_ref().map(|(name, _)| name.seq.number()),
        "sealed_at": status.last_sealed.as_ref().map(|(_, when)| when.to_string()),
        "sites": peers,
        "set_aside": status.open_conflicts,
        "broken_triggers": status.broken_triggers,
        "left_out": left_out,
        "needs_a_person": status.needs_a_person(),
        "do_next": next,
    })
}
