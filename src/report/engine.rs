//! Errors of the engine in words: which stage it was, why, and what to do.

use std::io;

use crate::engine::{Cause, Error, RuleFault};
use crate::mailbox::display_path;
use crate::model::BundleName;
use crate::report::Report;
use crate::report::account::about_account;
use crate::report::bundle::refused;
use crate::report::exit::Exit;
use crate::report::tables::tables_differ;
use crate::report::text::disk_size;
use crate::{apply, capture, ledger, seal};

impl From<Error> for Report {
    fn from(error: Error) -> Self {
        match error {
            Error::Config(error) => error.into(),
            Error::Database(error) => error.into(),
            Error::Ledger(error) => error.into(),
            Error::Capture(error) => error.into(),
            Error::Seal(error) => error.into(),
            Error::Mailbox(error) => error.into(),
            Error::Mail(error) => error.into(),
            Error::Apply { name, source } => about_apply(&name, source),
            Error::Retry { source } => {
                about_retry("what was kept of the centre's changes could not be tried again", source)
            }
            Error::Parked { source } => {
                about_retry("what was set aside because it did not fit could not be tried again", source)
            }
            Error::Key(error) => error.into(),
            Error::Bundle { path, source } => {
                let name = path.file_name().map(std::path::Path::new).unwrap_or(&path);
                refused(&display_path(name), crate::mailbox::name_hint(name).as_ref(), &source)
            }
            Error::File { path, source } => {
                about_file(format!("cannot use {}", display_path(&path)), &source)
            }
            Error::State(cause) => cause.into(),
            Error::Rekey(refusal) => refusal.into(),
            Error::Review(fault) => fault.into(),
            Error::User(fault) => fault.into(),
            Error::Rules { faults } => about_rules(&faults),
        }
    }
}

/// Rules of the centre's settings that do not suit its database: the first one, and what to do about each.
fn about_rules(faults: &[RuleFault]) -> Report {
    let first = faults.first().map(|fault| (format!("{} cannot be", fault.setting), fault.why.to_string()));
    let (what, why) = first.unwrap_or_default();
    let report = Report::new(Exit::Settings, what).because(format!("{why}; nothing was changed"));
    let hints = faults.iter().enumerate().map(|(at, fault)| match at {
        0 => fault.remedy(),
        _ => format!("also {}: {}; {}", fault.setting, fault.why, fault.remedy()),
    });
    hints.fold(report, Report::hint)
}

impl From<ledger::Error> for Report {
    fn from(error: ledger::Error) -> Self {
        let what = error.to_string();
        match error {
            ledger::Error::Database(error) => error.into(),
            ledger::Error::NotSetUp => not_set_up(what),
            ledger::Error::OtherSite { .. } => other_site(what),
            ledger::Error::ForeignConflictLog { why, remedy } => {
                in_the_way("the table conflict_log of this database cannot be extended", why, remedy)
            }
        }
    }
}

impl From<capture::Error> for Report {
    fn from(error: capture::Error) -> Self {
        let what = error.to_string();
        match error {
            capture::Error::Database(error) => error.into(),
            capture::Error::Spool(source) => about_file(what, &source),
            capture::Error::ForeignLog { why, remedy } => {
                in_the_way("the table sync_log of this database cannot be extended", why, remedy)
            }
            capture::Error::Trigger { source, .. } => Report { what, ..Report::from(source) },
            capture::Error::StampedElsewhere => Report::new(Exit::Busy, what)
                .because("something else stamps rows of sync_log; nothing was sent twice")
                .hint("run the same command again"),
        }
    }
}

impl From<seal::Error> for Report {
    fn from(error: seal::Error) -> Self {
        let what = error.to_string();
        match error {
            seal::Error::Bundle { source, .. } => {
                let cause = std::error::Error::source(&source).map(ToString::to_string);
                let report = Report::new(Exit::Failed, what).because(format!(
                    "it {source}{}",
                    cause.map(|cause| format!(": {cause}")).unwrap_or_default()
                ));
                report.hint("run `packmule export` again; the changes are still in this site's log")
            }
            seal::Error::Outbox(source) => about_file(what, &source),
            seal::Error::NoNumbersLeft => Report::new(Exit::Failed, what),
        }
    }
}

