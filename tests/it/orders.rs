//! Bundles in any order, any number of times, with any of them missing.
//!
//! There are 120 orders of five bundles, and no end of orders with repeats. All of them are walks between the same 32
//! states: which of the five have been at the centre so far. So each bundle is imported once in each state, 160 imports,
//! and what comes of it must be the state with that bundle, whichever way led there: rows, ledger, log and inbox alike.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::harness::{Pair, Ran, Round, SCHEMA, Saved, TestSite, bundles_in, files};

const COUNT: usize = 5;

#[test]
fn five_bundles_in_any_order_with_repeats_and_any_missing_end_with_equal_rows() {
    let scene = Scene::new();
    scene.arrivals().walk();
    scene.pair.assert_exactly_once();
}

#[test]
fn five_bundles_of_the_centre_in_any_order_with_repeats_and_any_missing_end_with_equal_rows() {
    let round = Round::new(SCHEMA, &["lab-a"], &["shelves", "items"]);
    let (central, lab) = (round.central(), round.lab("lab-a"));
    central.sql("INSERT INTO shelves VALUES (1, 'one'), (2, 'two')");
    round.go_round_all();
    round.go_round_all();
    let stick = lab.stick("of the centre");
    // The lab's own edit of shelf 2 is on its way: the centre's words of it are kept until the fourth bundle answers it.
    lab.sql("UPDATE shelves SET name = 'of the lab' WHERE id = 2");
    round.export("lab-a").ok();
    for number in 1..=COUNT {
        central.sql(&format!(
            "INSERT INTO shelves VALUES (1{number}, 'x'); INSERT INTO items (shelf, name) VALUES (1{number}, 'y');
             UPDATE shelves SET name = 'round {number}' WHERE id <= 2; DELETE FROM items WHERE shelf = 1{number} - 2"
        ));
        if number == 4 {
            central.run(&["import", "--no-reply", round.stick("lab-a").to_str().unwrap()]).ok();
        }
        central.run(&["export", stick.to_str().unwrap()]).ok();
    }
    let bundles = bundles_in(&stick);
    let bundles = bundles[bundles.len() - COUNT..].to_vec();
    Arrivals::new(lab, "central", bundles, SEEN).walk();
    round.assert_all_equal();
    assert_eq!(lab.count("packmule_kept"), 0);
    round.settle();
}

#[test]
fn a_stick_with_bundles_missing_names_exactly_those_and_goes_on_when_they_come() {
    let scene = Scene::new();
    let (empty, arrivals) = (Saved::new(scene.pair.central()), scene.arrivals());
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
            arrivals.told(scene.pair.central().run(&["import", "--no-reply", folder]), there);
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

    fn arrivals(&self) -> Arrivals<'_> {
        let seen = &[SEEN, &["SELECT action, COUNT(*) FROM writes GROUP BY action ORDER BY action"]].concat();
        Arrivals::new(self.pair.central(), "lab-a", self.bundles.clone(), seen)
    }

    fn seen(&self) -> Vec<String> {
        self.arrivals().seen()
    }
}

/// All that an import may change, without the times at which it was done.
const SEEN: &[&str] = &[
    "SELECT * FROM shelves ORDER BY id",
    "SELECT * FROM items ORDER BY id",
    "SELECT table_name, record_id, action, before_row, changed_at, origin, batch FROM sync_log ORDER BY id",
    "SELECT COUNT(*) FROM conflict_log",
    "SELECT table_name, record_id, action, row_image, changed_at, why, bundle, covered_batch FROM packmule_kept ORDER BY 1, 2",
    "SELECT from_site, to_site, last_seq, last_digest, confirmed_seq, told_seq, state, note FROM packmule_stream ORDER BY 1, 2",
    "SELECT from_site, seq, digest, previous, state, inserts, updates, deletes, conflicts, parked, deferred, sealed_at \
     FROM packmule_bundle ORDER BY from_site, seq",
];

/// Bundles that follow each other, and the site to which they come.
struct Arrivals<'a> {
    site: &'a TestSite<'static>,
    from: &'static str,
    /// The number of the first.
    first: usize,
    bundles: Vec<PathBuf>,
    queries: Vec<&'static str>,
}

