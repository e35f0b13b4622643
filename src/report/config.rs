//! Errors about settings, keys and cards, in words.

use std::error::Error as _;
use std::io;

use crate::bundle::KeyError;
use crate::config::{CardError, Error, Excerpt, Fault, Problem};
use crate::model::Role;
use crate::report::Report;
use crate::report::exit::Exit;

impl From<Error> for Report {
    fn from(error: Error) -> Self {
        let report = Report::new(exit_of(&error), error.to_string());
        match error {
            Error::NoSettings { looked } => {
                let looked: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
                let report = if looked.is_empty() {
                    report
                } else {
                    report.because(format!("looked for {}", looked.join(" and ")))
                };
                report.hint("name the file with `-c FILE`, or make one with `packmule init`")
            }
            Error::Exists { path } => {
                report.hint(format!("look at it with `packmule -c {} config show`", path.display()))
            }
            Error::Settings(fault) => about_fault(report, &fault),
            Error::Read { source, .. } | Error::Write { source, .. } => about_file(report, &source),
            Error::TooLarge { limit_bytes, .. } => {
                report.because(format!("at most {} are read", crate::report::text::size(limit_bytes)))
            }
            Error::Damaged { .. } => report
                .because("packmule wrote this file and would refuse to go on from a wrong place")
                .hint("put it back from a backup; packmule does not guess what it held"),
            Error::KeyMissing { .. } => report
                .because("without its keys this site can neither sign nor open a bundle")
                .hint("put the keys back from a backup, or enrol this site again: `packmule init --help`"),
            Error::KeyOpen { path, mode } => report
                .because(format!("its mode is {mode:04o}; whoever reads it can sign and read as this site"))
                .hint(format!("chmod 600 {}", path.display())),
            Error::NotAKey { source, .. } => report
                .because(source.to_string())
                .hint("put the key back from a backup; it cannot be made again"),
            Error::KeysLocked { .. } => report
                .because("nobody is here to say it, and the settings do not name a file with it")
                .hint("at a terminal packmule asks; for a service: `[keys]` with `passphrase_file` or `credential`"),
            Error::WrongPassphrase { .. } => report
                .because("nothing was opened, and nothing was changed")
                .hint("try again; nobody can open these keys without it"),
            Error::PasswordOpen { path, mode } => report
                .because(format!("its mode is {mode:04o}"))
                .hint(format!("chmod 600 {}", path.display())),
            Error::PasswordCommand { source } => report
                .because(source.to_string())
                .hint("run the command by itself; its first line must be the password"),
            Error::Card { source, .. } => about_card(report, &source),
        }
    }
}

impl From<KeyError> for Report {
    fn from(error: KeyError) -> Self {
        Report::new(Exit::Key, error.to_string())
    }
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::NoSettings { .. }
        | Error::Exists { .. }
        | Error::Settings(_)
        | Error::Read { .. }
        | Error::Write { .. }
        | Error::TooLarge { .. }
        | Error::PasswordOpen { .. }
        | Error::PasswordCommand { .. } => Exit::Settings,
        Error::Damaged { .. }
        | Error::KeyMissing { .. }
        | Error::KeyOpen { .. }
        | Error::NotAKey { .. }
        | Error::KeysLocked { .. }
        | Error::WrongPassphrase { .. }
        | Error::Card { .. } => Exit::Key,
    }
}

fn about_file(report: Report, source: &io::Error) -> Report {
    let report = report.because(source.to_string());
    if source.kind() == io::ErrorKind::PermissionDenied {
        return report.hint("run packmule as the user whose file it is");
    }
    report
}

fn about_fault(mut report: Report, fault: &Fault) -> Report {
    report.excerpt = fault.excerpt.as_ref().map(lines_of).unwrap_or_default();
    match &fault.problem {
        Problem::UnknownName { near, .. } => did_you_mean(report, *near),
        Problem::UnknownValue { allowed, near, .. } => {
            did_you_mean(report.because(format!("it can be {}", allowed.join(", "))), *near)
        }
        Problem::WrongType { .. } | Problem::OutOfRange { .. } => report,
        Problem::Missing { name } => match EXAMPLES.iter().find(|(missing, _)| name.ends_with(missing)) {
            Some((_, example)) => report.hint(format!("add a line such as {example}")),
            None => report,
        },
        Problem::Both { .. } => report.hint("take one of the two out"),
        Problem::OtherRole { role: Role::Lab, .. } => report
            .because("the centre decides which tables travel, and tells each lab in its answer card")
            .hint("take the section out"),
        Problem::OnlyAtCentral { .. } => report
            .because("the centre decides how a table is synced, and tells each lab in its answer card")
            .hint("take the line out"),
        Problem::NotAColumn { .. } => {
            report.hint("write the table and its column with a dot between them: \"locations.id\"")
        }
        Problem::OtherRole { role: Role::Central, .. } => {
            report.because("this site is the centre itself").hint("take the section out")
        }
        Problem::Site { .. } | Problem::Syntax { .. } => with_source(report, &fault.problem),
        Problem::Url { .. } => with_source(report, &fault.problem).hint(
            "write mysql://USER@HOST:PORT/NAME, and a special character as % and two digits: %40 for @",
        ),
        Problem::NotForLabs { .. } => report.hint("write mysql://HOST/NAME, as labs are to reach the centre"),
        Problem::Every { .. } => report.hint("write it as 30s, 30m, 2h or 1d"),
        Problem::Size { .. } | Problem::Quota { .. } => report.hint("write it as 64MiB, 512MiB or 2GiB"),
        Problem::Rate { .. } => report.hint("write it as 50KiB or 1MiB"),
        Problem::OpenPassword { .. } => report
            .hint(format!("chmod 600 {}", fault.path.display()))
            .hint("or keep the password in a file of its own: password_file = \"...\""),
    }
}