impl From<Cause> for Report {
    fn from(cause: Cause) -> Self {
        let what = cause.to_string();
        match cause {
            Cause::AtWork => Report::new(Exit::Busy, what)
                .because("it holds the lock of this site's state folder; nothing was changed")
                .hint("wait until it has ended, then run the same command again"),
            Cause::AgentAtWork => Report::new(Exit::Busy, what)
                .because("one is enough; nothing was changed")
                .hint("what it does: packmule status"),
            Cause::NotSetUp { .. } => not_set_up(what),
            Cause::OtherSite { .. } => other_site(what),
            Cause::NotJoined { site } => Report::new(Exit::Failed, what)
                .because(format!("without the answer of the centre, {site} knows no key to seal for"))
                .hint(format!("give {site}.card to the centre; it runs `packmule enrol {site}.card`"))
                .hint("then, with its answer: packmule join ANSWER"),
            Cause::TableAltered { .. } => Report::new(Exit::Database, what)
                .because("nothing was sealed; the changes are still in this site's log")
                .hint("run the same command again"),
            Cause::BackupOfNobody | Cause::BackupOfOther { .. } => other_backup(what),
            Cause::KeysRestored { .. } => keys_restored(what),
            Cause::KeyNotKept { .. } => key_not_kept(what),
            Cause::NoCentralAddress { .. } => Report::new(Exit::Settings, what)
                .because("there is no section [central]; nothing was changed, and sticks work as before")
                .hint("write into the settings, with the address from the centre: [central], url = \"mysql://...\"")
                .hint("by stick: packmule export, packmule import"),
            Cause::OnlyAtCentral { .. } | Cause::OnlyAtLab { .. } => Report::new(Exit::WrongUse, what)
                .because("nothing was changed")
                .hint("which site a settings file belongs to: packmule -c FILE config show"),
            Cause::SiteTaken { site } => Report::new(Exit::Key, what)
                .because("whoever has the enrolled keys speaks as this site; nothing was changed")
                .hint(format!("compare the six words with those that `packmule keys` prints at {site}")),
            Cause::UnknownLab { near, .. } => {
                let report = Report::new(Exit::WrongUse, what).because("nothing was changed");
                match near {
                    Some(near) => report.hint(format!("did you mean \"{near}\"?")),
                    None => report.hint("those that are: packmule sites list"),
                }
            }
            Cause::Suspended { site } => Report::new(Exit::WrongUse, what)
                .because("nothing is sealed or copied for it; nothing was changed")
                .hint(format!("packmule sites resume {site}")),
            Cause::Revoked { .. } => Report::new(Exit::WrongUse, what)
                .because("its keys are believed no more; nothing was changed")
                .hint("set the lab up anew under another name: there packmule init, here packmule enrol"),
            Cause::OwnIsAdministrator { .. } | Cause::AccountTaken { .. } | Cause::NoPassword { .. } => {
                about_account(&cause, what)
            }
            Cause::NotALab { .. } => Report::new(Exit::WrongUse, what)
                .because("only labs are enrolled; nothing was changed")
                .hint("make the lab's card at the lab: packmule init --role lab --help"),
            Cause::OldCard { site } => Report::new(Exit::Key, what)
                .because("a card that was used before tells nothing new; nothing was changed")
                .hint(format!("ask {site} for the card that `packmule recover` wrote last")),
            Cause::SeriesFull { .. } => Report::new(Exit::Settings, what)
                .because("two sites of one series would give the same keys to different rows; nothing was changed")
                .hint("set a larger `series` below [sync] in the settings of the centre, and run `packmule init` again there")
                .hint("then, for each lab that is there: packmule enrol CARD, and at the lab: packmule join ANSWER")
                .hint(
                    "in a lab that comes after that, start each table above the highest key of the centre: \
                     ALTER TABLE NAME AUTO_INCREMENT = NUMBER",
                ),
            Cause::ForgottenAndGone { name } => forgotten_and_gone(what, &name),
            Cause::WentBack { known, sealed } => went_back(known, sealed.number()),
            Cause::OutboxIncomplete { name } => outbox_incomplete(&name),
            Cause::Unshareable { table, why } => {
                Report::new(Exit::WrongUse, format!("table {table} cannot be synced"))
                    .because(format!("{why}; nothing was changed"))
                    .hint("the tables and what stands in the way of each: packmule tables")
            }
            Cause::InboxFull { name, need_bytes, free_bytes } => inbox_full(&name, need_bytes, free_bytes),
        }
    }
}

