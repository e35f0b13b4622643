//! Shows that work is going on: a bar on a terminal, a plain line every ten seconds elsewhere, or JSON lines.

use std::io::{self, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::args::Global;
use crate::cli::crash::Crash;
use crate::cli::notices::Notices;
use crate::cli::terminal;
use crate::monitor::{Monitor, Notice, Phase, Step};
use crate::report::{Report, count, object, percent, size};

/// The monitor of the program. Speaks on stderr, so that results on stdout stay clean.
pub struct Progress {
    form: Form,
    crash: Crash,
    state: Mutex<State>,
}

impl Progress {
    /// Chooses the form that the flags and the terminal ask for.
    pub fn new(flags: &Global) -> Result<Self, Report> {
        let form = match flags.progress {
            ProgressKind::Auto if flags.quiet || flags.json => Form::None,
            ProgressKind::Auto if terminal::can_redraw() => Form::Bar,
            ProgressKind::Auto | ProgressKind::Plain => Form::Plain,
            ProgressKind::Bar => Form::Bar,
            ProgressKind::Json => Form::Json,
            ProgressKind::None => Form::None,
        };
        Ok(Self::with(form, Crash::from_env()?, Box::new(io::stderr())))
    }

    /// Prints what people should know although the work went on: one sentence a kind and table.
    pub fn print_notices(&self) {
        let mut state = self.lock();
        for sentence in std::mem::take(&mut state.notices).sentences() {
            let _ = writeln!(state.out, "packmule: note: {sentence}");
        }
    }

    fn with(form: Form, crash: Crash, out: Box<dyn Write + Send>) -> Self {
        let state = State { out, current: None, drawn: 0, notices: Notices::default() };
        Progress { form, crash, state: Mutex::new(state) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic while a bar was drawn must not hide the panic behind another one.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Monitor for Progress {
    fn begin(&self, phase: Phase, total: Option<u64>) {
        let mut state = self.lock();
        let now = Instant::now();
        state.current = Some(Current { phase, total, done: 0, share: None, shown: now });
        match self.form {
            Form::Bar => state.draw(),
            Form::Json => state.json(),
            Form::Plain | Form::None => {}
        }
    }

    fn advance(&self, phase: Phase, amount: u64) {
        let mut state = self.lock();
        let Some(current) = state.current.as_mut().filter(|current| current.phase == phase) else { return };
        current.done += amount;
        if current.shown.elapsed() < self.form.pause() {
            return;
        }
        current.shown = Instant::now();
        match self.form {
            Form::Bar => state.draw(),
            Form::Plain => state.plain(),
            Form::Json => state.json(),
            Form::None => {}
        }
    }

    fn share(&self, phase: Phase, done: u64, whole: u64) {
        let mut state = self.lock();
        // Shown with the next advance: it comes right behind.
        if let Some(current) = state.current.as_mut().filter(|current| current.phase == phase) {
            current.share = Some((done, whole));
        }
    }

    fn end(&self, phase: Phase) {
        let mut state = self.lock();
        if state.current.as_ref().is_none_or(|current| current.phase != phase) {
            return;
        }
        match self.form {
            Form::Bar => {
                state.draw();
                state.drawn = 0;
                let _ = writeln!(state.out);
            }
            Form::Json => state.json(),
            Form::Plain | Form::None => {}
        }
        state.current = None;
    }

    fn notice(&self, notice: Notice) {
        self.lock().notices.add(notice);
    }

    fn step(&self, step: Step) {
        self.crash.visit(step);
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("form", &self.form).finish_non_exhaustive()
    }
}

/// What `--progress` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressKind {
    /// A bar on a terminal, plain lines elsewhere
    Auto,
    /// A bar
    Bar,
    /// A line every ten seconds
    Plain,
    /// JSON lines on stderr
    Json,
    /// Nothing
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bar,
    Plain,
    Json,
    None,
}

impl Form {
    /// The least time between two signs of life.
    fn pause(self) -> Duration {
        match self {
            Form::Bar => Duration::from_millis(100),
            Form::Json => Duration::from_secs(1),
            Form::Plain | Form::None => Duration::from_secs(10),
        }
    }
}

struct State {
    out: Box<dyn Write + Send>,
    current: Option<Current>,
    /// How wide the bar on the screen is.
    drawn: usize,
    notices: Notices,
}

impl State {
    fn draw(&mut self) {
        let Some(current) = &self.current else { return };
        let line = current.bar(terminal::width().unwrap_or(80));
        let length = line.chars().count();
        // Blanks over what is left of a longer line; no escape codes, so any terminal will do.
        let blanks = self.drawn.saturating_sub(length);
        self.drawn = length;
        let _ = write!(self.out, "\r{line}{:blanks$}", "").and_then(|()| self.out.flush());
    }

    fn plain(&mut self) {
        if let Some(current) = &self.current {
            let _ = writeln!(self.out, "{}", current.plain());
        }
    }

    fn json(&mut self) {
        if let Some(current @ Current { phase, total, done, .. }) = &self.current {
            let percent = current.percent();
            let line = json!({ "phase": name(*phase).to_lowercase(), "done": done, "total": total, "percent": percent });
            let _ = writeln!(self.out, "{}", object("packmule.progress.v1", line));
        }
    }
}

struct Current {
    phase: Phase,
    total: Option<u64>,
    done: u64,
    /// How far it is, where there is no total: so much of so much.
    share: Option<(u64, u64)>,
    shown: Instant,
}

impl Current {
    fn percent(&self) -> Option<u64> {
        let of_total = self.total.map(|total| percent(self.done, total));
        of_total.or(self.share.map(|(done, whole)| percent(done, whole)))
    }

    /// `Packing   [####################] 100%     96 KiB`, cut to fewer marks in a narrow window.
    fn bar(&self, width: usize) -> String {
        let name = name(self.phase);
        let Some(percent) = self.percent() else { return format!("{name:9} {}", self.amount(self.done)) };
        let amount = self.amount(self.done);
        let marks = width.saturating_sub(10 + 2 + 5 + 2 + amount.chars().count().max(9)).clamp(4, 20);
        let full = marks * percent as usize / 100;
        let bar = format!("{}{}", "#".repeat(full), "-".repeat(marks - full));
        format!("{name:9} [{bar}] {percent:3}%  {amount:>9}")
    }

    /// `Packing: 45%, 96 KiB of 210 KiB`
    fn plain(&self) -> String {
        let (name, done) = (name(self.phase), self.amount(self.done));
        match (self.total, self.percent()) {
            (Some(total), Some(percent)) => format!("{name}: {percent}%, {done} of {}", self.amount(total)),
            (None, Some(percent)) => format!("{name}: {percent}%, {done}"),
            (_, None) => format!("{name}: {done}"),
        }
    }

    fn amount(&self, amount: u64) -> String {
        match self.phase {
            Phase::Reading | Phase::Applying => format!("{} changes", count(amount)),
            Phase::Packing | Phase::Writing | Phase::Checking | Phase::Sending | Phase::Fetching => {
                size(amount)
            }
            Phase::Moving => format!("{} rows", count(amount)),
        }
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Reading => "Reading",
        Phase::Packing => "Packing",
        Phase::Writing => "Writing",
        Phase::Checking => "Checking",
        Phase::Sending => "Sending",
        Phase::Fetching => "Fetching",
        Phase::Applying => "Applying",
        Phase::Moving => "Moving",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// What a progress of this form prints while a bundle is packed.
    fn printed(form: Form, work: impl Fn(&Progress)) -> String {
        #[derive(Clone, Default)]
        struct Shared(Arc<Mutex<Vec<u8>>>);
        impl Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let out = Shared::default();
        work(&Progress::with(form, Crash::from_env().unwrap(), Box::new(out.clone())));
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn pack(progress: &Progress) {
        progress.begin(Phase::Packing, Some(98_304));
        progress.advance(Phase::Packing, 98_304);
        progress.end(Phase::Packing);
    }

    #[test]
    fn a_bar_is_drawn_over_itself_and_then_stands() {
        let current = Current {
            phase: Phase::Packing,
            total: Some(98_304),
            done: 98_304,
            share: None,
            shown: Instant::now(),
        };
        assert_eq!(current.bar(80), "Packing   [####################] 100%     96 KiB");
        assert!(printed(Form::Bar, pack).ends_with("100%     96 KiB\n"));
    }

    #[test]
    fn every_bar_fits_into_40_columns() {
        for phase in [
            Phase::Reading,
            Phase::Packing,
            Phase::Writing,
            Phase::Checking,
            Phase::Sending,
            Phase::Fetching,
            Phase::Applying,
            Phase::Moving,
        ] {
            let current = Current {
                phase,
                total: Some(9_999_999),
                done: 4_500_000,
                share: None,
                shown: Instant::now(),
            };
            assert!(current.bar(40).chars().count() <= 40, "{}", current.bar(40));
        }
    }

    #[test]
    fn elsewhere_a_short_piece_of_work_prints_nothing_and_a_long_one_a_line() {
        assert_eq!(printed(Form::Plain, pack), "");
        let current = Current {
            phase: Phase::Applying,
            total: Some(1284),
            done: 600,
            share: None,
            shown: Instant::now(),
        };
        assert_eq!(current.plain(), "Applying: 46%, 600 changes of 1 284 changes");
        let current = Current { total: None, ..current };
        assert_eq!(current.plain(), "Applying: 600 changes");
        let current = Current { share: Some((48_000, 98_304)), ..current };
        assert_eq!(current.plain(), "Applying: 48%, 600 changes");
        assert_eq!(current.bar(80), "Applying  [#########-----------]  48%  600 changes");
    }

    #[test]
    fn a_program_gets_one_object_a_line() {
        assert_eq!(
            printed(Form::Json, pack),
            "{\"format\":\"packmule.progress.v1\",\"done\":0,\"percent\":0,\"phase\":\"packing\",\"total\":98304}\n\
             {\"format\":\"packmule.progress.v1\",\"done\":98304,\"percent\":100,\"phase\":\"packing\",\"total\":98304}\n"
        );
    }

    #[test]
    fn notices_wait_until_they_are_asked_for() {
        let printed = printed(Form::None, |progress| {
            progress.notice(Notice::Retried { attempts: 1 });
            progress.print_notices();
            progress.print_notices();
        });
        assert_eq!(printed, "packmule: note: the server was busy; the work was begun again 1 time\n");
    }
}
