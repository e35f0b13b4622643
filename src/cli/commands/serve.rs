//! `packmule serve`: the centre's pages in a web browser.

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;

use crate::cli::signals::end_on_signals;
use crate::cli::{Context, ServeArgs};
use crate::console::{self, Error};
use crate::report::{Exit, Report};

/// Serves until Ctrl-C or the system ends it.
pub fn run(args: &ServeArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let stop = Arc::new(AtomicBool::new(false));
    end_on_signals(&stop)?;
    let site = settings.site.clone();
    let ready = |url: &str, listens: SocketAddr| {
        context.out.result(&format!("Console of {site}: {url}"));
        context.out.say("Ctrl-C ends it. Who may sign in: packmule users");
        context.out.json("packmule.serve.v1", json!({ "url": url, "listens": listens.to_string() }));
    };
    console::serve(settings, &args.to_options(), stop, &ready).map_err(report)?;
    Ok(Exit::Done)
}

fn report(error: Error) -> Report {
    let what = error.to_string();
    match error {
        Error::InTheClear { .. } => Report::new(Exit::WrongUse, what)
            .because("passwords and rows could be read on the way")
            .hint("name a certificate: packmule serve --listen ADDRESS --tls-cert FILE --tls-key FILE")
            .hint("or let a web server with TLS stand in front: packmule serve --behind-proxy https://NAME"),
        Error::Listen { listen, source } => {
            Report::new(Exit::Failed, what).because(source.to_string()).hint(format!(
                "is another program there already? Another port: packmule serve --listen {}:8418",
                listen.ip()
            ))
        }
        Error::Certificate { .. } => Report::new(Exit::Key, what)
            .hint("both files are PEM: the certificate with those that vouch for it, and its own key"),
        Error::File { source, .. } => {
            let why = source.source().map_or_else(|| source.to_string(), ToString::to_string);
            Report::new(Exit::Failed, what).because(why)
        }
        Error::Token(error) => error.into(),
        Error::Engine(error) => error.into(),
    }
}
