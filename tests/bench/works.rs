//! The pieces of work that are measured, each beside its peer.

use mysql::prelude::Queryable;
use packmule::demo::{PrivateServer, ServerOptions};

use crate::measure::{figure, heading, rate, ratio, thousands, time};
use crate::peers::{self, per_second, pin};
use crate::sites::Pair;
use crate::{Size, data};

/// What packmule's triggers cost the application: single-row updates with and without them.
pub(crate) fn capture(server: &PrivateServer, size: &Size) {
    heading("Capture: single-row updates by key, in one transaction, one processor");
    for database in ["capture_central", "capture_lab"] {
        data::fill(server, database, size.singles);
    }
    data::fill(server, "capture_bare", size.singles);
    let _pair = Pair::new(server, "capture_central", "capture_lab", false);
    let updates = |database: &str| {
        let mut session = server.connect(database).unwrap();
        let update = session.prep("UPDATE items SET quantity = quantity + 1 WHERE id = ?").unwrap();
        time(|| {
            session.query_drop("BEGIN").unwrap();
            for id in 1..=size.singles {
                session.exec_drop(&update, (id,)).unwrap();
            }
            session.query_drop("COMMIT").unwrap();
        })
    };
    pin(server, Some(0));
    updates("capture_bare");
    let (bare, watched) = (updates("capture_bare"), updates("capture_lab"));
    pin(server, None);
    rate("without triggers", size.singles, bare);
    rate("with triggers (key and row before)", size.singles, watched);
    ratio("with / without, time", watched.as_secs_f64(), bare.as_secs_f64(), "(no target)");
    println!();
}

/// All rows of a lab: sealed, sized, and applied to an empty centre, beside dump and load.
pub(crate) fn fresh_rows(server: &PrivateServer, size: &Size) {
    let rows = size.rows;
    heading("Fresh rows: a lab's whole table to an empty centre");
    data::fill(server, "fresh_lab", rows);
    server.sql("", "CREATE DATABASE fresh_central").unwrap();
    server.sql("fresh_central", data::TABLE).unwrap();
    let pair = Pair::new(server, "fresh_central", "fresh_lab", true);
    let stick = pair.stick();
    let stick = stick.to_str().unwrap();
    let sealed = pair.run("lab", &["export", stick]);
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let dump = folder.path().join("dump.age");
    let dump = dump.to_str().unwrap();
    let dumped = peers::dump(server, "fresh_lab", dump, &peers::recipient());
    rate("packmule export (log, seal, copy, read back)", rows, sealed.time);
    rate("dump | zstd -3 | age", rows, dumped.time);
    ratio(
        "export / pipe, speed",
        per_second(rows, sealed.time),
        per_second(rows, dumped.time),
        "(target 0.25)",
    );
    let (ours, theirs) = (pair.bundle_bytes(), peers::size_bytes(dump));
    figure("bundle", &format!("{} KiB", thousands(ours >> 10)));
    figure("pipe's file", &format!("{} KiB", thousands(theirs >> 10)));
    ratio("bundle / pipe, size", ours as f64, theirs as f64, "(smaller is better)");
    let applied = pair.run("central", &["import", "--no-reply", stick]);
    let loaded = peers::load(server, "fresh_lab", "fresh_loaded");
    rate("packmule import (check, decide, write, log)", rows, applied.time);
    rate("client < dump", rows, loaded.time);
    ratio(
        "import / load, speed",
        per_second(rows, applied.time),
        per_second(rows, loaded.time),
        "(target 0.50)",
    );
    figure("peak memory of export", &format!("{} MiB", sealed.memory_kib >> 10));
    figure("peak memory of import", &format!("{} MiB  (target 96)", applied.memory_kib >> 10));
    equal(server, "fresh_lab", "fresh_central");
    println!();
}

