//! Who wins. Pure; of the policies only last-edit-wins is here yet.

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
}

/// Whose row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The lab's.
    Lab,
    /// The centre's.
    Central,
    /// The centre's, until a person has looked.
    Review {
        /// Why no rule can say.
        why: String,
    },
}

/// The later edit wins; at the same microsecond, the site whose name comes later in the alphabet.
///
/// A time ahead of the centre's clock is no time: it would win for ever. Rows that were there before packmule have no
/// time at all. And where nobody knows when the centre's row was edited, a lab's edit that is older than the log might
/// have been first or last.
pub fn decide_by_last_edit(lab: &Site, lab_time: Stamp, central: &Site, clock: Clock) -> Decision {
    let unknown = |site: &Site| Decision::Review {
        why: format!("nobody knows when {site} edited this row: it was there before packmule"),
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
        let clock = Clock { central: Stamp::from_micros(central), is_edit, now: Stamp::from_micros(1000) };
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
            why: format!("nobody knows when {site} edited this row: it was there before packmule"),
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
}
