//! What the soak is asked to do.

use std::fmt;
use std::ops::Range;
use std::thread;

use crate::harness::Which;

/// What is tried, for how long, and how it is told.
pub(crate) struct Options {
    /// When it ends, if not with the last world.
    pub(crate) minutes: Option<u64>,
    /// After how many worlds that fail it ends.
    pub(crate) failures_max: usize,
    /// How many worlds are tried at once.
    pub(crate) threads: u64,
    /// How many steps of each world are made, if not all.
    pub(crate) steps: Option<usize>,
    /// Whether the stories of worlds that fail are left out.
    pub(crate) quiet: bool,
    /// The only sort of worlds that is tried, if not all.
    only: Option<Which>,
    /// These worlds, or ever new ones from this seed on.
    worlds: Worlds,
}

enum Worlds {
    New(u64),
    These(Vec<Which>),
}

impl Options {
    /// Reads the arguments. The error is what to say to a person.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let cores = thread::available_parallelism().map_or(2, |cores| cores.get() as u64);
        let mut options = Options {
            minutes: Some(10),
            failures_max: usize::MAX,
            // Worlds wait for servers more than they compute.
            threads: 2 * cores,
            steps: None,
            quiet: false,
            only: None,
            worlds: Worlds::New(4 * u64::from(fastrand::u32(..))),
        };
        let mut arguments = arguments;
        let mut these = Vec::new();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value; {USAGE}"));
            match argument.as_str() {
                "--minutes" => options.minutes = Some(number(&value()?)?),
                "--failures" => options.failures_max = number(&value()?)? as usize,
                "--threads" => options.threads = number(&value()?)?.max(1),
                "--steps" => options.steps = Some(number(&value()?)? as usize),
                "--from" => options.worlds = Worlds::New(number(&value()?)?),
                "--world" => these.push(value()?.parse()?),
                "--short" => these.extend(range(&value()?)?.map(Which::Short)),
                "--long" => these.extend(range(&value()?)?.map(Which::Long)),
                "--rough" => these.extend(range(&value()?)?.map(Which::Rough)),
                // With any number: the sort alone counts.
                "--only" => options.only = Some(format!("{}-0", value()?).parse()?),
                "--quiet" => options.quiet = true,
                _ => return Err(format!("unknown argument {argument}; {USAGE}")),
            }
        }
        if !these.is_empty() {
            options.minutes = None;
            options.threads = options.threads.min(these.len() as u64);
            options.worlds = Worlds::These(these);
        }
        Ok(options)
    }

    /// The worlds of one thread, without an end where ever new ones are asked for: one in eight is a long one, and one in eight a rough
    /// one, with every second thread, because it takes six servers.
    pub(crate) fn worlds_of(&self, worker: u64) -> Box<dyn Iterator<Item = Which> + '_> {
        let threads = self.threads;
        match &self.worlds {
            Worlds::These(these) => {
                let own = these.iter().enumerate().filter(move |(at, _)| *at as u64 % threads == worker);
                Box::new(own.map(|(_, which)| *which))
            }
            Worlds::New(from) => {
                let from = *from;
                let world = move |turn: u64| {
                    let seed = from.wrapping_add(turn * threads + worker);
                    match (self.only, turn % 8) {
                        (Some(Which::Short(_)), _) => Which::Short(seed),
                        (Some(Which::Long(_)), _) | (None, 7) => Which::Long(seed),
                        (Some(Which::Rough(_)), _) => Which::Rough(seed),
                        (None, 3) if worker.is_multiple_of(2) => Which::Rough(seed),
                        (None, _) => Which::Short(seed),
                    }
                };
                Box::new((0..).map(world))
            }
        }
    }

    /// The command that tries a world again.
    pub(crate) fn again(&self, which: Which) -> String {
        let server = std::env::var("PACKMULE_TEST_SERVER").map(|path| format!(" --server {path}"));
        let steps = self.steps.map(|steps| format!(" --steps {steps}"));
        format!("./dev soak{} --world {which}{}", server.unwrap_or_default(), steps.unwrap_or_default())
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.worlds, self.minutes) {
            (Worlds::These(these), _) => write!(f, "{} worlds, {} at once", these.len(), self.threads),
            (Worlds::New(from), minutes) => {
                let minutes = minutes.map_or(String::new(), |minutes| format!("{minutes} minutes of "));
                write!(
                    f,
                    "{minutes}new worlds, {} at once, seeds from {from} on (--from {from})",
                    self.threads
                )
            }
        }
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is no number; {USAGE}"))
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or(format!("{text} is no FROM..TO; {USAGE}"))?;
    Ok(number(from)?..number(to)?)
}

const USAGE: &str = "soak takes --minutes N, --from SEED, --only short, long or rough, --world short-, long- or rough-NUMBER, \
                     --short FROM..TO, --long FROM..TO, --rough FROM..TO, --steps N, --threads N, --failures N, --quiet";
