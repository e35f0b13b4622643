//! `packmule doctor`: looks for what is wrong or will go wrong, and says what to do about it.

use serde_json::{Value, json};

use crate::cli::Context;
use crate::engine::{self, Health};
use crate::report::{Exit, Finding, Report, escape};

/// Prints one line a check, and what to do below each that is not as it should be.
pub fn run(context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let findings: Vec<Finding> =
        engine::doctor(&settings, &progress).into_iter().map(Finding::from).collect();
    for line in findings.iter().flat_map(lines) {
        context.out.result(&line);
    }
    let bad = findings.iter().filter(|one| one.health == Health::Bad).count();
    context.out.result(match bad {
        0 => "Do next: nothing",
        _ => "Do next: what is said below each BAD, from the top; then packmule doctor again",
    });
    let checks: Vec<Value> = findings.iter().map(to_json).collect();
    context.out.json("packmule.doctor.v1", json!({ "checks": checks, "failing": bad }));
    Ok(if bad == 0 { Exit::Done } else { Exit::Doctor })
}

/// One line a check, and what to do below.
fn lines(finding: &Finding) -> Vec<String> {
    let mark = match finding.health {
        Health::Good => "ok",
        Health::Notice => "note",
        Health::Bad => "BAD",
    };
    let mut lines = vec![format!("{mark:4}  {:9} {}", finding.subject, escape(&finding.words))];
    let mut below = |name: &str, text: &str| lines.push(format!("      {:9} {name}: {}", "", escape(text)));
    if let Some(cause) = finding.report.as_ref().and_then(|report| report.cause.as_ref()) {
        below("cause", cause);
    }
    for remedy in &finding.remedies {
        below("do", remedy);
    }
    lines
}

fn to_json(finding: &Finding) -> Value {
    let health = match finding.health {
        Health::Good => "ok",
        Health::Notice => "note",
        Health::Bad => "bad",
    };
    json!({
        "subject": finding.subject,
        "health": health,
        "words": finding.words,
        "remedies": finding.remedies,
        "error": finding.report.as_ref().map(Report::to_value),
    })
}
