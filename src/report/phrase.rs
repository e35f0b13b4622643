//! Phrases that several commands use: runs of bundle numbers, counts of changes, lists of names.

use std::ops::RangeInclusive;

use crate::model::ChangeCounts;
use crate::report::text::count;

/// Writes numbers as people would: `bundle 147`, `bundles 140 to 146`, `bundles 3, 7 to 9`. Empty for none.
pub(crate) fn bundles(numbers: &[u64]) -> String {
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
    bundle_runs(&runs)
}

/// The same of runs that are known already, each by its first and last number.
pub(crate) fn bundle_runs(runs: &[(u64, u64)]) -> String {
    let run = |(first, last): &(u64, u64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first} to {last}"),
    };
    match runs {
        [] => String::new(),
        [(first, last)] if first == last => format!("bundle {first}"),
        _ => format!("bundles {}", runs.iter().map(run).collect::<Vec<_>>().join(", ")),
    }
}

/// Returns `range` without `there`, as runs. A range may be as long as a sender likes, so it is never walked through.
pub(crate) fn without(range: RangeInclusive<u64>, there: &[u64]) -> Vec<(u64, u64)> {
    let (mut first, last) = range.into_inner();
    let mut there = there.to_vec();
    there.sort_unstable();
    let mut runs = Vec::new();
    for number in there.into_iter().filter(|number| *number <= last) {
        if number > first {
            runs.push((first, number - 1));
        }
        first = first.max(number + 1);
    }
    if first <= last {
        runs.push((first, last));
    }
    runs
}

/// Writes `1 change`, `1 284 changes`.
pub(crate) fn number_of(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Writes `insert 1 120, update 158, delete 6`.
pub(crate) fn by_kind(counts: &ChangeCounts) -> String {
    let ChangeCounts { inserts, updates, deletes } = counts;
    format!("insert {}, update {}, delete {}", count(*inserts), count(*updates), count(*deletes))
}

/// Writes the same for a program.
pub(crate) fn counts_json(counts: &ChangeCounts) -> serde_json::Value {
    let ChangeCounts { inserts, updates, deletes } = counts;
    serde_json::json!({ "inserts": inserts, "updates": updates, "deletes": deletes })
}

/// Returns the text with a capital, for the beginning of a sentence.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// Returns `is` or `are`.
pub(crate) fn is_are(number: usize) -> &'static str {
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

    #[test]
    fn what_has_arrived_is_not_missing() {
        assert_eq!(without(2..=4, &[4, 5]), [(2, 3)]);
        assert_eq!(without(2..=9, &[3, 6, 7]), [(2, 2), (4, 5), (8, 9)]);
        assert_eq!(without(1..=u64::MAX - 1, &[1]), [(2, u64::MAX - 1)]);
        assert_eq!(without(2..=2, &[2]), []);
    }
}
