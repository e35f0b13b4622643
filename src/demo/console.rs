//! The demo's centre to play with: labs, a gap, conflicts of several kinds, and the console that shows them.
//!
//! All of it is made by the same commands as the story, without a word. The console is the real program, too, kept by a shell like
//! the servers, so that it ends with us, however we end.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::edits::{LEFT_TO_DECIDE, LOST, SCHEMA};
use super::error::StoryError;
use super::keeper::Keeper;
use super::say::Say;
use super::stage::{LABS, Place, STICK, Stage};
use super::story::{StoryOptions, make_folder};

/// Makes the demo's centre, says on `out` where its console is and as whom to sign in, and serves it until what `wait` returns, once
/// all is ready, turns true.
pub fn play(
    options: &StoryOptions,
    port: u16,
    wait: &dyn Fn() -> Arc<AtomicBool>,
    out: &mut dyn Write,
) -> Result<(), StoryError> {
    let folder = make_folder(options.folder.as_deref())?;
    let mut say = Say::new(out, options.width);
    say.line("packmule demo --console: the console of a central office, to play with");
    say.text(
        "Four database servers are started on this computer, for this demo alone: the central office and three labs, \
         which work for a week and then disagree. This takes some seconds.",
    );
    let mut silence = io::sink();
    let quiet = Say::new(&mut silence, options.width);
    let mut stage = Stage::build(quiet, &options.program, folder.clone(), options.server.as_deref())?;
    stage.ready()?;
    let password = stage.user()?;
    let mut console = Console::start(&options.program, &folder, port)?;
    tell(&mut say, console.url()?, &password, &folder);
    let stop = wait();
    while !stop.load(Ordering::Relaxed) {
        console.check()?;
        thread::sleep(POLL_TIME);
    }
    say.text("The console and the servers end now, and their data vanish. To throw the rest away, too:");
    say.line("");
    say.line(&format!("    rm -r {}", folder.display()));
    Ok(())
}

fn tell(say: &mut Say<'_>, url: &str, password: &str, folder: &Path) {
    say.line("");
    say.line(&format!("Console of central: {url}"));
    say.line(&format!("Sign in as {USER} (an administrator) with the password {password}"));
    say.text("What you find there:");
    say.list(&[
        "lab-a, up to date, with conflicts that wait for a person, and some that a rule has decided",
        "lab-b, which waits: a bundle of it was lost, and the one after it is here",
        "lab-c, which has joined and has not been heard of since",
        "lab-d.card in the folder below: a lab that wants to join; take its card in under Keys",
    ]);
    say.text(&format!(
        "The sites and the stick are in {}. A decision reaches a lab by the stick, as in real life, from another window:",
        folder.display()
    ));
    say.line("");
    say.line(&format!("    cd {}", folder.display()));
    say.line("    packmule -c central.toml export stick");
    say.line("    packmule -c lab-a.toml import stick");
    say.line("");
    say.line("Ctrl-C ends it.");
}

