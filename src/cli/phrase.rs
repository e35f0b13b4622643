//! Phrases that several commands use: runs of bundle numbers, counts of changes, lists of names.

use crate::cli::text::count;
use crate::model::ChangeCounts;

/// Writes numbers as people would: `bundle 147`, `bundles 140 to 146`, `bundles 3, 7 to 9`. Empty for none.
pub(super) fn bundles(numbers: &[u64]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in &sorted {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            Some(_) | None => runs.push((*number, *number)),
        }
    }
    let run = |(first, last): &(u64, u64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first} to {last}"),
    };
    match sorted.as_slice() {
        [] => String::new(),
        [one] => format!("bundle {one}"),
        _ => format!("bundles {}", runs.iter().map(run).collect::<Vec<_>>().join(", ")),
    }
}

/// Writes `1 change`, `1 284 changes`.
pub(super) fn number_of(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Writes `insert 1 120, update 158, delete 6`.
pub(super) fn by_kind(counts: &ChangeCounts) -> String {
    let ChangeCounts { inserts, updates, deletes } = counts;
    format!("insert {}, update {}, delete {}", count(*inserts), count(*updates), count(*deletes))
}

/// Writes the same for a program.
pub(super) fn counts_json(counts: &ChangeCounts) -> serde_json::Value {
    let ChangeCounts { inserts, updates, deletes } = counts;
    serde_json::json!({ "inserts": inserts, "updates": updates, "deletes": deletes })
}

/// Returns `is` or `are`.
pub(super) fn is_are(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_bundles_are_written_short() {
        for (numbers, words) in [
            (&[147][..], "bundle 147"),
            (&[2, 1], "bundles 1, 2"),
            (&[140, 141, 142, 146], "bundles 140 to 142, 146"),
            (&[7, 3, 8, 9, 9], "bundles 3, 7 to 9"),
            (&[], ""),
        ] {
            assert_eq!(bundles(numbers), words);
        }
    }
}
