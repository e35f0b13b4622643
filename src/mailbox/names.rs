//! File names in mailboxes: how one is shown, what it hints at, and the next name when one is taken.
//!
//! A name is never believed. People rename, mail and download bundles, FAT folds case and drops dots, and a
//! stick can hold names made to deceive a terminal.

use std::fmt::Write as _;
use std::path::Path;

use crate::model::BundleName;

/// Returns a path as it may be printed: control characters, and those that turn the reading direction or
/// cannot be seen, are written as `\u{1b}`.
pub fn display_path(path: &Path) -> String {
    let mut shown = String::new();
    for character in path.to_string_lossy().chars() {
        if is_deceptive(character) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "{}", character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Returns the bundle name that a file name begins with, whatever was added by a file manager (` (1)`), by
/// packmule itself (`.2.mule`) or by a file system that folds case. A help to sorting and to messages only.
pub fn name_hint(path: &Path) -> Option<BundleName> {
    let text = path.file_name()?.to_str()?.to_ascii_lowercase();
    let mut fields = text.splitn(4, '.');
    let (from, to, incarnation) = (fields.next()?, fields.next()?, fields.next()?);
    let seq = fields.next()?.get(..10)?;
    format!("{from}.{to}.{incarnation}.{seq}.mule").parse().ok()
}

/// Returns the name's spelling as the `number`-th file that wants it: `NAME.mule`, `NAME.2.mule`, `NAME.3.mule`.
pub(super) fn numbered(name: &BundleName, number: u32) -> String {
    let plain = name.to_string();
    match plain.strip_suffix(".mule") {
        Some(stem) if number > 1 => format!("{stem}.{number}.mule"),
        Some(_) | None => plain,
    }
}

/// Whether the file's name ends in `.mule`, in any case.
pub(super) fn is_mule(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mule"))
}

/// What macOS and Windows leave on every stick. `._a.mule` has the name of a bundle and is none.
pub(super) fn is_litter(file_name: &str) -> bool {
    const LITTER: [&str; 9] = [
        ".trashes",
        ".trash",
        ".spotlight-v100",
        ".fseventsd",
        ".temporaryitems",
        "system volume information",
        "$recycle.bin",
        "recycler",
        "lost+found",
    ];
    let lower = file_name.to_ascii_lowercase();
    lower.starts_with("._") || lower.starts_with(".trash-") || LITTER.contains(&lower.as_str())
}

fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "lab-a.central.7f3a9c21.0000000042.mule";

    #[test]
    fn a_name_cannot_speak_to_the_terminal() {
        assert_eq!(
            display_path(Path::new("a\u{1b}[2J\n\u{202e}elum.b\u{9b}é")),
            "a\\u{1b}[2J\\u{a}\\u{202e}elum.b\\u{9b}é"
        );
        assert_eq!(display_path(Path::new("/media/grace/KINGSTON 8")), "/media/grace/KINGSTON 8");
    }

    #[test]
    fn the_hint_survives_what_people_and_systems_do_to_names() {
        let name: BundleName = NAME.parse().unwrap();
        for text in [
            NAME,
            "LAB-A.CENTRAL.7F3A9C21.0000000042.MULE",
            "lab-a.central.7f3a9c21.0000000042 (1).mule",
            "lab-a.central.7f3a9c21.0000000042.2.mule",
            "dir/lab-a.central.7f3a9c21.0000000042.mule.txt",
        ] {
            assert_eq!(name_hint(Path::new(text)), Some(name.clone()), "{text:?}");
        }
        for text in ["photo.jpg", "", "a.b.c.d", "lab-a.central.7f3a9c21.00000000\u{e9}2.mule", ".mule"] {
            assert_eq!(name_hint(Path::new(text)), None, "{text:?}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_end() {
        let name: BundleName = NAME.parse().unwrap();
        assert_eq!(numbered(&name, 1), NAME);
        assert_eq!(numbered(&name, 2), "lab-a.central.7f3a9c21.0000000042.2.mule");
        assert_eq!(name_hint(Path::new(&numbered(&name, 99))), Some(name));
    }

    #[test]
    fn litter_is_known_in_any_case() {
        for text in ["._a.mule", ".Trashes", ".Trash-1000", "System Volume Information", "$RECYCLE.BIN"] {
            assert!(is_litter(text), "{text:?}");
        }
        assert!(!is_litter(NAME) && !is_litter("packmule"));
    }
}