impl Stage<'_> {
    /// Everything up to the moment at which a person opens the console.
    fn ready(&mut self) -> Result<(), StoryError> {
        self.set_up()?;
        self.join()?;
        self.rules()?;
        self.week()?;
        self.latecomer()?;
        self.disagree()?;
        self.gap()?;
        self.newcomer()
    }

    fn rules(&self) -> Result<(), StoryError> {
        let path = self.folder.join("central.toml");
        let file = OpenOptions::new().append(true).open(&path);
        let added = file.and_then(|mut file| file.write_all(RULES.as_bytes()));
        added.map_err(|source| self.fault(&path, source))
    }

    fn disagree(&mut self) -> Result<(), StoryError> {
        LEFT_TO_DECIDE.iter().try_for_each(|work| self.work(work))?;
        self.briefly(Place::LabA, &["export", STICK])?;
        self.briefly(Place::LabB, &["export", STICK])?;
        self.briefly(Place::Central, &["import", STICK])?;
        LABS.iter().try_for_each(|lab| self.briefly(*lab, &["import", STICK]).map(drop))
    }

    /// Two bundles of lab-b, of which the first is lost.
    fn gap(&mut self) -> Result<(), StoryError> {
        let [lost, after] = &LOST;
        self.work(lost)?;
        self.briefly(Place::LabB, &["export", STICK])?;
        let before = self.bundles(FROM_LAB_B)?;
        self.work(after)?;
        self.briefly(Place::LabB, &["export", STICK])?;
        let lost =
            before.last().ok_or(StoryError::Broken { promise: "an export leaves a bundle on the stick" })?;
        self.remove(&format!("{FROM_LAB_B}/{lost}"))?;
        self.packmule(Place::Central, &["import", STICK], 15).map(drop)
    }

    /// A lab with keys of its own that nobody has enrolled. It shares a server: nobody works there yet.
    fn newcomer(&mut self) -> Result<(), StoryError> {
        let server = self.server(Place::LabC);
        server.sql("", "CREATE DATABASE lab_d CHARACTER SET utf8mb4")?;
        server.sql("lab_d", SCHEMA)?;
        let url = server.tcp_url("lab_d");
        let init = ["init", "--role", "lab", "--site", "lab-d", "--card", "lab-d.card", "--no-series"];
        self.briefly_as("lab-d", &[&init[..], &["--database", &url]].concat()).map(drop)
    }

    /// Makes the user, and a password that nobody else has.
    fn user(&mut self) -> Result<String, StoryError> {
        let path = self.folder.join("grace.password");
        let mut bytes = [0; 8];
        getrandom::getrandom(&mut bytes).map_err(|fault| self.fault(&path, io::Error::from(fault)))?;
        let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| file.write_all(password.as_bytes()));
        written.map_err(|source| self.fault(&path, source))?;
        let add = ["users", "add", USER, "--role", "admin", "--password-file", "grace.password"];
        self.briefly(Place::Central, &add)?;
        Ok(password)
    }
}

/// `packmule serve`, kept by a shell.
struct Console {
    keeper: Keeper,
    url: String,
}

impl Console {
    fn start(program: &Path, folder: &Path, port: u16) -> Result<Console, StoryError> {
        let fault = |source| StoryError::Folder { path: folder.to_path_buf(), source };
        let settings = folder.join("central.toml");
        let listen = format!("127.0.0.1:{port}");
        let command = || -> Vec<OsString> {
            let words = [program.as_os_str(), "-c".as_ref(), settings.as_os_str(), "serve".as_ref()];
            let words = words.into_iter().chain(["--listen".as_ref(), listen.as_ref()]);
            words.map(OsString::from).collect()
        };
        let mut keeper = Keeper::new(&std::env::temp_dir(), |_| command()).map_err(fault)?;
        keeper.start().map_err(fault)?;
        Ok(Console { keeper, url: String::new() })
    }

    /// Where it is, once it has said so.
    fn url(&mut self) -> Result<&str, StoryError> {
        let until = Instant::now() + START_TIME;
        while Instant::now() < until {
            let said = self.said();
            if let Some(url) = said.lines().find_map(|line| line.strip_prefix(SAYS)) {
                self.url = url.to_owned();
                return Ok(&self.url);
            }
            self.check()?;
            thread::sleep(POLL_TIME);
        }
        Err(StoryError::Console { said: self.said() })
    }

    /// Stops the demo if the console has ended.
    fn check(&mut self) -> Result<(), StoryError> {
        match self.keeper.alive() {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(StoryError::Console { said: self.said() }),
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.keeper.log()).unwrap_or_default()
    }
}

const USER: &str = "grace";
const SAYS: &str = "Console of central: ";
const FROM_LAB_B: &str = "stick/packmule/lab-b-to-central";
const START_TIME: Duration = Duration::from_secs(30);
const POLL_TIME: Duration = Duration::from_millis(100);
const RULES: &str = "
[tables.stock]
counters = [\"quantity\"]
[tables.items]
policy = \"review\"
[tables.loans]
policy = \"review\"
";
