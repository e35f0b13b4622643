//! Errors of the database in words, with the server's own words and number as the cause.

use crate::db::{Class, Error};
use crate::report::Report;
use crate::report::exit::Exit;
use crate::report::tls::with_hints;

impl From<Error> for Report {
    fn from(error: Error) -> Self {
        let mut report = Report::new(Exit::Database, error.to_string());
        report.cause = error.cause();
        let code = error.code();
        match error {
            Error::Insecure { fault, .. } => with_hints(report, &fault),
            Error::Unreachable { .. } => {
                let report = match code {
                    // The server speaks, but takes nobody in just now.
                    Some(_) => report.hint("wait a little, then run the same command again"),
                    None => {
                        report.hint("start the database server, or look where it is: packmule config show")
                    }
                };
                report.hint("packmule doctor")
            }
            Error::SignIn { user, .. } => match code {
                // The password is right; the account may not use this database.
                Some(1044) => report.hint(format!("as an administrator of the server: {}", grant(&user))),
                Some(_) | None => report.hint("packmule doctor --ask-pass"),
            },
            Error::NoDatabase { .. } => {
                report.hint("look at its name: packmule config show; packmule never makes a database itself")
            }
            Error::TooOld { .. } => report
                .because("packmule needs MySQL 8.0 or MariaDB 10.4, or later")
                .hint("ask the administrator of the server for a newer one"),
            Error::Refused { class, .. } => match code {
                // Neither seal nor apply can be written to a binary log of statements.
                Some(1665) => {
                    report.hint("as an administrator of the server: SET GLOBAL binlog_format = 'MIXED'")
                }
                // A server that writes a binary log lets only SUPER make triggers, unless it is told otherwise.
                Some(1419) => report
                    .hint("as an administrator of the server: SET GLOBAL log_bin_trust_function_creators = 1")
                    .hint("and in its my.cnf, below [mysqld]: log_bin_trust_function_creators = 1")
                    .hint("then run the same `packmule init` again"),
                Some(_) | None => about_refusal(report, class),
            },
            Error::TooLong { .. } => report.hint("raise max_allowed_packet of the server, in its my.cnf"),
            Error::Misfit { .. } => report.hint("packmule doctor"),
            Error::Unexpected { .. } => {
                report.hint("look whether packmule's tables were changed by hand: packmule doctor")
            }
        }
    }
}

fn about_refusal(report: Report, class: Class) -> Report {
    match class {
        Class::TryAgain => report.hint("the server was busy; run the same command again"),
        Class::LineLost => report.hint("the line to the server broke; run the same command again"),
        Class::Rights => report
            .hint("packmule doctor names each right that is missing for everyday work, with the statement that gives it")
            .hint(format!(
                "for packmule init, ask the administrator of the server for the rights {RIGHTS} on this database; or let init make \
                 the account: --admin-defaults-file FILE"
            )),
        Class::ForeignKey | Class::Duplicate | Class::Value | Class::Other => report.hint("packmule doctor"),
    }
}

fn grant(user: &str) -> String {
    format!("GRANT {RIGHTS} ON DATABASE.* TO '{user}'@'HOST'")
}

/// What packmule needs, found by taking rights away one by one on both servers; README.md says what for.
const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, CREATE VIEW, ALTER, TRIGGER";
