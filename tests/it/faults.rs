//! The system fails: a full disk, a dying stick, a broken line, kill -9, at each single call; then the same command again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Fault, Pair, Ran, STDERR, Saved, bundles_in, files};

#[test]
fn an_export_that_any_write_sync_or_rename_stops_is_completed_by_the_next() {
    let pair = Pair::new();
    let scene = Scene::new(&pair, Side::Export);
    for fault in FILES {
        // An export makes every call but this one.
        let is_made = !["unlink"].contains(&fault.calls);
        assert_eq!(scene.sweep(fault) > 0, is_made, "{fault:?}");
    }
}

#[test]
fn an_import_that_any_write_sync_or_rename_stops_is_completed_by_the_next() {
    let pair = Pair::new();
    let scene = Scene::new(&pair, Side::Import);
    for fault in FILES {
        // An import makes every call but these.
        let is_made = !["renameat", "mkdir"].contains(&fault.calls);
        assert_eq!(scene.sweep(fault) > 0, is_made, "{fault:?}");
    }
}

#[test]
fn a_line_to_the_database_that_breaks_at_any_answer_loses_and_doubles_nothing() {
    for side in [Side::Export, Side::Import] {
        let pair = Pair::new();
        // Whether the server has done what it was told is not known then, not even at COMMIT.
        let struck = Scene::new(&pair, side).sweep(&Fault { calls: "recvfrom", how: "error=ECONNRESET" });
        assert!(struck >= 30, "only {struck} answers were struck");
    }
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
    stick: Vec<(PathBuf, Vec<u8>)>,
}

impl<'a> Scene<'a> {
    fn new(pair: &'a Pair, side: Side) -> Scene<'a> {
        pair.edit();
        pair.exchange();
        pair.edit();
        if side == Side::Import {
            pair.export().ok();
        }
        let stick =
            files(&pair.stick).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        Scene { pair, side, sites: [Saved::new(pair.lab()), Saved::new(pair.central())], stick }
    }

    fn restore(&self) {
        self.sites.iter().for_each(Saved::restore);
        empty(&self.pair.stick);
        for (path, bytes) in &self.stick {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    /// Strikes the command at its first such call, then, from the start, at its second, and so on to the last. Returns how many.
    fn sweep(&self, fault: &Fault) -> u32 {
        let (site, command) = match self.side {
            Side::Export => (self.pair.lab(), vec!["export"]),
            Side::Import => (self.pair.central(), vec!["import", "--no-reply"]),
        };
        let mut number = 0;
        loop {
            number += 1;
            self.restore();
            let arguments = [&command[..], &[self.pair.stick()]].concat();
            let Some(ran) = fault.strike(site, &arguments, number) else {
                return number - 1;
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
        }
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

fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
}

/// One call each: strace counts every call for itself.
const FILES: &[Fault] = &[
    Fault { calls: "write", how: "error=ENOSPC" },
    Fault { calls: "write", how: "error=EIO" },
    Fault { calls: "fsync", how: "error=EIO" },
    Fault { calls: "rename", how: "error=EROFS" },
    Fault { calls: "renameat", how: "error=ENOSPC" },
    Fault { calls: "mkdir", how: "error=EROFS" },
    Fault { calls: "unlink", how: "error=EIO" },
    Fault { calls: "write", how: "signal=KILL" },
    Fault { calls: "fsync", how: "signal=KILL" },
    Fault { calls: "rename", how: "signal=KILL" },
    Fault { calls: "unlink", how: "signal=KILL" },
];
