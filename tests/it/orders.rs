//! Bundles in any order, any number of times, with any of them missing.
//!
//! There are 120 orders of five bundles, and no end of orders with repeats. All of them are walks between the same 32
//! states: which of the five have been at the centre so far. So each bundle is imported once in each state, 160 imports,
//! and what comes of it must be the state with that bundle, whichever way led there: rows, ledger, log and inbox alike.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::harness::{Pair, Ran, Saved, bundles_in, files};

const COUNT: usize = 5;

#[test]
fn five_bundles_in_any_order_with_repeats_and_any_missing_end_with_equal_rows() {
    let scene = Scene::new();
    // What is seen at the centre when these bundles have been there, as bits.
    let mut states: BTreeMap<usize, Vec<String>> = BTreeMap::from([(0, scene.seen())]);
    // The tables, by how many bundles were applied; what waits lies in the inbox.
    let mut saved = BTreeMap::from([(0, Saved::new(scene.pair.central()))]);
    for been in 0..1_usize << COUNT {
        let seen = states.get(&been).cloned().expect("every smaller set was come to before");
        for bundle in 0..COUNT {
            let now = been | 1 << bundle;
            scene.restore(&saved, been);
            assert_eq!(scene.seen(), seen, "{been:05b} was not restored");
            let ran = scene.import(bundle);
            told(ran, now);
            let found = scene.seen();
            assert_eq!(
                *states.entry(now).or_insert(found.clone()),
                found,
                "{been:05b} with bundle {}",
                bundle + 1
            );
            saved.entry(prefix(now)).or_insert_with(|| Saved::new(scene.pair.central()));
        }
    }
    scene.restore(&saved, (1 << COUNT) - 1);
    scene.pair.assert_exactly_once();
}

#[test]
fn a_stick_with_bundles_missing_names_exactly_those_and_goes_on_when_they_come() {
    let scene = Scene::new();
    let empty = Saved::new(scene.pair.central());
    for there in 1..1_usize << COUNT {
        empty.restore();
        let stick = tempfile::tempdir().unwrap();
        let lay = |wanted: &dyn Fn(usize) -> bool| {
            for (at, path) in scene.bundles.iter().enumerate().filter(|(at, _)| wanted(*at)) {
                fs::copy(path, stick.path().join(format!("{at}.mule"))).unwrap();
            }
        };
        lay(&|at| there & 1 << at != 0);
        let folder = stick.path().to_str().unwrap();
        // Twice: what waits does not stand in its own way.
        for _ in 0..2 {
            told(scene.pair.central().run(&["import", "--no-reply", folder]), there);
        }
        assert_eq!(scene.pair.central().count("packmule_bundle"), prefix(there) as u64, "{there:05b}");
        lay(&|at| there & 1 << at == 0);
        scene.pair.central().run(&["import", "--no-reply", folder]).ok();
        scene.pair.assert_exactly_once();
    }
}

#[test]
fn a_bundle_that_cannot_be_applied_holds_up_those_behind_it_and_its_copies_are_no_fork() {
    let pair = Pair::new();
    for _ in 0..3 {
        pair.edit();
        pair.export().ok();
    }
    for bundle in bundles_in(&pair.stick) {
        fs::copy(&bundle, bundle.with_extension("copy.mule")).unwrap();
    }
    pair.central().sql("ALTER TABLE items CHANGE quantity amount INT NOT NULL DEFAULT 0");
    for _ in 0..2 {
        pair.import().code(16).says("table items").says("waits: bundle 1 of lab-a is here and not applied");
        assert_eq!(pair.central().value("SELECT COUNT(*) FROM packmule_stream WHERE state = 'frozen'"), "0");
        assert_eq!(pair.central().count("packmule_bundle") + pair.central().count("items"), 0);
        assert_eq!(files(&pair.central().state().join("inbox")).len(), 3);
    }
    pair.central().sql("ALTER TABLE items CHANGE amount quantity INT NOT NULL DEFAULT 0");
    pair.import().ok();
    pair.assert_exactly_once();
}

