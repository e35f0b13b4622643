//! A text that nobody may see: a password.

use std::fmt;

use zeroize::Zeroizing;

/// A password. Cannot be printed or copied, and is wiped when dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a password that was just read.
    pub fn new(text: String) -> Self {
        Secret(Zeroizing::new(text))
    }

    /// The password itself, for the one call that signs in.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        assert!(!format!("{:?}", Some(Secret::new("hunter2".into()))).contains("hunter2"));
    }
}
