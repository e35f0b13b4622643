//! A command line that cannot be understood, in the same words as every other error.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::args::Args;
use crate::cli::exit::Exit;
use crate::cli::report::Report;
use crate::config::nearest;

/// Prints help, the version or an error, whichever `error` is, and returns the exit code.
pub(super) fn explain(error: &clap::Error, json: bool) -> ExitCode {
    let kind = error.kind();
    if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = write!(std::io::stdout(), "{}", error.render());
        return Exit::Done.into();
    }
    if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && !json {
        let _ = write!(std::io::stderr(), "{}", error.render());
        return Exit::WrongUse.into();
    }
    let report = report_of(error);
    let _ = match json {
        true => writeln!(std::io::stdout(), "{}", report.to_json()),
        false => write!(std::io::stderr(), "{}", report.to_text()),
    };
    report.code.into()
}

fn report_of(error: &clap::Error) -> Report {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(typed)) => unknown_command(typed),
        Some(_) | None => from_paragraph(&without_passwords(&error.render().to_string())),
    }
}

fn unknown_command(typed: &str) -> Report {
    let report = Report::new(Exit::WrongUse, format!("unknown command \"{typed}\""));
    let definition = Args::command();
    let known: Vec<&str> = definition.get_subcommands().map(clap::Command::get_name).collect();
    match nearest(typed, &known) {
        Some(name) => report.hint(format!("did you mean \"{name}\"?")),
        None => report.hint("packmule --help"),
    }
}

/// Takes clap's paragraph apart: what is wrong, its tips, and the command whose help would help.
fn from_paragraph(text: &str) -> Report {
    let mut what = String::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        let line = line.trim().trim_start_matches("error: ");
        let gap = match what.chars().last() {
            None => "",
            Some(':') => " ",
            Some(_) => ", ",
        };
        what = format!("{what}{gap}{line}");
    }
    let mut report = Report::new(Exit::WrongUse, what);
    for tip in text.lines().filter_map(|line| line.trim().strip_prefix("tip: ")) {
        report = report.hint(tip);
    }
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or("packmule");
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let command = usage.split(' ').take_while(is_name).collect::<Vec<_>>().join(" ");
    report.hint(format!("{command} --help"))
}

/// A database address that was typed in the wrong place is quoted by clap, password and all.
fn without_passwords(text: &str) -> String {
    let masked = text.lines().map(|line| match (line.find("://"), line.rfind('@')) {
        (Some(start), Some(end)) if start < end => format!("{}://...{}", &line[..start], &line[end..]),
        _ => line.to_owned(),
    });
    masked.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn seen(arguments: &[&str]) -> String {
        let error = Args::try_parse_from(std::iter::once(&"packmule").chain(arguments)).err().unwrap();
        report_of(&error).to_text()
    }

    #[test]
    fn a_mistyped_command_is_told_the_right_one() {
        assert_eq!(
            seen(&["exprot"]),
            "packmule: error: unknown command \"exprot\"\n  hint: did you mean \"export\"?\n"
        );
    }

    #[test]
    fn an_address_in_the_wrong_place_keeps_its_password() {
        let text = seen(&["export", "DIR", "mysql://p:hunter2@localhost/d"]);
        assert!(text.contains("mysql://...@localhost/d") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn what_is_missing_is_named_in_one_line() {
        assert_eq!(
            seen(&["inspect"]),
            "packmule: error: the following required arguments were not provided: <FILE>\n  \
             hint: packmule inspect --help\n"
        );
    }
}
