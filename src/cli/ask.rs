//! Questions to a person at a terminal. Where nobody can answer, the command stops before it changes anything.

use std::io::{self, BufRead, IsTerminal, Write};

use zeroize::Zeroizing;

use crate::cli::terminal::Hidden;
use crate::config::Secret;
use crate::report::{Exit, Report, escape};

/// Asks, or knows that nobody is there to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A person is at the terminal.
    Person,
    /// Nobody is, or nobody may be asked.
    Nobody,
}

impl Ask {
    /// Whether anybody can be asked; `--no-input` means that nobody may be.
    pub fn new(no_input: bool) -> Self {
        let person = !no_input && io::stdin().is_terminal() && io::stderr().is_terminal();
        if person { Ask::Person } else { Ask::Nobody }
    }

    /// Asks a question that Enter alone answers with no.
    pub fn yes_or_no(self, question: &str) -> Result<Answer, Report> {
        let line = self.line(&format!("{question} [y/N] "), "--yes")?;
        Ok(Answer::read(&line))
    }

    /// Asks a question about something that cannot be taken back: only the whole word is an answer to go on.
    pub fn typed_yes(self, question: &str) -> Result<Answer, Report> {
        let line = self.line(&format!("{question} [type yes to go on] "), "--yes")?;
        Ok(if line.trim().eq_ignore_ascii_case("yes") { Answer::Yes } else { Answer::No })
    }

    /// Asks which of several things is meant, and returns its place in the list. `flag` is what to give instead.
    pub fn which(self, question: &str, choices: &[String], flag: &str) -> Result<usize, Report> {
        let mut prompt = String::new();
        for (at, choice) in choices.iter().enumerate() {
            prompt += &format!("  {}  {}\n", at + 1, escape(choice));
        }
        let line = self.line(&format!("{prompt}{question} [1-{}] ", choices.len()), flag)?;
        let number = line.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        number.filter(|at| *at < choices.len()).ok_or_else(|| {
            let what = format!("\"{}\" is not a number from 1 to {}", line.trim(), choices.len());
            Report::new(Exit::Question, what).because("nothing was changed")
        })
    }

    /// Asks for a name; Enter alone is an empty one.
    pub fn name(self, question: &str, flag: &str) -> Result<String, Report> {
        Ok(self.line(&format!("{question}: "), flag)?.trim().to_owned())
    }

    /// Asks for a password, which does not appear on the screen.
    pub fn password(self, question: &str) -> Result<Secret, Report> {
        let line = match self {
            Ask::Nobody => self.line(question, "password_file"),
            Ask::Person => {
                let hidden = Hidden::new();
                let line = self.line(&format!("{question}: "), "password_file");
                drop(hidden);
                // The Enter was hidden too.
                let _ = writeln!(io::stderr());
                line
            }
        };
        Ok(Secret::new(line?.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn line(self, prompt: &str, instead: &str) -> Result<Zeroizing<String>, Report> {
        let question = prompt.lines().last().unwrap_or_default().split(" [").next().unwrap_or_default();
        let nobody = || {
            Report::new(Exit::Question, format!("a question needs an answer: {}", question.trim()))
                .because("nobody is here to answer; nothing was changed")
                .hint(format!("answer it beforehand with `{instead}`"))
        };
        match self {
            Ask::Nobody => Err(nobody()),
            Ask::Person => {
                let _ = write!(io::stderr(), "{prompt}").and_then(|()| io::stderr().flush());
                let mut line = Zeroizing::new(String::new());
                match io::stdin().lock().read_line(&mut line) {
                    Ok(0) | Err(_) => Err(nobody()),
                    Ok(_) => Ok(line),
                }
            }
        }
    }
}

/// What a person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Leave everything as it is.
    No,
}

impl Answer {
    fn read(line: &str) -> Self {
        match line.trim().to_lowercase().as_str() {
            "y" | "yes" => Answer::Yes,
            _ => Answer::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for line in ["y\n", "Y", " yes\r\n", "YES"] {
            assert_eq!(Answer::read(line), Answer::Yes, "{line:?}");
        }
        for line in ["", "\n", "n", "no", "yesno", "ye"] {
            assert_eq!(Answer::read(line), Answer::No, "{line:?}");
        }
    }

    #[test]
    fn where_nobody_can_answer_the_flag_is_named() {
        let report = Ask::Nobody.yes_or_no("Do the six words agree?").unwrap_err();
        assert_eq!(report.code.number(), 18);
        assert_eq!(
            report.to_text(),
            "packmule: error: a question needs an answer: Do the six words agree?\n  \
             cause: nobody is here to answer; nothing was changed\n  \
             hint: answer it beforehand with `--yes`\n"
        );
        let sticks = ["/media/a".to_owned(), "/media/b".to_owned()];
        let report = Ask::Nobody.which("Which stick?", &sticks, "packmule export DIR").unwrap_err();
        assert_eq!(report.what, "a question needs an answer: Which stick?");
    }
}
