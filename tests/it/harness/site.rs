//! A site: a database on a server, a folder with its settings, and the real program run on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use packmule::demo::PrivateServer;
use tempfile::TempDir;

use super::program::Ran;
use super::rows;
use super::server::is_shared;

/// Which side of the exchange a site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The central office.
    Central,
    /// A lab.
    Lab,
}

impl Role {
    /// As the command line names it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Role::Central => "central",
            Role::Lab => "lab",
        }
    }
}

/// A site with an empty database. Dropping it drops the database and the folder.
#[derive(Debug)]
pub(crate) struct TestSite<'s> {
    server: &'s PrivateServer,
    role: Role,
    name: String,
    database: String,
    folder: TempDir,
}

impl<'s> TestSite<'s> {
    /// Makes the database (utf8mb4, a name that no other test uses) and the folder. Runs no command yet.
    pub(crate) fn new(server: &'s PrivateServer, role: Role, name: &str) -> TestSite<'s> {
        static MADE: AtomicU32 = AtomicU32::new(1);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let database = format!("t{number}_{}", name.replace('-', "_"));
        server.sql("", &format!("CREATE DATABASE {database} CHARACTER SET utf8mb4")).unwrap();
        let folder = tempfile::Builder::new().prefix("packmule-it-").tempdir_in(memory_folder()).unwrap();
        TestSite { server, role, name: name.to_owned(), database, folder }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn server(&self) -> &'s PrivateServer {
        self.server
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// The database's address, as `--database` wants it.
    pub(crate) fn url(&self) -> String {
        self.server.url(&self.database)
    }

    /// The settings file. `init` creates it.
    pub(crate) fn config(&self) -> PathBuf {
        self.path(&format!("{}.toml", self.name))
    }

    /// A path in the site's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the program keeps keys, outbox and inbox: beside the settings, named like them.
    pub(crate) fn state(&self) -> PathBuf {
        self.path(&self.name)
    }

    /// A new, empty folder that passes for a stick.
    pub(crate) fn stick(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Runs the program with `-c NAME.toml` and these arguments. It gets no terminal, no input, and its own environment.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        let output = command.output().unwrap();
        Ran::new(format!("packmule -c {}.toml {}", self.name, arguments.join(" ")), &output)
    }

    /// The command of [`run`](Self::run), for a test that changes its environment or ends it in the middle.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packmule"));
        command.arg("-c").arg(self.config()).args(arguments).current_dir(self.folder.path());
        // Nothing of the person who runs the tests: no settings of theirs, no colours, no time zone.
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.folder.path()).env("TZ", "UTC");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // These two set which keys the whole server gives, and other tests run on it.
        let sets_series = matches!(arguments.first(), Some(&("init" | "join")));
        if sets_series && is_shared(self.server) && !arguments.contains(&"--no-series") {
            command.arg("--no-series");
        }
        command
    }

    /// Runs statements in the site's database, as the lab's application would.
    #[track_caller]
    pub(crate) fn sql(&self, statements: &str) {
        if let Err(error) = self.server.sql(&self.database, statements) {
            panic!("{}: {error}\n{statements}", self.name);
        }
    }

    /// Runs a query and returns its rows as text.
    #[track_caller]
    pub(crate) fn query(&self, query: &str) -> Vec<Vec<Option<String>>> {
        match self.server.query(&self.database, query) {
            Ok(rows) => rows,
            Err(error) => panic!("{}: {error}\n{query}", self.name),
        }
    }

    /// The single value that a query returns, or "NULL".
    #[track_caller]
    pub(crate) fn value(&self, query: &str) -> String {
        let row = self.query(query).into_iter().next().unwrap_or_else(|| panic!("no row: {query}"));
        row.into_iter().next().flatten().unwrap_or_else(|| "NULL".to_owned())
    }

    /// Every row of a table with every bit of it, in the order of its key.
    #[track_caller]
    pub(crate) fn rows(&self, table: &str) -> Vec<Vec<Option<String>>> {
        rows::rows(self, table)
    }

    /// How many rows a table has.
    #[track_caller]
    pub(crate) fn count(&self, table: &str) -> u64 {
        self.value(&format!("SELECT COUNT(*) FROM `{table}`")).parse().unwrap()
    }
}

impl Drop for TestSite<'_> {
    fn drop(&mut self) {
        // The whole server goes at the end; this only keeps it small, so a failure is nobody's concern.
        let _ = self.server.sql("", &format!("DROP DATABASE IF EXISTS {}", self.database));
    }
}

/// Where folders of tests lie: in memory where there is plenty. What is on a disk is synced all the time, and no test pulls
/// the plug.
pub(crate) fn memory_folder() -> PathBuf {
    const ROOM_BYTES: u64 = 2 << 30;
    let memory = Path::new("/dev/shm");
    let has_room = rustix::fs::statvfs(memory).is_ok_and(|fs| fs.f_bavail * fs.f_frsize > ROOM_BYTES);
    if has_room { memory.to_path_buf() } else { std::env::temp_dir() }
}

/// Every `.mule` file below a folder, sorted by path.
pub(crate) fn bundles_in(folder: &Path) -> Vec<PathBuf> {
    let files =
        walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok).map(walkdir::DirEntry::into_path);
    let mut bundles: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "mule")).collect();
    bundles.sort();
    bundles
}
