//! Numbers and foreign text as people should see them, and objects as programs should.

use serde_json::Value;

/// Writes a number with a space between groups of three digits: `1 284`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Writes the size of a bundle: `96 KiB`, `1.4 MiB`.
pub fn size(bytes: u64) -> String {
    in_units(bytes, 1024, &["bytes", "KiB", "MiB", "GiB", "TiB"])
}

/// Writes the room on a disk or stick as it is printed on sticks, in powers of ten: `7.2 GB`.
pub fn disk_size(bytes: u64) -> String {
    in_units(bytes, 1000, &["bytes", "kB", "MB", "GB", "TB"])
}

/// Writes a percentage that says 0 and 100 only when it is nothing and all.
pub(crate) fn percent(done: u64, total: u64) -> u64 {
    match (done, total) {
        (_, 0) => 100,
        (0, _) => 0,
        (done, total) if done >= total => 100,
        (done, total) => ((u128::from(done) * 100 / u128::from(total)) as u64).clamp(1, 99),
    }
}

/// Makes text from outside harmless: what would move the cursor, hide or turn other text round is written out.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        // Marks that reorder or hide what is on the screen, beside the control characters proper.
        let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || hides {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Writes an object for a program on one line, its `format` first: whoever looks at it should see that first.
pub(crate) fn object(format: &str, value: Value) -> String {
    // `serde_json` sorts the names, so the format is put in by hand.
    let rest = value.to_string();
    let format = Value::from(format);
    match rest.strip_prefix('{') {
        Some("}") => format!("{{\"format\":{format}}}"),
        Some(rest) => format!("{{\"format\":{format},{rest}"),
        None => format!("{{\"format\":{format},\"value\":{rest}}}"),
    }
}

fn in_units(bytes: u64, step: u64, units: &[&str]) -> String {
    let mut unit = 0;
    let mut scale = 1;
    // Half a digit early: 1023.9 KiB would otherwise be written as 1024 KiB.
    while unit + 1 < units.len() && bytes >= scale * step - scale / 2 {
        scale *= step;
        unit += 1;
    }
    let unit_name = if bytes == 1 { "byte" } else { units[unit] };
    let tenths = (u128::from(bytes) * 10 + u128::from(scale) / 2) / u128::from(scale);
    if unit == 0 || tenths >= 100 || tenths.is_multiple_of(10) {
        let whole = (u128::from(bytes) + u128::from(scale) / 2) / u128::from(scale);
        format!("{} {unit_name}", count(whole as u64))
    } else {
        format!("{}.{} {unit_name}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1284, "1 284"), (1_000_000, "1 000 000")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(count(u64::MAX), "18 446 744 073 709 551 615");
    }

    #[test]
    fn sizes_have_two_digits_that_matter() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1024, "1 KiB"),
            (98_304, "96 KiB"),
            (1_468_006, "1.4 MiB"),
            (1_048_575, "1 MiB"),
            (536_870_912, "512 MiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(disk_size(7_200_000_000), "7.2 GB");
        assert_eq!(disk_size(31_900_000_000), "32 GB");
        assert!(size(u64::MAX).ends_with("TiB"));
    }

    #[test]
    fn a_percentage_is_whole_only_at_the_end() {
        assert_eq!((percent(0, 10), percent(999, 1000), percent(1, 1000), percent(10, 10)), (0, 99, 1, 100));
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
    }

    #[test]
    fn the_format_of_an_object_stands_first() {
        let value = serde_json::json!({"a": 1});
        assert_eq!(object("packmule.keys.v1", value), "{\"format\":\"packmule.keys.v1\",\"a\":1}");
        assert_eq!(object("x", serde_json::json!({})), "{\"format\":\"x\"}");
        assert_eq!(object("x", serde_json::json!([1])), "{\"format\":\"x\",\"value\":[1]}");
    }

    #[test]
    fn foreign_text_cannot_move_the_cursor() {
        assert_eq!(escape("a\x1b[2Jb\r\n\u{202e}c"), "a\\u{1b}[2Jb\\r\\n\\u{202e}c");
        assert_eq!(escape("Kĩambu 1"), "Kĩambu 1");
    }
}
