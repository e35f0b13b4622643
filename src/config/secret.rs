//! A text that nobody may see: a password.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

/// Draws a password of 192 random bits from the system. It holds every sort of character that servers ask for, and
/// none that SQL, TOML or a shell would take for something else.
pub fn new_password() -> std::io::Result<Secret> {
    let mut random = Zeroizing::new([0; 24]);
    getrandom::getrandom(random.as_mut_slice()).map_err(std::io::Error::other)?;
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(random.as_slice()));
    Ok(Secret::new(format!("Pm-7{}", text.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_plain_and_never_the_same() {
        let (one, two) = (new_password().unwrap(), new_password().unwrap());
        assert_ne!(one.expose(), two.expose());
        assert_eq!(one.expose().len(), 36);
        assert!(one.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert!(!format!("{:?}", Some(Secret::new("hunter2".into()))).contains("hunter2"));
    }
}
