//! What a user would use instead: dump and load, a native replica, a push of one row after the other.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use packmule::demo::{Flavour, PrivateServer, ServerOptions};

use crate::measure::{Taken, run, time};
use crate::{Size, data};

/// Dumps a table through compression and encryption into `out`.
pub(crate) fn dump(server: &PrivateServer, database: &str, out: &str, recipient: &str) -> Taken {
    let (program, socket) = (program(server, "dump"), server.socket());
    let line = format!(
        "set -o pipefail; {} --no-defaults -uroot -S {} --single-transaction {database} items | zstd -3 -q | age -r {recipient} -o {out}",
        program.display(),
        socket.display(),
    );
    run(Command::new("bash").args(["-c", &line]).stderr(std::process::Stdio::null()))
}

/// Loads a plain dump of a table of `from` into the empty database `to`.
pub(crate) fn load(server: &PrivateServer, from: &str, to: &str) -> Taken {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let file = folder.path().join("dump.sql");
    let socket = server.socket();
    let dump = format!(
        "{} --no-defaults -uroot -S {} {from} items > {}",
        program(server, "dump").display(),
        socket.display(),
        file.display()
    );
    run(Command::new("bash").args(["-c", &dump]).stderr(std::process::Stdio::null()));
    server.sql("", &format!("CREATE DATABASE {to}")).unwrap();
    let load = format!(
        "{} --no-defaults -uroot -S {} {to} < {}",
        program(server, "").display(),
        socket.display(),
        file.display()
    );
    run(Command::new("bash").args(["-c", &load]))
}

/// Copies a table into the empty database `to`, through a pipe.
pub(crate) fn copy(server: &PrivateServer, from: &str, to: &str) -> Taken {
    server.sql("", &format!("CREATE DATABASE {to}")).unwrap();
    let socket = server.socket();
    let line = format!(
        "set -o pipefail; {} --no-defaults -uroot -S {socket} --single-transaction {from} items | {} --no-defaults -uroot -S {socket} {to}",
        program(server, "dump").display(),
        program(server, "").display(),
        socket = socket.display(),
    );
    run(Command::new("bash").args(["-c", &line]).stderr(std::process::Stdio::null()))
}

/// The client program that belongs to the server: beside it, or on the PATH.
fn program(server: &PrivateServer, what: &str) -> PathBuf {
    let name = match (server.binary().flavour(), what) {
        (Flavour::MariaDb, "dump") => "mariadb-dump",
        (Flavour::MariaDb, _) => "mariadb",
        (Flavour::MySql, "dump") => "mysqldump",
        (Flavour::MySql, _) => "mysql",
    };
    let beside = server.binary().path().with_file_name(name);
    if beside.exists() { beside } else { PathBuf::from(name) }
}

/// A key for `age` that nobody needs again.
pub(crate) fn recipient() -> String {
    packmule::bundle::Identity::generate().recipient().to_string()
}

/// How long a native replica takes to apply the mix out of a row binary log.
pub(crate) fn replica(options: &ServerOptions, size: &Size) -> Duration {
    let with_id = |id: u32| {
        let mut options = options.clone();
        options.arguments.push(format!("--server-id={id}"));
        options.arguments.push("--binlog-format=ROW".to_owned());
        PrivateServer::start(&options).unwrap()
    };
    let (primary, replica) = (with_id(1), with_id(2));
    data::fill(&primary, "ive", size.rows);
    data::fill(&replica, "ive", size.rows);
    let flavour = primary.binary().flavour();
    let port = primary.port();
    let position = position(&primary, flavour);
    primary.sql("", "CREATE USER copy IDENTIFIED BY 'copy'; GRANT REPLICATION SLAVE ON *.* TO copy").unwrap();
    let (point, start_receiver, start_applier, progress) = match flavour {
        Flavour::MariaDb => (
            format!(
                "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='copy', MASTER_PASSWORD='copy', MASTER_LOG_FILE='{}', MASTER_LOG_POS={}",
                position.0, position.1
            ),
            "START SLAVE IO_THREAD",
            "START SLAVE SQL_THREAD",
            "SHOW SLAVE STATUS",
        ),
        Flavour::MySql => (
            format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, SOURCE_USER='copy', SOURCE_PASSWORD='copy', SOURCE_LOG_FILE='{}', SOURCE_LOG_POS={}, GET_SOURCE_PUBLIC_KEY=1; SET GLOBAL replica_parallel_workers=1",
                position.0, position.1
            ),
            "START REPLICA IO_THREAD",
            "START REPLICA SQL_THREAD",
            "SHOW REPLICA STATUS",
        ),
    };
    for statement in data::mix(size) {
        primary.sql("ive", &statement).unwrap();
    }
    primary.sql("ive", "CREATE TABLE the_end (id INT PRIMARY KEY)").unwrap();
    replica.sql("", &point).unwrap();
    replica.sql("", start_receiver).unwrap();
    wait_for_log(&primary, &replica, flavour, progress);
    time(|| {
        replica.sql("", start_applier).unwrap();
        while replica.query("ive", "SELECT 1 FROM the_end").is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
    })
}

