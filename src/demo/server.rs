//! A private, throw-away MySQL or MariaDB server: its own data folder, socket and loopback port, no settings of the
//! machine, gone with everything it wrote when dropped, even when the program is killed.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder, Value};

use super::binary::{Flavour, ServerBinary};
use super::error::ServerError;
use super::keeper::Keeper;
use super::template;

/// A running server that is nobody else's.
#[derive(Debug)]
pub struct PrivateServer {
    /// Sites may be at work on the server while it is killed and started again.
    keeper: Mutex<Keeper>,
    folder: PathBuf,
    binary: ServerBinary,
    port: u16,
    pid: AtomicU32,
}

/// How a private server is set up.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// The server program; `None` looks for one.
    pub binary: Option<PathBuf>,
    /// What a commit is worth.
    pub durability: Durability,
    /// Is a row binary log written? A replica needs it.
    pub binary_log: bool,
    /// More arguments for the server; they come last, so they win.
    pub arguments: Vec<String>,
}

/// What a commit is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Nothing is synced, data lies in memory where there is room. A killed server keeps its commits of more than a
    /// second ago.
    #[default]
    Fast,
    /// Each commit is on the disk, as servers come from the factory. What a bench must use.
    Durable,
}

impl PrivateServer {
    /// Starts a server on a fresh data folder and returns when it answers.
    pub fn start(options: &ServerOptions) -> Result<PrivateServer, ServerError> {
        let binary = match &options.binary {
            Some(path) => ServerBinary::at(path)?,
            None => ServerBinary::find()?,
        };
        let mut attempts = 3;
        loop {
            attempts -= 1;
            match PrivateServer::start_once(&binary, options) {
                // A free port can be taken by somebody else before the server asks for it.
                Err(ServerError::Ended { log, .. })
                    if attempts > 0 && log.contains("ddress already in use") => {}
                result => return result,
            }
        }
    }

    fn start_once(binary: &ServerBinary, options: &ServerOptions) -> Result<PrivateServer, ServerError> {
        let base = base_folder(options.durability);
        let folder_error = |source| ServerError::Folder { path: base.clone(), source };
        let port = free_port().map_err(folder_error)?;
        let keeper =
            Keeper::new(&base, |folder| command(binary, folder, port, options)).map_err(folder_error)?;
        let folder = keeper.folder().to_path_buf();
        template::copy_to(binary, &base, &folder.join(DATA))?;
        let (keeper, pid) = (Mutex::new(keeper), AtomicU32::new(0));
        let server = PrivateServer { keeper, folder, binary: binary.clone(), port, pid };
        server.restart()?;
        Ok(server)
    }

    /// Ends the server at once, as a power cut would. Its data stay for [`restart`](Self::restart).
    pub fn kill(&self) -> Result<(), ServerError> {
        self.keeper().kill().map_err(|source| self.lost(source))
    }

    /// Asks the server to end, and waits until all it knows is on the disk. Takes seconds.
    pub fn stop(&self) -> Result<(), ServerError> {
        self.keeper().stop().map_err(|source| self.lost(source))
    }

    /// Starts the server again on the same data, socket and port. A server that runs is killed first.
    pub fn restart(&self) -> Result<(), ServerError> {
        self.kill()?;
        let pid = self.keeper().start().map_err(|source| self.lost(source))?;
        self.pid.store(pid, Ordering::Relaxed);
        let until = Instant::now() + START_TIME;
        while self.connect("").is_err() {
            let alive = self.keeper().alive().map_err(|source| self.lost(source))?;
            if !alive || Instant::now() > until {
                let log = log_tail(&self.keeper().log());
                return Err(ServerError::Ended { path: self.binary.path().to_path_buf(), log });
            }
            thread::sleep(POLL_TIME);
        }
        Ok(())
    }

    fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program that runs.
    pub fn binary(&self) -> &ServerBinary {
        &self.binary
    }

    /// The process id of the running server, for measuring its memory.
    pub fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// The folder that holds the server's data and socket. It goes away with the server.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder().join(SOCKET)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a database over the socket, as the settings file wants it. The user is root, without password.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://root@localhost/{database}?socket={}", self.socket().display())
    }

    /// The address of a database over the loopback network.
    pub fn tcp_url(&self, database: &str) -> String {
        format!("mysql://root@127.0.0.1:{}/{database}", self.port)
    }

    /// Connects as root over the socket; an empty `database` chooses none.
    pub fn connect(&self, database: &str) -> Result<Conn, mysql::Error> {
        let database = (!database.is_empty()).then_some(database);
        let socket = self.socket().to_string_lossy().into_owned();
        Conn::new(OptsBuilder::new().user(Some("root")).socket(Some(socket)).db_name(database))
    }

    /// Runs statements divided by semicolons, to the last; the first error ends it. A trigger's body needs no DELIMITER.
    pub fn sql(&self, database: &str, statements: &str) -> Result<(), mysql::Error> {
        self.query(database, statements).map(drop)
    }

    /// Runs statements and returns the rows of all of them as text. Bytes that are not UTF-8 come as `0x` and digits.
    pub fn query(&self, database: &str, statements: &str) -> Result<Vec<Vec<Option<String>>>, mysql::Error> {
        let mut connection = self.connect(database)?;
        let mut answers = connection.query_iter(statements)?;
        let mut rows = Vec::new();
        // Every set is walked to its end: an error in a later statement only shows there.
        while let Some(set) = answers.iter() {
            for row in set {
                rows.push(row?.unwrap().into_iter().map(text).collect());
            }
        }
        Ok(rows)
    }

    fn lost(&self, source: io::Error) -> ServerError {
        ServerError::Folder { path: self.folder.clone(), source }
    }
}

