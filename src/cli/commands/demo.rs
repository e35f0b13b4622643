//! `packmule demo`: a centre and its labs on servers of its own.

use crate::cli::{Context, DemoArgs};
use crate::report::{Exit, Report};

/// Tells the demo's story on stdout, or serves the console of its centre.
#[cfg(unix)]
pub fn run(args: &DemoArgs, _context: &Context) -> Result<Exit, Report> {
    use crate::cli::terminal;
    use crate::demo::{StoryOptions, play, tell};

    let program = std::env::current_exe().map_err(|error| {
        Report::new(Exit::Failed, "cannot find this program's own file").because(error.to_string())
    })?;
    let options = StoryOptions {
        program,
        server: args.server.clone(),
        folder: args.folder.clone(),
        width: terminal::width().unwrap_or(usize::MAX),
    };
    if args.console {
        let wait = || end_of_the_console();
        play(&options, args.port.unwrap_or(0), &wait, &mut std::io::stdout()).map_err(report)?;
    } else {
        tell(&options, &mut std::io::stdout()).map_err(report)?;
    }
    Ok(Exit::Done)
}

/// Begins to hear signals, and returns what says whether one has come. Until then a signal ends the demo at once.
#[cfg(unix)]
fn end_of_the_console() -> std::sync::Arc<std::sync::atomic::AtomicBool> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stop);
    // Without it a signal ends the demo all the same, and the shells that keep its servers tidy up.
    let _ = ctrlc::set_handler(move || heard.store(true, Ordering::Relaxed));
    stop
}

/// The servers of the demo are kept by a shell.
#[cfg(not(unix))]
pub fn run(_args: &DemoArgs, _context: &Context) -> Result<Exit, Report> {
    Err(Report::new(Exit::Failed, "the demo runs on Linux and macOS only"))
}

#[cfg(unix)]
fn report(error: crate::demo::StoryError) -> Report {
    use crate::demo::{INSTALL_HINT, ServerError, StoryError};
    use std::error::Error as _;

    let mut report = Report::new(Exit::Failed, error.to_string());
    if let Some(source) = error.source() {
        report = report.because(source.to_string());
    }
    match error {
        StoryError::Server(ServerError::NoServer) => report.hint(INSTALL_HINT),
        StoryError::Server(_) => report.hint("name another server program: packmule demo --server PATH"),
        StoryError::Folder { .. } => {
            report.hint("name a folder that is not there yet: packmule demo --folder DIR")
        }
        StoryError::Console { .. } => report.hint("name another port: packmule demo --console --port N"),
        StoryError::Database(_)
        | StoryError::ExitCode { .. }
        | StoryError::Unsaid { .. }
        | StoryError::Broken { .. } => {
            report.hint("this is a fault of packmule: please report it with all that stands above")
        }
    }
}
