//! Where the demo plays: four servers, a folder, and the real program run in it as a person would.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::compare::Rows;
use super::edits::{SCHEMA, SEED, Work};
use super::error::{ServerError, StoryError};
use super::say::Say;
use super::server::{PrivateServer, ServerOptions};

/// Where the demo plays.
pub(super) struct Stage<'o> {
    pub(super) say: Say<'o>,
    /// The folder in which every command is run. It stays.
    pub(super) folder: PathBuf,
    central: PrivateServer,
    lab_a: PrivateServer,
    lab_b: PrivateServer,
    lab_c: PrivateServer,
    program: PathBuf,
    kept: Vec<&'static str>,
}

/// A place with a database of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The central office.
    Central,
    /// The chemistry store.
    LabA,
    /// The physics store.
    LabB,
    /// The biology store, which joins last.
    LabC,
}

impl Place {
    /// Its name as a site.
    pub(super) fn site(self) -> &'static str {
        match self {
            Place::Central => "central",
            Place::LabA => "lab-a",
            Place::LabB => "lab-b",
            Place::LabC => "lab-c",
        }
    }
}

/// What a command answered.
pub(super) struct Answer {
    command: String,
    text: String,
    code: i32,
}

impl<'o> Stage<'o> {
    /// Starts four servers. The centre's has the inventory; the labs' have its tables, still empty.
    pub(super) fn build(
        say: Say<'o>,
        program: &Path,
        folder: PathBuf,
        server: Option<&Path>,
    ) -> Result<Self, StoryError> {
        let start = |seed: &'static str| -> Result<PrivateServer, StoryError> {
            let options = ServerOptions { binary: server.map(Path::to_path_buf), ..ServerOptions::default() };
            let server = PrivateServer::start(&options)?;
            server.sql("", &format!("CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4"))?;
            server.sql(DATABASE, SCHEMA)?;
            if !seed.is_empty() {
                server.sql(DATABASE, seed)?;
            }
            Ok(server)
        };
        // Side by side: a server takes its time to wake up.
        let (central, labs) = thread::scope(|scope| {
            let labs = [(); 3].map(|()| scope.spawn(|| start("")));
            (start(SEED), labs.map(thread::ScopedJoinHandle::join))
        });
        let [lab_a, lab_b, lab_c] = labs.map(|started: thread::Result<Result<_, StoryError>>| {
            started.unwrap_or(Err(StoryError::Server(ServerError::NoServer)))
        });
        let program = program.to_path_buf();
        let (central, lab_a, lab_b, lab_c) = (central?, lab_a?, lab_b?, lab_c?);
        Ok(Stage { say, folder, central, lab_a, lab_b, lab_c, program, kept: Vec::new() })
    }

    /// The server of a place.
    pub(super) fn server(&self, place: Place) -> &PrivateServer {
        match place {
            Place::Central => &self.central,
            Place::LabA => &self.lab_a,
            Place::LabB => &self.lab_b,
            Place::LabC => &self.lab_c,
        }
    }

    /// All rows of the inventory at a place, read from the database itself.
    pub(super) fn rows(&self, place: Place) -> Result<Rows, StoryError> {
        Rows::read(self.server(place), DATABASE)
    }

    /// Every table at a place, packmule's own included.
    pub(super) fn everything(&self, place: Place) -> Result<Rows, StoryError> {
        Rows::read_everything(self.server(place), DATABASE)
    }

    /// Whether these places hold the same rows as the centre, to the last cell.
    pub(super) fn are_equal(&self, places: &[Place]) -> Result<bool, StoryError> {
        let central = self.rows(Place::Central)?;
        places.iter().try_fold(true, |equal, place| Ok(equal && self.rows(*place)? == central))
    }

    /// Runs the program as `packmule -c SITE.toml WORDS`, shows what it says, and wants it to end with `code`.
    pub(super) fn packmule(&mut self, place: Place, words: &[&str], code: i32) -> Result<Answer, StoryError> {
        let settings = format!("{}.toml", place.site());
        let words = [&["packmule", "-c", &settings], words].concat();
        self.say.command(&words);
        let answer = self.run(&words)?;
        answer.show(&mut self.say);
        answer.ended_with(code)
    }

    /// The same without what it says, for a command whose like was shown before. It must end well.
    pub(super) fn briefly(&mut self, place: Place, words: &[&str]) -> Result<Answer, StoryError> {
        self.briefly_as(place.site(), words)
    }

    /// The same for a site that has no server of its own here.
    pub(super) fn briefly_as(&mut self, site: &str, words: &[&str]) -> Result<Answer, StoryError> {
        let settings = format!("{site}.toml");
        let words = [&["packmule", "-c", &settings], words].concat();
        self.say.next_command(&words);
        let answer = self.run(&words)?;
        if answer.code != 0 {
            answer.show(&mut self.say);
        }
        answer.ended_with(0)
    }

    fn run(&self, words: &[&str]) -> Result<Answer, StoryError> {
        let run = || {
            // One pipe for results and all else, so that the lines stay in the order in which they were said.
            let (mut reader, writer) = io::pipe()?;
            let mut command = Command::new(&self.program);
            command.args(words.iter().skip(1)).current_dir(&self.folder).stdin(Stdio::null());
            // A setting of the person's own would change what is shown.
            let columns = self.say.answer_width().to_string();
            command.env("NO_COLOR", "1").env("COLUMNS", columns).env_remove("RUST_BACKTRACE");
            command.stdout(writer.try_clone()?).stderr(writer);
            let mut child = command.spawn()?;
            // Our ends of the pipe live in it: while one is open, reading would not end.
            drop(command);
            let mut said = Vec::new();
            reader.read_to_end(&mut said)?;
            let code = child.wait()?.code().unwrap_or(-1);
            Ok(Answer { command: words.join(" "), text: String::from_utf8_lossy(&said).into_owned(), code })
        };
        run().map_err(|source| self.fault(&self.program, source))
    }

    /// Somebody works, and the words say what.
    pub(super) fn work(&mut self, work: &Work) -> Result<(), StoryError> {
        self.say.list(work.words);
        Ok(self.server(work.place).sql(DATABASE, work.sql)?)
    }

    /// One cell that a query answers at a place.
    pub(super) fn ask(&self, place: Place, query: &str) -> Result<String, StoryError> {
        let rows = self.server(place).query(DATABASE, query)?;
        Ok(rows.into_iter().flatten().next().flatten().unwrap_or_default())
    }

    /// Makes a folder in the demo's folder.
    pub(super) fn make_folder(&mut self, name: &str) -> Result<(), StoryError> {
        self.say.next_command(&["mkdir", name]);
        let path = self.folder.join(name);
        fs::create_dir(&path).map_err(|source| self.fault(&path, source))
    }

    /// Moves a file or folder, both named from the demo's folder.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), StoryError> {
        self.say.command(&["mv", from, to]);
        let path = self.folder.join(from);
        fs::rename(&path, self.folder.join(to)).map_err(|source| self.fault(&path, source))
    }

    /// Removes a file, named from the demo's folder.
    pub(super) fn remove(&mut self, name: &str) -> Result<(), StoryError> {
        self.say.command(&["rm", name]);
        let path = self.folder.join(name);
        fs::remove_file(&path).map_err(|source| self.fault(&path, source))
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

    /// The newest bundle of lab-a on the stick, named from the demo's folder.
    pub(super) fn newest_of_lab_a(&self) -> Result<String, StoryError> {
        let newest = self.bundles(FROM_LAB_A)?.pop();
        let newest =
            newest.ok_or(StoryError::Broken { promise: "an export leaves a bundle on the stick" })?;
        Ok(format!("{FROM_LAB_A}/{newest}"))
    }

    /// Says that a promise holds, and stops the demo where it does not.
    pub(super) fn promise(&mut self, promise: &'static str, holds: bool) -> Result<(), StoryError> {
        if !holds {
            return Err(StoryError::Broken { promise });
        }
        self.say.check(promise);
        if !self.kept.contains(&promise) {
            self.kept.push(promise);
        }
        Ok(())
    }

    /// The promises that held, in the order in which they were made.
    pub(super) fn kept(&self) -> &[&'static str] {
        &self.kept
    }

    pub(super) fn fault(&self, path: &Path, source: io::Error) -> StoryError {
        StoryError::Folder { path: path.to_path_buf(), source }
    }
}

