//! `packmule history`: the bundles that were sealed and applied here, the newest first.

use serde_json::{Value, json};

use crate::cli::phrase::counts_json;
use crate::cli::text::{count, size};
use crate::cli::{Context, Exit, Grid, HistoryArgs, Report};
use crate::engine::{self, Home};
use crate::ledger::{BundleRecord, BundleState};

/// Prints one row a bundle.
pub fn run(args: &HistoryArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::look(&settings, &progress)?;
    let records = engine::history(&mut home, args.site.as_ref(), args.limit as usize)?;
    if records.is_empty() {
        context.out.result("No bundle was sealed or applied here yet.");
    } else {
        context.out.grid(&grid(&records));
    }
    let bundles: Vec<Value> = records.iter().map(to_json).collect();
    context.out.json("packmule.history.v1", json!({ "site": settings.site.to_string(), "bundles": bundles }));
    Ok(Exit::Done)
}

fn grid(records: &[BundleRecord]) -> Grid {
    let heads = [
        "when (UTC)",
        "bundle",
        "from",
        "to",
        "state",
        "insert",
        "update",
        "delete",
        "conflicts",
        "set aside",
        "size",
    ];
    let mut grid = Grid::new(&heads);
    for one in records {
        grid.row(&[
            one.recorded_at.to_words(),
            one.seq.to_string(),
            one.stream.from.to_string(),
            one.stream.to.to_string(),
            word(one.state).to_owned(),
            count(one.counts.inserts),
            count(one.counts.updates),
            count(one.counts.deletes),
            count(one.conflicts),
            count(one.parked),
            size(one.size_bytes),
        ]);
    }
    grid
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
        "digest": one.digest.to_string(),
        "changes": counts_json(&one.counts),
        "conflicts": one.conflicts,
        "set_aside": one.parked,
        "size_bytes": one.size_bytes,
        "sealed_at": one.sealed_at.to_string(),
        "recorded_at": one.recorded_at.to_string(),
    })
}
