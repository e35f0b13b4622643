//! Sticks under a real kernel: FAT, power cuts, drives that lie, drives with holes.
//!
//! A power cut cannot be tried on the kernel that runs the test, so each test boots another one, User-Mode Linux: an ordinary
//! program with a real FAT driver and a device mapper. Its disk is a file, the stick. What is written there and not yet on
//! the disk is gone when the kernel ends, as on a stick that is pulled out.
//!
//! Needs Debian's packages user-mode-linux, kmod, dmsetup and dosfstools, so it is a test of its own that runs only when it is
//! named: `./dev test --media`. Where such a kernel cannot run the tests fail, and say why.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]
#![allow(clippy::print_stdout, reason = "what happens inside is told to the outside by its console")]

mod cases;
mod inside;
mod kernel;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;

/// Arguments are parts of the names of the tests that are wanted; none: all.
fn main() -> ExitCode {
    if let Ok(acts) = std::env::var(kernel::ACTS) {
        inside::act(&acts);
        return ExitCode::SUCCESS;
    }
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    let wanted: Vec<_> = cases::ALL.iter().filter(|(name, _)| is_wanted(name)).collect();
    let (left, failed) = (Mutex::new(wanted.iter()), Mutex::new(Vec::new()));
    let next = || left.lock().unwrap().next();
    let work = || {
        while let Some((name, case)) = next() {
            let is_ok = catch_unwind(case).is_ok();
            println!("test {name} ... {}", if is_ok { "ok" } else { "FAILED" });
            if !is_ok {
                failed.lock().unwrap().push(*name);
            }
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap();
    println!("{} tests, {} failed {failed:?}", wanted.len(), failed.len());
    let is_good = failed.is_empty() && !wanted.is_empty();
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