/// A mix of changes over a large table, beside a native replica and a push row by row.
pub(crate) fn mix(server: &PrivateServer, replica: &ServerOptions, size: &Size) {
    heading("Mix: 60 % updates, 30 % inserts, 10 % deletes, spread over the table");
    data::fill(server, "mix_lab", size.rows);
    data::fill(server, "mix_central", size.rows);
    let pair = Pair::new(server, "mix_central", "mix_lab", false);
    for statement in data::mix(size) {
        server.sql("mix_lab", &statement).unwrap();
    }
    let stick = pair.stick();
    let stick = stick.to_str().unwrap();
    let sealed = pair.run("lab", &["export", stick]);
    let applied = pair.run("central", &["import", "--no-reply", stick]);
    equal(server, "mix_lab", "mix_central");
    let pushed = peers::row_by_row(server, "mix_lab", "mix_central", size);
    let replayed = peers::replica(replica, size);
    let ours = per_second(size.changes, applied.time);
    rate("packmule export", size.changes, sealed.time);
    rate("packmule import", size.changes, applied.time);
    rate("native replica, row binary log", size.changes, replayed);
    rate("row by row, one processor", size.singles, pushed);
    ratio(
        "import / replica, speed",
        ours,
        per_second(size.changes, replayed),
        "(target MySQL 1, MariaDB 0.5)",
    );
    ratio("import / row by row, speed", ours, per_second(size.singles, pushed), "(target 50)");
    figure("peak memory of import", &format!("{} MiB", applied.memory_kib >> 10));
    println!();
}

/// A new lab's start: the centre's whole table as a snapshot, beside a dump through a pipe into an empty database.
pub(crate) fn snapshot(server: &PrivateServer, size: &Size) {
    let rows = size.rows;
    heading("Snapshot: the centre's whole table to a new lab");
    data::fill(server, "snap_central", rows);
    server.sql("", "CREATE DATABASE snap_lab").unwrap();
    server.sql("snap_lab", data::TABLE).unwrap();
    let pair = Pair::new(server, "snap_central", "snap_lab", false);
    let stick = pair.stick();
    let stick = stick.to_str().unwrap();
    let sealed = pair.run("central", &["export", stick]);
    let applied = pair.run("lab", &["import", "--no-reply", stick]);
    equal(server, "snap_central", "snap_lab");
    let copied = peers::copy(server, "snap_central", "snap_copied");
    let both = sealed.time + applied.time;
    rate("packmule export at the centre", rows, sealed.time);
    rate("packmule import at the lab", rows, applied.time);
    rate("dump | client", rows, copied.time);
    ratio(
        "export and import / dump | client, speed",
        per_second(rows, both),
        per_second(rows, copied.time),
        "(no target)",
    );
    figure("peak memory of export", &format!("{} MiB", sealed.memory_kib >> 10));
    figure("peak memory of import", &format!("{} MiB  (target 96)", applied.memory_kib >> 10));
    println!();
}

/// A whole round of a stick with few changes: in a large table, and in one that holds hardly more than the changes.
pub(crate) fn round(server: &PrivateServer, size: &Size) {
    const CHANGES: u64 = 1000;
    heading("Round: 1 000 changes from the lab to the centre and 1 000 back");
    let took = [("large", size.rows), ("small", 2 * CHANGES)].map(|(name, rows)| {
        let (central, lab) = (format!("round_{name}_central"), format!("round_{name}_lab"));
        data::fill(server, &central, rows);
        data::fill(server, &lab, rows);
        let pair = Pair::new(server, &central, &lab, false);
        let stick = pair.stick();
        let stick = stick.to_str().unwrap();
        let go_round = || {
            let export = pair.run("lab", &["export", "--clean", stick]).time;
            let visit = pair.run("central", &["import", "--clean", stick]).time;
            export + visit + pair.run("lab", &["import", stick]).time
        };
        // The first brings the snapshot, the second its receipt.
        go_round();
        go_round();
        let edit = |parity: u64| {
            format!(
                "UPDATE items SET quantity = quantity + 1 WHERE id <= {} AND id % 2 = {parity}",
                2 * CHANGES
            )
        };
        server.sql(&lab, &edit(0)).unwrap();
        server.sql(&central, &edit(1)).unwrap();
        let took = go_round();
        equal(server, &central, &lab);
        rate(&format!("three commands, {} rows", thousands(rows)), 2 * CHANGES, took);
        took
    });
    ratio("large / small, time", took[0].as_secs_f64(), took[1].as_secs_f64(), "(target about 1)");
    println!();
}

/// A bench of something that does not work would be worth nothing.
fn equal(server: &PrivateServer, a: &str, b: &str) {
    let sums = server.query("", &format!("CHECKSUM TABLE {a}.items, {b}.items")).unwrap();
    assert_eq!(sums[0][1], sums[1][1], "the tables of {a} and {b} differ");
    figure("tables equal at both ends", "yes");
}