fn keys_restored(what: String) -> Report {
    Report::new(Exit::Failed, what)
        .because(
            "the database was put back, too, or is another one: a number given twice would be refused, so nothing \
             was sealed",
        )
        .hint("where the database was put back from a backup: packmule recover")
        .hint("at the centre, where its database is the newest there is: packmule keys restored")
}

fn key_not_kept(what: String) -> Report {
    Report::new(Exit::Key, what)
        .because("the folder retired beside the keys holds what was replaced; nothing was changed")
        .hint("put the keys back from a backup, with that folder")
}

fn other_backup(what: String) -> Report {
    Report::new(Exit::Key, what)
        .because("nothing was changed")
        .hint("name the settings that belong to it with -c")
}

fn inbox_full(name: &BundleName, need_bytes: u64, free_bytes: u64) -> Report {
    let (need, free) = (disk_size(need_bytes), disk_size(free_bytes));
    Report::new(Exit::Failed, format!("there is no room here to take in bundle {name}"))
        .because(format!("its private copy needs {need}, and {free} are free; nothing was changed"))
        .hint("make room on the disk of this site's state folder, then run `packmule import` again")
}

fn about_apply(name: &BundleName, error: apply::Error) -> Report {
    let BundleName { from, seq, .. } = name;
    let what = format!("bundle {seq} of {from} was not applied");
    match error {
        apply::Error::Database(error) => not_applied(what, error.into()),
        apply::Error::Ledger(error) => not_applied(what, error.into()),
        apply::Error::Bundle { source, .. } => {
            let report = refused(&name.to_string(), Some(name), &source);
            Report { code: Exit::Refused, ..report }
        }
        apply::Error::TablesDiffer { misfits, role } => tables_differ(name, &misfits, role),
        apply::Error::TooManyDeletes { table, deletes, rows, percent, limit } => {
            let (deletes, rows) = (crate::report::text::count(deletes), crate::report::text::count(rows));
            Report::new(
                Exit::Failed,
                format!(
                    "stopped before changing anything: bundle {seq} of {from} deletes at least {deletes} of {rows} rows \
                     ({percent}%) in table {table}"
                ),
            )
            .because(format!("the limit is {limit}%; was a table emptied or put back from a backup at {from}?"))
            .hint(
                "look with `packmule import --dry-run --max-delete 100`; go on with `packmule import --yes --max-delete 100`",
            )
        }
        apply::Error::MovedOn { .. } => Report::new(Exit::Busy, what)
            .because("somebody else applied bundles of the same site at the same time; nothing was changed")
            .hint("run the same command again"),
        apply::Error::NeverSent { table, record } => Report::new(
            Exit::Question,
            format!("{what}: table {table} has rows of its own here that were never sent, such as {record}"),
        )
        .because("the centre's rows would replace them unseen; nothing was changed")
        .hint(
            "send them first: run the same `packmule init` again with --adopt, then `packmule import` again",
        )
        .hint("equal rows are no conflict; rows that differ are reviewed at the centre"),
        apply::Error::ForeignReceipt { confirmed, .. } => Report::new(
            Exit::Refused,
            format!("STOPPED: {what}: it confirms a bundle {confirmed} that this database never sealed"),
        )
        .because("was this database put back from a backup? nothing was changed, and nothing more is applied")
        .hint("if there is a newer copy of the database, put it back; if there is none: packmule recover"),
        apply::Error::Spool(source) => about_file(what, &source),
    }
}

