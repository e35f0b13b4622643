//! `packmule status`: whether everything has arrived, and what to do next.

use serde_json::{Value, json};

use crate::agent::{self, AgentState};
use crate::cli::{Context, StatusArgs};
use crate::conflict::Kind;
use crate::engine::{self, Home, PeerStatus, Status};
use crate::ledger::{ClockState, KeptRows, SiteState, Why};
use crate::model::{Role, Site, Stamp, ahead_words};
use crate::report::{
    Exit, Facts, Report, amount, bundles, count, escape, from_words, moment, number_of, peer_json, to_words,
    under_way, waiting_words,
};

/// Prints where everything stands; `--check` tells a script whether a person is needed.
pub fn run(args: &StatusArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::look(&settings, &progress)?;
    let status = engine::status(&mut home)?;
    let agent = agent::agent_state(&settings.state);
    let road = match (&agent, status.is_online) {
        (Some(_), _) => Road::Agent,
        (None, true) => Road::Line,
        (None, false) => Road::Stick,
    };
    let next = next(&status, road);
    context.out.prose(&first_line(&status));
    let mut facts = facts(&status);
    agent_facts(&mut facts, agent.as_ref());
    context.out.facts(&facts);
    context.out.prose(&format!("Do next: {next}"));
    context.out.json("packmule.status.v1", to_json(&status, agent.as_ref(), &next));
    Ok(if args.check && status.needs_a_person() { Exit::Waits } else { Exit::Done })
}

/// The answer in one sentence.
fn first_line(status: &Status) -> String {
    match (status.role, centre_of(status)) {
        (Role::Central, _) => labs(&status.peers),
        (Role::Lab, None) => {
            format!("{} has not joined a centre yet; edits are logged and wait.", status.site)
        }
        (Role::Lab, Some(central)) => lab(status, central),
    }
}

/// The centre, as a lab sees it; `None` before `join`.
fn centre_of(status: &Status) -> Option<&PeerStatus> {
    let central = status.central.as_ref()?;
    status.peers.iter().find(|peer| peer.site == *central)
}

fn lab(status: &Status, central: &PeerStatus) -> String {
    let name = &central.site;
    let edits: u64 = status.unsealed.iter().map(|(_, edits)| edits).sum();
    let kept: u64 = status.kept.iter().map(|one| one.rows).sum();
    let is_are = |numbers: &[u64]| if numbers.len() == 1 { "is" } else { "are" };
    if edits > 0 {
        let wait = if edits == 1 { "waits" } else { "wait" };
        format!("Not up to date: {} {wait} for {name}.", number_of(edits, "edit", "edits"))
    } else if !central.at_home.bundles.is_empty() {
        let numbers = &central.at_home.bundles;
        format!("Not up to date: {} for {name} {} not on a stick yet.", bundles(numbers), is_are(numbers))
    } else if central.has_gap() {
        format!("Not up to date: {} of {name} cannot be applied yet.", bundles(&central.waiting))
    } else if !central.under_way.bundles.is_empty() {
        let numbers = &central.under_way.bundles;
        format!("On the way: {} {} not confirmed by {name} yet.", bundles(numbers), is_are(numbers))
    } else if !status.has_started {
        format!("Not up to date: the rows of {name} have not come yet.")
    } else if kept > 0 {
        let changes = number_of(kept, "change", "changes");
        format!(
            "Up to date, but for {changes} of {name} that {} kept here.",
            if kept == 1 { "is" } else { "are" }
        )
    } else {
        format!("Up to date: nothing waits for {name}.")
    }
}

/// `2 labs take part; lab-c is suspended.`
fn labs(peers: &[PeerStatus]) -> String {
    let of = |state: SiteState| -> Vec<&str> {
        peers.iter().filter(|peer| peer.state == state).map(|peer| peer.site.as_str()).collect()
    };
    let mut words = match of(SiteState::Active).len() {
        _ if peers.is_empty() => return "No lab is enrolled yet.".to_owned(),
        1 => "1 lab takes part".to_owned(),
        many => format!("{many} labs take part"),
    };
    for state in [SiteState::Suspended, SiteState::Revoked] {
        let names = of(state);
        if !names.is_empty() {
            let are = if names.len() == 1 { "is" } else { "are" };
            words += &format!("; {} {are} {state}", names.join(", "));
        }
    }
    format!("{words}.")
}

