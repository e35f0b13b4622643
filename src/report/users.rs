//! Users of the console that cannot be added, changed or removed so, in words. Nothing has changed then.

use crate::engine::UserFault;
use crate::report::Report;
use crate::report::exit::Exit;

impl From<UserFault> for Report {
    fn from(fault: UserFault) -> Self {
        let report = Report::new(Exit::WrongUse, fault.to_string()).because("nothing was changed");
        match fault {
            UserFault::Taken { name } => report
                .hint(format!("another password: packmule users password {name}"))
                .hint(format!("another role: packmule users role {name} ROLE")),
            UserFault::Unknown { near: Some(near), .. } => report.hint(format!("did you mean \"{near}\"?")),
            UserFault::Unknown { near: None, .. } => report.hint("those that there are: packmule users"),
            UserFault::LastAdmin { .. } => Report { cause: None, ..report }
                .because("nobody would be left who may do everything; nothing was changed")
                .hint("make somebody else an admin first: packmule users role NAME admin"),
            UserFault::PasswordTooShort => report.hint("four or more words that belong to no sentence"),
            UserFault::PasswordTooLong | UserFault::PasswordIsName => report,
        }
    }
}
