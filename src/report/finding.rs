//! What `doctor` found, in words.

use crate::engine::{Check, Health};
use crate::report::Report;

/// One thing that `doctor` looked at.
#[derive(Debug)]
pub(crate) struct Finding {
    /// What.
    pub(crate) subject: &'static str,
    /// How it is.
    pub(crate) health: Health,
    /// In words.
    pub(crate) words: String,
    /// What to do.
    pub(crate) remedies: Vec<String>,
    /// The error, where one came up.
    pub(crate) report: Option<Report>,
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
