//! `./dev soak`: random worlds with ever new seeds until the time is over, on all cores; at the end what they have met.
//!
//! The worlds are those of `tests/it/convergence.rs`. One that fails is told at once, with the command that tries it again.

#![allow(clippy::unwrap_used, reason = "a world that meets the unexpected ends there, and is told")]
#![allow(clippy::print_stdout, reason = "its output is the result")]

#[path = "../it/harness/mod.rs"]
mod harness;

mod options;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use harness::{Ground, Outcome, Tally, Which, server};
use options::Options;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(fault) => {
            println!("{fault}");
            return ExitCode::from(2);
        }
    };
    println!("server: {}; {options}", server().binary());
    let soak = Soak { began: Instant::now(), heard: Mutex::default(), options };
    thread::scope(|scope| {
        for worker in 0..soak.options.threads {
            let soak = &soak;
            scope.spawn(move || soak.work(worker));
        }
    });
    soak.end()
}

/// All that is at work.
struct Soak {
    options: Options,
    began: Instant,
    heard: Mutex<Heard>,
}

/// What has become of worlds so far.
#[derive(Default)]
struct Heard {
    tally: Tally,
    failed: Vec<Which>,
    told_at: Duration,
}

impl Soak {
    /// Tries the worlds that are this thread's, on grounds of its own.
    fn work(&self, worker: u64) {
        let worlds = |count| self.options.worlds_of(worker).take(count);
        let mut grounds: BTreeMap<u64, Ground> = BTreeMap::new();
        for which in worlds(GROUNDS_WITHIN) {
            grounds.entry(which.ground()).or_insert_with(|| Ground::of(which));
        }
        let starts: BTreeMap<u64, _> = grounds.iter().map(|(at, ground)| (*at, ground.start())).collect();
        for which in worlds(usize::MAX) {
            if self.is_over() {
                break;
            }
            let start = starts.get(&which.ground()).expect("worlds come back to the same grounds");
            self.hear(which, start.try_world(which, self.options.steps));
        }
    }

    fn is_over(&self) -> bool {
        self.options.minutes.is_some_and(|minutes| self.began.elapsed().as_secs() >= 60 * minutes)
            || self.heard.lock().unwrap().failed.len() >= self.options.failures_max
    }

    fn hear(&self, which: Which, outcome: Outcome) {
        let mut heard = self.heard.lock().unwrap();
        heard.tally.extend(&outcome.tally);
        if let Some(story) = outcome.story {
            if !self.options.quiet {
                println!("--- {which}\n{story}");
            }
            println!("{which} FAILED; again: {}", self.options.again(which));
            heard.failed.push(which);
        }
        if heard.told_at + TELL_EVERY <= self.began.elapsed() {
            heard.told_at = self.began.elapsed();
            let (worlds, failed, seconds) = (heard.tally.worlds, heard.failed.len(), heard.told_at.as_secs());
            println!("{seconds:>6} s: {worlds} worlds, {failed} failed; the last was {which}");
        }
    }

    fn end(self) -> ExitCode {
        let Heard { tally, mut failed, .. } = self.heard.into_inner().unwrap();
        failed.sort();
        let names: String = failed.iter().map(|which| format!(" {which}")).collect();
        println!(
            "\n{tally}\nseconds     {}\nfailed      {}{names}",
            self.began.elapsed().as_secs(),
            failed.len()
        );
        ExitCode::from(u8::from(!failed.is_empty()))
    }
}

const TELL_EVERY: Duration = Duration::from_secs(10);
/// A thread has met each of its grounds after so many worlds.
const GROUNDS_WITHIN: usize = 64;
