//! What is said of bundles that were sealed and copied to a stick, by `export` and in the answer of an `import`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::engine::{Carried, CarriedBundle, SealReport, SealedStream};
use crate::mailbox::Outcome;
use crate::model::{BundleKind, BundleName, Site};
use crate::report::{Report, bundles, by_kind, capital, is_are, number_of};

/// One line for each site that something is on the stick for, with what is new and what was there before.
pub(super) fn carried_lines(report: &SealReport, carried: &Carried) -> Vec<String> {
    let by_site = by_site(carried);
    let is_only = by_site.len() == 1;
    by_site.into_iter().flat_map(|(site, bundles)| lines_for(report, site, &bundles, is_only)).collect()
}

fn lines_for(report: &SealReport, site: &Site, on_stick: &[&CarriedBundle], is_only: bool) -> Vec<String> {
    let (stream, new, older) = parted(report, site, on_stick);
    let mut lines = Vec::new();
    match stream {
        Some(stream) => {
            let (what, are) = (capital(&bundles(&numbers_of(&new))), is_are(new.len()));
            lines.push(format!("{what} for {site} {are} on the stick: {}.", content(stream)));
        }
        None => {
            let last = older.last().map(|one| one.name.seq.number()).unwrap_or_default();
            let whose = if is_only { String::new() } else { format!(" for {site}") };
            lines.push(format!("Nothing has changed{whose} since bundle {last}."));
        }
    }
    if !older.is_empty() {
        let (what, are) = (capital(&bundles(&numbers_of(&older))), is_are(older.len()));
        let too = if new.is_empty() { "" } else { " too" };
        let state = match (has_content(&older), older.len()) {
            (true, _) => ", not confirmed yet",
            (false, 1) => ": a receipt",
            (false, _) => ": receipts",
        };
        lines.push(format!("{what} for {site} {are} on the stick{too}{state}."));
    }
    lines
}

/// What the answer to an import put on the stick: a line for each site.
///
/// `applied_from` are the sites of which something was applied, so that a receipt goes to them. `stick` is what the
/// stick is called: "the stick", or its folder where there are several.
pub(super) fn reply_lines(
    report: &SealReport,
    carried: &Carried,
    applied_from: &BTreeSet<Site>,
    stick: &str,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (site, on_stick) in by_site(carried) {
        let (stream, _, older) = parted(report, site, &on_stick);
        let (there, again): (Vec<&CarriedBundle>, Vec<&CarriedBundle>) =
            older.into_iter().partition(|one| one.outcome == Outcome::AlreadyThere);
        let mut written = Vec::new();
        if let Some(stream) = stream {
            let with_receipt = stream.kind() != BundleKind::Receipt && applied_from.contains(site);
            let receipt = if with_receipt { "a receipt and " } else { "" };
            written.push(format!("{receipt}{}", reply_content(stream)));
        }
        match (again.is_empty(), has_content(&again)) {
            (true, _) => {}
            (false, true) => written.push(format!("{}, not confirmed yet", bundles(&numbers_of(&again)))),
            (false, false) => written.push(format!("{}, with a receipt", bundles(&numbers_of(&again)))),
        }
        if !written.is_empty() {
            lines.push(format!("Written to {stick} for {site}: {}.", written.join("; ")));
        }
        if has_content(&there) {
            let numbers = bundles(&numbers_of(&there));
            lines.push(format!("Still on {stick} for {site}, not confirmed yet: {numbers}."));
        }
    }
    lines
}

/// The sites for which something is on the stick, each with whether that is more than receipts.
pub(super) fn receivers(carried: &Carried) -> BTreeMap<Site, bool> {
    by_site(carried).into_iter().map(|(site, on_stick)| (site.clone(), has_content(&on_stick))).collect()
}

fn by_site(carried: &Carried) -> BTreeMap<&Site, Vec<&CarriedBundle>> {
    let mut by_site: BTreeMap<&Site, Vec<&CarriedBundle>> = BTreeMap::new();
    for one in &carried.bundles {
        by_site.entry(&one.name.to).or_default().push(one);
    }
    by_site
}

/// Parts what was sealed just now from what is older. The stream is given where something new is on the stick.
fn parted<'a>(
    report: &'a SealReport,
    site: &Site,
    on_stick: &[&'a CarriedBundle],
) -> (Option<&'a SealedStream>, Vec<&'a CarriedBundle>, Vec<&'a CarriedBundle>) {
    let stream = report.streams.iter().find(|stream| stream.to == *site);
    let is_new = |one: &&CarriedBundle| stream.is_some_and(|stream| stream.names.contains(&one.name));
    let (new, older): (Vec<&CarriedBundle>, Vec<&CarriedBundle>) = on_stick.iter().copied().partition(is_new);
    (stream.filter(|_| !new.is_empty()), new, older)
}

