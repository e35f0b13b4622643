//! Who may sign in to the centre's web console, and what each may do there.

use std::fmt;
use std::str::FromStr;

/// The name of a person who signs in: 1 to 40 of `a-z 0-9 . _ - @`, beginning with a letter. An address of e-mail is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

impl UserName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for UserName {
    type Err = ParseUserNameError;

    fn from_str(text: &str) -> Result<Self, ParseUserNameError> {
        let fits = (1..=40).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b));
        if fits { Ok(UserName(text.to_owned())) } else { Err(ParseUserNameError) }
    }
}

/// A text that cannot be the name of a person who signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user name has 1 to 40 of a-z, 0-9, ., _, - and @, and begins with a letter")]
pub struct ParseUserNameError;

/// What a person may do in the console. Each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserRole {
    /// Looks.
    Viewer,
    /// Decides conflicts.
    Reviewer,
    /// Does everything: takes bundles in, orders what becomes of labs, changes keys.
    Admin,
}

impl UserRole {
    /// The word for it, the same in the table, on the command line and on the pages.
    pub fn word(self) -> &'static str {
        match self {
            UserRole::Viewer => "viewer",
            UserRole::Reviewer => "reviewer",
            UserRole::Admin => "admin",
        }
    }
}

impl fmt::Display for UserRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for UserRole {
    type Err = ParseUserRoleError;

    fn from_str(text: &str) -> Result<Self, ParseUserRoleError> {
        match text {
            "viewer" => Ok(UserRole::Viewer),
            "reviewer" => Ok(UserRole::Reviewer),
            "admin" => Ok(UserRole::Admin),
            _ => Err(ParseUserRoleError),
        }
    }
}

/// A text that is none of the roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is viewer, reviewer or admin")]
pub struct ParseUserRoleError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_read_back_as_written_and_others_are_refused() {
        for text in ["a", "grace", "grace.w_2-x@ku.ac.ke", &"x".repeat(40)] {
            assert_eq!(text.parse::<UserName>().unwrap().to_string(), text);
        }
        for text in ["", "Grace", "2grace", "@grace", "gra ce", "gracé", "a\n", "a'b", &"x".repeat(41)] {
            assert_eq!(text.parse::<UserName>(), Err(ParseUserNameError), "{text:?}");
        }
    }

    #[test]
    fn a_role_is_read_back_as_written_and_stands_above_those_before_it() {
        let roles = [UserRole::Viewer, UserRole::Reviewer, UserRole::Admin];
        for role in roles {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!(roles.is_sorted());
        assert_eq!("Admin".parse::<UserRole>(), Err(ParseUserRoleError));
    }
}
