//! The web pages of the centre, for people who look rather than type.
//!
//! A page is one question: a person's request comes in, one call of `engine` answers it on a thread of its own, and a page goes out. Every change is a
//! form and a redirect, so nothing needs JavaScript, and there is nothing here that the command line cannot do.
//!
//! ```text
//!   door     a line: TLS, how many, how long
//!   guard    is this request for us, and from one of our own pages?
//!   session  who is it?
//!   pages    what is asked          desk     one call of engine, under the name of that person
//!   layout, piece, chart, value     what it looks like
//! ```

mod app;
mod chart;
mod desk;
mod door;
mod error;
mod file;
mod form;
mod guard;
mod layout;
mod pages;
mod piece;
mod routes;
mod session;
mod tls;
mod tries;
mod trouble;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use error::Error;

use crate::config::Settings;
use crate::console::app::App;
use crate::console::guard::Origin;
use crate::engine::Home;
use crate::monitor::Silent;

/// Where the console listens, and who may come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The address and port; port 0: the system picks one.
    pub listen: SocketAddr,
    /// How the line is kept from strangers.
    pub line: Line,
    /// A file with the word that a program must send to read `/metrics`; `None`: programs on this computer alone may, without one.
    pub metrics_token_file: Option<PathBuf>,
}

/// How the line between a browser and the console is kept from strangers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It does not leave this computer.
    Loopback,
    /// A web server stands in front, and is what browsers see under this origin: `https://packmule.example.ac.ke`.
    Proxy {
        /// The origin.
        origin: String,
    },
    /// The console speaks TLS itself.
    Tls {
        /// A PEM file with the certificate, and those that vouch for it.
        certificate: PathBuf,
        /// A PEM file with its key.
        key: PathBuf,
    },
}

/// Serves the pages until `stop` is true. `ready` is told under which address a browser finds them, and where the console listens.
pub fn serve(
    settings: Settings,
    options: &Options,
    stop: Arc<AtomicBool>,
    ready: &dyn Fn(&str, SocketAddr),
) -> Result<(), Error> {
    if options.line == Line::Loopback && !options.listen.ip().is_loopback() {
        return Err(Error::InTheClear { listen: options.listen });
    }
    // Before anybody comes: it is the centre, its tables are there, also those that the program before this one did not have.
    let mut home = Home::share(&settings, &Silent, None)?;
    crate::engine::sites(&mut home)?;
    drop(home);
    let acceptor = match &options.line {
        Line::Tls { certificate, key } => Some(tls::acceptor(certificate, key)?),
        Line::Loopback | Line::Proxy { .. } => None,
    };
    let metrics_token = options.metrics_token_file.as_deref().map(error::read_token).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .enable_all()
        .build()
        .map_err(|source| Error::Listen { listen: options.listen, source })?;
    runtime.block_on(async {
        let listen = options.listen;
        let listener = tokio::net::TcpListener::bind(listen).await;
        let listener = listener.map_err(|source| Error::Listen { listen, source })?;
        let local = listener.local_addr().map_err(|source| Error::Listen { listen, source })?;
        let origin = Origin::new(&options.line, local);
        let url = format!("{}/", origin.shown());
        let app = Arc::new(App::new(settings, origin, metrics_token)?);
        ready(&url, local);
        let is_proxied = app.origin.is_proxied();
        door::keep(listener, acceptor, routes::router(app), is_proxied, stop).await;
        Ok(())
    })
}
