//! Times in payload lines: always `2026-11-08T16:40:00.123456Z`, 27 characters, years 0000 to 9999.
//!
//! The same text as a [`Stamp`] displays. Written and read by hand: a bundle has one for each change, and
//! a general date library would take longer for it than for all the rest of the line.

use crate::model::Stamp;

/// Appends the text of `stamp`. A stamp outside the years 0 to 9999, which no column can hold, becomes
/// the nearest one inside: a wild clock must not make a bundle that nobody can read.
pub(crate) fn write_stamp(out: &mut Vec<u8>, stamp: Stamp) {
    let micros = stamp.micros().clamp(FIRST, LAST);
    let (days, rest) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let (year, month, day) = date_of(days);
    digits(out, year, 4);
    out.push(b'-');
    digits(out, month, 2);
    out.push(b'-');
    digits(out, day, 2);
    out.push(b'T');
    digits(out, rest / HOUR, 2);
    out.push(b':');
    digits(out, rest / MINUTE % 60, 2);
    out.push(b':');
    digits(out, rest / SECOND % 60, 2);
    out.push(b'.');
    digits(out, rest % SECOND, 6);
    out.push(b'Z');
}

/// Reads the text that [`write_stamp`] writes. `None` for any other, a day that does not exist included.
pub(crate) fn read_stamp(text: &str) -> Option<Stamp> {
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')];
    if bytes.len() != 27 || marks.iter().any(|&(at, mark)| bytes.get(at) != Some(&mark)) {
        return None;
    }
    let field = |from: usize, to: usize| {
        bytes.get(from..to)?.iter().try_fold(0_i64, |sum, digit| match digit {
            b'0'..=b'9' => Some(sum * 10 + i64::from(digit - b'0')),
            _ => None,
        })
    };
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second, micros) = (field(11, 13)?, field(14, 16)?, field(17, 19)?, field(20, 26)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_of(year, month, day);
    // 31 April would count on into May; the way back shows it.
    if date_of(days) != (year, month, day) {
        return None;
    }
    Some(Stamp::from_micros(days * DAY + hour * HOUR + minute * MINUTE + second * SECOND + micros))
}

fn digits(out: &mut Vec<u8>, number: i64, width: u32) {
    let mut divisor = 10_i64.pow(width - 1);
    while divisor > 0 {
        out.push(b'0' + (number / divisor % 10) as u8);
        divisor /= 10;
    }
}

/// The civil date of a day counted from 1970-01-01. Years run from March, so that leap days come last.
fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + DAYS_TO_1970;
    let (era, day_of_era) = (shifted.div_euclid(DAYS_OF_ERA), shifted.rem_euclid(DAYS_OF_ERA));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// The inverse of [`date_of`].
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_OF_ERA + day_of_era - DAYS_TO_1970
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Days of 400 years.
const DAYS_OF_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;
/// 0000-01-01T00:00:00.000000Z.
const FIRST: i64 = -719_528 * DAY;
/// 9999-12-31T23:59:59.999999Z.
const LAST: i64 = 2_932_897 * DAY - 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(stamp: Stamp) -> String {
        let mut out = Vec::new();
        write_stamp(&mut out, stamp);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_time_has_the_text_that_a_stamp_displays_and_is_read_back() {
        let mut random = fastrand::Rng::with_seed(7);
        let some = (0..20_000).map(|_| random.i64(FIRST..=LAST));
        for micros in some.chain([FIRST, -1, 0, 1, LAST, 951_782_400_000_000]) {
            let stamp = Stamp::from_micros(micros);
            assert_eq!(text(stamp), stamp.to_string());
            assert_eq!(read_stamp(&text(stamp)), Some(stamp));
        }
    }

    #[test]
    fn a_wild_clock_gives_the_nearest_time_that_can_be_read() {
        assert_eq!(text(Stamp::from_micros(i64::MIN)), "0000-01-01T00:00:00.000000Z");
        assert_eq!(text(Stamp::from_micros(i64::MAX)), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn a_time_with_any_other_spelling_is_refused() {
        for text in [
            "2026-11-08T16:40:00.123456",
            "2026-11-08T16:40:00.12345Z",
            "2026-11-08 16:40:00.123456Z",
            "2026-02-29T16:40:00.123456Z",
            "2026-00-08T16:40:00.123456Z",
            "2026-11-31T16:40:00.123456Z",
            "2026-11-08T24:40:00.123456Z",
            "2026-11-08T16:40:60.123456Z",
            "+026-11-08T16:40:00.123456Z",
            "2026-11-08T16:40:00.12345\u{e9}",
        ] {
            assert_eq!(read_stamp(text), None, "{text:?}");
        }
    }
}
