//! A folder and at most one process in it, both of which end with us, however we end.
//!
//! Nothing of ours runs after SIGKILL, so a small shell waits at the other end of a pipe. The system closes our end
//! when we end; the shell then ends the process and removes the folder. It is the process's parent, so the id that it
//! ends can belong to nobody else.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A folder and at most one process in it. Dropping it ends both.
#[derive(Debug)]
pub(super) struct Keeper {
    folder: PathBuf,
    shell: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Keeper {
    /// Makes a private folder in `base`. `command` says, for that folder, which process may be started in it.
    pub(super) fn new(base: &Path, command: impl FnOnce(&Path) -> Vec<OsString>) -> io::Result<Keeper> {
        let folder = tempfile::Builder::new().prefix("packmule-").tempdir_in(base)?;
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "packmule-keeper"]).arg(folder.path()).args(command(folder.path()));
        // A group of its own: Ctrl-C reaches us, and not the shell that has to tidy up after us.
        shell.process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn()?;
        let words = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        // From here on the shell removes the folder, not `TempDir`.
        Ok(Keeper { folder: folder.keep(), shell, words, answers })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the process's own words go.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Starts the process and returns its id.
    pub(super) fn start(&mut self) -> io::Result<u32> {
        self.say("start")?.parse().map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// Is the process running?
    pub(super) fn alive(&mut self) -> io::Result<bool> {
        Ok(self.say("alive")? == "yes")
    }

    /// Ends the process at once, as a power cut would, and waits until it is gone. The folder stays.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.say("kill").map(drop)
    }

    /// Asks the process to end, and waits until it is gone. The folder stays.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        self.say("stop").map(drop)
    }

    fn say(&mut self, word: &str) -> io::Result<String> {
        let words = self.words.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(words, "{word}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Closing the pipe is the sign to end; one code path, whether we drop, panic or are killed.
        drop(self.words.take());
        if self.shell.wait().is_err() {
            // Nobody else will remove it now, and a drop has nobody to tell.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// `jobs` makes the shell notice an ended child, so that `kill -0` does not take a zombie for a running process.
const SCRIPT: &str = r#"
folder=$1; shift; pid=
while read -r word; do
  case $word in
    start) "$@" </dev/null >>"$folder/server.log" 2>&1 & pid=$!; echo "$pid" ;;
    alive) jobs >/dev/null; if [ "$pid" ] && kill -0 "$pid" 2>/dev/null; then echo yes; else echo no; fi ;;
    kill)  [ "$pid" ] && kill -9 "$pid" 2>/dev/null; wait; pid=; echo ended ;;
    stop)  [ "$pid" ] && kill -15 "$pid" 2>/dev/null; wait; pid=; echo ended ;;
  esac
done
[ "$pid" ] && kill -9 "$pid" 2>/dev/null
wait
rm -rf "$folder"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Keeper {
        Keeper::new(&std::env::temp_dir(), |_| vec!["sleep".into(), "600".into()]).unwrap()
    }

    fn exists(pid: u32) -> bool {
        let mut ask = Command::new("sh");
        ask.args(["-c", r#"kill -0 "$1" 2>/dev/null"#, "sh", &pid.to_string()]).status().unwrap().success()
    }

    #[test]
    fn a_dropped_keeper_leaves_neither_process_nor_folder() {
        let mut keeper = sleeper();
        let (folder, pid) = (keeper.folder().to_path_buf(), keeper.start().unwrap());
        assert!(keeper.alive().unwrap() && folder.is_dir() && exists(pid));
        drop(keeper);
        assert!(!folder.exists() && !exists(pid));
    }

    #[test]
    fn a_killed_process_is_gone_its_folder_stays_and_it_can_be_started_again() {
        let mut keeper = sleeper();
        assert!(!keeper.alive().unwrap());
        let first = keeper.start().unwrap();
        keeper.kill().unwrap();
        assert!(!keeper.alive().unwrap() && !exists(first) && keeper.folder().is_dir());
        keeper.start().unwrap();
        assert!(keeper.alive().unwrap());
        keeper.stop().unwrap();
        assert!(!keeper.alive().unwrap());
    }

    #[test]
    fn a_process_that_ended_by_itself_is_not_alive() {
        let mut keeper = Keeper::new(&std::env::temp_dir(), |_| vec!["true".into()]).unwrap();
        keeper.start().unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while keeper.alive().unwrap() {
            assert!(std::time::Instant::now() < until, "it is still there");
        }
    }
}
