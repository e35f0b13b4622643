//! What is said of bundles that were sealed and copied to a stick, by `export` and in the answer of an `import`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::phrase::{bundles, by_kind, is_are, number_of};
use crate::cli::report::Report;
use crate::engine::{Carried, SealReport, SealedStream};
use crate::mailbox::Outcome;
use crate::model::{BundleKind, BundleName, Site};

/// One line for each site that something is on the stick for, with what is new and what was there before.
pub(super) fn carried_lines(report: &SealReport, carried: &Carried) -> Vec<String> {
    let mut by_site: BTreeMap<&Site, Vec<&BundleName>> = BTreeMap::new();
    for (name, _) in &carried.bundles {
        by_site.entry(&name.to).or_default().push(name);
    }
    let is_only = by_site.len() == 1;
    by_site.into_iter().flat_map(|(site, names)| lines_for(report, site, &names, is_only)).collect()
}

fn lines_for(report: &SealReport, site: &Site, names: &[&BundleName], is_only: bool) -> Vec<String> {
    let stream = report.streams.iter().find(|stream| stream.to == *site);
    let is_new = |name: &&BundleName| stream.is_some_and(|stream| stream.names.contains(*name));
    let (new, older): (Vec<&BundleName>, Vec<&BundleName>) = names.iter().partition(|name| is_new(name));
    let (new, older) = (numbers(new), numbers(older));
    let mut lines = Vec::new();
    match stream.filter(|_| !new.is_empty()) {
        Some(stream) => {
            let (what, are) = (capital(&bundles(&new)), is_are(new.len()));
            lines.push(format!("{what} for {site} {are} on the stick: {}.", content(stream)));
        }
        None => {
            let last = older.iter().max().copied().unwrap_or_default();
            let whose = if is_only { String::new() } else { format!(" for {site}") };
            lines.push(format!("Nothing has changed{whose} since bundle {last}."));
        }
    }
    if !older.is_empty() {
        let (what, are) = (capital(&bundles(&older)), is_are(older.len()));
        let too = if new.is_empty() { "" } else { " too" };
        lines.push(format!("{what} for {site} {are} on the stick{too}, not confirmed yet."));
    }
    lines
}

/// What the bundles of one seal hold, in words.
pub(super) fn content(stream: &SealedStream) -> String {
    match stream.kind() {
        BundleKind::Changes => by_kind(&stream.counts()),
        BundleKind::Snapshot => {
            format!("all {}, to start from", number_of(stream.counts().inserts, "row", "rows"))
        }
        BundleKind::Receipt => "a receipt".to_owned(),
    }
}

/// The copies, for a program.
pub(super) fn carried_json(carried: &Carried) -> Vec<Value> {
    let one = |(name, outcome): &(BundleName, Outcome)| {
        json!({
            "bundle": name.seq.number(),
            "name": name.to_string(),
            "to": name.to.to_string(),
            "copy": word(*outcome),
        })
    };
    carried.bundles.iter().map(one).collect()
}

/// What was sealed, for a program.
pub(super) fn sealed_json(report: &SealReport) -> Vec<Value> {
    let one = |stream: &SealedStream| {
        json!({
            "to": stream.to.to_string(),
            "kind": stream.kind().to_string(),
            "bundles": numbers(stream.names.iter()),
            "changes": crate::cli::phrase::counts_json(&stream.counts()),
        })
    };
    report.streams.iter().map(one).collect()
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Written => "written",
        Outcome::Replaced => "replaced",
        Outcome::AlreadyThere => "there",
    }
}

/// The stick failed after the bundles were sealed: nothing is lost, and that must be said.
pub(super) fn kept(report: Report, sealed: &SealReport) -> Report {
    let new = numbers(sealed.streams.iter().flat_map(|stream| &stream.names));
    if new.is_empty() {
        return report;
    }
    let safe = format!("{} {} safe in this computer's outbox", bundles(&new), is_are(new.len()));
    let cause = report.cause.clone().map_or(safe.clone(), |cause| format!("{cause}; {safe}"));
    report.because(cause)
}

