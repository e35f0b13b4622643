//! `packmule conflicts export`: every conflict with all its rows, one by one, into a file or to stdout.

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::cli::commands::conflicts::to_json::{earlier_json, line_json};
use crate::cli::{ConflictsExportArgs, Context, ExportFormat};
use crate::engine::{self, Home};
use crate::ledger::{EarlierState, Line};
use crate::mailbox::display_path;
use crate::model::Stamp;
use crate::report::{Exit, Report, number_of, object};

/// Writes the file.
pub(super) fn run(args: &ConflictsExportArgs, context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::look(&settings, &progress)?;
    let place = args.to.as_deref().map_or("stdout".to_owned(), display_path);
    let fault = |source: io::Error| about(&place, &source);
    // A file that is there is somebody's.
    let out: Box<dyn Write> = match &args.to {
        Some(path) => Box::new(create(path).map_err(fault)?),
        None => Box::new(io::stdout()),
    };
    let mut file = File::new(args.format, out).map_err(fault)?;
    let filter = args.filter.to_filter(&[], None);
    // Two takers write one file, one after the other.
    let shared = RefCell::new(&mut file);
    engine::export_conflicts(
        &mut home,
        &filter,
        &mut |line| shared.borrow_mut().line(line).map_err(Stopped::File),
        &mut |state| shared.borrow_mut().earlier(state).map_err(Stopped::File),
    )
    .map_err(|stopped| match stopped {
        Stopped::Engine(error) => Report::from(error),
        Stopped::File(source) => about(&place, &source),
    })?;
    let written = file.finish().map_err(fault)?;
    if args.to.is_some() {
        let lines = number_of(written, "line", "lines");
        context.out.prose(&format!("{lines} written to {place}."));
        context.out.json("packmule.conflicts-exported.v1", json!({ "lines": written, "to": place }));
    }
    Ok(Exit::Done)
}

fn create(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn about(place: &str, source: &io::Error) -> Report {
    let report = Report::new(Exit::Failed, format!("cannot write to {place}")).because(source.to_string());
    match source.kind() == io::ErrorKind::AlreadyExists {
        true => report.hint("name a file that is not there yet"),
        false => report,
    }
}

/// Why it stopped.
enum Stopped {
    Engine(engine::Error),
    File(io::Error),
}

impl From<engine::Error> for Stopped {
    fn from(error: engine::Error) -> Self {
        Stopped::Engine(error)
    }
}

/// A file of conflicts.
struct File {
    to: To,
    written: u64,
}

enum To {
    Csv(Box<csv::Writer<Box<dyn Write>>>),
    Json(BufWriter<Box<dyn Write>>),
}

impl File {
    fn new(format: ExportFormat, out: Box<dyn Write>) -> io::Result<File> {
        let to = match format {
            ExportFormat::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(COLUMNS)?;
                To::Csv(Box::new(writer))
            }
            ExportFormat::Json => To::Json(BufWriter::new(out)),
        };
        Ok(File { to, written: 0 })
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        self.written += 1;
        match &mut self.to {
            To::Csv(writer) => Ok(writer.write_record(csv_line(line))?),
            To::Json(out) => writeln!(out, "{}", object(LINE, line_json(line))),
        }
    }

    fn earlier(&mut self, state: &EarlierState) -> io::Result<()> {
        self.written += 1;
        match &mut self.to {
            To::Csv(writer) => Ok(writer.write_record(csv_earlier(state))?),
            To::Json(out) => {
                let mut value: Json = earlier_json(state);
                value["earlier_of"] = json!(state.conflict);
                writeln!(out, "{}", object(EARLIER, value))
            }
        }
    }

    fn finish(self) -> io::Result<u64> {
        match self.to {
            To::Csv(mut writer) => writer.flush()?,
            To::Json(mut out) => out.flush()?,
        }
        Ok(self.written)
    }
}

const LINE: &str = "packmule.conflict-line.v1";
const EARLIER: &str = "packmule.conflict-earlier.v1";

/// The columns of a CSV file. `earlier_of` is empty in a line of `conflict_log`, and in an earlier state of one the line's number.
const COLUMNS: [&str; 21] = [
    "id",
    "earlier_of",
    "lab",
    "table",
    "record",
    "kind",
    "action",
    "status",
    "outcome",
    "decided_by",
    "decided_at",
    "decision_note",
    "note",
    "clock_note",
    "met_at",
    "lab_time",
    "bundle",
    "before",
    "central",
    "lab_row",
    "written",
];

fn csv_line(line: &Line) -> Vec<String> {
    let head = &line.head;
    let time = |when: Option<Stamp>| when.map(|when| when.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        head.id.to_string(),
        String::new(),
        head.site.clone(),
        head.table.to_string(),
        head.record_id.clone(),
        head.kind.to_string(),
        head.op.as_sql().to_owned(),
        head.status.word().to_owned(),
        head.outcome.word().to_owned(),
        text(&head.decided_by),
        time(head.decided_at),
        text(&line.decision_note),
        text(&head.note),
        text(&head.clock_note),
        head.met_at.to_string(),
        time(line.lab_time),
        text(&line.bundle),
        text(&line.before_row),
        text(&line.central_row),
        text(&line.lab_row),
        text(&line.written_row),
    ]
}

fn csv_earlier(state: &EarlierState) -> Vec<String> {
    let mut cells = vec![String::new(); COLUMNS.len()];
    let mut put = |name: &str, text: String| {
        let at = COLUMNS.iter().position(|column| *column == name);
        if let Some(cell) = at.and_then(|at| cells.get_mut(at)) {
            *cell = text;
        }
    };
    put("earlier_of", state.conflict.to_string());
    put("kind", state.kind.to_string());
    put("action", state.op.as_sql().to_owned());
    put("met_at", state.joined_at.to_string());
    put("lab_time", state.lab_time.map(|when| when.to_string()).unwrap_or_default());
    put("bundle", state.bundle.clone().unwrap_or_default());
    put("central", state.central_row.clone().unwrap_or_default());
    put("lab_row", state.lab_row.clone().unwrap_or_default());
    cells
}
