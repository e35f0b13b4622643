//! A size as people write it: `64MiB`, `2GiB`.

/// From which size on a seal goes on in a next bundle, in bytes, where the settings do not say it: a cheap stick
/// copies so much in a few minutes, and what a pulled stick costs is one bundle.
pub(super) const BUNDLE_BYTES_DEFAULT: u64 = 512 << 20;

/// Reads `64MiB` or `2GiB`: from 1 MiB to 4 GiB, the most that FAT32 can hold. `None` for anything else.
pub(super) fn parse(text: &str) -> Option<u64> {
    let (number, unit) = [("MiB", 1 << 20), ("GiB", 1 << 30)]
        .iter()
        .find_map(|(word, unit)| text.strip_suffix(word).map(|number| (number.trim_end(), *unit)))?;
    if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let total = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (1 << 20..=4 << 30).contains(&total).then_some(total)
}

/// Writes it in the largest unit that needs no fraction.
pub(super) fn to_words(size_bytes: u64) -> String {
    match size_bytes.is_multiple_of(1 << 30) {
        true => format!("{}GiB", size_bytes >> 30),
        false => format!("{}MiB", size_bytes >> 20),
    }
}

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
}
