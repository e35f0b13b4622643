//! How the demo speaks: headings, paragraphs, commands as they are typed, what they answer, small tables.
//!
//! Everywhere else words belong to the command line. The demo is a person at a keyboard who explains, so it has a voice
//! of its own; where that goes is still the command line's choice.

use std::io::Write;

/// The demo's voice. No colour. An output that was closed is no reason to stop.
pub(super) struct Say<'o> {
    out: &'o mut dyn Write,
    width: usize,
    chapters: u32,
    /// Whether the last line was a check: several stand below one another.
    after_check: bool,
}

impl<'o> Say<'o> {
    /// Speaks in lines of at most `width`, but neither wider nor narrower than can be read well.
    pub(super) fn new(out: &'o mut dyn Write, width: usize) -> Self {
        Say { out, width: width.clamp(80, 100), chapters: 0, after_check: false }
    }

    /// How wide an answer may be.
    pub(super) fn answer_width(&self) -> usize {
        self.width - INDENT
    }

    /// Begins a numbered chapter.
    pub(super) fn chapter(&mut self, title: &str) {
        self.chapters += 1;
        let title = format!("{}. {title}", self.chapters);
        self.line("");
        self.line(&title);
        self.line(&"-".repeat(title.chars().count()));
    }

    /// A paragraph, with an empty line before it.
    pub(super) fn text(&mut self, words: &str) {
        self.line("");
        wrapped(words, self.width).iter().for_each(|line| self.line(line));
    }

    /// A paragraph's continuation as a list.
    pub(super) fn list(&mut self, points: &[&str]) {
        for point in points {
            for (at, line) in wrapped(point, self.width - 4).iter().enumerate() {
                self.line(&format!("  {} {line}", if at == 0 { '-' } else { ' ' }));
            }
        }
    }

    /// A command as a person would type it.
    pub(super) fn command(&mut self, words: &[&str]) {
        self.line("");
        self.next_command(words);
    }

    /// The same right below another one.
    pub(super) fn next_command(&mut self, words: &[&str]) {
        typed(words, self.width).iter().for_each(|line| self.line(line));
    }

    /// Something that was checked and is so.
    pub(super) fn check(&mut self, promise: &str) {
        if !self.after_check {
            self.line("");
        }
        for (at, line) in wrapped(promise, self.width - CHECKED.len()).iter().enumerate() {
            let head = if at == 0 { CHECKED } else { "     " };
            self.line(&format!("{head}{line}"));
        }
        self.after_check = true;
    }

    /// One line of a command's answer. A long one goes on below itself.
    pub(super) fn answer(&mut self, line: &str) {
        let words = line.trim_start();
        let indent = " ".repeat(INDENT + line.len() - words.len());
        if indent.len() + words.chars().count() <= self.width {
            return self.line(format!("{indent}{words}").trim_end());
        }
        for (at, part) in wrapped(words, self.width - indent.len() - 4).iter().enumerate() {
            let deeper = if at == 0 { "" } else { "    " };
            self.line(&format!("{indent}{deeper}{part}"));
        }
    }

    /// A table: its head first; all but the first column are numbers and stand at the right.
    pub(super) fn table(&mut self, rows: &[Vec<String>]) {
        let columns = rows.first().map_or(0, Vec::len);
        let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
        let widths: Vec<usize> =
            (0..columns).map(|column| cells(column).map(|cell| cell.len()).max().unwrap_or(0)).collect();
        self.line("");
        for row in rows {
            let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| match at {
                0 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            });
            self.answer(&cells.collect::<Vec<_>>().join("   "));
        }
    }

    /// One line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.after_check = false;
        let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}

fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Breaks a long command before an option, with the sign that a shell wants at the end of the line.
fn typed(words: &[&str], width: usize) -> Vec<String> {
    let mut lines = vec!["  $".to_owned()];
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let mut piece = quoted(word);
        // An option and its value stay together.
        if word.starts_with('-')
            && let Some(value) = words.next_if(|value| !value.starts_with('-'))
        {
            piece = format!("{piece} {}", quoted(value));
        }
        let Some(line) = lines.last_mut() else { break };
        let room = if words.peek().is_some() { " \\".len() } else { 0 };
        if line.len() + 1 + piece.len() + room > width {
            line.push_str(" \\");
            lines.push(format!("      {piece}"));
        } else {
            line.push(' ');
            line.push_str(&piece);
        }
    }
    lines
}

fn quoted(word: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "-_./:@=,".contains(sign);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

/// How far the answer of a command is set in.
const INDENT: usize = 4;
const CHECKED: &str = "[ok] ";

#[cfg(test)]
mod tests {
    use super::*;

    fn said(speak: impl FnOnce(&mut Say<'_>)) -> String {
        let mut out = Vec::new();
        speak(&mut Say::new(&mut out, 80));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_paragraph_has_lines_of_80_at_most() {
        let text = said(|say| say.text(&"seven 7 ".repeat(40)));
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert_eq!(text.split_whitespace().count(), 80);
    }

    #[test]
    fn checks_stand_below_one_another_and_apart_from_all_else() {
        let text = said(|say| {
            say.line("so it is");
            say.check("one");
            say.check(&"seven 7 ".repeat(11));
            say.text("and now");
        });
        let long = "seven 7 ".repeat(9);
        let long = long.trim_end();
        assert_eq!(text, format!("so it is\n\n[ok] one\n[ok] {long}\n     seven 7 seven 7\n\nand now\n"));
    }

    #[test]
    fn a_long_command_is_broken_before_an_option_so_that_it_can_be_copied() {
        let words = ["packmule", "-c", "lab-a.toml", "init", "--role", "lab", "--site", "lab-a"];
        let words = [&words[..], &["--database", "mysql://root@127.0.0.1:40123/ive_ims", "-n"]].concat();
        assert_eq!(
            said(|say| say.command(&words)),
            "\n  $ packmule -c lab-a.toml init --role lab --site lab-a \\\n      \
             --database mysql://root@127.0.0.1:40123/ive_ims -n\n"
        );
    }

    #[test]
    fn numbers_of_a_table_stand_below_one_another() {
        let rows = [["table", "rows"], ["items", "7"], ["loans", "12"]];
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        assert_eq!(said(|say| say.table(&rows)), "\n    table   rows\n    items      7\n    loans     12\n");
    }
}
