//! What strikes a command of a rough world in the middle: the program or a server is killed at any moment, the line is cut after any
//! byte, a call of the system fails. What strikes, and when, comes from the seed; what the program was doing just then does not.

use std::collections::BTreeMap;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::World;
use super::backup::Backup;
use crate::harness::fault::Fault;
use crate::harness::line::Road;
use crate::harness::program::Ran;

/// Something that strikes while a command runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Strike {
    /// The program is killed.
    Program { after: Duration },
    /// The server of a site is killed, and is there again at once or when the command is over; with it, as when the power fails, the
    /// program.
    Server { of: usize, after: Duration, comes_back_at_once: bool, with_program: bool },
    /// The line to the centre breaks.
    Line { road: Road },
    /// Calls of the system fail; in the end, whether one did.
    System { fault: usize, when: String, call: Option<String> },
}

impl Strike {
    /// Whether a command of a site may end so because of it.
    pub(super) fn explains(&self, at: usize, code: Option<i32>) -> bool {
        match self {
            Strike::Server { of, .. } if *of == at => code == Some(12),
            // The centre cannot be reached then, and nothing else is wrong.
            Strike::Server { .. } | Strike::Line { .. } | Strike::Program { .. } => false,
            Strike::System { call, .. } => call.is_some() && !matches!(code, Some(2 | 101)),
        }
    }

    /// What it is counted as.
    fn sort(&self) -> &'static str {
        match self {
            Strike::Program { .. } => "programs killed at any moment",
            Strike::Server { with_program: true, .. } => "servers and programs killed at once",
            Strike::Server { .. } => "servers killed under a command",
            Strike::Line { road: Road::HalfOpenAfter(_) } => "lines cut, the centre's end left open",
            Strike::Line { .. } => "lines cut",
            Strike::System { .. } => "calls of the system that fail",
        }
    }
}

/// What happened, for the story.
pub(super) fn told(strike: Option<&Strike>) -> String {
    strike.map_or(String::new(), |strike| format!(" STRUCK by {strike:?}"))
}

/// Chooses what strikes.
#[derive(Debug)]
pub(super) struct Striker {
    rng: Rng,
    /// How long commands of the centre and of labs took that nothing struck, and how many bytes went over the line.
    usual: BTreeMap<(bool, String), (Duration, u64)>,
}

impl Striker {
    pub(super) fn new(seed: u64) -> Striker {
        Striker { rng: Rng::with_seed(seed.wrapping_add(2 << 32)), usual: BTreeMap::new() }
    }

    /// When a lab's database is put back.
    pub(super) fn backup<'f>(&mut self, labs: usize, steps: usize) -> Backup<'f> {
        Backup::new(&mut self.rng, labs, steps)
    }

    /// Whether agents are at work for a while.
    pub(super) fn agents_are_due(&mut self) -> bool {
        self.rng.u32(..25) == 0
    }

    /// What strikes this command, if anything does: two of five are struck.
    fn choose(&mut self, at: usize, word: &str) -> Option<Strike> {
        let by_line = at != 0 && matches!(word, "push" | "pull" | "sync");
        let usual = self.usual.get(&(at == 0, word.to_owned())).copied();
        let (time, bytes) = usual.unwrap_or((Duration::from_millis(100), 10_000));
        let after = time.mul_f64(self.rng.f64() * 1.1);
        let bytes = self.rng.u64(..=bytes * 11 / 10);
        // Drawn whether needed or not: one command more or less, and the rest of the world would be another.
        let (place, coins, number) = (self.rng.u32(..100), self.rng.u32(..8), self.rng.u32(1..=14));
        let [first, second, third] = [0, 1, 2].map(|bit| coins >> bit & 1 == 1);
        Some(match place {
            0..10 => Strike::Program { after },
            10..25 => Strike::Server {
                of: if by_line && first { 0 } else { at },
                after,
                comes_back_at_once: second,
                with_program: third && coins != 7,
            },
            25..32 => {
                let when = if first { format!("when={number}") } else { format!("when={number}+") };
                Strike::System { fault: (place - 25) as usize, when, call: None }
            }
            32..45 if by_line && third => Strike::Line { road: Road::HalfOpenAfter(bytes) },
            32..45 if by_line => Strike::Line { road: Road::CutAfter(bytes) },
            _ => return None,
        })
    }
}

