//! When the next exchange is due. Pure: moments and what was seen in, a moment out.
//!
//! An exchange is due every so often, soon after edits, soon after word that something waits at the other end, and at once when
//! the centre can be reached again. One that failed is tried again, later each time; nobody ever has to reset anything.

use std::time::{Duration, Instant};

/// So long after the first edit an exchange begins: a person who saves a form makes several.
const SETTLE: Duration = Duration::from_secs(2);
/// How soon a failure is tried again; twice as long each time.
const RETRY: Duration = Duration::from_secs(5);
/// How long at most, whatever stands in the way: a database that starts anew is back in a minute.
const RETRY_MAX: Duration = Duration::from_secs(300);
/// How long at most, while the centre cannot be reached: it may be back any moment, and asking costs nothing.
const RETRY_AWAY_MAX: Duration = Duration::from_secs(60);

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything that could go has gone.
    Done,
    /// The centre could not be reached, or the line broke.
    Away,
    /// Another packmule is at work here.
    Busy,
    /// Something else stood in the way.
    Failed,
}

/// When the next exchange is due.
#[derive(Debug)]
pub struct Schedule {
    every: Duration,
    /// From 0 up to 1: the part of the waiting time by which this site differs from others, so that two hundred labs do not come at once.
    spread: f64,
    due: Instant,
    failures: u32,
    is_away: bool,
}

impl Schedule {
    /// Due at once, and then every so often.
    pub fn new(every: Duration, spread: f64, now: Instant) -> Self {
        Schedule { every, spread: spread.clamp(0.0, 1.0), due: now, failures: 0, is_away: false }
    }

    /// When the next exchange is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Whether the last exchange could not reach the centre.
    pub fn is_away(&self) -> bool {
        self.is_away
    }

    /// Edits were seen here that nobody was sent.
    pub fn edits(&mut self, now: Instant) {
        if self.failures == 0 {
            self.sooner(now + SETTLE);
        }
    }

    /// Something waits at the other end.
    pub fn mail(&mut self, now: Instant) {
        if self.failures == 0 {
            self.sooner(now);
        }
    }

    /// The centre can be reached again.
    pub fn line_is_back(&mut self, now: Instant) {
        (self.is_away, self.failures) = (false, 0);
        self.sooner(now);
    }

    /// An exchange has ended.
    pub fn ended(&mut self, ended: Ended, now: Instant) {
        self.is_away = ended == Ended::Away;
        self.due = match ended {
            Ended::Done => {
                self.failures = 0;
                now + self.spread_out(self.every)
            }
            // Whoever it is will be done soon, and that is no failure.
            Ended::Busy => now + RETRY,
            Ended::Away => now + self.back_off(RETRY_AWAY_MAX.min(self.every)),
            Ended::Failed => now + self.back_off(RETRY_MAX.min(self.every)),
        };
    }

    fn back_off(&mut self, longest: Duration) -> Duration {
        let wait = RETRY.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.spread_out(wait)
    }

    /// From three quarters of the time up to all of it.
    fn spread_out(&self, wait: Duration) -> Duration {
        wait.mul_f64(0.75 + 0.25 * self.spread)
    }

    fn sooner(&mut self, moment: Instant) {
        self.due = self.due.min(moment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

    fn started() -> (Schedule, Instant) {
        let now = Instant::now();
        let mut schedule = Schedule::new(HALF_AN_HOUR, 1.0, now);
        assert_eq!(schedule.due(), now);
        schedule.ended(Ended::Done, now);
        (schedule, now)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_edits_an_exchange_comes_every_so_often_and_not_everywhere_at_once() {
        let (schedule, now) = started();
        assert_eq!(schedule.due(), now + HALF_AN_HOUR);
        let mut other = Schedule::new(HALF_AN_HOUR, 0.0, now);
        other.ended(Ended::Done, now);
        assert_eq!(other.due(), now + HALF_AN_HOUR.mul_f64(0.75));
    }

    #[test]
    fn edits_are_sent_soon_after_the_first() {
        let (mut schedule, now) = started();
        schedule.edits(now + seconds(10));
        assert_eq!(schedule.due(), now + seconds(12));
        // The moment only comes nearer: somebody who looks every second does not push it away.
        schedule.edits(now + seconds(11));
        assert_eq!(schedule.due(), now + seconds(12));
        schedule.ended(Ended::Done, now + seconds(13));
        schedule.edits(now + seconds(14));
        assert_eq!(schedule.due(), now + seconds(16));
    }

    #[test]
    fn a_centre_that_is_away_is_asked_again_soon_then_less_often_and_its_return_counts_at_once() {
        let (mut schedule, now) = started();
        let mut waits = Vec::new();
        for _ in 0..6 {
            schedule.ended(Ended::Away, now);
            assert!(schedule.is_away());
            waits.push((schedule.due() - now).as_secs());
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
        // Edits meanwhile do not make it ask more often.
        schedule.edits(now);
        assert_eq!(schedule.due(), now + seconds(60));
        schedule.line_is_back(now + seconds(3));
        assert_eq!((schedule.due(), schedule.is_away()), (now + seconds(3), false));
        schedule.ended(Ended::Away, now);
        assert_eq!(schedule.due(), now + seconds(5));
    }

    #[test]
    fn what_fails_for_another_reason_is_tried_less_and_less_often_and_never_given_up() {
        let (mut schedule, now) = started();
        for _ in 0..100 {
            schedule.ended(Ended::Failed, now);
        }
        assert_eq!(schedule.due(), now + seconds(300));
        schedule.ended(Ended::Done, now);
        schedule.ended(Ended::Failed, now);
        assert_eq!(schedule.due(), now + seconds(5));
    }

    #[test]
    fn another_packmule_at_work_is_waited_for_and_is_no_failure() {
        let (mut schedule, now) = started();
        schedule.ended(Ended::Failed, now);
        for _ in 0..3 {
            schedule.ended(Ended::Busy, now);
            assert_eq!(schedule.due(), now + seconds(5));
        }
        let (mut schedule, now) = started();
        schedule.mail(now + seconds(1));
        assert_eq!(schedule.due(), now + seconds(1));
    }
}
