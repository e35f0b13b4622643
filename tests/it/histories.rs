//! One site with two histories: a copied machine, a database put back from a backup.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Pair, Saved, TestSite, bundles_in, contents};

#[test]
fn a_copied_lab_is_a_fork_whichever_copy_comes_first_and_other_labs_go_on() {
    let scene = Fork::new();
    let (pair, central) = (&scene.pair, scene.pair.central());
    let start = Saved::new(central);
    for (shelf, first, second) in [(500, &scene.one, &scene.two), (501, &scene.two, &scene.one)] {
        start.restore();
        import(central, &first[..1]).ok();
        let before = (central.rows("items"), central.rows("shelves"), central.query(BUNDLES));
        import(central, second)
            .code(14)
            .says("STOPPED")
            .says("0000000002.mule does not fit what came before")
            .says("ask lab-a: was its database put back from a backup, or is it at work on two computers?");
        assert_eq!((central.rows("items"), central.rows("shelves"), central.query(BUNDLES)), before);
        central.run(&["status"]).ok().says("STOPPED");
        // What was applied is still known, what follows it waits for a person, and others are not held up.
        import(central, &first[..1]).ok().says("already applied");
        import(central, &first[1..]).code(14).says("stopped before");
        let other = pair.other("lab-b");
        other.sql(&format!("INSERT INTO shelves VALUES ({shelf}, 'of lab-b')"));
        let stick = tempfile::tempdir().unwrap();
        other.run(&["export", stick.path().to_str().unwrap()]).ok();
        central.run(&["import", "--no-reply", stick.path().to_str().unwrap()]).ok();
        assert_eq!(central.value(&format!("SELECT name FROM shelves WHERE id = {shelf}")), "of lab-b");
    }
}

#[test]
fn a_fork_among_bundles_that_wait_is_seen_before_or_when_they_are_applied() {
    let scene = Fork::new();
    let central = scene.pair.central();
    let start = Saved::new(central);
    // The copy's third bundle waits; then the second of the other one comes, which it does not follow.
    import(central, &scene.two[1..]).code(15);
    import(central, &scene.one[..1]).code(14).says("does not fit what came before");
    assert_equal_to(central, &scene.rows_after_one_first);
    // Both third bundles wait, under one name; both second ones come.
    for order in [[&scene.one, &scene.two], [&scene.two, &scene.one]] {
        start.restore();
        let before = contents(central);
        import(central, &order[0][1..]).code(15);
        import(central, &order[1][1..]).code(14).says("another bundle of this number has come before");
        let unchanged = |(table, _): &(String, _)| table != "packmule_stream";
        let after: Vec<_> = contents(central).into_iter().filter(unchanged).collect();
        assert_eq!(after, before.into_iter().filter(unchanged).collect::<Vec<_>>());
        let both = [&order[0][..1], &order[1][..1]].concat();
        import(central, &both).code(14).says("STOPPED");
        assert_eq!(central.value("SELECT MAX(seq) FROM packmule_bundle"), "1", "neither history is followed");
        assert_eq!(central.value("SELECT state FROM packmule_stream WHERE from_site = 'lab-a'"), "frozen");
    }
}

#[test]
fn a_database_put_back_seals_nothing_until_its_newest_copy_is_there_again() {
    for bundles in [1, 5] {
        let pair = Pair::new();
        pair.edit();
        pair.exchange();
        let backup = Saved::new(pair.lab());
        for _ in 0..bundles {
            pair.edit();
            pair.exchange();
        }
        let newest = Saved::new(pair.lab());
        backup.restore_rows();
        pair.lab().sql("INSERT INTO shelves VALUES (700, 'after the backup')");
        let (before, on_stick) = (contents(pair.lab()), stick(&pair));
        for _ in 0..2 {
            let ran =
                pair.export().code(1).says("the database has gone back in time: it knows bundles up to 1");
            ran.says(&format!("bundle {} was sealed already", bundles + 1))
                .says("if there is a newer copy of the database, put it back");
        }
        assert_eq!((contents(pair.lab()), stick(&pair)), (before, on_stick));
        pair.lab().run(&["doctor"]).code(20).says("gone back");
        newest.restore_rows();
        pair.edit();
        pair.exchange();
        pair.assert_exactly_once();
    }
}