impl World<'_> {
    /// Runs a command; in a rough world something may strike it, if it is not killed at a step.
    pub(super) fn launch(
        &mut self,
        at: usize,
        arguments: &[&str],
        crash: Option<&str>,
    ) -> (Ran, Option<Strike>) {
        let mut command = self.site(at).command(arguments);
        let strike = match crash {
            Some(step) => {
                command.env("PACKMULE_CRASH_AT", step);
                None
            }
            None if self.plan.is_rough => self.striker.choose(at, arguments[0]),
            None => None,
        };
        let words = arguments.join(" ");
        let (ran, strike) = match strike {
            None => (self.undisturbed(at, arguments[0], &mut command, words, crash.is_none()), None),
            Some(Strike::System { fault, when, .. }) => {
                let (ran, call) = SYSTEM[fault].attempt(self.site(at), arguments, &[], &when);
                (ran, Some(Strike::System { fault, when, call }))
            }
            Some(Strike::Line { road }) => {
                self.lines[at - 1].set(road);
                let ran = Ran::new(words, &command.output().unwrap());
                self.lines[at - 1].set(Road::Open);
                (ran, Some(Strike::Line { road }))
            }
            Some(strike) => {
                let child = command.spawn().unwrap();
                (Ran::new(words, &self.kill_in_the_middle(child, &strike)), Some(strike))
            }
        };
        if let Some(strike) = &strike {
            self.tally.borrow_mut().fault(strike.sort());
        }
        (ran, strike)
    }

    /// Runs a command that nothing strikes, and remembers how much of everything it takes.
    fn undisturbed(
        &mut self,
        at: usize,
        word: &str,
        command: &mut Command,
        words: String,
        whole: bool,
    ) -> Ran {
        let bytes = |world: &World<'_>| {
            let line = at.checked_sub(1).and_then(|lab| world.lines.get(lab));
            line.map_or(0, |line| line.take_sent_bytes() + line.take_received_bytes())
        };
        bytes(self);
        let began = Instant::now();
        let ran = Ran::new(words, &command.output().unwrap());
        if whole {
            self.striker.usual.insert((at == 0, word.to_owned()), (began.elapsed(), bytes(self)));
        }
        ran
    }

    /// Waits for the moment and kills; returns when the program has ended and all servers are there.
    fn kill_in_the_middle(&mut self, mut child: Child, strike: &Strike) -> Output {
        match strike {
            Strike::Program { after } => {
                thread::sleep(*after);
                child.kill().unwrap();
            }
            Strike::Server { of, after, comes_back_at_once, with_program } => {
                thread::sleep(*after);
                self.kill_server(*of);
                if *with_program {
                    child.kill().unwrap();
                }
                if *comes_back_at_once {
                    self.site(*of).server().restart().unwrap();
                    return ended(child);
                }
                let output = ended(child);
                self.site(*of).server().restart().unwrap();
                return output;
            }
            Strike::Line { .. } | Strike::System { .. } => {}
        }
        ended(child)
    }

    /// Kills the server of a site, and with it the transaction that somebody holds open there.
    fn kill_server(&mut self, at: usize) {
        self.site(at).server().kill().unwrap();
        if self.held[at].take().is_some() {
            self.tell(format!("{}: the open transaction is gone with its server", self.site(at).name()));
        }
    }

    /// The agents of the centre and of a lab are at work for a while; then a server is killed, or the line goes down for a moment; in the
    /// end they are asked to stop, or killed.
    pub(super) fn run_agents(&mut self) {
        let lab = self.striker.rng.usize(1..=self.family.labs.len());
        let [first, second] = [(); 2].map(|()| Duration::from_millis(self.striker.rng.u64(50..1200)));
        let (what, kills) = (self.striker.rng.u32(..4), self.striker.rng.bool());
        // They would wait for the rows that are locked.
        self.release(0);
        self.release(lab);
        let start = |at: usize| {
            let plain = self.site(at).command(&["run", "--timeout", "2s"]);
            // An agent does not end by itself: it goes with us, however we end.
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL"]).arg(plain.get_program()).args(plain.get_args());
            command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("setpriv runs; on Debian it is in util-linux")
        };
        let agents = [0, lab].map(start);
        thread::sleep(first);
        match what {
            0 | 1 => {
                let at = if what == 0 { 0 } else { lab };
                self.kill_server(at);
                self.site(at).server().restart().unwrap();
                self.tally.borrow_mut().fault("servers killed under an agent");
            }
            2 => {
                self.lines[lab - 1].set(Road::Down);
                thread::sleep(Duration::from_millis(50));
                self.lines[lab - 1].set(Road::Open);
                self.tally.borrow_mut().fault("lines down under an agent");
            }
            _ => {}
        }
        thread::sleep(second);
        for (mut agent, at) in agents.into_iter().zip([0, lab]) {
            if kills {
                agent.kill().unwrap();
                self.tally.borrow_mut().fault("agents killed");
            } else {
                let asked = Command::new("kill").arg(agent.id().to_string()).status().unwrap();
                assert!(asked.success() || agent.try_wait().unwrap().is_some());
            }
            let ran = Ran::new("run".to_owned(), &ended(agent));
            self.tell(format!("{}: {}", self.site(at).name(), self.shown(&ran)));
            assert!(matches!(ran.code, None | Some(0)), "{ran:?}");
        }
        self.tally.borrow_mut().fault("agents at work for a while");
    }

    /// Waits until the database of a site is nobody's but ours: what a killed program had begun there is over.
    pub(super) fn wait_until_quiet(&self, at: usize) {
        if !self.plan.is_rough {
            return;
        }
        let site = self.site(at);
        let own = 1 + usize::from(self.held[at].is_some());
        let until = Instant::now() + PATIENCE;
        loop {
            let sessions = site.query("SHOW PROCESSLIST");
            if sessions.iter().filter(|row| row[3].as_deref() == Some(site.database())).count() <= own {
                return;
            }
            assert!(Instant::now() < until, "somebody is still at work: {sessions:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What a program did until it ended by itself or because it was killed. One that does not end is a failure.
fn ended(mut child: Child) -> Output {
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            child.kill().unwrap();
            let ran = Ran::new("it".to_owned(), &child.wait_with_output().unwrap());
            panic!("it does not end: {ran:?}");
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().unwrap()
}

/// How long something may take that ends by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// Calls of the system that fail. `strace` counts each for itself.
const SYSTEM: [Fault; 7] = [
    Fault { calls: "write", how: "error=ENOSPC" },
    Fault { calls: "write", how: "error=EIO" },
    Fault { calls: "fsync", how: "error=EIO" },
    Fault { calls: "fsync", how: "signal=KILL" },
    Fault { calls: "rename", how: "error=EIO" },
    Fault { calls: "unlink", how: "error=EIO" },
    Fault { calls: "recvfrom", how: "error=ECONNRESET" },
];
