//! What can go wrong with the mail in the centre's database, in words. Whatever it is, nothing is lost by it.

use crate::mailbox::MailError;
use crate::report::Report;
use crate::report::exit::Exit;

impl From<MailError> for Report {
    fn from(error: MailError) -> Self {
        let what = error.to_string();
        match error {
            MailError::Unreachable { source } => unreachable(what, &source),
            MailError::Insecure { source } => {
                let cause = format!("{source}: {}; everything is kept here", words(&source));
                Report { code: Exit::Unreachable, what, cause: Some(cause), ..Report::from(source) }
            }
            MailError::Dropped { source } => Report::new(Exit::Unreachable, what)
                .because(format!("{}; what has arrived stays there", words(&source)))
                .hint("run the same command again: it goes on where the line broke"),
            MailError::Busy { source } => Report::new(Exit::Unreachable, what)
                .because(format!("{}; what has arrived stays there, the rest is kept here", words(&source)))
                .hint("run the same command again after a while")
                .hint("if it stays so, at the centre: look which account holds a transaction open (SHOW PROCESSLIST)"),
            MailError::NotLetIn { source } => Report::new(Exit::Database, what)
                .because(format!("{source}: {}; everything is kept here", words(&source)))
                .hint("look at user and password below [central]: packmule config show")
                .hint("ask the centre whether this lab's account is there"),
            MailError::NoMail { source } => Report::new(Exit::Database, what)
                .because(format!("{}; everything is kept here", words(&source)))
                .hint("look at the address below [central]: packmule config show")
                .hint("the centre needs a packmule that keeps mail: there, any command that changes something, such as `packmule push`"),
            MailError::Closed { .. } => Report::new(Exit::Unreachable, what)
                .because("its mail was closed at the centre, or never opened; everything is kept here")
                .hint("ask the centre; by stick: packmule export"),
            MailError::OtherSite { .. } | MailError::OtherCentre { .. } => Report::new(Exit::Settings, what)
                .because("nothing was sent or fetched")
                .hint("look at the address and user below [central]: packmule config show"),
            MailError::OtherProtocol { .. } => Report::new(Exit::Failed, what)
                .because("the packmule at the centre is newer, or older; everything is kept here")
                .hint("install the same packmule at both ends; sticks work until then"),
            MailError::Quota { words } => Report::new(Exit::Unreachable, what)
                .because(format!("there would be {words}; what is not sent is kept here and will be sent next time"))
                .hint("wait until the centre has taken in what lies there; at the centre: packmule pull")
                .hint("if that is done, the centre can raise `quota` and `quota_bundles` below [mail] in its settings"),
            MailError::Damaged { name, part } => {
                let which = part.map_or("its parts do not make up the file".to_owned(), |part| {
                    format!("part {part} is not what its hash says")
                });
                Report::new(Exit::Refused, what)
                    .because(format!("{which}; nothing of it was used, and {} still has these changes", name.from))
                    .hint(format!("ask {} to run `packmule push` again, or to send it by stick: packmule export", name.from))
            }
            MailError::Differs { .. } => Report::new(Exit::Refused, what)
                .because("two uploads of one bundle did not agree; it is kept here")
                .hint("wait until the centre has looked at it (there: packmule pull), then run the same command again"),
            MailError::Gone { .. } => Report::new(Exit::Unreachable, what)
                .because("it was taken away while it was fetched; nothing is lost")
                .hint("run the same command again"),
            MailError::Useless { name } => Report::new(Exit::Refused, what)
                .because("it was fetched before and refused; it is not fetched again, and nothing was changed")
                .hint(format!("tell {}; what it puts in its place comes with the next `packmule pull`", name.from)),
            MailError::Source { source, .. } => Report::new(Exit::Failed, what)
                .because(source.to_string())
                .hint("look at the disk of this site's state folder: packmule doctor"),
            MailError::Folder(error) => Report { code: Exit::Failed, ..Report::from(error) },
            MailError::Refused { source } => Report::new(Exit::Database, what)
                .because(format!("{}; everything is kept here", words(&source)))
                .hint("run the same command again; if that does not help, ask the centre"),
        }
    }
}

fn unreachable(what: String, source: &crate::db::Error) -> Report {
    Report::new(Exit::Unreachable, what)
        .because(format!("{source}: {}; everything is kept here and will be sent next time", words(source)))
        .hint("run the same command again when there is a connection")
        .hint("or by stick: packmule export")
}

fn words(source: &crate::db::Error) -> String {
    source.cause().unwrap_or_else(|| source.to_string())
}
