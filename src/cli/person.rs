//! Who it is that decides: a name that is given, or that of the user of this computer.

use std::env;

use crate::report::{Exit, Report};

/// The name under which a decision is remembered.
pub(super) fn decider(given: Option<&str>) -> Result<String, Report> {
    const CHARS_MAX: usize = 60;
    // Behind `sudo` stands a person.
    let user = ["SUDO_USER", "USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| env::var(name).ok());
    let name = given.map(str::to_owned).or(user).unwrap_or_default().trim().to_owned();
    let hint = "say who decides: --by NAME";
    if name.is_empty() {
        return Err(Report::new(Exit::WrongUse, "nobody knows who decides")
            .because("this computer does not say who its user is; nothing was changed")
            .hint(hint));
    }
    // So begin the names of rules, which people may overturn.
    let is_fine = name.chars().count() <= CHARS_MAX
        && !name.starts_with("rule:")
        && !name.chars().any(char::is_control);
    if !is_fine {
        return Err(Report::new(Exit::WrongUse, "the name of who decides cannot be used")
            .because(format!("it has {CHARS_MAX} characters at most, and does not begin with \"rule:\"; nothing was changed"))
            .hint(hint));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_taken_for_a_rule_is_refused() {
        assert_eq!(decider(Some(" grace ")).unwrap(), "grace");
        for name in ["rule: lab-wins", "a\nb", &"x".repeat(61)] {
            assert_eq!(decider(Some(name)).unwrap_err().code, Exit::WrongUse, "{name}");
        }
    }
}
