//! Why a bundle was refused, in words: copy again, ask the sender, or call the centre.

use crate::bundle::Error;
use crate::model::BundleName;
use crate::report::Report;
use crate::report::exit::Exit;
use crate::report::text::escape;

/// What is said of a refused bundle. `name` is what people see; `claims` is what it says of itself, never proven.
pub(crate) fn refused(name: &str, claims: Option<&BundleName>, error: &Error) -> Report {
    let sender = claims.map_or("the sender".to_owned(), |claims| claims.from.to_string());
    let report = Report::new(code_of(error), format!("{name} {}", escape(&error.to_string())));
    let again = format!(
        "ask {sender} to run `packmule export` again and to wait for \"You can take the stick out now\""
    );
    match error {
        Error::Incomplete { .. } => report
            .because(format!(
                "the copy was cut short; nothing was changed here, and {sender} still has these changes"
            ))
            .hint(again),
        Error::Damaged { .. } => report
            .because(format!(
                "the copy went wrong; nothing was changed here, and {sender} still has these changes"
            ))
            .hint(again),
        Error::BadSignature => report
            .because(format!("these are not the bytes that {sender} signed; nothing was changed here"))
            .hint(again)
            .hint("if a fresh copy is refused as well, somebody altered it: tell the centre"),
        Error::NotABundle { .. } => report
            .because("it is another file, or was packed again by another program; nothing was changed here")
            .hint("leave it alone, or ask whoever made it what it is"),
        Error::UnknownSigner { .. } => report
            .because("whoever signed it is not known here; nothing was changed here")
            .hint(format!(
                "if {sender} is a lab that is not enrolled yet, at the centre: packmule enrol {sender}.card"
            ))
            .hint(format!("if {sender} has new keys, an earlier bundle names them: ask for another export")),
        Error::WrongSigner { .. } => report
            .because("one site never speaks for another; nothing was changed here")
            .hint("tell the centre"),
        Error::NotInForce { signer, .. } => report
            .because(format!(
                "{signer} has told this site which key it signs with here; nothing was changed here"
            ))
            .hint(format!("somebody may have the old key of {signer}: compare `packmule keys` with it"))
            .hint(format!("or was {signer} put back to before its new keys? see \"Lost keys\" in README.md")),
        Error::TooNew { .. } => report
            .because(format!("{sender} has a newer packmule than this site; nothing was changed here"))
            .hint("install the newer packmule here, then run `packmule import` again"),
        Error::CannotDecrypt => report
            .because("it was sealed for other keys; nothing was changed here")
            .hint(format!("was this site set up anew? then {sender} needs its new card or answer"))
            .hint("or put back to before its new keys? see \"Lost keys\" in README.md"),
        Error::Manifest { .. } | Error::Foreign { .. } | Error::Payload { .. } | Error::TooLarge { .. } => {
            report
                .because(format!(
                    "its signature is good, so the packmule at {sender} has a fault; nothing was changed here"
                ))
                .hint("tell the centre, and keep the file")
        }
        Error::Read { source } => {
            report.because(source.to_string()).hint("try again, or copy the bundle again from where it came")
        }
        Error::Write { source } => report.because(source.to_string()),
        Error::Sign { source } => report.because(source.to_string()),
    }
}

fn code_of(error: &Error) -> Exit {
    match error {
        Error::NotABundle { .. }
        | Error::Incomplete { .. }
        | Error::Damaged { .. }
        | Error::BadSignature
        | Error::UnknownSigner { .. }
        | Error::WrongSigner { .. }
        | Error::NotInForce { .. }
        | Error::Manifest { .. }
        | Error::TooNew { .. }
        | Error::Foreign { .. }
        | Error::CannotDecrypt
        | Error::Payload { .. }
        | Error::TooLarge { .. } => Exit::Refused,
        Error::Read { .. } => Exit::Stick,
        Error::Write { .. } => Exit::Failed,
        Error::Sign { .. } => Exit::Key,
    }
}
