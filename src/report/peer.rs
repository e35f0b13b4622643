//! How things stand with one other site, in words and for a program; `status` and `sites` say it alike.

use serde_json::{Value, json};

use crate::engine::{Held, OnTheWay, PeerStatus};
use crate::ledger::Way;
use crate::model::Stamp;
use crate::report::phrase::{bundle_runs, bundles, number_of, without};
use crate::report::text::{count, escape, size};

/// What has come from a lab, as the centre sees it.
pub(crate) fn from_words(peer: &PeerStatus) -> String {
    let mut words = vec![last_applied(peer)];
    words.extend(waiting_words(peer));
    words.extend(peer.frozen.as_ref().map(|note| format!("STOPPED: {}", escape(note))));
    words.join("; ")
}

/// `bundle 12 applied, 23 Nov 2026 01:43 UTC`
fn last_applied(peer: &PeerStatus) -> String {
    match &peer.last_applied {
        Some((number, when)) => format!("bundle {number} applied, {}", moment(*when)),
        None => "nothing has arrived yet".to_owned(),
    }
}

/// What lies in the inbox and cannot be applied, and what is missing.
pub(crate) fn waiting_words(peer: &PeerStatus) -> Option<String> {
    let held = peer.held.as_ref().map(|held| held.bundle);
    let numbers: Vec<u64> = peer.waiting.iter().copied().filter(|number| Some(*number) != held).collect();
    let mut words = Vec::new();
    if let Some(Held { bundle, why }) = &peer.held {
        words.push(format!("bundle {bundle} is HELD: {}", escape(why)));
    }
    if let Some(last) = numbers.last() {
        let first = peer.last_applied.map_or(1, |(number, _)| number + 1);
        let runs = without(first..=*last, &peer.waiting);
        let wait = if numbers.len() == 1 { "waits" } else { "wait" };
        let why = match (runs.as_slice(), held) {
            ([], Some(_)) => String::new(),
            ([], None) => ": to be tried again".to_owned(),
            ([(first, last)], _) if first == last => format!(": bundle {first} has not arrived"),
            (runs, _) => format!(": {} have not arrived", bundle_runs(runs)),
        };
        words.push(format!("{} {wait} here{why}", bundles(&numbers)));
    }
    (!words.is_empty()).then(|| words.join("; "))
}

/// What goes to a lab, as the centre sees it.
pub(crate) fn to_words(peer: &PeerStatus) -> String {
    let mut words = Vec::new();
    if peer.wants_snapshot {
        words.push("all rows are due, with its next stick".to_owned());
    }
    if peer.unsealed > 0 {
        let edits = number_of(peer.unsealed, "edit is", "edits are");
        words.push(format!("{edits} not sealed yet"));
    }
    if !peer.at_home.bundles.is_empty() {
        let wait = if peer.at_home.bundles.len() == 1 { "waits" } else { "wait" };
        words.push(format!(
            "{} {wait} for its stick ({})",
            bundles(&peer.at_home.bundles),
            amount(&peer.at_home)
        ));
    }
    if !peer.under_way.bundles.is_empty() {
        words.push(format!("{} {}", bundles(&peer.under_way.bundles), under_way(&peer.under_way)));
    }
    let confirmed = peer.confirmed.map(|(number, _)| format!("confirmed up to bundle {number}"));
    match (words.is_empty(), confirmed) {
        (true, Some(confirmed)) => words.push(format!("up to date, {confirmed}")),
        (true, None) => words.push("nothing yet".to_owned()),
        (false, confirmed) => words.extend(confirmed),
    }
    words.join("; ")
}

/// `all 4 rows, 96 KiB`, `310 changes, 96 KiB`
pub(crate) fn amount(way: &OnTheWay) -> String {
    let what = match way.has_snapshot {
        true => format!("all {}", number_of(way.counts.inserts, "row", "rows")),
        false => number_of(way.counts.total(), "change", "changes"),
    };
    format!("{what}, {}", size(way.size_bytes))
}

/// `on a stick since 23 Nov 2026 01:43 UTC (310 changes, 96 KiB)`
pub(crate) fn under_way(way: &OnTheWay) -> String {
    let left = match way.left {
        Some((Way::Stick, when)) => format!("on a stick since {}", moment(when)),
        Some((Way::Online, when)) => format!("sent {}", moment(when)),
        None => "on the way".to_owned(),
    };
    format!("{left} ({})", amount(way))
}

/// `23 Nov 2026 01:43 UTC`
pub(crate) fn moment(when: Stamp) -> String {
    format!("{} UTC", when.to_words())
}