impl Answer {
    /// Stops the demo unless these words were said.
    pub(super) fn says(self, words: &str) -> Result<Answer, StoryError> {
        match self.text.contains(words) {
            true => Ok(self),
            false => Err(StoryError::Unsaid { command: self.command, words: words.to_owned() }),
        }
    }

    /// Stops the demo unless this was the last line.
    pub(super) fn ends(self, line: &str) -> Result<Answer, StoryError> {
        match self.text.lines().last() {
            Some(last) if last == line => Ok(self),
            Some(_) | None => Err(StoryError::Unsaid { command: self.command, words: line.to_owned() }),
        }
    }

    fn show(&self, say: &mut Say<'_>) {
        self.text.lines().for_each(|line| say.answer(line));
    }

    fn ended_with(self, expected: i32) -> Result<Answer, StoryError> {
        match self.code == expected {
            true => Ok(self),
            false => Err(StoryError::ExitCode { command: self.command, code: self.code, expected }),
        }
    }
}

/// The labs that take part from the beginning.
pub(super) const LABS: [Place; 2] = [Place::LabA, Place::LabB];
/// Everybody who takes part from the beginning.
pub(super) const ALL: [Place; 3] = [Place::Central, Place::LabA, Place::LabB];
/// The stick that makes the rounds.
pub(super) const STICK: &str = "stick";
/// The name of the inventory's database on each server.
pub(super) const DATABASE: &str = "ive_ims";
const FROM_LAB_A: &str = "stick/packmule/lab-a-to-central";