fn facts(status: &Status) -> Facts {
    let mut facts = Facts::default();
    if !status.unsealed.is_empty() {
        let tables = status.unsealed.iter().map(|(table, edits)| format!("{table} {}", count(*edits)));
        facts.add("To send", tables.collect::<Vec<_>>().join(", "));
    }
    match (status.role, centre_of(status)) {
        (Role::Lab, Some(central)) => lab_facts(&mut facts, central),
        (Role::Lab, None) => {}
        (Role::Central, _) => {
            for peer in status.peers.iter().filter(|peer| peer.state == SiteState::Active) {
                facts.add(peer.site.as_str(), format!("from it: {}", from_words(peer)));
                facts.add("", format!("to it: {}", to_words(peer)));
            }
        }
    }
    if let (Some(clock), Some(central)) = (&status.clock, &status.central) {
        facts.add("Clock", clock_words(clock, central));
    }
    for one in &status.kept {
        facts.add("Kept", kept_words(one, status.central.as_ref()));
    }
    if status.open_conflicts > 0 {
        let changes = number_of(status.open_conflicts, "change is", "changes are");
        facts.add("Set aside", format!("{changes} in the table conflict_log, for a person to decide"));
    }
    for (table, why) in &status.left_out {
        facts.add("Left out", format!("table {table}: {why}"));
    }
    if status.broken_triggers > 0 {
        let triggers = number_of(status.broken_triggers, "trigger is", "triggers are");
        facts.add("Triggers", format!("{triggers} missing or changed: edits may be missed"));
    }
    facts
}

/// How changes go from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Road {
    /// By themselves.
    Agent,
    /// By command, over the line.
    Line,
    /// By command, on a stick.
    Stick,
}

/// What the agent does and will do next, where one runs.
fn agent_facts(facts: &mut Facts, agent: Option<&AgentState>) {
    let Some(agent) = agent else { return };
    let at = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<Stamp>().ok()).map(moment);
    let does = match (agent.at_work, agent.is_away) {
        (true, _) => "exchanging now".to_owned(),
        (false, true) => "the centre cannot be reached; it is asked again and again".to_owned(),
        (false, false) => {
            at(&agent.next).map_or("just begun".to_owned(), |next| format!("next exchange {next}, or sooner"))
        }
    };
    let last = at(&agent.last_done).map_or("none was done yet".to_owned(), |last| format!("last one {last}"));
    facts.add("Agent", format!("{does}; {last}"));
    if let Some(trouble) = agent.trouble.as_ref().filter(|_| !agent.is_away) {
        facts.add("", format!("the last one was stopped: {trouble}; it is tried again by itself"));
    }
}

/// `2 h ahead of central's, corrected (compared 8 Nov 2026 16:40)`
fn clock_words(clock: &ClockState, central: &Site) -> String {
    let compared = format!("compared {}", moment(clock.measured_at));
    let off = || ahead_words(clock.ahead_micros);
    match clock.ahead_micros {
        little if little.abs() < WORTH_A_WORD_MICROS => format!("as {central}'s ({compared})"),
        behind if behind < 0 => format!("{} {central}'s, corrected ({compared})", off()),
        _ => format!("{} of {central}'s, corrected ({compared})", off()),
    }
}

/// Clocks that differ by less are the same for people.
const WORTH_A_WORD_MICROS: i64 = 2_000_000;

fn lab_facts(facts: &mut Facts, central: &PeerStatus) {
    let PeerStatus { site, at_home, under_way: on_the_way, .. } = central;
    if !at_home.bundles.is_empty() {
        facts.add(
            "Sealed",
            format!("{}, not on a stick yet ({})", bundles(&at_home.bundles), amount(at_home)),
        );
    }
    if !on_the_way.bundles.is_empty() {
        facts.add("On the way", format!("{} {}", bundles(&on_the_way.bundles), under_way(on_the_way)));
    }
    let at = |when: Option<Stamp>| when.map(|when| format!(", {}", moment(when))).unwrap_or_default();
    match (central.confirmed, central.last_sealed) {
        (Some((number, when)), _) => facts.add("Confirmed", format!("up to bundle {number}{}", at(when))),
        (None, Some(_)) => facts.add("Confirmed", "nothing yet"),
        (None, None) => {}
    }
    let last = central.last_applied;
    let last =
        last.map_or("nothing yet".to_owned(), |(number, when)| format!("bundle {number}{}", at(Some(when))));
    facts.add(&format!("From {site}"), last);
    if let Some(words) = waiting_words(central) {
        facts.add("Inbox", words);
    }
    if let Some(note) = &central.frozen {
        facts.add("STOPPED", note);
    }
}

/// Why changes of the centre are kept at this lab, and until when.
fn kept_words(kept: &KeptRows, central: Option<&Site>) -> String {
    let KeptRows { table, why, rows, note, since: _ } = kept;
    let central = central.map_or("the centre", Site::as_str);
    let changes = number_of(*rows, "change", "changes");
    let why = match why {
        Why::OwnChanges => format!("also edited here; left alone until {central} has answered that"),
        Why::Misfit(Kind::Unique) => "another row here has the same unique value".to_owned(),
        Why::Misfit(Kind::Orphan) => {
            "a row that they belong to is missing here, or others belong to them".to_owned()
        }
        Why::Misfit(Kind::Value) => "the database here refuses a value".to_owned(),
        Why::Misfit(Kind::Changed | Kind::Missing | Kind::Exists) => {
            "they do not fit the rows here".to_owned()
        }
    };
    let note = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    format!("{changes} of {table}: {}{}", why, escape(&note))
}

