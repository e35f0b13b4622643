//! Errors about the account that packmule is to have, in words.

use crate::engine::Cause;
use crate::report::Report;
use crate::report::exit::Exit;

/// Says why an account was not made; `what` is the error itself.
pub(crate) fn about_account(cause: &Cause, what: String) -> Report {
    if let Cause::AccountTaken { account } = cause {
        return Report::new(Exit::Database, what)
            .because("an application may be using it; nothing was changed")
            .hint("name another account behind --database, or give this one's password: --ask-pass")
            .hint(format!("or, if nobody uses it, as an administrator of the server: DROP USER {account}"));
    }
    if let Cause::NoPassword { .. } = cause {
        return Report::new(Exit::Settings, what)
            .because("the account cannot be made without one; nothing was changed")
            .hint(
                "write `password_file = \"FILE\"` below [database], with a password of your own in the file",
            );
    }
    Report::new(Exit::WrongUse, what)
        .because("the account that works every day should be able to do no more than that")
        .hint("name another one behind --database: mysql://packmule@HOST/NAME; it need not exist yet")
}
