//! What there is to know about the terminal: whether it is one, how wide it is, and how to hide what is typed.

use std::env;
use std::io::{self, IsTerminal};

/// Whether lines may be drawn over: stderr is a terminal that is not a dumb one.
pub(super) fn can_redraw() -> bool {
    io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

/// The columns of the terminal on stdout or stderr. Where neither is one, text may be as wide as it likes.
pub(super) fn width() -> Option<usize> {
    let told = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.or_else(measured).filter(|columns| *columns > 0)
}

#[cfg(unix)]
fn measured() -> Option<usize> {
    let size =
        rustix::termios::tcgetwinsize(io::stdout()).or_else(|_| rustix::termios::tcgetwinsize(io::stderr()));
    size.ok().map(|size| usize::from(size.ws_col))
}

/// Windows tells the width only through calls that need `unsafe`; its windows have 80 columns and more.
#[cfg(not(unix))]
fn measured() -> Option<usize> {
    io::stdout().is_terminal().then_some(80)
}

/// Hides what is typed until it is dropped, on systems that let us.
pub(super) struct Hidden {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Hidden {
    /// Hides what is typed on stdin from now on.
    #[cfg(unix)]
    pub(super) fn new() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut hidden = before.clone();
            hidden.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &hidden);
        }
        Hidden { before }
    }

    /// Here nothing can be hidden without `unsafe`.
    #[cfg(not(unix))]
    pub(super) fn new() -> Self {
        Hidden {}
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Flush, before);
        }
    }
}
