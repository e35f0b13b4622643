//! Names with words beside them, and sentences, broken between words where a window is narrow.

use crate::report::text::escape;

/// Lines of `  name  words`. In a window too narrow for both, the words stand below their names.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    lines: Vec<(String, String)>,
    is_flush: bool,
}

impl Facts {
    /// The same without blanks before the names, for a list that is the matter itself.
    pub fn flush() -> Self {
        Facts { is_flush: true, ..Facts::default() }
    }

    /// Adds a line; control characters in it become harmless. An empty name goes on with what stands above.
    pub fn add(&mut self, name: &str, words: impl AsRef<str>) {
        self.lines.push((escape(name), escape(words.as_ref())));
    }

    /// The names and their words, in order, harmless on any screen.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.lines
    }

    /// The lines, none of them longer than `width` where that is possible.
    pub fn render(&self, width: Option<usize>) -> Vec<String> {
        const WORDS_MIN: usize = 24;
        const NAMES_MAX: usize = 40;
        let lead = if self.is_flush { 0 } else { LEAD };
        let names = self.lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(NAMES_MAX);
        let column = lead + names + GAP;
        let is_narrow = width.is_some_and(|width| width < column + WORDS_MIN);
        let render = |(name, words): &(String, String)| {
            if is_narrow {
                let mut lines =
                    if name.is_empty() { Vec::new() } else { vec![format!("{:lead$}{name}", "")] };
                let below = lead + LEAD;
                lines.extend(wrap(&format!("{:below$}{words}", ""), width, below));
                return lines;
            }
            wrap(&format!("{:lead$}{name:names$}{:GAP$}{words}", "", ""), width, column)
        };
        self.lines.iter().flat_map(render).collect()
    }
}

/// Breaks a line between words, so that none is longer than `width`; all but the first begin with `indent` blanks.
///
/// A word that is longer stays whole: a path or key that is copied must not have a break in it.
pub(crate) fn wrap(line: &str, width: Option<usize>, indent: usize) -> Vec<String> {
    let Some(width) = width.filter(|width| line.chars().count() > *width) else {
        return vec![line.to_owned()];
    };
    // Blanks at the beginning, and between a name and its words, belong to the first word.
    let text = line.trim_start();
    let mut lines = Vec::new();
    let mut open = line[..line.len() - text.len()].to_owned();
    let mut is_empty = true;
    for (at, word) in words(text) {
        let gap = if is_empty { "" } else { at };
        let length = open.chars().count() + gap.chars().count() + word.chars().count();
        if !is_empty && length > width {
            lines.push(std::mem::take(&mut open));
            open = format!("{:indent$}{word}", "");
        } else {
            open = format!("{open}{gap}{word}");
        }
        is_empty = false;
    }
    lines.push(open);
    lines
}

/// The words of a text, each with the blanks before it.
fn words(text: &str) -> Vec<(&str, &str)> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let trimmed = rest.trim_start_matches(' ');
        let (blanks, after) = rest.split_at(rest.len() - trimmed.len());
        let (word, next) = after.split_at(after.find(' ').unwrap_or(after.len()));
        words.push((blanks, word));
        rest = next;
    }
    words
}

const LEAD: usize = 2;
const GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_beside_their_names_and_go_on_below_them() {
        let mut facts = Facts::default();
        facts.add("To send", "items 1, shelves 12");
        facts.add("From central", "bundle 31 applied, 8 Nov 2026 16:40 UTC, and more than fits");
        assert_eq!(
            facts.render(Some(60)),
            [
                "  To send       items 1, shelves 12",
                "  From central  bundle 31 applied, 8 Nov 2026 16:40 UTC, and",
                "                more than fits",
            ]
        );
        assert_eq!(facts.render(None).len(), 2);
    }

    #[test]
    fn in_a_window_of_30_columns_they_stand_below() {
        let mut facts = Facts::default();
        facts.add("From central", "bundle 31 applied, 8 Nov 2026 16:40 UTC");
        facts.add("", "and\x1b more");
        assert_eq!(
            facts.render(Some(30)),
            ["  From central", "    bundle 31 applied, 8 Nov", "    2026 16:40 UTC", "    and\\u{1b} more",]
        );
    }

    #[test]
    fn a_long_word_stays_whole() {
        assert_eq!(wrap("see /a/very/long/path now", Some(10), 2), ["see", "  /a/very/long/path", "  now"]);
        assert_eq!(wrap("", Some(10), 2), [""]);
        assert_eq!(wrap("Kĩambu one two", Some(10), 0), ["Kĩambu one", "two"]);
    }
}
