//! The process killed at every place where a crash leaves something half done, and the same command run again.

use std::path::PathBuf;

use packmule::monitor::Step;

use crate::harness::{Pair, Ran, TestSite, bundles_in, files};

/// Which command comes to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Export,
    Import,
    WayBack,
    /// Tried in `rekey.rs`.
    Join,
    /// Tried in `mail_crashes.rs`.
    Line,
    /// Tried in `recover.rs` and `central_back.rs`.
    Recover,
    /// Tried in `review_turns.rs`.
    Review,
    /// Tried in `parked_costs.rs`.
    Parked,
    /// Tried in `rotation.rs`.
    Rotate,
}

/// Every step belongs to a side, or to the way back (`round_crashes.rs`): a step of a new sort fails the tests here until it is tried, too.
fn side(step: Step) -> Side {
    match step.name().split_once('.') {
        Some(("seal" | "carry", _)) => Side::Export,
        Some(("admit" | "apply", _)) => Side::Import,
        Some(("retry", _)) => Side::WayBack,
        Some(("parked", _)) => Side::Parked,
        Some(("rekey", _)) => Side::Join,
        Some(("recover", _)) => Side::Recover,
        Some(("rotate", _)) => Side::Rotate,
        Some(("send" | "fetch" | "clear", _)) => Side::Line,
        Some(("decide", _)) => Side::Review,
        other => panic!("no test kills the program at {other:?}"),
    }
}

fn steps(wanted: Side) -> Vec<&'static str> {
    Step::ALL.iter().filter(|step| side(**step) == wanted).map(|step| step.name()).collect()
}

#[test]
fn after_a_crash_anywhere_in_an_export_the_same_command_completes_it() {
    for step in steps(Side::Export) {
        let pair = Pair::new();
        pair.edit();
        kill(pair.lab(), &["export", pair.stick()], step);
        pair.exchange();
        pair.assert_exactly_once();
        // Edits between the crash and the second run, and the stick already in use.
        pair.edit();
        kill(pair.lab(), &["export", pair.stick()], step);
        pair.edit();
        // Killed again, before anything was put right.
        kill(pair.lab(), &["export", pair.stick()], step);
        pair.exchange();
        pair.assert_exactly_once();
    }
}

#[test]
fn after_a_crash_anywhere_in_an_import_the_same_command_completes_it() {
    for step in steps(Side::Import) {
        let pair = Pair::new();
        pair.edit();
        pair.export().ok();
        kill(pair.central(), &["import", "--no-reply", pair.stick()], step);
        pair.import().ok();
        pair.assert_exactly_once();
        pair.edit();
        pair.export().ok();
        kill(pair.central(), &["import", "--no-reply", pair.stick()], step);
        // Another bundle comes before anything was put right, and then another crash.
        pair.edit();
        pair.export().ok();
        kill(pair.central(), &["import", "--no-reply", pair.stick()], step);
        pair.import().ok();
        pair.assert_exactly_once();
    }
}

#[test]
fn crashes_at_every_step_one_after_the_other_lose_and_double_nothing() {
    for backwards in [false, true] {
        let pair = Pair::new();
        let (mut exports, mut imports) = (steps(Side::Export), steps(Side::Import));
        if backwards {
            exports.reverse();
            imports.reverse();
        }
        for step in exports {
            pair.edit();
            kill(pair.lab(), &["export", pair.stick()], step);
        }
        pair.export().ok();
        for step in imports {
            kill_or_done(pair.central(), &["import", "--no-reply", pair.stick()], step);
        }
        pair.import().ok();
        pair.assert_exactly_once();
    }
}

#[test]
fn a_crash_at_a_later_bundle_of_a_command_keeps_the_earlier_ones() {
    let pair = Pair::new();
    for _ in 0..3 {
        pair.edit();
        pair.export().ok();
    }
    let stick = pair.lab().stick("other");
    let stick = stick.to_str().unwrap();
    for step in ["carry.created#2", "carry.synced", "carry.half-written"] {
        kill(pair.lab(), &["export", stick], step);
    }
    pair.lab().run(&["export", stick]).ok();
    for step in ["admit.half-copied#2", "apply.rows-written", "apply.half-written#3", "apply.committed"] {
        kill(pair.central(), &["import", "--no-reply", stick], step);
    }
    pair.central().run(&["import", "--no-reply", stick]).ok();
    pair.assert_exactly_once();
}

