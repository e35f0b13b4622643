//! The keys that a server gives to new rows, in words.

use serde_json::{Value, json};

use crate::engine::{SeriesOutcome, SeriesReport, ServerSettings};

/// What `--no-series` means.
pub(super) fn server(no_series: bool) -> ServerSettings {
    if no_series { ServerSettings::LeaveAlone } else { ServerSettings::Set }
}

/// The lines that say which keys new rows get, and what an administrator must write where packmule cannot.
pub(super) fn lines(report: &SeriesReport) -> Vec<String> {
    let SeriesReport { series, outcome } = report;
    let words: &[&str] = match outcome {
        SeriesOutcome::Right => &["new rows get the keys SERIES"],
        SeriesOutcome::Set => &["new rows get the keys SERIES", RECONNECT],
        SeriesOutcome::UntilRestart => &[
            "new rows get the keys SERIES until the server",
            "starts anew; for good, write below [mysqld] in its my.cnf:",
            LINES,
            RECONNECT,
        ],
        SeriesOutcome::NotAllowed => &[
            "new rows must get the keys SERIES, and this",
            "account may not set that. Ask the server's administrator to",
            "write below [mysqld] in its my.cnf, and to start it anew:",
            LINES,
        ],
        SeriesOutcome::ByCluster => &[
            "new rows must get the keys SERIES, but the server",
            "is part of a cluster (Galera), which chooses them itself.",
            "On every node: SET GLOBAL wsrep_auto_increment_control = OFF,",
            "and, with this setting, below [mysqld] in my.cnf:",
            LINES,
            "Where several nodes are written to at once, each needs an",
            "offset of its own that no lab has as its number.",
        ],
        SeriesOutcome::LeftAlone => &["left to you (--no-series); they should be SERIES"],
    };
    let mut lines = Vec::new();
    for words in words {
        if *words == LINES {
            lines.extend(series.my_cnf().map(|line| format!("  {:9}   {line}", "")));
            continue;
        }
        let name = if lines.is_empty() { "Series" } else { "" };
        lines.push(format!("  {name:9} {}", words.replace("SERIES", &series.to_string())));
    }
    lines
}

/// The lines of a dry run.
pub(super) fn preview_lines(report: &SeriesReport) -> Vec<String> {
    match report.outcome {
        SeriesOutcome::Set => vec![format!("  Series    new rows would get the keys {}", report.series)],
        SeriesOutcome::Right
        | SeriesOutcome::UntilRestart
        | SeriesOutcome::NotAllowed
        | SeriesOutcome::ByCluster
        | SeriesOutcome::LeftAlone => lines(report),
    }
}

/// What must come before anything else that is to be done next, where somebody has to set the server.
pub(super) fn first(report: Option<&SeriesReport>) -> &'static str {
    match report.map(|report| report.outcome) {
        Some(SeriesOutcome::NotAllowed | SeriesOutcome::ByCluster) => {
            "what is said of the series, before new rows are written; then "
        }
        Some(
            SeriesOutcome::Right
            | SeriesOutcome::Set
            | SeriesOutcome::UntilRestart
            | SeriesOutcome::LeftAlone,
        )
        | None => "",
    }
}

/// The same for a program.
pub(super) fn to_json(report: &SeriesReport) -> Value {
    let SeriesReport { series, outcome } = report;
    let state = match outcome {
        SeriesOutcome::Right => "right",
        SeriesOutcome::Set => "set",
        SeriesOutcome::UntilRestart => "until-restart",
        SeriesOutcome::NotAllowed => "not-allowed",
        SeriesOutcome::ByCluster => "by-cluster",
        SeriesOutcome::LeftAlone => "left-alone",
    };
    json!({ "step": series.step(), "first": series.number(), "state": state, "my_cnf": series.my_cnf() })
}

/// Stands where the two lines of the server's settings go.
const LINES: &str = "LINES";
const RECONNECT: &str = "Programs that are connected now must connect again.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Series;

    #[test]
    fn every_outcome_fits_a_narrow_window_and_the_two_lines_can_be_copied() {
        let series = Series::new(100, 1).unwrap();
        for (outcome, wants_my_cnf) in [
            (SeriesOutcome::Right, false),
            (SeriesOutcome::Set, false),
            (SeriesOutcome::UntilRestart, true),
            (SeriesOutcome::NotAllowed, true),
            (SeriesOutcome::ByCluster, true),
            (SeriesOutcome::LeftAlone, false),
        ] {
            let lines = lines(&SeriesReport { series, outcome });
            assert!(lines.iter().all(|line| line.len() <= 76 && line.is_ascii()), "{lines:?}");
            let text = lines.join("\n");
            assert!(text.starts_with("  Series    ") && text.contains("1, 101, 201, ..."), "{text}");
            let both =
                "\n              auto_increment_increment = 100\n              auto_increment_offset = 1";
            assert_eq!(text.contains(both), wants_my_cnf, "{text}");
        }
    }
}
