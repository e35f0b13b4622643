//! Where words go: results to stdout, all else to stderr, one JSON object to stdout under `--json`.

use std::io::{self, Write};

use serde_json::Value;

use crate::cli::args::Global;
use crate::cli::grid::Grid;
use crate::cli::terminal;
use crate::report::{Facts, Report, escape, object, wrap};

/// Knows for whom the words are, and prints them. A pipe that was closed is no reason to stop the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    reader: Reader,
    volume: Volume,
}

impl Output {
    /// The output that the flags ask for.
    pub fn new(flags: &Global) -> Self {
        let reader = if flags.json { Reader::Program } else { Reader::Person };
        let volume = match (flags.quiet, flags.verbose) {
            (true, _) => Volume::Quiet,
            (false, true) => Volume::Verbose,
            (false, false) => Volume::Normal,
        };
        Output { reader, volume }
    }

    /// Whether a program reads, and so one JSON object is wanted instead of lines.
    pub fn is_json(&self) -> bool {
        self.reader == Reader::Program
    }

    /// Whether only results and errors are wanted.
    pub fn is_quiet(&self) -> bool {
        self.volume == Volume::Quiet
    }

    /// Whether more is wanted than most people want to know.
    pub fn is_verbose(&self) -> bool {
        self.volume == Volume::Verbose
    }

    /// A line of the result, for a person, on stdout.
    pub fn result(&self, line: &str) {
        if self.reader == Reader::Person {
            write_line(&mut io::stdout(), &harmless(line));
        }
    }

    /// A sentence of the result, broken between words where the window is narrow.
    pub fn prose(&self, line: &str) {
        wrap(line, terminal::width(), 2).iter().for_each(|line| self.result(line));
    }

    /// Names with words beside them, as part of the result.
    pub fn facts(&self, facts: &Facts) {
        facts.render(terminal::width()).iter().for_each(|line| self.result(line));
    }

    /// A table as part of the result, for a person, on stdout.
    pub fn grid(&self, grid: &Grid) {
        self.result(grid.render(terminal::width()).trim_end());
    }

    /// The result for a program: `value` with its `format` first, on one line of stdout.
    pub fn json(&self, format: &str, value: Value) {
        if self.reader == Reader::Program {
            write_line(&mut io::stdout(), &object(format, value));
        }
    }

    /// What is going on, on stderr; not under `-q`.
    pub fn say(&self, line: &str) {
        if self.reader == Reader::Person && self.volume != Volume::Quiet {
            write_line(&mut io::stderr(), &harmless(line));
        }
    }

    /// More than most people want to know, on stderr; only under `-v`.
    pub fn detail(&self, line: &str) {
        if self.volume == Volume::Verbose {
            write_line(&mut io::stderr(), &harmless(line));
        }
    }

    /// An error: words on stderr, or under `--json` an object on stdout, where a program waits for its one object.
    pub fn report(&self, report: &Report) {
        match self.reader {
            Reader::Person => write_line(&mut io::stderr(), &harmless(report.to_text().trim_end())),
            Reader::Program => write_line(&mut io::stdout(), &report.to_json()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Person,
    Program,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Volume {
    Quiet,
    Normal,
    Verbose,
}

/// The last door to a person's terminal: whatever a name from outside holds, nothing but the ends of our own lines acts on it.
fn harmless(line: &str) -> String {
    let piece = |piece: &str| match piece.strip_suffix(['\n', '\t']) {
        Some(words) => escape(words) + piece.get(words.len()..).unwrap_or_default(),
        None => escape(piece),
    };
    line.split_inclusive(['\n', '\t']).map(piece).collect()
}

/// Writes a line in one piece: stderr keeps nothing back, and a line in two pieces could be parted by another's.
fn write_line(out: &mut impl Write, line: &str) {
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}
