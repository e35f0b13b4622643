//! What a lab says of itself in the head of its bundles: its program and its server. The centre shows it to people.

/// The name under which a lab says which program made the bundle, such as `packmule 0.1.0`.
pub const PROGRAM_SETTING: &str = "program";

/// The name under which a lab says which server its database is on, such as `MariaDB 10.11.14`.
pub const SERVER_SETTING: &str = "server";

/// Reads the value of [`PROGRAM_SETTING`] or [`SERVER_SETTING`]: at most `chars_max` characters of it, on one line.
///
/// A lab can write anything there, of any length. Letters, digits and signs of ASCII stay; a question mark stands for
/// anything else, so that it does no harm wherever it is shown. `None` where it says nothing.
pub fn about_from_setting(text: &str, chars_max: usize) -> Option<String> {
    let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let said: String = text.chars().take(chars_max).map(plain).collect();
    let said = said.trim();
    (!said.is_empty()).then(|| said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_lab_says_of_itself_is_cut_and_harmless() {
        let said = |text: &str| about_from_setting(text, 16);
        assert_eq!(said("packmule 0.1.0").as_deref(), Some("packmule 0.1.0"));
        assert_eq!(said("MariaDB 10.11.14, a long story").as_deref(), Some("MariaDB 10.11.14"));
        assert_eq!(said("a\u{1b}[2J\r\n\0\u{202e}ü").as_deref(), Some("a?[2J?????"));
        assert_eq!(said(&"\u{1F40E}".repeat(1_000_000)).map(|said| said.len()), Some(16));
        assert_eq!((said(""), said("  ")), (None, None));
    }
}
