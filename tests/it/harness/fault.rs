//! The program run with one of its system calls failing, by `strace`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::program::Ran;
use super::site::TestSite;

/// A fault of the system: a call of one of these names fails, or ends the program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// System calls, by their names with commas between.
    pub(crate) calls: &'static str,
    /// `error=EIO`, or `signal=KILL`.
    pub(crate) how: &'static str,
}

/// How `strace` shows a write to stderr.
pub(crate) const STDERR: &str = " write(2<";

impl Fault {
    /// Runs a command whose `number`th such call, counted from 1, is struck. Returns `None` when it made fewer.
    pub(crate) fn strike(&self, site: &TestSite<'_>, arguments: &[&str], number: u32) -> Option<Ran> {
        self.run(site, arguments, &[], &format!("when={number}"))
    }

    /// Runs a command with every such call about one file or folder struck.
    #[track_caller]
    pub(crate) fn strike_at(&self, site: &TestSite<'_>, arguments: &[&str], path: &Path) -> Ran {
        let ran = self.run(site, arguments, &["-P", path.to_str().unwrap()], "when=1+");
        ran.unwrap_or_else(|| panic!("{self:?} never came to {}", path.display()))
    }

    fn run(&self, site: &TestSite<'_>, arguments: &[&str], filter: &[&str], when: &str) -> Option<Ran> {
        let (ran, line) = self.attempt(site, arguments, filter, when);
        let words = format!("{} {when}: packmule {} [{}]", self.words(), arguments.join(" "), line?);
        Some(Ran { command: words, ..ran })
    }

    /// What fails, and how.
    pub(crate) fn words(&self) -> String {
        format!("{} at {},", self.how, self.calls)
    }

    /// Runs a command with calls struck as `when` says, in the words of `strace`; `filter` are arguments more for it. With it goes
    /// the first call that was struck, if one was.
    pub(crate) fn attempt(
        &self,
        site: &TestSite<'_>,
        arguments: &[&str],
        filter: &[&str],
        when: &str,
    ) -> (Ran, Option<String>) {
        let Fault { calls, how } = self;
        let plain = site.command(arguments);
        let log = site.path("strace.log");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-y", "-o"]).arg(&log).args(filter);
        command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:{how}:{when}")]);
        command.arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
        command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.output().expect("strace runs; on Debian: apt-get install strace");
        let log = fs::read_to_string(&log).unwrap();
        let struck = |line: &&str| line.contains("(INJECTED)") || line.contains("+++ killed by SIGKILL");
        // Calls are counted for each thread, so more than one may be struck: that of the error's own words is named first.
        let all: Vec<&str> = log.lines().filter(struck).collect();
        let line = all.iter().find(|line| line.contains(STDERR)).or(all.first());
        (Ran::new(arguments.join(" "), &output), line.map(|line| (*line).to_owned()))
    }
}