/// The same for a program.
pub(crate) fn peer_json(peer: &PeerStatus) -> Value {
    let number = |place: Option<(u64, Stamp)>| place.map(|(number, _)| number);
    let time = |place: Option<(u64, Stamp)>| place.map(|(_, when)| when.to_string());
    json!({
        "site": peer.site.to_string(),
        "number": peer.number,
        "state": peer.state.to_string(),
        "enrolled_at": peer.enrolled_at.to_string(),
        "last_applied": number(peer.last_applied),
        "applied_at": time(peer.last_applied),
        "last_data": number(peer.last_data),
        "data_at": time(peer.last_data),
        "waiting": peer.waiting,
        "waiting_bytes": peer.waiting_bytes,
        "held": peer.held.as_ref().map(|held| json!({ "bundle": held.bundle, "why": held.why })),
        "stopped": peer.frozen,
        "unsealed": peer.unsealed,
        "wants_snapshot": peer.wants_snapshot,
        "last_sealed": number(peer.last_sealed),
        "sealed_at": time(peer.last_sealed),
        "not_carried": way_json(&peer.at_home),
        "on_the_way": way_json(&peer.under_way),
        "confirmed": peer.confirmed.map(|(number, _)| number),
        "confirmed_at": peer.confirmed.and_then(|(_, when)| when).map(|when| when.to_string()),
    })
}

fn way_json(way: &OnTheWay) -> Value {
    json!({
        "bundles": way.bundles,
        "size_bytes": way.size_bytes,
        "changes": way.counts.total(),
        "snapshot": way.has_snapshot,
        "carried_at": way.left.map(|(_, when)| when.to_string()),
    })
}

/// `2, 96 KiB`, for a table.
pub(crate) fn pile(numbers: usize, size_bytes: u64) -> String {
    match numbers {
        0 => "-".to_owned(),
        many => format!("{}, {}", count(many as u64), size(size_bytes)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::ChangeCounts;

    pub(crate) fn at(time: &str) -> Stamp {
        Stamp::from_sql(&format!("2026-11-{time}:00")).unwrap()
    }

    /// A site with which nothing was exchanged yet.
    pub(crate) fn stranger(name: &str) -> PeerStatus {
        PeerStatus::stranger(name, at("01 08:00"))
    }

    pub(crate) fn way(bundles: &[u64], left: Option<&str>) -> OnTheWay {
        OnTheWay {
            bundles: bundles.to_vec(),
            size_bytes: 98_304,
            counts: ChangeCounts { inserts: 300, updates: 10, deletes: 0 },
            has_snapshot: false,
            sealed_at: Some(at("20 10:00")),
            left: left.map(|time| (Way::Stick, at(time))),
        }
    }

    #[test]
    fn what_has_come_and_what_is_missing_is_told() {
        let mut peer = stranger("lab-a");
        assert_eq!(from_words(&peer), "nothing has arrived yet");
        peer.last_applied = Some((12, at("23 01:43")));
        peer.waiting = vec![14, 15];
        assert_eq!(
            from_words(&peer),
            "bundle 12 applied, 23 Nov 2026 01:43 UTC; bundles 14, 15 wait here: bundle 13 has not arrived"
        );
        peer.waiting = vec![13];
        assert_eq!(waiting_words(&peer).unwrap(), "bundle 13 waits here: to be tried again");
        peer.waiting = vec![13, 14];
        peer.held = Some(Held { bundle: 13, why: "table items: column weight is not here".to_owned() });
        assert_eq!(
            waiting_words(&peer).unwrap(),
            "bundle 13 is HELD: table items: column weight is not here; bundle 14 waits here"
        );
    }

    #[test]
    fn what_goes_out_is_told_from_the_log_to_the_receipt() {
        let mut peer = stranger("lab-a");
        assert_eq!(to_words(&peer), "nothing yet");
        peer.confirmed = Some((28, None));
        assert_eq!(to_words(&peer), "up to date, confirmed up to bundle 28");
        peer.unsealed = 1;
        peer.at_home = way(&[31], None);
        peer.under_way = way(&[29, 30], Some("22 16:40"));
        assert_eq!(
            to_words(&peer),
            "1 edit is not sealed yet; bundle 31 waits for its stick (310 changes, 96 KiB); bundles 29, 30 \
             on a stick since 22 Nov 2026 16:40 UTC (310 changes, 96 KiB); confirmed up to bundle 28"
        );
        let due = PeerStatus { wants_snapshot: true, ..stranger("lab-b") };
        assert_eq!(to_words(&due), "all rows are due, with its next stick");
    }
}
