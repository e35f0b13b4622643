//! A data folder made once in a process and copied for each server: a copy takes a twentieth of the time.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use super::binary::{Flavour, ServerBinary};
use super::error::ServerError;
use super::keeper::Keeper;
use super::server::{log_tail, user_argument};

/// Copies a fresh data folder of this server to `data`, which must not exist. The first call makes the template.
pub(super) fn copy_to(binary: &ServerBinary, base: &Path, data: &Path) -> Result<(), ServerError> {
    // Held while a template is made: servers started at the same time wait for one template.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (binary.path().to_path_buf(), base.to_path_buf());
    let template = match made.remove(&key) {
        Some(template) => template,
        None => make(binary, base)?,
    };
    let copied = copy_folder(&template.folder().join("data"), data);
    made.insert(key, template);
    copied.map_err(|source| ServerError::Folder { path: data.to_path_buf(), source })
}

fn make(binary: &ServerBinary, base: &Path) -> Result<Keeper, ServerError> {
    let folder_error = |source| ServerError::Folder { path: base.to_path_buf(), source };
    let keeper = Keeper::new(base, |_| Vec::new()).map_err(folder_error)?;
    let data = keeper.folder().join("data");
    let log = File::create(keeper.log()).map_err(folder_error)?;
    let mut server = Command::new(binary.path());
    server.arg("--no-defaults").args(user_argument(keeper.folder()));
    server.arg(format!("--datadir={}", data.display())).args(COMMON_OPTIONS);
    server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
    let system_tables = match binary.flavour() {
        Flavour::MySql => {
            server.args(MYSQL_OPTIONS);
            Vec::new()
        }
        Flavour::MariaDb => {
            fs::create_dir(&data).map_err(folder_error)?;
            server.args(MARIADB_OPTIONS);
            mariadb_system_tables(binary)?
        }
    };
    let ended = server.spawn().and_then(|child| feed(child, &system_tables));
    if !ended.map_err(folder_error)? {
        return Err(ServerError::Template {
            path: binary.path().to_path_buf(),
            log: log_tail(&keeper.log()),
        });
    }
    // The server's own id stands in it; two servers with one id could not replicate to each other.
    let _ = fs::remove_file(data.join("auto.cnf"));
    Ok(keeper)
}

/// Hands the server its statements, waits for its end, and returns whether it ended well.
fn feed(mut child: Child, statements: &[u8]) -> io::Result<bool> {
    if let Some(mut stdin) = child.stdin.take() {
        // A server that stopped reading has met an error, and its log says which.
        let _ = stdin.write_all(statements);
    }
    Ok(child.wait()?.success())
}

/// What `mariadb-install-db` hands to the server, without the help tables. That script is not used because it wants a
/// program from the client package, and does not know servers that were unpacked beside the system's.
fn mariadb_system_tables(binary: &ServerBinary) -> Result<Vec<u8>, ServerError> {
    let real = fs::canonicalize(binary.path()).unwrap_or_else(|_| binary.path().to_path_buf());
    let share = real
        .ancestors()
        .flat_map(|folder| SHARES.iter().map(move |share| folder.join(share)))
        .find(|folder| {
            PREFIXES.iter().any(|prefix| folder.join(format!("{prefix}_system_tables.sql")).is_file())
        })
        .ok_or_else(|| ServerError::NoSystemTables { path: binary.path().to_path_buf() })?;
    let mut statements =
        b"create database mysql;\nuse mysql;\nset @auth_root_socket=null;\nset @skip_auth_anonymous=1;\n"
            .to_vec();
    for script in SYSTEM_TABLES {
        // The names begin with `mysql_` up to 10.11 and with `mariadb_` from 11 on; one has no prefix at all.
        let names = PREFIXES.iter().map(|prefix| format!("{prefix}_{script}")).chain([(*script).to_owned()]);
        if let Some(path) = names.map(|name| share.join(name)).find(|path| path.is_file()) {
            statements.extend(fs::read(&path).map_err(|source| ServerError::Folder { path, source })?);
        }
    }
    Ok(statements)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Templates of this process, by server and place. Never dropped: their keepers remove them when the process ends.
static MADE: LazyLock<Mutex<HashMap<(PathBuf, PathBuf), Keeper>>> = LazyLock::new(Mutex::default);

const COMMON_OPTIONS: &[&str] =
    &["--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite"];
const MYSQL_OPTIONS: &[&str] = &[
    "--initialize-insecure",
    "--performance-schema=OFF",
    "--skip-log-bin",
    "--innodb-redo-log-capacity=64M",
];
const MARIADB_OPTIONS: &[&str] = &[
    "--bootstrap",
    "--log-warnings=0",
    "--enforce-storage-engine=",
    "--max-allowed-packet=8M",
    "--net-buffer-length=16K",
    "--innodb-log-file-size=4M",
];
const SHARES: &[&str] = &["share/mariadb", "share/mysql", "share", "usr/share/mariadb", "usr/share/mysql"];
const PREFIXES: &[&str] = &["mariadb", "mysql"];
const SYSTEM_TABLES: &[&str] = &[
    "system_tables.sql",
    "performance_tables.sql",
    "system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "sys_schema.sql",
];