impl<'a> Arrivals<'a> {
    fn new(
        site: &'a TestSite<'static>,
        from: &'static str,
        bundles: Vec<PathBuf>,
        queries: &[&'static str],
    ) -> Arrivals<'a> {
        let applied = format!("SELECT COUNT(*) + 1 FROM packmule_bundle WHERE from_site = '{from}'");
        let first = site.value(&applied).parse().unwrap();
        Arrivals { site, from, first, bundles, queries: queries.to_vec() }
    }

    /// Imports each bundle in each state, and leaves the site with all of them.
    fn walk(&self) {
        // What is seen when these bundles have been there, as bits.
        let mut states: BTreeMap<usize, Vec<String>> = BTreeMap::from([(0, self.seen())]);
        // The tables, by how many bundles were applied; what waits lies in the inbox.
        let mut saved = BTreeMap::from([(0, Saved::new(self.site))]);
        for been in 0..1_usize << COUNT {
            let seen = states.get(&been).cloned().expect("every smaller set was come to before");
            for bundle in 0..COUNT {
                let now = been | 1 << bundle;
                self.restore(&saved, been);
                assert_eq!(self.seen(), seen, "{been:05b} was not restored");
                self.told(self.import(bundle), now);
                let found = self.seen();
                let wanted = states.entry(now).or_insert(found.clone());
                assert_eq!(*wanted, found, "{been:05b} with bundle {}", bundle + 1);
                saved.entry(prefix(now)).or_insert_with(|| Saved::new(self.site));
            }
        }
        self.restore(&saved, (1 << COUNT) - 1);
    }

    fn import(&self, bundle: usize) -> Ran {
        let file = self.bundles.get(bundle).unwrap();
        self.site.run(&["import", "--no-reply", file.to_str().unwrap()])
    }

    fn seen(&self) -> Vec<String> {
        let mut seen: Vec<String> =
            self.queries.iter().map(|query| format!("{:?}", self.site.query(query))).collect();
        let inbox = self.site.state().join("inbox");
        for path in files(&inbox) {
            let bytes = fs::read(&path).unwrap();
            let same = self.bundles.iter().position(|bundle| fs::read(bundle).unwrap() == bytes);
            seen.push(format!("{:?} holds {same:?}", path.file_name()));
        }
        seen
    }

    /// Puts the site back to when these bundles had been there: the tables, and what waited in the inbox.
    fn restore(&self, saved: &BTreeMap<usize, Saved<'_>>, been: usize) {
        let applied = prefix(been);
        saved.get(&applied).expect("saved when it was come to first").restore();
        let inbox = self.site.state().join("inbox");
        files(&inbox).iter().for_each(|path| fs::remove_file(path).unwrap());
        for (at, bundle) in
            self.bundles.iter().enumerate().skip(applied).filter(|(at, _)| been & 1 << at != 0)
        {
            assert!(at > applied, "bundle {} would have been applied", at + 1);
            fs::copy(bundle, inbox.join(bundle.file_name().unwrap())).unwrap();
        }
    }

    /// Fails the test unless an import said of every bundle that waits exactly which of those before it have not come.
    #[track_caller]
    fn told(&self, ran: Ran, been: usize) {
        let (from, first) = (self.from, self.first);
        let waiting: Vec<usize> = (prefix(been)..COUNT).filter(|at| been & 1 << at != 0).collect();
        let ran = ran.code(if waiting.is_empty() { 0 } else { 15 });
        let lines: Vec<String> =
            ran.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        for at in waiting {
            let missing: Vec<usize> = (0..at).filter(|at| been & 1 << at == 0).map(|at| at + first).collect();
            let (bundles, have) = if missing.len() == 1 { ("bundle", "has") } else { ("bundles", "have") };
            let words = format!("waits: {bundles} {} of {from} {have} not arrived", runs(&missing));
            let line = format!("{from} {} {words}", at + first);
            assert!(lines.contains(&line), "no {line:?} in {ran:?}");
        }
    }
}

/// How many bundles can be applied when these have come.
fn prefix(been: usize) -> usize {
    been.trailing_ones() as usize
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