fn has_content(bundles: &[&CarriedBundle]) -> bool {
    bundles.iter().any(|one| one.kind != BundleKind::Receipt)
}

fn numbers_of(bundles: &[&CarriedBundle]) -> Vec<u64> {
    numbers(bundles.iter().map(|one| &one.name))
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

/// The same, shorter.
fn reply_content(stream: &SealedStream) -> String {
    match stream.kind() {
        BundleKind::Changes => number_of(stream.counts().total(), "change", "changes"),
        BundleKind::Snapshot | BundleKind::Receipt => content(stream),
    }
}

/// The copies, for a program.
pub(super) fn carried_json(carried: &Carried) -> Vec<Value> {
    let one = |CarriedBundle { name, kind, outcome }: &CarriedBundle| {
        json!({
            "bundle": name.seq.number(),
            "name": name.to_string(),
            "to": name.to.to_string(),
            "kind": kind.to_string(),
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
            "changes": crate::report::counts_json(&stream.counts()),
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
pub(super) fn not_all(report: Report, carried: &[CarriedBundle], left: &[BundleName]) -> Report {
    let (on_stick, left) = (numbers(carried.iter().map(|one| &one.name)), numbers(left));
    let missing = format!("{} {} not on it, but safe in the outbox", bundles(&left), is_are(left.len()));
    let there = match on_stick.len() {
        0 => missing,
        many => format!("{} {} on it and complete; {missing}", bundles(&on_stick), is_are(many)),
    };
    let cause = report.cause.clone().map_or(there.clone(), |cause| format!("{cause}; {there}"));
    report.because(cause)
}

fn numbers<'n>(names: impl IntoIterator<Item = &'n BundleName>) -> Vec<u64> {
    names.into_iter().map(|name| name.seq.number()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChangeCounts, Digest, Seq};
    use crate::report::Exit;
    use crate::seal::Sealed;

    fn name(seq: u64) -> BundleName {
        format!("lab-a.central.7f3a9c21.{seq:010}.mule").parse().unwrap()
    }

    fn carried(numbers: &[u64]) -> Carried {
        of_kind(numbers, BundleKind::Changes, Outcome::Written)
    }

    fn of_kind(numbers: &[u64], kind: BundleKind, outcome: Outcome) -> Carried {
        let bundles = numbers.iter().map(|seq| CarriedBundle { name: name(*seq), kind, outcome }).collect();
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
    fn nobody_waits_for_the_confirmation_of_a_receipt() {
        let older = of_kind(&[146], BundleKind::Receipt, Outcome::AlreadyThere);
        assert_eq!(
            carried_lines(&SealReport::default(), &older),
            ["Nothing has changed since bundle 146.", "Bundle 146 for central is on the stick: a receipt."]
        );
        assert_eq!(receivers(&older).values().collect::<Vec<_>>(), [&false]);
        assert_eq!(receivers(&carried(&[1])).values().collect::<Vec<_>>(), [&true]);
    }

    #[test]
    fn an_answer_says_what_was_written_and_what_was_there() {
        let from = BTreeSet::from(["central".parse().unwrap()]);
        let lines = |report: &SealReport, carried: &Carried| reply_lines(report, carried, &from, "the stick");
        assert_eq!(
            lines(&sealed(147, BundleKind::Changes), &carried(&[145, 146, 147])),
            [
                "Written to the stick for central: a receipt and 1 284 changes; bundles 145, 146, not confirmed yet."
            ]
        );
        assert_eq!(
            lines(&sealed(1, BundleKind::Snapshot), &carried(&[1])),
            ["Written to the stick for central: a receipt and all 1 120 rows, to start from."]
        );
        assert_eq!(
            lines(&sealed(3, BundleKind::Receipt), &carried(&[3])),
            ["Written to the stick for central: a receipt."]
        );
        let there = of_kind(&[145], BundleKind::Changes, Outcome::AlreadyThere);
        assert_eq!(
            lines(&SealReport::default(), &there),
            ["Still on the stick for central, not confirmed yet: bundle 145."]
        );
        let receipt = of_kind(&[145], BundleKind::Receipt, Outcome::AlreadyThere);
        assert!(lines(&SealReport::default(), &receipt).is_empty());
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
