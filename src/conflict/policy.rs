//! Which of two edits was the later one, as far as clocks can tell. Pure.

use crate::model::{Site, Stamp};

/// What is known of when a row was edited at the centre, and what time it is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The centre's last edit of the row, or, where the log does not know it, since when the log knows all edits.
    pub central: Stamp,
    /// Whether `central` is the time of an edit.
    pub is_edit: bool,
    /// Now, at the centre.
    pub now: Stamp,
    /// When the lab sealed its bundle before this one: what is in this one was edited later. `None`: nobody knows.
    pub sealed_before: Option<Stamp>,
}

/// Whose edit was the later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// The lab's.
    Lab,
    /// The centre's.
    Central,
    /// Nobody can say, and a person has to look.
    Review {
        /// Why no rule can say.
        why: String,
    },
}

/// Whether a clock has fallen back: it dates an edit clearly before the bundle that was sealed before the edit was made.
///
/// A transaction may have been open while that bundle was sealed, so an hour is allowed.
pub fn has_fallen_back(edit: Stamp, sealed_before: Option<Stamp>) -> bool {
    const ALLOWED_MICROS: i64 = 3_600_000_000;
    let floor = sealed_before.map(|sealed| sealed.micros().saturating_sub(ALLOWED_MICROS));
    edit != Stamp::UNKNOWN && floor.is_some_and(|floor| edit.micros() < floor)
}

/// The later edit wins; at the same microsecond, the site whose name comes later in the alphabet.
///
/// A time ahead of the centre's clock is no time: it would win for ever. Nor is one of a clock that has fallen back: it would
/// lose for ever. Rows that were there before packmule have no time at all. And where nobody knows when the centre's row was
/// edited, a lab's edit that is older than the log might have been first or last.
pub(super) fn decide_by_last_edit(lab: &Site, lab_time: Stamp, central: &Site, clock: Clock) -> Decision {
    let unknown = |site: &Site| Decision::Review {
        why: format!(
            "nobody knows when {site} edited this row: it was there before packmule, or the clock was wrong"
        ),
    };
    if lab_time == Stamp::UNKNOWN {
        return unknown(lab);
    }
    if clock.is_edit && clock.central == Stamp::UNKNOWN {
        return unknown(central);
    }
    if lab_time > clock.now {
        let (lab_words, now) = (lab_time.to_words(), clock.now.to_words());
        return Decision::Review {
            why: format!("{lab}'s clock is ahead: it dates the edit {lab_words} UTC, and it is {now} here"),
        };
    }
    if has_fallen_back(lab_time, clock.sealed_before) {
        let (edited, sealed) =
            (lab_time.to_words(), clock.sealed_before.map(Stamp::to_words).unwrap_or_default());
        return Decision::Review {
            why: format!(
                "{lab}'s clock has fallen back: it dates the edit {edited} UTC, and the bundle before it was sealed {sealed}"
            ),
        };
    }
    if clock.central > clock.now {
        let (edited, now) = (clock.central.to_words(), clock.now.to_words());
        return Decision::Review {
            why: format!(
                "the row here is dated {edited} UTC by a clock that was ahead, and it is {now} here"
            ),
        };
    }
    if !clock.is_edit && lab_time <= clock.central {
        return Decision::Review {
            why: format!(
                "edits here are logged since {} UTC only, and {lab}'s is older",
                clock.central.to_words()
            ),
        };
    }
    if (lab_time, lab) > (clock.central, central) { Decision::Lab } else { Decision::Central }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(lab_time: i64, central: i64, is_edit: bool) -> Decision {
        let clock = Clock {
            central: Stamp::from_micros(central),
            is_edit,
            now: Stamp::from_micros(1000),
            sealed_before: None,
        };
        let site = |name: &str| name.parse::<Site>().unwrap();
        decide_by_last_edit(&site("lab-a"), Stamp::from_micros(lab_time), &site("central"), clock)
    }

    #[test]
    fn the_later_edit_wins() {
        assert_eq!(decide(20, 10, true), Decision::Lab);
        assert_eq!(decide(10, 20, true), Decision::Central);
        assert_eq!(decide(10, 10, true), Decision::Lab);
    }

    #[test]
    fn a_clock_that_is_ahead_never_wins_by_time() {
        assert!(matches!(decide(1001, 10, true), Decision::Review { .. }));
        assert!(matches!(decide(10, 1001, true), Decision::Review { .. }));
    }

    #[test]
    fn a_row_that_was_there_before_packmule_is_for_a_person() {
        let unknown = Stamp::UNKNOWN.micros();
        let why = |site| Decision::Review {
            why: format!(
                "nobody knows when {site} edited this row: it was there before packmule, or the clock was wrong"
            ),
        };
        for (central, is_edit) in [(20, true), (20, false), (unknown, true), (1001, true)] {
            assert_eq!(decide(unknown, central, is_edit), why("lab-a"));
        }
        assert_eq!(decide(20, unknown, true), why("central"));
        // Without a log row, the centre's time is since when the log knows all edits, whatever it is.
        assert_eq!(decide(20, unknown, false), Decision::Lab);
    }

    #[test]
    fn an_edit_older_than_the_log_is_for_a_person() {
        assert!(matches!(decide(10, 20, false), Decision::Review { .. }));
        assert_eq!(decide(30, 20, false), Decision::Lab);
    }

    #[test]
    fn a_clock_that_fell_back_loses_nothing() {
        const HOUR: i64 = 3_600_000_000;
        let sealed = Stamp::from_micros(50 * HOUR);
        let clock = |sealed_before| Clock {
            central: Stamp::from_micros(48 * HOUR),
            is_edit: true,
            now: Stamp::from_micros(60 * HOUR),
            sealed_before,
        };
        let decide = |hours: i64, sealed_before| {
            let (lab, central) = ("lab-a".parse().unwrap(), "central".parse().unwrap());
            decide_by_last_edit(&lab, Stamp::from_micros(hours * HOUR), &central, clock(sealed_before))
        };
        assert!(
            matches!(decide(2, Some(sealed)), Decision::Review { why } if why.contains("has fallen back"))
        );
        assert_eq!(decide(2, None), Decision::Central);
        // A transaction that was open while the bundle before was sealed.
        assert_eq!(decide(49, Some(sealed)), Decision::Lab);
        assert!(!has_fallen_back(Stamp::UNKNOWN, Some(sealed)));
    }
}
