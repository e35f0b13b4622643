//! Times, peaks of memory, and how they are printed.

use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// What a process took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) time: Duration,
    /// The highest resident memory that was seen, in KiB.
    pub(crate) memory_kib: u64,
}

/// How long something takes.
pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Runs a command to its end; a command that fails ends the bench.
pub(crate) fn run(command: &mut Command) -> Taken {
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut memory_kib = 0;
    let status: ExitStatus = loop {
        // The kernel keeps the peak itself; it only has to be read before the process is gone.
        if let Ok(text) = std::fs::read_to_string(&status_file) {
            let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = peak.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
            memory_kib = memory_kib.max(kib.unwrap_or(0));
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success(), "{command:?} ended with {status}");
    Taken { time: start.elapsed(), memory_kib }
}

/// Prints a heading.
pub(crate) fn heading(text: &str) {
    println!("{text}");
}

/// Prints how long `count` things took, and how many that are a second.
pub(crate) fn rate(what: &str, count: u64, time: Duration) {
    let per_second = count as f64 / time.as_secs_f64();
    println!("  {what:<44} {:>8.2} s {:>12} a second", time.as_secs_f64(), thousands(per_second as u64));
}

/// Prints a ratio of two times: how many times faster ours was.
pub(crate) fn ratio(what: &str, ours_per_second: f64, theirs_per_second: f64, target: &str) {
    println!("  {what:<44} {:>8.2} x  {target}", ours_per_second / theirs_per_second);
}

/// Prints any other figure.
pub(crate) fn figure(what: &str, value: &str) {
    println!("  {what:<44} {value:>10}");
}

/// `1 234 567`
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(" ")
}
