//! `packmule doctor`: looks for what is wrong or will go wrong, and says what to do about it.

use serde_json::{Value, json};

use crate::cli::Context;
use crate::engine::{self, Check, Health};
use crate::report::{Exit, Report, escape};

/// Prints one line a check, and what to do below each that is not as it should be.
pub fn run(context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let findings: Vec<Finding> =
        engine::doctor(&settings, &progress).into_iter().map(Finding::from).collect();
    for line in findings.iter().flat_map(Finding::lines) {
        context.out.result(&line);
    }
    let bad = findings.iter().filter(|one| one.health == Health::Bad).count();
    context.out.result(match bad {
        0 => "Do next: nothing",
        _ => "Do next: what is said below each BAD, from the top; then packmule doctor again",
    });
    let checks: Vec<Value> = findings.iter().map(Finding::to_json).collect();
    context.out.json("packmule.doctor.v1", json!({ "checks": checks, "failing": bad }));
    Ok(if bad == 0 { Exit::Done } else { Exit::Doctor })
}

struct Finding {
    subject: &'static str,
    health: Health,
    words: String,
    remedies: Vec<String>,
    report: Option<Report>,
}

impl From<Check> for Finding {
    fn from(check: Check) -> Self {
        let Check { subject, health, words, remedy, error } = check;
        let report = error.map(Report::from);
        let mut remedies: Vec<String> =
            remedy.iter().flat_map(|remedy| remedy.lines()).map(str::to_owned).collect();
        // "packmule doctor" is what the person is looking at.
        let hints = report.iter().flat_map(|report| report.hints.clone());
        remedies.extend(hints.filter(|hint| hint != "packmule doctor"));
        // The error itself says more than that there is one.
        let words = report.as_ref().map_or(words, |report| report.what.clone());
        Finding { subject, health, words, remedies, report }
    }
}

impl Finding {
    fn lines(&self) -> Vec<String> {
        let mark = match self.health {
            Health::Good => "ok",
            Health::Notice => "note",
            Health::Bad => "BAD",
        };
        let mut lines = vec![format!("{mark:4}  {:9} {}", self.subject, escape(&self.words))];
        let mut below =
            |name: &str, text: &str| lines.push(format!("      {:9} {name}: {}", "", escape(text)));
        if let Some(cause) = self.report.as_ref().and_then(|report| report.cause.as_ref()) {
            below("cause", cause);
        }
        for remedy in &self.remedies {
            below("do", remedy);
        }
        lines
    }

    fn to_json(&self) -> Value {
        let health = match self.health {
            Health::Good => "ok",
            Health::Notice => "note",
            Health::Bad => "bad",
        };
        json!({
            "subject": self.subject,
            "health": health,
            "words": self.words,
            "remedies": self.remedies,
            "error": self.report.as_ref().map(Report::to_value),
        })
    }
}
