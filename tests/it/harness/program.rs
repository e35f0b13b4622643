//! What one run of the program did.

use std::fs;
use std::process::{Child, Output};
use std::thread;
use std::time::Duration;

/// A finished run. Its checks hand it back, so that they can be chained.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The command as it would be typed.
    pub(crate) command: String,
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Results.
    pub(crate) stdout: String,
    /// All else.
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn new(command: String, output: &Output) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            command,
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Fails the test unless the run ended with 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Ran {
        self.code(0)
    }

    /// Fails the test unless the run ended with `code`.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{}", self.told());
        self
    }

    /// Fails the test unless a signal ended the run.
    #[track_caller]
    pub(crate) fn killed(self) -> Ran {
        assert_eq!(self.code, None, "{}", self.told());
        self
    }

    /// Fails the test unless `words` stand in what a person sees, on either stream.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Ran {
        assert!(
            self.stdout.contains(words) || self.stderr.contains(words),
            "no {words:?} in {}",
            self.told()
        );
        self
    }

    /// Fails the test if `words` stand in what a person sees.
    #[track_caller]
    pub(crate) fn never_says(self, words: &str) -> Ran {
        assert!(!self.stdout.contains(words) && !self.stderr.contains(words), "{words:?} in {}", self.told());
        self
    }

    fn told(&self) -> String {
        format!(
            "`{}` ({:?})\n--- stdout\n{}--- stderr\n{}",
            self.command, self.code, self.stdout, self.stderr
        )
    }
}

/// Waits for a process to end, and returns how many KiB of memory it had at most, and what it said. It must not say much.
///
/// The program's own code does not count: the system shares it and can drop it, and unoptimised it is three times as much.
pub(crate) fn peak_memory_kib(mut child: Child) -> (u64, Output) {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // The kernel keeps the peak itself; only what comes after the last look is missed.
        let status = fs::read_to_string(&path).unwrap_or_default();
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        let seen = figure("VmHWM:").zip(figure("RssFile:")).map(|(all, code)| all.saturating_sub(code));
        peak = seen.unwrap_or(0).max(peak);
        if child.try_wait().unwrap().is_some() {
            return (peak, child.wait_with_output().unwrap());
        }
        thread::sleep(Duration::from_millis(1));
    }
}
