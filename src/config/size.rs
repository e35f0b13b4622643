//! A size as people write it: `64MiB`, `2GiB`.

/// From which size on a seal goes on in a next bundle, in bytes, where the settings do not say it: a cheap stick
/// copies so much in a few minutes, and what a pulled stick costs is one bundle.
pub(super) const BUNDLE_BYTES_DEFAULT: u64 = 512 << 20;

/// Reads `64MiB` or `2GiB`: from 1 MiB to 4 GiB, the most that FAT32 can hold. `None` for anything else.
pub(super) fn parse(text: &str) -> Option<u64> {
    bytes(text).filter(|total| (1 << 20..=4 << 30).contains(total))
}

/// Reads how much may wait in a place that is not a stick: from 1 MiB to 1024 TiB. `None` for anything else.
pub(super) fn parse_quota(text: &str) -> Option<u64> {
    bytes(text).filter(|total| (1 << 20..=1 << 50).contains(total))
}

/// Reads how much may go over a line each second: from 1 KiB to 4 GiB. `None` for anything else.
pub fn parse_rate(text: &str) -> Option<u64> {
    bytes(text).filter(|total| (1 << 10..=4 << 30).contains(total))
}

/// Reads a whole number with its unit.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = UNITS.iter().find_map(|(word, shift)| {
        text.strip_suffix(word).map(|number| (number.trim_end(), 1_u64 << shift))
    })?;
    if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// Writes it in the largest unit that needs no fraction.
pub(super) fn to_words(size_bytes: u64) -> String {
    let largest = UNITS.iter().rev().find(|(_, shift)| size_bytes.is_multiple_of(1 << shift));
    let (word, shift) = largest.copied().unwrap_or(("B", 0));
    format!("{}{word}", size_bytes >> shift)
}

const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_back_as_written() {
        for text in ["1MiB", "512MiB", "3GiB"] {
            assert_eq!(parse(text).map(to_words).as_deref(), Some(text));
        }
        assert_eq!(parse("64 MiB"), Some(64 << 20));
        for text in ["", "MiB", "0MiB", "5GiB", "1KiB", "-1MiB", "1.5GiB", "512"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_rate_and_a_quota_have_bounds_of_their_own() {
        assert_eq!(
            (parse_rate("50KiB"), parse_rate("512"), parse_rate("0KiB")),
            (Some(50 << 10), None, None)
        );
        assert_eq!(
            (parse_quota("2TiB"), parse_quota("1KiB"), parse_quota("2000TiB")),
            (Some(2 << 40), None, None)
        );
        assert_eq!([50 << 10, 2 << 40].map(to_words), ["50KiB", "2TiB"]);
    }
}