/// A server that runs as root wants to be told so. Who we are shows in whom our folder belongs to.
pub(super) fn user_argument(folder: &Path) -> Option<&'static str> {
    fs::metadata(folder).is_ok_and(|folder| folder.uid() == 0).then_some("--user=root")
}

/// The last lines of a server's log: its own words on why it ended.
pub(super) fn log_tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(12)).copied().collect::<Vec<_>>().join("\n")
}

fn command(binary: &ServerBinary, folder: &Path, port: u16, options: &ServerOptions) -> Vec<OsString> {
    let at = |name: &str| folder.join(name).display().to_string();
    let mut arguments = vec![binary.path().display().to_string(), "--no-defaults".to_owned()];
    arguments.extend(user_argument(folder).map(str::to_owned));
    arguments.extend([
        format!("--datadir={}", at(DATA)),
        format!("--socket={}", at(SOCKET)),
        format!("--pid-file={}", at("server.pid")),
        format!("--tmpdir={}", folder.display()),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
    ]);
    let log = if options.binary_log { "--log-bin=binlog" } else { "--skip-log-bin" };
    let own: &[&str] = match (binary.flavour(), options.durability) {
        (Flavour::MariaDb, Durability::Fast) => &["--innodb-log-file-size=32M"],
        (Flavour::MariaDb, Durability::Durable) => &["--innodb-log-file-size=256M"],
        (Flavour::MySql, Durability::Fast) => &[
            "--mysqlx=OFF",
            "--secure-file-priv=",
            "--performance-schema=OFF",
            "--innodb-redo-log-capacity=64M",
        ],
        (Flavour::MySql, Durability::Durable) => &[
            "--mysqlx=OFF",
            "--secure-file-priv=",
            "--performance-schema=OFF",
            "--innodb-redo-log-capacity=512M",
        ],
    };
    let speed: &[&str] = match options.durability {
        Durability::Fast => FAST_OPTIONS,
        Durability::Durable => DURABLE_OPTIONS,
    };
    arguments
        .extend(own.iter().chain(speed).chain([&log, &"--server-id=1"]).map(|&option| option.to_owned()));
    // Without it MySQL lets nobody but a SUPER user make a trigger while a binary log is written (error 1419).
    arguments.extend(options.binary_log.then(|| "--log-bin-trust-function-creators=1".to_owned()));
    arguments.extend(options.arguments.iter().cloned());
    arguments.into_iter().map(OsString::from).collect()
}

/// Memory where there is plenty, for data whose loss is nothing. A durable commit is only measured on a disk, and the
/// usual temporary folder is in memory on some systems.
fn base_folder(durability: Durability) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let roomy =
        rustix::fs::statvfs(memory).is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) > ROOM_BYTES);
    match durability {
        Durability::Fast if roomy => memory.to_path_buf(),
        Durability::Durable if Path::new("/var/tmp").is_dir() => PathBuf::from("/var/tmp"),
        Durability::Fast | Durability::Durable => env::temp_dir(),
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => format!("0x{}", crate::model::hex_from_bytes(error.as_bytes())),
        }),
        // The text protocol sends nothing else.
        Value::Int(_)
        | Value::UInt(_)
        | Value::Float(_)
        | Value::Double(_)
        | Value::Date(..)
        | Value::Time(..) => Some(value.as_sql(true)),
    }
}

const DATA: &str = "data";
/// Short: the whole path of a socket may have 107 bytes.
const SOCKET: &str = "sock";
const FAST_OPTIONS: &[&str] = &[
    "--innodb-flush-log-at-trx-commit=0",
    "--sync-binlog=0",
    "--skip-innodb-doublewrite",
    "--innodb-buffer-pool-size=64M",
];
const DURABLE_OPTIONS: &[&str] =
    &["--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1", "--innodb-buffer-pool-size=512M"];
const ROOM_BYTES: u64 = 2 << 30;
const START_TIME: Duration = Duration::from_secs(60);
const POLL_TIME: Duration = Duration::from_millis(10);
