//! The one server that all tests of a run share. Each test makes databases of its own on it.

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

use packmule::demo::{INSTALL_HINT, PrivateServer, ServerOptions};

/// The shared server. It ends with the test process, however that ends.
pub(crate) fn server() -> &'static PrivateServer {
    static SERVER: OnceLock<PrivateServer> = OnceLock::new();
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