/// Words of the centre that were kept and are tried again: there is no bundle to name.
fn about_retry(what: &str, error: apply::Error) -> Report {
    let what = what.to_owned();
    match error {
        apply::Error::Database(error) => not_applied(what, error.into()),
        apply::Error::Ledger(error) => not_applied(what, error.into()),
        other @ (apply::Error::Bundle { .. }
        | apply::Error::TablesDiffer { .. }
        | apply::Error::NeverSent { .. }
        | apply::Error::ForeignReceipt { .. }
        | apply::Error::TooManyDeletes { .. }
        | apply::Error::MovedOn { .. }
        | apply::Error::Spool(_)) => {
            Report::new(Exit::Failed, what).because(format!("{other}; nothing was changed"))
        }
    }
}

/// A database error in the middle of a bundle: the bundle first, the database's words as the cause.
fn not_applied(what: String, report: Report) -> Report {
    let cause = match &report.cause {
        Some(cause) => format!("{}: {cause}; nothing was changed", report.what),
        None => format!("{}; nothing was changed", report.what),
    };
    Report { what, cause: Some(cause), ..report }
        .hint("the bundle is kept here; run `packmule import` again when the cause is mended")
}

fn not_set_up(what: String) -> Report {
    Report::new(Exit::Database, what)
        .because("packmule's own tables are not in it")
        .hint("set this site up: packmule init --help")
}

fn other_site(what: String) -> Report {
    Report::new(Exit::Settings, what)
        .because("two sites never share a database or a settings file; nothing was changed")
        .hint("name the right settings file with `-c FILE`; what this one says: packmule config show")
}

fn in_the_way(what: &str, why: String, remedy: String) -> Report {
    Report::new(Exit::Database, what)
        .because(format!("{why}; its rows are as they were"))
        .hint(remedy)
        .hint("then run the same `packmule init` again")
}

/// The database was put back from a backup: going on would give two bundles the same number.
fn forgotten_and_gone(what: String, name: &BundleName) -> Report {
    let BundleName { from, to, seq, .. } = name;
    Report::new(Exit::Failed, what)
        .because(format!(
            "the database of {to} was put back from a backup of before bundle {seq} of {from}; this snapshot would replace rows that \
             only {from} still has; nothing was changed"
        ))
        .hint(format!("put {name} back into the folder outbox, from a stick or a backup, and run the command again"))
        .hint("if it is nowhere: packmule recover, then enrol and join as it says; all rows that differ are sent again")
}

fn went_back(known: u64, sealed: u64) -> Report {
    let known = match known {
        0 => "no bundle at all".to_owned(),
        known => format!("bundles up to {known}"),
    };
    Report::new(
        Exit::Failed,
        format!("the database has gone back in time: it knows {known}, and bundle {sealed} was sealed already"),
    )
    .because(
        "it was put back from a backup, or is a copy; a number given twice would be refused at the centre, so \
         nothing was sealed",
    )
    .hint("if there is a newer copy of the database, put it back, and run the same command again")
    .hint("if there is none: packmule recover")
}

fn outbox_incomplete(name: &BundleName) -> Report {
    let BundleName { to, seq, .. } = name;
    Report::new(Exit::Failed, format!("bundle {seq} for {to} is missing from the outbox"))
        .because(format!("{name} has no receipt yet, and the bundles after it cannot be applied without it"))
        .hint(format!(
            "put {name} back into the folder outbox, from a stick or a backup, and run the command again"
        ))
        .hint(format!("where it cannot be found, at the centre: packmule sites resend {to}"))
}

fn about_file(what: String, source: &io::Error) -> Report {
    let report = Report::new(Exit::Failed, what).because(source.to_string());
    // Not a `match`: the list of kinds is the standard library's and grows.
    let kind = source.kind();
    if kind == io::ErrorKind::PermissionDenied {
        report.hint("run packmule as the user whose file or folder it is")
    } else if kind == io::ErrorKind::StorageFull {
        report.hint("make room on that disk, then run the same command again")
    } else {
        report
    }
}
