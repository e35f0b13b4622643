//! Where the demo plays: three servers, a folder, and the real program run in it as a person would.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::edits::{SCHEMA, SEED, Work};
use super::error::{ServerError, StoryError};
use super::say::Say;
use super::server::{PrivateServer, ServerOptions};

/// Where the demo plays.
pub(super) struct Stage<'o> {
    pub(super) say: Say<'o>,
    /// The folder in which every command is run. It stays.
    pub(super) folder: PathBuf,
    pub(super) central: PrivateServer,
    pub(super) lab_a: PrivateServer,
    pub(super) lab_b: PrivateServer,
    program: PathBuf,
}

/// What a command answered.
pub(super) struct Answer {
    command: String,
    text: String,
}

impl<'o> Stage<'o> {
    /// Starts three servers with the same inventory on each.
    pub(super) fn build(
        say: Say<'o>,
        program: &Path,
        folder: PathBuf,
        server: Option<&Path>,
    ) -> Result<Self, StoryError> {
        let start = || -> Result<PrivateServer, StoryError> {
            let options = ServerOptions { binary: server.map(Path::to_path_buf), ..ServerOptions::default() };
            let server = PrivateServer::start(&options)?;
            server.sql("", &format!("CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4"))?;
            server.sql(DATABASE, SCHEMA)?;
            server.sql(DATABASE, SEED)?;
            Ok(server)
        };
        // Side by side: a server takes its time to wake up.
        let (central, lab_a, lab_b) = thread::scope(|scope| {
            let (one, two) = (scope.spawn(start), scope.spawn(start));
            (start(), one.join(), two.join())
        });
        let joined = |result: thread::Result<Result<PrivateServer, StoryError>>| {
            result.unwrap_or(Err(StoryError::Server(ServerError::NoServer)))
        };
        let (central, lab_a, lab_b) = (central?, joined(lab_a)?, joined(lab_b)?);
        Ok(Stage { say, folder, central, lab_a, lab_b, program: program.to_path_buf() })
    }

    /// Runs the program as `packmule -c SITE.toml WORDS`, shows what it says, and wants it to end with `code`.
    pub(super) fn packmule(&mut self, site: &str, words: &[&str], code: i32) -> Result<Answer, StoryError> {
        let settings = format!("{site}.toml");
        let arguments = [&["-c", &settings], words].concat();
        self.say.command(&[&["packmule"], &arguments[..]].concat());
        let command = format!("packmule {}", arguments.join(" "));
        let (text, ended) = self.run(&arguments).map_err(|source| self.fault(&self.program, source))?;
        text.lines().for_each(|line| self.say.answer(line));
        match ended {
            _ if ended == code => Ok(Answer { command, text }),
            code_found => Err(StoryError::ExitCode { command, code: code_found, expected: code }),
        }
    }

    fn run(&self, arguments: &[&str]) -> io::Result<(String, i32)> {
        // One pipe for results and all else, so that the lines stay in the order in which they were said.
        let (mut reader, writer) = io::pipe()?;
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        // A setting of the person's own would change what is shown.
        command.env("NO_COLOR", "1").env("COLUMNS", "76").env_remove("RUST_BACKTRACE");
        command.stdout(writer.try_clone()?).stderr(writer);
        let mut child = command.spawn()?;
        // Our ends of the pipe live in it: while one is open, reading would not end.
        drop(command);
        let mut said = Vec::new();
        reader.read_to_end(&mut said)?;
        let ended = child.wait()?.code().unwrap_or(-1);
        Ok((String::from_utf8_lossy(&said).into_owned(), ended))
    }

    /// Somebody works at a lab, and the words say what.
    pub(super) fn work(&mut self, lab: &str, work: &Work) -> Result<(), StoryError> {
        self.say.list(work.words);
        let server = if lab == "lab-a" { &self.lab_a } else { &self.lab_b };
        Ok(server.sql(DATABASE, work.sql)?)
    }

    /// Makes a folder in the demo's folder.
    pub(super) fn make_folder(&mut self, name: &str) -> Result<(), StoryError> {
        self.say.command(&["mkdir", name]);
        let path = self.folder.join(name);
        fs::create_dir(&path).map_err(|source| self.fault(&path, source))
    }

    /// Moves a file, both named from the demo's folder.
    pub(super) fn move_file(&mut self, from: &str, to: &str) -> Result<(), StoryError> {
        self.say.command(&["mv", from, to]);
        let path = self.folder.join(from);
        fs::rename(&path, self.folder.join(to)).map_err(|source| self.fault(&path, source))
    }

    /// The bundles of a folder, by name, so by number.
    pub(super) fn bundles(&self, folder: &str) -> Result<Vec<String>, StoryError> {
        let path = self.folder.join(folder);
        let entries = fs::read_dir(&path).map_err(|source| self.fault(&path, source))?;
        let names =
            entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".mule")).collect();
        names.sort();
        Ok(names)
    }

    /// Stops the demo unless a promise holds.
    pub(super) fn promise(&self, promise: &'static str, holds: bool) -> Result<(), StoryError> {
        if holds { Ok(()) } else { Err(StoryError::Broken { promise }) }
    }

    pub(super) fn fault(&self, path: &Path, source: io::Error) -> StoryError {
        StoryError::Folder { path: path.to_path_buf(), source }
    }
}

impl Answer {
    /// Stops the demo unless these words were said.
    pub(super) fn says(self, words: &str) -> Result<Answer, StoryError> {
        if self.text.contains(words) {
            return Ok(self);
        }
        Err(StoryError::Unsaid { command: self.command, words: words.to_owned() })
    }
}

/// The name of the inventory's database on each server.
pub(super) const DATABASE: &str = "ive_ims";
