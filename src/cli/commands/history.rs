//! `packmule history`: the bundles that were sealed and applied here, the newest first. `-v` shows all of each.

use serde_json::{Value, json};

use crate::cli::{Context, Grid, HistoryArgs};
use crate::engine::{self, Home};
use crate::ledger::{BundleRecord, BundleState, Way};
use crate::model::{BundleKind, Site, Stamp};
use crate::report::{Exit, Report, count, counts_json, size};

/// Prints one row a bundle.
pub fn run(args: &HistoryArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::look(&settings, &progress)?;
    let records = engine::history(&mut home, args.site.as_ref(), args.limit as usize)?;
    if records.is_empty() {
        context.out.result("No bundle was sealed or applied here yet.");
    } else {
        context.out.grid(&match context.out.is_verbose() {
            true => full_grid(&records, &settings.site),
            false => grid(&records, &settings.site),
        });
    }
    let bundles: Vec<Value> = records.iter().map(to_json).collect();
    context.out.json("packmule.history.v1", json!({ "site": settings.site.to_string(), "bundles": bundles }));
    Ok(Exit::Done)
}

/// What fits into 80 columns.
fn grid(records: &[BundleRecord], here: &Site) -> Grid {
    let mut grid = Grid::new(&["when (UTC)", "bundle", "kind", "changes", "way", "confirmed"]);
    for one in records {
        grid.row(&[
            one.recorded_at.to_words(),
            bundle(one, here),
            one.kind.to_string(),
            count(one.counts.total()),
            one.way.map_or("-", Way::word).to_owned(),
            confirmed(one),
        ]);
    }
    grid
}

/// Everything; in most windows a block of lines for each bundle.
fn full_grid(records: &[BundleRecord], here: &Site) -> Grid {
    let mut grid = Grid::new(&[
        "when (UTC)",
        "bundle",
        "state",
        "kind",
        "insert",
        "update",
        "delete",
        "conflicts",
        "set aside",
        "kept",
        "size",
        "way",
        "carried",
        "confirmed",
        "digest",
    ]);
    for one in records {
        grid.row(&[
            one.recorded_at.to_words(),
            bundle(one, here),
            word(one.state).to_owned(),
            one.kind.to_string(),
            count(one.counts.inserts),
            count(one.counts.updates),
            count(one.counts.deletes),
            count(one.conflicts),
            count(one.parked),
            count(one.deferred),
            size(one.size_bytes),
            one.way.map_or("-", Way::word).to_owned(),
            one.carried_at.map_or_else(|| "-".to_owned(), Stamp::to_words),
            confirmed(one),
            one.digest.to_string(),
        ]);
    }
    grid
}

/// `147 to central`, `31 from central`
fn bundle(one: &BundleRecord, here: &Site) -> String {
    match one.stream.from == *here {
        true => format!("{} to {}", one.seq, one.stream.to),
        false => format!("{} from {}", one.seq, one.stream.from),
    }
}

/// When the receipt came. Nobody waits for that of a receipt, or of what was applied here.
fn confirmed(one: &BundleRecord) -> String {
    match (one.confirmed_at, one.state, one.kind) {
        (Some(when), ..) => when.to_day(),
        (None, BundleState::Sealed, BundleKind::Changes | BundleKind::Snapshot) => "not yet".to_owned(),
        (None, BundleState::Sealed, BundleKind::Receipt) | (None, BundleState::Applied, _) => "-".to_owned(),
    }
}

fn word(state: BundleState) -> &'static str {
    match state {
        BundleState::Sealed => "sealed",
        BundleState::Applied => "applied",
    }
}

fn to_json(one: &BundleRecord) -> Value {
    json!({
        "bundle": one.seq.number(),
        "name": one.name().to_string(),
        "from": one.stream.from.to_string(),
        "to": one.stream.to.to_string(),
        "history": one.stream.incarnation.to_string(),
        "state": word(one.state),
        "kind": one.kind.to_string(),
        "digest": one.digest.to_string(),
        "changes": counts_json(&one.counts),
        "conflicts": one.conflicts,
        "set_aside": one.parked,
        "kept": one.deferred,
        "size_bytes": one.size_bytes,
        "sealed_at": one.sealed_at.to_string(),
        "recorded_at": one.recorded_at.to_string(),
        "way": one.way.map(Way::word),
        "carried_at": one.carried_at.map(|when| when.to_string()),
        "confirmed_at": one.confirmed_at.map(|when| when.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChangeCounts, Digest, Incarnation, Seq, StreamId};

    #[test]
    fn both_directions_fit_into_80_columns() {
        let at = |time: &str| Stamp::from_sql(&format!("2026-11-{time}:00")).unwrap();
        let record = |from: &str, to: &str, kind| BundleRecord {
            stream: StreamId {
                from: from.parse().unwrap(),
                incarnation: Incarnation::from_bytes([7; 16]),
                to: to.parse().unwrap(),
            },
            seq: Seq::new(1147).unwrap(),
            digest: Digest::from_bytes([1; 32]),
            previous: None,
            continues: false,
            kind,
            state: if from == "lab-a" { BundleState::Sealed } else { BundleState::Applied },
            batch: Some(1),
            size_bytes: 98_304,
            counts: ChangeCounts { inserts: 1_000_000, updates: 158, deletes: 6 },
            conflicts: 0,
            parked: 0,
            deferred: 0,
            sealed_at: at("28 03:58"),
            recorded_at: at("28 03:58"),
            way: (kind != BundleKind::Receipt).then_some(Way::Online),
            carried_at: None,
            confirmed_at: (kind == BundleKind::Snapshot).then(|| at("30 04:00")),
        };
        let records = [
            record("lab-a", "central", BundleKind::Changes),
            record("lab-a", "central", BundleKind::Receipt),
            record("lab-a", "central", BundleKind::Snapshot),
            record("central", "lab-a", BundleKind::Changes),
        ];
        assert_eq!(
            grid(&records, &"lab-a".parse().unwrap()).render(Some(80)),
            "when (UTC)         bundle             kind      changes    way     confirmed\n\
             28 Nov 2026 03:58  1147 to central    changes   1 000 164  online  not yet\n\
             28 Nov 2026 03:58  1147 to central    receipt   1 000 164  -       -\n\
             28 Nov 2026 03:58  1147 to central    snapshot  1 000 164  online  30 Nov 2026\n\
             28 Nov 2026 03:58  1147 from central  changes   1 000 164  online  -\n"
        );
    }
}