#[test]
fn a_number_that_left_the_lab_after_a_crash_is_never_given_again() {
    for step in ["seal.committed", "seal.witnessed", "seal.renamed"] {
        let pair = Pair::new();
        let backup = Saved::new(pair.lab());
        pair.edit();
        let mut command = pair.lab().command(&["export", pair.stick()]);
        assert!(command.env("PACKMULE_CRASH_AT", step).status().unwrap().code().is_none());
        // The second run has nothing to seal; it carries the bundle of the first.
        pair.exchange();
        backup.restore_rows();
        pair.edit();
        pair.export()
            .code(1)
            .says("gone back in time")
            .says("it knows no bundle at all, and bundle 1 was sealed");
    }
}

#[test]
fn a_centre_put_back_takes_the_bundles_that_it_forgot_again() {
    let pair = Pair::new();
    pair.edit();
    pair.exchange();
    let backup = Saved::new(pair.central());
    for _ in 0..2 {
        pair.edit();
        pair.exchange();
    }
    backup.restore_rows();
    pair.import().ok();
    pair.assert_exactly_once();
}

#[test]
fn a_lab_that_lost_its_witness_with_its_newest_rows_is_stopped_by_its_outbox() {
    let pair = Pair::new();
    let backup = Saved::new(pair.lab());
    pair.edit();
    pair.exchange();
    backup.restore_rows();
    fs::remove_file(pair.lab().state().join("keys/witness.json")).unwrap();
    pair.edit();
    let before = contents(pair.lab());
    pair.export().code(1).says("gone back in time").says("bundle 1 was sealed already");
    assert_eq!(contents(pair.lab()), before);
}

/// A lab that was copied after its first bundle; each copy has made two more.
struct Fork {
    pair: Pair,
    /// Bundles 2 and 3 of the one.
    one: Vec<PathBuf>,
    /// Bundles 2 and 3 of the other.
    two: Vec<PathBuf>,
    /// The shelves after bundle 2 of the one.
    rows_after_one_first: Vec<Vec<Option<String>>>,
}

impl Fork {
    fn new() -> Fork {
        let pair = Pair::among(&["lab-a", "lab-b"]);
        pair.edit();
        pair.exchange();
        let copied = Saved::new(pair.lab());
        let work = |name: &str, rows: &mut Vec<Vec<Option<String>>>| {
            let folder = pair.lab().stick(name);
            for number in [2, 3] {
                pair.lab().sql(&format!(
                    "INSERT INTO shelves VALUES ({number}00, '{name}'); UPDATE items SET name = '{name}'"
                ));
                pair.lab().run(&["export", folder.to_str().unwrap()]).ok();
                if number == 2 {
                    *rows = pair.lab().rows("shelves");
                }
            }
            bundles_in(&folder).split_off(1)
        };
        let (mut rows_after_one_first, mut unused) = (Vec::new(), Vec::new());
        let one = work("one", &mut rows_after_one_first);
        copied.restore();
        let two = work("two", &mut unused);
        drop(copied);
        Fork { pair, one, two, rows_after_one_first }
    }
}

#[track_caller]
fn assert_equal_to(site: &TestSite<'_>, shelves: &[Vec<Option<String>>]) {
    assert_eq!(site.rows("shelves"), shelves);
}

fn import(site: &TestSite<'_>, files: &[PathBuf]) -> crate::harness::Ran {
    let mut arguments = vec!["import", "--no-reply"];
    arguments.extend(files.iter().map(|path| path.to_str().unwrap()));
    site.run(&arguments)
}

fn stick(pair: &Pair) -> Vec<(PathBuf, Vec<u8>)> {
    let read = |path: PathBuf| (path.clone(), fs::read(path).unwrap());
    crate::harness::files(&pair.stick).into_iter().map(read).collect()
}

const BUNDLES: &str = "SELECT * FROM packmule_bundle ORDER BY from_site, seq";
