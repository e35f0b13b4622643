//! Writes the way to the centre into a lab's settings file: `[central]`. Every other line stays as it is.

use std::path::Path;

use toml::de::DeTable;

use crate::config::error::Error;
use crate::config::files::{create_private_folder, read_small_text, replace_private};
use crate::config::sealed::CentralAccess;
use crate::config::settings::{SETTINGS_BYTES_MAX, Settings};

/// What became of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CentralLines {
    /// They are in the file.
    Written,
    /// They were there already.
    Unchanged,
    /// The file says something else there, which a person must change: these lines belong into it.
    ByHand(Vec<String>),
}

/// Writes password and authority into files of their own, and the section into the settings file.
///
/// The files come first: once the settings name them, they are there.
pub fn write_central(settings: &Settings, access: &CentralAccess) -> Result<CentralLines, Error> {
    create_private_folder(&settings.state)?;
    let folder = settings.path.parent().unwrap_or(Path::new(""));
    let shown = |path: &Path| path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    let password = settings.state.join("central.password");
    replace_private(&password, format!("{}\n", access.password.expose()).as_bytes())?;
    let mut wanted = vec![("url", access.url.clone()), ("password_file", shown(&password))];
    if let Some(ca) = &access.ca {
        let path = settings.state.join("central-ca.pem");
        replace_private(&path, ca.as_bytes())?;
        wanted.push(("ca", shown(&path)));
    }
    let (text, mode) = read_small_text(&settings.path, SETTINGS_BYTES_MAX)?;
    let by_hand = || {
        let lines = wanted.iter().map(|(name, value)| format!("{name} = {}", quoted(value)));
        Ok(CentralLines::ByHand([vec!["[central]".to_owned()], lines.collect()].concat()))
    };
    let Some(changed) = with_central(&text, &wanted) else {
        return by_hand();
    };
    if changed == *text {
        return Ok(CentralLines::Unchanged);
    }
    // Never leave a file behind that the next command would refuse.
    match Settings::read(&settings.path, &changed, mode) {
        Ok(_) => {}
        Err(_) => return by_hand(),
    }
    match replace_private(&settings.path, changed.as_bytes()) {
        Ok(()) => Ok(CentralLines::Written),
        // A file of the system's, which this account may not write.
        Err(Error::Write { .. }) => by_hand(),
        Err(other) => Err(other),
    }
}

/// The text with these values in its section `[central]`; `None` where the section says it in another way.
fn with_central(text: &str, wanted: &[(&str, String)]) -> Option<String> {
    let tree = DeTable::parse(text).ok()?.into_inner();
    let Some(central) = tree.get("central") else {
        let lines: String =
            wanted.iter().map(|(name, value)| format!("{name} = {}\n", quoted(value))).collect();
        return Some(format!("{}\n\n[central]\n{lines}", text.trim_end()));
    };
    let table = central.get_ref().as_table()?;
    let others = ["host", "port", "user", "socket", "name", "password_command", "defaults_file"];
    if others.iter().any(|name| table.get(*name).is_some()) {
        return None;
    }
    let mut changed = text.to_owned();
    let mut places: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let mut missing = String::new();
    for (name, value) in wanted {
        match table.get(*name) {
            Some(found) => places.push((found.span(), quoted(value))),
            None => missing += &format!("{name} = {}\n", quoted(value)),
        }
    }
    if !missing.is_empty() {
        // Below the line of the header; an inline table has none.
        let header = text
            .match_indices("[central]")
            .map(|(at, _)| at)
            .find(|at| text.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with('\n')))?;
        let end = text.get(header..)?.find('\n').map(|length| header + length + 1);
        let at = end.unwrap_or(text.len());
        places.push((at..at, if end.is_some() { missing } else { format!("\n{missing}") }));
    }
    // From the end, so that the places before stay where they are.
    places.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, value) in places {
        changed.replace_range(range, &value);
    }
    Some(changed)
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Option<String> {
        with_central(text, &[("url", "mysql://u@h/d".to_owned()), ("password_file", "s/p".to_owned())])
    }

    #[test]
    fn a_file_without_the_section_gets_it_at_its_end() {
        let text = "a = 1 # why\n\n# [central]\n# url = \"...\"\n\n\n";
        assert_eq!(
            with(text).unwrap(),
            "a = 1 # why\n\n# [central]\n# url = \"...\"\n\n[central]\nurl = \"mysql://u@h/d\"\npassword_file = \"s/p\"\n"
        );
    }

    #[test]
    fn a_section_that_is_there_keeps_its_comments_and_its_other_lines() {
        let text = "[central] # the centre\nurl = 'mysql://old@h/d' # its address\nevery = \"5m\"\n[stick]\n";
        let changed = with(text).unwrap();
        assert_eq!(
            changed,
            "[central] # the centre\npassword_file = \"s/p\"\nurl = \"mysql://u@h/d\" # its address\nevery = \"5m\"\n[stick]\n"
        );
        assert_eq!(with(&changed).unwrap(), changed);
    }

    #[test]
    fn a_section_that_says_it_in_another_way_is_left_to_a_person() {
        assert_eq!(with("[central]\nhost = \"h\"\nuser = \"u\"\nname = \"d\"\n"), None);
        assert_eq!(with("central = { url = \"mysql://old@h/d\" }\n"), None);
        assert_eq!(
            with("[central]").unwrap(),
            "[central]\nurl = \"mysql://u@h/d\"\npassword_file = \"s/p\"\n"
        );
    }
}
