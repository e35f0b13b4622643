//! The program run with one of its system calls failing, by `strace`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::program::Ran;
use super::site::TestSite;

/// A fault of the system: a call of one of these names fails, or ends the program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault<'a> {
    /// System calls, by their names with commas between.
    pub(crate) calls: &'a str,
    /// `error=EIO`, or `signal=KILL`.
    pub(crate) how: &'a str,
}

/// How `strace` shows a write to stderr.
pub(crate) const STDERR: &str = " write(2<";

/// All by which a program can change files and folders, as Linux names them. The question mark: not every system has each.
const CHANGING: &str = "?write,?pwrite64,?writev,?pwritev,?pwritev2,?fsync,?fdatasync,?sync_file_range,?syncfs,?rename,?renameat,\
    ?renameat2,?mkdir,?mkdirat,?rmdir,?unlink,?unlinkat,?truncate,?ftruncate,?fallocate,?link,?linkat,?symlink,?symlinkat,\
    ?copy_file_range,?sendfile,?splice,?chmod,?fchmod,?fchmodat,?fadvise64,?flock";

/// Runs a command, and counts the calls of each name by which it changes files and folders, syncs or locks them.
#[track_caller]
pub(crate) fn calls_of(site: &TestSite<'_>, arguments: &[&str]) -> BTreeMap<String, u32> {
    let log = site.path("strace.log");
    let trace = format!("trace={CHANGING}");
    let ran = under_strace(site, arguments, &log, &["-e", &trace]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let mut counts = BTreeMap::new();
    for line in fs::read_to_string(&log).unwrap().lines() {
        // `12345 write(5</a/file>, ...) = 10`; what goes on after another thread was shown is `<... write resumed>`.
        let call = line.split_whitespace().nth(1).and_then(|words| words.split_once('('));
        if let Some((name, _)) = call {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    counts
}

fn under_strace(site: &TestSite<'_>, arguments: &[&str], log: &Path, options: &[&str]) -> Output {
    let plain = site.command(arguments);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-o"]).arg(log).args(options);
    command.arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.output().expect("strace runs; on Debian: apt-get install strace")
}

impl Fault<'_> {
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
        let log = site.path("strace.log");
        let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{how}:{when}"));
        let output = under_strace(site, arguments, &log, &[filter, &["-e", &trace, "-e", &inject]].concat());
        let log = fs::read_to_string(&log).unwrap();
        let struck = |line: &&str| line.contains("(INJECTED)") || line.contains("+++ killed by SIGKILL");
        // Calls are counted for each thread, so more than one may be struck: that of the error's own words is named first.
        let all: Vec<&str> = log.lines().filter(struck).collect();
        let line = all.iter().find(|line| line.contains(STDERR)).or(all.first());
        (Ran::new(arguments.join(" "), &output), line.map(|line| (*line).to_owned()))
    }
}