fn about_card(report: Report, source: &CardError) -> Report {
    let report = report.because(format!("{source}; nothing was changed here"));
    match source {
        CardError::TooNew { .. } => report.hint("install the packmule that the other site has"),
        CardError::OtherKind { .. } => {
            report.hint("a lab's card goes to `packmule enrol`, the centre's answer to `packmule join`")
        }
        CardError::OtherSite { wanted } => report.hint(format!("pass it on to {wanted}")),
        CardError::OtherCard => {
            report.hint("give the centre this site's latest card, and ask for a new answer")
        }
        CardError::NotForThisKey => report
            .hint("were the keys here made anew? then enrol this site again, and join with the new answer"),
        CardError::TooLarge | CardError::NotACard | CardError::Malformed | CardError::BadSignature => report
            .hint(
                "ask for the card again, as a file on a stick or attached to a message, and do not edit it",
            ),
    }
}

fn did_you_mean(report: Report, near: Option<&str>) -> Report {
    match near {
        Some(name) => report.hint(format!("did you mean \"{name}\"?")),
        None => report,
    }
}

fn with_source(report: Report, problem: &Problem) -> Report {
    match problem.source() {
        Some(source) => report.because(source.to_string()),
        None => report,
    }
}

fn lines_of(excerpt: &Excerpt) -> Vec<String> {
    let Excerpt { line, text, column, width } = excerpt;
    vec![format!("{line:6} | {text}"), format!("       | {:column$}{}", "", "^".repeat(*width))]
}

/// What a missing line could look like, by the end of its name.
const EXAMPLES: &[(&str, &str)] = &[
    ("role", "role = \"lab\""),
    ("site", "site = \"lab-a\""),
    ("database", "[database] and url = \"mysql://packmule@localhost/ive_ims\""),
    ("user", "user = \"packmule\""),
    ("name", "name = \"ive_ims\""),
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::config::Settings;

    /// What a person sees for a settings file with this text.
    fn seen(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packmule.toml");
        fs::write(&path, text).unwrap();
        let report = Report::from(Settings::open(&path).unwrap_err());
        assert_eq!(report.code, Exit::Settings);
        report.to_text().replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn a_mistyped_name_is_shown_with_line_and_caret() {
        assert_eq!(
            seen("role = \"lab\"\nsite = \"lab-a\"\n\n\n\n[databse]\n"),
            "packmule: error: packmule.toml line 6: unknown name \"databse\"\n     \
             6 | [databse]\n       \
               |  ^^^^^^^\n  \
             hint: did you mean \"database\"?\n"
        );
    }

    #[test]
    fn a_mistyped_word_lists_what_it_can_be() {
        assert_eq!(
            seen("role = \"labb\"\n"),
            "packmule: error: packmule.toml line 1: role cannot be \"labb\"\n     \
             1 | role\n       \
               | ^^^^\n  \
             cause: it can be lab, central\n  \
             hint: did you mean \"lab\"?\n"
        );
    }

    #[test]
    fn no_message_shows_a_password() {
        let open = "role=\"lab\"\nsite=\"a\"\n[database]\n";
        for line in [
            "url = \"mysql://p:hunter2@h:x/d\"\n",
            "url = \"mysql://p:hunter2@h/d\n",
            "url = mysql://p:hunter2@h/d\n",
            "pasword = \"hunter2\"\n",
            "name = \"d\"\nurl = \"mysql://p:hunter2@h/d\"\n",
        ] {
            let seen = seen(&format!("{open}{line}"));
            assert!(!seen.contains("hunter2"), "{seen}");
            assert!(seen.contains("line "), "{seen}");
        }
    }

    #[test]
    fn an_open_key_says_how_to_close_it() {
        let report = Report::from(Error::KeyOpen { path: PathBuf::from("lab-a/keys/sign.key"), mode: 0o644 });
        assert_eq!(report.code, Exit::Key);
        assert_eq!(
            report.to_text(),
            "packmule: error: key file lab-a/keys/sign.key can be read by others\n  \
             cause: its mode is 0644; whoever reads it can sign and read as this site\n  \
             hint: chmod 600 lab-a/keys/sign.key\n"
        );
    }

    #[test]
    fn a_changed_card_says_that_nothing_happened() {
        let report =
            Report::from(Error::Card { path: PathBuf::from("lab-a.card"), source: CardError::BadSignature });
        assert_eq!(
            report.to_text(),
            "packmule: error: lab-a.card is not a card to trust\n  \
             cause: it was changed after it was signed; nothing was changed here\n  \
             hint: ask for the card again, as a file on a stick or attached to a message, and do not edit it\n"
        );
    }
}