fn next(status: &Status, road: Road) -> String {
    let mut next = Vec::new();
    if status.broken_triggers > 0 || !status.left_out.is_empty() {
        next.push("packmule doctor".to_owned());
    }
    for peer in &status.peers {
        if peer.frozen.is_some() {
            next.push(format!("ask {} whether its database was put back from a backup or copied", peer.site));
        } else if peer.held.is_some() {
            next.push("packmule import: it says what to do about the bundle that is held".to_owned());
        } else if peer.has_gap() {
            next.push(gap_next(peer));
        }
    }
    if status.open_conflicts > 0 {
        next.push("packmule conflicts list".to_owned());
    }
    match status.role {
        Role::Lab => next.extend(lab_next(status, road)),
        Role::Central if status.peers.is_empty() => {
            next.push("for each lab: packmule enrol LAB.card".to_owned());
        }
        Role::Central => {}
    }
    let waits = |peer: &PeerStatus| {
        peer.state == SiteState::Active
            && (peer.wants_snapshot || peer.unsealed > 0 || !peer.at_home.bundles.is_empty())
    };
    match next.as_slice() {
        [] if status.role == Role::Central && road == Road::Agent => {
            "nothing; packmule is exchanging by itself".to_owned()
        }
        [] if status.role == Role::Central && status.peers.iter().any(waits) => {
            "nothing; what waits for the labs goes with their sticks, or now: packmule export".to_owned()
        }
        [] => "nothing".to_owned(),
        next => next.join("; "),
    }
}

fn gap_next(peer: &PeerStatus) -> String {
    let first = peer.last_applied.map_or(1, |(number, _)| number + 1);
    match peer.waiting.first() {
        // Nothing is missing: it was refused by the database, or the rest of it is to come.
        Some(waiting) if *waiting == first => "packmule import, which says what is in the way".to_owned(),
        Some(_) | None => format!("ask {} to export again", peer.site),
    }
}

fn lab_next(status: &Status, road: Road) -> Option<String> {
    let Some(central) = centre_of(status) else {
        let site = &status.site;
        return Some(format!("give {site}.card to the centre, then, with its answer: packmule join ANSWER"));
    };
    let name = &central.site;
    let has_nothing_here = status.unsealed.is_empty() && central.at_home.bundles.is_empty();
    let is_done = status.has_started && has_nothing_here && central.under_way.bundles.is_empty();
    match road {
        _ if is_done => return None,
        Road::Agent => return Some("nothing; packmule is exchanging by itself".to_owned()),
        Road::Line if status.has_started && has_nothing_here => {
            return Some(format!("packmule sync, once {name} has taken in what is on its way"));
        }
        Road::Line => return Some("packmule sync".to_owned()),
        Road::Stick => {}
    }
    if !status.has_started && central.under_way.bundles.is_empty() {
        return Some(format!(
            "plug a stick in, then: packmule export; bring it to {name}, whose import puts its rows on it; \
             then here: packmule import"
        ));
    }
    if !status.unsealed.is_empty() || !central.at_home.bundles.is_empty() {
        return Some("plug a stick in, then: packmule export".to_owned());
    }
    (!central.under_way.bundles.is_empty()).then(|| {
        format!("bring the stick to {name} and back, then: packmule import; if it was lost: packmule export")
    })
}

fn to_json(status: &Status, agent: Option<&AgentState>, next: &str) -> Value {
    let unsealed: Vec<Value> = status
        .unsealed
        .iter()
        .map(|(table, edits)| json!({ "table": table.as_str(), "edits": edits }))
        .collect();
    let kept: Vec<Value> = status
        .kept
        .iter()
        .map(|one| {
            json!({
                "table": one.table.as_str(),
                "why": one.why.word(),
                "rows": one.rows,
                "note": one.note,
                "since": one.since.to_string(),
            })
        })
        .collect();
    let last_sealed = status.peers.iter().filter_map(|peer| peer.last_sealed).max_by_key(|(_, when)| *when);
    let bytes = |peer: &PeerStatus| peer.at_home.size_bytes + peer.under_way.size_bytes;
    let left_out: Vec<Value> =
        status.left_out.iter().map(|(table, why)| json!({ "table": table.as_str(), "why": why })).collect();
    json!({
        "site": status.site.to_string(),
        "role": status.role.to_string(),
        "central": status.central.as_ref().map(ToString::to_string),
        "started": status.has_started,
        "agent": agent,
        "clock": status.clock.map(|clock| json!({
            "ahead_ms": clock.ahead_micros / 1000,
            "error_ms": clock.error_micros / 1000,
            "measured_at": clock.measured_at.to_string(),
        })),
        "online": status.is_online,
        "unsealed": unsealed,
        "unconfirmed": status.peers.iter().map(PeerStatus::unconfirmed).sum::<u64>(),
        "unconfirmed_bytes": status.peers.iter().map(bytes).sum::<u64>(),
        "last_sealed": last_sealed.map(|(number, _)| number),
        "sealed_at": last_sealed.map(|(_, when)| when.to_string()),
        "sites": status.peers.iter().map(peer_json).collect::<Vec<_>>(),
        "kept": kept,
        "set_aside": status.open_conflicts,
        "broken_triggers": status.broken_triggers,
        "left_out": left_out,
        "needs_a_person": status.needs_a_person(),
        "do_next": next,
    })
}