#[test]
fn a_dry_run_keeps_nothing_of_what_would_wait_or_be_applied() {
    let scene = Scene::new();
    let inbox = scene.pair.central().state().join("inbox");
    let before = scene.seen();
    for (arguments, code) in [([2, 4], 15), ([0, 1], 0), ([0, 2], 15)] {
        let mut command = vec!["import", "--no-reply", "-n"];
        command.extend(arguments.iter().map(|at: &usize| scene.bundles[*at].to_str().unwrap()));
        scene.pair.central().run(&command).code(code).says("nothing was changed");
        assert_eq!(scene.seen(), before);
        assert_eq!(files(&inbox), [] as [PathBuf; 0]);
    }
}

/// Five bundles of one lab, and the centre before any of them.
struct Scene {
    pair: Pair,
    bundles: Vec<PathBuf>,
}

impl Scene {
    fn new() -> Scene {
        let pair = Pair::new();
        for _ in 0..COUNT {
            pair.edit();
            pair.export().ok();
        }
        let bundles = bundles_in(&pair.stick);
        assert_eq!(bundles.len(), COUNT);
        Scene { pair, bundles }
    }

    fn import(&self, bundle: usize) -> Ran {
        let file = self.bundles.get(bundle).unwrap();
        self.pair.central().run(&["import", "--no-reply", file.to_str().unwrap()])
    }

    /// All that an import may change, without the times at which it was done.
    fn seen(&self) -> Vec<String> {
        let central = self.pair.central();
        let queries = [
            "SELECT * FROM shelves ORDER BY id",
            "SELECT * FROM items ORDER BY id",
            "SELECT action, COUNT(*) FROM writes GROUP BY action ORDER BY action",
            "SELECT table_name, record_id, action, before_row, changed_at, origin, batch FROM sync_log ORDER BY id",
            "SELECT COUNT(*) FROM conflict_log",
            "SELECT * FROM packmule_stream",
            "SELECT seq, digest, previous, state, inserts, updates, deletes, conflicts, parked, sealed_at \
             FROM packmule_bundle ORDER BY seq",
        ];
        let mut seen: Vec<String> =
            queries.iter().map(|query| format!("{:?}", central.query(query))).collect();
        let inbox = central.state().join("inbox");
        for path in files(&inbox) {
            let bytes = fs::read(&path).unwrap();
            let same = self.bundles.iter().position(|bundle| fs::read(bundle).unwrap() == bytes);
            seen.push(format!("{:?} holds {same:?}", path.file_name()));
        }
        seen
    }

    /// Puts the centre back to when these bundles had been there: the tables, and what waited in the inbox.
    fn restore(&self, saved: &BTreeMap<usize, Saved<'_>>, been: usize) {
        let applied = prefix(been);
        saved.get(&applied).expect("saved when it was come to first").restore();
        let inbox = self.pair.central().state().join("inbox");
        files(&inbox).iter().for_each(|path| fs::remove_file(path).unwrap());
        for (at, bundle) in
            self.bundles.iter().enumerate().skip(applied).filter(|(at, _)| been & 1 << at != 0)
        {
            assert!(at > applied, "bundle {} would have been applied", at + 1);
            fs::copy(bundle, inbox.join(bundle.file_name().unwrap())).unwrap();
        }
    }
}

/// How many bundles can be applied when these have come.
fn prefix(been: usize) -> usize {
    been.trailing_ones() as usize
}

/// Fails the test unless an import said of every bundle that waits exactly which of those before it have not come.
#[track_caller]
fn told(ran: Ran, been: usize) {
    let waiting: Vec<usize> = (prefix(been)..COUNT).filter(|at| been & 1 << at != 0).collect();
    let ran = ran.code(if waiting.is_empty() { 0 } else { 15 });
    let lines: Vec<String> =
        ran.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for at in waiting {
        let missing: Vec<usize> = (1..=at).filter(|number| been & 1 << (number - 1) == 0).collect();
        let (bundles, have) = if missing.len() == 1 { ("bundle", "has") } else { ("bundles", "have") };
        let words = format!("waits: {bundles} {} of lab-a {have} not arrived", runs(&missing));
        let line = format!("lab-a {} {words}", at + 1);
        assert!(lines.contains(&line), "no {line:?} in {ran:?}");
    }
}

/// Numbers as people write them: `1`, `1, 2`, `1 to 3`, `1 to 3, 5`.
fn runs(numbers: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let run = |(first, last): &(usize, usize)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first} to {last}"),
    };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}
