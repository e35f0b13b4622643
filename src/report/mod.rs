//! What a person is told when a command could not do its work: what, why, what to do, and the exit code.

mod account;
mod arrival;
mod bundle;
mod cell;
mod config;
mod conflict;
mod database;
mod decision;
mod engine;
mod exit;
mod facts;
mod finding;
mod mail;
mod peer;
mod phrase;
mod rekey;
mod review;
mod site;
mod stick;
mod tables;
mod text;
mod tls;
mod unparked;
mod users;

use serde_json::{Value, json};

pub(crate) use arrival::{Concern, Told, tell, waiting};
pub(crate) use cell::{cell, cut, difference};
pub(crate) use conflict::{
    approve_words, compared, conflict_facts, conflict_headline, reject_words, shows_now,
};
pub(crate) use decision::{decided_words, overruled_words};
pub use exit::Exit;
pub use facts::Facts;
pub(crate) use facts::wrap;
pub(crate) use finding::Finding;
pub(crate) use peer::{amount, from_words, moment, peer_json, pile, to_words, under_way, waiting_words};
pub(crate) use phrase::{bundles, by_kind, capital, counts_json, is_are, number_of};
pub(crate) use site::{enrolled_next, enrolled_there, order_facts, order_words, site_facts};
pub(crate) use stick::no_stick;
pub use text::{count, disk_size, escape, size};
pub(crate) use text::{object, percent};
pub(crate) use unparked::{unparked_json, unparked_line};

/// One error in words. Every error of the program ends as one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The exit code.
    pub code: Exit,
    /// What is the matter, in one line.
    pub what: String,
    /// A place in a file, as lines to print with a caret below.
    pub excerpt: Vec<String>,
    /// Why, in the words of the database or system where it has any.
    pub cause: Option<String>,
    /// What to do, best as a command to copy.
    pub hints: Vec<String>,
}

impl Report {
    /// A report that says only what is the matter.
    pub fn new(code: Exit, what: impl Into<String>) -> Self {
        Report { code, what: what.into(), excerpt: Vec::new(), cause: None, hints: Vec::new() }
    }

    /// Says why as well.
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Says what to do as well.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The lines for a terminal.
    pub fn to_text(&self) -> String {
        let mut text = format!("packmule: error: {}\n", escape(&self.what));
        for line in &self.excerpt {
            text += &format!("{}\n", escape(line));
        }
        if let Some(cause) = &self.cause {
            text += &format!("  cause: {}\n", escape(cause));
        }
        for hint in &self.hints {
            text += &format!("  hint: {}\n", escape(hint));
        }
        text
    }

    /// The object for a program, `packmule.error.v1`, on one line.
    pub fn to_json(&self) -> String {
        object("packmule.error.v1", self.to_value())
    }

    /// The same as a part of another object.
    pub fn to_value(&self) -> Value {
        let Report { code, what, excerpt: _, cause, hints } = self;
        json!({ "exit": code.number(), "error": what, "cause": cause, "hints": hints })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_why_and_what_to_do_each_have_their_line() {
        let report = Report::new(Exit::Database, "cannot sign in to MySQL at 127.0.0.1:3306 as 'packmule'")
            .because("Access denied for user 'packmule'@'localhost' (1045)")
            .hint("packmule doctor --ask-pass");
        assert_eq!(
            report.to_text(),
            "packmule: error: cannot sign in to MySQL at 127.0.0.1:3306 as 'packmule'\n  \
             cause: Access denied for user 'packmule'@'localhost' (1045)\n  \
             hint: packmule doctor --ask-pass\n"
        );
        assert_eq!(
            report.to_json(),
            "{\"format\":\"packmule.error.v1\",\
             \"cause\":\"Access denied for user 'packmule'@'localhost' (1045)\",\
             \"error\":\"cannot sign in to MySQL at 127.0.0.1:3306 as 'packmule'\",\
             \"exit\":12,\"hints\":[\"packmule doctor --ask-pass\"]}"
        );
    }

    #[test]
    fn a_foreign_text_stays_on_its_line() {
        let report = Report::new(Exit::Refused, "bundle x\npackmule: all is well\x1b[8m");
        assert_eq!(report.to_text().lines().count(), 1);
    }
}