#[test]
fn a_large_bundle_cut_in_the_middle_by_a_crash_is_completed() {
    let pair = Pair::new();
    pair.edit();
    pair.lab().sql(&format!("UPDATE items SET photo = x'{}'", noise(3 << 20)));
    kill(pair.lab(), &["export", pair.stick()], "carry.half-written");
    let (whole, cut) = (size(&files(&pair.lab().state().join("outbox"))), size(&bundles_in(&pair.stick)));
    assert!(cut > 0 && cut < whole, "{cut} of {whole} bytes");
    // Half a bundle is on the stick: the centre names it, and the lab's next run puts the whole there.
    pair.import().code(14).says("are there").says("ask lab-a to run `packmule export` again");
    assert_eq!(pair.central().count("packmule_bundle"), 0);
    pair.export().ok();
    kill(pair.central(), &["import", "--no-reply", pair.stick()], "admit.half-copied");
    let parts = files(&pair.central().state().join("inbox"));
    assert!(size(&parts) > 0 && size(&parts) < whole);
    pair.import().ok();
    pair.assert_exactly_once();
}

#[test]
fn a_crash_after_the_ledger_s_commit_loses_the_bundle_of_no_edit() {
    for step in ["seal.committed", "seal.witnessed", "seal.renamed"] {
        let pair = Pair::new();
        pair.edit();
        kill(pair.lab(), &["export", pair.stick()], step);
        assert_eq!(pair.lab().count("packmule_bundle"), 1, "{step}: the ledger knows the bundle");
        assert_eq!(files(&pair.stick), [] as [PathBuf; 0]);
        // With nothing new to seal, the second run still carries what the first had sealed.
        pair.export().ok();
        assert_eq!(pair.lab().count("packmule_bundle"), 1, "{step}");
        pair.import().ok();
        pair.assert_exactly_once();
    }
}

#[test]
fn a_crash_before_the_ledger_s_commit_burns_no_number() {
    for step in ["seal.snapshot-open", "seal.payload-written", "seal.part-synced", "seal.ledger-written"] {
        let pair = Pair::new();
        pair.edit();
        kill(pair.lab(), &["export", pair.stick()], step);
        assert_eq!(pair.lab().count("packmule_bundle"), 0, "{step}: the ledger knows nothing");
        assert_ne!(pair.lab().value("SELECT COUNT(*) FROM sync_log WHERE batch IS NULL"), "0", "{step}");
        pair.edit();
        pair.exchange();
        assert_eq!(pair.lab().value("SELECT MAX(seq) FROM packmule_bundle"), "1", "{step}");
        pair.assert_exactly_once();
    }
}

/// Runs a command that is killed at a step; the test fails when it never comes there.
#[track_caller]
fn kill(site: &TestSite<'_>, arguments: &[&str], step: &str) {
    run_to(site, arguments, step).killed();
}

/// Runs a command that is killed at a step, or has nothing more to do there.
#[track_caller]
fn kill_or_done(site: &TestSite<'_>, arguments: &[&str], step: &str) {
    let ran = run_to(site, arguments, step);
    assert!(matches!(ran.code, None | Some(0)), "{ran:?}");
}

fn size(files: &[PathBuf]) -> u64 {
    assert_eq!(files.len(), 1, "{files:?}");
    files.iter().map(|path| path.metadata().unwrap().len()).sum()
}

/// Bytes that cannot be compressed, in hexadecimal.
fn noise(bytes: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    (0..bytes).map(|_| format!("{:02x}", random.u8(..))).collect()
}

fn run_to(site: &TestSite<'_>, arguments: &[&str], step: &str) -> Ran {
    let mut command = site.command(arguments);
    let output = command.env("PACKMULE_CRASH_AT", step).output().unwrap();
    Ran::new(format!("PACKMULE_CRASH_AT={step} packmule {}", arguments.join(" ")), &output)
}
