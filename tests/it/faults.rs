//! The system fails: a full disk, a dying stick, a broken line, kill -9, at each single call; then the same command again.

use crate::harness::{Fault, Pair, Ran, STDERR, Saved, SavedFolder, TestSite, bundles_in, calls_of};

#[test]
fn an_export_that_any_call_to_the_system_stops_is_completed_by_the_next() {
    let pair = Pair::new();
    Scene::new(&pair, Side::Export).sweep();
}

#[test]
fn an_import_that_any_call_to_the_system_stops_is_completed_by_the_next() {
    let pair = Pair::new();
    Scene::new(&pair, Side::Import).sweep();
}

#[test]
fn a_stick_that_takes_no_more_is_named_and_the_bundle_kept() {
    let pair = Pair::new();
    let scene = Scene::new(&pair, Side::Export);
    let folder = pair.stick.join("packmule/lab-a-to-central");
    let bundle = folder
        .join(bundles_in(&folder)[0].file_name().unwrap().to_str().unwrap().replace("01.mule", "02.mule"));
    for (calls, at, how, words) in [
        ("mkdir", &folder, "error=EROFS", "can only be read, not written"),
        ("mkdir", &folder, "error=ENOSPC", "is full"),
        ("mkdir", &folder, "error=EIO", "was pulled out or does not answer any more"),
        ("mkdir", &folder, "error=EACCES", "no permission"),
        ("openat", &bundle, "error=EROFS", "can only be read, not written"),
        ("openat", &bundle, "error=ENODEV", "was pulled out or does not answer any more"),
        ("write", &bundle, "error=ENOSPC", "is full"),
        ("write", &bundle, "error=EFBIG", "is too large"),
        ("write", &bundle, "error=EIO", "was pulled out or does not answer any more"),
        ("fsync", &bundle, "error=EIO", "was pulled out or does not answer any more"),
        ("fsync", &folder, "error=EIO", "was pulled out or does not answer any more"),
        ("read", &bundle, "error=EIO", "was pulled out or does not answer any more"),
    ] {
        scene.restore();
        let ran = Fault { calls, how }.strike_at(pair.lab(), &["export", pair.stick()], at);
        let ran = ran.code(13).says(words).says("safe in").never_says("You can take the stick out");
        assert!(ran.stderr.contains("  cause: ") && ran.stderr.contains("  hint: "), "{ran:?}");
        scene.again(&ran);
    }
}

#[test]
fn an_unreadable_bundle_is_named_and_the_others_are_applied() {
    let pair = Pair::new();
    for _ in 0..2 {
        pair.edit();
        pair.export().ok();
    }
    let second = bundles_in(&pair.stick).pop().unwrap();
    let broken = Fault { calls: "read,pread64", how: "error=EIO" };
    let ran = broken.strike_at(pair.central(), &["import", "--no-reply", pair.stick()], &second);
    ran.code(13).says("0000000002.mule").says("Input/output error").says("applied");
    assert_eq!(pair.central().count("packmule_bundle"), 1);
    pair.import().ok();
    pair.assert_exactly_once();
}

/// Which of the two commands meets the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Export,
    Import,
}

/// A lab with edits to export, or a stick with a bundle to import; put back before every fault.
struct Scene<'a> {
    pair: &'a Pair,
    side: Side,
    sites: [Saved<'a>; 2],
    stick: SavedFolder,
}

impl<'a> Scene<'a> {
    fn new(pair: &'a Pair, side: Side) -> Scene<'a> {
        pair.edit();
        pair.exchange();
        pair.edit();
        if side == Side::Import {
            pair.export().ok();
        }
        let stick = SavedFolder::new(&pair.stick);
        Scene { pair, side, sites: [Saved::new(pair.lab()), Saved::new(pair.central())], stick }
    }

    fn restore(&self) {
        self.sites.iter().for_each(Saved::restore);
        self.stick.restore();
    }

    /// Runs the command once to learn which calls it makes and how often, then strikes every one of them, each from the start.
    fn sweep(&self) {
        let (site, command) = match self.side {
            Side::Export => (self.pair.lab(), ["export", self.pair.stick()].to_vec()),
            Side::Import => (self.pair.central(), ["import", "--no-reply", self.pair.stick()].to_vec()),
        };
        self.restore();
        let calls = calls_of(site, &command);
        let sure = match self.side {
            Side::Export => ["write", "fsync", "rename", "mkdir", "fadvise64"],
            Side::Import => ["write", "fsync", "rename", "unlink", "flock"],
        };
        assert!(sure.iter().all(|call| calls.contains_key(*call)), "{calls:?}");
        for (call, count) in &calls {
            for how in faults_of(call) {
                let fault = Fault { calls: call, how };
                let struck =
                    (1..=*count).filter(|number| self.strike(site, &command, fault, *number)).count();
                // Calls are counted for each thread, so the last numbers may be none's.
                assert!(struck > 0, "{fault:?} of {calls:?}");
            }
        }
    }

    /// Strikes the command at one call. Returns `false` when it was not made.
    fn strike(&self, site: &TestSite<'_>, command: &[&str], fault: Fault<'_>, number: u32) -> bool {
        self.restore();
        let Some(ran) = fault.strike(site, command, number) else {
            return false;
        };
        let expected = match ran.code {
            None => fault.how == "signal=KILL",
            Some(101) => false,
            Some(0) => !self.promised_too_much(&ran),
            // The message itself may be what was struck.
            Some(_) => ran.stderr.contains("packmule: error: ") || ran.command.contains(STDERR),
        };
        assert!(expected, "{ran:?}");
        assert!(!ran.stderr.contains("Error"), "the name of a type in {ran:?}");
        self.again(&ran);
        true
    }

    /// "Done" is a lie when a sync failed, or when the bundle is not on the stick.
    fn promised_too_much(&self, ran: &Ran) -> bool {
        ran.command.contains("fsync(") || bundles_in(&self.pair.stick).len() != 2
    }

    /// The same command again, and what follows it.
    #[track_caller]
    fn again(&self, struck: &Ran) {
        let after = |ran: Ran| Ran { command: format!("{}\n  after {struck:?}\n", ran.command), ..ran };
        if self.side == Side::Export {
            after(self.pair.export()).ok();
        }
        after(self.pair.import()).ok();
        self.pair.assert_exactly_once();
    }
}

/// What each call may end with. One that is not named here is new in the program, and its faults are to be thought of.
fn faults_of(call: &str) -> &'static [&'static str] {
    match call {
        "write" | "pwrite64" | "writev" | "fsync" | "fdatasync" | "rename" | "renameat" | "renameat2" => {
            &["error=EIO", "error=ENOSPC", "signal=KILL"]
        }
        "mkdir" | "mkdirat" => &["error=EIO", "error=ENOSPC"],
        "unlink" | "unlinkat" => &["error=EIO", "signal=KILL"],
        "ftruncate" | "fallocate" | "copy_file_range" | "chmod" | "fchmod" | "flock" | "fadvise64" => {
            &["error=EIO"]
        }
        other => panic!("no fault of {other} is tried"),
    }
}