/// The stick became full: which bundles are on it and which are not.
pub(super) fn not_all(report: Report, carried: &[(BundleName, Outcome)], left: &[BundleName]) -> Report {
    let (on_stick, left) = (numbers(carried.iter().map(|(name, _)| name)), numbers(left));
    let missing = format!("{} {} not on it, but safe in the outbox", bundles(&left), is_are(left.len()));
    let there = match on_stick.len() {
        0 => missing,
        many => format!("{} {} on it and complete; {missing}", bundles(&on_stick), is_are(many)),
    };
    let cause = report.cause.clone().map_or(there.clone(), |cause| format!("{cause}; {there}"));
    report.because(cause)
}

pub(super) fn numbers<'n>(names: impl IntoIterator<Item = &'n BundleName>) -> Vec<u64> {
    names.into_iter().map(|name| name.seq.number()).collect()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Exit;
    use crate::model::{ChangeCounts, Digest, Seq};
    use crate::seal::Sealed;

    fn name(seq: u64) -> BundleName {
        format!("lab-a.central.7f3a9c21.{seq:010}.mule").parse().unwrap()
    }

    fn carried(numbers: &[u64]) -> Carried {
        let bundles = numbers.iter().map(|seq| (name(*seq), Outcome::Written)).collect();
        Carried { bundles, ..Carried::default() }
    }

    fn sealed(seq: u64, kind: BundleKind) -> SealReport {
        let sealed = Sealed {
            seq: Seq::new(seq).unwrap(),
            kind,
            digest: Digest::from_bytes([1; 32]),
            previous: None,
            continues: false,
            size_bytes: 1,
            counts: ChangeCounts { inserts: 1120, updates: 158, deletes: 6 },
        };
        let stream =
            SealedStream { to: "central".parse().unwrap(), sealed: vec![sealed], names: vec![name(seq)] };
        SealReport { streams: vec![stream], ..SealReport::default() }
    }

    #[test]
    fn what_is_on_the_stick_is_named() {
        assert_eq!(
            carried_lines(&sealed(147, BundleKind::Changes), &carried(&[146, 147])),
            [
                "Bundle 147 for central is on the stick: insert 1 120, update 158, delete 6.",
                "Bundle 146 for central is on the stick too, not confirmed yet.",
            ]
        );
        let lines = carried_lines(&sealed(147, BundleKind::Snapshot), &carried(&[147]));
        assert_eq!(lines, ["Bundle 147 for central is on the stick: all 1 120 rows, to start from."]);
        let lines = carried_lines(&sealed(147, BundleKind::Receipt), &carried(&[147]));
        assert_eq!(lines, ["Bundle 147 for central is on the stick: a receipt."]);
    }

    #[test]
    fn without_news_the_older_bundles_are_carried_all_the_same() {
        let lines = carried_lines(&SealReport::default(), &carried(&[145, 146]));
        assert_eq!(lines[0], "Nothing has changed since bundle 146.");
        assert_eq!(lines[1], "Bundles 145, 146 for central are on the stick, not confirmed yet.");
        assert!(carried_lines(&SealReport::default(), &Carried::default()).is_empty());
    }

    #[test]
    fn a_full_stick_says_what_is_on_it_and_what_is_not() {
        let full =
            crate::mailbox::Error::Full { place: "/media/s".into(), need_bytes: 98_304, free_bytes: 12_000 };
        let report = not_all(full.into(), &carried(&[145, 146]).bundles, &[name(147)]);
        assert_eq!(
            report.to_text(),
            "packmule: error: /media/s is full\n  \
             cause: 98 kB are needed, and 12 kB are free; bundles 145, 146 are on it and complete; \
             bundle 147 is not on it, but safe in the outbox\n  \
             hint: make room on it or take another stick, then run the same command again\n"
        );
        assert_eq!(report.code, Exit::Stick);
    }
}
