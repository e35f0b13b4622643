//! A length of time as people write it: `30s`, `30m`, `2h`, `1d`.

use std::time::Duration;

/// Reads `30s`, `30m`, `2h` or `1d`: from a second to a year. `None` for anything else.
pub fn parse(text: &str) -> Option<Duration> {
    let (number, seconds) = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        .iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit).map(|number| (number, *seconds)))?;
    if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let total = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    (1..=366 * 86_400).contains(&total).then(|| Duration::from_secs(total))
}

/// Writes it in the largest unit that needs no fraction.
pub(super) fn to_words(every: Duration) -> String {
    let total = every.as_secs();
    let (seconds, unit) = [(86_400, "d"), (3600, "h"), (60, "m")]
        .into_iter()
        .find(|(seconds, _)| total != 0 && total.is_multiple_of(*seconds))
        .unwrap_or((1, "s"));
    format!("{}{unit}", total / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_read_back_as_written() {
        for text in ["1s", "90s", "30m", "2h", "7d"] {
            assert_eq!(to_words(parse(text).unwrap()), text);
        }
        for text in ["", "30", "m", "-1m", "+1m", "0s", "1.5h", "30 m", "9999999999999999999d", "367d"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
