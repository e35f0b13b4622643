//! A command line that cannot be understood, in the same words as every other error.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::args::Args;
use crate::config::nearest;
use crate::report::{Exit, Report};

/// Prints help, the version or an error, whichever `error` is, and returns the exit code.
pub(super) fn explain(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let json = arguments.iter().any(|argument| argument == "--json");
    let kind = error.kind();
    if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = write!(std::io::stdout(), "{}", error.render());
        return Exit::Done.into();
    }
    if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && !json {
        let _ = write!(std::io::stderr(), "{}", error.render());
        return Exit::WrongUse.into();
    }
    let report = report_of(error, arguments);
    let _ = match json {
        true => writeln!(std::io::stdout(), "{}", report.to_json()),
        false => write!(std::io::stderr(), "{}", report.to_text()),
    };
    report.code.into()
}

fn report_of(error: &clap::Error, arguments: &[OsString]) -> Report {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(typed)) => unknown_command(typed),
        Some(_) | None => {
            let report = from_paragraph(&without_passwords(&error.render().to_string()));
            report.hint(format!("packmule{} --help", command_in(arguments)))
        }
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

/// Takes clap's paragraph apart: what is wrong, and its tips.
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
    report
}

/// The command whose help would help, with a space before it; empty where none was typed.
fn command_in(arguments: &[OsString]) -> String {
    let definition = Args::command();
    let known = |argument: &&str| definition.get_subcommands().any(|command| command.get_name() == *argument);
    let typed = arguments.iter().filter_map(|argument| argument.to_str()).find(known);
    typed.map(|name| format!(" {name}")).unwrap_or_default()
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
        let arguments: Vec<OsString> =
            std::iter::once(&"packmule").chain(arguments).map(OsString::from).collect();
        let error = Args::try_parse_from(&arguments).err().unwrap();
        report_of(&error, &arguments).to_text()
    }

    #[test]
    fn a_mistyped_command_is_told_the_right_one() {
        assert_eq!(
            seen(&["exprot"]),
            "packmule: error: unknown command \"exprot\"\n  hint: did you mean \"export\"?\n"
        );
    }

    #[test]
    fn a_word_that_cannot_be_is_told_those_that_can() {
        assert_eq!(
            seen(&["-c", "x", "init", "--role", "x"]),
            "packmule: error: invalid value 'x' for '--role <ROLE>': a site is a lab or central\n  \
             hint: packmule init --help\n"
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
