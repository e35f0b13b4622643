//! No more than so many bytes a second, on average.

use std::time::{Duration, Instant};

/// How fast bytes may go over a line, and in what pieces.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    rate: Option<u64>,
    begun: Option<Instant>,
    bytes: u64,
}

impl Pace {
    /// At most `rate` bytes a second; `None`: as fast as the line goes.
    pub fn new(rate: Option<u64>) -> Self {
        Pace { rate, begun: None, bytes: 0 }
    }

    /// How large the parts of a bundle are made: what is lost when a line breaks is one part, and a part that waits for
    /// nothing goes over the line at once.
    pub fn part_bytes(&self) -> u32 {
        const LARGEST: u64 = 256 << 10;
        const SMALLEST: u64 = 16 << 10;
        const SECONDS: u64 = 2;
        let bytes = self.rate.map_or(LARGEST, |rate| rate.saturating_mul(SECONDS).clamp(SMALLEST, LARGEST));
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// So many bytes have gone over the line: waits until that is no more than the rate allows.
    pub fn passed(&mut self, bytes: u64) {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        self.bytes += bytes;
        if let Some(pause) = self.pause(begun.elapsed()) {
            std::thread::sleep(pause);
        }
    }

    fn pause(&self, elapsed: Duration) -> Option<Duration> {
        let rate = self.rate.filter(|rate| *rate > 0)?;
        let due = Duration::from_secs_f64(self.bytes as f64 / rate as f64);
        due.checked_sub(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ahead_of_the_rate_waits_and_what_is_behind_does_not() {
        let pace = |bytes| Pace { bytes, ..Pace::new(Some(50 << 10)) };
        assert_eq!(pace(100 << 10).pause(Duration::from_secs(1)), Some(Duration::from_secs(1)));
        assert_eq!(pace(100 << 10).pause(Duration::from_secs(3)), None);
        assert_eq!(Pace { bytes: 1 << 30, ..Pace::new(None) }.pause(Duration::ZERO), None);
    }

    #[test]
    fn a_slow_line_has_small_parts() {
        assert_eq!(Pace::new(None).part_bytes(), 256 << 10);
        assert_eq!(Pace::new(Some(50 << 10)).part_bytes(), 100 << 10);
        assert_eq!(Pace::new(Some(1)).part_bytes(), 16 << 10);
        assert_eq!(Pace::new(Some(u64::MAX / 2)).part_bytes(), 256 << 10);
    }
}
