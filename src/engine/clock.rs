//! How far a lab's clock is from the centre's: asked at each contact, kept, and told in each bundle.
//!
//! Edits are dated by the clock of the database that they were made in, so that is the clock which is compared.

use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::ledger::{self, ClockState};
use crate::model::{Role, Stamp};

/// How often the centre is asked at most; the quickest answer counts.
const QUESTIONS_MAX: u32 = 3;
/// An answer as good as this will do.
const GOOD_MICROS: i64 = 100_000;

/// Asks the centre what time it is.
pub(super) type CentralClock<'a> = dyn FnMut() -> Result<Stamp, Error> + 'a;

/// Compares this lab's clock with the centre's, and remembers what came out.
///
/// A difference that the way of the question alone can explain counts as none.
pub(super) fn measure_clock(
    home: &mut Home<'_>,
    central: &mut CentralClock<'_>,
) -> Result<ClockState, Error> {
    let mut best = ask(home, central)?;
    for _ in 1..QUESTIONS_MAX {
        if best.error_micros <= GOOD_MICROS {
            break;
        }
        let next = ask(home, central)?;
        if next.error_micros < best.error_micros {
            best = next;
        }
    }
    if best.ahead_micros.abs() <= best.error_micros {
        best.ahead_micros = 0;
    }
    ledger::remember_clock(&mut home.session, best)?;
    Ok(best)
}

fn ask(home: &mut Home<'_>, central: &mut CentralClock<'_>) -> Result<ClockState, Error> {
    let before = home.session.utc_now()?;
    let there = central()?;
    let after = home.session.utc_now()?;
    Ok(compare(before, there, after))
}

/// The centre's answer was given at some moment between the two.
fn compare(before: Stamp, there: Stamp, after: Stamp) -> ClockState {
    let error_micros = (after.micros() - before.micros()).max(0) / 2;
    ClockState {
        ahead_micros: before.micros() + error_micros - there.micros(),
        error_micros,
        measured_at: after,
    }
}

/// How far the times that this site logs are ahead of the centre's, in milliseconds; `None` where nobody knows.
///
/// A clock that is behind the moment when it was compared was put back since: nothing is known of it any more.
pub(super) fn clock_ahead_ms(home: &mut Home<'_>) -> Result<Option<i64>, Error> {
    if home.here.role == Role::Central {
        return Ok(None);
    }
    let now = home.session.utc_now()?;
    let clock = ledger::load_clock(&mut home.session)?.filter(|clock| clock.measured_at <= now);
    Ok(clock.map(|clock| clock.ahead_micros / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_question() {
        let at = |seconds: i64| Stamp::from_micros(seconds * 1_000_000);
        let clock = compare(at(7200), at(1), at(7204));
        assert_eq!((clock.ahead_micros, clock.error_micros), (7_201_000_000, 2_000_000));
        let behind = compare(at(10), at(3610), at(10));
        assert_eq!((behind.ahead_micros, behind.error_micros), (-3_600_000_000, 0));
        // A clock that jumped while the question was under way.
        assert_eq!(compare(at(10), at(10), at(5)).error_micros, 0);
    }
}
