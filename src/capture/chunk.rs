//! How many rows are read at a time, so that memory stays flat whether a row has 20 bytes or 20 MB. Pure.

/// Sizes the next chunk from how large the rows of the last one were.
#[derive(Debug)]
pub(crate) struct ChunkSize {
    rows: usize,
}

impl ChunkSize {
    pub(crate) fn first() -> Self {
        ChunkSize { rows: 32 }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Learns from a chunk that has been read.
    pub(crate) fn learn(&mut self, rows: usize, size_bytes: usize) {
        const ROWS_MAX: usize = 1000;
        const SIZE_BYTES: usize = 2 << 20;
        if let Some(row_bytes) = size_bytes.checked_div(rows) {
            let fits = SIZE_BYTES / row_bytes.max(1);
            // not more than eight times as many at once: the next rows may be larger
            self.rows = fits.clamp(1, (self.rows * 8).min(ROWS_MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_rows_are_read_by_the_thousand_and_huge_ones_one_by_one() {
        let mut size = ChunkSize::first();
        size.learn(32, 32 * 100);
        assert_eq!(size.rows(), 256);
        size.learn(256, 256 * 100);
        assert_eq!(size.rows(), 1000);
        size.learn(1000, 1000 * (10 << 20));
        assert_eq!(size.rows(), 1);
    }
}