fn position(server: &PrivateServer, flavour: Flavour) -> (String, String) {
    let query = match flavour {
        Flavour::MariaDb => "SHOW MASTER STATUS",
        Flavour::MySql => "SHOW BINARY LOG STATUS",
    };
    let rows = server.query("", query).unwrap();
    let row = rows.first().unwrap();
    (row[0].clone().unwrap(), row[1].clone().unwrap())
}

/// Waits until the whole log is at the replica, so that only its application is timed.
fn wait_for_log(primary: &PrivateServer, replica: &PrivateServer, flavour: Flavour, progress: &str) {
    let (file, place) = position(primary, flavour);
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let status = replica.query("", progress).unwrap();
        let row = status.first().unwrap();
        let has = |wanted: &str| row.iter().flatten().any(|cell| cell == wanted);
        if has(&file) && has(&place) {
            return;
        }
        assert!(Instant::now() < until, "the replica does not receive the log: {row:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The push that people write by hand: for each log row a SELECT at the lab and a statement at the centre.
///
/// One statement after the other waits on wake-ups between processors, so both sides are pinned to one.
pub(crate) fn row_by_row(server: &PrivateServer, lab: &str, central: &str, size: &Size) -> Duration {
    pin(server, Some(0));
    let (mut at_lab, mut at_central) = (server.connect(lab).unwrap(), server.connect(central).unwrap());
    let log: Vec<(String, String)> = at_lab
        .query(format!(
            "SELECT record_id, action FROM sync_log ORDER BY id * 7919 % 1000003 LIMIT {}",
            size.singles
        ))
        .unwrap();
    let read = at_lab.prep("SELECT * FROM items WHERE id = ?").unwrap();
    let write = at_central.prep("REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?)").unwrap();
    let delete = at_central.prep("DELETE FROM items WHERE id = ?").unwrap();
    let taken = time(|| {
        for (id, action) in &log {
            if action == "DELETE" {
                at_central.exec_drop(&delete, (id,)).unwrap();
            } else if let Some(row) = at_lab.exec_first::<mysql::Row, _, _>(&read, (id,)).unwrap() {
                at_central.exec_drop(&write, mysql::Params::Positional(row.unwrap())).unwrap();
            }
        }
    });
    pin(server, None);
    taken
}

/// Pins the server and this process to one processor, or lets them loose again.
pub(crate) fn pin(server: &PrivateServer, processor: Option<u32>) {
    let list = processor.map_or_else(|| format!("0-{}", processors() - 1), |number| number.to_string());
    for process in [server.pid(), std::process::id()] {
        let done =
            Command::new("taskset").args(["-a", "-p", "-c", &list, &process.to_string()]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

fn processors() -> usize {
    // Not what this process may use just now, but what the machine has.
    std::fs::read_dir("/sys/devices/system/cpu").map_or(1, |entries| {
        let is_processor =
            |name: &str| name.strip_prefix("cpu").is_some_and(|rest| rest.parse::<u32>().is_ok());
        entries.flatten().filter(|entry| is_processor(&entry.file_name().to_string_lossy())).count().max(1)
    })
}

/// The size of a file, in bytes.
pub(crate) fn size_bytes(path: &str) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.len())
}

/// How many a second.
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
