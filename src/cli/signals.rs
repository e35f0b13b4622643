//! Ctrl-C and the system's request to end, for commands that go on until then.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::report::{Exit, Report};

/// Sets `stop` when this program is to end; asked a second time, it ends at once.
pub(super) fn end_on_signals(stop: &Arc<AtomicBool>) -> Result<(), Report> {
    let stop = Arc::clone(stop);
    let handler = move || {
        if stop.swap(true, Ordering::Relaxed) {
            // Whatever is half done is undone by the database, or made good by the next run.
            process::exit(i32::from(Exit::Cancelled.number()));
        }
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Report::new(Exit::Failed, "cannot hear signals").because(error.to_string()))
}
