//! The servers that all tests of a run share: one, or one of each kind. Each test makes databases of its own on them.

use std::env;
use std::path::PathBuf;
use std::ptr;
use std::sync::OnceLock;
use std::thread;

use mysql::prelude::Queryable as _;
use packmule::demo::{Flavour, INSTALL_HINT, PrivateServer, ServerBinary, ServerOptions};

static SERVER: OnceLock<PrivateServer> = OnceLock::new();
static MARIADB: OnceLock<PrivateServer> = OnceLock::new();
static MYSQL: OnceLock<PrivateServer> = OnceLock::new();

/// Whether other tests use this server too, so that its own settings must stay as they are.
pub(crate) fn is_shared(server: &PrivateServer) -> bool {
    [&SERVER, &MARIADB, &MYSQL].into_iter().filter_map(OnceLock::get).any(|shared| ptr::eq(shared, server))
}

/// The shared server. It ends with the test process, however that ends.
pub(crate) fn server() -> &'static PrivateServer {
    SERVER.get_or_init(|| match PrivateServer::start(&server_options()) {
        Ok(server) => server,
        // Never a skipped test: a green run without a server would say nothing.
        Err(error) => panic!("{error}; {INSTALL_HINT}"),
    })
}

/// Options for a test that needs a server of its own, to kill it or to set it up differently.
pub(crate) fn server_options() -> ServerOptions {
    ServerOptions {
        binary: env::var_os("PACKMULE_TEST_SERVER").map(PathBuf::from),
        ..ServerOptions::default()
    }
}

/// Servers of their own for sites that are killed: what was committed outlives that. They end with the test process; one that is not
/// needed any more is killed.
pub(crate) fn own_servers(count: usize) -> Vec<&'static PrivateServer> {
    let start = || {
        let options = ServerOptions {
            // A page that is half written when its server is killed must be found whole elsewhere.
            arguments: ["--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=ON"]
                .map(str::to_owned)
                .to_vec(),
            ..server_options()
        };
        let server = PrivateServer::start(&options).unwrap_or_else(|error| panic!("{error}; {INSTALL_HINT}"));
        &*Box::leak(Box::new(server))
    };
    thread::scope(|scope| {
        let started: Vec<_> = (0..count).map(|_| scope.spawn(start)).collect();
        started.into_iter().map(|server| server.join().unwrap()).collect()
    })
}

/// The shared server of this kind, for tests of two kinds at once. Both are needed, so a missing one is a failure.
pub(crate) fn server_of(flavour: Flavour) -> &'static PrivateServer {
    let server = match flavour {
        Flavour::MariaDb => &MARIADB,
        Flavour::MySql => &MYSQL,
    };
    server.get_or_init(|| {
        let options = ServerOptions { binary: Some(binary_of(flavour)), ..ServerOptions::default() };
        PrivateServer::start(&options).unwrap_or_else(|error| panic!("{error}"))
    })
}

/// The program of this kind: one of the two that the environment names, else the first that is found.
fn binary_of(flavour: Flavour) -> PathBuf {
    for name in ["PACKMULE_TEST_SERVER", "PACKMULE_OTHER_SERVER"] {
        if let Some(path) = env::var_os(name).map(PathBuf::from) {
            let binary = ServerBinary::at(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            if binary.flavour() == flavour {
                return path;
            }
        }
    }
    match ServerBinary::find_of(flavour) {
        Ok(binary) => binary.path().to_path_buf(),
        Err(error) => panic!(
            "{error}: these tests need a MariaDB and a MySQL server; name one in PACKMULE_OTHER_SERVER, or leave them out"
        ),
    }
}

/// How much work a server has done.
pub(crate) trait Statements {
    /// How many statements it has run since it started, whoever asked.
    fn statements(&self) -> u64;
}

impl Statements for PrivateServer {
    fn statements(&self) -> u64 {
        let mut conn = self.connect("mysql").unwrap();
        let row: Option<(String, u64)> = conn.query_first("SHOW GLOBAL STATUS LIKE 'Questions'").unwrap();
        row.unwrap().1
    }
}
